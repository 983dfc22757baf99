"""APScheduler 3, in memory, on the event loop."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from common import LEAD, Stopwatch, main

logging.disable(logging.CRITICAL)


async def burst(count: int) -> tuple[float, float]:
    watch = Stopwatch(count)
    scheduler = AsyncIOScheduler(timezone=UTC)
    scheduler.start()
    due = datetime.now(UTC) + timedelta(seconds=LEAD * count / 1000)
    for number in range(count):
        scheduler.add_job(watch.job, "date", run_date=due, id=str(number), misfire_grace_time=None)
    figures = await watch.measure(due)
    scheduler.shutdown(wait=False)
    return figures


main(burst)
