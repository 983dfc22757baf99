"""Jobs on the event loop: whatever they do, and what becomes of their context variables."""

from __future__ import annotations

import asyncio
import functools
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextvars import ContextVar
from typing import Any

import anyio
import anyio.abc
import anyio.lowlevel
import anyio.to_thread
import pytest
import trio

from anysched.executors import AsyncJobExecutor
from anysched.ports.executor import JobExecutor

pytestmark = pytest.mark.anyio
executor: JobExecutor = AsyncJobExecutor()
color: ContextVar[str] = ContextVar("color", default="none")


async def run(func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Run a job as a worker of the engine does."""
    return await executor.run(func, args, kwargs)


async def test_functions_of_every_kind() -> None:
    """Coroutine functions are awaited, sync functions called; what they return is awaited if it can be."""

    async def double(number: int, *, plus: int = 0) -> int:
        await anyio.lowlevel.checkpoint()
        return number * 2 + plus

    class Doubler:
        async def __call__(self, number: int) -> int:
            return await double(number)

        async def method(self, number: int) -> int:
            return await double(number)

    class Later:
        def __await__(self) -> Iterator[Any]:
            return double(4).__await__()

    assert 9 == await run(double, 4, plus=1)
    assert 9 == await run(functools.partial(double, plus=1), 4)
    assert 8 == await run(Doubler(), 4)
    assert 8 == await run(Doubler().method, 4)
    assert 8 == await run(lambda: double(4))
    assert 8 == await run(Later)
    assert 4 == await run(len, "four")
    assert {} == await run(dict)


@pytest.mark.parametrize(
    "value", [None, (), (1, 2), ValueError(), StopIteration(3), [StopIteration]], ids=repr
)
async def test_values_come_back_as_they_are(value: Any) -> None:
    """What a coroutine returns comes back untouched, also where the protocol of coroutines has its traps."""

    async def job(*, early: bool) -> Any:
        if not early:
            await anyio.lowlevel.checkpoint()
        return value

    assert value is await run(job, early=True)
    assert value is await run(job, early=False)
    assert value is await run(lambda: value)


class Odd(BaseException):
    """Not an Exception."""


@pytest.mark.parametrize(
    "error", [ValueError(), SystemExit(3), KeyboardInterrupt(), Odd(), StopAsyncIteration()], ids=repr
)
async def test_errors_come_out_unchanged(error: BaseException) -> None:
    """Rule J4: whatever a job raises comes out as it is; the engine decides what it means."""

    async def job(*, early: bool) -> None:
        if not early:
            await anyio.lowlevel.checkpoint()
        raise error

    def sync() -> None:
        raise error

    for call in (run(job, early=True), run(job, early=False), run(sync)):
        with pytest.raises(type(error)) as caught:
            await call
        assert error is caught.value


async def test_stop_iteration_is_an_error() -> None:
    """A StopIteration cannot pass for the end of the job: it becomes a RuntimeError (PEP 479)."""

    async def job() -> None:
        await anyio.lowlevel.checkpoint()
        raise StopIteration(7)

    def sync() -> None:
        raise StopIteration(7)

    for func in (job, sync):
        with pytest.raises(RuntimeError, match="StopIteration") as caught:
            await run(func)
        assert isinstance(caught.value.__cause__, StopIteration)


async def test_variables_do_not_leak() -> None:
    """A job sees the variables of its worker, and what it sets lasts as long as the job and no longer."""
    color.set("worker")

    async def job(own: str) -> list[str]:
        seen = [color.get()]
        token = color.set(own)
        await anyio.lowlevel.checkpoint()
        seen.append(color.get())
        color.reset(token)
        await anyio.lowlevel.checkpoint()
        seen.append(color.get())
        color.set(own)
        return seen

    def sync() -> str:
        color.set("sync")
        return color.get()

    assert ["worker", "red", "worker"] == await run(job, "red")
    assert ["worker", "blue", "worker"] == await run(job, "blue")
    assert "sync" == await run(sync)
    assert "worker" == color.get()


async def test_interleaved_jobs() -> None:
    """Jobs that take turns on the event loop keep their variables apart."""
    seen: dict[str, list[str]] = {}

    async def job(own: str) -> None:
        color.set(own)
        seen[own] = []
        for _ in range(20):
            await anyio.lowlevel.checkpoint()
            seen[own].append(color.get())

    async with anyio.create_task_group() as group:
        for name in "abc":
            group.start_soon(run, job, name)
    assert {name: [name] * 20 for name in "abc"} == seen


async def test_a_job_within_a_job() -> None:
    """A job may run another one the same way; each has its own variables."""

    async def inner() -> str:
        await anyio.lowlevel.checkpoint()
        color.set("inner")
        return color.get()

    async def outer() -> tuple[str, str]:
        color.set("outer")
        return await run(inner), color.get()

    assert ("inner", "outer") == await run(outer)


async def test_cancellation_is_delivered_inside() -> None:
    """A cancellation arrives where the job waits; cleaning up has the job's variables, shielded or not."""
    seen: list[str] = []
    waiting = anyio.Event()

    async def job() -> None:
        color.set("job")
        try:
            waiting.set()
            await anyio.sleep_forever()
        except anyio.get_cancelled_exc_class():
            seen.append(color.get())
            raise
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.lowlevel.checkpoint()
            seen.append(color.get())

    async with anyio.create_task_group() as group:
        group.start_soon(run, job)
        await waiting.wait()
        group.cancel_scope.cancel()
    assert ["job", "job"] == seen


async def test_cancel_scopes_inside() -> None:
    """Cancel scopes and timeouts within the job end where they should, and nothing else is cancelled."""

    async def job() -> list[bool]:
        with anyio.move_on_after(0) as first:
            await anyio.sleep_forever()
        with anyio.CancelScope() as second:
            with anyio.CancelScope(shield=True) as third:
                second.cancel()
                await anyio.lowlevel.checkpoint()
            await anyio.lowlevel.checkpoint()
        with pytest.raises(TimeoutError), anyio.fail_after(0):
            await anyio.sleep_forever()
        await anyio.lowlevel.checkpoint()
        return [first.cancelled_caught, second.cancelled_caught, third.cancelled_caught]

    with anyio.CancelScope() as outer:
        assert [True, True, False] == await run(job)
    assert not outer.cancel_called


async def test_a_scope_around_cancels_one_job_only() -> None:
    """A worker that cancels one job through a scope goes on with the next."""

    async def job() -> None:
        scope.cancel()
        await anyio.sleep_forever()

    for _ in range(3):
        with anyio.CancelScope() as scope:
            await run(job)
        assert scope.cancelled_caught
    assert 5 == await run(len, "again")


async def test_task_groups_inside() -> None:
    """Tasks that a job starts inherit its variables; what they raise comes out of it as a group."""
    seen: list[str] = []

    async def child(
        name: str, *, fail: bool = False, task_status: anyio.abc.TaskStatus[str] | None = None
    ) -> None:
        if task_status is not None:
            task_status.started(color.get())
        await anyio.lowlevel.checkpoint()
        seen.append(f"{name} {color.get()}")
        color.set(name)
        if fail:
            raise ValueError(name)

    async def job(*, fail: bool) -> str:
        color.set("job")
        async with anyio.create_task_group() as outer:
            assert "job" == await outer.start(child, "a")
            async with anyio.create_task_group() as inner:
                inner.start_soon(child, "b")
            outer.start_soon(functools.partial(child, "c", fail=fail))
        return color.get()

    assert "job" == await run(job, fail=False)
    assert ["a job", "b job", "c job"] == sorted(seen)
    with pytest.raises(ExceptionGroup) as caught:
        await run(job, fail=True)
    assert ["ValueError('c')"] == [repr(error) for error in caught.value.exceptions]


async def test_threads_and_generators_inside() -> None:
    """Threads inherit the job's variables; asynchronous generators work, also when they are closed early."""
    seen: list[str] = []

    async def numbers() -> AsyncIterator[int]:
        try:
            for number in range(3):
                await anyio.lowlevel.checkpoint()
                yield number
        finally:
            seen.append(color.get())

    async def job() -> tuple[str, int]:
        color.set("job")
        in_thread = await anyio.to_thread.run_sync(color.get)
        total = sum([number async for number in numbers()])
        early = numbers()
        async for _ in early:
            break
        await early.aclose()  # type: ignore[attr-defined]
        return in_thread, total

    assert ("job", 3) == await run(job)
    assert ["job", "job"] == seen


def test_a_closed_job_cleans_up() -> None:
    """A job whose event loop is torn down is closed: its cleaning up runs, with its variables."""
    seen: list[str] = []

    class Forever:
        def __await__(self) -> Iterator[str]:
            yield "waiting"

    async def job() -> None:
        color.set("job")
        try:
            await Forever()
        finally:
            seen.append(color.get())

    running: Coroutine[Any, Any, Any] = executor.run(job, (), {})
    assert "waiting" == running.send(None)
    running.close()
    assert ["job"] == seen

    running = executor.run(job, (), {})
    running.send(None)
    with pytest.raises(Odd):
        running.throw(Odd())
    assert ["job", "job"] == seen
    assert "none" == color.get()


async def test_where_a_job_waits_can_be_shown(anyio_backend: str) -> None:
    """Tools that walk along what a task awaits find the frames of the job."""

    async def innermost() -> None:
        waiting.set()
        await anyio.sleep_forever()

    async def job() -> None:
        await innermost()

    waiting = anyio.Event()
    running = executor.run(job, (), {})
    names: list[str] = []
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: running)
        await waiting.wait()
        awaited: Any = running
        while awaited is not None:
            if hasattr(awaited, "cr_frame"):
                names.append(awaited.cr_frame.f_code.co_name)
            awaited = getattr(awaited, "cr_await", None)
        if anyio_backend == "trio":
            (task,) = (task for task in trio.lowlevel.current_task().child_nurseries[0].child_tasks)
            assert {"job", "innermost"} <= {frame.f_code.co_name for frame, _ in task.iter_await_frames()}
        group.cancel_scope.cancel()
    assert "job" in names
    assert "innermost" in names


@pytest.mark.parametrize(
    ("func", "reason"),
    [
        (len, None),
        (test_functions_of_every_kind, None),
        (functools.partial(test_functions_of_every_kind), None),
        (lambda: (yield), "generator function"),
        (functools.partial(lambda: (yield)), "generator function"),
    ],
    ids=["sync", "async", "partial", "generator", "partial generator"],
)
def test_accepts(func: Callable[..., Any], reason: str | None) -> None:
    """A generator function is refused, because calling it would run nothing."""
    refusal = executor.accepts(func)
    assert reason is None if refusal is None else reason is not None and reason in refusal


async def _native_asyncio() -> None:
    loop = asyncio.get_running_loop()

    async def job() -> str:
        color.set("job")
        async with asyncio.timeout(None):
            await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await asyncio.get_running_loop().create_future()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.get_running_loop().create_future(), 0)
        async with asyncio.TaskGroup() as group:
            child = group.create_task(run(inherited))
        assert "job" == child.result()
        assert "job" == await asyncio.shield(asyncio.ensure_future(inherited()))
        assert "job" == await asyncio.to_thread(color.get)
        assert [None, "job"] == await asyncio.gather(asyncio.sleep(0), inherited())
        future = loop.create_future()
        loop.call_soon(lambda: future.set_result(color.get()))
        assert "job" == await future
        return color.get()

    async def inherited() -> str:
        await asyncio.sleep(0)
        return color.get()

    assert "job" == await asyncio.create_task(run(job))
    assert "none" == color.get()

    seen: list[str] = []

    async def stubborn() -> str:
        color.set("job")
        try:
            await loop.create_future()
        except asyncio.CancelledError:
            seen.append(color.get())
            current = asyncio.current_task()
            assert current is not None
            assert 0 == current.uncancel()
        return "survived"

    async def patient() -> None:
        await loop.create_future()

    for job_, outcome in ((stubborn, "survived"), (patient, None)):
        task = asyncio.create_task(run(job_))
        await asyncio.sleep(0)
        assert task.cancel()
        if outcome is not None:
            assert outcome == await task
        else:
            with pytest.raises(asyncio.CancelledError):
                await task
    assert ["job"] == seen
    gathered = loop.create_future()
    gathered.set_result("from a future")
    assert "from a future" == await run(lambda: gathered)


async def _eager_asyncio() -> None:
    factory: Any = asyncio.eager_task_factory  # type: ignore[attr-defined, unused-ignore]
    asyncio.get_running_loop().set_task_factory(factory)
    await _native_asyncio()


@pytest.mark.parametrize("debug", [False, True], ids=["", "debug"])
@pytest.mark.parametrize("kind", ["tasks", "eager tasks", "uvloop"])
def test_what_asyncio_offers(kind: str, debug: bool) -> None:
    """Timeouts, task groups, shields, threads and native cancellation of asyncio work within a job."""
    if kind == "eager tasks" and sys.version_info < (3, 12):
        pytest.skip("eager tasks are new in Python 3.12")
    factory = pytest.importorskip("uvloop").new_event_loop if kind == "uvloop" else None
    with asyncio.Runner(loop_factory=factory, debug=debug) as runner:
        runner.run(_eager_asyncio() if kind == "eager tasks" else _native_asyncio())


def test_what_trio_offers() -> None:
    """Nurseries, and threads that call back, work within a job on trio."""

    async def job() -> str:
        color.set("job")
        seen: list[str] = []

        async def child() -> None:
            await trio.lowlevel.checkpoint()
            seen.append(color.get())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(child)
        await trio.to_thread.run_sync(lambda: trio.from_thread.run(child))
        await trio.to_thread.run_sync(lambda: trio.from_thread.run_sync(lambda: seen.append(color.get())))
        with trio.move_on_after(0):
            await trio.sleep_forever()
        assert ["job"] * 3 == seen
        return color.get()

    async def main() -> None:
        assert "job" == await run(job)
        assert "none" == color.get()

    trio.run(main)


async def _cancelled_while_ready() -> None:
    """On asyncio, a cancellation that meets a wake-up."""
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def job() -> None:
        await future

    task = asyncio.create_task(run(job))
    await asyncio.sleep(0)
    future.set_result(None)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_cancellation_that_meets_a_wake_up() -> None:
    """A job that was cancelled just when what it waited for came is cancelled all the same."""
    asyncio.run(_cancelled_while_ready())
