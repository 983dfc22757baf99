"""Starting, and what ends a scheduler's block (rule J6)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest
import sniffio
from tests.engine.conftest import MakeScheduler
from tests.engine.support import Heard, Runs, StoreProxy

from anysched import (
    AsyncScheduler,
    IntervalTrigger,
    RunState,
    SchedulerFaultError,
    SchedulerStarted,
    SchedulerStateError,
    SchedulerStopped,
    StoreUnavailableError,
)
from anysched.executors import ThreadJobExecutor
from anysched.ports.store import DataStore
from anysched.stores import MemoryDataStore
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio

CALLS: list[Callable[[AsyncScheduler], Awaitable[Any]]] = [
    lambda s: s.add_schedule(nothing, IntervalTrigger(1)),
    lambda s: s.add_schedules([]),
    lambda s: s.get_schedule("s"),
    lambda s: s.get_schedules(),
    lambda s: s.remove_schedule("s"),
    lambda s: s.pause_schedule("s"),
    lambda s: s.unpause_schedule("s"),
    lambda s: s.run_schedule("s"),
    lambda s: s.add_job(nothing),
    lambda s: s.add_jobs(nothing, []),
    lambda s: s.run_job(nothing),
    lambda s: s.get_jobs(),
    lambda s: s.get_job_result(None),  # type: ignore[arg-type]
    lambda s: s.cancel_job(None),  # type: ignore[arg-type]
    lambda s: s.configure_task(nothing),
    lambda s: s.get_tasks(),
    lambda s: s.get_next_event(SchedulerStarted),
]


async def nothing() -> None:
    """Do nothing."""


def test_it_can_be_made_anywhere() -> None:
    """A scheduler can be made where no event loop runs, as at the top of a module, and is then not running."""
    scheduler = AsyncScheduler()
    assert RunState.created is scheduler.state is scheduler.health.state
    assert "created" in repr(scheduler)
    assert not scheduler.health.ok


async def test_states(make: MakeScheduler, store: DataStore) -> None:
    """A scheduler is created, started and stopped, once, and says so."""
    heard = Heard()
    scheduler = make(store, identity="me")
    scheduler.subscribe(heard)
    assert RunState.created is scheduler.state
    async with scheduler as entered:
        assert entered is scheduler
        assert RunState.started is scheduler.state
        assert scheduler.health.ok
    assert RunState.stopped is scheduler.state
    assert [SchedulerStarted("me"), SchedulerStopped("me")] == heard.events


@pytest.mark.parametrize("number", range(len(CALLS)))
async def test_not_running(make: MakeScheduler, number: int) -> None:
    """A call before the scheduler runs, or after it has stopped, is refused at once, and says what to do."""
    scheduler = make()
    with pytest.raises(SchedulerStateError, match="has not been started: use it inside `async with"):
        await CALLS[number](scheduler)
    async with scheduler:
        pass
    with pytest.raises(SchedulerStateError, match="is stopped"):
        await CALLS[number](scheduler)


async def test_stopping_what_does_not_run(make: MakeScheduler) -> None:
    """Stopping is harmless before the start and after the end; waiting for an end that cannot come is refused."""
    scheduler = make()
    await scheduler.stop()
    with pytest.raises(SchedulerStateError, match="never started"):
        await scheduler.wait_until_stopped()
    async with scheduler:
        pass
    await scheduler.stop()
    await scheduler.wait_until_stopped()
    with pytest.raises(SchedulerStateError, match="is stopped"):
        scheduler.subscribe(print)


async def test_entering_twice(make: MakeScheduler, store: DataStore) -> None:
    """A scheduler runs once: entering it again is refused, inside its block and after it."""
    scheduler = make(store)
    async with scheduler:
        with pytest.raises(SchedulerStateError, match="runs once"):
            await scheduler.__aenter__()
        assert RunState.started is scheduler.state
    with pytest.raises(SchedulerStateError, match="runs once"):
        await scheduler.__aenter__()


@pytest.mark.parametrize("wrapped", [False, True])
async def test_exceptions_of_the_body(make: MakeScheduler, store: DataStore, wrapped: bool) -> None:
    """Rule J6: what the body raises leaves it untouched: an exception unwrapped, a group as the very same group."""
    raised: Exception = ExceptionGroup("mine", [ValueError("a")]) if wrapped else ValueError("a")
    scheduler = make(store)
    with pytest.raises(type(raised)) as caught:
        async with scheduler:
            raise raised
    assert raised is caught.value
    assert RunState.stopped is scheduler.state


async def test_a_body_that_exits(make: MakeScheduler, store: DataStore) -> None:
    """Rule J6: SystemExit of the body goes through as it is, after the stop."""
    scheduler = make(store)
    with pytest.raises(SystemExit):
        async with scheduler:
            raise SystemExit(3)
    assert RunState.stopped is scheduler.state


@pytest.mark.parametrize("how", ["scope", "timeout", "group", "native"])
async def test_a_body_that_is_cancelled(
    make: MakeScheduler,
    store: DataStore,
    clock: FakeClock,
    runs: Runs,
    how: str,
) -> None:
    """Rule J6: a cancelled block ends at once, swallows nothing, and leaves the store consistent."""
    scheduler = make(store)
    after = False

    async def body() -> None:
        nonlocal after
        async with scheduler:
            await scheduler.add_job(runs.task(takes=1000))
            await clock.advance(1)
            waiting.set()
            await anyio.sleep_forever()
        after = True

    waiting = anyio.Event()
    if how == "scope":
        async with anyio.create_task_group() as task_group:
            task_group.start_soon(body)
            await waiting.wait()
            task_group.cancel_scope.cancel()
    elif how == "timeout":
        with pytest.raises(TimeoutError), anyio.fail_after(0.3):
            await body()
    elif how == "group":

        async def fails() -> None:
            await waiting.wait()
            raise ValueError

        async def both() -> None:
            async with anyio.create_task_group() as task_group:
                task_group.start_soon(body)
                task_group.start_soon(fails)

        with pytest.raises(ExceptionGroup) as caught:
            await both()
        assert [ValueError] == [type(exc) for exc in caught.value.exceptions]
    else:
        if sniffio.current_async_library() != "asyncio":
            pytest.skip("other event loops have no such call")
        task = asyncio.create_task(body())
        await waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert not after
    assert RunState.stopped is scheduler.state
    async with make(store, tasks=[runs.task(takes=1)]) as scheduler:
        await clock.advance(60)
        assert 2 == len(runs.take()), "the job that was interrupted is started again"


async def test_nested_blocks_and_timeouts(make: MakeScheduler, clock: FakeClock, runs: Runs) -> None:
    """Task groups and timeouts around and inside the block, and other schedulers in it, work as anywhere else."""
    with anyio.fail_after(5):
        async with anyio.create_task_group() as outside, make() as one, make() as two:
            async with anyio.create_task_group() as inside:
                outside.start_soon(anyio.sleep, 0)
                inside.start_soon(one.add_job, runs.task("a"))
                inside.start_soon(two.add_job, runs.task("b"))
            with anyio.move_on_after(0.001) as scope:
                await anyio.sleep_forever()
            assert scope.cancelled_caught
            async with make() as three:
                await three.add_job(runs.task("c"))
                await clock.advance(1)
    assert 3 == len(runs.take())


async def test_two_schedulers_do_not_mix(make: MakeScheduler, clock: FakeClock, runs: Runs) -> None:
    """Two schedulers of one program have nothing in common, unless they share a data store."""
    async with make() as one, make() as two:
        await one.add_schedule(runs.task(), IntervalTrigger(hours=1), id="s")
        assert [] == await two.get_schedules()
        assert one.identity != two.identity
        await clock.settle()
        await one.stop()
        assert RunState.started is two.state
        await two.add_job(runs.task())
        await clock.settle()
        assert 2 == len(runs.take())


@pytest.mark.parametrize("room", ["planner", "reporter", "housekeeper"])
async def test_a_fault_of_the_engine(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs, room: str
) -> None:
    """Rule J6: a fault of the engine itself cancels the body, stops in order, and is one clear error."""
    proxy = StoreProxy(store)
    operation = {"planner": "advance", "reporter": "complete", "housekeeper": "clean_up"}[room]
    heard = Heard()
    scheduler = make(proxy, cleanup_interval=10, stop_grace=1)
    scheduler.subscribe(heard, SchedulerStopped)
    cancelled = False

    async def program() -> None:
        nonlocal cancelled
        async with scheduler:
            await clock.settle()
            proxy.fail([operation], ZeroDivisionError("division"))
            try:
                await scheduler.add_job(runs.task())
                async with anyio.create_task_group() as task_group:
                    task_group.start_soon(clock.advance, 11)
                    await anyio.sleep_forever()
            except anyio.get_cancelled_exc_class():
                cancelled = True
                raise

    with pytest.raises(SchedulerFaultError, match="division") as caught:
        await program()
    assert cancelled
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert "ZeroDivisionError: division" == scheduler.health.fault
    assert ["ZeroDivisionError: division"] == [event.fault for event in heard.events]  # type: ignore[attr-defined]
    assert RunState.stopped is scheduler.state


async def test_a_fault_does_not_hide_the_bodys_own_error(make: MakeScheduler, clock: FakeClock) -> None:
    """Rule J6: a body that has something of its own to say when the engine fails is heard."""
    proxy = StoreProxy(MemoryDataStore())

    async def program() -> None:
        async with make(proxy) as scheduler:
            proxy.fail(["advance"], ZeroDivisionError())
            await scheduler.add_job(nothing)
            try:
                await anyio.sleep_forever()
            finally:
                raise KeyError

    with pytest.raises(KeyError):
        await program()


@pytest.mark.parametrize("operation", ["open", "declare_tasks", "executor"])
async def test_a_start_that_fails_leaves_nothing_open(
    make: MakeScheduler, store: DataStore, operation: str
) -> None:
    """Rule J6: when a part cannot start, what was opened before it is closed, and the error comes out as it is."""
    proxy = StoreProxy(store)
    executor = ThreadJobExecutor()
    if operation == "executor":
        await executor.start()  # it is in use already
    else:
        proxy.fail([operation], StoreUnavailableError("no disk"))
    scheduler = make(proxy, tasks=[nothing], job_executors={"own": executor})
    with pytest.raises(StoreUnavailableError if operation != "executor" else SchedulerStateError):
        async with scheduler:
            pytest.fail("it has started")
    assert RunState.stopped is scheduler.state
    assert (proxy.calls["open"] if operation != "open" else 0) == proxy.calls.get("close", 0)
    with pytest.raises(SchedulerStateError):
        await scheduler.__aenter__()


async def test_a_start_that_is_cancelled_leaves_nothing_open(make: MakeScheduler, store: DataStore) -> None:
    """Rule J6: so it is when the start is cancelled; and whoever called stop() meanwhile is let go."""
    proxy = StoreProxy(store)
    starting = anyio.Event()

    async def wait() -> None:
        starting.set()
        await anyio.sleep_forever()

    proxy.delays["declare_tasks"] = wait
    scheduler = make(proxy, tasks=[nothing])

    async def start() -> None:
        async with scheduler:
            pytest.fail("it has started")

    async with anyio.create_task_group() as stopping, anyio.create_task_group() as task_group:
        task_group.start_soon(start)
        await starting.wait()
        assert RunState.starting is scheduler.state
        stopping.start_soon(scheduler.stop)
        await anyio.lowlevel.checkpoint()
        task_group.cancel_scope.cancel()
    assert (RunState.stopped, 1) == (scheduler.state, proxy.calls["close"])


async def test_stopping_while_starting(make: MakeScheduler, store: DataStore) -> None:
    """Rule J6: a stop that comes during the start is not lost: the scheduler stops as soon as it has started."""
    proxy = StoreProxy(store)
    starting, go_on = anyio.Event(), anyio.Event()

    async def wait() -> None:
        starting.set()
        await go_on.wait()

    proxy.delays["open"] = wait
    scheduler = make(proxy)
    async with anyio.create_task_group() as task_group:

        async def serve() -> None:
            async with scheduler:
                await scheduler.wait_until_stopped()

        task_group.start_soon(serve)
        await starting.wait()
        task_group.start_soon(scheduler.stop)
        await anyio.lowlevel.checkpoint()
        go_on.set()
    assert RunState.stopped is scheduler.state


def test_one_after_the_other(runs: Runs) -> None:
    """One data store in memory may serve event loops one after the other, and keeps what it holds."""
    store = MemoryDataStore()

    async def program(count: int) -> None:
        async with AsyncScheduler(store) as scheduler:
            await scheduler.add_schedule(nothing, IntervalTrigger(hours=1))
            assert count == len(await scheduler.get_schedules())

    anyio.run(program, 1, backend="asyncio")
    anyio.run(program, 2, backend="trio")
