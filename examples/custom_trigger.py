"""A trigger of one's own: ever longer waits, kept in a durable file and found there again.

A trigger is a frozen value with one pure function. It keeps no place of its own: the scheduler does that.
`@register_type` gives it a lasting name, which is all that a file may say about it.
"""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import attrs

from anysched import AsyncScheduler, current_job, register_type
from anysched.testing import FakeClock


@register_type("examples.doubling")
@attrs.frozen
class DoublingTrigger:
    """Fires at the anchor, and then after waits that double each time: 1, 3, 7, 15 ... minutes after it."""

    first_wait: timedelta
    most: int = 10

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        """Return the first fire time strictly after an instant, or None when there is none left."""
        for number in range(self.most):
            fire_time = anchor + self.first_wait * ((1 << number) - 1)
            if fire_time > after:
                return fire_time
        return None


async def remind(what: str) -> None:
    """Say when this was due."""
    print(f"{current_job.get().scheduled_fire_time:%H:%M} {what}")


async def main(directory: Path) -> None:
    """Run the schedule in two lives of the program, on one file."""
    clock = FakeClock(datetime(2025, 6, 2, 8, tzinfo=UTC))
    url = f"sqlite:///{directory / 'reminders.db'}"

    async with AsyncScheduler(url, clock=clock, tasks=[remind]) as scheduler:
        trigger = DoublingTrigger(timedelta(minutes=1), most=7)
        await scheduler.add_schedule(remind, trigger, id="water", args=["water the plants"])
        await clock.advance(timedelta(minutes=10))

    async with AsyncScheduler(url, clock=clock, tasks=[remind]) as scheduler:
        snapshot = await scheduler.get_schedule("water")
        assert snapshot.trigger == trigger
        print("after a restart:", snapshot.trigger)
        await clock.advance(timedelta(hours=2))
        print((await scheduler.get_schedule("water")).status)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        anyio.run(main, Path(name))
