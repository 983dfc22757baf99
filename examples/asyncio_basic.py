"""anysched on asyncio: an interval, a cron rule with seconds, one job whose result is awaited, and events."""

from __future__ import annotations

import asyncio
import time

from anysched import AsyncScheduler, CronTrigger, IntervalTrigger, JobReleased, current_job, task


async def poll(mailbox: str) -> None:
    """A coroutine function runs on the event loop."""
    fire_time = current_job.get().scheduled_fire_time
    assert fire_time is not None
    print(f"poll {mailbox}")
    await asyncio.sleep(0.01)


def tidy() -> None:
    """An ordinary function runs in a thread, so it may block."""
    time.sleep(0.01)
    print("tidy")


@task(max_running_jobs=1)
async def add(a: int, b: int) -> int:
    """What a task returns can be had back; `@task` says how it is to be run."""
    return a + b


async def main() -> None:
    """Let two schedules run for a little while."""
    outcomes: list[str] = []
    async with AsyncScheduler() as scheduler:
        scheduler.subscribe(lambda event: outcomes.append(str(event.outcome)), JobReleased)
        await scheduler.add_schedule(poll, IntervalTrigger(seconds=0.5), id="poll", args=["inbox"])
        await scheduler.add_schedule(tidy, CronTrigger("* * * * * *"), id="tidy")
        print("2 + 3 =", await scheduler.run_job(add, args=[2, 3]))
        await asyncio.sleep(2.2)
        for schedule in await scheduler.get_schedules():
            print(schedule.id, schedule.status, schedule.state.jobs_made, "jobs")
    print("all well" if set(outcomes) == {"success"} else outcomes)


if __name__ == "__main__":
    asyncio.run(main())
