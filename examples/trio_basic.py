"""anysched on trio: nothing changes but the library that your own code uses. A job that hangs is cancelled."""

from __future__ import annotations

import trio

from anysched import AsyncScheduler, IntervalTrigger, JobOutcome


async def fetch(page: str) -> None:
    """Run by a schedule."""
    await trio.sleep(0.01)
    print("fetched", page)


async def hang() -> None:
    """A job that never ends by itself; trio's cancellation reaches it."""
    try:
        await trio.sleep_forever()
    finally:
        print("hang is cancelled")


async def main() -> None:
    """Let a schedule run for a little while, and cancel a job."""
    async with AsyncScheduler() as scheduler:
        await scheduler.add_schedule(fetch, IntervalTrigger(seconds=0.4), id="fetch", args=["/news"])
        job_id = await scheduler.add_job(hang, result_expiration_time=60)
        await trio.sleep(1)
        await scheduler.cancel_job(job_id)
        result = await scheduler.get_job_result(job_id)
        assert result is not None
        assert result.outcome is JobOutcome.cancelled
        print("hang ended as", result.outcome)


if __name__ == "__main__":
    trio.run(main)
