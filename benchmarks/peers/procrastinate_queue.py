"""procrastinate: a queue on PostgreSQL, which can put jobs off."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime

from procrastinate import App, JobContext, PsycopgConnector
from workloads import Peer


class Adapter(Peer):
    async def open(self) -> None:
        self._app = App(connector=PsycopgConnector(conninfo=(self.url or "").replace("+psycopg", "")))
        work = self.job

        @self._app.task(name="job", pass_context=True)
        async def job(context: JobContext) -> None:
            work.noted(context.job.id)

        self._task = job
        await self._app.open_async()
        if not self.joins:
            await self._app.schema_manager.apply_schema_async()
        self._running: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        worker = self._app.run_worker_async(
            concurrency=100, install_signal_handlers=False, listen_notify=True, delete_jobs="always"
        )
        self._running = asyncio.create_task(worker)

    async def close(self) -> None:
        if self._running is not None:
            self._running.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await self._running
        await self._app.close_async()

    async def add_at(self, count: int, when: datetime) -> None:
        await self._task.configure(schedule_at=when).batch_defer_async(*({} for _ in range(count)))

    async def add_every_at_once(self, count: int, seconds: float, first: datetime) -> None:
        await self.add_at(count, first)

    async def add_every(self, count: int, seconds: float, first: datetime) -> None:
        task = self._task.configure(schedule_at=first)
        for _ in range(count):
            await task.defer_async()

    async def enqueue(self, count: int) -> None:
        await self._task.batch_defer_async(*({} for _ in range(count)))
