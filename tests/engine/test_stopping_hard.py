"""Stopping where something does not want to stop (rules J4, J6 and N3). What takes real time is short."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from threading import Event as ThreadEvent
from typing import Any

import anyio
import pytest
from tests.engine.conftest import MakeScheduler
from tests.engine.support import KEEP, Heard, Runs, StoreProxy, live, outcome, result

from anysched import (
    JobOutcome,
    JobReleased,
    RunState,
    StoreUnavailableError,
    task,
)
from anysched.engine import lifecycle
from anysched.ports.store import DataStore
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio


async def test_a_thread_that_never_ends(make: MakeScheduler, store: DataStore) -> None:
    """Rule J6: a thread cannot be cancelled; the stop leaves it behind, and nobody runs its job meanwhile."""
    begun, release = ThreadEvent(), ThreadEvent()
    times = 0

    @task(id="job")
    def job() -> None:
        nonlocal times
        times += 1
        begun.set()
        release.wait(20)

    try:
        async with live(store, stop_grace=0.05) as scheduler:
            job_id = await scheduler.add_job(job, result_expiration_time=KEEP)
            await anyio.to_thread.run_sync(begun.wait)
            started = time.monotonic()
        assert time.monotonic() - started < 4
        async with live(store, tasks=[job]) as scheduler:
            await anyio.sleep(0.1)
            assert 1 == times
            if store.durable:  # its lease is left to run out
                assert ["running"] == [str(job.status) for job in await scheduler.get_jobs()]
            else:
                assert JobOutcome.abandoned is await outcome(scheduler, job_id)
    finally:
        release.set()


async def test_a_coroutine_that_shields_itself(
    store: DataStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Rule J6: a stop is bounded though a job ignores its cancellation; only the block must wait for it."""
    monkeypatch.setattr(lifecycle, "CANCEL_LIMIT", 0.1)
    begun, release = anyio.Event(), anyio.Event()

    @task(id="job")
    async def job() -> None:
        begun.set()
        with anyio.CancelScope(shield=True):
            await release.wait()

    async with live(store, stop_grace=0.05) as scheduler:
        job_id = await scheduler.add_job(job)
        await begun.wait()
        with anyio.fail_after(5):
            await scheduler.stop()
        assert RunState.stopped is scheduler.state
        assert str(job_id) in caplog.text
        assert "ignore their cancellation" in caplog.text
        release.set()


async def test_a_job_that_blocks_the_event_loop(store: DataStore) -> None:
    """Rule J6: a job that blocks the event loop holds up the stop only as long as it blocks."""
    begun = anyio.Event()

    @task(id="job")
    async def job() -> None:
        begun.set()
        await anyio.lowlevel.checkpoint()
        time.sleep(0.2)  # noqa: ASYNC251 - what it is about

    async with live(store, stop_grace=0) as scheduler:
        await scheduler.add_job(job)
        await begun.wait()
        started = time.monotonic()
    assert time.monotonic() - started < 3


async def test_a_cancelled_job_does_not_come_back(
    make: MakeScheduler, store: DataStore, clock: FakeClock
) -> None:
    """A job that somebody cancelled is cancelled, though the scheduler stops before it has ended."""
    cleaning = anyio.Event()

    @task(id="job")
    async def job() -> None:
        try:
            await clock.sleep(1000)
        finally:
            cleaning.set()
            with anyio.CancelScope(shield=True):
                await anyio.sleep(0.15)  # beyond the grace

    async with make(store) as scheduler:
        job_id = await scheduler.add_job(job, result_expiration_time=KEEP)
        await clock.advance(1)
        await scheduler.cancel_job(job_id)
        await cleaning.wait()
    async with make(store, role="client") as client:
        assert JobOutcome.cancelled is await outcome(client, job_id)
        assert [] == await client.get_jobs()


async def slow(proxy: StoreProxy, operation: str, begun: anyio.Event) -> Callable[[], None]:
    """Have an operation take its time, as a thread does that cannot be cancelled; return what ends that."""
    go_on = anyio.Event()

    async def wait() -> None:
        begun.set()
        with anyio.CancelScope(shield=True):
            await go_on.wait()

    proxy.delays[operation] = wait
    return go_on.set


@pytest.mark.parametrize("operation", ["advance", "complete"])
async def test_what_is_under_way_is_finished(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs, operation: str
) -> None:
    """Rule J6: a pass or a report that is under way when the stop comes is finished, once, and nothing is lost."""
    proxy = StoreProxy(store)
    heard = Heard()
    begun = anyio.Event()
    scheduler = make(proxy)
    scheduler.subscribe(heard, JobReleased)
    async with scheduler:
        soon = clock.now() + timedelta(seconds=1)
        await scheduler.add_jobs(runs.task(), [[1], [2]], run_at=soon, result_expiration_time=KEEP)
        await clock.settle()
        go_on = await slow(proxy, operation, begun)
        async with anyio.create_task_group() as task_group:
            task_group.start_soon(clock.advance_to, soon)
            await begun.wait()
            task_group.start_soon(scheduler.stop)
            await anyio.sleep(0.05)
            go_on()
    ran = len(runs.take())
    outcomes = [event.outcome for event in heard.of(JobReleased)]
    waiting = await _waiting(make, store)
    assert 2 == ran + len(waiting)
    assert ran == len([outcome for outcome in outcomes if outcome is JobOutcome.success])
    assert {1} >= {job.attempt for job in waiting}
    assert (0 if operation == "advance" else 2) == ran


async def _waiting(make: MakeScheduler, store: DataStore) -> list[Any]:
    async with make(store, role="client") as client:
        return await client.get_jobs()


async def test_a_store_that_is_away(
    make: MakeScheduler,
    store: DataStore,
    clock: FakeClock,
    runs: Runs,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Rules J6 and N3: a stop does not wait for ever for a store that does not answer; it says what that means."""
    monkeypatch.setattr(lifecycle, "STORE_LIMIT", 0.1)
    proxy = StoreProxy(store)
    async with make(proxy) as scheduler:
        await scheduler.add_job(runs.task(takes=1000))
        await clock.advance(1)
        proxy.fail(["complete", "give_back", "get_tasks"], StoreUnavailableError("gone"))
        with anyio.fail_after(5):
            await scheduler.stop()
    assert "did not take the last reports" in caplog.text


async def test_a_keyboard_interrupt_in_a_job(make: MakeScheduler, store: DataStore, clock: FakeClock) -> None:
    """Rule J4: a KeyboardInterrupt that may be a real Ctrl-C fails its job, and stops the scheduler in order."""
    finished: list[str] = []
    ids: list[Any] = []

    @task(id="job")
    async def job() -> None:
        raise KeyboardInterrupt

    @task(id="other")
    async def other() -> None:
        await anyio.sleep(0.05)
        finished.append("other")

    async def program() -> None:
        async with make(store) as scheduler:
            await scheduler.add_job(other)
            ids.append(await scheduler.add_job(job, result_expiration_time=KEEP))
            await anyio.sleep_forever()

    with pytest.raises(KeyboardInterrupt):
        await program()
    assert ["other"] == finished
    async with make(store, role="client") as client:
        ended = await result(client, ids[0])
        assert ended.exception is not None
        assert (JobOutcome.error, "KeyboardInterrupt") == (ended.outcome, ended.exception.type)
