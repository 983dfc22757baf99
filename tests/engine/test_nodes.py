"""Several schedulers on one data store (rules N1, N2, S2 and S3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import pytest
from tests.engine.conftest import MakeScheduler
from tests.engine.support import KEEP, Heard, Runs, StoreProxy, outcome, since_start

from anysched import (
    AsyncScheduler,
    IntervalTrigger,
    JobOutcome,
    JobReleased,
    Schedule,
    ScheduleAdded,
    SchedulePaused,
    SchedulerRole,
    StoreError,
)
from anysched.ports.store import DataStore
from anysched.stores import MemoryDataStore
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["memory", "sqlite", "sqlite, one store"])
def stores(request: pytest.FixtureRequest, make_store: Callable[[str], DataStore]) -> Callable[[], DataStore]:
    """Gives each node its store: the same object in memory; of its own, or the same, on one file."""
    kind = request.param.partition(",")[0]
    shared = make_store(kind)
    return (lambda: make_store(kind)) if request.param == "sqlite" else lambda: shared


async def test_each_fire_time_runs_once(
    make: MakeScheduler, stores: Callable[[], DataStore], clock: FakeClock, runs: Runs
) -> None:
    """Rules S3 and N1: on however many nodes, each fire time of each schedule has exactly one job."""
    async with (
        make(stores()) as one,
        make(stores(), tasks=[runs.task()]),
        make(stores(), tasks=[runs.task()]),
    ):
        await one.add_schedules(
            Schedule(runs.task(), IntervalTrigger(seconds=number + 1), id=f"{number}", args=[number])
            for number in range(5)
        )
        await clock.advance(20)
    for number in range(5):
        mine = [fire for fire, args in zip(runs.fire_times, runs.args, strict=True) if args == (number,)]
        assert list(range(0, 21, number + 1)) == sorted(mine)  # type: ignore[type-var]


async def test_work_is_shared(
    make: MakeScheduler, stores: Callable[[], DataStore], clock: FakeClock, runs: Runs
) -> None:
    """Rule N1: what one node has no room for another takes, at the latest at its next look."""
    tick = runs.task(takes=100)
    async with (
        make(stores(), max_concurrent_jobs=2) as one,
        make(stores(), max_concurrent_jobs=3, tasks=[tick]) as two,
    ):
        await one.add_jobs(tick, [[]] * 10)
        await clock.advance(10)
        assert (2, 3) == (one.health.running_jobs, two.health.running_jobs)
        await clock.advance(300)
    assert 10 == len(runs.take())


async def test_a_pause_holds_on_all_nodes(
    make: MakeScheduler, stores: Callable[[], DataStore], clock: FakeClock, runs: Runs
) -> None:
    """Rule P1: once a pause has returned, no node makes a job, and a resume on another node is seen by the first."""
    async with make(stores()) as one, make(stores(), tasks=[runs.task()]) as two:
        await one.add_schedule(runs.task(), IntervalTrigger(seconds=10), id="s")
        await clock.advance(25)
        assert [0, 10, 20] == runs.take()
        await two.pause_schedule("s")
        await clock.advance(100)
        assert [] == runs.take()
        assert (await one.get_schedule("s")).paused
        await two.unpause_schedule("s", resume_from="now")
        await clock.advance(9)
        assert [125] == runs.take()


async def test_roles(
    make: MakeScheduler, stores: Callable[[], DataStore], clock: FakeClock, runs: Runs
) -> None:
    """A client only asks, a scheduler makes jobs of every task, a worker runs jobs; together they do it all."""
    tick = runs.task()
    async with make(stores(), role="client") as client:
        assert SchedulerRole.client is client.role
        await client.add_schedule(tick, IntervalTrigger(seconds=10), id="s")
        await clock.advance(15)
        assert [] == await client.get_jobs()
        async with make(stores(), role="scheduler"):
            await clock.advance(10)
            assert [10, 20] == [since_start(job.run_at) for job in await client.get_jobs()]
            assert [] == runs.take()
            async with make(stores(), role="worker", tasks=[tick]):
                await clock.advance(20)
                assert [10, 20, 30, 40] == runs.take_fire_times()
                assert all(began <= due + 5 for began, due in zip(runs.take(), (25, 25, 30, 40), strict=True))
        async with make(stores(), role="worker", tasks=[tick]):
            await clock.advance(60)
            assert [] == runs.take()


async def test_a_task_that_this_node_does_not_know(
    make: MakeScheduler,
    stores: Callable[[], DataStore],
    clock: FakeClock,
    runs: Runs,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Rule S2: a node leaves schedules and jobs of tasks that it does not know to others, and says so once."""
    theirs = runs.task("theirs")
    async with make(stores()) as one:
        async with make(stores(), role="client") as client:
            await client.add_schedule(theirs, IntervalTrigger(seconds=10), id="far")
            await client.add_job(theirs)
        await one.add_schedule(runs.task("mine"), IntervalTrigger(seconds=10), id="near")
        await clock.advance(35)
        assert [0, 10, 20, 30] == runs.take()
        told = [record.getMessage() for record in caplog.records if "far" in record.getMessage()]
        assert ["schedule far is left to nodes that know its task 'theirs'"] == told
        assert (await one.get_schedule("far")).status.value == "active"
        async with make(stores(), tasks=[theirs]):
            await clock.advance(1)
        assert 2 == len(runs.take())


async def test_a_task_that_becomes_known_soon_after_the_start(
    make: MakeScheduler,
    stores: Callable[[], DataStore],
    clock: FakeClock,
    runs: Runs,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A program that comes back and adds its schedules again is not told that it does not know their tasks."""
    tick = runs.task()
    async with make(stores()) as scheduler:
        await scheduler.add_schedule(tick, IntervalTrigger(seconds=10), id="s")
        await clock.advance(15)
    await clock.advance(20)
    async with make(stores()) as scheduler:
        await clock.advance(1)
        await scheduler.add_schedule(tick, IntervalTrigger(seconds=10), id="s")
        await clock.advance(20)
    assert [0, 10, 36, 40, 50] == runs.take()
    assert [] == [record.getMessage() for record in caplog.records if "is left to" in record.getMessage()]


async def test_a_node_learns_a_task(
    make: MakeScheduler, stores: Callable[[], DataStore], clock: FakeClock, runs: Runs
) -> None:
    """A node that gets to know a task takes what waits for it, at once."""
    async with make(stores(), role="client") as client:
        await client.add_job(runs.task())
    async with make(stores()) as scheduler:
        await clock.advance(1)
        assert [] == runs.take()
        await scheduler.configure_task(runs.task(), max_attempts=2)
        await clock.settle()
        assert [1] == runs.take()


async def test_nodes_on_one_store_hear_each_other(make: MakeScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule N1: schedulers on one store object share their events, without any set-up."""
    store = MemoryDataStore()
    heard = Heard()
    async with make(store, role="client") as client, make(store, tasks=[runs.task()]) as worker:
        client.subscribe(heard)
        job_id = await client.add_job("tick", result_expiration_time=KEEP)
        await worker.add_schedule("tick", IntervalTrigger(hours=1), id="s", paused=False)
        await worker.pause_schedule("s")
        await clock.settle()
        assert {ScheduleAdded, SchedulePaused, JobReleased} <= {type(event) for event in heard.events}
        assert JobOutcome.success is await outcome(client, job_id)


async def test_an_event_that_is_lost(
    make: MakeScheduler, make_store: Callable[[str], DataStore], clock: FakeClock, runs: Runs
) -> None:
    """Rule N2: nodes that hear nothing of each other find changes at their next look, none is lost."""
    tick = runs.task()
    async with (
        make(make_store("sqlite"), tasks=[tick], poll_interval=5),
        make(make_store("sqlite"), role="client") as client,
    ):
        await clock.advance(1)
        await client.add_schedule(tick, IntervalTrigger(seconds=3), id="s", coalesce="all")
        await clock.advance(12)
        assert [1, 4, 7, 10, 13] == runs.take_fire_times()
        assert runs.times[0] <= 6


def test_another_event_loop() -> None:
    """Rule N1: a store in memory that serves one event loop refuses another one meanwhile, and says why."""
    store = MemoryDataStore()
    refusals: list[str] = []

    async def second() -> None:
        async with AsyncScheduler(store):
            pytest.fail("it has started")

    def run_second() -> None:
        try:
            anyio.run(second)
        except StoreError as exc:
            refusals.append(str(exc))

    async def first() -> None:
        async with AsyncScheduler(store):
            await anyio.to_thread.run_sync(run_second)

    anyio.run(first)
    assert 1 == len(refusals)
    assert "one event loop at a time" in refusals[0]


async def test_a_completion_frees_a_slot_elsewhere(
    make: MakeScheduler, stores: Callable[[], DataStore], clock: FakeClock, runs: Runs
) -> None:
    """Rules J5 and N2: a node that waits for room in a task finds it when a job of another node ends."""
    tick = runs.task(takes=30)
    async with make(stores(), tasks=[tick]) as one, make(stores(), tasks=[tick]) as two:
        await one.configure_task("tick", max_running_jobs=1)
        await one.add_job(tick)
        await clock.advance(1)
        await two.add_job(tick)
        await clock.advance(40)
        assert 2 == len(runs.times)
        assert 30 <= runs.times[1] <= 36


async def test_one_node_stops_while_another_goes_on(
    make: MakeScheduler, stores: Callable[[], DataStore], clock: FakeClock, runs: Runs
) -> None:
    """Rule J6: what a stopping node gives back another takes at once, or at its next look."""
    tick = runs.task(takes=100)
    async with make(stores(), tasks=[tick], max_concurrent_jobs=1) as two:
        async with make(stores(), max_concurrent_jobs=5) as one:
            await two.add_job(tick)
            await clock.advance(1)
            await one.add_jobs(tick, [[]] * 3)
            await clock.advance(1)
        before = len(runs.take())
        assert 4 == before
        await clock.advance(450)
        assert 3 == len(runs.take())
        assert [] == await two.get_jobs()


async def test_a_store_is_told_when_nodes_come_and_go(make: MakeScheduler) -> None:
    """Every successful ``open`` of a store is paired with one ``close``, also where several share it."""
    proxy: Any = StoreProxy(MemoryDataStore())
    async with make(proxy), make(proxy):
        assert 2 == proxy.calls["open"]
        assert 0 == proxy.calls.get("close", 0)
    assert 2 == proxy.calls["close"]
