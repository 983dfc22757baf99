"""`Scheduler.current()` under an ``AsyncScheduler``: a blocking view on it, for code in threads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
from tests.sync.conftest import SOON

from anysched import (
    AsyncScheduler,
    IntervalTrigger,
    JobReleased,
    RunState,
    Scheduler,
    SchedulerStateError,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
async def scheduler() -> AsyncIterator[AsyncScheduler]:
    """A scheduler of an asynchronous program."""
    async with AsyncScheduler(timezone="UTC") as scheduler:
        yield scheduler


async def in_thread(scheduler: AsyncScheduler, function: Any) -> Any:
    """Return what a function returns that is a job in a thread."""
    with anyio.fail_after(SOON):
        return await scheduler.run_job(function)


async def test_a_job_in_a_thread(scheduler: AsyncScheduler) -> None:
    """All methods can be used from a thread; they act on the scheduler of the job."""

    def job() -> list[Any]:
        view = Scheduler.current()
        view.add_schedule(print, IntervalTrigger(days=1), id="daily", paused=True)
        return [
            view.identity,
            str(view.state),
            str(view.role),
            view.timezone,
            view.health.ok,
            repr(view)[:10],
        ]

    async def where() -> str:
        return Scheduler.current().identity

    expected = [scheduler.identity, "started", "both", scheduler.timezone, True, "<Scheduler"]
    assert expected == await in_thread(scheduler, job)
    assert (await scheduler.get_schedule("daily")).paused
    assert scheduler.identity == await in_thread(scheduler, lambda: Scheduler.current().call(where))


async def test_worker_threads_of_a_job(scheduler: AsyncScheduler) -> None:
    """Threads that a coroutine starts see it too; the event loop itself must not be blocked."""

    async def job() -> int:
        with pytest.raises(SchedulerStateError, match="runs on the event loop"):
            Scheduler.current().get_jobs()
        return len(await anyio.to_thread.run_sync(lambda: Scheduler.current().get_jobs()))

    assert 1 == await in_thread(scheduler, job)


async def test_it_is_not_started(scheduler: AsyncScheduler) -> None:
    """Whoever made the AsyncScheduler starts it."""

    def job() -> str:
        with pytest.raises(SchedulerStateError, match="is started by whoever made it") as caught:
            Scheduler.current().start()
        with pytest.raises(SchedulerStateError), Scheduler.current():
            pass
        return str(caught.value)

    assert await in_thread(scheduler, job)


async def test_it_asks_for_the_stop() -> None:
    """stop() asks and returns; calls afterwards raise."""
    views: list[Scheduler] = []

    def job() -> None:
        views.append(Scheduler.current())
        views[0].stop()

    async with AsyncScheduler(timezone="UTC") as scheduler:
        await scheduler.add_job(job)
        with anyio.fail_after(SOON):
            await scheduler.wait_until_stopped()
    with pytest.raises(SchedulerStateError, match="is stopped"):
        await anyio.to_thread.run_sync(views[0].get_tasks)
    await anyio.to_thread.run_sync(views[0].wait_until_stopped)
    await anyio.to_thread.run_sync(views[0].run_until_stopped)
    assert RunState.stopped is views[0].state


async def test_subscribers_of_a_view(scheduler: AsyncScheduler) -> None:
    """What a job subscribes is called in a thread, and may use the scheduler."""
    told = anyio.Event()
    seen: list[Any] = []

    def hear(event: JobReleased) -> None:
        view = Scheduler.current()
        seen.append([one.id for one in view.get_tasks()])
        view.call(set_told)

    async def set_told() -> None:
        told.set()

    await in_thread(scheduler, lambda: Scheduler.current().subscribe(hear, JobReleased, one_shot=True).active)
    with anyio.fail_after(SOON):
        await told.wait()
    assert 1 == len(seen)


def test_an_event_loop_that_has_ended() -> None:
    """A view that outlives its event loop says so."""
    views: list[Scheduler] = []

    async def program() -> None:
        async with AsyncScheduler(timezone="UTC") as scheduler:
            await scheduler.run_job(lambda: views.append(Scheduler.current()))
            await scheduler.get_tasks()

    for backend in ("asyncio", "trio"):
        anyio.run(program, backend=backend)
    for view in views:
        with pytest.raises(SchedulerStateError, match="the event loop of the scheduler has ended"):
            view.get_tasks()
    assert 2 == len(views)
