"""Schedules that wait for jobs which are gone, though nobody told them of their ends (rule S9).

A node whose tables have become too new for it ends jobs and writes no schedule, and rows may be lost by hand.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from anysched.rules.waiting import lost
from anysched.stores.sql.changes import Changes, Decided
from anysched.stores.sql.jobs import Jobs
from anysched.stores.sql.schedules import Schedules, StoredSchedule


class Waits:
    """Finds such schedules and lets them go on, on the connection of a transaction."""

    def __init__(self, schedules: Schedules, jobs: Jobs, changes: Changes) -> None:
        self._schedules = schedules
        self._jobs = jobs
        self._changes = changes

    def lost(self, connection: sa.Connection) -> list[str]:
        """Return the ids of schedules that seem to wait for jobs which are gone; locks nothing."""
        waits = self._schedules.waits(connection)
        existing = self._jobs.existing(connection, (job for jobs in waits.values() for job in jobs))
        return [key for key, jobs in waits.items() if not existing.issuperset(jobs)]

    def end(self, connection: sa.Connection, ids: Collection[str], present: datetime) -> None:
        """Let those of these schedules go on that do wait for jobs which are gone.

        Whoever ends a job that is waited for has its schedule locked as well, so what is missing now is gone for good.
        """
        stored = self._schedules.unlocked(connection, ids)
        existing = self._jobs.existing(connection, _jobs_of(stored.values()))
        decided: list[Decided] = []
        for _, one in sorted(stored.items()):
            change = lost(one.snapshot, existing, present)
            if change.state is not None:
                decided.append(Decided(one, change))
        if decided:
            self._changes.write(connection, decided, present)


def _jobs_of(stored: Iterable[StoredSchedule]) -> Iterable[UUID]:
    return (job for one in stored for job in one.snapshot.waits_for)
