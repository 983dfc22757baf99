"""Stopping in order (rule J6). What takes real time is short."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import anyio
import pytest
from tests.engine.conftest import MakeScheduler
from tests.engine.support import KEEP, Heard, Runs, StoreProxy, live, outcome, result

from anysched import (
    AsyncScheduler,
    IntervalTrigger,
    JobOutcome,
    JobReleased,
    RunState,
    SchedulerStopped,
    current_scheduler,
    task,
)
from anysched.ports.store import DataStore
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio


async def test_running_jobs_may_finish(store: DataStore) -> None:
    """Rule J6: running jobs have the grace given to end; a stop does not wait longer than they take."""
    begun, ended = anyio.Event(), []

    @task(id="job")
    async def job() -> None:
        begun.set()
        await anyio.sleep(0.1)
        ended.append(scheduler.state)

    async with live(store) as scheduler:
        job_id = await scheduler.add_job(job, result_expiration_time=KEEP)
        await begun.wait()
        started = time.monotonic()
    assert 0.05 < time.monotonic() - started < 3
    assert [RunState.stopping] == ended
    async with live(store, role="client") as client:
        assert JobOutcome.success is await outcome(client, job_id)


async def test_jobs_that_take_too_long_go_back(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rules J3 and J6: a job that the stop cancels goes back into the queue, as an attempt, and runs elsewhere."""
    heard = Heard()
    scheduler = make(store)
    scheduler.subscribe(heard)
    async with scheduler:
        job_id = await scheduler.add_job(runs.task(takes=1000), result_expiration_time=KEEP)
        await clock.advance(1)
    assert [None] == [event.outcome for event in heard.of(JobReleased)]
    assert isinstance(heard.events[-1], SchedulerStopped)
    async with make(store, role="client") as client:
        (job,) = await client.get_jobs()
        assert (job_id, 2, "queued") == (job.id, job.attempt, str(job.status))
    async with make(store, tasks=[runs.task()]) as scheduler:
        await clock.settle()
        assert JobOutcome.success is await outcome(scheduler, job_id)


async def test_jobs_that_must_not_be_repeated(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rule J3: with ``on_abandon="fail"`` a job that the stop cancels has ended as abandoned."""
    heard = Heard()
    scheduler = make(store)
    scheduler.subscribe(heard, JobReleased)
    async with scheduler:
        job_id = await scheduler.add_job(
            runs.task(takes=1000, on_abandon="fail"), result_expiration_time=KEEP
        )
        await clock.advance(1)
    assert [JobOutcome.abandoned] == [event.outcome for event in heard.of(JobReleased)]
    async with make(store, role="client") as client:
        assert JobOutcome.abandoned is await outcome(client, job_id)


async def test_attempts_have_an_end(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rule J3: a job is started ``max_attempts`` times at most."""
    for _ in range(3):
        async with make(store) as scheduler:
            await scheduler.configure_task(runs.task(takes=1000), max_attempts=2)
            if not runs.times:
                job_id = await scheduler.add_job("tick", result_expiration_time=KEEP)
            await clock.advance(1)
    async with make(store, role="client") as client:
        assert JobOutcome.abandoned is await outcome(client, job_id)
    assert 2 == len(runs.take())


async def test_what_has_not_begun_goes_back_unharmed(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rule J6: once a stop has begun no job is started; claims that nobody began go back, not as an attempt."""
    seen: list[int] = []

    @task(id="job")
    async def job(number: int) -> None:
        seen.append(number)
        await current_scheduler.get().stop()
        await anyio.lowlevel.checkpoint()

    async with make(store) as scheduler:
        ids = await scheduler.add_jobs(job, [[number] for number in range(20)])
        await scheduler.wait_until_stopped()
        assert RunState.stopped is scheduler.state
    assert len(seen) < 20
    async with make(store, role="client") as client:
        waiting = await client.get_jobs()
    assert ids[len(seen) :] == [job.id for job in waiting]
    assert {(1, "queued")} == {(job.attempt, str(job.status)) for job in waiting}


async def test_stopping_again_and_sooner(store: DataStore) -> None:
    """Rule J6: a second stop waits for the first, and shortens its grace if its own is smaller."""
    begun = anyio.Event()

    @task(id="job")
    async def job() -> None:
        begun.set()
        await anyio.sleep_forever()

    async with live(store, stop_grace=60) as scheduler:
        await scheduler.add_job(job)
        await begun.wait()
        started = time.monotonic()
        async with anyio.create_task_group() as task_group:
            for grace in (None, 50, 0.1, 40):
                task_group.start_soon(_stop, scheduler, grace)
                await anyio.lowlevel.checkpoint()
    assert 0.05 < time.monotonic() - started < 5


@pytest.mark.parametrize("raises", [False, True])
async def test_a_timeout_while_it_stops(store: DataStore, runs: Runs, raises: bool) -> None:
    """Rule J6: a block that is cancelled while it stops gives no more grace; an error of the body comes first."""
    begun = anyio.Event()

    @task(id="job")
    async def job() -> None:
        begun.set()
        await anyio.sleep_forever()

    async def program() -> None:
        with anyio.fail_after(60) as limit:
            async with live(store, stop_grace=60) as scheduler:
                await scheduler.add_job(job)
                await begun.wait()
                limit.deadline = anyio.current_time() + 0.2
                if raises:
                    raise ValueError

    started = time.monotonic()
    with pytest.raises(ValueError if raises else TimeoutError):
        await program()
    assert time.monotonic() - started < 5
    async with live(store, role="client") as client:
        assert [2] == [job.attempt for job in await client.get_jobs()]


async def _stop(scheduler: AsyncScheduler, grace: float | None) -> None:
    await scheduler.stop(grace=grace)
    assert RunState.stopped is scheduler.state


@pytest.mark.parametrize("grace", [-1, "soon", True])
async def test_a_grace_that_is_none(make: MakeScheduler, grace: Any) -> None:
    """A grace is a duration, and not negative."""
    async with make() as scheduler:
        with pytest.raises((TypeError, ValueError), match="grace"):
            await scheduler.stop(grace=grace)
        assert RunState.started is scheduler.state


async def test_a_job_stops_its_scheduler(make: MakeScheduler, store: DataStore, clock: FakeClock) -> None:
    """Rule J6: a job that stops its own scheduler asks for it, goes on, and has succeeded."""
    after: list[RunState] = []

    @task(id="job")
    async def job() -> None:
        scheduler = current_scheduler.get()
        await scheduler.stop(grace=5)
        after.append(scheduler.state)
        await scheduler.get_jobs()

    async with make(store) as scheduler:
        job_id = await scheduler.add_job(job, result_expiration_time=KEEP)
        await scheduler.wait_until_stopped()
    assert [RunState.started] == after
    async with make(store, role="client") as client:
        ended = await result(client, job_id)
        assert (JobOutcome.success, None) == (ended.outcome, ended.exception)


@pytest.mark.parametrize("when", ["before", "inside"])
async def test_a_subscriber_stops_its_scheduler(
    make: MakeScheduler, store: DataStore, runs: Runs, when: str
) -> None:
    """Rule J6: a subscriber that stops the scheduler does not wait for its own end."""

    async def stop(event: JobReleased) -> None:
        await current_scheduler.get().stop()

    scheduler = make(store)
    if when == "before":
        scheduler.subscribe(stop, JobReleased)
    async with scheduler:
        if when == "inside":
            scheduler.subscribe(stop, JobReleased)
        await scheduler.add_job(runs.task())
        with anyio.fail_after(5):
            await scheduler.wait_until_stopped()


async def test_nothing_fires_once_it_stops(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rule J6: a scheduler that stops makes no jobs any more, though time goes on while others finish."""
    begun = anyio.Event()

    @task(id="job")
    async def job() -> None:
        begun.set()
        await anyio.sleep(0.05)

    proxy = StoreProxy(store)
    async with make(proxy) as scheduler:
        await scheduler.add_schedule(runs.task(), IntervalTrigger(seconds=1), id="s")
        await scheduler.add_job(job, run_at=clock.now() + timedelta(seconds=3))
        async with anyio.create_task_group() as task_group:
            task_group.start_soon(clock.advance, 3)
            await begun.wait()
            task_group.start_soon(scheduler.stop)
            while scheduler.state is RunState.started:
                await anyio.lowlevel.checkpoint()
            passes = proxy.calls["advance"]
            clock.jump(KEEP)
        assert passes == proxy.calls["advance"]
    assert [0, 1, 2, 3] == runs.take()
