"""APScheduler 3, on the event loop. It has no queue: jobs that are to run at once are schedules that are due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from workloads import Peer, Work

#: Its stores keep the name of a function, and the job must be found by it.
JOBS: list[Work] = []


async def job() -> None:
    JOBS[0].plain()


class Adapter(Peer):
    async def open(self) -> None:
        JOBS[:] = [self.job]
        self._numbers = count()
        store = SQLAlchemyJobStore(self.url) if self.url else MemoryJobStore()
        options = {"misfire_grace_time": None, "coalesce": False, "max_instances": 1_000_000}
        self._scheduler = AsyncIOScheduler(jobstores={"default": store}, timezone=UTC, job_defaults=options)
        self._scheduler.start(paused=True)

    async def begin(self) -> None:
        self._scheduler.resume()

    async def close(self) -> None:
        self._scheduler.shutdown(wait=False)

    async def add_every(self, count: int, seconds: float, first: datetime) -> None:
        for _ in range(count):
            self._scheduler.add_job(
                job, "interval", seconds=seconds, start_date=first, id=str(next(self._numbers))
            )

    add_every_at_once = add_every

    async def add_at(self, count: int, when: datetime) -> None:
        for _ in range(count):
            self._scheduler.add_job(job, "date", run_date=when, id=str(next(self._numbers)))

    async def enqueue(self, count: int) -> None:
        await self.add_at(count, datetime.now(UTC))

    async def add_paused(self, name: str) -> None:
        # Paused is a job without a next run time; one that resumes it computes the next, and passes over the past.
        due = datetime.now(UTC) - timedelta(seconds=1)
        self._scheduler.add_job(job, "date", run_date=due, id=name, next_run_time=None)

    async def unpause(self, name: str) -> None:
        self._scheduler.modify_job(name, next_run_time=datetime.now(UTC))
