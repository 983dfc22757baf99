"""Single fire times that do not run as their trigger says (rules O1 to O6)."""

from __future__ import annotations

from datetime import datetime

import attrs

from anysched.model import convert

#: Rule O1: a schedule has no more named fire times than this at once.
MOST_OCCURRENCES = 100


@attrs.frozen(kw_only=True)
class Occurrence:
    """A fire time that somebody has skipped or moved.

    :ivar fire_time: the fire time, as the trigger says it
    :ivar moved_to: when it runs instead; None if it does not run
    :ivar reason: free text
    :ivar by: who asked for it
    :ivar settled: whether it was dealt with before its fire time came: it has run, or it was dropped as late
    """

    fire_time: datetime
    moved_to: datetime | None = None
    reason: str | None = attrs.field(default=None, converter=convert.reason)
    by: str | None = attrs.field(default=None, converter=convert.by)
    settled: bool = False

    @property
    def waits_for(self) -> datetime | None:
        """When it runs; None if it does not, or has."""
        return None if self.settled else self.moved_to

    def wakes_at(self, cursor: datetime | None) -> datetime | None:
        """Return when there is something to decide about it, while the schedule stands at a fire time (rule S5).

        One that does not run is forgotten at its fire time, when the schedule has passed it.
        """
        if (moved_to := self.waits_for) is not None:
            return moved_to
        return self.fire_time if cursor is None or self.fire_time < cursor else None
