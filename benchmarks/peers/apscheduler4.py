"""APScheduler 4, in memory, without its limit of one running job for each task."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

from apscheduler import AsyncScheduler, TaskDefaults
from apscheduler.triggers.date import DateTrigger
from common import LEAD, Stopwatch, main

logging.disable(logging.CRITICAL)


async def burst(count: int) -> tuple[float, float]:
    watch = Stopwatch(count)
    async with AsyncScheduler(task_defaults=TaskDefaults(max_running_jobs=None)) as scheduler:
        due = datetime.now(UTC) + timedelta(seconds=LEAD * count / 1000)
        await scheduler.configure_task("job", func=watch.job)
        for number in range(count):
            await scheduler.add_schedule("job", DateTrigger(due), id=str(number))
        await scheduler.start_in_background()
        return await watch.measure(due)


main(burst)
