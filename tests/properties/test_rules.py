"""The rules against a model that steps through every fire time, one by one, and keeps every one of them."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import Any, Literal
from unittest.mock import patch

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.rules.support import T0, Every, FastEvery, FastInstants, Instants, same

from anysched.model.change import Change
from anysched.model.hold import PlacedWindow, Selector
from anysched.model.pause import Pause
from anysched.model.policies import (
    CatchUp,
    CoalescePolicy,
    ConflictPolicy,
    Missed,
    ResumeFrom,
    ScheduleStatus,
    SkipReason,
)
from anysched.model.schedule import Schedule
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.task import TaskDefaults
from anysched.model.window import Window
from anysched.rules import occurrences, times, windowing
from anysched.rules.adding import add
from anysched.rules.options import effective_options
from anysched.rules.pausing import pause, settle_and_fire, unpause
from anysched.rules.times import FireTimes

TICK = timedelta(microseconds=1)  # the unit of everything here, so that neighbours touch


#: Rule P5: what words are short for.
WORDS: dict[Missed, Missed] = {"run_once": CatchUp("latest"), "run_all": CatchUp("all")}


def tick(number: int) -> datetime:
    return T0 + number * TICK


@attrs.frozen
class Named:
    """A fire time that was skipped or moved, as the model keeps it."""

    moved_to: datetime | None
    settled: bool = False

    @property
    def waits_for(self) -> datetime | None:
        return None if self.settled else self.moved_to


@attrs.frozen
class Opened:
    """A window that meant the schedule from one instant on, to another."""

    window: Window
    since: datetime
    until: datetime | None = None

    def covers(self, instant: datetime) -> bool:
        window = self.window
        if instant < self.since or (self.until is not None and instant >= self.until):
            return False
        if window.trigger is None:
            return any(start <= instant < end for start, end in window.dates)
        assert window.duration is not None
        after = instant - window.duration
        start = window.trigger.next_fire_time(after, anchor=window.since, key=window.id)
        return start is not None and start <= instant


class Unchecked(windowing.Overlaps):
    """Lets windows overlap, as they do where schedules are added later."""

    def check(self, window: Window, other: Window, now: datetime) -> None:
        pass


#: So many fire times in a row that windows leave out are all that the model looks at: after that nothing is new.
MOST_LEFT_OUT = 400

#: Longer than any history here.
NEVER = T0 + timedelta(days=1)


class Model:
    """What the rules promise, done the long way."""

    def __init__(self, schedule: Schedule, now: datetime) -> None:
        self.schedule = schedule
        self.anchor = now
        self.named: dict[datetime, Named] = {}
        self.windows: list[Opened] = []
        self.counted_to = now - TICK
        self.cursor: datetime | None = next(self.times(schedule.trigger, now, now - TICK), None)
        self.last: datetime | None = None
        self.pause: Pause | None = None
        self.jobs: list[tuple[datetime, datetime, datetime | None]] = []
        self.skipped: Counter[SkipReason] = Counter()
        self.passed = 0

    def clone(self) -> Model:
        other = copy.copy(self)
        other.jobs, other.skipped, other.named = [*self.jobs], Counter(self.skipped), {**self.named}
        other.windows = [*self.windows]
        return other

    @property
    def grace(self) -> timedelta | None:
        return effective_options(self.schedule, None, TaskDefaults()).misfire_grace_time

    def times(self, trigger: Any, anchor: datetime, after: datetime) -> Iterator[datetime]:
        left_out = 0
        while (found := trigger.next_fire_time(after, anchor=anchor, key="x")) is not None:
            if found not in self.named and self.is_open(found, "skip"):
                left_out += 1
                if left_out == MOST_LEFT_OUT:
                    return
            elif found not in self.named:
                left_out = 0
                yield found
            after = found

    def is_open(self, instant: datetime, mode: str | None = None) -> bool:
        """Return whether an instant is in a window, of one kind or of any."""
        return any(one.covers(instant) for one in self.windows if mode in (None, one.window.mode))

    def is_left_out(self, instant: datetime) -> bool:
        return instant not in self.named and self.has(instant) and self.is_open(instant, "skip")

    @property
    def open_windows(self) -> list[Window]:
        return [one.window for one in self.windows if one.until is None]

    def mark(self, now: datetime) -> datetime:
        return now if self.cursor is None or self.cursor > now else self.cursor - TICK

    def count_windows(self, now: datetime, old_anchor: datetime | None = None) -> None:
        """Count what windows have left out by now, or before the cursor; at the old anchor before the new one."""
        until = self.mark(now)
        while self.counted_to < until:
            self.counted_to += TICK
            anchor = self.anchor
            if old_anchor is not None and self.counted_to < self.anchor:
                anchor = old_anchor
            trigger, after = self.schedule.trigger, self.counted_to - TICK
            fires = trigger.next_fire_time(after, anchor=anchor, key="x") == self.counted_to
            if fires and self.counted_to not in self.named and self.is_open(self.counted_to, "skip"):
                self.skip([self.counted_to], SkipReason.window)
                self.passed += 1

    def change_windows(self, now: datetime, ids: str, window: Window | None, *, counted: bool = True) -> None:
        """Put the schedule under another window of an id, or under none; earlier instants stay as they are."""
        if counted:
            self.count_windows(now)
        old = [one for one in self.windows if one.window.id in ids and one.until is None]
        self.windows = [attrs.evolve(one, until=now) if one in old else one for one in self.windows]
        if window is not None:
            self.windows.append(Opened(window, now))
        if self.cursor is None or self.cursor >= now:
            after = now - TICK if self.cursor == now else now
            after = max(after, self.anchor - TICK, self.last or after)
            self.cursor = next(self.times(self.schedule.trigger, self.anchor, after), None)

    def has(self, instant: datetime) -> bool:
        after = instant - TICK
        return bool(self.schedule.trigger.next_fire_time(after, anchor=self.anchor, key="x") == instant)

    def due(self, fire_time: datetime, anchor: datetime) -> datetime:
        named = self.named.get(fire_time)
        if named is not None and named.moved_to is not None:
            return named.moved_to
        if fire_time not in self.named and self.is_open(fire_time, "defer"):
            ahead = (fire_time + number * TICK for number in range(1, 1000))
            return next((instant for instant in ahead if not self.is_open(instant)), NEVER)
        return FireTimes.of(self.schedule, anchor).due_at(fire_time)

    def from_cursor(self) -> Iterator[datetime]:
        if self.cursor is not None:
            yield from self.times(self.schedule.trigger, self.anchor, self.cursor - TICK)

    def make(self, fire_time: datetime, run_at: datetime, deadline_from: datetime) -> None:
        self.jobs.append((fire_time, run_at, None if self.grace is None else deadline_from + self.grace))
        if fire_time in self.named:
            self.named[fire_time] = attrs.evolve(self.named[fire_time], settled=True)
            return
        assert self.last is None or fire_time > self.last
        self.last = fire_time

    def waiting(self, before: datetime) -> list[datetime]:
        """Return the moved fire times that are due before an instant, the first to be due first."""
        due = ((named.waits_for, fire_time) for fire_time, named in self.named.items())
        return [fire_time for to, fire_time in sorted((to, t) for to, t in due if to and to < before)]

    def settle_moved(self, due: list[datetime]) -> None:
        """Note that something was decided about moved fire times; jobs are made before."""
        self.passed += len(due)
        for fire_time in due:
            if not self.named[fire_time].settled:
                self.named[fire_time] = Named(None, settled=True)

    def forget(self, now: datetime) -> None:
        """Forget what is over and passed; skipped ones are counted."""
        for fire_time, named in [*self.named.items()]:
            is_over = fire_time <= now and (self.cursor is None or fire_time < self.cursor)
            if not is_over or named.waits_for is not None:
                continue
            del self.named[fire_time]
            if not named.settled:
                self.skip([fire_time], SkipReason.requested)
                self.passed += 1
            elif named.moved_to is not None:
                self.last = fire_time if self.last is None else max(self.last, fire_time)

    def skip(self, fire_times: list[datetime], reason: SkipReason) -> None:
        self.skipped += Counter({reason: len(fire_times)})

    def wakes(self, now: datetime) -> bool:
        """Return whether there is something to decide."""
        if self.cursor is not None and self.due(self.cursor, self.anchor) <= now:
            return True
        over = [t for t in self.named if self.cursor is None or t < self.cursor]
        return any(
            one.waits_for <= now if one.waits_for else t in over and t <= now for t, one in self.named.items()
        )

    def fire(self, now: datetime, limit: int) -> None:
        if self.pause is not None:
            return
        wakes = self.wakes(now)
        self.fire_all(now, limit)
        if wakes:
            self.count_windows(now)
        self.forget(now)

    def fire_all(self, now: datetime, limit: int) -> None:
        due = self.waiting(now + TICK)
        moved = [t for t in due if self.grace is None or now - self.due(t, self.anchor) <= self.grace]
        self.skip([t for t in due if t not in moved], SkipReason.grace)
        stale = [t for t in due if t not in moved]
        if self.schedule.coalesce is CoalescePolicy.all:
            moved = moved[:limit]
            for fire_time in moved:
                due_at = self.due(fire_time, self.anchor)
                self.make(fire_time, due_at, due_at)
            self.settle_moved([*stale, *moved])
            self.fire_regular(now, limit - len(moved), [])
        else:
            self.fire_regular(now, limit, moved)
            self.settle_moved([*stale, *moved])

    def fire_regular(self, now: datetime, limit: int, moved: list[datetime]) -> None:
        late = list(takewhile(lambda t: self.due(t, self.anchor) <= now, self.from_cursor()))
        if not (late or moved) or limit == 0:
            return
        kept = [t for t in late if self.grace is None or now - self.due(t, self.anchor) <= self.grace]
        following = self.cursor
        if late:
            following = next(self.times(self.schedule.trigger, self.anchor, late[-1]), None)
        chosen: list[datetime] = []
        reason = SkipReason.coalesced
        if kept and self.schedule.coalesce is CoalescePolicy.latest:
            chosen = kept[-1:]
        elif kept and self.schedule.coalesce is CoalescePolicy.earliest:
            chosen = kept[:1]
        elif kept:
            chosen, reason = kept[-self.schedule.max_catchup :], SkipReason.catchup_limit
            if len(chosen) > limit:
                following = chosen[limit]
        self.skip([t for t in late if t not in kept], SkipReason.grace)
        if moved:
            kept = sorted([*kept, *moved], key=lambda t: self.due(t, self.anchor))
            chosen = kept[-1:] if self.schedule.coalesce is CoalescePolicy.latest else kept[:1]
        self.skip([t for t in kept if t not in chosen], reason)
        for fire_time in chosen[:limit]:
            due_at = self.due(fire_time, self.anchor)
            self.make(fire_time, due_at, due_at)
        self.passed += len([t for t in late if following is None or t < following])
        self.cursor = following

    def resume(self, at: datetime, now: datetime, resume_from: ResumeFrom, missed: Missed) -> None:
        self.pause = None
        start = at if resume_from == "now" else resume_from
        old = self.anchor
        given_up: list[datetime] = []
        eligible: dict[datetime, datetime] = {}  # with when they were due
        moved = [] if missed == "policy" else self.waiting(at)
        dropped: list[datetime] = []
        if start is None or (resume_from != "now" and self.cursor is not None and start < self.cursor):
            rest = self.from_cursor()
            start = None
        else:
            dropped = [t for t in self.waiting(start) if t not in moved]
            for t in takewhile(lambda t: t < start, self.from_cursor()):
                if missed != "policy" and self.due(t, old) < at:
                    eligible[t] = self.due(t, old)
                else:
                    given_up.append(t)
            self.anchor = start
            last = self.last
            rest = (
                t for t in self.times(self.schedule.trigger, start, start - TICK) if last is None or t > last
            )
        self.cursor = next(rest, None)
        while missed != "policy" and self.cursor is not None and self.due(self.cursor, self.anchor) < at:
            eligible[self.cursor] = self.due(self.cursor, self.anchor)
            self.cursor = next(rest, None)
        self.passed += len(given_up) + len(eligible)
        eligible |= {t: self.due(t, self.anchor) for t in moved}
        self.skip([*given_up, *dropped], SkipReason.paused)
        in_order = dict(sorted(eligible.items(), key=lambda one: one[1]))
        self.catch_up(in_order, at, now, WORDS.get(missed, missed))
        self.settle_moved([*moved, *dropped])
        self.count_windows(now, old)
        if start is not None:
            for t, named in [*self.named.items()]:
                if not named.settled and t >= start and not self.has(t):
                    del self.named[t]
        self.forget(now)

    def catch_up(
        self, eligible: dict[datetime, datetime], at: datetime, now: datetime, missed: Missed
    ) -> None:
        left, chosen, spacing = list(eligible), list[datetime](), None
        reason = SkipReason.paused
        if isinstance(missed, CatchUp):
            if missed.max_age is not None:
                left = [t for t in eligible if eligible[t] >= at - missed.max_age]
            most = len(left) if missed.coalesce is not CoalescePolicy.all else missed.max_jobs
            bounded = left[-(self.schedule.max_catchup if most is None else most) :] if left else []
            chosen = {"latest": bounded[-1:], "earliest": bounded[:1], "all": bounded}[str(missed.coalesce)]
            reason = SkipReason.coalesced
            if missed.coalesce is CoalescePolicy.all:
                reason, spacing = SkipReason.catchup_limit, missed.spacing
        self.skip([t for t in eligible if t not in left], SkipReason.paused)
        self.skip([t for t in left if t not in chosen], reason)
        for number, t in enumerate(chosen):
            if spacing is None:
                self.make(t, eligible[t], now)
            else:
                self.make(t, now + number * spacing, now + number * spacing)

    def settle(self, now: datetime) -> None:
        over = self.pause
        if over is not None and over.until is not None and over.until <= now:
            self.resume(over.until, now, over.resume_from, over.missed)


#: A window that is over soon.
AT_ONCE = Window(id="a", mode="skip", dates=((T0, T0 + TICK),), since=T0)


@attrs.frozen
class Step:
    """One thing that happens, ``wait`` after the one before."""

    kind: Literal["fire", "pause", "unpause", "replace", "skip", "move", "restore", "cover", "uncover"]
    wait: int
    limit: int
    until: int | None
    resume_from: int | Literal["now", "frozen", "last"] | None
    missed: Missed
    reason: str | None
    trigger: Any
    window: Window = AT_ONCE


class Both:
    """The rules and the model, side by side."""

    def __init__(self, schedule: Schedule) -> None:
        self.now = T0
        created = add(schedule, None, self.now, ConflictPolicy.do_nothing, same)
        assert created.state is not None
        self.snapshot = ScheduleSnapshot(schedule, created.state)
        self.model = Model(schedule, self.now)
        self.jobs: list[tuple[datetime | None, datetime, datetime | None]] = []

    def apply(self, change: Change) -> None:
        self.snapshot = attrs.evolve(
            self.snapshot,
            schedule=change.schedule or self.snapshot.schedule,
            state=change.state or self.snapshot.state,
        )
        self.jobs += [(job.scheduled_fire_time, job.run_at, job.start_deadline) for job in change.jobs]

    def do(self, step: Step) -> None:
        self.now += step.wait * TICK
        getattr(self, step.kind)(step)
        self.compare()

    def fire(self, step: Step) -> None:
        options = effective_options(self.snapshot.schedule, None, TaskDefaults())
        before = len(self.jobs)
        model, over = self.model, self.model.pause is not None
        self.apply(settle_and_fire(self.snapshot, options, self.now, step.limit))
        if model.cursor is not None or model.named:
            made = len(model.jobs)
            model.settle(self.now)
            room = step.limit - (len(model.jobs) - made) if over else step.limit
            if room > 0:
                model.fire(self.now, room)
        assert len(self.jobs) - before <= step.limit or over

    def pause(self, step: Step) -> None:
        options = effective_options(self.snapshot.schedule, None, TaskDefaults())
        until = None if step.until is None else self.now + step.until * TICK
        wanted = Pause(
            since=T0,
            until=until,
            reason=step.reason,
            resume_from=self.resume_from(step) if until else None,
            missed=step.missed if until else "policy",
        )
        self.apply(pause(self.snapshot, options, self.now, wanted))
        model = self.model
        model.settle(self.now)
        if model.pause is None:
            model.pause = attrs.evolve(wanted, since=self.now)
        else:
            if until:
                model.pause = attrs.evolve(
                    model.pause, until=until, resume_from=wanted.resume_from, missed=wanted.missed
                )
            if step.reason is not None:
                model.pause = attrs.evolve(model.pause, reason=step.reason)

    def unpause(self, step: Step) -> None:
        options = effective_options(self.snapshot.schedule, None, TaskDefaults())
        start = self.resume_from(step)
        change = unpause(self.snapshot, options, self.now, resume_from=start, missed=step.missed)
        self.apply(change)
        model, made, skipped = self.model, len(self.model.jobs), self.model.skipped.total()
        assert change.unpaused is not None
        model.settle(self.now)
        assert change.unpaused.changed == (model.pause is not None)
        if model.pause is None:
            return
        made, skipped = len(model.jobs), model.skipped.total()
        model.resume(self.now, self.now, start, step.missed)
        room = model.schedule.max_catchup - (len(model.jobs) - made)
        if start != "now" and room > 0:
            model.fire(self.now, room)
        assert len(model.jobs) - made == len(change.unpaused.jobs)
        assert [max(run_at, self.now) for _, run_at, _ in model.jobs[made:]] == [*change.unpaused.start_times]
        assert model.skipped.total() - skipped == change.unpaused.skipped
        assert self.snapshot.next_fire_time == change.unpaused.next_fire_time
        assert self.snapshot.status is change.unpaused.status

    def resume_from(self, step: Step) -> ResumeFrom:
        if step.resume_from == "frozen":
            return self.snapshot.next_fire_time
        if step.resume_from == "last":
            return self.snapshot.last_fire_time
        return self.now + step.resume_from * TICK if isinstance(step.resume_from, int) else step.resume_from

    def replace(self, step: Step) -> None:
        schedule = attrs.evolve(self.snapshot.schedule, trigger=step.trigger)
        model = self.model
        last = T0 - TICK if model.last is None else model.last
        ahead = model.clone()
        ahead.named = {t: named for t, named in model.named.items() if named.settled}
        after = max(self.now - TICK, last)
        first = next(Model(schedule, model.anchor).times(step.trigger, model.anchor, after), None)
        if first is None:
            return
        cursor = next(ahead.times(step.trigger, model.anchor, after), None)
        changed = step.trigger != model.schedule.trigger
        # With a reason, the schedule leaves all sets that windows mean (rule H4).
        placed = [PlacedWindow(Selector(everything=True), one) for one in model.open_windows]
        placed = placed if step.reason is None else []
        self.apply(add(schedule, self.snapshot, self.now, ConflictPolicy.replace, same, placed))
        if model.open_windows and not placed:
            model.change_windows(self.now, "ab", None, counted=False)
            ahead.windows = model.windows
            cursor = next(ahead.times(step.trigger, model.anchor, after), None)
        model.schedule = schedule
        if changed:
            model.cursor, model.named = cursor, ahead.named
            model.counted_to = min(self.now, first - TICK)
            if model.pause is not None and model.pause.until is not None and model.pause.until <= self.now:
                keep = None if model.pause.resume_from == "now" else model.pause.resume_from
                model.pause = attrs.evolve(model.pause, resume_from=keep)

    def skip(self, step: Step) -> None:
        fire_time = self.some_fire_time(step)
        if fire_time is not None:
            options = effective_options(self.snapshot.schedule, None, TaskDefaults())
            self.ask(lambda: occurrences.skip(self.snapshot, options, self.now, fire_time), fire_time, None)

    def move(self, step: Step) -> None:
        fire_time, to = self.some_fire_time(step), self.now + (step.until or 0) * TICK
        if fire_time is not None:
            options = effective_options(self.snapshot.schedule, None, TaskDefaults())
            self.ask(lambda: occurrences.move(self.snapshot, options, self.now, fire_time, to), fire_time, to)

    def some_fire_time(self, step: Step) -> datetime | None:
        """Return one of the next fire times, or one that was skipped or moved before."""
        ahead = [self.now + number * TICK for number in range(1, 6)]
        left_out = [t for t in ahead if self.model.is_left_out(t)]
        found = [*self.model.named, *islice(self.model.from_cursor(), 5), *left_out]
        return found[step.limit % len(found)] if found else None

    def ask(self, decide: Callable[[], Change], fire_time: datetime, to: datetime | None) -> None:
        model = self.model.clone()
        model.settle(self.now)
        named = model.named.get(fire_time)
        left_out = fire_time > self.now and model.is_left_out(fire_time)
        refused = named is None and not left_out and fire_time not in islice(model.from_cursor(), 100)
        refused = refused or (named is not None and named.settled)
        if to is not None:
            others = [one.waits_for for t, one in model.named.items() if t != fire_time]
            refused = refused or to <= self.now or model.has(to) or to in others
        if refused:
            with pytest.raises(ValueError, match=r"."):
                decide()
            return
        self.apply(decide())
        model.named[fire_time] = Named(to)
        model.cursor = next(model.from_cursor(), None)
        self.model = model

    def restore(self, step: Step) -> None:
        fire_time = self.some_fire_time(step)
        if fire_time is None:
            return
        options = effective_options(self.snapshot.schedule, None, TaskDefaults())
        model = self.model.clone()
        model.settle(self.now)
        named, cursor = model.named.pop(fire_time, None), model.cursor
        is_passed = not (fire_time > self.now and model.is_left_out(fire_time))
        if named is not None and is_passed and (cursor is None or fire_time < cursor):
            model.cursor = fire_time
            following = next(islice(model.from_cursor(), 1, None), None)
            has_job = model.last is not None and model.last >= fire_time
            if not model.has(fire_time) or model.is_left_out(fire_time) or following != cursor or has_job:
                named = None
        if named is None or named.settled:
            with pytest.raises(ValueError, match=r"."):
                occurrences.restore(self.snapshot, options, self.now, fire_time)
            return
        self.apply(occurrences.restore(self.snapshot, options, self.now, fire_time))
        self.model = model

    def cover(self, step: Step) -> None:
        options = effective_options(self.snapshot.schedule, None, TaskDefaults())
        window = attrs.evolve(step.window, since=self.now)
        self.model.settle(self.now)
        known = {window.id: window for window in self.model.open_windows}
        if window.id in known and known[window.id].does_as(window):
            window = known[window.id]
        else:
            self.model.change_windows(self.now, window.id, window)
        self.apply(windowing.cover(self.snapshot, options, self.now, window, Unchecked()))

    def uncover(self, step: Step) -> None:
        options = effective_options(self.snapshot.schedule, None, TaskDefaults())
        self.model.settle(self.now)
        if step.window.id in {window.id for window in self.model.open_windows}:
            self.model.change_windows(self.now, step.window.id, None)
        self.apply(windowing.uncover(self.snapshot, options, self.now, step.window.id))

    def compare(self) -> None:
        state, model = self.snapshot.state, self.model
        assert model.cursor == state.next_fire_time
        due_at = model.cursor and model.due(model.cursor, model.anchor)
        if due_at == NEVER:  # windows together leave no gap
            assert state.due_at is not None
            assert state.due_at >= self.now + 300 * TICK
        else:
            assert due_at == state.due_at
        named = {one.fire_time: Named(one.moved_to, one.settled) for one in state.occurrences}
        assert model.named == named
        assert [*sorted(model.named)] == [*named]
        finished = model.cursor is None and not model.named
        assert finished == (state.status is ScheduleStatus.finished)
        assert sorted(model.jobs, key=str) == sorted(self.jobs, key=str)
        assert model.last == state.last_fire_time
        assert model.anchor == state.anchor
        assert model.pause == state.pause
        assert +model.skipped == dict(state.skipped)
        assert len(model.jobs) == state.jobs_made
        assert state.skipped_exact
        assert state.jobs_made + sum(state.skipped.values()) == model.passed
        fire_times = [fire_time for fire_time, _, _ in self.jobs]
        assert len(set(fire_times)) == len(fire_times)
        assert state.error is None


def bursts(gaps: list[int]) -> tuple[datetime, ...]:
    moment, moments = 0, []
    for gap in gaps:
        moment += gap
        moments.append(tick(moment))
    return tuple(moments)


def spans(gaps: list[tuple[int, int]]) -> tuple[tuple[datetime, datetime], ...]:
    """Return spans with these distances and lengths."""
    moment, found = 0, []
    for distance, length in gaps:
        found.append((tick(moment + distance), tick(moment + distance + length)))
        moment += distance + length
    return tuple(found)


triggers = st.one_of(
    st.builds(
        lambda kind, step, start, end: kind(
            step * TICK, None if start is None else tick(start), None if end is None else tick(end)
        ),
        st.sampled_from([Every, FastEvery]),
        st.integers(1, 12),
        st.none() | st.integers(-10, 30),
        st.none() | st.integers(30, 300),
    ),
    st.builds(
        lambda kind, gaps: kind(bursts(gaps)),
        st.sampled_from([Instants, FastInstants]),
        st.lists(st.sampled_from([1, 1, 1, 2, 5, 30]), min_size=1, max_size=60),
    ),
)
ticks = st.none() | st.integers(1, 40).map(lambda number: number * TICK)
catch_ups = st.one_of(
    st.builds(CatchUp, st.just("all"), max_jobs=st.none() | st.integers(1, 12), max_age=ticks, spacing=ticks),
    st.builds(CatchUp, st.sampled_from(["latest", "earliest"]), max_age=ticks),
)
windows = st.one_of(
    st.builds(
        lambda id, mode, kind, step, shorter, start: Window(
            id=id, mode=mode, trigger=kind(step * TICK, None if start is None else tick(start)),
            duration=max(1, step - shorter) * TICK, since=T0,
        ),
        st.sampled_from("ab"),
        st.sampled_from(["skip", "defer"]),
        st.sampled_from([Every, FastEvery]),
        st.integers(2, 12),
        st.integers(1, 8),
        st.none() | st.integers(-10, 30),
    ),
    st.builds(
        lambda id, mode, gaps: Window(id=id, mode=mode, dates=spans(gaps), since=T0),
        st.sampled_from("ab"),
        st.sampled_from(["skip", "defer"]),
        st.lists(st.tuples(st.integers(0, 20), st.integers(1, 20)), min_size=1, max_size=6),
    ),
)  # fmt: skip
steps = st.builds(
    Step,
    kind=st.sampled_from(
        [
            *["fire"] * 4, "pause", "unpause", "unpause", "replace", "skip", "move", "move", "restore",
            *["cover"] * 3, "uncover",
        ]
    ),
    wait=st.sampled_from([0, 0, 1, 2, 3, 7, 25]),
    limit=st.integers(1, 6),
    until=st.none() | st.integers(1, 20),
    resume_from=st.none() | st.sampled_from(["now", "now", "frozen", "last"]) | st.integers(-30, 30),
    missed=st.sampled_from(["policy", "policy", "skip", "run_once", "run_all"]) | catch_ups,
    reason=st.none() | st.just("why"),
    trigger=triggers,
    window=windows,
)  # fmt: skip
schedules = st.builds(
    lambda trigger, **rest: Schedule("task", trigger, id="x", **rest),
    triggers,
    coalesce=st.sampled_from(CoalescePolicy),
    misfire_grace_time=st.none() | st.integers(1, 15).map(lambda number: number * TICK),
    max_catchup=st.integers(1, 5),
    max_jitter=st.none() | st.integers(1, 10).map(lambda number: number * TICK),
)


@settings(max_examples=500)
@given(schedules, st.lists(steps, max_size=15))
def test_model(schedule: Schedule, history: list[Step]) -> None:
    """rules S3, P2, P5 to P10, L1 to L3, O1 to O6 and W2 to W5: all comes out as if done fire time by fire time."""
    with patch.object(times, "MOST_SPANS", MOST_LEFT_OUT):  # so that windows without a gap take no longer
        both = Both(schedule)
        both.compare()
        for step in history:
            both.do(step)


@settings(max_examples=300)
@given(
    schedules,
    catch_ups,
    st.none() | st.integers(1, 60),
    st.integers(30, 120),
    st.none() | st.sampled_from(["now", 5, 200]),
)
def test_catching_up(
    schedule: Schedule,
    missed: CatchUp,
    until: int | None,
    wait: int,
    resume_from: int | Literal["now"] | None,
) -> None:
    """rules P5, P10 and L3: what is missed gets jobs within its bounds, exactly so far apart, or is counted."""
    both = Both(schedule)
    step = Step("fire", 2, 100, until, resume_from, missed, None, schedule.trigger)
    both.do(step)
    both.do(attrs.evolve(step, kind="pause"))
    both.do(attrs.evolve(step, kind="unpause" if until is None else "fire", wait=wait))


@given(
    st.integers(1, 400),
    st.integers(1, 50),
    st.none() | st.integers(1, 400),
    st.integers(1, 10**12),
    st.none() | st.integers(1, 100),
)
def test_a_spaced_backlog(
    number: int, most: int, max_age: int | None, spacing: int, grace: int | None
) -> None:
    """rules P5 and L3: no more jobs than asked for, of no older fire times, each later by the spacing; others count."""
    schedule = Schedule(
        "task", Every(TICK, T0), id="x", misfire_grace_time=None if grace is None else grace * TICK
    )
    created = add(schedule, None, T0, ConflictPolicy.do_nothing, same).state
    assert created is not None
    options = effective_options(schedule, None, TaskDefaults())
    snapshot = ScheduleSnapshot(schedule, attrs.evolve(created, pauses=(Pause(since=T0),)))
    now = T0 + number * TICK
    missed = CatchUp(
        max_jobs=most, max_age=None if max_age is None else max_age * TICK, spacing=spacing * TICK
    )
    change = unpause(snapshot, options, now, missed=missed)
    *backlog, due_now = change.jobs
    expected = min(number, most, number if max_age is None else max_age)
    assert [now - (expected - k) * TICK for k in range(expected)] == [
        job.scheduled_fire_time for job in backlog
    ]
    assert [now + k * spacing * TICK for k in range(expected)] == [job.run_at for job in backlog]
    deadlines = [None if grace is None else job.run_at + grace * TICK for job in backlog]
    assert deadlines == [job.start_deadline for job in backlog]
    assert (now, now) == (due_now.scheduled_fire_time, due_now.run_at)
    assert change.unpaused is not None
    assert number == expected + change.unpaused.skipped
