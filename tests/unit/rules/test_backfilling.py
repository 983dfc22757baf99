"""Backfills: which fire times, in what order, how many at once, and what the schedule leaves to them (F1 to F4)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any
from uuid import UUID

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.rules.support import (
    T0,
    Every,
    FastEvery,
    Instants,
    Saying,
    added,
    after,
    at,
    fired,
    once,
    options_of,
    paused,
    same,
    since,
    state_of,
)

from anysched.errors import (
    BackfillLookupError,
    ConflictingBackfillError,
    DeserializationError,
    TriggerError,
)
from anysched.model.backfill import Backfill, BackfillPlan
from anysched.model.change import Change
from anysched.model.events import BackfillChanged, FireTimesSkipped, ScheduleFinished
from anysched.model.history import Retention, RunRecord
from anysched.model.ids import new_id
from anysched.model.job import EndedJob, Job, JobResult
from anysched.model.policies import ConflictPolicy, JobKind, JobOutcome, SkipReason, WindowMode
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.task import TaskDefaults
from anysched.model.window import Window
from anysched.rules import backfilling
from anysched.rules.adding import add
from anysched.rules.backfill_plans import (
    Past,
    Wanted,
    check_range,
    check_retention,
    find,
    known_since,
    runs_in,
)
from anysched.rules.occurrences import move, skip
from anysched.rules.pausing import pause, unpause
from anysched.rules.policy import Policy
from anysched.rules.times import FireTimes
from anysched.rules.windows import rewindowed

POLICY = Policy(TaskDefaults())
FAR = 10**6


def begun(
    snapshot: ScheduleSnapshot,
    start: float,
    end: float,
    now: float,
    *,
    live: Sequence[float] = (),
    runs: dict[float, bool] | None = None,
    **wanted: Any,
) -> tuple[ScheduleSnapshot, Change, BackfillPlan]:
    """Begin a backfill; return the schedule afterwards, the change and the plan."""
    check_range(at(start), at(end), at(now))
    asked = {"reprocess": "none", "order": "oldest", "max_running": 1, **wanted}
    past = Past(
        version=snapshot.state.version,
        live=frozenset(map(at, live)),
        runs={at(one): good for one, good in (runs or {}).items()},
        found=find(snapshot, at(start), at(end)),
    )
    wish = Wanted(start=at(start), end=at(end), **asked)
    change, plan = backfilling.begin(snapshot, options_of(snapshot), at(now), wish, past)
    return after(snapshot, change), change, plan


def ending(
    snapshot: ScheduleSnapshot, *jobs: Job, outcome: JobOutcome = JobOutcome.success, now: float = FAR
) -> Change:
    """End jobs."""
    ends = [EndedJob(job, JobResult(job.id, outcome, at(now), at(now))) for job in jobs]
    return POLICY.ended(snapshot, None, ends, at(now))


def the_one(snapshot: ScheduleSnapshot) -> Backfill:
    (backfill,) = snapshot.state.backfills
    return backfill


def run_through(snapshot: ScheduleSnapshot, change: Change) -> tuple[ScheduleSnapshot, list[float | None]]:
    """End the jobs of a backfill one by one, until there are no more; return the fire times in their order."""
    jobs, order = list(change.jobs), list[float | None]()
    while jobs:
        job = jobs.pop(0)
        order.append(since(job.scheduled_fire_time))
        change = ending(snapshot, job)
        snapshot = after(snapshot, change)
        jobs += change.jobs
    return snapshot, order


@pytest.mark.parametrize("trigger", [Every(start=at(-100)), FastEvery(start=at(-100))])
@pytest.mark.parametrize(("order", "expected"), [("oldest", range(3, 8)), ("newest", range(7, 2, -1))])
@pytest.mark.parametrize("most", [1, 2, 9])
def test_one_job_for_each_in_order(trigger: Every, order: str, expected: range, most: int) -> None:
    """Rules F1 and F2: each fire time of the range gets one job, in order, and only so many at once."""
    snapshot = attrs.evolve(added(trigger, at(20)))
    snapshot, change, plan = begun(snapshot, 2.5, 7, 20, order=order, max_running=most)
    assert list(expected) == [since(one) for one in plan.fire_times]
    assert list(expected)[:most] == fired(change)
    for job in change.jobs:
        assert (JobKind.backfill, at(20), None, True) == (
            job.kind,
            job.run_at,
            job.start_deadline,
            job.counted,
        )
        assert job.backfill == plan.id
    snapshot, ran = run_through(snapshot, change)
    done = the_one(snapshot)
    assert list(expected) == ran
    assert ("done", 5, 5, 5, 0, 0) == (
        done.status, done.total, done.made, done.succeeded, done.running, done.remaining,
    )  # fmt: skip
    assert at(FAR) == done.finished_at
    assert (snapshot.state.next_fire_time, snapshot.state.jobs_made) == (at(20), 0)


def test_what_is_left_out() -> None:
    """Rule F1: what runs, what was named, and by `reprocess` what has run; the plan counts them by reason."""
    snapshot = added(Every(start=at(0)), at(0), max_jitter=timedelta(seconds=0.9))
    snapshot = paused(snapshot)
    for named in (3, 4):
        snapshot = after(snapshot, skip(snapshot, options_of(snapshot), at(0), at(named)))
    runs = {0.0: True, 1.0: False}
    to_come = FireTimes.of(snapshot.schedule, at(0)).due_at(at(9)) > at(9)
    expected: dict[str, tuple[list[float], dict[str, int]]] = {
        "none": ([5, 6, 7, 8], {"has_run": 2, "live": 1, "named": 2}),
        "failed": ([1, 5, 6, 7, 8], {"has_run": 1, "live": 1, "named": 2}),
        "all": ([0, 1, 5, 6, 7, 8], {"live": 1, "named": 2}),
    }
    assert to_come
    for word, (fire_times, left_out) in expected.items():
        _, _, plan = begun(snapshot, 0, 9, 9, live=[2], runs=runs, reprocess=word)
        assert fire_times == [since(one) for one in plan.fire_times]
        assert {**left_out, "to_come": 1} == plan.left_out


def test_nothing_to_do() -> None:
    """Rule F1: where all has run nothing is begun, so that asking twice does no harm."""
    snapshot = added(Every(start=at(0)), at(9))
    same_snapshot, change, plan = begun(snapshot, 0, 1, 9, runs={0: True, 1: False})
    assert (None, None, (), {"has_run": 2}) == (change.state, plan.backfill, plan.fire_times, plan.left_out)
    assert same_snapshot == snapshot


def test_which_runs_count() -> None:
    """Rule F1: the last run counts; a job that never started is none, one that was abandoned is."""
    life = new_id(T0)

    def record(fire_time: float, outcome: JobOutcome, finished: float, *, started: bool = True) -> RunRecord:
        at_start = at(finished) if started else None
        kind = JobKind.regular
        return RunRecord(
            new_id(T0), "x", life, kind, at(fire_time), T0, outcome, at(finished), at_start
        )  # fmt: skip

    records = [
        record(1, JobOutcome.success, 5),
        record(1, JobOutcome.error, 4),
        record(2, JobOutcome.success, 4),
        record(2, JobOutcome.cancelled, 5),
        record(3, JobOutcome.missed_start_deadline, 5, started=False),
        record(4, JobOutcome.cancelled, 5, started=False),
        record(5, JobOutcome.abandoned, 5, started=False),
    ]
    assert {at(1): True, at(2): False, at(5): False} == runs_in(records)


def test_what_is_not_known() -> None:
    """Rules F1 and G3: fire times that the history does not reach back to are told, not made up."""
    snapshot = added(Every(start=at(-10)), at(0))
    state, month = snapshot.state, timedelta(days=30)
    assert at(0) == known_since(state, Retention(), [], at(100))
    assert at(100) == known_since(state, Retention(), [], at(100) + month)
    record = RunRecord(
        new_id(T0), "x", state.incarnation, JobKind.regular, at(4), T0, JobOutcome.success, at(4)
    )  # fmt: skip
    since_record = known_since(state, Retention(most=2), [record, record], at(100))
    assert at(4) < since_record < at(5)
    past = Past(
        version=state.version, known_since=at(3), found=find(snapshot, at(-5), at(5)), runs={at(0): False}
    )
    for reprocess, unknown in (("none", 2), ("failed", 2), ("all", 0)):
        wanted = Wanted(start=at(-5), end=at(5), reprocess=reprocess, order="oldest", max_running=1)  # type: ignore[arg-type]
        _, plan = backfilling.begin(snapshot, options_of(snapshot), at(9), wanted, past)
        assert unknown == plan.unknown  # 1 and 2; before 0 there was no schedule, and at 0 a run
    with pytest.raises(ValueError, match="reprocess must be 'all'"):
        check_retention(Retention(history=None), "none")
    check_retention(Retention(history=None), "all")


@pytest.mark.parametrize(
    ("start", "end", "complaint"),
    [
        (5, 4, "end must not lie before start"),
        (5, 21, "end must not lie in the future"),
        (21, 22, "start must not lie in the future"),
        (3.1, 3.9, r"no fire time from start .* the next one is .*:04"),
    ],
)
def test_ranges_that_make_no_sense(start: float, end: float, complaint: str) -> None:
    """Rule F1: an error names the argument."""
    with pytest.raises(ValueError, match=complaint):
        begun(added(Every(start=at(0)), at(20)), start, end, 20)


@pytest.mark.parametrize("trigger", [Every(start=at(-(10**9))), FastEvery(start=at(-(10**9)))])
def test_too_many(trigger: Every) -> None:
    """Rules F1 and T4: more than 10,000 are refused with their number, quickly, and are not stepped through."""
    began = perf_counter()
    with pytest.raises(ValueError, match=r"there are (1000000001|more than 10000) fire times"):
        find(added(trigger, at(0)), at(-(10**9)), at(0))
    assert len(trigger.asked) < 10_010
    assert perf_counter() - began < 2
    assert 10_000 == len(find(added(trigger, at(0)), at(-9999), at(0)))
    with pytest.raises(ValueError, match=r"more than 10000|10001"):
        find(added(trigger, at(0)), at(-10_000), at(0))


def test_too_many_holes() -> None:
    """Rule F1: what is left is kept as stretches; where there would be too many, it is refused beforehand."""
    snapshot = added(Every(start=at(0)), at(5000))
    runs = {float(one): True for one in range(0, 2100, 2)}
    with pytest.raises(ValueError, match="1050 stretches"):
        begun(snapshot, 0, 2099, 5000, runs=runs)
    assert 2100 == begun(snapshot, 0, 2099, 5000, runs=runs, reprocess="all")[2].total


def test_schedules_that_cannot_be_backfilled() -> None:
    """Rules F1 and S2: one that was set aside or cannot be read is refused; a finished one is not."""
    snapshot = added(Every(start=at(0)), at(9))
    broken = attrs.evolve(snapshot, state=attrs.evolve(snapshot.state, error="no"))
    with pytest.raises(ValueError, match="'x' was set aside: no"):
        begun(broken, 0, 1, 9)
    with pytest.raises(DeserializationError, match="cannot be backfilled from this node: no"):
        begun(attrs.evolve(snapshot, fault="no"), 0, 1, 9)
    finished = added(once(at(3)), at(0))
    finished = after(finished, POLICY.fire(finished, None, at(5), 9))
    assert [3] == fired(begun(finished, 0, 5, 9)[1])
    with pytest.raises(TriggerError):
        begun(
            attrs.evolve(snapshot, schedule=attrs.evolve(snapshot.schedule, trigger=Saying(lambda _: 3))),
            0,
            1,
            9,
        )


def test_overlaps() -> None:
    """Rule F3: two backfills of one schedule that are not over never are about the same time."""
    first, change, plan = begun(added(Every(start=at(0)), at(9)), 2, 4, 9)
    for start, end in ((4, 5), (1, 2), (3, 3), (0, 8)):
        with pytest.raises(ConflictingBackfillError) as caught:
            begun(first, start, end, 9)
        assert plan.id == caught.value.backfill_id
    assert 2 == len(begun(first, 5, 6, 9)[0].state.backfills)
    done, _ = run_through(first, change)
    assert 2 == len(begun(done, 2, 4, 9, reprocess="all")[0].state.backfills)


def test_only_so_many_are_kept() -> None:
    """Rule F3: of those that are over the latest 10 are kept; 20 at once are the most."""
    snapshot = added(Every(start=at(0)), at(100))
    for number in range(14):
        snapshot, change, _ = begun(snapshot, number, number, 100)
        snapshot, _ = run_through(snapshot, change)
    assert list(map(at, range(4, 14))) == [one.start for one in snapshot.state.backfills]
    for number in range(20, 40):
        snapshot, _, _ = begun(snapshot, number, number, 100)
    with pytest.raises(ValueError, match="20 backfills that are not over"):
        begun(snapshot, 50, 50, 100)


def test_missed_fire_times_are_left_to_it() -> None:
    """Rule F4: missed fire times of a paused schedule get their job from the backfill, and no other; both are told."""
    snapshot = paused(added(Every(start=at(0)), at(0), coalesce="all"))
    assert at(0) == snapshot.state.next_fire_time
    snapshot, change, _ = begun(snapshot, 0, 3, 9, max_running=2)
    assert at(4) == snapshot.state.next_fire_time
    assert {SkipReason.backfilled: 2} == snapshot.state.skipped
    (told,) = [event for event in change.events if isinstance(event, FireTimesSkipped)]
    assert ((SkipReason.backfilled, 2),) == told.counts
    snapshot, ran = run_through(snapshot, change)
    assert [0, 1, 2, 3] == ran
    assert {SkipReason.backfilled: 4} == snapshot.state.skipped
    resumed = unpause(snapshot, options_of(snapshot), at(9), missed="run_all")
    assert [4, 5, 6, 7, 8, 9] == fired(resumed)
    assert {SkipReason.backfilled: 4} == state_of(resumed).skipped


@pytest.mark.parametrize("trigger", [Every(start=at(0)), FastEvery(start=at(0))])
@pytest.mark.parametrize(("coalesce", "runs"), [("all", [0, 1, 6, 7]), ("latest", [7]), ("earliest", [0])])
def test_missed_ones_in_the_middle(trigger: Every, coalesce: str, runs: list[int]) -> None:
    """Rules F4, L1 and L3: whatever the schedule does about what was missed, it does about the others."""
    snapshot = paused(added(trigger, at(0), coalesce=coalesce))
    snapshot, change, _ = begun(snapshot, 2, 5, 7, order="newest")
    assert at(0) == snapshot.state.next_fire_time
    for taken in (2, 4, 5):
        with pytest.raises(ValueError, match="is left to a backfill"):
            move(snapshot, options_of(snapshot), at(7), at(taken), at(99))
    resumed = unpause(snapshot, options_of(snapshot), at(7))
    assert (runs, at(8)) == (fired(resumed), state_of(resumed).next_fire_time)
    snapshot = after(snapshot, resumed)
    snapshot, ran = run_through(snapshot, change)
    assert [5, 4, 3, 2] == ran
    skipped = snapshot.state.skipped
    assert 8 == snapshot.state.jobs_made + sum(skipped.values())
    assert 4 == skipped[SkipReason.backfilled]


def test_a_late_schedule_that_fires() -> None:
    """Rule F4: so it is with a schedule that is not paused, and late."""
    snapshot = added(Every(start=at(0)), at(0), coalesce="all")
    snapshot, change, _ = begun(snapshot, 1, 2, 4)
    change = POLICY.fire(snapshot, None, at(4), 9)
    assert [0, 3, 4] == fired(change)


def test_all_that_was_left() -> None:
    """Rules F4 and P8: a schedule whose last fire times are left to a backfill is finished; this goes on."""
    snapshot = paused(added(Every(start=at(0), end=at(1)), at(0)))
    snapshot, change, _ = begun(snapshot, 0, 5, 5)
    assert snapshot.state.next_fire_time is None
    assert [ScheduleFinished] == [type(one) for one in change.events if isinstance(one, ScheduleFinished)]
    back = backfilling.cancel(snapshot, the_one(snapshot).id, at(6))
    assert at(1) == state_of(back).next_fire_time
    assert [0, 1] == run_through(snapshot, change)[1]


def test_cancelling_gives_back() -> None:
    """Rule F4: what has no job comes back to the schedule, as long as that has dealt with nothing later."""
    snapshot = paused(added(Every(start=at(0)), at(0), coalesce="all"))
    snapshot, change, plan = begun(snapshot, 0, 4, 6)
    assert plan.id is not None
    snapshot = after(snapshot, ending(snapshot, *change.jobs))  # 0 has run, 1 waits
    assert at(5) == snapshot.state.next_fire_time
    cancelling = backfilling.cancel(snapshot, plan.id, at(6))
    assert plan.id == cancelling.dropped
    cancelled = after(snapshot, cancelling)
    assert (at(2), {SkipReason.backfilled: 2}) == (cancelled.state.next_fire_time, cancelled.state.skipped)
    assert ("cancelled", 2, 0, 3) == (
        the_one(cancelled).status, the_one(cancelled).made, the_one(cancelled).running, the_one(cancelled).remaining,
    )  # fmt: skip
    assert [2, 3, 4, 5, 6] == fired(unpause(cancelled, options_of(cancelled), at(6), missed="run_all"))
    assert backfilling.cancel(cancelled, plan.id, at(7)).state is None
    for decide in (
        backfilling.pause,
        lambda *args: backfilling.resume(args[0], options_of(args[0]), *args[1:]),
    ):
        with pytest.raises(ValueError, match="is cancelled, and cannot be"):
            decide(cancelled, plan.id, at(7))
        with pytest.raises(BackfillLookupError):
            decide(cancelled, UUID(int=1), at(7))
    resumed = after(snapshot, unpause(snapshot, options_of(snapshot), at(6)))
    late = state_of(backfilling.cancel(resumed, plan.id, at(7)))
    assert (at(7), {SkipReason.backfilled: 5}) == (late.next_fire_time, late.skipped)


def test_a_resume_that_begins_anew_takes_what_was_taken() -> None:
    """Rules F4 and P6: what was missed before a new beginning does not come back, and is counted."""
    snapshot = paused(added(Every(), at(0)))
    snapshot, _, plan = begun(snapshot, 0, 4, 6)
    assert plan.id is not None
    snapshot = after(snapshot, unpause(snapshot, options_of(snapshot), at(6.5), resume_from="now"))
    assert {SkipReason.backfilled: 1, SkipReason.paused: 2} == snapshot.state.skipped
    state = state_of(backfilling.cancel(snapshot, plan.id, at(7)))
    assert (at(6.5), 5) == (state.next_fire_time, state.skipped[SkipReason.backfilled])


def test_pausing_and_resuming_it() -> None:
    """Rule F3: a paused backfill makes no job, whatever ends; resumed, it makes those it has room for by now."""
    snapshot, change, plan = begun(added(Every(start=at(0)), at(9)), 0, 5, 9, max_running=2)
    assert plan.id is not None
    pausing = backfilling.pause(snapshot, plan.id, at(9))
    held = after(snapshot, pausing)
    assert ["paused"] == [event.status for event in pausing.events if isinstance(event, BackfillChanged)]
    assert backfilling.pause(held, plan.id, at(9)).state is None
    quiet = ending(held, *change.jobs)
    assert () == quiet.jobs
    held = after(held, quiet)
    assert ("paused", 0, 2) == (the_one(held).status, the_one(held).running, the_one(held).succeeded)
    resumed = backfilling.resume(held, options_of(held), plan.id, at(9))
    assert [2, 3] == fired(resumed)
    assert backfilling.resume(after(held, resumed), options_of(held), plan.id, at(9)).state is None
    assert [0, 1, 2, 3, 4, 5] == [0, 1, *run_through(after(held, resumed), resumed)[1]]
    lost = backfilling.resume(after(held, resumed), options_of(held), plan.id, at(9), running=0)
    assert [4, 5] == fired(lost)


def test_a_new_trigger_does_not_matter() -> None:
    """Rules F2 and S1: a backfill keeps the trigger and anchor it was begun with; arguments are the current ones."""
    snapshot = added(Every(), at(0))
    snapshot, change, _ = begun(snapshot, 2, 4, 5)
    other = attrs.evolve(snapshot.schedule, trigger=Every(timedelta(seconds=7), start=at(0)), args=(1,))
    replaced = add(other, snapshot, at(6), ConflictPolicy.replace, same)
    snapshot = after(snapshot, replaced)
    assert (at(7), ()) == (snapshot.state.next_fire_time, the_one(snapshot).taken)
    following = ending(snapshot, *change.jobs)
    assert ([3], (1,)) == (fired(following), following.jobs[0].args)
    assert [3, 4] == run_through(after(snapshot, following), following)[1]


def test_whoever_cannot_read_the_schedule_only_counts() -> None:
    """Rules F3 and S5: the end is counted by any node; the next job is made by a pass of one that can."""
    snapshot, change, _ = begun(paused(added(Every(start=at(0)), at(9))), 0, 5, 9)
    assert snapshot.state.wake_at is None
    counted = ending(attrs.evolve(snapshot, fault="unknown"), *change.jobs)
    assert () == counted.jobs
    snapshot = after(snapshot, counted)
    assert (0, 1) == (the_one(snapshot).running, the_one(snapshot).succeeded)
    assert snapshot.state.wake_at == at(9)
    going_on = POLICY.fire(snapshot, None, at(10), 9)
    assert [1] == fired(going_on)
    assert state_of(going_on).paused
    assert after(snapshot, going_on).state.wake_at is None
    damaged = POLICY.fire(attrs.evolve(snapshot, fault="damaged"), None, at(10), 9)
    assert ("damaged", None) == (state_of(damaged).error, state_of(damaged).wake_at)


def test_a_trigger_that_fails_ends_it() -> None:
    """Rule F3: what cannot go on is cancelled, and says why; the schedule and the job's end are not harmed."""
    snapshot, change, _ = begun(added(Every(start=at(0)), at(9)), 0, 5, 9)
    broken = attrs.evolve(the_one(snapshot), trigger=Saying(lambda _: 1 / 0))
    snapshot = attrs.evolve(snapshot, state=attrs.evolve(snapshot.state, backfills=(broken,)))
    ended = ending(snapshot, *change.jobs)
    over = the_one(after(snapshot, ended))
    assert ("cancelled", 1, 1) == (over.status, over.succeeded, over.made)
    assert over.error is not None
    assert "ZeroDivisionError" in over.error
    assert ["cancelled"] == [event.status for event in ended.events if isinstance(event, BackfillChanged)]


def test_failures_of_a_backfill_do_not_pause() -> None:
    """Rules B1 and F3: the breaker counts regular jobs; what it does and the next job come together all the same."""
    snapshot = added(Every(start=at(0)), at(9), pause_after_failures=1)
    snapshot, change, _ = begun(snapshot, 0, 5, 9)
    failing = ending(snapshot, *change.jobs, outcome=JobOutcome.error)
    failed = after(snapshot, failing)
    assert (0, False, [1], 1) == (
        failed.state.failures, failed.paused, fired(failing), the_one(failed).failed,
    )  # fmt: skip
    (regular,) = POLICY.fire(snapshot, None, at(9), 1).jobs
    both = ending(snapshot, regular, *change.jobs, outcome=JobOutcome.error)
    assert (True, [1], ("hold",)) == (state_of(both).paused, fired(both), both.queued)
    assert snapshot.state.revision < state_of(both).revision


def test_other_lives_do_not_count() -> None:
    """Rules F3 and S3: jobs of another life of the schedule, and of backfills that are forgotten, change nothing."""
    snapshot, change, _ = begun(added(Every(start=at(0)), at(9)), 0, 5, 9)
    (job,) = change.jobs
    for stranger in (attrs.evolve(job, incarnation=UUID(int=1)), attrs.evolve(job, backfill=UUID(int=1))):
        assert ending(snapshot, stranger).state is None


def test_windows_and_what_is_left_to_it() -> None:
    """Rules F4 and W2: what is left to a backfill is no concern of windows, and is counted once."""
    snapshot = added(FastEvery(start=at(0)), at(0), coalesce="all")
    window = Window(id="w", mode="skip", dates=((at(3), at(7)),), since=at(0))
    state = rewindowed(snapshot.schedule, snapshot.state, (window,), at(0))
    snapshot = paused(attrs.evolve(snapshot, state=state))
    snapshot, change, plan = begun(snapshot, 4, 8, 9)
    assert (5, at(0)) == (plan.total, snapshot.state.next_fire_time)
    snapshot = after(snapshot, unpause(snapshot, options_of(snapshot), at(9)))
    assert (4, {SkipReason.window: 1, SkipReason.backfilled: 1}) == (
        snapshot.state.jobs_made, snapshot.state.skipped,
    )  # fmt: skip
    snapshot, ran = run_through(snapshot, change)
    assert ([4, 5, 6, 7, 8], 5) == (ran, snapshot.state.skipped[SkipReason.backfilled])


def test_what_a_window_puts_off_is_to_come() -> None:
    """Rules F1 and W2: a fire time in a window that defers is left out until the window has ended."""
    snapshot = added(Every(start=at(0)), at(0), coalesce="all")
    window = Window(id="w", mode="defer", dates=((at(3), at(7)),), since=at(0))
    state = rewindowed(snapshot.schedule, snapshot.state, (window,), at(0))
    snapshot = paused(attrs.evolve(snapshot, state=state))
    assert {"to_come": 2} == begun(snapshot, 0, 4, 4)[2].left_out
    assert {} == begun(snapshot, 0, 4, 7)[2].left_out


class World:
    """A schedule with its jobs and its past, as a store keeps them; time passes as it is told."""

    def __init__(self, trigger: Every | Instants) -> None:
        self.now = 0
        self.snapshot = added(trigger, at(0), coalesce="all", max_catchup=10_000)
        self.live: list[Job] = []
        self.ran: list[tuple[datetime, bool]] = []
        self.dropped: set[datetime] = set()
        self.most: dict[UUID, int] = {}

    def write(self, change: Change) -> None:
        """Write a change, and check what must hold of it."""
        self.snapshot = after(self.snapshot, change)
        if change.dropped is not None:
            self.dropped |= {
                job.scheduled_fire_time
                for job in self.live
                if job.backfill == change.dropped and job.scheduled_fire_time is not None
            }
            self.live = [job for job in self.live if job.backfill != change.dropped]
        self.live += change.jobs
        times = [job.scheduled_fire_time for job in self.live]
        assert len(times) == len(set(times)), "two jobs for one fire time at once"
        for backfill in self.snapshot.state.backfills:
            alive = sum(job.backfill == backfill.id for job in self.live)
            assert backfill.status == "cancelled" or alive == backfill.running <= backfill.max_running
            assert not backfill.has_room, "room, and no job was made"
        if not self.snapshot.state.windows:  # else what is in them is counted later
            self.add_up()

    def add_up(self) -> None:
        """Rule L3: of the fire times that the schedule is past, each has a job or is counted, and none twice."""
        state = self.snapshot.state
        times = FireTimes.of(self.snapshot.schedule, state.anchor)
        end = state.next_fire_time
        passed = [one for one in times.between(at(-1), end or at(self.now)) if one != end]
        open_ones = {
            one
            for backfill in state.backfills
            for first, last in backfill.left
            for one in times.between(first - timedelta(microseconds=1), last)
            if any(a <= one <= b for a, b in backfill.taken)
        }
        ahead = (
            {
                one
                for backfill in state.backfills
                for first, last in backfill.taken
                for one in times.between(first - timedelta(microseconds=1), last)
            }
            - open_ones
            - set(passed)
        )
        done = state.jobs_made + sum(state.skipped.values()) - len(ahead)
        assert done == len(set(passed) - open_ones)

    def end(self, index: int, outcome: JobOutcome) -> None:
        """End a job, before or after it started."""
        if self.live:
            job = self.live.pop(index % len(self.live))
            assert job.scheduled_fire_time is not None
            self.ran.append((job.scheduled_fire_time, outcome is JobOutcome.success))
            self.write(ending(self.snapshot, job, outcome=outcome, now=self.now))

    def begin(self, first: int, length: int, reprocess: str, order: str, most: int) -> None:
        """Begin a backfill, if that is not refused."""
        live = [since(job.scheduled_fire_time) for job in self.live]
        runs = {since(one): good for one, good in self.ran}
        before = set(self.ran)
        try:
            _, change, plan = begun(
                self.snapshot, first, min(first + length, self.now), self.now,
                live=live, runs=runs, reprocess=reprocess, order=order, max_running=most,  # type: ignore[arg-type]
            )  # fmt: skip
        except (ValueError, ConflictingBackfillError):
            return
        assert before == set(self.ran)
        if reprocess == "none":
            assert not {one for one, _ in self.ran} & set(plan.fire_times)
        self.write(change)


def trigger_of(kind: str) -> Every | Instants:
    """Return a trigger; a new one, as each notes what it is asked."""
    if kind == "some":
        return Instants(tuple(map(at, (1, 2, 5, 9, 10, 11, 20, 31))))
    if kind == "fast":
        return FastEvery(start=at(0))
    return Every(start=at(0)) if kind == "slow" else FastEvery(timedelta(seconds=3), start=at(1), end=at(40))


NUMBER = st.integers(0, 30)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("pass"), st.integers(0, 5)),
        st.tuples(st.just("fire")),
        st.tuples(st.just("pause")),
        st.tuples(
            st.just("unpause"),
            st.sampled_from(["policy", "skip", "run_once"]),
            st.sampled_from([None, None, "now", 4, 14]),
        ),
        st.tuples(st.just("end"), NUMBER, st.sampled_from(JobOutcome)),
        st.tuples(st.just("end"), NUMBER, st.just(JobOutcome.success)),
        st.tuples(
            st.just("begin"),
            NUMBER,
            NUMBER,
            st.sampled_from(["none", "failed", "all"]),
            st.sampled_from(["oldest", "newest"]),
            st.integers(1, 4),
        ),
        st.tuples(st.sampled_from(["cancel", "hold", "go on"]), NUMBER),
    ),
    max_size=30,
)


def begin(world: World, missed: int, mode: WindowMode | None) -> None:
    """Put the schedule in windows, or pause it from the start for so long."""
    if mode is not None:
        window = Window(id="w", mode=mode, dates=((at(3), at(6)), (at(9), at(12.5))), since=at(0))
        schedule, state = world.snapshot.schedule, world.snapshot.state
        world.snapshot = attrs.evolve(world.snapshot, state=rewindowed(schedule, state, (window,), at(0)))
    if missed:
        world.snapshot, world.now = paused(world.snapshot), missed


def take(world: World, what: tuple[Any, ...]) -> None:
    """Let one thing happen."""
    step, *rest = what
    snapshot, now = world.snapshot, at(world.now)
    backfills = [one for one in snapshot.state.backfills if not one.is_over]
    if step == "pass":
        world.now += rest[0]
    elif step == "fire":
        world.write(POLICY.fire(snapshot, None, now, 10_000))
    elif step == "pause":
        wanted = attrs.evolve(paused(snapshot, now).state.pauses[0])
        world.write(pause(snapshot, options_of(snapshot), now, wanted))
    elif step == "unpause":
        start = min(at(rest[1]), now) if isinstance(rest[1], int) else rest[1]
        world.write(unpause(snapshot, options_of(snapshot), now, missed=rest[0], resume_from=start))
    elif step == "end":
        world.end(*rest)
    elif step == "begin":
        world.begin(*rest)
    elif backfills:
        chosen = backfills[rest[0] % len(backfills)].id
        if step == "cancel":
            world.write(backfilling.cancel(snapshot, chosen, now))
        elif step == "hold":
            world.write(backfilling.pause(snapshot, chosen, now))
        else:
            world.write(backfilling.resume(snapshot, options_of(snapshot), chosen, now))


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["slow", "fast", "ends", "some"]),
    st.sampled_from([0, 12]),
    st.sampled_from(["skip", "defer", None]),
    STEPS,
)
def test_whatever_happens(
    kind: str, missed: int, mode: WindowMode | None, steps: list[tuple[Any, ...]]
) -> None:
    """Rules F1 to F4: no fire time has two jobs at once, none gets lost, and no backfill has too many jobs, whatever
    fires, ends, is paused, resumed and cancelled in between."""
    world = World(trigger_of(kind))
    begin(world, missed, mode)
    for step in steps:
        take(world, step)
    totals = {one.id: one.total for one in world.snapshot.state.backfills if not one.is_over}
    for backfill in world.snapshot.state.backfills:
        if not backfill.is_over:
            world.write(
                backfilling.resume(world.snapshot, options_of(world.snapshot), backfill.id, at(world.now))
            )
    while world.live:
        world.end(0, JobOutcome.success)
    world.now += 20
    world.write(unpause(world.snapshot, options_of(world.snapshot), at(world.now)))
    world.write(POLICY.fire(world.snapshot, None, at(world.now), 10_000))
    world.add_up()
    over = {one.id: one for one in world.snapshot.state.backfills}
    for key, total in totals.items():
        if key in over:
            done = over[key]
            assert ("done", total, total) == (done.status, done.made, done.succeeded + done.failed)
