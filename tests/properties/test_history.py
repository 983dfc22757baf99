"""What is told of fire times against a model that keeps every one of them: all are told, and each once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from itertools import takewhile
from typing import Any
from uuid import UUID

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.properties.test_rules import TICK, Both, Model, Step, schedules, steps
from tests.unit.rules.support import T0, Every, Instants, at, options_of
from tests.unit.rules.test_backfilling import STEPS, World, begin, take, trigger_of

from anysched.model.backfill import Stretch
from anysched.model.change import Change
from anysched.model.history import FireTime, Record, RunRecord, SkipRecord
from anysched.model.job import EndedJob, Job, JobResult
from anysched.model.policies import JobKind, JobOutcome, Missed, ResumeFrom, SkipReason, WindowMode
from anysched.model.schedule import Schedule
from anysched.model.task import TaskDefaults
from anysched.rules.ledger import run_of
from anysched.rules.options import effective_options
from anysched.rules.telling import Known, tell
from anysched.rules.times import FireTimes

LONG_AGO = T0 - 1000 * TICK
AHEAD = 40


class RememberingModel(Model):
    """Keeps which fire times were skipped, where the other only counts them."""

    skips: tuple[tuple[datetime, SkipReason], ...] = ()
    revived = False

    def resume(self, at: datetime, now: datetime, resume_from: ResumeFrom, missed: Missed) -> None:
        # Rule P7: what has no fire time left may have some again, of which other things had come.
        self.revived = self.revived or (self.cursor is None and isinstance(resume_from, datetime))
        super().resume(at, now, resume_from, missed)

    def skip(self, fire_times: list[datetime], reason: SkipReason) -> None:
        super().skip(fire_times, reason)
        self.skips = (*self.skips, *((fire_time, reason) for fire_time in fire_times))

    def pending(self, now: datetime) -> list[datetime]:
        """Return the fire times up to now that nothing has come of."""
        named = [t for t, one in self.named.items() if not one.settled and t <= now]
        return sorted([*takewhile(lambda t: t <= now, self.from_cursor()), *named])

    def uncounted(self, now: datetime) -> list[tuple[datetime, SkipReason]]:
        """Return the fire times up to now that windows have left out, and that are not counted yet."""
        instants = (self.counted_to + n * TICK for n in range(1, (now - self.counted_to) // TICK + 1))
        return [(t, SkipReason.window) for t in instants if self.is_left_out(t)]


def is_skipped_later(one: FireTime) -> bool:
    """Return whether a fire time is told as one that gets no job, and nothing of that is written yet."""
    return one.status == "skipped" and one.finished_at is None


def is_by_a_window(one: FireTime) -> bool:
    """Return whether a fire time is told as one that a window leaves out, and nothing of that is written yet."""
    return is_skipped_later(one) and one.reason is SkipReason.window


class Told(Both):
    """The rules and the model, and what a store would have kept; every second job has ended."""

    model: RememberingModel

    def __init__(self, schedule: Schedule) -> None:
        super().__init__(schedule)
        self.model = RememberingModel(schedule, self.now)
        self.records: list[Record] = []
        self.queued: list[Job] = []
        self.written: list[SkipRecord] = []

    def apply(self, change: Change) -> None:
        super().apply(change)
        self.written += change.skips
        self.records += change.skips
        for job in change.jobs:
            end = EndedJob(job, JobResult(job.id, JobOutcome.success, self.now, self.now))
            if len(self.queued) <= len(self.records) and (run := run_of(end, "node")) is not None:
                self.records.append(run)
            else:
                self.queued.append(job)

    def do(self, step: Step) -> None:
        known, self.written = len(self.model.skips), []
        super().do(step)
        self.compare_skips(self.model.skips[known:], self.written)

    def compare_skips(
        self, expected: Iterable[tuple[datetime, SkipReason]], written: Iterable[SkipRecord | FireTime]
    ) -> None:
        """What was skipped for one reason is in spans that begin and end with one of them, and add up."""
        written = list(written)
        for reason in SkipReason:
            skipped = Counter(fire_time for fire_time, why in expected if why is reason)
            spans = [one for one in written if one.reason is reason]
            assert skipped.total() == sum(one.number for one in spans)
            for one in spans:
                assert {one.first, one.last} <= skipped.keys()
                assert 1 <= one.number <= sum(one.first <= t <= one.last for t in skipped)
                assert one.number > 1 or one.first == one.last
                assert one.exact

    def tell(self, end: datetime | None) -> list[FireTime]:
        """Return all that is told."""
        schedule = self.snapshot.schedule
        known = Known(
            snapshot=self.snapshot,
            options=effective_options(schedule, None, TaskDefaults()),
            records=self.records,
            oldest=min((one.first for one in self.records), default=None),
            jobs=self.queued,
            now=self.now,
        )
        return tell(known, LONG_AGO, end, 1 if end is None else 1000)

    def check(self, *, replaced: bool) -> None:
        """Every fire time that has come is told once, as what the model knows of it."""
        model = self.model.clone()
        made = len(model.jobs)
        if model.cursor is not None or model.named:
            model.settle(self.now)  # what a pause that is over has asked for counts as done
        if model.revived:
            return
        told = self.tell(self.now)
        assert told == sorted(told, key=lambda one: one.first)
        jobs = [one.first for one in told if one.status in ("ran", "queued")]
        assert sorted(jobs) == sorted(t for t, _, _ in model.jobs[:made] if t <= self.now)
        resumed = {t for t, _, _ in model.jobs[made:]}
        left = [one for one in told if one.status not in ("ran", "queued")]
        assert resumed <= {one.first for one in left if one.status == "late"} | {
            t for t in resumed if t > self.now
        }
        left = [one for one in left if one.first not in resumed]
        settled = [one for one in left if one.status == "skipped" and one.finished_at is not None]
        begun = [one for one in self.tell(None) if one.finished_at is not None and one.status == "skipped"]
        self.compare_skips(model.skips, begun)
        windows = [one for one in left if is_by_a_window(one)]
        self.compare_skips(model.uncounted(self.now), windows)
        left = [one for one in left if one not in settled and one not in windows]
        self.check_pending(model, left, replaced=replaced)

    def check_pending(self, model: RememberingModel, told: list[FireTime], *, replaced: bool) -> None:
        """What nothing has come of yet is told alone, or in spans that do not overlap."""
        unknown = [one for one in told if one.status == "unknown"]
        assert replaced or not unknown  # fire times that a new trigger would have had are not made up
        pause = model.pause
        pending = model.pending(self.now)
        if pause is not None and isinstance(pause.resume_from, datetime):  # it begins anew, with others
            told = [one for one in told if one.status != "planned" or one.first in pending]
        left = [one for one in told if one not in unknown]
        found = Counter(one.first for one in left if one.first == one.last)
        for one in (one for one in left if one.first < one.last):
            # What a window puts off together may reach beyond the present.
            between = [t for t in model.pending(max(one.last, self.now)) if one.first <= t <= one.last]
            inside = [t for t in between if t in found or t in model.named]
            assert one.number == len(between) - len(inside)
            found.update(t for t in between if t not in inside and t <= self.now)
        assert found == Counter(pending)

    def come_true(self) -> None:
        """With nobody doing anything, what was told to come comes, when that was told."""
        now, end, known = self.now, self.now + AHEAD * TICK, len(self.model.skips)
        everything = self.tell(end)
        told = [one for one in everything if one.status in ("planned", "paused")]
        told += [one for one in everything if is_skipped_later(one) and one.first > now]
        planned = {one.first: one.due_at for one in told if one.status == "planned"}
        starts = Counter(planned.values())
        made = len(self.jobs)
        step = Step("fire", 1, 1000, None, None, "policy", None, None)
        began: dict[datetime | None, datetime] = {}
        for _ in range(AHEAD):
            self.do(step)
            for fire_time, run_at, _ in self.jobs[made:]:
                began.setdefault(fire_time, max(run_at, self.now))
        for fire_time, due_at in planned.items():
            assert due_at is not None
            if due_at <= end and starts[due_at] == 1:  # what is due together is coalesced
                assert began[fire_time] == due_at
        assert {t for t in began if t is not None and now < t <= end} <= planned.keys()
        for fire_time, _ in self.model.skips[known:]:
            assert not now < fire_time <= end or any(one.first <= fire_time <= one.last for one in everything)
        for one in told:
            if one.status != "planned":
                assert one.first not in began
                assert one.last not in began
        skips = [*self.model.skips[known:], *self.model.uncounted(self.now)]
        windows = [(t, why) for t, why in skips if now < t <= end and why is SkipReason.window]
        self.compare_skips(windows, [one for one in everything if is_by_a_window(one) and one.first > now])


class Backfilled(World):
    """A schedule with backfills, and what a store would have kept of it."""

    def __init__(self, trigger: Every | Instants) -> None:
        self.records: list[Record] = []
        self.made: dict[UUID, set[datetime]] = {}
        self.taken: dict[UUID, set[datetime]] = {}
        super().__init__(trigger)

    def write(self, change: Change) -> None:
        for job in self.live if change.dropped is not None else ():
            if job.backfill == change.dropped:
                self.record(job, JobOutcome.cancelled)
        super().write(change)
        self.records += change.skips
        for job in change.jobs:
            if job.backfill is not None and job.scheduled_fire_time is not None:
                self.made.setdefault(job.backfill, set()).add(job.scheduled_fire_time)
        for backfill in self.snapshot.state.backfills:
            if not backfill.is_over:
                self.taken[backfill.id] = self.within(backfill.taken)
            elif backfill.status == "cancelled":
                self.taken[backfill.id] &= self.made[backfill.id]

    def end(self, index: int, outcome: JobOutcome) -> None:
        if self.live:
            self.record(self.live[index % len(self.live)], outcome)
        super().end(index, outcome)

    def record(self, job: Job, outcome: JobOutcome) -> None:
        now = at(self.now)
        if (run := run_of(EndedJob(job, JobResult(job.id, outcome, now, now)), "node")) is not None:
            self.records.append(run)

    def within(self, stretches: Iterable[Stretch]) -> set[datetime]:
        times = FireTimes.of(self.snapshot.schedule, self.snapshot.state.anchor)
        return {one for first, last in stretches for one in times.between(first - TICK, last)}

    def check(self) -> None:
        """Each fire time is told once, but those that were left to a backfill; and once for each backfill."""
        kept = [one.first for one in self.records if not (isinstance(one, RunRecord) and is_backfill(one))]
        known = Known(
            snapshot=self.snapshot,
            options=options_of(self.snapshot),
            records=self.records,
            oldest=min(kept, default=None),
            jobs=self.live,
            now=at(self.now),
        )
        told = tell(known, at(-1), at(self.now), 1000)
        own = [one for one in told if not is_backfill(one)]
        passed = self.within([(at(0), at(self.now))]) - set().union(*self.taken.values())
        assert len(passed) == sum(one.number for one in own)
        for one in own:
            assert {one.first, one.last} <= passed
            assert one.status != "unknown"
        singly = Counter(one.first for one in own if one.first == one.last)
        assert singly.total() == len(singly)
        expected = Counter(t for made in self.made.values() for t in made)
        for backfill in self.snapshot.state.backfills:
            expected.update(self.within(backfill.left))
        found = Counter[datetime]()
        for one in (one for one in told if is_backfill(one)):
            inside = self.within([(one.first, one.last)])
            assert len(inside) == one.number
            found.update(inside)
        assert expected == found


def is_backfill(one: FireTime | RunRecord) -> bool:
    """Return whether a backfill has made the job, or is to make it."""
    return one.kind is JobKind.backfill


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["slow", "fast", "ends", "some"]),
    st.sampled_from([0, 12]),
    st.sampled_from(["skip", "defer", None]),
    STEPS,
)
def test_backfills_stand_where_their_fire_times_are(
    kind: str, missed: int, mode: WindowMode | None, history: list[tuple[Any, ...]]
) -> None:
    """Rules G2 and F4: each fire time is told once, left to a backfill or not, and once for each backfill of it."""
    world = Backfilled(trigger_of(kind))
    begin(world, missed, mode)
    for step in history:
        take(world, step)
        world.check()


@settings(max_examples=300)
@given(schedules, st.lists(steps, max_size=15))
def test_each_fire_time_is_told_once(schedule: Schedule, history: list[Step]) -> None:
    """Rules G1 and G2: whatever happens, jobs, spans and what is pending add up, without a gap or an overlap."""
    told = Told(schedule)
    told.check(replaced=False)
    replaced = False
    for step in history:
        told.do(step)
        replaced = replaced or step.kind == "replace"
        told.check(replaced=replaced)


@settings(max_examples=120)
@given(schedules, st.lists(steps.filter(lambda step: step.kind != "replace"), max_size=10))
def test_what_is_told_to_come_comes(schedule: Schedule, history: list[Step]) -> None:
    """Rules G2 and P10: the future is told by the decision that will be made, at the end of a pause as well."""
    told = Told(schedule)
    for step in history:
        told.do(step)
    told.do(Step("fire", 0, 1000, None, None, "policy", None, schedule.trigger))
    told.come_true()


@given(schedules, st.integers(0, 60), st.integers(1, 5))
def test_what_is_gone_is_unknown(schedule: Schedule, wait: int, forgotten: int) -> None:
    """Rule G3: fire times whose records are not kept any more are told as unknown, in one span."""
    told = Told(attrs.evolve(schedule, max_jitter=None))
    for _ in range(wait):
        told.do(Step("fire", 1, 100, None, None, "policy", None, schedule.trigger))
    told.records, told.queued = sorted([*told.records], key=lambda one: one.last), []
    jobs = {t for t, _, _ in told.jobs if t is not None}
    gone = told.records[:forgotten]
    told.records = told.records[forgotten:]
    since = min((one.first for one in told.records), default=told.snapshot.next_fire_time)
    expected = [
        t for t in {*jobs, *(t for t, _ in told.model.skips)} if T0 <= t and (since is None or t < since)
    ]
    unknown = [one for one in told.tell(told.now) if one.status == "unknown"]
    assert len(unknown) == min(1, len(expected))
    for one in unknown:
        assert gone or told.jobs
        assert (min(expected), max(expected), len(expected)) == (one.first, one.last, one.number)
