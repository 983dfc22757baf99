"""The hand-cranked scheduler."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from anysched import CronTrigger, IntervalTrigger, JobOutcome
from anysched.testing import ManualScheduler

pytestmark = pytest.mark.anyio

START = datetime(2025, 1, 1, tzinfo=UTC)


async def work(number: int = 1) -> int:
    return number * 2


async def fail() -> None:
    raise ValueError("no")


async def test_runs_come_back_from_advance() -> None:
    """Each turn of the crank returns the jobs that ended in it, with fire times and results."""
    async with ManualScheduler(start=START) as scheduler:
        await scheduler.add_schedule(
            work, IntervalTrigger(hours=1), id="hourly", args=[4], job_result_expiration_time=60
        )
        assert [START] == [run.fire_time for run in await scheduler.advance()]
        runs = await scheduler.advance(timedelta(hours=2))
        assert [START + timedelta(hours=1), START + timedelta(hours=2)] == [run.fire_time for run in runs]
        assert [("hourly", JobOutcome.success, 8)] * 2 == [
            (run.schedule_id, run.outcome, run.result.return_value) for run in runs
        ]
        assert [] == await scheduler.advance(60)


async def test_a_month_with_a_pause() -> None:
    """Rule P6: a schedule paused for ten days of a month and resumed from now has twenty runs less the paused."""
    async with ManualScheduler(start=START) as scheduler:
        await scheduler.add_schedule(work, CronTrigger("0 9 * * *"), id="daily")
        assert 10 == len(await scheduler.advance(timedelta(days=10)))
        await scheduler.pause_schedule("daily", reason="holiday")
        assert [] == await scheduler.advance(timedelta(days=10))
        result = await scheduler.unpause_schedule("daily", resume_from="now")
        assert 10 == result.skipped
        assert 11 == len(await scheduler.advance_to(START + timedelta(days=31)))


async def test_run_now() -> None:
    """A paused schedule runs by hand, and its failure comes back as text (rule J4)."""
    async with ManualScheduler(start=START) as scheduler:
        await scheduler.add_schedule(fail, CronTrigger("0 9 * * *"), id="daily", paused=True)
        run = await scheduler.run_now("daily")
        assert JobOutcome.error is run.outcome
        assert run.result.exception is not None
        assert ("ValueError", "no", None) == (
            run.result.exception.type,
            run.result.exception.message,
            run.fire_time,
        )
