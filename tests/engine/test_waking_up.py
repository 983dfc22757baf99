"""The loop wakes up when there is something to do, and at no other time (rules S5, P4, N2 and N4)."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import anyio
import pytest
from tests.engine.conftest import MakeScheduler
from tests.engine.support import Runs, StoreProxy, at
from tests.engine.triggers import TurnsBad

from anysched import (
    AsyncScheduler,
    CronTrigger,
    DateTrigger,
    IntervalTrigger,
    SystemClock,
)
from anysched.brokers.local import LocalEventBroker
from anysched.ports.store import DataStore
from anysched.stores import MemoryDataStore
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio


async def passes(proxy: StoreProxy, clock: FakeClock, seconds: float) -> int:
    """Return how often the store is looked at while this much time passes."""
    await clock.settle()
    before = proxy.calls.get("advance", 0)
    await clock.advance(seconds)
    return proxy.calls.get("advance", 0) - before


async def test_a_paused_head_does_not_spin(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rule S5: an overdue paused schedule at the head of the store costs no pass."""
    proxy = StoreProxy(store)
    async with make(proxy) as scheduler:
        await scheduler.add_schedule(runs.task(), IntervalTrigger(seconds=1), id="s", paused=True)
        await scheduler.add_schedule(runs.task(), IntervalTrigger(days=1, start_time=at(86_400)), id="t")
        assert 2 >= await passes(proxy, clock, 4.9)
        assert at(86_400) == scheduler.health.next_wake
        assert [] == runs.take()


@pytest.mark.parametrize("kind", ["error", "finished", "paused until", "foreign"])
async def test_nothing_to_do_costs_nothing(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs, kind: str
) -> None:
    """Rule S5: schedules in error, finished, paused until later or of a foreign task cost no pass."""
    proxy = StoreProxy(store)
    async with make(proxy) as scheduler, make(store, role="client", tasks=[foreign]) as client:
        if kind == "error":
            await scheduler.add_schedule(runs.task(), TurnsBad(), id="s")
        elif kind == "finished":
            await scheduler.add_schedule(runs.task(), DateTrigger(at(0)), id="s")
        elif kind == "paused until":
            await scheduler.add_schedule(runs.task(), IntervalTrigger(seconds=1), id="s")
            await scheduler.pause_schedule("s", until=at(500))
        else:
            await client.add_schedule(foreign, IntervalTrigger(seconds=1), id="s")
        await clock.advance(10)
        assert 2 >= await passes(proxy, clock, 100)


async def test_a_pass_for_each_fire_time(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rule S5: a schedule that fires ten times costs a few passes each time: to fire, to look again, for a lease."""
    proxy = StoreProxy(store)
    async with make(proxy) as scheduler:
        await scheduler.add_schedule(runs.task(), IntervalTrigger(minutes=1), id="s")
        await clock.settle()
        runs.take()
        assert 10 <= await passes(proxy, clock, 600) <= 35
        assert list(range(60, 601, 60)) == runs.take()


async def test_a_saturated_task_does_not_spin(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rules S5 and J5: queued jobs of a task that has no room cost no pass while they wait."""
    proxy = StoreProxy(store)
    async with make(proxy, lease_duration=3600) as scheduler:
        tick = runs.task(takes=500, max_running_jobs=1)
        await scheduler.add_jobs(tick, [[]] * 5)
        await clock.advance(1)
        assert 2 >= await passes(proxy, clock, 400)


async def test_real_time_does_not_spin_either(runs: Runs) -> None:
    """Rule S5: beside an overdue paused schedule, on the system clock, the scheduler does next to nothing."""
    proxy = StoreProxy(MemoryDataStore())
    async with AsyncScheduler(proxy, timezone=UTC) as scheduler:  # type: ignore[arg-type]
        await scheduler.add_schedule(runs.task(), IntervalTrigger(microseconds=1000), id="s", paused=True)
        await anyio.sleep(0.05)
        passes_before, cpu_before = proxy.calls["advance"], time.process_time()
        await anyio.sleep(0.5)
        assert 1 >= proxy.calls["advance"] - passes_before
        assert 0.1 > time.process_time() - cpu_before


async def test_what_others_write_is_found_by_polling(
    make: MakeScheduler, clock: FakeClock, store: DataStore, runs: Runs
) -> None:
    """Rule N2: work that nobody announced is found within the poll interval."""
    tick = runs.task()
    async with make(store, tasks=[tick], poll_interval=7):
        await clock.advance(1)
        async with make(store, event_broker=LocalEventBroker(), role="client") as client:
            await client.add_job("tick")
        await clock.advance(7)
        assert 1 == len(runs.take())


async def test_a_poll_comes_in_its_interval_though_the_clock_is_set_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Rules N2 and N4: a wall clock that is set back an hour does not put off the next look by an hour."""
    clock = SystemClock()
    started = time.monotonic()
    async with anyio.create_task_group() as task_group:

        async def set_back() -> None:
            monkeypatch.setattr(SystemClock, "now", lambda _: datetime.now(UTC) - timedelta(hours=1))

        task_group.start_soon(set_back)
        with anyio.fail_after(5):
            await clock.wait(anyio.Event(), poll_at=clock.now() + timedelta(seconds=0.2))
    assert 0.15 < time.monotonic() - started < 4


async def test_a_month_of_wakeups(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rules S5 and P6: a month with a pause runs through every wake-up, none more, none less."""
    async with make(store) as scheduler:
        await scheduler.add_schedule(runs.task(), CronTrigger("0 */6 * * *"), id="s")
        await clock.advance(timedelta(days=10, hours=1))
        await scheduler.pause_schedule("s")
        await clock.advance(timedelta(days=10))
        await scheduler.unpause_schedule("s", resume_from="now")
        await clock.advance(timedelta(days=10))
    hours = [time / 3600 for time in runs.take()]
    assert [*range(0, 241, 6), *range(486, 721, 6)] == hours


async def foreign() -> None:
    """Known to another node only."""
