"""anysched."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count

from workloads import Peer

from anysched import AsyncScheduler, DateTrigger, IntervalTrigger, Schedule, current_job, task
from anysched.stores import MemoryDataStore

TAG = "slow"


class Adapter(Peer):
    """Each schedule has a trigger of its own, as those of peers have."""

    async def open(self) -> None:
        self._numbers = count()
        store = self.url or MemoryDataStore()
        work = self.job

        @task(id="job")
        async def job() -> None:
            if work.log is None:
                work.plain()
            else:
                work.noted(f"{current_job.get().schedule_id}".replace(" ", "-"))

        self._job = job
        self._worker = AsyncScheduler(store, tasks=[job])
        # Who works adds as well, as in most programs; until it does, a client adds.
        self._adds = self._client = AsyncScheduler(store, role="client")
        await self._client.start()

    async def begin(self) -> None:
        await self._worker.start()
        self._adds = self._worker

    async def close(self) -> None:
        if self._adds is self._worker:
            await self._worker.stop()
        await self._client.stop()

    async def add_every(self, count: int, seconds: float, first: datetime) -> None:
        for _ in range(count):
            trigger = IntervalTrigger(seconds=seconds, start_time=first)
            await self._adds.add_schedule(self._job, trigger, id=f"every {next(self._numbers)}")

    async def add_every_at_once(self, count: int, seconds: float, first: datetime) -> None:
        await self._add(partial(IntervalTrigger, seconds=seconds, start_time=first), count)

    async def add_at(self, count: int, when: datetime) -> None:
        await self._add(partial(DateTrigger, when), count)

    async def add_tagged(self, count: int, seconds: float, first: datetime) -> None:
        trigger = partial(IntervalTrigger, seconds=seconds, start_time=first)
        for portion in range(0, count, 5_000):  # so that the adding takes less memory; it is not measured
            await self._add(trigger, min(5_000, count - portion), frozenset({TAG}))

    async def pause_tagged(self) -> None:
        await self._adds.pause_schedules(tags={TAG})

    async def unpause_tagged(self) -> None:
        await self._adds.unpause_schedules(tags={TAG})

    async def _add(
        self,
        trigger: Callable[[], DateTrigger | IntervalTrigger],
        count: int,
        tags: frozenset[str] = frozenset(),
    ) -> None:
        names = (f"schedule {next(self._numbers)}" for _ in range(count))
        await self._adds.add_schedules([Schedule(self._job, trigger(), id=name, tags=tags) for name in names])

    async def enqueue(self, count: int) -> None:
        await self._adds.add_jobs(self._job, [[]] * count)

    async def add_paused(self, name: str) -> None:
        await self._adds.add_schedule(
            self._job, DateTrigger(datetime.now(UTC) - timedelta(seconds=1)), id=name, paused=True
        )

    async def unpause(self, name: str) -> None:
        await self._adds.unpause_schedule(name)
