"""Jobs in threads."""

from __future__ import annotations

import functools
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar
from typing import Any

import anyio
import anyio.from_thread
import anyio.lowlevel
import pytest
from tests.unit.executors.jobs import coroutine, return_awaitable

from anysched.errors import SchedulerStateError
from anysched.executors import ThreadJobExecutor
from anysched.executors.daemon_threads import checked_limit
from anysched.ports.executor import JobExecutor

pytestmark = pytest.mark.anyio
color: ContextVar[str] = ContextVar("color", default="none")


@pytest.fixture
async def executor() -> AsyncIterator[ThreadJobExecutor]:
    """An executor with two places."""
    made = ThreadJobExecutor(max_workers=2)
    port: JobExecutor = made
    await port.start()
    yield made
    await port.stop()


class Gate:
    """A function that a job calls to say that it runs, and that returns when the test says so."""

    def __init__(self) -> None:
        self.token = anyio.lowlevel.current_token()
        self.entered = anyio.Event()
        self.opened = threading.Event()
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        anyio.from_thread.run_sync(self.entered.set, token=self.token)
        self.opened.wait()
        return threading.current_thread().name


async def test_runs_in_a_thread(executor: ThreadJobExecutor) -> None:
    """A function runs in a daemon thread, which then waits for the next one."""

    def job(a: int, *, b: int) -> tuple[int, threading.Thread]:
        return a + b, threading.current_thread()

    total, first = await executor.run(job, [1], {"b": 2})
    _, second = await executor.run(job, (), {"a": 1, "b": 2})
    assert 3 == total
    assert first.daemon
    assert first is second is not threading.current_thread()


class Odd(BaseException):
    """Not an Exception."""


@pytest.mark.parametrize("error", [ValueError(), SystemExit(3), KeyboardInterrupt(), Odd()], ids=repr)
async def test_errors_come_out_unchanged(executor: ThreadJobExecutor, error: BaseException) -> None:
    """Rule J4: whatever a job raises comes out as it is, and the thread goes on."""

    def job() -> None:
        raise error

    for _ in range(3):
        with pytest.raises(type(error)) as caught:
            await executor.run(job, (), {})
        assert error is caught.value
    assert 4 == await executor.run(len, ["four"], {})


async def test_stop_iteration_is_an_error(executor: ThreadJobExecutor) -> None:
    """A StopIteration cannot pass for the end of the job: it becomes a RuntimeError (PEP 479)."""
    with pytest.raises(RuntimeError, match="StopIteration"):
        await executor.run(next, [iter(())], {})


async def test_variables_do_not_leak(executor: ThreadJobExecutor) -> None:
    """A job gets the variables of its worker, and what it sets is gone when it ends."""
    color.set("worker")

    def job() -> str:
        seen = color.get()
        color.set("job")
        return seen

    assert ["worker", "worker"] == [await executor.run(job, (), {}) for _ in range(2)]
    assert "worker" == color.get()


async def test_there_is_no_event_loop_in_the_thread(executor: ThreadJobExecutor, anyio_backend: str) -> None:
    """A job may run an event loop of its own, and reach that of the scheduler if it is handed its token."""

    async def double(number: int) -> int:
        await anyio.lowlevel.checkpoint()
        return number * 2

    def job(token: anyio.lowlevel.EventLoopToken) -> tuple[int, int]:
        own = anyio.run(double, 1, backend=anyio_backend)
        return own, anyio.from_thread.run(double, own, token=token)

    assert (2, 4) == await executor.run(job, [anyio.lowlevel.current_token()], {})


async def test_a_cancelled_job_is_abandoned(executor: ThreadJobExecutor) -> None:
    """Rule J6: a cancellation does not wait for the thread; it is counted and keeps its place until it ends."""
    gates = [Gate(), Gate()]
    async with anyio.create_task_group() as group:
        for gate in gates:
            group.start_soon(executor.run, gate, (), {})
            await gate.entered.wait()
        group.cancel_scope.cancel()
    assert 2 == executor.abandoned

    waiting = Gate()
    results: list[str] = []

    async def run() -> None:
        results.append(await executor.run(waiting, (), {}))

    async with anyio.create_task_group() as group:
        group.start_soon(run)
        await anyio.wait_all_tasks_blocked()
        assert 0 == waiting.calls
        gates[0].opened.set()
        await waiting.entered.wait()
        assert 1 == executor.abandoned
        waiting.opened.set()
    assert ["anysched-thread-1"] == results
    gates[1].opened.set()
    assert 4 == await executor.run(len, ["four"], {})


async def test_no_more_than_max_workers(executor: ThreadJobExecutor) -> None:
    """No more functions than there are places run at once, and each place is used."""
    pair = threading.Barrier(2, timeout=60)  # breaks if a job runs alone
    names: set[str] = set()

    def job() -> None:
        names.add(threading.current_thread().name)
        pair.wait()

    async with anyio.create_task_group() as group:
        for _ in range(6):
            group.start_soon(executor.run, job, (), {})
    assert {"anysched-thread-1", "anysched-thread-2"} == names


async def test_cancelled_while_waiting_for_a_place(executor: ThreadJobExecutor) -> None:
    """A job that is cancelled before it has a place never runs, and takes none."""
    gates = [Gate() for _ in range(3)]
    async with anyio.create_task_group() as group:
        for gate in gates[:2]:
            group.start_soon(executor.run, gate, (), {})
            await gate.entered.wait()
        async with anyio.create_task_group() as inner:
            inner.start_soon(executor.run, gates[2], (), {})
            await anyio.wait_all_tasks_blocked()
            inner.cancel_scope.cancel()
        assert 0 == executor.abandoned
        for gate in gates[:2]:
            gate.opened.set()
    assert 0 == gates[2].calls
    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(executor.run, len, ["x"], {})


async def test_stop_does_not_wait() -> None:
    """Stopping does not wait for abandoned work, may be repeated, and the executor can be started again."""
    executor = ThreadJobExecutor()
    gate = Gate()
    await executor.start()
    async with anyio.create_task_group() as group:
        group.start_soon(executor.run, gate, (), {})
        await gate.entered.wait()
        group.cancel_scope.cancel()
    await executor.stop()
    await executor.stop()
    assert 1 == executor.abandoned
    await executor.start()
    assert 1 == await executor.run(len, ["x"], {})
    gate.opened.set()
    await executor.stop()


async def test_states() -> None:
    """Running without starting, starting twice, and waiting for a place at the end are clear errors."""
    executor = ThreadJobExecutor(max_workers=1)
    with pytest.raises(SchedulerStateError, match="not started"):
        await executor.run(len, ["x"], {})
    await executor.start()
    with pytest.raises(SchedulerStateError, match="in use"):
        await executor.start()
    gate = Gate()
    async with anyio.create_task_group() as group:
        group.start_soon(executor.run, gate, (), {})
        await gate.entered.wait()

        async def wait_in_vain() -> None:
            with pytest.raises(SchedulerStateError, match="stopped"):
                await executor.run(len, ["x"], {})

        group.start_soon(wait_in_vain)
        await anyio.wait_all_tasks_blocked()
        await executor.stop()
        gate.opened.set()


@pytest.mark.parametrize("limit", [0, -1, 1.5, True, "2", None], ids=repr)
def test_limits_are_checked(limit: Any) -> None:
    """The number of threads is a whole number from 1."""
    with pytest.raises(ValueError, match="max_workers"):
        checked_limit(limit)
    with pytest.raises(ValueError, match="max_workers"):
        ThreadJobExecutor(limit)


@pytest.mark.parametrize(
    ("func", "reason"),
    [
        (len, None),
        (dict, None),
        (functools.partial(len), None),
        (coroutine, "coroutine function"),
        (functools.partial(functools.partial(coroutine)), "coroutine function"),
        (type("Callable", (), {"__call__": coroutine})(), "coroutine function"),
        (lambda: (yield), "generator function"),
    ],
    ids=["builtin", "class", "partial", "async", "async partial", "async object", "generator"],
)
def test_accepts(func: Callable[..., Any], reason: str | None) -> None:
    """A function that would not run in a thread is refused before it is tried."""
    refusal = ThreadJobExecutor().accepts(func)
    assert reason is None if refusal is None else reason is not None and reason in refusal


async def test_what_is_to_be_awaited_is_refused(executor: ThreadJobExecutor) -> None:
    """A function that turns out to return a coroutine fails, with the remedy, and leaves no warning."""
    with pytest.raises(TypeError, match="async executor"):
        await executor.run(return_awaitable, (), {})


def test_a_thread_may_outlive_its_event_loop(anyio_backend: str) -> None:
    """A job that ends after the event loop has gone bothers nobody."""
    executor = ThreadJobExecutor()
    opened = threading.Event()
    threads: list[threading.Thread] = []

    async def main() -> None:
        gate = Gate()
        opened_by_gate = gate.opened

        def job() -> None:
            threads.append(threading.current_thread())
            gate()
            opened.wait()

        await executor.start()
        async with anyio.create_task_group() as group:
            group.start_soon(executor.run, job, (), {})
            await gate.entered.wait()
            group.cancel_scope.cancel()
        await executor.stop()
        opened_by_gate.set()

    anyio.run(main, backend=anyio_backend)
    assert 1 == executor.abandoned
    opened.set()
    threads[0].join(10)
    assert not threads[0].is_alive()
    assert 0 == executor.abandoned


ENDLESS = """
import sys, threading, anyio
from anysched.executors import ThreadJobExecutor

async def main():
    executor = ThreadJobExecutor()
    entered = threading.Event()
    def job():
        entered.set()
        threading.Event().wait()
    await executor.start()
    async with anyio.create_task_group() as group:
        group.start_soon(executor.run, job, (), {})
        while not entered.is_set():
            await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()
    await executor.stop()
    print(executor.abandoned)

anyio.run(main, backend=sys.argv[1])
"""


def test_an_endless_job_does_not_hang_the_program(anyio_backend: str) -> None:
    """Rule J6: the interpreter ends though a job in a thread never does."""
    ended = subprocess.run(
        [sys.executable, "-c", ENDLESS, anyio_backend],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (0, "1\n", "") == (ended.returncode, ended.stdout, ended.stderr)
