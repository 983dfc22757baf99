"""What the child processes do: one node of a scheduler each. Imported by the process that forks them."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import trio  # noqa: F401  (so that no child has to import it)

from anysched import AsyncScheduler, IntervalTrigger, Schedule, ScheduleSnapshot, current_job, current_scheduler, task
from anysched.stores import SQLDataStore

#: Every attempt that a crash ends counts; no test of these may run out of them.
ENDLESS = 100_000

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(instant: datetime | None) -> int | None:
    """Return an instant as a number that JSON keeps exactly."""
    return None if instant is None else (instant - EPOCH) // timedelta(microseconds=1)


def note(log: str, event: str) -> None:
    """Add one line about the present job, in one piece whatever happens to this process."""
    job = current_job.get()
    words = {
        "event": event,
        "schedule": job.schedule_id,
        "fire_time": microseconds(job.scheduled_fire_time),
        "job": str(job.id),
        "attempt": job.attempt,
        "node": current_scheduler.get().identity,
    }
    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, json.dumps(words).encode() + b"\n")
    os.close(file)


@task(id="on the loop", max_attempts=ENDLESS)
async def on_the_loop(log: str) -> None:
    """Note the run, and take some time."""
    note(log, "run")
    await anyio.sleep(0.05)


@task(id="in a thread", max_attempts=ENDLESS)
def in_a_thread(log: str) -> None:
    """Note the run."""
    note(log, "run")


TASKS = (on_the_loop, in_a_thread)


def schedules(number: int, every: float, start: float, log: str) -> list[Schedule]:
    """Return schedules that want each of their fire times to get a job, evenly spread over time."""
    return [
        Schedule(
            TASKS[index % 2],
            IntervalTrigger(
                seconds=every, start_time=datetime.fromtimestamp(start + every * index / number, UTC)
            ),
            id=f"schedule {index}",
            args=[log],
            coalesce="all",
            max_catchup=10_000,
        )
        for index in range(number)
    ]


def serve(backend: str, url: str, lease: float, seconds: float, wanted: dict[str, Any]) -> None:
    """Declare schedules and run them for so long."""
    anyio.run(partial(_serve, url, lease, seconds, wanted), backend=backend)


async def _serve(url: str, lease: float, seconds: float, wanted: dict[str, Any]) -> None:
    async with AsyncScheduler(url, timezone="UTC", tasks=TASKS, lease_duration=lease) as scheduler:
        await scheduler.add_schedules(schedules(**wanted))
        await anyio.sleep(seconds)


def finish(backend: str, url: str, report: str, lease: float) -> None:
    """Pause all schedules, run what they have made, and report what is stored about them."""
    anyio.run(partial(_finish, url, report, lease), backend=backend)


async def _finish(url: str, report: str, lease: float) -> None:
    async with AsyncScheduler(url, timezone="UTC", tasks=TASKS, lease_duration=lease) as scheduler:
        for snapshot in await scheduler.get_schedules():
            await scheduler.pause_schedule(snapshot.id)
        while await scheduler.get_jobs():
            await anyio.sleep(0.05)
        states = {snapshot.id: _plain(snapshot) for snapshot in await scheduler.get_schedules()}
    Path(report).write_text(json.dumps(states), encoding="utf-8")


def _plain(snapshot: ScheduleSnapshot) -> dict[str, Any]:
    first = snapshot.trigger.next_fire_time(
        snapshot.state.anchor - timedelta(microseconds=1), anchor=snapshot.state.anchor
    )
    return {
        "first": microseconds(first),
        "next": microseconds(snapshot.next_fire_time),
        "jobs_made": snapshot.state.jobs_made,
        "skipped": sum(snapshot.state.skipped.values()),
    }
