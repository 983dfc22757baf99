"""What the tests of the engine share: tasks that note their runs, and small ways of saying things."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import anyio.lowlevel
import pytest

from anysched import AsyncScheduler, Event, JobOutcome, JobResult, TaskDefaults, current_job, task
from anysched.model.job import Claim
from anysched.ports.store import AdvanceRequest, DataStore
from anysched.rules.policy import Policy
from anysched.testing import FakeClock

#: The first instant of every test, a Wednesday.
START = datetime(2025, 1, 1, tzinfo=UTC)

#: Marks a test of what is refused before any store is asked.
on_one_store = pytest.mark.parametrize("store", ["memory"], indirect=True)

#: How long results are kept where a test reads them.
KEEP = timedelta(days=1)


def at(seconds: float) -> datetime:
    """Return an instant by its distance from the start."""
    return START + timedelta(seconds=seconds)


def since_start(instant: datetime | None) -> float | None:
    """Return how many seconds after the start an instant lies."""
    return None if instant is None else (instant - START).total_seconds()


class Runs:
    """A task that notes when it ran, and for which fire time."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.times: list[float] = []
        self.fire_times: list[float | None] = []
        self.args: list[tuple[Any, ...]] = []

    def task(
        self, id: str = "tick", *, takes: float = 0, **options: Any
    ) -> Callable[..., Coroutine[Any, Any, int]]:
        """Return the task; it sleeps for ``takes`` seconds and returns how often any task of this log began."""

        @task(id=id, **options)
        async def tick(*args: Any) -> int:
            job = current_job.get()
            self.times.append((self.clock.now() - START).total_seconds())
            self.fire_times.append(since_start(job.scheduled_fire_time))
            self.args.append(args)
            if takes:
                await self.clock.sleep(takes)
            return len(self.times)

        return tick

    def take(self) -> list[float]:
        """Return when the task ran since the last call."""
        times, self.times = self.times, []
        return times

    def take_fire_times(self) -> list[float | None]:
        """Return for which fire times it ran since the last call."""
        times, self.fire_times = self.fire_times, []
        return times


@task(id="elsewhere")
async def elsewhere() -> None:
    """Belong to this module, wherever it is imported."""


class Heard:
    """A subscriber that keeps what it was told."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.events.append(event)

    def of(self, *types: type[Event]) -> list[Any]:
        """Return the events of these types."""
        return [event for event in self.events if isinstance(event, types)]


@asynccontextmanager
async def passing(clock: FakeClock) -> AsyncIterator[None]:
    """Let time pass, second by second, while a block waits for what does not hold up the clock."""
    is_over = False

    async def go_on() -> None:
        while not is_over:
            await clock.advance(1)
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as task_group:
        task_group.start_soon(go_on)
        try:
            yield
        finally:
            is_over = True


async def outcome(scheduler: AsyncScheduler, job_id: UUID) -> JobOutcome:
    """Return how a job ended that has ended."""
    return (await result(scheduler, job_id)).outcome


async def result(scheduler: AsyncScheduler, job_id: UUID) -> JobResult:
    """Return the result of a job that has ended."""
    found = await scheduler.get_job_result(job_id, wait=False)
    assert found is not None, f"job {job_id} has not ended"
    return found


class StoreProxy:
    """A data store that can be made to fail, to be slow, and that counts what it was asked.

    :ivar calls: how often each operation was called
    :ivar faults: what operations raise, by name
    """

    def __init__(self, store: DataStore) -> None:
        self._store = store
        self.calls: dict[str, int] = {}
        self.faults: dict[str, BaseException] = {}
        self.delays: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {}

    def fail(self, names: Iterable[str], error: BaseException) -> None:
        """Let these operations raise."""
        self.faults.update(dict.fromkeys(names, error))

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._store, name)
        if name not in OPERATIONS:
            return attribute

        async def operation(*args: Any, **kwargs: Any) -> Any:
            self.calls[name] = self.calls.get(name, 0) + 1
            if name in self.delays:
                await self.delays[name]()
            if name in self.faults:
                raise self.faults[name]
            return await attribute(*args, **kwargs)

        return operation


#: What a data store is asked asynchronously.
OPERATIONS = frozenset(
    {
        "open", "close", "now", "declare_tasks", "configure_task", "get_tasks", "transact_schedules",
        "declare_schedules", "transact_holds", "get_holds", "get_windows", "get_schedules", "advance", "add_jobs",
        "complete", "give_back", "cancel_job", "get_jobs", "get_result", "clean_up", "measure", "get_zones",
        "transact_zones",
    }
)  # fmt: skip


def live(store: DataStore | StoreProxy | None = None, **options: Any) -> AsyncScheduler:
    """Return a scheduler on the system clock."""
    return AsyncScheduler(store, timezone=UTC, **options)  # type: ignore[arg-type]


async def dies_with_jobs(store: DataStore, clock: FakeClock) -> list[Claim]:
    """Be a node that takes what there is to run and is never heard of again; only its connections are closed."""
    await store.open(clock)
    advanced = await store.advance(
        AdvanceRequest(
            node="dead",
            policy=Policy(TaskDefaults()),
            tasks=frozenset({"tick"}),
            plan_limit=0,
            claim_limit=100,
            lease=timedelta(seconds=30),
        )
    )
    await store.close()
    return list(advanced.claims)
