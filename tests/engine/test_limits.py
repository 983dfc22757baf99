"""How many jobs run at once (rule J5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from tests.engine.conftest import MakeScheduler
from tests.engine.support import KEEP, Runs, outcome

from anysched import AsyncScheduler, JobOutcome, TaskDefaults
from anysched.ports.store import DataStore
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio


class Gauge:
    """Measures how many jobs run at once, by name."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.running: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.done: list[str] = []

    def task(self, name: str, *, takes: float = 10) -> Callable[..., Any]:
        async def job() -> None:
            for counted in (name, "all"):
                self.running[counted] += 1
                self.most[counted] = max(self.most[counted], self.running[counted])
            try:
                await self.clock.sleep(takes)
            finally:
                self.running.subtract([name, "all"])
            self.done.append(name)

        return job


@pytest.fixture
def gauge(clock: FakeClock) -> Gauge:
    return Gauge(clock)


async def configured(scheduler: AsyncScheduler, gauge: Gauge, name: str, **options: Any) -> None:
    await scheduler.configure_task(name, func=gauge.task(name), **options)


async def test_a_node_runs_so_many_at_once(
    make: MakeScheduler, store: DataStore, clock: FakeClock, gauge: Gauge
) -> None:
    """``max_concurrent_jobs`` is never exceeded, and reached; all others wait their turn."""
    async with make(store, max_concurrent_jobs=3) as scheduler:
        await configured(scheduler, gauge, "a")
        await configured(scheduler, gauge, "b")
        await scheduler.add_jobs("a", [[]] * 5)
        await scheduler.add_jobs("b", [[]] * 5)
        await clock.advance(1)
        assert (3, 7) == (scheduler.health.running_jobs, len(await scheduler.get_jobs(status="queued")))
        await clock.advance(39)
        assert 3 == gauge.most["all"]
        assert 10 == len(gauge.done)


async def test_a_task_runs_so_often_at_once(
    scheduler: AsyncScheduler, clock: FakeClock, gauge: Gauge
) -> None:
    """Rule J5: ``max_running_jobs`` is never exceeded, and reached; each end makes room for the next at once."""
    await configured(scheduler, gauge, "a", max_running_jobs=2)
    await scheduler.add_jobs("a", [[]] * 7)
    await clock.advance(40)
    assert (2, 7) == (gauge.most["a"], len(gauge.done))


async def test_a_limit_holds_on_all_nodes_together(
    make: MakeScheduler, store: DataStore, clock: FakeClock, gauge: Gauge
) -> None:
    """Rule J5: the limit of a task holds exactly across nodes."""
    task = gauge.task("a")
    async with make(store) as one, make(store) as two:
        for scheduler in (one, two):
            await scheduler.configure_task("a", func=task, max_running_jobs=3)
        await one.add_jobs("a", [[]] * 9)
        await two.add_jobs("a", [[]] * 9)
        await clock.advance(61)
    assert (3, 18) == (gauge.most["a"], len(gauge.done))


async def test_a_saturated_task_starves_nobody(
    make: MakeScheduler, store: DataStore, clock: FakeClock, gauge: Gauge
) -> None:
    """Rule J5: hundreds of older jobs of a full task do not hold up a job of another task."""
    async with make(store, max_concurrent_jobs=5) as scheduler:
        await configured(scheduler, gauge, "full", max_running_jobs=1)
        await configured(scheduler, gauge, "other")
        await scheduler.add_jobs("full", [[]] * 300)
        await clock.advance(1)
        job_id = await scheduler.add_job("other", result_expiration_time=KEEP)
        await clock.advance(10)
        assert JobOutcome.success is await outcome(scheduler, job_id)


async def test_limits_may_change(scheduler: AsyncScheduler, clock: FakeClock, gauge: Gauge) -> None:
    """Rules J5 and S7: a limit that is raised or lifted takes effect at once; one that is lowered ends nothing."""
    await configured(scheduler, gauge, "a", max_running_jobs=1)
    await scheduler.add_jobs("a", [[]] * 20)
    await clock.advance(1)
    await scheduler.configure_task("a", max_running_jobs=4)
    await clock.settle()
    assert 4 == gauge.running["a"]
    await scheduler.configure_task("a", max_running_jobs=2)
    await clock.settle()
    assert 4 == gauge.running["a"]
    await clock.advance(10)
    assert 2 == gauge.running["a"]
    await scheduler.configure_task("a", max_running_jobs=None)
    await clock.settle()
    assert 20 == gauge.running["a"] + len(gauge.done)


async def test_slots_are_given_back_whatever_happens(
    make: MakeScheduler, store: DataStore, clock: FakeClock, gauge: Gauge, runs: Runs
) -> None:
    """Rule J5: running jobs are counted, not kept count of: failures, cancellations and stops leave no slot taken."""

    async def fails() -> None:
        raise SystemExit

    async with make(store, task_defaults=TaskDefaults(max_running_jobs=1)) as scheduler:
        await scheduler.configure_task("tick", func=fails)
        await scheduler.add_job("tick")
        await clock.settle()
        await configured(scheduler, gauge, "tick")
        job_id = await scheduler.add_job("tick")
        await clock.advance(1)
        await scheduler.cancel_job(job_id)
        await clock.settle()
        await scheduler.add_job("tick")
        await clock.advance(1)
        assert 1 == gauge.running["tick"]
    async with make(store, task_defaults=TaskDefaults(max_running_jobs=1)) as scheduler:
        await scheduler.add_job(runs.task())
        await clock.advance(100)
        assert 2 == len(runs.take()), "the interrupted job, and the new one"
