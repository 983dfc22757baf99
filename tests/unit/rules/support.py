"""Tiny triggers and short ways to write a schedule, shared by the tests of the rules."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs

from anysched.model.change import Change
from anysched.model.options import EffectiveOptions
from anysched.model.pause import Pause
from anysched.model.policies import ConflictPolicy, SkipReason
from anysched.model.schedule import Schedule
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.state import ScheduleState
from anysched.model.task import TaskDefaults
from anysched.model.trigger import Trigger
from anysched.rules.adding import add
from anysched.rules.options import effective_options

T0 = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
YEAR = timedelta(days=365)


def at(seconds: float) -> datetime:
    """Return an instant, in seconds after T0."""
    return T0 + timedelta(seconds=seconds)


def since(instant: datetime | None) -> float | None:
    """Return an instant as ``at`` takes it."""
    return None if instant is None else (instant - T0) / SECOND


@attrs.frozen
class Every:
    """Fires at its start, or the anchor, and each step from there; counts how often it is asked."""

    step: timedelta = SECOND
    start: datetime | None = None
    end: datetime | None = None
    asked: list[datetime] = attrs.field(factory=list, eq=False, repr=False)

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        self.asked.append(after)
        start = self.start or anchor
        try:
            found = start if after < start else start + ((after - start) // self.step + 1) * self.step
        except OverflowError:
            return None
        return None if self.end is not None and found > self.end else found


@attrs.frozen
class FastEvery(Every):
    """The same, with answers to everything that a trigger may offer."""

    def last_fire_time(self, until: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        start = self.start or anchor
        last = until if self.end is None else min(until, self.end)
        return None if last < start else start + (last - start) // self.step * self.step

    def count_fire_times(self, after: datetime, until: datetime, *, anchor: datetime, key: str = "") -> int:
        start = self.start or anchor
        last = until if self.end is None else min(until, self.end)
        return max(0, (last - start) // self.step - max((after - start) // self.step, -1))


@attrs.frozen
class Instants:
    """Fires at a list of instants; ``late_when_past`` makes it one that is due at once when it is past."""

    instants: tuple[datetime, ...] = attrs.field(converter=lambda instants: tuple(sorted(set(instants))))
    late_when_past: bool = False
    asked: list[datetime] = attrs.field(factory=list, eq=False, repr=False)

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        self.asked.append(after)
        index = bisect_right(self.instants, after)
        return self.instants[index] if index < len(self.instants) else None


@attrs.frozen
class FastInstants(Instants):
    """The same, with answers to everything that a trigger may offer."""

    def last_fire_time(self, until: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        index = bisect_right(self.instants, until)
        return self.instants[index - 1] if index else None

    def count_fire_times(self, after: datetime, until: datetime, *, anchor: datetime, key: str = "") -> int:
        return bisect_right(self.instants, until) - bisect_right(self.instants, after)


def once(instant: datetime) -> Instants:
    """Return a trigger that fires once, as a date does."""
    return Instants((instant,), late_when_past=True)


@attrs.frozen
class Saying:
    """Answers with whatever a function makes of the instant it is asked about."""

    answer: Callable[[datetime], Any]

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        found: datetime | None = self.answer(after)
        return found


def same(one: Trigger, other: Trigger) -> bool:
    return one == other


def added(trigger: Trigger, now: datetime = T0, **settings: Any) -> ScheduleSnapshot:
    """Return a schedule as it is after it was added."""
    schedule = Schedule("task", trigger, id="x", **settings)
    change = add(schedule, None, now, ConflictPolicy.do_nothing, same)
    assert change.state is not None
    return ScheduleSnapshot(schedule, change.state)


def options_of(snapshot: ScheduleSnapshot) -> EffectiveOptions:
    return effective_options(snapshot.schedule, None, TaskDefaults())


def after(snapshot: ScheduleSnapshot, change: Change) -> ScheduleSnapshot:
    """Return a schedule as it is once a change was written."""
    return attrs.evolve(
        snapshot, schedule=change.schedule or snapshot.schedule, state=change.state or snapshot.state
    )


def paused(snapshot: ScheduleSnapshot, since: datetime = T0, **pause: Any) -> ScheduleSnapshot:
    """Return a schedule with a pause."""
    state = attrs.evolve(snapshot.state, pauses=(Pause(since=since, **pause),))
    return attrs.evolve(snapshot, state=state)


def state_of(change: Change) -> ScheduleState:
    assert change.state is not None
    return change.state


def fired(change: Change) -> list[float | None]:
    """Return the fire times that got a job, in seconds after T0."""
    return [since(job.scheduled_fire_time) for job in change.jobs]


def skips(change: Change) -> dict[SkipReason, int]:
    """Return how many fire times were skipped in all, by reason."""
    return dict(state_of(change).skipped)
