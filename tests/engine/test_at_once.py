"""What a user's call makes due starts with it: no pass has to come for it (rule P4)."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
import sniffio
from tests.engine.conftest import MakeScheduler
from tests.engine.support import KEEP, Heard, Runs, StoreProxy, live

from anysched import (
    AsyncScheduler,
    IntervalTrigger,
    JobAcquired,
    JobAdded,
    JobReleased,
    JobStatus,
    RunState,
    ScheduleAdded,
    task,
)
from anysched.ports.store import DataStore
from anysched.stores import MemoryDataStore, SQLDataStore
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio

Call = Callable[[AsyncScheduler, Any], Awaitable[object]]

#: Calls that make something due, by name.
CALLS: dict[str, Call] = {
    "add_schedule": lambda scheduler, tick: scheduler.add_schedule(tick, IntervalTrigger(hours=1), id="new"),
    "unpause": lambda scheduler, _: scheduler.unpause_schedule("paused", resume_from="now"),
    "unpause what was missed": lambda scheduler, _: scheduler.unpause_schedule("paused"),
    "run": lambda scheduler, _: scheduler.run_schedule("paused"),
    "add_job": lambda scheduler, tick: scheduler.add_job(tick),
    "run_job": lambda scheduler, tick: scheduler.run_job(tick),
}


def without_passes(proxy: StoreProxy) -> Callable[[], None]:
    """Have no pass begin until what is returned is called."""
    go_on = anyio.Event()
    proxy.delays["advance"] = go_on.wait
    return go_on.set


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
async def test_no_pass_is_needed(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs, call: Call
) -> None:
    """Rule P4: what a call makes due on a node that has room starts, though no pass comes, and once."""
    proxy, tick = StoreProxy(store), runs.task()
    async with make(proxy, tasks=[tick]) as scheduler:
        await scheduler.add_schedule(tick, IntervalTrigger(seconds=10), id="paused", paused=True)
        await clock.advance(15)
        go_on = without_passes(proxy)
        with anyio.fail_after(5):
            await call(scheduler, tick)
            while not runs.times:
                await anyio.lowlevel.checkpoint()
        go_on()
        await clock.settle()
        assert [15] == runs.times


async def test_a_busy_node_takes_nothing(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """What a node has no room for waits in the store, where others find it, until there is room."""
    tick = runs.task(takes=10)
    async with make(store, max_concurrent_jobs=2) as scheduler:
        await clock.settle()
        await scheduler.add_job(tick)
        await scheduler.add_jobs(tick, [[1], [2]])
        await scheduler.add_schedule(tick, IntervalTrigger(hours=1), id="s")
        await clock.settle()
        assert 2 == len(runs.times)
        statuses = Counter(job.status for job in await scheduler.get_jobs())
        assert {JobStatus.queued: 2, JobStatus.running: 2} == statuses
        await clock.advance(30)
        assert [0, 0, 10, 10] == runs.times


async def test_nodes_without_workers(
    make: MakeScheduler, make_store: Callable[[str], DataStore], clock: FakeClock, runs: Runs
) -> None:
    """A node that runs no jobs takes none."""
    tick = runs.task()
    stores = make_store("sqlite"), make_store("sqlite")
    async with make(stores[0], role="scheduler") as scheduler, make(stores[1], role="client") as client:
        await scheduler.add_schedule(tick, IntervalTrigger(hours=1), id="a")
        await client.add_schedule(tick, IntervalTrigger(hours=1), id="b")
        await client.add_job(tick)
        await clock.advance(30)
        assert [JobStatus.queued] * 3 == [job.status for job in await client.get_jobs()]
    assert [] == runs.times


async def test_what_is_told(make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs) -> None:
    """Events come in the order of what happened, as with a pass."""
    heard, kinds = Heard(), (ScheduleAdded, JobAdded, JobAcquired, JobReleased)
    async with make(store) as scheduler:
        scheduler.subscribe(heard, kinds)
        await clock.settle()
        await scheduler.add_schedule(runs.task(), IntervalTrigger(hours=1), id="s")
        await clock.settle()
        assert [*kinds] == [type(event) for event in heard.events]
        assert 1 == len({event.job_id for event in heard.of(JobAdded, JobAcquired, JobReleased)})
        heard.events.clear()
        await scheduler.add_job(runs.task())
        await clock.settle()
        assert [JobAdded, JobAcquired, JobReleased] == [type(event) for event in heard.events]


async def test_a_stop_meanwhile(make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs) -> None:
    """Rule J6: what a call takes while the scheduler stops is not begun, and not lost."""
    proxy, begun, adding, go_on = StoreProxy(store), anyio.Event(), anyio.Event(), anyio.Event()
    tick = runs.task()

    @task(id="job")
    async def job() -> None:
        begun.set()
        await anyio.sleep(0.05)

    async def wait() -> None:
        adding.set()
        await go_on.wait()

    async with make(proxy, tasks=[tick]) as scheduler:
        await scheduler.add_job(job)
        await begun.wait()
        proxy.delays["add_jobs"] = wait
        async with anyio.create_task_group() as task_group:
            task_group.start_soon(scheduler.add_job, tick)
            await adding.wait()
            task_group.start_soon(scheduler.stop)
            while scheduler.state is RunState.started:
                await anyio.lowlevel.checkpoint()
            go_on.set()
        assert int(store.durable) == proxy.calls.get("give_back", 0)
    async with make(store, role="client") as client:
        assert [(JobStatus.queued, 1)] == [(job.status, job.attempt) for job in await client.get_jobs()]
    assert [] == runs.times


async def test_a_scheduler_that_has_stopped(make: MakeScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule J6: a call that outlives the scheduler leaves its job to the next one on the same store."""
    store = MemoryDataStore()
    proxy, tick, adding, go_on = StoreProxy(store), runs.task(), anyio.Event(), anyio.Event()

    async def wait() -> None:
        adding.set()
        await go_on.wait()

    proxy.delays["add_jobs"] = wait
    async with anyio.create_task_group() as task_group:
        async with make(proxy, tasks=[tick]) as scheduler:
            await clock.settle()
            task_group.start_soon(scheduler.add_job, tick)
            await adding.wait()
        go_on.set()
    assert [] == runs.times
    async with make(store, tasks=[tick]):
        await clock.settle()
    assert [0] == runs.times


async def test_a_caller_who_is_cancelled(tmp_path: Path) -> None:
    """Rule J1: what a call has committed that asyncio has let go of starts all the same, long before a poll."""
    if sniffio.current_async_library() != "asyncio":
        pytest.skip("other event loops let go of no thread")
    ran = asyncio.Event()

    @task(id="job")
    async def job() -> None:
        ran.set()

    path = tmp_path / "jobs.db"
    store = SQLDataStore(f"sqlite:///{path}")
    async with live(store, tasks=[job], poll_interval=timedelta(hours=1)) as scheduler:
        await scheduler.run_job(job)
        ran.clear()
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        call = asyncio.create_task(scheduler.add_job(job, result_expiration_time=KEEP))
        await anyio.sleep(0.1)  # it waits for the lock
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert not ran.is_set()
        other.execute("COMMIT")
        with anyio.fail_after(5):
            await ran.wait()
        other.close()
