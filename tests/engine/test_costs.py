"""What must not grow with time, or with what is not due (rules T4, L2 and S5)."""

from __future__ import annotations

import time
from datetime import timedelta

import anyio
import anyio.lowlevel
import pytest
from tests.engine.conftest import MakeScheduler
from tests.engine.support import Runs, StoreProxy
from tests.engine.triggers import Plain

from anysched import AsyncScheduler, IntervalTrigger, Schedule, ScheduleState
from anysched.ports.store import DataStore
from anysched.stores import MemoryDataStore
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio


async def test_paused_schedules_cost_nothing(
    make: MakeScheduler, clock: FakeClock, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rule S5: thousands of overdue paused schedules are not looked at, pass after pass."""
    async with make(MemoryDataStore()) as scheduler:
        await scheduler.add_schedules(
            Schedule(runs.task(), IntervalTrigger(seconds=1), id=f"{number}", paused=True)
            for number in range(2000)
        )
        await scheduler.add_schedule(runs.task(), IntervalTrigger(seconds=1), id="active")
        await clock.advance(2)
        looks = 0
        original = ScheduleState.wake_at

        def counted(state: ScheduleState) -> object:
            nonlocal looks
            looks += 1
            return original.__get__(state)

        monkeypatch.setattr(ScheduleState, "wake_at", property(counted))
        await clock.advance(20)
        assert 20 <= looks < 500
    assert 23 == len(runs.take())


@pytest.mark.parametrize("resume_from", ["now", None])
async def test_a_resume_does_not_block_the_event_loop(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, resume_from: object
) -> None:
    """Rules L2 and T4: a resume with weeks of missed seconds leaves the event loop to others while it decides."""
    await scheduler.add_schedule(runs.task(), Plain(), id="s", paused=True)
    await clock.advance(timedelta(days=30))
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            began = time.perf_counter()
            await anyio.lowlevel.checkpoint()
            longest = max(longest, time.perf_counter() - began)

    async with anyio.create_task_group() as task_group:
        task_group.start_soon(watch)
        await anyio.sleep(0.01)
        result = await scheduler.unpause_schedule("s", resume_from=resume_from)  # type: ignore[arg-type]
        task_group.cancel_scope.cancel()
    assert result.skipped >= 10_000
    assert longest < 0.25


@pytest.mark.parametrize("way", ["add", "apply"])
async def test_many_declarations_leave_the_event_loop_to_others(
    scheduler: AsyncScheduler, runs: Runs, way: str
) -> None:
    """Rule L2: others have their turn again and again while thousands of declarations are looked at."""
    declared = [Schedule(runs.task(), IntervalTrigger(hours=1), id=f"{number}") for number in range(2000)]
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await anyio.lowlevel.checkpoint()
            turns += 1

    async with anyio.create_task_group() as tg:
        tg.start_soon(others)
        if way == "add":
            await scheduler.add_schedules(declared)
        else:
            await scheduler.apply_schedules(declared, owner="program")
        tg.cancel_scope.cancel()
    assert turns >= 20


async def test_what_is_gone_is_forgotten(make: MakeScheduler, clock: FakeClock, runs: Runs) -> None:
    """A store in memory lets go of what was removed, of jobs that ended, and of results that have expired."""
    async with make(MemoryDataStore(), cleanup_interval=60) as scheduler:
        for number in range(500):
            id = await scheduler.add_schedule(runs.task(), IntervalTrigger(days=1), id=f"{number}")
            await scheduler.pause_schedule(id)
            await scheduler.unpause_schedule(id)
            await scheduler.remove_schedule(id)
            await scheduler.add_job(runs.task(), result_expiration_time=30)
        await clock.advance(120)
        assert {"tick"} == scheduler._engine.settings.tasks.names
        store = scheduler._engine.settings.store
        assert isinstance(store, MemoryDataStore)
        assert 0 == len(store._results) == len(store._jobs) == len(store._schedules)
        assert 100 > len(store._schedules._heap)


async def test_what_has_expired_is_deleted(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Expired results are deleted every ``cleanup_interval``, by default too; None leaves that to other nodes."""
    proxy, other = StoreProxy(store), StoreProxy(store)
    async with make(proxy), make(other, cleanup_interval=None):
        await clock.advance(3000)
        assert 0 == other.calls.get("clean_up", 0)
        assert 1 <= proxy.calls["clean_up"]


async def test_a_burst_leaves_the_event_loop_to_others(runs: Runs) -> None:
    """Rule L2: a thousand schedules due at one instant hold the event loop for moments only."""
    longest = 0.0
    done, all_done = 0, anyio.Event()

    async def job() -> None:
        nonlocal done
        done += 1
        if done == 1000:
            all_done.set()

    async def watch() -> None:
        nonlocal longest
        while True:
            began = time.perf_counter()
            await anyio.lowlevel.checkpoint()
            longest = max(longest, time.perf_counter() - began)

    async with AsyncScheduler(timezone="UTC") as scheduler, anyio.create_task_group() as task_group:
        await scheduler.add_schedules(
            Schedule(job, IntervalTrigger(hours=1), id=f"{number}", paused=True) for number in range(1000)
        )
        task_group.start_soon(watch)
        for number in range(1000):
            await scheduler.unpause_schedule(f"{number}")
        with anyio.fail_after(10):
            await all_done.wait()
        task_group.cancel_scope.cancel()
    assert longest < 0.25
