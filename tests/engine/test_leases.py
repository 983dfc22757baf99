"""Leases: what becomes of the jobs of a node that dies, hangs, or loses touch (rules J1 to J3). On a file."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import copy_context
from datetime import UTC, timedelta
from pathlib import Path
from threading import Event as ThreadEvent
from threading import Thread
from typing import Any

import anyio
import pytest
import sniffio
from tests.engine.conftest import MakeScheduler
from tests.engine.support import KEEP, Heard, Runs, StoreProxy, dies_with_jobs, outcome, result

from anysched import (
    AsyncScheduler,
    JobOutcome,
    JobReleased,
    StoreUnavailableError,
    SystemClock,
    current_job,
    task,
)
from anysched._spawn import loop_caller
from anysched.engine import leases
from anysched.engine.leases import Leases
from anysched.ports.store import AdvanceRequest, DataStore, LeaseKeeper, Renewal
from anysched.stores import SQLDataStore
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio

LEASE = timedelta(seconds=30)


@pytest.fixture
def new_store(make_store: Callable[[str], DataStore]) -> Callable[[], DataStore]:
    """Makes a store on the same file, for each node its own."""
    return lambda: make_store("sqlite")


class Flaky(StoreProxy):
    """A store whose leases are not renewed while ``silent``."""

    silent = False

    def make_lease_keeper(self) -> LeaseKeeper:
        keeper = self._store.make_lease_keeper()
        assert keeper is not None
        flaky = self

        class Keeper:
            def renew(self, node: str, lease: timedelta) -> Renewal:
                if flaky.silent:
                    raise StoreUnavailableError("not now")
                return keeper.renew(node, lease)

            def close(self) -> None:
                keeper.close()

        return Keeper()


async def test_a_dead_nodes_jobs_are_picked_up(
    make: MakeScheduler, new_store: Callable[[], DataStore], clock: FakeClock, runs: Runs
) -> None:
    """Rule J2: whoever is awake picks jobs up when the lease runs out, without waiting for a poll."""
    heard = Heard()
    async with make(new_store(), poll_interval=3600) as scheduler:
        scheduler.subscribe(heard, JobReleased)
        async with make(new_store(), role="client") as client:
            ids = await client.add_jobs(runs.task(), [[1], [2]], result_expiration_time=KEEP)
        assert 2 == len(await dies_with_jobs(new_store(), clock))
        await scheduler.configure_task(runs.task(), metadata={})
        await clock.advance(29.9)
        assert [] == runs.take()
        await clock.advance(0.1)
        assert [30, 30] == runs.take()
        assert [JobOutcome.success] * 2 == [await outcome(scheduler, job_id) for job_id in ids]
        assert [None, None] == [event.outcome for event in heard.events[:2]]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("options", "attempts"), [({"on_abandon": "fail"}, 1), ({"max_attempts": 2}, 2)])
async def test_jobs_that_are_not_started_again(
    make: MakeScheduler,
    new_store: Callable[[], DataStore],
    clock: FakeClock,
    runs: Runs,
    options: dict[str, Any],
    attempts: int,
) -> None:
    """Rule J3: a job that may be started once at most, or has used its attempts, ends as abandoned, and it is told."""
    heard = Heard()
    async with make(new_store(), role="client") as client:
        await client.configure_task(runs.task(), **options)
        job_id = await client.add_job("tick", result_expiration_time=KEEP)
    for _ in range(attempts):
        assert 1 == len(await dies_with_jobs(new_store(), clock))
        await clock.advance(31)
        async with make(new_store(), role="scheduler") as scheduler:
            scheduler.subscribe(heard, JobReleased)
            await clock.advance(1)
    assert [JobOutcome.abandoned] == [event.outcome for event in heard.of(JobReleased) if event.outcome]
    async with make(new_store()) as scheduler:
        ended = await result(scheduler, job_id)
        assert JobOutcome.abandoned is ended.outcome
        assert ended.exception is not None
        assert f"attempt {attempts}" in ended.exception.message
    assert [] == runs.take()


async def test_a_long_job_keeps_its_lease(
    make: MakeScheduler, new_store: Callable[[], DataStore], clock: FakeClock, runs: Runs
) -> None:
    """Rule J1: a job that takes many leases is run once, while other nodes watch."""
    tick = runs.task(takes=600)
    async with make(new_store(), tasks=[tick]) as one, make(new_store(), tasks=[tick]):
        job_id = await one.add_job(tick, result_expiration_time=KEEP)
        await clock.advance(700)
        assert JobOutcome.success is await outcome(one, job_id)
    assert 1 == len(runs.take())


async def test_a_node_that_loses_its_lease(
    make: MakeScheduler, new_store: Callable[[], DataStore], clock: FakeClock, runs: Runs
) -> None:
    """Rule J1: a job whose lease was lost is cancelled here, and what it came to changes nothing."""
    ended: list[tuple[str, float]] = []

    @task(id="job")
    async def job() -> str:
        attempt = current_job.get().attempt
        try:
            await clock.sleep(100)
        finally:
            ended.append((f"attempt {attempt}", clock.monotonic()))
        return f"attempt {attempt}"

    flaky = Flaky(new_store())
    async with make(flaky, tasks=[job], identity="one") as one, make(new_store(), identity="two") as two:
        job_id = await one.add_job(job, result_expiration_time=KEEP)
        await clock.advance(1)
        await two.configure_task(job, metadata={})
        flaky.silent = True
        await clock.advance(50)
        flaky.silent = False
        await clock.advance(15)
        assert "attempt 1" == ended[0][0]
        assert 51 <= ended[0][1] <= 65
        await clock.advance(100)
        found = await result(two, job_id)
        assert (JobOutcome.success, "attempt 2") == (found.outcome, found.return_value)
    assert 2 == len(ended)


async def test_a_zombie_completes_nothing(
    make: MakeScheduler, new_store: Callable[[], DataStore], clock: FakeClock
) -> None:
    """Rule J1: an end that is reported under an old token is not accepted, and not told."""
    heard = Heard()

    @task(id="job")
    async def job() -> int:
        attempt = current_job.get().attempt
        await clock.sleep(45 if attempt == 1 else 100)
        return attempt

    flaky = Flaky(new_store())
    async with make(flaky, tasks=[job]) as one, make(new_store()) as two:
        one.subscribe(heard, JobReleased)
        job_id = await one.add_job(job, result_expiration_time=KEEP)
        await clock.advance(1)
        await two.configure_task(job, metadata={})
        flaky.silent = True
        await clock.advance(60)
        assert None is await two.get_job_result(job_id, wait=False)
        assert [] == [event for event in heard.of(JobReleased) if event.outcome]
        await clock.advance(100)
        assert 2 == (await result(two, job_id)).return_value


async def test_claims_that_came_too_late_go_back(
    make: MakeScheduler, new_store: Callable[[], DataStore], clock: FakeClock, runs: Runs
) -> None:
    """Rule J1: jobs that reach a node after their lease may have run out are not begun, and not lost."""
    slow = False

    class Slow(StoreProxy):
        async def advance(self, request: AdvanceRequest) -> Any:
            advanced = await self._store.advance(request)
            if slow and advanced.claims:
                clock.release("planner")
                await clock.sleep(45)
                clock.hold("planner")
            return advanced

    async with make(Slow(new_store())) as scheduler:
        start = clock.now() + timedelta(seconds=1)
        ids = await scheduler.add_jobs(runs.task(), [[1], [2]], run_at=start, result_expiration_time=KEEP)
        await clock.settle()
        slow = True
        await clock.advance(45)
        slow = False
        await clock.advance(60)
        assert [JobOutcome.success] * 2 == [await outcome(scheduler, job_id) for job_id in ids]
    assert 2 == len(runs.times)
    assert all(time >= 46 for time in runs.times)


async def test_claims_of_a_call_that_came_too_late_go_back(
    make: MakeScheduler, new_store: Callable[[], DataStore], clock: FakeClock, runs: Runs
) -> None:
    """Rule J1: the same holds of jobs that a node takes with the call that adds them, when that took too long."""

    class Slow(StoreProxy):
        async def add_jobs(self, *args: Any) -> None:
            adding.set()
            await clock.sleep(45)
            await self._store.add_jobs(*args)

    adding = anyio.Event()
    async with make(Slow(new_store())) as scheduler:
        await clock.settle()
        async with anyio.create_task_group() as task_group:
            task_group.start_soon(scheduler.add_jobs, runs.task(), [[1], [2]])
            await adding.wait()
            await clock.advance(45)
        await clock.advance(60)
    assert 2 == len(runs.times)
    assert all(time >= 45 for time in runs.times)


async def test_cancelling_a_job_of_another_process(
    make: MakeScheduler, new_store: Callable[[], DataStore], clock: FakeClock, runs: Runs
) -> None:
    """A job that runs on a node that hears no events is cancelled with the next renewal of its lease."""
    tick = runs.task(takes=1000)
    async with make(new_store(), tasks=[tick]), make(new_store(), role="client") as client:
        job_id = await client.add_job(tick, result_expiration_time=KEEP)
        await clock.advance(6)
        await client.cancel_job(job_id)
        assert None is await client.get_job_result(job_id, wait=False)
        await clock.advance(11)
        assert JobOutcome.cancelled is await outcome(client, job_id)


async def test_cancelling_a_job_that_is_here_twice(
    make: MakeScheduler, new_store: Callable[[], DataStore], clock: FakeClock
) -> None:
    """Rule J1: a job that was lost and taken again is cancelled, though its first run here ignores that it was lost."""
    said: list[str] = []

    @task(id="job")
    async def job() -> None:
        attempt = current_job.get().attempt
        said.append(f"{attempt} begins")
        with anyio.CancelScope(shield=attempt == 1):
            try:
                await clock.sleep(200)
            finally:
                said.append(f"{attempt} ends")

    flaky = Flaky(new_store())
    async with make(flaky, tasks=[job]) as one, make(new_store(), role="scheduler"):
        job_id = await one.add_job(job, result_expiration_time=KEEP)
        await clock.advance(1)
        flaky.silent = True
        await clock.advance(50)
        flaky.silent = False
        await clock.advance(50)
        begun = [*said]
        await one.cancel_job(job_id)
        await clock.advance(1)
        cancelled, told = [*said], await one.get_job_result(job_id, wait=False)
        await clock.advance(200)
    assert ["1 begins", "2 begins"] == begun
    assert [*begun, "2 ends"] == cancelled
    assert told is not None
    assert JobOutcome.cancelled is told.outcome
    assert [*cancelled, "1 ends"] == said


async def test_a_blocked_event_loop_keeps_its_lease(tmp_path: Path, anyio_backend_name: str) -> None:
    """Rule J1: a job that blocks the event loop for two leases keeps its job, though another node is waiting for it."""
    url = f"sqlite:///{tmp_path}/jobs.db"
    times: list[float] = []
    stop = ThreadEvent()

    @task(id="job")
    async def job() -> None:
        times.append(time.monotonic())
        await anyio.sleep(0.2)  # until the other node is there
        time.sleep(1.6)  # noqa: ASYNC251 - what it is about

    async def watch() -> None:
        async with AsyncScheduler(url, tasks=[job], timezone=UTC, lease_duration=0.8, poll_interval=0.1):
            await anyio.to_thread.run_sync(stop.wait)

    watcher = Thread(target=lambda: anyio.run(watch, backend=anyio_backend_name))
    async with AsyncScheduler(url, timezone=UTC, lease_duration=0.8) as scheduler:
        job_id = await scheduler.add_job(job, result_expiration_time=KEEP)
        watcher.start()
        with anyio.fail_after(10):
            ended = await scheduler.get_job_result(job_id)
    stop.set()
    watcher.join(10)
    assert ended is not None
    assert (JobOutcome.success, 1) == (ended.outcome, len(times))


async def test_it_gives_up_on_an_event_loop_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule J1: the thread stops renewing while the event loop has not answered for so many leases."""
    monkeypatch.setattr(leases, "PATIENCE", 3)
    renewed: list[float] = []

    class Keeper:
        def renew(self, node: str, lease: timedelta) -> Renewal:
            renewed.append(time.monotonic())
            return Renewal(held=True)

        def close(self) -> None:
            pass

    keeping = Leases(SystemClock(), "me", timedelta(seconds=0.06), held=lambda: 1, renewed=lambda _: None)
    keeping.open(Keeper())
    keeping.start_thread()
    await anyio.sleep(0.1)
    blocked = time.monotonic()
    time.sleep(0.6)  # noqa: ASYNC251 - what it is about
    released = time.monotonic()
    during = [moment for moment in renewed if blocked < moment < released]
    assert during
    assert max(during) - blocked < 0.45
    await anyio.sleep(0.15)
    assert renewed[-1] > released
    await keeping.close()
    count = len(renewed)
    await anyio.sleep(0.1)
    assert count == len(renewed)


async def test_no_lease_is_renewed_for_nothing(
    make: MakeScheduler, new_store: Callable[[], DataStore], clock: FakeClock, runs: Runs
) -> None:
    """Rule J1: a node without jobs does not keep a lease, and its end is nobody's business."""
    async with make(new_store()) as one, make(new_store(), poll_interval=10_000) as two:
        await one.add_job(runs.task())
        await clock.advance(100)
        passes = two.health.last_pass_at
        await clock.advance(1000)
        assert passes == two.health.last_pass_at
    assert isinstance(new_store(), SQLDataStore)


async def test_a_call_into_the_event_loop_from_any_context(anyio_backend: str) -> None:
    """What a signal handler has the event loop call knows that loop, whatever context the signal interrupted."""
    seen: list[str] = []
    done = anyio.Event()

    def called() -> None:
        seen.append(sniffio.current_async_library())
        done.set()

    call = loop_caller()
    made_for_a_thread = copy_context()
    made_for_a_thread.run(sniffio.current_async_library_cvar.set, None)
    made_for_a_thread.run(call, called)
    with anyio.fail_after(10):
        await done.wait()
    assert [anyio_backend] == seen
