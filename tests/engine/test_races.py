"""Users and nodes that act at the same moment (rules S3, S4 and P1)."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import anyio
import pytest
from tests.engine.conftest import MakeScheduler
from tests.engine.support import KEEP, Heard, Runs

from anysched import (
    AsyncScheduler,
    IntervalTrigger,
    JobLookupError,
    JobOutcome,
    JobReleased,
    ScheduleLookupError,
    task,
)
from anysched.ports.store import DataStore
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio

EVERY_10 = IntervalTrigger(seconds=10)


async def test_pauses_among_firings(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rules S3 and S4: pauses and resumes at any moment, from several nodes, lose no fire time and double none."""
    tick = runs.task()
    async with make(store) as one, make(store, tasks=[tick]) as two:
        for number in range(4):
            await one.add_schedule(tick, EVERY_10, id=f"{number}", args=[number], coalesce="all")

        async def disturb(scheduler: AsyncScheduler, seed: int) -> None:
            chance = random.Random(seed)
            for _ in range(40):
                id = str(chance.randrange(4))
                act = chance.choice([scheduler.pause_schedule, scheduler.unpause_schedule])
                await act(id)
                await anyio.lowlevel.checkpoint()

        for _ in range(5):
            async with anyio.create_task_group() as task_group:
                task_group.start_soon(clock.advance, 30)
                task_group.start_soon(disturb, one, 1)
                task_group.start_soon(disturb, two, 2)
        for number in range(4):
            await one.unpause_schedule(f"{number}")
        await clock.advance(0)
    expected = {(number, fire): 1 for number in range(4) for fire in range(0, 151, 10)}
    assert expected == Counter((args[0], fire) for args, fire in zip(runs.args, runs.fire_times, strict=True))


async def test_removing_and_pausing(make: MakeScheduler, store: DataStore, runs: Runs) -> None:
    """Rule S4: a removal is never undone by another call that came at the same time, whichever it was."""
    async with make(store, role="client") as client:
        others: list[Callable[[str], Any]] = [
            client.pause_schedule,
            client.unpause_schedule,
            client.run_schedule,
        ]
        ids = [f"{number}" for number in range(30)]
        for id in ids:
            await client.add_schedule(runs.task(), EVERY_10, id=id, paused=True)

        async def act(call: Callable[[str], Any], id: str) -> None:
            with suppress(ScheduleLookupError):
                await call(id)

        async with anyio.create_task_group() as task_group:
            for number, id in enumerate(ids):
                for call in (others[number % 3], client.remove_schedule, others[(number + 1) % 3]):
                    task_group.start_soon(act, call, id)
        assert [] == await client.get_schedules()
        assert [] == [job for job in await client.get_jobs() if str(job.status) != "running"]


async def test_removing_while_it_fires(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rule S4: schedules that are removed, and added anew, in the very moment of a pass harm nobody."""
    tick = runs.task()
    async with make(store) as scheduler:
        await scheduler.add_schedule(runs.task("other"), EVERY_10, id="other", args=["other"])
        for _ in range(20):
            await scheduler.add_schedule(tick, EVERY_10, id="s")
            async with anyio.create_task_group() as task_group:
                task_group.start_soon(clock.advance, 10)
                task_group.start_soon(scheduler.remove_schedule, "s")
        assert ["other"] == [snapshot.id for snapshot in await scheduler.get_schedules()]
        assert scheduler.health.ok
    assert 21 == runs.args.count(("other",))


async def test_cancelling_among_completions(make: MakeScheduler, store: DataStore, clock: FakeClock) -> None:
    """Each job has one end, cancelled or not, whatever comes first, and every slot is given back."""
    heard = Heard()
    chance = random.Random(3)

    @task(id="job", max_running_jobs=10)
    async def job(seconds: float) -> None:
        await clock.sleep(seconds)

    async with make(store, max_concurrent_jobs=7) as scheduler:
        scheduler.subscribe(heard, JobReleased)
        ids = await scheduler.add_jobs(
            job, [[chance.randrange(3)] for _ in range(60)], result_expiration_time=KEEP
        )

        async def cancel() -> None:
            for job_id in chance.sample(ids, 40):
                with suppress(JobLookupError):
                    await scheduler.cancel_job(job_id)
                await anyio.lowlevel.checkpoint()

        async with anyio.create_task_group() as task_group:
            task_group.start_soon(clock.advance, 3)
            task_group.start_soon(cancel)
        await clock.advance(60)
        outcomes = Counter([(await _end(scheduler, job_id)) for job_id in ids])
        assert 60 == sum(outcomes.values())
        assert {JobOutcome.success, JobOutcome.cancelled} >= set(outcomes)
        assert [] == await scheduler.get_jobs()
        assert (0, 0, 0) == (
            scheduler.health.running_jobs,
            scheduler.health.waiting_jobs,
            scheduler.health.unreported_jobs,
        )
        again = await scheduler.add_jobs(job, [[1]] * 7, result_expiration_time=KEEP)
        await clock.advance(1)
        assert {JobOutcome.success} == {await _end(scheduler, job_id) for job_id in again}
    ended = [event.job_id for event in heard.of(JobReleased)]
    assert sorted([*ids, *again]) == sorted(ended)


async def _end(scheduler: AsyncScheduler, job_id: Any) -> JobOutcome:
    found = await scheduler.get_job_result(job_id, wait=False)
    assert found is not None
    return found.outcome


async def test_stopping_among_claims(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rule J6: schedulers that come and go at any moment lose no job and leave none behind."""
    tick = runs.task()
    async with make(store, role="client") as client:
        for number in range(40):
            await client.add_job(tick, args=[number])
            async with make(store, tasks=[tick]):
                for _ in range(number % 9):
                    await anyio.lowlevel.checkpoint()
        async with make(store, tasks=[tick]):
            await clock.advance(1)
        assert [] == await client.get_jobs()
    assert set(range(40)) == {args[0] for args in runs.args}
