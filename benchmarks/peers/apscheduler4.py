"""APScheduler 4, without its limit of one running job for each task."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

from apscheduler import AsyncScheduler, SchedulerRole, TaskDefaults
from apscheduler.datastores.memory import MemoryDataStore
from apscheduler.datastores.sqlalchemy import SQLAlchemyDataStore
from apscheduler.eventbrokers.asyncpg import AsyncpgEventBroker
from apscheduler.eventbrokers.local import LocalEventBroker
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from workloads import Peer, Work

JOBS: list[Work] = []


async def job() -> None:
    JOBS[0].plain()


class Adapter(Peer):
    async def open(self) -> None:
        JOBS[:] = [self.job]
        self._numbers = count()
        store, broker = MemoryDataStore(), LocalEventBroker()
        if self.url:
            engine = create_async_engine(make_url(self.url).set(drivername="postgresql+asyncpg"))
            store = SQLAlchemyDataStore(engine)
            broker = AsyncpgEventBroker.from_async_sqla_engine(engine)
        self._scheduler = AsyncScheduler(
            store, broker, role=SchedulerRole.both, task_defaults=TaskDefaults(max_running_jobs=None)
        )
        await self._scheduler.__aenter__()
        await self._scheduler.configure_task("job", func=job)

    async def begin(self) -> None:
        await self._scheduler.start_in_background()

    async def close(self) -> None:
        await self._scheduler.__aexit__(None, None, None)

    async def add_every(self, count: int, seconds: float, first: datetime) -> None:
        trigger = {"seconds": seconds} if seconds >= 1 else {"microseconds": round(seconds * 1_000_000)}
        for _ in range(count):
            interval = IntervalTrigger(**trigger, start_time=first)
            await self._scheduler.add_schedule("job", interval, id=str(next(self._numbers)))

    add_every_at_once = add_every

    async def add_at(self, count: int, when: datetime) -> None:
        for _ in range(count):
            await self._scheduler.add_schedule("job", DateTrigger(when), id=str(next(self._numbers)))

    async def enqueue(self, count: int) -> None:
        for _ in range(count):
            await self._scheduler.add_job("job")

    async def add_paused(self, name: str) -> None:
        due = datetime.now(UTC) - timedelta(seconds=1)
        await self._scheduler.add_schedule("job", DateTrigger(due), id=name, paused=True)

    async def unpause(self, name: str) -> None:
        await self._scheduler.unpause_schedule(name)
