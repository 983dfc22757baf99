"""The rules against a model that steps through every fire time, one by one, and keeps every one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any, Literal

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.rules.support import T0, Every, FastEvery, FastInstants, Instants, same

from anysched.model.change import Change
from anysched.model.policies import CoalescePolicy, ConflictPolicy, Missed, ResumeFrom, SkipReason
from anysched.model.schedule import Pause, Schedule, ScheduleSnapshot
from anysched.model.task import TaskDefaults
from anysched.rules.adding import add
from anysched.rules.options import effective_options
from anysched.rules.pausing import pause, settle_and_fire, unpause
from anysched.rules.times import FireTimes

TICK = timedelta(microseconds=1)  # the unit of everything here, so that neighbours touch


def tick(number: int) -> datetime:
    return T0 + number * TICK


class Model:
    """What the rules promise, done the long way."""

    def __init__(self, schedule: Schedule, now: datetime) -> None:
        self.schedule = schedule
        self.anchor = now
        self.cursor: datetime | None = next(self.times(schedule.trigger, now, now - TICK), None)
        self.last: datetime | None = None
        self.pause: Pause | None = None
        self.jobs: list[tuple[datetime, datetime | None]] = []
        self.skipped: Counter[SkipReason] = Counter()
        self.passed = 0

    @property
    def grace(self) -> timedelta | None:
        return effective_options(self.schedule, None, TaskDefaults()).misfire_grace_time

    def times(self, trigger: Any, anchor: datetime, after: datetime) -> Iterator[datetime]:
        while (found := trigger.next_fire_time(after, anchor=anchor, key="x")) is not None:
            yield found
            after = found

    def due(self, fire_time: datetime, anchor: datetime) -> datetime:
        return FireTimes.of(self.schedule, anchor).due_at(fire_time)

    def from_cursor(self) -> Iterator[datetime]:
        if self.cursor is not None:
            yield from self.times(self.schedule.trigger, self.anchor, self.cursor - TICK)

    def make(self, fire_time: datetime, deadline_from: datetime) -> None:
        assert self.last is None or fire_time > self.last
        self.jobs.append((fire_time, None if self.grace is None else deadline_from + self.grace))
        self.last = fire_time

    def skip(self, fire_times: list[datetime], reason: SkipReason) -> None:
        self.skipped += Counter({reason: len(fire_times)})

    def fire(self, now: datetime, limit: int) -> None:
        late = list(takewhile(lambda t: self.due(t, self.anchor) <= now, self.from_cursor()))
        if self.pause is not None or not late:
            return
        kept = [t for t in late if self.grace is None or now - self.due(t, self.anchor) <= self.grace]
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
        self.skip([t for t in kept if t not in chosen], reason)
        for fire_time in chosen[:limit]:
            self.make(fire_time, self.due(fire_time, self.anchor))
        self.passed += len([t for t in late if following is None or t < following])
        self.cursor = following

    def resume(self, at: datetime, now: datetime, resume_from: ResumeFrom, missed: Missed) -> None:
        self.pause = None
        start = at if resume_from == "now" else resume_from
        old = self.anchor
        given_up: list[datetime] = []
        eligible: list[datetime] = []
        if start is None or (resume_from != "now" and self.cursor is not None and start < self.cursor):
            rest = self.from_cursor()
        else:
            for t in takewhile(lambda t: t < start, self.from_cursor()):
                missed_it = missed != "policy" and self.due(t, old) < at
                (eligible if missed_it else given_up).append(t)
            self.anchor = start
            last = self.last
            rest = (
                t for t in self.times(self.schedule.trigger, start, start - TICK) if last is None or t > last
            )
        self.cursor = next(rest, None)
        while missed != "policy" and self.cursor is not None and self.due(self.cursor, self.anchor) < at:
            eligible.append(self.cursor)
            self.cursor = next(rest, None)
        most = {"policy": 0, "skip": 0, "run_once": 1, "run_all": self.schedule.max_catchup}[missed]
        chosen = eligible[len(eligible) - most :] if most < len(eligible) else list(eligible)
        reason = {"run_once": SkipReason.coalesced, "run_all": SkipReason.catchup_limit}
        self.skip(given_up, SkipReason.paused)
        self.skip([t for t in eligible if t not in chosen], reason.get(missed, SkipReason.paused))
        for t in chosen:
            self.make(t, now)
        self.passed += len(given_up) + len(eligible)

    def settle(self, now: datetime) -> None:
        over = self.pause
        if over is not None and over.until is not None and over.until <= now:
            self.resume(over.until, now, over.resume_from, over.missed)


@attrs.frozen
class Step:
    """One thing that happens, ``wait`` after the one before."""

    kind: Literal["fire", "pause", "unpause", "replace"]
    wait: int
    limit: int
    until: int | None
    resume_from: int | Literal["now", "frozen", "last"] | None
    missed: Missed
    reason: str | None
    trigger: Any


class Both:
    """The rules and the model, side by side."""

    def __init__(self, schedule: Schedule) -> None:
        self.now = T0
        created = add(schedule, None, self.now, ConflictPolicy.do_nothing, same)
        assert created.state is not None
        self.snapshot = ScheduleSnapshot(schedule, created.state)
        self.model = Model(schedule, self.now)
        self.jobs: list[tuple[datetime | None, datetime | None]] = []

    def apply(self, change: Change) -> None:
        self.snapshot = attrs.evolve(
            self.snapshot,
            schedule=change.schedule or self.snapshot.schedule,
            state=change.state or self.snapshot.state,
        )
        self.jobs += [(job.scheduled_fire_time, job.start_deadline) for job in change.jobs]

    def do(self, step: Step) -> None:
        self.now += step.wait * TICK
        getattr(self, step.kind)(step)
        self.compare()

    def fire(self, step: Step) -> None:
        options = effective_options(self.snapshot.schedule, None, TaskDefaults())
        before = len(self.jobs)
        model, over = self.model, self.model.pause is not None
        self.apply(settle_and_fire(self.snapshot, options, self.now, step.limit))
        if model.cursor is not None:
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
        cursor = next(model.times(step.trigger, model.anchor, max(self.now - TICK, last)), None)
        if cursor is None:
            return
        changed = step.trigger != model.schedule.trigger
        self.apply(add(schedule, self.snapshot, self.now, ConflictPolicy.replace, same))
        model.schedule = schedule
        if changed:
            model.cursor = cursor
            if model.pause is not None and model.pause.until is not None and model.pause.until <= self.now:
                keep = None if model.pause.resume_from == "now" else model.pause.resume_from
                model.pause = attrs.evolve(model.pause, resume_from=keep)

    def compare(self) -> None:
        state, model = self.snapshot.state, self.model
        assert model.cursor == state.next_fire_time
        assert (model.cursor and model.due(model.cursor, model.anchor)) == state.due_at
        assert model.jobs == self.jobs
        assert model.last == state.last_fire_time
        assert model.anchor == state.anchor
        assert model.pause == state.pause
        assert +model.skipped == dict(state.skipped)
        assert len(model.jobs) == state.jobs_made
        assert state.skipped_exact
        assert state.jobs_made + sum(state.skipped.values()) == model.passed
        fire_times = [fire_time for fire_time, _ in self.jobs]
        assert len(set(fire_times)) == len(fire_times)
        assert state.error is None


def bursts(gaps: list[int]) -> tuple[datetime, ...]:
    moment, moments = 0, []
    for gap in gaps:
        moment += gap
        moments.append(tick(moment))
    return tuple(moments)


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
steps = st.builds(
    Step,
    kind=st.sampled_from(["fire", "fire", "pause", "unpause", "unpause", "replace"]),
    wait=st.sampled_from([0, 0, 1, 2, 3, 7, 25]),
    limit=st.integers(1, 6),
    until=st.none() | st.integers(1, 20),
    resume_from=st.none() | st.sampled_from(["now", "now", "frozen", "last"]) | st.integers(-30, 30),
    missed=st.sampled_from(["policy", "policy", "skip", "run_once", "run_all"]),
    reason=st.none() | st.just("why"),
    trigger=triggers,
)
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
    """rules S3, P2, P5 to P10 and L1 to L3: any history comes out as if every fire time had been looked at."""
    both = Both(schedule)
    both.compare()
    for step in history:
        both.do(step)
