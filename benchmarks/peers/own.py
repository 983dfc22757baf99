"""anysched."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

from workloads import Peer

from anysched import AsyncScheduler, DateTrigger, IntervalTrigger, Schedule, task
from anysched.stores import MemoryDataStore


class Adapter(Peer):
    async def open(self) -> None:
        self._numbers = count()
        store = self.url or MemoryDataStore()
        work = self.job

        @task(id="job")
        async def job() -> None:
            work.plain()

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
        trigger = IntervalTrigger(seconds=seconds, start_time=first)
        for _ in range(count):
            await self._adds.add_schedule(self._job, trigger, id=f"every {next(self._numbers)}")

    async def add_every_at_once(self, count: int, seconds: float, first: datetime) -> None:
        trigger = IntervalTrigger(seconds=seconds, start_time=first)
        await self._add(trigger, count)

    async def add_at(self, count: int, when: datetime) -> None:
        await self._add(DateTrigger(when), count)

    async def _add(self, trigger: DateTrigger | IntervalTrigger, count: int) -> None:
        names = (f"schedule {next(self._numbers)}" for _ in range(count))
        await self._adds.add_schedules([Schedule(self._job, trigger, id=name) for name in names])

    async def enqueue(self, count: int) -> None:
        await self._adds.add_jobs(self._job, [[]] * count)

    async def add_paused(self, name: str) -> None:
        await self._adds.add_schedule(
            self._job, DateTrigger(datetime.now(UTC) - timedelta(seconds=1)), id=name, paused=True
        )

    async def unpause(self, name: str) -> None:
        await self._adds.unpause_schedule(name)
