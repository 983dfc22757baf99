"""Jobs that users add, await and cancel."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import anyio
import pytest
from tests.engine.conftest import MakeScheduler
from tests.engine.support import KEEP, START, Heard, Runs, at, outcome, result

from anysched import (
    AsyncScheduler,
    IntervalTrigger,
    JobAcquired,
    JobAdded,
    JobCancelled,
    JobCancelRequested,
    JobFailed,
    JobKind,
    JobLookupError,
    JobOutcome,
    JobReleased,
    ScheduleAdded,
    SchedulerStateError,
    task,
)
from anysched.ports.store import DataStore
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio


async def double(number: int = 1, *, times: int = 2) -> int:
    """Return a number, multiplied."""
    return number * times


def triple(number: int) -> int:
    """Do the same in a thread."""
    return number * 3


@task(id="fails")
async def fails() -> None:
    """Fail."""
    raise ValueError("no")


async def test_run_job_returns_what_it_returned(scheduler: AsyncScheduler) -> None:
    """A job that is run is awaited, and gives back what its function returned."""
    assert 6 == await scheduler.run_job(double, args=[3])
    assert 12 == await scheduler.run_job(double, args=[3], kwargs={"times": 4})
    assert 9 == await scheduler.run_job(triple, args=[3])
    assert None is await scheduler.run_job(nothing)


async def test_run_job_raises_what_became_of_it(scheduler: AsyncScheduler) -> None:
    """A job that failed is raised as JobFailed, with the exception itself as its cause."""
    with pytest.raises(JobFailed, match="ValueError: no") as caught:
        await scheduler.run_job(fails)
    assert isinstance(caught.value.__cause__, ValueError)
    assert ("ValueError", "no") == (caught.value.exception_type, caught.value.exception_message)
    assert "Traceback" in caught.value.traceback


async def test_a_failure_on_another_node(make: MakeScheduler, store: DataStore, clock: FakeClock) -> None:
    """A job that fails elsewhere is raised with its exception as text, and no cause."""
    async with make(store, tasks=[fails]), make(store, role="client") as client:
        caught: list[JobFailed] = []

        async def wait() -> None:
            try:
                await client.run_job("fails")
            except JobFailed as exc:
                caught.append(exc)

        async with anyio.create_task_group() as task_group:
            task_group.start_soon(wait)
            await clock.advance(30)
        assert [(None, "no")] == [(exc.__cause__, exc.exception_message) for exc in caught]


async def test_run_job_that_is_cancelled(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Who waits for a job that is cancelled is told so."""
    async with anyio.create_task_group() as task_group:

        async def wait() -> None:
            with pytest.raises(JobCancelled):
                await scheduler.run_job(runs.task(takes=1000))

        task_group.start_soon(wait)
        acquired = await scheduler.get_next_event(JobAcquired)
        await scheduler.cancel_job(acquired.job_id)


async def test_later(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """A job may be asked for not before an instant; jobs start in the order of these instants."""
    await scheduler.add_job(runs.task(), args=["b"], run_at=at(20))
    await scheduler.add_job(runs.task(), args=["a"], run_at=at(10))
    await scheduler.add_job(runs.task(), args=["past"], run_at=at(-1000))
    await clock.advance(30)
    assert ([0, 10, 20], [("past",), ("a",), ("b",)]) == (runs.take(), runs.args)


async def test_many_at_once(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, heard: Heard) -> None:
    """Many jobs are added in one transaction, and their ids come back in order."""
    ids = await scheduler.add_jobs(runs.task(), [[number] for number in range(250)])
    assert (250, 250) == (len(ids), len(set(ids)))
    await clock.settle()
    assert [(number,) for number in range(250)] == sorted(runs.args)
    assert ids == [event.job_id for event in heard.of(JobAdded)]
    assert 250 == len(heard.of(JobAcquired)) == len(heard.of(JobReleased))
    assert [] == await scheduler.add_jobs(runs.task(), [])


async def test_jobs_can_be_read(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Jobs that have not ended can be listed, by id, schedule, task and status, with all that they carry."""
    slow = runs.task("slow", takes=100, max_running_jobs=1)
    await scheduler.add_schedule(slow, IntervalTrigger(hours=1), id="s", metadata={"a": 1}, args=[7])
    await clock.advance(1)
    manual = await scheduler.run_schedule("s")
    later = await scheduler.add_job(runs.task(), run_at=at(50), metadata={"b": [2]})
    jobs = {job.kind: job for job in await scheduler.get_jobs()}
    regular = jobs[JobKind.regular]
    assert (START, START, "s", (7,), {"a": 1}) == (
        regular.scheduled_fire_time,
        regular.run_at,
        regular.schedule_id,
        regular.args,
        dict(regular.metadata),
    )
    assert (manual, None) == (jobs[JobKind.manual].id, jobs[JobKind.manual].scheduled_fire_time)
    assert (later, {"b": [2]}, at(50)) == (
        jobs[JobKind.direct].id,
        dict(jobs[JobKind.direct].metadata),
        jobs[JobKind.direct].run_at,
    )
    assert [regular.id] == [job.id for job in await scheduler.get_jobs(status="running")]
    assert [manual, later] == [job.id for job in await scheduler.get_jobs(status="queued")]
    assert [regular.id, manual] == [job.id for job in await scheduler.get_jobs(schedule_id="s")]
    assert [later] == [job.id for job in await scheduler.get_jobs(task_id="tick")]
    assert [] == await scheduler.get_jobs([])


async def test_cancelling_a_queued_job(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, heard: Heard
) -> None:
    """A queued job that is cancelled has ended when the call returns, and never runs."""
    job_id = await scheduler.add_job(runs.task(), run_at=at(10), result_expiration_time=KEEP)
    await scheduler.cancel_job(job_id)
    assert JobOutcome.cancelled is await outcome(scheduler, job_id)
    await clock.advance(60)
    assert [] == runs.take()
    assert [JobOutcome.cancelled] == [event.outcome for event in heard.of(JobReleased)]


async def test_cancelling_a_running_job(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, heard: Heard
) -> None:
    """A running job is asked to cancel, ends as cancelled, and is not started again."""
    job_id = await scheduler.add_job(runs.task(takes=1000), result_expiration_time=KEEP)
    await clock.advance(1)
    await scheduler.cancel_job(job_id)
    await clock.advance(60)
    assert JobOutcome.cancelled is await outcome(scheduler, job_id)
    assert [0] == runs.take()
    assert [(job_id, "tick")] == [(event.job_id, event.task_id) for event in heard.of(JobCancelRequested)]


async def test_a_job_that_ends_well_though_asked_to_cancel(
    scheduler: AsyncScheduler, clock: FakeClock
) -> None:
    """A job that finishes its work when it is asked to cancel has succeeded."""

    async def stubborn() -> str:
        try:
            await clock.sleep(1000)
        except anyio.get_cancelled_exc_class():
            return "finished all the same"
        return "not cancelled"

    await scheduler.configure_task("stubborn", func=stubborn)
    job_id = await scheduler.add_job("stubborn", result_expiration_time=KEEP)
    await clock.advance(1)
    await scheduler.cancel_job(job_id)
    await clock.settle()
    ended = await result(scheduler, job_id)
    assert (JobOutcome.success, "finished all the same") == (ended.outcome, ended.return_value)


async def test_cancelling_what_has_ended(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """A job that is unknown, or has ended, cannot be cancelled."""
    job_id = await scheduler.add_job(runs.task(), result_expiration_time=KEEP)
    await clock.settle()
    for unknown in (job_id, uuid4()):
        with pytest.raises(JobLookupError, match=str(unknown)):
            await scheduler.cancel_job(unknown)


async def test_waiting_for_a_result(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """A result is waited for, or not; reading does not delete it; it expires; unknown jobs have none."""
    job_id = await scheduler.add_job(runs.task(takes=30), result_expiration_time=60)
    assert None is await scheduler.get_job_result(job_id, wait=False)
    async with anyio.create_task_group() as task_group:
        task_group.start_soon(clock.advance, 40)
        ended = await scheduler.get_job_result(job_id)
    assert ended is not None
    assert (JobOutcome.success, 1, START, at(30)) == (
        ended.outcome,
        ended.return_value,
        ended.started_at,
        ended.finished_at,
    )
    await clock.advance_to(at(89.9))
    assert ended == await scheduler.get_job_result(job_id)
    await clock.advance_to(at(90))
    assert None is await scheduler.get_job_result(job_id)
    assert None is await scheduler.get_job_result(uuid4())


async def test_a_result_that_is_not_kept(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """By default results are not kept: who waits is told nothing, and does not wait for ever."""
    job_id = await scheduler.add_job(runs.task(takes=30))
    async with anyio.create_task_group() as task_group:
        task_group.start_soon(clock.advance, 60)
        assert None is await scheduler.get_job_result(job_id)


async def test_waiting_when_the_scheduler_stops(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Who waits for a result, or for an event, is told that the scheduler has stopped, and does not wait for ever."""
    errors: list[SchedulerStateError] = []

    async def wait(call: Callable[[], object]) -> None:
        try:
            await call()  # type: ignore[misc]
        except SchedulerStateError as exc:
            errors.append(exc)

    async with make(store) as scheduler:
        job_id = await scheduler.add_job(runs.task(), run_at=at(1000), result_expiration_time=KEEP)
        async with anyio.create_task_group() as task_group:
            task_group.start_soon(wait, lambda: scheduler.get_job_result(job_id))
            task_group.start_soon(wait, lambda: scheduler.run_job(runs.task("slow", takes=1000)))
            task_group.start_soon(wait, lambda: scheduler.get_next_event(ScheduleAdded))
            await scheduler.get_next_event(JobAcquired)
            await scheduler.stop()
    assert 3 == len(errors)


async def nothing() -> None:
    """Do nothing."""


async def test_durations_of_results(scheduler: AsyncScheduler, runs: Runs) -> None:
    """Results are kept for no negative time."""
    for bad in (-1, timedelta(seconds=-1), float("nan"), 1e30):
        with pytest.raises(ValueError, match="result_expiration_time"):
            await scheduler.add_job(runs.task(), result_expiration_time=bad)
