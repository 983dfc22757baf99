"""Running fire times of the past, on schedulers that run (rules F1 to F4)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.engine.conftest import MakeScheduler
from tests.engine.support import Heard, Runs, StoreProxy, at

from anysched import (
    AsyncScheduler,
    BackfillChanged,
    BackfillLookupError,
    ConflictingBackfillError,
    CronTrigger,
    DateTrigger,
    IntervalTrigger,
    JobKind,
    JobStatus,
    Retention,
    ScheduleLookupError,
    ScheduleStatus,
    SkipReason,
    task,
)
from anysched.ports.store import DataStore
from anysched.stores import MemoryDataStore
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio

#: Fires each ten seconds, since long before any test.
EVERY_10 = IntervalTrigger(seconds=10, start_time=at(-1000))


async def test_each_fire_time_runs_once(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, heard: Heard
) -> None:
    """Rules F1 to F3: one job after the other, in order, while the schedule goes on; progress and events tell of it."""
    await scheduler.add_schedule(runs.task(takes=1), EVERY_10, id="s", args=(7,))
    await clock.advance(5)
    runs.take_fire_times()
    plan = await scheduler.backfill("s", at(-50), at(-20), reason="gap", by="ana")
    assert (4, {}, 0) == (plan.total, plan.left_out, plan.unknown)
    assert [at(-50), at(-40), at(-30), at(-20)] == list(plan.fire_times)
    await clock.advance(2)
    (backfill,) = await scheduler.get_backfills("s")
    assert ("running", 4, 3, 1, 2, 1) == (
        backfill.status, backfill.total, backfill.made, backfill.running, backfill.succeeded, backfill.remaining,
    )  # fmt: skip
    (job,) = await scheduler.get_jobs(schedule_id="s")
    assert (JobKind.backfill, at(-30), plan.id) == (job.kind, job.scheduled_fire_time, job.backfill)
    await clock.advance(5)
    assert [-50, -40, -30, -20, 10] == runs.take_fire_times()
    assert [5, 6, 7, 8, 10] == runs.take()[-5:]
    (backfill,) = await scheduler.get_backfills()
    assert ("done", 4, "gap", "ana", at(9)) == (
        backfill.status, backfill.succeeded, backfill.reason, backfill.by, backfill.finished_at,
    )  # fmt: skip
    told = [(event.status, event.succeeded) for event in heard.of(BackfillChanged)]
    assert [("running", 0), ("done", 4)] == told
    again = await scheduler.backfill("s", at(-50), at(-20))
    assert (None, None, 0, {"has_run": 4}) == (again.id, again.backfill, again.total, again.left_out)


async def test_a_dry_run(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, heard: Heard) -> None:
    """Rule F1: it tells what would be done, and does nothing."""
    await scheduler.add_schedule(runs.task(), EVERY_10, id="s")
    await clock.advance(5)
    before = await scheduler.get_schedule("s")
    plan = await scheduler.backfill("s", at(-50), at(5), dry_run=True, order="newest")
    assert (at(-10), at(-20)) == plan.fire_times[:2]
    assert (5, None, {"has_run": 1}) == (plan.total, plan.backfill, plan.left_out)
    assert (before, []) == (await scheduler.get_schedule("s"), heard.of(BackfillChanged))
    assert before.state.version == plan.version
    await clock.advance(1)
    assert [0] == runs.take()


async def test_what_has_run_and_what_failed(scheduler: AsyncScheduler, clock: FakeClock) -> None:
    """Rule F1: by `reprocess`, fire times that have run are left out, or those that ran well, or none."""
    ran: list[Any] = []

    @task(id="fragile")
    async def fragile() -> None:
        ran.append(clock.now())
        if len(ran) == 2:
            raise ValueError("no")

    await scheduler.add_schedule(fragile, IntervalTrigger(seconds=10), id="s")
    await clock.advance(25)
    for reprocess, expected in (("none", []), ("failed", [at(10)]), ("all", [at(0), at(10), at(20)])):
        plan = await scheduler.backfill("s", at(0), at(20), dry_run=True, reprocess=reprocess)  # type: ignore[arg-type]
        assert expected == list(plan.fire_times)
    await scheduler.backfill("s", at(0), at(20), reprocess="failed")
    await clock.advance(1)
    assert 0 == (await scheduler.backfill("s", at(0), at(20), reprocess="failed")).total


async def test_a_paused_schedule_is_backfilled(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, heard: Heard
) -> None:
    """Rules F3 and F4: it goes on while the schedule is paused, whatever becomes of queued jobs; none runs twice."""
    await scheduler.add_schedule(runs.task(takes=1), EVERY_10, id="s", coalesce="all")
    await clock.advance(5)
    await scheduler.pause_schedule("s")
    await clock.advance(55)
    runs.take_fire_times()
    await scheduler.backfill("s", at(10), at(40))
    await scheduler.pause_schedule("s", queued="discard", running="drain")
    assert at(50) == (await scheduler.get_schedule("s")).next_fire_time
    await clock.advance(2)
    result = await scheduler.unpause_schedule("s", missed="run_all")
    assert 2 == len(result.jobs)
    await clock.advance(4)
    assert [10, 20, 30, 40, 50, 60] == sorted(time for time in runs.take_fire_times() if time is not None)
    state = (await scheduler.get_schedule("s")).state
    assert ({SkipReason.backfilled: 4}, at(70)) == (state.skipped, state.next_fire_time)
    (job,) = [await scheduler.run_schedule("s")]
    assert JobKind.manual is (await scheduler.get_jobs([job]))[0].kind
    assert at(70) == (await scheduler.get_schedule("s")).next_fire_time


async def test_a_pass_of_another_node_wins_or_loses_but_none_runs_twice(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rules F4 and S4: what was read before the schedule fired is read anew, and no fire time gets a second job."""
    proxy = StoreProxy(store)
    async with make(proxy) as scheduler:
        await scheduler.add_schedule(runs.task(), EVERY_10, id="s", coalesce="all")
        await scheduler.pause_schedule("s")
        await clock.advance(25)

        async def resume_first() -> None:
            del proxy.delays["get_jobs"]
            await scheduler.unpause_schedule("s")

        proxy.delays["get_jobs"] = resume_first
        plan = await scheduler.backfill("s", at(-10), at(20))
        assert [at(-10)] == list(plan.fire_times)
        assert set(plan.left_out) <= {"live", "has_run"}
        assert 3 == sum(plan.left_out.values())
        await clock.advance(1)
        assert [-10, 0, 10, 20] == sorted(time for time in runs.take_fire_times() if time is not None)


async def test_pausing_resuming_and_cancelling_it(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, heard: Heard
) -> None:
    """Rule F3: paused it makes no more jobs, resumed it does, cancelled it never will, and its queued jobs end."""
    await scheduler.add_schedule(runs.task(takes=1), EVERY_10, id="s", paused=True)
    plan = await scheduler.backfill("s", at(-90), at(-10))
    assert plan.id is not None
    assert "paused" == (await scheduler.pause_backfill(plan.id)).status
    await clock.advance(5)
    assert [-90] == runs.take_fire_times()
    assert "running" == (await scheduler.resume_backfill(plan.id)).status
    await clock.advance(1.5)
    cancelled = await scheduler.cancel_backfill(plan.id)
    assert ("cancelled", 3, 2) == (cancelled.status, cancelled.made, cancelled.succeeded)
    await clock.advance(10)
    assert [-80, -70] == runs.take_fire_times()
    (over,) = await scheduler.get_backfills("s")
    assert ("cancelled", 3, 6) == (over.status, over.succeeded, over.remaining)
    assert over == await scheduler.cancel_backfill(plan.id)
    words = ["running", "paused", "running", "cancelled"]
    assert words == [event.status for event in heard.of(BackfillChanged)]


async def test_cancelling_ends_what_waits(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rule F3: jobs of a cancelled backfill that no node has end as cancelled; those of the schedule stay."""
    async with make(store, role="scheduler") as scheduler:
        await scheduler.add_schedule(runs.task(), EVERY_10, id="s")
        await clock.advance(1)
        plan = await scheduler.backfill("s", at(-90), at(-10), max_running=3)
        assert plan.id is not None
        assert 4 == len(await scheduler.get_jobs(schedule_id="s", status=JobStatus.queued))
        await scheduler.cancel_backfill(plan.id)
        (left,) = await scheduler.get_jobs(schedule_id="s")
        assert JobKind.regular is left.kind
        plan = await scheduler.backfill("s", at(-90), at(-10))
        assert 9 == plan.total  # what never started is no run
        await scheduler.remove_schedule("s")
        assert ([], []) == (await scheduler.get_jobs(), await scheduler.get_backfills())


async def test_cancelling_its_jobs_makes_the_next(make: MakeScheduler, store: DataStore, runs: Runs) -> None:
    """Rule F3: a queued job that somebody cancels has ended, and counts; the next one is made with that."""
    async with make(store, role="scheduler") as scheduler:
        await scheduler.add_schedule(runs.task(), EVERY_10, id="s", paused=True)
        plan = await scheduler.backfill("s", at(-30), at(-10))
        assert plan.id is not None
        for fire_time in (-30, -20, -10):
            (job,) = await scheduler.get_jobs(schedule_id="s")
            assert at(fire_time) == job.scheduled_fire_time
            await scheduler.cancel_job(job.id)
        (over,) = await scheduler.get_backfills("s")
        assert ("done", 3, 0) == (over.status, over.failed, over.succeeded)


async def test_several_at_once(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule F2: as many wait or run at once as was asked for, and the next follows whichever ends."""
    await scheduler.add_schedule(runs.task(takes=2), EVERY_10, id="s", paused=True)
    await scheduler.backfill("s", at(-70), at(-10), max_running=3, order="newest")
    for _ in range(3):
        assert 3 >= len(await scheduler.get_jobs(schedule_id="s"))
        await clock.advance(2)
    await clock.advance(2)
    assert [0, 0, 0, 2, 2, 2, 4] == runs.take()
    assert [-10, -20, -30, -40, -50, -60, -70] == runs.take_fire_times()


async def test_a_restart(make: MakeScheduler, make_store: Any, clock: FakeClock, runs: Runs) -> None:
    """Rule F3: a backfill outlives the scheduler; the next one goes on with it, and runs nothing twice."""
    async with make(make_store("sqlite")) as scheduler:
        await scheduler.add_schedule(runs.task(takes=1), EVERY_10, id="s", paused=True)
        await scheduler.backfill("s", at(-50), at(-10))
        await clock.advance(2)
    ran = runs.take_fire_times()
    async with make(make_store("sqlite"), tasks=[runs.task(takes=1)]) as scheduler:
        await clock.advance(6)
        (over,) = await scheduler.get_backfills("s")
    assert "done" == over.status
    ran += runs.take_fire_times()
    assert [-50, -40, -30, -20, -10] == sorted({time for time in ran if time is not None})
    assert len(ran) <= 6  # the one that was cancelled by the stop is tried again


async def test_a_new_trigger_and_new_arguments(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs
) -> None:
    """Rules F2 and S1: replacing the schedule does not change which fire times run; the arguments are the new ones."""
    await scheduler.add_schedule(runs.task(takes=1), EVERY_10, id="s", args=("old",), paused=True)
    await scheduler.backfill("s", at(-30), at(-10))
    await scheduler.add_schedule(
        runs.task(takes=1), CronTrigger("* * * * *"), id="s", args=("new",), conflict_policy="replace"
    )
    await clock.advance(4)
    assert [-30, -20, -10] == runs.take_fire_times()
    assert [("old",), ("new",), ("new",)] == runs.args


async def test_naive_instants(make: MakeScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule T1: a naive start or end is read in the zone of the trigger, else in that of the scheduler."""
    async with make() as scheduler:
        trigger = CronTrigger("0 * * * *", timezone="Asia/Tokyo")
        await scheduler.add_schedule(runs.task(), trigger, id="s")
        plan = await scheduler.backfill(
            "s", datetime(2025, 1, 1, 7), datetime(2025, 1, 1, 8, 30), dry_run=True
        )
        assert [at(-7200), at(-3600)] == list(plan.fire_times)


async def test_a_finished_schedule(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule F1: a finished schedule can be backfilled, and stays finished."""
    await scheduler.add_schedule(runs.task(), DateTrigger(at(3)), id="s")
    await clock.advance(5)
    assert ScheduleStatus.finished is (await scheduler.get_schedule("s")).status
    await scheduler.backfill("s", at(0), at(5), reprocess="all")
    await clock.advance(1)
    assert [3, 3] == runs.take_fire_times()
    assert ScheduleStatus.finished is (await scheduler.get_schedule("s")).status


def _with(**arguments: Any) -> Callable[[AsyncScheduler], Awaitable[object]]:
    given = {"id": "s", "start": at(-50), "end": at(-10), **arguments}
    return lambda scheduler: scheduler.backfill(**given)


@pytest.mark.parametrize(
    ("call", "kind", "complaint"),
    [
        (_with(id="another"), ScheduleLookupError, "another"),
        (_with(start=at(-5), end=at(-10)), ValueError, "end must not lie before start"),
        (_with(end=at(9)), ValueError, "end must not lie in the future"),
        (_with(start=at(5), end=at(9)), ValueError, "start must not lie in the future"),
        (_with(start=None), TypeError, "start must be a datetime, not NoneType"),
        (_with(end=None), TypeError, "end must be a datetime, not NoneType"),
        (_with(start=at(-9), end=at(-8)), ValueError, "no fire time from start"),
        (_with(max_running=0), ValueError, "max_running must be at least 1"),
        (_with(max_running=1001), ValueError, "max_running must be at most 1000"),
        (_with(max_running=1.5), TypeError, "max_running must be a whole number"),
        (_with(reprocess="some"), ValueError, "reprocess must be one of"),
        (_with(order="random"), ValueError, "order must be one of"),
        (_with(dry_run=1), TypeError, "dry_run must be True or False"),
        (_with(by=3), TypeError, "by must be a string"),
        (lambda s: s.get_backfills("other"), ScheduleLookupError, "other"),
        (lambda s: s.pause_backfill(UUID(int=1)), BackfillLookupError, "no backfill with the id 0"),
        (lambda s: s.cancel_backfill(uuid4()), BackfillLookupError, "no backfill with the id"),
        (lambda s: s.resume_backfill("x"), TypeError, "UUID"),
    ],
)  # fmt: skip
async def test_bad_input(
    make: MakeScheduler,
    runs: Runs,
    call: Callable[[AsyncScheduler], Awaitable[object]],
    kind: type[Exception],
    complaint: str,
) -> None:
    """Rule F1: what makes no sense is refused by an error that names the argument."""
    async with make() as scheduler:
        await scheduler.add_schedule(runs.task(), EVERY_10, id="s")
        with pytest.raises(kind, match=complaint):
            await call(scheduler)
        assert [] == await scheduler.get_backfills()


async def test_refusals(make: MakeScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rules F1 and F3: too many fire times, two at the same time, and what nobody can know are refused."""
    async with make(retention=Retention(history=None)) as scheduler:
        second = IntervalTrigger(seconds=1, start_time=at(-(10**9)))
        await scheduler.add_schedule(runs.task(takes=9), second, id="s", paused=True)
        with pytest.raises(ValueError, match="there are 1000000001 fire times"):
            await scheduler.backfill("s", at(-(10**9)), at(0), reprocess="all")
        with pytest.raises(ValueError, match="reprocess must be 'all'"):
            await scheduler.backfill("s", at(-5), at(0))
        plan = await scheduler.backfill("s", at(-5), at(-3), reprocess="all")
        with pytest.raises(ConflictingBackfillError, match=str(plan.id)):
            await scheduler.backfill("s", at(-4), at(-4), reprocess="all")
        await scheduler.backfill("s", at(-2), at(-1), reprocess="all")
        assert 2 == len(await scheduler.get_backfills())
        await clock.advance(1)


async def test_history_that_is_gone(make: MakeScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rules F1 and G3: fire times of which nobody knows whether they have run count as not run, and are told."""
    store, retention = MemoryDataStore(), Retention(history=timedelta(seconds=25))
    async with make(store, retention=retention) as scheduler:
        await scheduler.add_schedule(runs.task(), IntervalTrigger(seconds=10), id="s")
        await clock.advance(65)
        await store.clean_up(retention)
        plan = await scheduler.backfill("s", at(0), at(60), dry_run=True)
        assert plan.unknown == plan.total > 0
        assert 7 == plan.total + plan.left_out["has_run"]
