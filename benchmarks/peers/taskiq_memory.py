"""taskiq, in memory: jobs run as they are sent. Its schedules are labels of tasks, which a source collects."""

from __future__ import annotations

from datetime import datetime
from itertools import count
from uuid import uuid4

from taskiq import InMemoryBroker
from taskiq.schedule_sources import LabelScheduleSource
from workloads import Peer


class Adapter(Peer):
    async def open(self) -> None:
        self._numbers = count()
        self._waiting = 0
        self._running = False
        self._broker = InMemoryBroker(max_async_tasks=100)
        work = self.job

        async def job() -> None:
            work.plain()

        self._function = job
        self._task = self._broker.register_task(job, task_name="job")
        await self._broker.startup()

    async def begin(self) -> None:
        self._running = True
        await self._send(self._waiting)

    async def close(self) -> None:
        await self._broker.shutdown()

    async def enqueue(self, count: int) -> None:
        if self._running:
            await self._send(count)
        else:
            self._waiting = count  # there is no queue that only waits: sending them is measured, too

    async def _send(self, count: int) -> None:
        for _ in range(count):
            await self._task.kiq()

    async def add_every(self, count: int, seconds: float, first: datetime) -> None:
        for _ in range(count):
            label = {"interval": int(seconds), "schedule_id": uuid4().hex}
            name = f"job {next(self._numbers)}"
            self._broker.register_task(self._function, task_name=name, schedule=[label])
        self._source = LabelScheduleSource(self._broker)
        await self._source.startup()
