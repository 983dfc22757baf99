"""pgqueuer: a queue on PostgreSQL, which can put jobs off, but has no schedules that come and go."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import asyncpg
from pgqueuer import AsyncpgDriver, Job, Queries, QueueManager
from workloads import Peer


class Adapter(Peer):
    async def open(self) -> None:
        url = (self.url or "").replace("+psycopg", "")
        self._adds, self._takes = [await asyncpg.connect(url) for _ in range(2)]
        self._queries = Queries(AsyncpgDriver(self._adds))
        if not self.joins:
            await self._queries.install()
        self._manager = QueueManager(Queries(AsyncpgDriver(self._takes)))
        job = self.job

        @self._manager.entrypoint("job")
        async def run(taken: Job) -> None:
            job.noted(taken.id)

        self._running: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        self._running = asyncio.create_task(
            self._manager.run(batch_size=100, dequeue_timeout=timedelta(seconds=1))
        )

    async def close(self) -> None:
        if self._running is not None:
            self._manager.shutdown.set()
            with suppress(Exception):
                await asyncio.wait_for(self._running, 10)
        await self._adds.close()
        await self._takes.close()

    async def add_at(self, count: int, when: datetime) -> None:
        ahead = max(when - datetime.now(UTC), timedelta(0))
        await self._queries.enqueue(["job"] * count, [None] * count, [0] * count, [ahead] * count)

    async def add_every_at_once(self, count: int, seconds: float, first: datetime) -> None:
        await self.add_at(count, first)

    async def add_every(self, count: int, seconds: float, first: datetime) -> None:
        ahead = first - datetime.now(UTC)
        for _ in range(count):
            await self._queries.enqueue("job", None, 0, ahead)

    async def enqueue(self, count: int) -> None:
        await self._queries.enqueue(["job"] * count, [None] * count, [0] * count)
