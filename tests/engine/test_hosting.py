"""Starting in one task and stopping in another, and programs that end without stopping (rule J6)."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from pathlib import Path

import anyio
import pytest
import sniffio
import trio
from tests.engine.conftest import MakeScheduler
from tests.engine.support import KEEP, Heard, Runs, StoreProxy, live, outcome

from anysched import (
    AsyncScheduler,
    IntervalTrigger,
    JobOutcome,
    RunState,
    SchedulerFaultError,
    SchedulerStateError,
    SchedulerStopped,
    StoreError,
    task,
)
from anysched.ports.store import DataStore
from anysched.stores import MemoryDataStore
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio

#: Seconds after which something hangs.
DEADLINE = 10.0

greeting: ContextVar[str] = ContextVar("greeting")


async def nothing() -> None:
    """Do nothing."""


async def in_another_task(function: Callable[[], Awaitable[object]]) -> None:
    """Await something in a task that has ended when this returns."""
    with anyio.fail_after(DEADLINE):
        async with anyio.create_task_group() as task_group:
            task_group.start_soon(function)


@asynccontextmanager
async def no_task_left() -> AsyncIterator[None]:
    """Check that the block leaves no task behind, on the event loop itself."""
    before = living_tasks()
    yield
    with anyio.fail_after(DEADLINE):
        while living_tasks() != before:
            await anyio.lowlevel.checkpoint()


def living_tasks() -> int:
    if sniffio.current_async_library() == "trio":
        return trio.lowlevel.current_statistics().tasks_living
    return len(asyncio.all_tasks())


# starting and stopping


async def test_start_and_stop_in_different_tasks(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rule J6: any task may start a scheduler, and any other may stop it; it runs meanwhile, and leaves nothing."""
    scheduler, heard = make(store), Heard()
    scheduler.subscribe(heard, SchedulerStopped)
    async with no_task_left():
        await in_another_task(scheduler.start)
        assert RunState.started is scheduler.state
        await scheduler.add_schedule(runs.task(), IntervalTrigger(seconds=10))
        await clock.advance(25)
        await in_another_task(scheduler.stop)
        assert RunState.stopped is scheduler.state
    assert [0, 10, 20] == runs.take()
    assert [None] == [event.fault for event in heard.events]  # type: ignore[attr-defined]


async def test_the_end_of_the_task_that_started_it(make: MakeScheduler, runs: Runs, clock: FakeClock) -> None:
    """Rule J6: neither a cancellation nor an error where a scheduler was started ends it: only ``stop()`` does."""
    scheduler = make()

    async def start() -> None:
        await scheduler.start()
        scope.cancel()
        raise ZeroDivisionError

    with anyio.CancelScope() as scope, pytest.raises(ExceptionGroup):
        await in_another_task(start)
    await scheduler.run_job(runs.task())
    await scheduler.stop()
    assert [0] == runs.take()


async def test_the_context_of_jobs(make: MakeScheduler) -> None:
    """Jobs see the context variables of whoever called ``start()``, as they see those around ``async with``."""
    seen: list[str] = []

    async def job() -> None:
        seen.append(greeting.get())

    async def start() -> None:
        greeting.set("hello")
        await scheduler.start()

    scheduler = make()
    await in_another_task(start)
    await scheduler.run_job(job)
    await scheduler.stop()
    assert ["hello"] == seen


async def test_starting_twice(make: MakeScheduler) -> None:
    """A scheduler runs once, however it is started."""
    scheduler = make()
    await scheduler.start()
    for again in (scheduler.start, scheduler.__aenter__):
        with pytest.raises(SchedulerStateError, match="runs once"):
            await again()
    await scheduler.stop()
    with pytest.raises(SchedulerStateError, match="runs once"):
        await scheduler.start()
    async with make() as scheduler:
        with pytest.raises(SchedulerStateError, match="runs once"):
            await scheduler.start()


async def test_starting_twice_at_once(make: MakeScheduler) -> None:
    """Of two tasks that start a scheduler at the same time one is refused, and the other has started it."""
    scheduler = make()
    refused: list[str] = []

    async def start() -> None:
        try:
            await scheduler.start()
        except SchedulerStateError as exc:
            refused.append(str(exc))

    async with anyio.create_task_group() as task_group:
        task_group.start_soon(start)
        task_group.start_soon(start)
    assert ["the scheduler is being started already"] == refused
    assert RunState.started is scheduler.state
    await scheduler.stop()


async def test_stopping_is_harmless(make: MakeScheduler) -> None:
    """Rule J6: ``stop()`` before the start does nothing, several at once and after the end neither."""
    scheduler = make()
    await scheduler.stop()
    assert RunState.created is scheduler.state
    await scheduler.start()
    with anyio.fail_after(DEADLINE):
        async with anyio.create_task_group() as task_group:
            task_group.start_soon(scheduler.stop)
            task_group.start_soon(scheduler.stop)
        await scheduler.stop()
    assert RunState.stopped is scheduler.state


async def test_stopping_while_it_starts(make: MakeScheduler) -> None:
    """Rule J6: a ``stop()`` that comes while a scheduler starts waits for that, and then for its end."""
    proxy = StoreProxy(MemoryDataStore())
    scheduler = make(proxy)
    opening, go_on = anyio.Event(), anyio.Event()

    async def slowly() -> None:
        opening.set()
        await go_on.wait()

    proxy.delays["open"] = slowly
    async with no_task_left():
        with anyio.fail_after(DEADLINE):
            async with anyio.create_task_group() as task_group:
                task_group.start_soon(scheduler.start)
                await opening.wait()
                task_group.start_soon(scheduler.stop)
                await anyio.wait_all_tasks_blocked()
                go_on.set()
        assert RunState.stopped is scheduler.state


async def test_a_job_that_stops_it(make: MakeScheduler, clock: FakeClock) -> None:
    """Rule J6: a job asks for the stop and goes on; whoever waits for the end sees it."""
    ended = False

    async def job() -> None:
        nonlocal ended
        await scheduler.stop()
        ended = True

    scheduler = make()
    await scheduler.start()
    await scheduler.add_job(job)
    with anyio.fail_after(DEADLINE):
        await scheduler.run_until_stopped()
    assert ended


# what goes wrong


@pytest.mark.parametrize("address", ["file", "folder"])
async def test_a_start_that_fails(tmp_path: Path, address: str) -> None:
    """What entering the block would raise ``start()`` raises, unwrapped; nothing is left behind."""
    (tmp_path / "file").write_text("This is no database, but long enough to be looked at. " * 100)
    path = tmp_path / "file" if address == "file" else tmp_path / "folder" / "jobs.db"
    scheduler = AsyncScheduler(f"sqlite:///{path}")
    async with no_task_left():
        with pytest.raises(StoreError, match=path.name):
            await scheduler.start()
        assert RunState.stopped is scheduler.state
        await scheduler.stop()


@pytest.mark.parametrize("native", [False, True])
async def test_a_start_that_is_cancelled(make: MakeScheduler, store: DataStore, native: bool) -> None:
    """Rule J6: whoever is cancelled while a scheduler starts leaves nothing behind."""
    if native and sniffio.current_async_library() != "asyncio":
        pytest.skip("other event loops have no such call")
    proxy = StoreProxy(store)
    proxy.delays["declare_tasks"] = anyio.sleep_forever
    scheduler = make(proxy, tasks=[nothing])
    async with no_task_left():
        if native:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(scheduler.start(), 0.05)
        else:
            with anyio.move_on_after(0.05) as scope:
                await scheduler.start()
            assert scope.cancelled_caught
        assert RunState.stopped is scheduler.state
    assert 1 == proxy.calls["open"] == proxy.calls["close"]
    await scheduler.stop()


@pytest.mark.parametrize("ended_by", ["stop", "run_until_stopped"])
async def test_a_fault_is_raised_once(make: MakeScheduler, ended_by: str) -> None:
    """Rule J6: a fault stops the scheduler and cancels nobody; who ends it is told, once."""
    proxy = StoreProxy(MemoryDataStore())
    scheduler = make(proxy)
    await scheduler.start()
    proxy.fail(["advance"], ZeroDivisionError("division"))
    await scheduler.add_job(nothing)
    with anyio.fail_after(DEADLINE):
        await scheduler.wait_until_stopped()
        with pytest.raises(SchedulerFaultError, match="division") as caught:
            await getattr(scheduler, ended_by)()
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    await scheduler.stop()


# leaving in another task


async def test_leaving_in_another_task(make: MakeScheduler, store: DataStore) -> None:
    """Rule J6: leaving in another task stops in order and is explained; leaving in the right one then closes."""
    scheduler = make(store)
    begun, ended = anyio.Event(), anyio.Event()

    @task(id="job")
    async def job() -> None:
        begun.set()
        await anyio.sleep(0.02)
        ended.set()

    async def leave() -> None:
        mine = KeyError("mine")
        with pytest.raises(SchedulerStateError, match=r"await scheduler\.start") as caught:
            await scheduler.__aexit__(KeyError, mine, None)
        assert mine is caught.value.__cause__

    async with no_task_left(), scheduler:
        await scheduler.add_job(job)
        await begun.wait()
        await in_another_task(leave)
        assert RunState.stopped is scheduler.state
        assert ended.is_set()
    async with make(store) as scheduler:
        assert [] == await scheduler.get_jobs()


def test_leaving_when_the_entering_task_is_gone(store: DataStore, runs: Runs, clock: FakeClock) -> None:
    """Rule J6: so it is on asyncio where the entering task has ended, as in a fixture whose halves are two tasks."""
    scheduler = AsyncScheduler(store, clock=clock)
    with asyncio.Runner() as runner:
        runner.run(scheduler.__aenter__())
        runner.run(scheduler.run_job(runs.task()))
        with pytest.raises(SchedulerStateError, match=r"await scheduler\.stop"):
            runner.run(scheduler.__aexit__(None, None, None))
        assert RunState.stopped is scheduler.state
    assert [0] == runs.take()


def test_halves_of_a_fixture(store: DataStore, runs: Runs, clock: FakeClock) -> None:
    """Rule J6: ``start()`` and ``stop()`` are for that shape."""
    scheduler = AsyncScheduler(store, clock=clock)
    with asyncio.Runner() as runner:
        runner.run(scheduler.start())
        runner.run(scheduler.run_job(runs.task()))
        runner.run(scheduler.stop())
        assert not asyncio.all_tasks(runner.get_loop())
    assert [0] == runs.take()


def test_trio_refuses_a_task_that_ends_inside() -> None:
    """Trio itself fails a task that enters and never leaves, where it ends; the scheduler still says what to do."""
    scheduler = live()

    async def main() -> None:
        with pytest.raises(ExceptionGroup) as caught:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(scheduler.__aenter__)
        assert caught.group_contains(RuntimeError, match="Nursery stack corrupted")
        with pytest.raises(SchedulerStateError, match=r"await scheduler\.start"):
            await scheduler.__aexit__(None, None, None)
        assert RunState.stopped is scheduler.state

    trio.run(main)


async def test_leaving_on_another_event_loop(make: MakeScheduler, anyio_backend: str) -> None:
    """Rule J6: on another event loop nothing can be stopped; the error is the same, and the scheduler goes on."""
    async with make() as scheduler:

        def leave() -> None:
            with pytest.raises(SchedulerStateError, match=r"await scheduler\.start"):
                anyio.run(scheduler.__aexit__, None, None, None, backend=anyio_backend)

        await anyio.to_thread.run_sync(leave)
        assert RunState.started is scheduler.state


# programs that do not stop it


@pytest.mark.parametrize("how", ["start", "task"])
def test_a_program_that_ends(
    anyio_backend: str, store: DataStore, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Rule J6: where the program ends first, the scheduler stops without grace and gives its jobs back."""
    scheduler, begun = live(store, stop_grace=1000), 0

    @task(id="endless")
    async def endless() -> None:
        nonlocal begun
        begun += 1
        await anyio.sleep_forever()

    async def forgotten() -> None:
        async with scheduler:
            await anyio.sleep_forever()

    async def main() -> None:
        if how == "start":
            await scheduler.start()
        elif anyio_backend == "asyncio":
            forgotten_tasks.append(asyncio.create_task(forgotten()))
        else:
            trio.lowlevel.spawn_system_task(forgotten)
        with anyio.fail_after(DEADLINE):
            while scheduler.state is not RunState.started:
                await anyio.lowlevel.checkpoint()
            await scheduler.add_jobs(endless, [[]] * 5, result_expiration_time=KEEP)
            while begun < 5:
                await anyio.lowlevel.checkpoint()

    async def look() -> None:
        async with live(store, role="client") as scheduler:
            assert ["queued"] * 5 == [str(job.status) for job in await scheduler.get_jobs()]

    forgotten_tasks: list[asyncio.Task[None]] = []
    anyio.run(main, backend=anyio_backend)
    assert RunState.stopped is scheduler.state
    assert [] == [record.getMessage() for record in caplog.records if record.levelname != "INFO"]
    anyio.run(look, backend=anyio_backend)


@pytest.mark.parametrize("how", ["start", "task"])
# Tasks that are cancelled before they begin leave a coroutine that was never awaited.
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
def test_a_program_that_ends_at_any_moment(how: str) -> None:
    """Rule J6: wherever asyncio cancels all tasks, also those that have not begun, everything comes to an end."""

    async def run(scheduler: AsyncScheduler) -> None:
        if how == "start":
            await scheduler.start()
            await scheduler.add_jobs(nothing, [[]] * 2)
        else:
            async with scheduler:
                await scheduler.add_jobs(nothing, [[]] * 2)

    async def main(steps: int) -> None:
        started.append(asyncio.create_task(run(live())))
        for _ in range(steps):
            await asyncio.sleep(0)

    async def cancel_all() -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for other in others:
            other.cancel()
        assert not others or not (await asyncio.wait(others, timeout=DEADLINE))[1]

    started: list[asyncio.Task[None]] = []
    for steps in range(12):
        with asyncio.Runner() as runner:
            runner.run(main(steps))
            runner.run(cancel_all())
    gc.collect()


async def test_a_job_that_cancels_itself(make: MakeScheduler, clock: FakeClock) -> None:
    """Rule J4: no other cancellation is taken for the end of the program."""
    if sniffio.current_async_library() != "asyncio":
        pytest.skip("other event loops have no such call")

    async def job() -> None:
        current = asyncio.current_task()
        assert current is not None
        current.cancel()
        await anyio.sleep_forever()

    scheduler = make()
    await scheduler.start()
    job_id = await scheduler.add_job(job, result_expiration_time=KEEP)
    await clock.settle()
    assert JobOutcome.error is await outcome(scheduler, job_id)
    assert RunState.started is scheduler.state
    await scheduler.stop()


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C raises, also where the tests run in the background of a shell."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)


async def interrupting() -> None:
    """Be hit by Ctrl-C."""
    raise KeyboardInterrupt


@pytest.mark.usefixtures("interruptible")
def test_a_ctrl_c_that_hits_a_job(anyio_backend: str, store: DataStore) -> None:
    """Rule J4: a KeyboardInterrupt in a job stops the scheduler in order, and then reaches the program."""
    scheduler, heard = live(store), Heard()
    scheduler.subscribe(heard, SchedulerStopped)

    async def main() -> None:
        await scheduler.start()
        await scheduler.add_job(interrupting)
        await anyio.sleep(DEADLINE)

    with pytest.raises(KeyboardInterrupt):
        anyio.run(main, backend=anyio_backend)
    assert RunState.stopped is scheduler.state
    assert 1 == len(heard.events)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent as POSIX has them")
def test_signals_of_a_hosted_scheduler(anyio_backend: str) -> None:
    """Rule J6: ``run_until_stopped`` serves a scheduler that was started elsewhere, until a signal comes."""
    scheduler, before = live(), signal.getsignal(signal.SIGTERM)

    async def job() -> None:
        await anyio.sleep(0.01)
        signal.raise_signal(signal.SIGTERM)

    async def main() -> None:
        await in_another_task(scheduler.start)
        await scheduler.add_job(job)
        with anyio.fail_after(DEADLINE):
            await scheduler.run_until_stopped()

    anyio.run(main, backend=anyio_backend)
    assert RunState.stopped is scheduler.state
    assert before == signal.getsignal(signal.SIGTERM)


async def test_a_call_from_another_event_loop(anyio_backend: str) -> None:
    """A call from the event loop of another thread, which could wait for ever, is refused and names the remedy."""

    async def calls() -> None:
        for call in (scheduler.get_schedules, scheduler.stop, scheduler.wait_until_stopped):
            with pytest.raises(SchedulerStateError, match="the event loop of another thread"):
                await call()

    async with AsyncScheduler() as scheduler:
        await anyio.to_thread.run_sync(lambda: anyio.run(calls, backend=anyio_backend))
    await scheduler.stop()
