"""When the wall clock is set, or the machine sleeps (rule N4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import anyio
import pytest
from tests.engine.conftest import MakeScheduler
from tests.engine.support import Heard, Runs, StoreProxy

from anysched import (
    AsyncScheduler,
    ClockJumped,
    CronTrigger,
    IntervalTrigger,
    SystemClock,
)
from anysched.ports.store import DataStore
from anysched.stores import MemoryDataStore
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio

HOUR = timedelta(hours=1)


async def test_forward(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, heard: Heard) -> None:
    """Rule N4: after a jump forward what passed is late, without being stepped through, and the jump is told."""
    await scheduler.add_schedule(runs.task(), IntervalTrigger(seconds=1), id="s")
    await clock.advance(5)
    runs.take_fire_times()
    clock.jump(timedelta(days=365))
    await clock.settle()
    year = 365 * 86_400
    assert [year + 5] == runs.take_fire_times()
    assert [ClockJumped(float(year))] == heard.of(ClockJumped)
    await clock.advance(2)
    assert [year + 6, year + 7] == runs.take_fire_times()


async def test_backward(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, heard: Heard) -> None:
    """Rule N4: after a jump backward nothing is repeated; fire times wait for the clock; the jump is told soon."""
    await scheduler.add_schedule(runs.task(), IntervalTrigger(minutes=10), id="s")
    await clock.advance(3 * 3600 + 5)
    assert 19 == len(runs.take_fire_times())
    clock.jump(-HOUR)
    await clock.advance(10)
    assert [ClockJumped(-3600.0)] == heard.of(ClockJumped)
    await clock.advance(3600)
    assert [] == runs.take_fire_times()
    await clock.advance(600)
    assert [19 * 600] == runs.take_fire_times()


async def test_back_and_forth(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rules N4 and S3: a clock that is set back and forth runs each fire time once."""
    await scheduler.add_schedule(runs.task(), IntervalTrigger(minutes=10), id="s", coalesce="all")
    for jump in (0, -2, 3, -1, -1, 1, 2):
        clock.jump(jump * HOUR)
        await clock.advance(1800)
    fired = runs.take_fire_times()
    assert len(fired) == len(set(fired))
    assert list(range(0, int(max(filter(None, fired))) + 1, 600)) == fired


async def test_a_pause_ends_with_the_clock(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rules N4 and P10: the end of a pause is an instant of the wall clock, which may come sooner or later."""
    await scheduler.add_schedule(runs.task(), IntervalTrigger(hours=1), id="s")
    await clock.advance(60)
    await scheduler.pause_schedule("s", until=clock.now() + 2 * HOUR)
    clock.jump(3 * HOUR)
    await clock.settle()
    assert not (await scheduler.get_schedule("s")).paused
    assert [0, 3 * 3600] == runs.take_fire_times()


async def test_small_corrections_are_no_jumps(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, heard: Heard
) -> None:
    """Rule N4: a clock that is corrected by less than a second at a time is not said to jump."""
    await scheduler.add_schedule(runs.task(), CronTrigger("* * * * *"), id="s")
    for _ in range(10):
        clock.jump(timedelta(seconds=0.4))
        await clock.advance(60)
    assert [] == heard.of(ClockJumped)


async def test_jobs_and_durations_do_not_jump(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs
) -> None:
    """Rule N4: a job that sleeps does so for as long as it asked, whatever is done to the wall clock."""
    await scheduler.add_job(runs.task(takes=100))
    await clock.advance(10)
    clock.jump(HOUR)
    await clock.advance(80)
    assert 1 == scheduler.health.running_jobs
    await clock.advance(11)
    assert 0 == scheduler.health.running_jobs


async def test_leases_do_not_jump(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rules N4 and S3: a machine that slept for hours does not run again what it ran, nor lose what it had."""
    proxy = StoreProxy(store)
    async with make(proxy) as scheduler:
        await scheduler.add_schedule(runs.task(takes=20), IntervalTrigger(minutes=1), id="s", coalesce="all")
        await clock.advance(70)
        clock.jump(3 * HOUR)
        await clock.advance(3600)
    fired = runs.take_fire_times()
    assert len(set(fired)) >= 4 * 60 - 1 - 82  # max_catchup is 100 of 180
    if not store.durable:
        assert len(set(fired)) == len(fired)


async def test_a_real_wall_clock_that_is_set(monkeypatch: pytest.MonkeyPatch, runs: Runs) -> None:
    """Rule N4: on the system clock a jump is noticed within the poll interval, and fires what it made due."""
    offset = timedelta(0)
    monkeypatch.setattr(SystemClock, "now", lambda _: datetime.now(UTC) + offset)
    async with AsyncScheduler(MemoryDataStore(), timezone=UTC, poll_interval=0.1) as scheduler:
        start = datetime.now(UTC) + HOUR
        await scheduler.add_schedule(runs.task(), IntervalTrigger(hours=1, start_time=start), id="s")
        await anyio.sleep(0.15)
        for sign, present in ((1, HOUR), (-1, timedelta(0))):
            offset = present
            with anyio.fail_after(5):
                event = await scheduler.get_next_event(ClockJumped)
            assert ClockJumped(sign * 3600) == ClockJumped(round(event.seconds))  # type: ignore[attr-defined]
        await anyio.sleep(0.15)
    assert 1 == len(runs.args)
