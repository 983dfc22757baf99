"""What leaves a scheduler's block, and what goes on around and inside it (rule J6)."""

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
    SchedulerStopped,
)
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


@pytest.mark.parametrize(
    ("raised", "expected"), [(KeyboardInterrupt(), KeyboardInterrupt), (SystemExit(3), SchedulerFaultError)]
)
async def test_what_hits_the_engine_itself(
    make: MakeScheduler, clock: FakeClock, raised: BaseException, expected: type[BaseException]
) -> None:
    """Rule J6: a Ctrl-C that hits the engine's own code ends the block as such; anything else is a fault."""
    proxy = StoreProxy(MemoryDataStore())

    async def program() -> None:
        async with make(proxy) as scheduler:
            proxy.fail(["advance"], raised)
            await scheduler.add_job(nothing)
            await anyio.sleep_forever()

    with pytest.raises(expected):
        await program()


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


async def nothing() -> None:
    """Do nothing."""
