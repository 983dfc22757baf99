"""How to test a program that uses anysched: a month of schedules, with pauses, in a moment.

Run it with `pytest examples/testing_with_fakeclock.py`, or as a script. The tests run on asyncio and, where it
is installed, on trio. `FakeClock.advance` walks through every wake-up on the way and waits for each job.
"""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from anysched import AsyncScheduler, Clock, CronTrigger, JobOutcome, JobReleased
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio

JUNE = datetime(2025, 6, 1, tzinfo=UTC)


# The program under test: invoices on the first of the month, reminders on working days at nine.


class Office:
    """Notes what was done, and when."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.done: list[tuple[str, datetime]] = []

    def write(self, what: str) -> None:
        """Run by schedules, in a thread."""
        self.done.append((what, self.clock.now()))


async def test_a_month_with_a_holiday() -> None:
    """Reminders stay away during a week off and are not made up for; the invoice is sent all the same."""
    clock = FakeClock(JUNE)
    office = Office(clock)
    async with AsyncScheduler(clock=clock, timezone="UTC") as scheduler:
        await scheduler.add_schedule(office.write, CronTrigger("0 6 1 * *"), id="invoice", args=["invoice"])
        await scheduler.add_schedule(
            office.write, CronTrigger("0 9 * * mon-fri"), id="remind", args=["remind"]
        )

        await clock.advance_to(datetime(2025, 6, 14, tzinfo=UTC))
        holiday_ends = datetime(2025, 6, 21, tzinfo=UTC)
        await scheduler.pause_schedule("remind", until=holiday_ends, missed="skip", reason="holiday")
        await clock.advance_to(datetime(2025, 7, 1, tzinfo=UTC))

        state = (await scheduler.get_schedule("remind")).state

    assert ("invoice", datetime(2025, 6, 1, 6, tzinfo=UTC)) in office.done
    reminded = [when.day for what, when in office.done if what == "remind"]
    assert reminded == [2, 3, 4, 5, 6, 9, 10, 11, 12, 13, 23, 24, 25, 26, 27, 30]
    assert state.paused is False
    assert sum(state.skipped.values()) == 5


async def test_a_failing_job_is_told() -> None:
    """A job that raises ends in an outcome; the schedule goes on."""

    async def fail() -> None:
        raise OSError("the printer is on fire")

    outcomes: list[JobOutcome | None] = []
    clock = FakeClock(JUNE)
    async with AsyncScheduler(clock=clock, timezone="UTC") as scheduler:
        scheduler.subscribe(lambda event: outcomes.append(event.outcome), JobReleased)
        await scheduler.add_schedule(fail, CronTrigger("0 * * * *"), id="print")
        await clock.advance(timedelta(hours=2))

    assert outcomes == [JobOutcome.error] * 3


async def test_slow_jobs_take_time_on_the_same_clock() -> None:
    """A job sleeps on the clock that it is given, so that the test need not wait for it."""
    clock = FakeClock(JUNE)

    async def slow() -> str:
        await clock.sleep(3600)
        return "done"

    async with AsyncScheduler(clock=clock) as scheduler:
        job_id = await scheduler.add_job(slow, result_expiration_time=timedelta(days=1))
        await clock.advance(timedelta(hours=2))
        result = await scheduler.get_job_result(job_id)

    assert result is not None
    assert result.started_at is not None
    assert result.return_value == "done"
    assert result.finished_at - result.started_at == timedelta(hours=1)


if __name__ == "__main__":
    sys.exit(subprocess.call([sys.executable, "-m", "pytest", "-q", __file__]))
