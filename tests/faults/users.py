"""Who uses the database of a trial without being a node of it."""

from __future__ import annotations

from tests.faults.trial import POLL, Trial

from anysched import Scheduler

#: For how many seconds results of jobs are kept.
KEEP = 3600


def client(trial: Trial) -> Scheduler:
    """Return a scheduler that only asks."""
    return Scheduler(trial.server.url(trial.database), role="client", timezone="UTC", poll_interval=POLL / 10)
