"""Starting, and what ends a scheduler's block (rule J6)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest
from tests.engine.conftest import MakeScheduler
from tests.engine.support import Heard, Runs, StoreProxy

from anysched import (
    AsyncScheduler,
    IntervalTrigger,
    RunState,
    SchedulerStarted,
    SchedulerStateError,
    SchedulerStopped,
    StoreUnavailableError,
)
from anysched.executors import ThreadJobExecutor
from anysched.ports.store import DataStore
from anysched.stores import MemoryDataStore

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
