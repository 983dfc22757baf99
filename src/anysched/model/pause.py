"""Why a schedule does not run."""

from __future__ import annotations

from datetime import datetime

import attrs

from anysched.model import convert
from anysched.model.policies import Missed, PauseKind, Queued, ResumeFrom


@attrs.frozen
class Pause:
    """Why a schedule does not run, and how it will go on (rules P2, P10 and H2).

    :ivar since: when it was paused
    :ivar until: from when on it counts as resumed; None for an open end
    :ivar reason: free text
    :ivar by: who paused it
    :ivar queued: what became of the jobs that were queued; some may be held only under "hold"
    :ivar resume_from: where to go on at ``until``
    :ivar missed: what to do then about the fire times that passed
    :ivar hold: the id of the hold that pauses it with others; None for a pause of its own
    :ivar kind: what paused it: a person, maintenance, failures
    """

    since: datetime
    until: datetime | None = None
    reason: str | None = attrs.field(default=None, converter=convert.reason)
    by: str | None = attrs.field(default=None, converter=convert.by)
    queued: Queued = "keep"
    resume_from: ResumeFrom = None
    missed: Missed = "policy"
    hold: str | None = None
    kind: PauseKind = "manual"

    def is_over(self, now: datetime) -> bool:
        """Return whether it has ended by itself (rule P10)."""
        return self.until is not None and self.until <= now
