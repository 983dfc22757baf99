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
from anysched.model.policies import CatchUp, CoalescePolicy, ConflictPolicy, Missed, ResumeFrom, SkipReason
from anysched.model.schedule import Pause, Schedule, ScheduleSnapshot
from anysched.model.task import TaskDefaults
from anysched.rules.adding import add
from anysched.rules.options import effective_options
from anysched.rules.pausing import pause, settle_and_fire, unpause
from anysched.rules.times import FireTimes

TICK = timedelta(microseconds=1)  # the unit of everything here, so that neighbours touch


#: Rule P5: what words are short for.
WORDS: dict[Missed, Missed] = {"run_once": CatchUp("latest"), "run_all": CatchUp("all")}


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
        self.jobs: list[tuple[datetime, datetime, datetime | None]] = []
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

    def make(self, fire_time: datetime, run_at: datetime, deadline_from: datetime) -> None:
        assert self.last is None or fire_time > self.last
        self.jobs.append((fire_time, run_at, None if self.grace is None else deadline_from + self.grace))
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
        if start is None or (resume_from != "now" and self.cursor is not None and start < self.cursor):
            rest = self.from_cursor()
        else:
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
        self.skip(given_up, SkipReason.paused)
        self.catch_up(eligible, at, now, WORDS.get(missed, missed))
        self.passed += len(given_up) + len(eligible)

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
        fire_times = [fire_time for fire_time, _, _ in self.jobs]
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
ticks = st.none() | st.integers(1, 40).map(lambda number: number * TICK)
catch_ups = st.one_of(
    st.builds(CatchUp, st.just("all"), max_jobs=st.none() | st.integers(1, 12), max_age=ticks, spacing=ticks),
    st.builds(CatchUp, st.sampled_from(["latest", "earliest"]), max_age=ticks),
)
steps = st.builds(
    Step,
    kind=st.sampled_from(["fire", "fire", "pause", "unpause", "unpause", "replace"]),
    wait=st.sampled_from([0, 0, 1, 2, 3, 7, 25]),
    limit=st.integers(1, 6),
    until=st.none() | st.integers(1, 20),
    resume_from=st.none() | st.sampled_from(["now", "now", "frozen", "last"]) | st.integers(-30, 30),
    missed=st.sampled_from(["policy", "policy", "skip", "run_once", "run_all"]) | catch_ups,
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
