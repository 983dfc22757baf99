"""anysched, in memory."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from common import LEAD, Stopwatch, main

from anysched import AsyncScheduler, DateTrigger, Schedule


async def burst(count: int) -> tuple[float, float]:
    watch = Stopwatch(count)
    async with AsyncScheduler() as scheduler:
        due = datetime.now(UTC) + timedelta(seconds=LEAD * count / 1000)
        await scheduler.add_schedules(
            [Schedule(watch.job, DateTrigger(due), id=str(number)) for number in range(count)]
        )
        return await watch.measure(due)


main(burst)
