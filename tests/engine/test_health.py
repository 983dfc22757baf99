"""What a node says of itself, and what its store says when it is asked."""

from __future__ import annotations

import threading
from datetime import timedelta
from functools import partial

import anyio
import anyio.to_thread
import pytest
from tests.engine.conftest import MakeScheduler
from tests.engine.support import OPERATIONS, Runs, StoreProxy, at

from anysched import (
    AsyncScheduler,
    Health,
    IntervalTrigger,
    RunState,
    Scheduler,
    StoreFigures,
    StoreUnavailableError,
)
from anysched.brokers import LocalEventBroker
from anysched.ports.store import DataStore
from anysched.stores import MemoryDataStore, SQLDataStore
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio

GONE = StoreUnavailableError("the disk is on fire")


async def test_what_runs_here(make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs) -> None:
    """Health tells how many jobs run here, and asks nobody for it."""
    proxy = StoreProxy(store)
    async with make(proxy, max_concurrent_jobs=2) as scheduler:
        await scheduler.add_jobs(runs.task(takes=10), [[]] * 3)
        await clock.advance(1)
        calls = dict(proxy.calls)
        health = scheduler.health
        assert calls == proxy.calls
    assert (2, 0, 0) == (health.running_jobs, health.waiting_jobs, health.unreported_jobs)
    assert (True, (), None) == (health.ok, health.problems, health.store)


async def test_what_the_store_holds(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """A check tells what is due, queued and running, of all nodes, and until when jobs are safe."""
    options = {"max_concurrent_jobs": 2, "lease_duration": 30}
    async with make(store, identity="one", **options) as one, make(store, identity="two", **options):
        await one.add_jobs(runs.task(takes=100), [[]] * 5)
        await clock.advance(7)
        figures = (await one.check_health()).store
        assert figures is not None
        assert (at(7), 0, None) == (figures.now, figures.due_schedules, figures.due_since)
        assert (3, at(0)) == (figures.queued_jobs, figures.queued_since)
        assert {"one": 2} == figures.running_jobs
        assert figures.leases.keys() == (figures.running_jobs.keys() if store.durable else set())
        assert all(at(7) < until <= at(37) for until in figures.leases.values())


async def test_what_no_node_knows(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rule S2: schedules that are left to nodes which do not come are due ever longer, for all to see."""
    async with make(store, role="client") as client:
        await client.add_schedule(runs.task(), IntervalTrigger(hours=1), id="s")
    async with make(store) as scheduler:
        await clock.advance(60)
        health = await scheduler.check_health()
        assert isinstance(health.store, StoreFigures)
        assert (1, at(0)) == (health.store.due_schedules, health.store.due_since)
        assert (True, timedelta(0)) == (health.ok, health.lag), "it is no work of this node"


async def test_a_store_that_is_away(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rule N3: while the store is away a node is not ready, says why, and for how long its work waits."""
    proxy = StoreProxy(store)
    async with make(proxy) as scheduler:
        await scheduler.add_schedule(runs.task(), IntervalTrigger(seconds=10), id="s")
        await clock.advance(5)
        assert (await scheduler.check_health()).ok
        proxy.fail(OPERATIONS - {"open", "close"}, GONE)
        await clock.advance(35)
        for health in (scheduler.health, await scheduler.check_health()):
            assert (False, str(GONE), timedelta(seconds=30)) == (health.ok, health.store_error, health.lag)
            assert (f"the data store does not answer: {GONE}",) == health.problems
        proxy.faults.clear()
        await clock.advance(10)
        assert (True, (), timedelta(0)) == (
            scheduler.health.ok, scheduler.health.problems, scheduler.health.lag
        )  # fmt: skip


async def test_a_store_that_does_not_answer(anyio_backend_name: str) -> None:
    """A check answers in time although the store does not, however often it is asked, and later it does again."""
    released = threading.Event()
    proxy = StoreProxy(MemoryDataStore())
    proxy.delays["measure"] = partial(anyio.to_thread.run_sync, released.wait)
    try:
        async with AsyncScheduler(proxy) as scheduler:  # type: ignore[arg-type]
            with anyio.fail_after(30):
                found: list[Health] = [await scheduler.check_health(timeout=0.02) for _ in range(3)]
            assert ["it has not answered for 0.02 s"] * 3 == [health.store_error for health in found]
            assert 1 == proxy.calls["measure"]
            released.set()
            with anyio.fail_after(30):
                while (await scheduler.check_health(timeout=10)).store is None:
                    pass
    finally:
        released.set()


@pytest.mark.parametrize("error", [GONE, RuntimeError("a bug"), RuntimeError()])
async def test_a_store_that_cannot_count(make: MakeScheduler, error: Exception) -> None:
    """Whoever asks is told what went wrong, and the scheduler goes on."""
    proxy = StoreProxy(MemoryDataStore())
    proxy.fail(["measure"], error)
    async with make(proxy) as scheduler:
        health = await scheduler.check_health()
        assert (False, str(error) or "RuntimeError", None) == (health.ok, health.store_error, health.store)
        assert scheduler.health.ok


async def test_a_store_that_can_only_be_read(make: MakeScheduler, clock: FakeClock, runs: Runs) -> None:
    """A node whose passes fail is not ready, though the store can be asked how it is, as when tables are too new."""
    proxy = StoreProxy(MemoryDataStore())
    async with make(proxy) as scheduler:
        proxy.fail(["advance"], GONE)
        await clock.advance(10)
        health = await scheduler.check_health()
        assert (False, str(GONE)) == (health.ok, health.store_error)
        assert health.store is not None


async def test_many_who_ask_at_once(make: MakeScheduler, store: DataStore, clock: FakeClock) -> None:
    """Checks that come while one is under way share its answer."""
    proxy, found = StoreProxy(store), []

    async def check() -> None:
        found.append((await scheduler.check_health()).ok)

    async with make(proxy) as scheduler:
        await clock.settle()
        async with anyio.create_task_group() as tg:
            for _ in range(10):
                tg.start_soon(check)
        assert [True] * 10 == found
        assert proxy.calls["measure"] < 10


class DeafBroker(LocalEventBroker):
    """A broker whose connection is broken."""

    error = "nobody is there"


async def test_a_broker_that_hears_nothing(make: MakeScheduler) -> None:
    """Rule N2: a node that hears nothing of others does its work, and somebody should look at it."""
    async with make(None, event_broker=DeafBroker()) as scheduler:
        health = await scheduler.check_health()
        assert (True, "nobody is there") == (health.ok, health.broker_error)
        assert ("nothing is heard of other nodes: nobody is there",) == health.problems


async def test_before_and_after(make: MakeScheduler) -> None:
    """A scheduler that does not run says so to a probe, instead of raising."""
    scheduler = make()
    assert ("the scheduler is created",) == (await scheduler.check_health()).problems
    async with scheduler:
        pass
    health = await scheduler.check_health()
    assert (RunState.stopped, False) == (health.state, health.ok)
    assert ("the scheduler is stopped",) == health.problems


@pytest.mark.parametrize("timeout", [0, -1, "5", None])
async def test_a_wrong_timeout(make: MakeScheduler, timeout: object) -> None:
    """A time to wait that is none is refused."""
    async with make() as scheduler:
        with pytest.raises((TypeError, ValueError), match="timeout"):
            await scheduler.check_health(timeout=timeout)  # type: ignore[arg-type]


def test_without_an_event_loop(tmp_path: object) -> None:
    """The blocking scheduler checks its health alike."""
    with Scheduler(SQLDataStore(f"sqlite:///{tmp_path}/jobs.db")) as scheduler:
        assert scheduler.check_health().store is not None
