"""Whatever a job does, it ends in an outcome (rule J4)."""

from __future__ import annotations

import asyncio
import gc
import logging
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import anyio
import pytest
import sniffio
from tests.engine.conftest import MakeScheduler
from tests.engine.support import KEEP, Heard, result
from tests.engine.triggers import Speechless

from anysched import (
    AsyncScheduler,
    IntervalTrigger,
    JobOutcome,
    JobResult,
    ScheduleStatus,
)
from anysched.executors import AsyncJobExecutor
from anysched.ports.store import DataStore
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio


class Odd(BaseException):
    """An exception that is no Exception."""


class TwoArguments(Exception):
    """An exception that cannot be made again from what it was shown with."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} and {two}")


def native_cancellation() -> BaseException:
    """Return the cancellation of the event loop, made by hand."""
    if sniffio.current_async_library() == "asyncio":
        return asyncio.CancelledError("mine")
    import trio

    return trio.Cancelled._create()


RAISED: dict[str, Callable[[], BaseException]] = {
    "ValueError": lambda: ValueError("no"),
    "SystemExit": lambda: SystemExit(3),
    "GeneratorExit": lambda: GeneratorExit("gen"),
    "Odd": lambda: Odd("odd"),
    "Speechless": Speechless,
    "TwoArguments": lambda: TwoArguments("a", "b"),
    "StopIteration": lambda: RuntimeError("coroutine raised StopIteration"),
    "ExceptionGroup": lambda: ExceptionGroup("both", [ValueError("a"), TypeError("b")]),
    "RecursionError": lambda: RecursionError("deep"),
    "Cancelled": native_cancellation,
}


async def run(
    scheduler: AsyncScheduler, clock: FakeClock, func: Callable[..., Any], **options: Any
) -> JobResult:
    """Run a callable as a job beside a healthy schedule; return how it ended, and see to it that all goes on."""
    await scheduler.configure_task("job", func=func)
    job_id = await scheduler.add_job("job", result_expiration_time=KEEP, **options)
    await clock.settle()
    ended = await result(scheduler, job_id)
    assert [] == await scheduler.get_jobs([job_id])
    await healthy(scheduler, clock)
    return ended


async def healthy(scheduler: AsyncScheduler, clock: FakeClock) -> None:
    """Fail unless jobs still run, more of them than have gone wrong."""
    seen: list[int] = []

    async def work(number: int) -> None:
        seen.append(number)
        await clock.sleep(1)

    await scheduler.configure_task("work", func=work)
    await scheduler.add_jobs("work", [[number] for number in range(5)])
    await clock.advance(5)
    assert [0, 1, 2, 3, 4] == sorted(seen)
    assert scheduler.health.ok


@pytest.mark.parametrize("kind", RAISED)
@pytest.mark.parametrize("late", [False, True])
async def test_what_a_coroutine_raises(
    scheduler: AsyncScheduler, clock: FakeClock, kind: str, late: bool
) -> None:
    """Rule J4: any exception of a job's own making, at once or after a wait, is that job's failure only."""

    async def job() -> None:
        if late:
            await clock.sleep(0)
        if kind == "StopIteration":
            raise StopIteration
        exc = RAISED[kind]()
        raise exc

    ended = await run(scheduler, clock, job)
    expected = RAISED[kind]()
    assert (JobOutcome.error, True) == (ended.outcome, ended.exception is not None)
    assert ended.exception is not None
    assert type(expected).__qualname__ == ended.exception.type
    if kind == "Speechless":
        assert "RuntimeError" in ended.exception.message
    else:
        assert str(expected) == ended.exception.message
    assert "test_job_faults" in ended.exception.traceback


@pytest.mark.parametrize("kind", [kind for kind in RAISED if kind not in ("Cancelled", "StopIteration")])
async def test_what_a_thread_raises(scheduler: AsyncScheduler, clock: FakeClock, kind: str) -> None:
    """Rule J4: so it is for functions that run in threads."""

    def job() -> None:
        exc = RAISED[kind]()
        raise exc

    ended = await run(scheduler, clock, job)
    assert ended.exception is not None
    assert (JobOutcome.error, type(RAISED[kind]()).__qualname__) == (ended.outcome, ended.exception.type)


async def test_a_job_that_cancels_its_own_task(scheduler: AsyncScheduler, clock: FakeClock) -> None:
    """Rule J4: a job that cancels the task it runs in fails by itself; the next job of that worker does not."""
    if sniffio.current_async_library() != "asyncio":
        pytest.skip("other event loops have no such call")

    async def cancels_and_waits() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await anyio.sleep_forever()

    async def cancels_and_returns() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()

    assert JobOutcome.error is (await run(scheduler, clock, cancels_and_waits)).outcome
    assert JobOutcome.success is (await run(scheduler, clock, cancels_and_returns)).outcome


async def test_a_timeout_of_its_own(scheduler: AsyncScheduler, clock: FakeClock) -> None:
    """Rule J4: a timeout inside a job is that job's business: it may fail of it, or not."""

    async def survives() -> str:
        with anyio.move_on_after(0.001):
            await anyio.sleep_forever()
        return "done"

    async def fails() -> None:
        with anyio.fail_after(0.001):
            await anyio.sleep_forever()

    assert "done" == (await run(scheduler, clock, survives)).return_value
    ended = await run(scheduler, clock, fails)
    assert ended.exception is not None
    assert (JobOutcome.error, "TimeoutError") == (ended.outcome, ended.exception.type)


async def test_a_result_that_cannot_be_stored(scheduler: AsyncScheduler, clock: FakeClock) -> None:
    """Rule J4: where results are written down, one that cannot be is the job's failure, and says why."""

    async def job() -> object:
        return object()

    ended = await run(scheduler, clock, job)
    if "memory" in repr(scheduler).lower():
        assert JobOutcome.success is ended.outcome
    else:
        assert JobOutcome.error is ended.outcome
        assert ended.exception is not None
        assert "SerializationError" in ended.exception.type


async def test_an_executor_that_this_node_does_not_have(
    make: MakeScheduler, store: DataStore, clock: FakeClock
) -> None:
    """Rule J4: a job for an executor that is unknown where it runs ends as an error that names it."""
    async with make(store, tasks=[nothing]) as scheduler, make(store, role="client") as client:
        job_id = await client.add_job(nothing, job_executor="gpu", result_expiration_time=KEEP)
        await clock.settle()
        ended = await result(scheduler, job_id)
        assert ended.exception is not None
        assert (JobOutcome.error, "ExecutorLookupError") == (ended.outcome, ended.exception.type)
        assert "'gpu'" in ended.exception.message


class Broken(AsyncJobExecutor):
    """An executor that cannot run anything."""

    async def run(self, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        raise OSError("no more tasks")


async def test_an_executor_that_breaks(make: MakeScheduler, store: DataStore, clock: FakeClock) -> None:
    """Rule J4: a fault of an executor is the failure of the job that it ran."""
    async with make(store, job_executors={"broken": Broken()}) as scheduler:
        job_id = await scheduler.add_job(nothing, job_executor="broken", result_expiration_time=KEEP)
        await clock.settle()
        ended = await result(scheduler, job_id)
        assert ended.exception is not None
        assert (JobOutcome.error, "OSError") == (ended.outcome, ended.exception.type)
        await healthy(scheduler, clock)


async def test_wrong_arguments(scheduler: AsyncScheduler, clock: FakeClock) -> None:
    """Rule J4: arguments that the function does not take are the job's failure."""

    async def job(number: int) -> None:
        pass

    ended = await run(scheduler, clock, job, args=[1, 2], kwargs={"three": 3})
    assert ended.exception is not None
    assert (JobOutcome.error, "TypeError") == (ended.outcome, ended.exception.type)


async def test_a_failing_schedule_goes_on(scheduler: AsyncScheduler, clock: FakeClock, heard: Heard) -> None:
    """Rule J4: failures of its jobs do not set a schedule aside."""

    async def job() -> None:
        raise ValueError("again")

    await scheduler.configure_task("job", func=job)
    await scheduler.add_schedule("job", IntervalTrigger(seconds=1), id="s")
    await clock.advance(20)
    snapshot = await scheduler.get_schedule("s")
    assert (ScheduleStatus.active, 21) == (snapshot.status, snapshot.state.jobs_made)


async def test_the_log_says_which_job_failed(
    scheduler: AsyncScheduler, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Rules J4 and N7: failures are logged without any set-up, with the traceback, and nobody can forge a line."""

    async def job() -> None:
        raise ValueError("first\nERROR second")

    await scheduler.configure_task("my\njob", func=job)
    await scheduler.add_job("my\njob")
    await clock.settle()
    (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert "\n" not in record.getMessage()
    assert r"my\njob failed: ValueError: first\nERROR second" in record.getMessage()
    assert record.exc_info


async def test_the_traceback_is_not_kept_alive(
    scheduler: AsyncScheduler, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Rule J4: exceptions are kept as text, so that what a failed job held is let go."""
    caplog.set_level(logging.CRITICAL, "anysched")  # what is logged is kept by the log
    kept: list[weakref.ref[object]] = []

    async def job() -> None:
        big = Odd()
        kept.append(weakref.ref(big))
        raise ValueError

    await run(scheduler, clock, job)
    gc.collect()
    assert [None] == [reference() for reference in kept]


async def nothing() -> None:
    """Do nothing."""
