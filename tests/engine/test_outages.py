"""When the store goes away (rule N3)."""

from __future__ import annotations

import logging
from itertools import pairwise
from typing import Any

import pytest
from tests.engine.conftest import MakeScheduler
from tests.engine.support import KEEP, OPERATIONS, Heard, Runs, StoreProxy, at, outcome

from anysched import (
    IntervalTrigger,
    JobOutcome,
    StoreRecovered,
    StoreUnavailable,
    StoreUnavailableError,
)
from anysched.ports.store import DataStore
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio

GONE = StoreUnavailableError("the disk is on fire")


async def test_it_goes_on_by_itself(
    make: MakeScheduler,
    store: DataStore,
    clock: FakeClock,
    runs: Runs,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Rule N3: the node retries, says so once by log, event and health, and resumes by itself; nothing is lost."""
    proxy = StoreProxy(store)
    heard = Heard()
    async with make(proxy) as scheduler:
        scheduler.subscribe(heard, [StoreUnavailable, StoreRecovered])
        await scheduler.add_schedule(runs.task(), IntervalTrigger(seconds=10), id="s", coalesce="all")
        await clock.advance(5)
        proxy.fail(OPERATIONS - {"open", "close"}, GONE)
        await clock.advance(60)
        assert [0] == runs.take_fire_times()
        assert (False, str(GONE)) == (scheduler.health.ok, scheduler.health.store_error)
        assert [StoreUnavailable(str(GONE))] == heard.events
        assert 1 == len([record for record in caplog.records if record.levelno == logging.ERROR])
        proxy.faults.clear()
        await clock.advance(15)
        assert [10, 20, 30, 40, 50, 60, 70, 80] == runs.take_fire_times()
        assert (True, None) == (scheduler.health.ok, scheduler.health.store_error)
        assert [StoreUnavailable(str(GONE)), StoreRecovered()] == heard.events


async def test_it_retries_ever_more_slowly(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rule N3: retries are soon at first, then at most ten seconds apart."""
    proxy = StoreProxy(store)
    asked: list[float] = []

    async def note() -> None:
        asked.append(clock.monotonic())

    async with make(proxy) as scheduler:
        await scheduler.add_job(runs.task(), run_at=at(100))
        await clock.advance_to(at(90))
        proxy.delays["advance"] = note
        proxy.fail(["advance"], GONE)
        await clock.advance_to(at(200))
        gaps = [round(later - sooner, 6) for sooner, later in pairwise(asked)]
        assert [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10, 10] == gaps[:10]
        assert 10 == max(gaps)
        proxy.faults.clear()
        await clock.advance(10)
        assert 1 == len(runs.take())


async def test_ends_are_written_later(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rule N3: what jobs came to while the store was away is kept and written when it is back; none runs twice."""
    proxy = StoreProxy(store)
    async with make(proxy, lease_duration=3600) as scheduler:
        ids = await scheduler.add_jobs(runs.task(takes=10), [[]] * 5, result_expiration_time=KEEP)
        await clock.advance(5)
        proxy.fail(["advance", "complete", "get_jobs", "get_result"], GONE)
        await clock.advance(60)
        assert (0, 5) == (scheduler.health.running_jobs, scheduler.health.unreported_jobs)
        proxy.faults.clear()
        await clock.advance(30)
        assert [JobOutcome.success] * 5 == [await outcome(scheduler, job_id) for job_id in ids]
        assert 0 == scheduler.health.unreported_jobs
    assert 5 == len(runs.take())


async def test_a_disk_that_is_full(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rule N3: where reading goes on and writing does not, the outage is told once, and lasts until both do."""
    proxy = StoreProxy(store)
    heard = Heard()
    async with make(proxy) as scheduler:
        scheduler.subscribe(heard, [StoreUnavailable, StoreRecovered])
        job_id = await scheduler.add_job(runs.task(), result_expiration_time=KEEP)
        proxy.fail(["complete"], GONE)
        for _ in range(12):
            await clock.advance(10)
            assert str(GONE) == scheduler.health.store_error
        proxy.faults.clear()
        await clock.advance(10)
        assert [StoreUnavailable(str(GONE)), StoreRecovered()] == heard.events
        assert JobOutcome.success is await outcome(scheduler, job_id)


async def test_users_are_told(make: MakeScheduler, store: DataStore, runs: Runs) -> None:
    """Rule N3: a call of a user does not retry: it raises what the store said, and changes nothing."""
    proxy = StoreProxy(store)
    async with make(proxy) as scheduler:
        await scheduler.add_schedule(runs.task(), IntervalTrigger(hours=1), id="s")
        proxy.fail(["declare_schedules", "transact_schedules", "get_schedules", "add_jobs", "get_jobs"], GONE)
        calls: list[Any] = [
            scheduler.add_schedule(runs.task(), IntervalTrigger(hours=1), id="t"),
            scheduler.pause_schedule("s"),
            scheduler.get_schedules(),
            scheduler.add_job(runs.task()),
            scheduler.get_jobs(),
        ]
        for call in calls:
            with pytest.raises(StoreUnavailableError, match="on fire"):
                await call
        proxy.faults.clear()
        assert [False] == [snapshot.paused for snapshot in await scheduler.get_schedules()]


async def test_a_declaration_that_failed_is_made_again(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rules N3 and S7: a task whose declaration did not reach the store is declared with the next use."""
    proxy = StoreProxy(store)
    tick = runs.task(max_running_jobs=4)
    async with make(proxy) as scheduler:
        proxy.fail(["declare_tasks"], GONE)
        with pytest.raises(StoreUnavailableError):
            await scheduler.add_job(tick)
        proxy.faults.clear()
        await scheduler.add_job(tick)
        assert [4] == [task.declared.max_running_jobs for task in await scheduler.get_tasks()]


async def test_an_outage_is_noticed_by_whoever_meets_it(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rule N3: planner and reporter meet the same outage, and it is told as one."""
    proxy = StoreProxy(store)
    heard = Heard()
    async with make(proxy, cleanup_interval=7) as scheduler:
        scheduler.subscribe(heard, [StoreUnavailable, StoreRecovered])
        await scheduler.add_job(runs.task(takes=10))
        await clock.advance(5)
        proxy.fail(["advance", "complete", "clean_up"], GONE)
        await clock.advance(60)
        proxy.faults.clear()
        await clock.advance(60)
    assert [StoreUnavailable, StoreRecovered] == [type(event) for event in heard.events]
