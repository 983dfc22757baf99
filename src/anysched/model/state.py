"""What the scheduler keeps about a schedule."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

import attrs

from anysched.model.backfill import Backfill
from anysched.model.occurrence import Occurrence
from anysched.model.pause import Pause
from anysched.model.policies import ScheduleStatus, SkipReason
from anysched.model.quick import quick
from anysched.model.waiting import Waiting
from anysched.model.window import Window

NOTHING_SKIPPED: Mapping[SkipReason, int] = MappingProxyType({})


def _skipped(value: Mapping[SkipReason, int]) -> Mapping[SkipReason, int]:
    return value if isinstance(value, MappingProxyType) else MappingProxyType(dict(value))


@quick
@attrs.frozen(kw_only=True)
class ScheduleState:
    """What the scheduler keeps about a schedule. Written by the scheduler only.

    :ivar incarnation: made anew by each add of a new schedule (rule S3)
    :ivar revision: grows with every write (rule S4)
    :ivar anchor: the start of a trigger that names none of its own (rule T3)
    :ivar next_fire_time: the cursor; None when the trigger has nothing left, or the schedule waits (rule S9)
    :ivar due_at: the cursor with its jitter (rule T8)
    :ivar last_fire_time: the latest fire time that got a job
    :ivar pauses: what pauses it: its own pause, holds on sets of schedules that it belongs to; empty unless paused
    :ivar error: why the schedule was set aside (rule S2)
    :ivar jobs_made: how many regular jobs were made
    :ivar skipped: how many fire times got no job, by reason (rule L3)
    :ivar skipped_exact: False when a count in ``skipped`` is only a lower bound
    :ivar failures: how many regular jobs in a row have failed; counted with ``pause_after_failures`` (rule B1)
    :ivar occurrences: fire times that were skipped or moved by name, in order; ``next_fire_time`` is none of them
    :ivar windows: the windows that mean the schedule, and those that did not long ago, while fire times that were in
        them are not dealt with (rule W4)
    :ivar windowed_until: up to when, inclusive, fire times in windows are counted as skipped; None without windows
    :ivar backfills: those that are not over, and the latest that are, in the order in which they were asked for
    :ivar waiting: the jobs whose ends it waits for before it has a next fire time (rule S9); None if it does not
    """

    incarnation: UUID
    revision: int
    anchor: datetime
    next_fire_time: datetime | None
    due_at: datetime | None
    last_fire_time: datetime | None = None
    pauses: tuple[Pause, ...] = ()
    error: str | None = None
    jobs_made: int = 0
    skipped: Mapping[SkipReason, int] = attrs.field(default=NOTHING_SKIPPED, converter=_skipped)
    skipped_exact: bool = True
    failures: int = 0
    occurrences: tuple[Occurrence, ...] = ()
    windows: tuple[Window, ...] = ()
    windowed_until: datetime | None = None
    backfills: tuple[Backfill, ...] = ()
    waiting: Waiting | None = None

    @property
    def version(self) -> str:
        """Tells this state from every other that the schedule, or one of the same id, ever had (rule S4)."""
        return f"{self.incarnation.hex}.{self.revision}"

    @property
    def paused(self) -> bool:
        """Whether a pause exists."""
        return bool(self.pauses)

    @property
    def pause(self) -> Pause | None:
        """The pause that ends last, of those without an end the latest: the schedule goes on when, and as, it says.

        None unless paused (rule H3).
        """
        last: Pause | None = None
        for pause in self.pauses:
            if last is None or pause.until is None or (last.until is not None and last.until <= pause.until):
                last = pause
        return last

    def with_pauses(self, pauses: tuple[Pause, ...]) -> ScheduleState:
        """Return the next state, in which only this is different; written out, as very many may be paused at once."""
        return ScheduleState(
            incarnation=self.incarnation,
            revision=self.revision + 1,
            anchor=self.anchor,
            next_fire_time=self.next_fire_time,
            due_at=self.due_at,
            last_fire_time=self.last_fire_time,
            pauses=pauses,
            error=self.error,
            jobs_made=self.jobs_made,
            skipped=self.skipped,
            skipped_exact=self.skipped_exact,
            failures=self.failures,
            occurrences=self.occurrences,
            windows=self.windows,
            windowed_until=self.windowed_until,
            backfills=self.backfills,
            waiting=self.waiting,
        )

    @property
    def status(self) -> ScheduleStatus:
        """The first that holds of error, finished, paused and active (rule S2)."""
        if self.error is not None:
            return ScheduleStatus.error
        if self._has_nothing_left:
            return ScheduleStatus.finished
        return ScheduleStatus.paused if self.pauses else ScheduleStatus.active

    @property
    def wake_at(self) -> datetime | None:
        """The next instant at which there is something to decide: the one definition of "due" (rule S5).

        A schedule whose backfill has a job to make, or whose wait is over, is looked at at once, unless it is set
        aside; otherwise when there is something to decide about its fire times.
        """
        if (
            not (self.pauses or self.occurrences or self.backfills)
            and self.waiting is None
            and self.error is None
        ):
            return self.due_at  # as most are
        if self.waiting is not None and self.waiting.is_over and self.error is None:
            return self.waiting.ended_at
        if self.backfills and self.error is None:
            since = [backfill.since for backfill in self.backfills if backfill.has_room]
            if since:
                return min(since)
        return self.turn_at

    @property
    def turn_at(self) -> datetime | None:
        """The next instant at which there is something to decide about fire times.

        An active schedule is looked at when its fire time, or one that was moved, is due, a paused one when its
        pause ends, any other never; nor is one that waits for the end of a job, unless it is paused.
        """
        if not self.pauses and not self.occurrences and self.waiting is None and self.error is None:
            return self.due_at  # as most are: it is asked for several times at each firing
        if self.error is not None or self._has_nothing_left:
            return None
        if (pause := self.pause) is not None:
            return pause.until
        if self.waiting is not None:
            return None
        return self._first_due() if self.occurrences else self.due_at

    @property
    def _has_nothing_left(self) -> bool:
        return self.next_fire_time is None and not self.occurrences and self.waiting is None

    def _first_due(self) -> datetime | None:
        cursor = self.next_fire_time
        instants = [occurrence.wakes_at(cursor) for occurrence in self.occurrences]
        if cursor is not None:
            instants.append(self.due_at)
        return min((instant for instant in instants if instant is not None), default=None)
