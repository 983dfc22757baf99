"""What the child processes do: one node of a scheduler each. Imported by the process that forks them."""

from __future__ import annotations

import json
import os
import resource
import signal
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio._backends._asyncio
import anyio._backends._trio  # so that no child has to import either
import sqlalchemy as sa
from tests.crash.checking import until
from tests.crash.operations import operate as operate
from tests.crash.operations import prepare as prepare
from tests.crash.processes import PATIENCE

from anysched import (
    AsyncScheduler,
    IntervalTrigger,
    Schedule,
    ScheduleSnapshot,
    StoreRecovered,
    StoreUnavailable,
    current_job,
    current_scheduler,
    task,
)

# Nor what belongs to a kind of database.
for _kind in ("sqlite", "postgresql+psycopg", "mariadb+pymysql"):
    with suppress(ImportError):
        sa.create_engine(f"{_kind}://")

#: Every attempt that a crash ends counts; no test of these may run out of them.
ENDLESS = 100_000

#: Bytes that the database needs many times over, and the log of a test does not.
SMALL = 300_000

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(instant: datetime | None) -> int | None:
    """Return an instant as a number that JSON keeps exactly."""
    return None if instant is None else (instant - EPOCH) // timedelta(microseconds=1)


def note(log: str, event: str) -> None:
    """Add one line about the present job, in one piece whatever happens to this process.

    Times are microseconds; the monotonic one is the same for all processes of a machine, whatever they think it is.
    """
    job = current_job.get()
    words = {
        "event": event,
        "schedule": job.schedule_id,
        "fire_time": microseconds(job.scheduled_fire_time),
        "job": str(job.id),
        "attempt": job.attempt,
        "node": current_scheduler.get().identity,
        "wall": time.time_ns() // 1000,
        "monotonic": time.monotonic_ns() // 1000,
    }
    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, json.dumps(words).encode() + b"\n")
    os.close(file)


@contextmanager
def noted(log: str) -> Generator[None]:
    """Note the start of the present job, and its end whatever brings it about, unless this process ends first."""
    note(log, "start")
    try:
        yield
    finally:
        note(log, "end")


def attempt() -> list[object]:
    """Return who runs the present job, and how manieth start of it this is."""
    return [current_scheduler.get().identity, current_job.get().attempt]


@task(id="on the loop", max_attempts=ENDLESS)
async def on_the_loop(log: str, seconds: float = 0.05) -> list[object]:
    """Take some time."""
    with noted(log):
        await anyio.sleep(seconds)
    return attempt()


@task(id="in a thread", max_attempts=ENDLESS)
def in_a_thread(log: str, seconds: float = 0) -> list[object]:
    """Take no time, or some."""
    with noted(log):
        time.sleep(seconds)
    return attempt()


TASKS = (on_the_loop, in_a_thread)


def schedules(
    number: int, every: float, start: float, log: str, seconds: float | None = None, keep: float = 0
) -> list[Schedule]:
    """Return schedules that want each of their fire times to get a job, evenly spread over time.

    :param seconds: how long each job takes, if not as long as usual
    :param keep: for how many seconds the results of the jobs are kept
    """
    return [
        Schedule(
            TASKS[index % 2],
            IntervalTrigger(
                seconds=every, start_time=datetime.fromtimestamp(start + every * index / number, UTC)
            ),
            id=f"schedule {index}",
            args=[log] if seconds is None else [log, seconds],
            coalesce="all",
            max_catchup=10_000,
            job_result_expiration_time=keep,
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


def finish(
    backend: str, url: str, report: str, lease: float, tasks: Iterable[Callable[..., Any]] = TASKS
) -> None:
    """Pause all schedules, run what they have made, and report what is stored about them."""
    anyio.run(partial(_finish, url, report, lease, tasks), backend=backend)


async def _finish(url: str, report: str, lease: float, tasks: Iterable[Callable[..., Any]]) -> None:
    async with AsyncScheduler(url, timezone="UTC", tasks=tasks, lease_duration=lease) as scheduler:
        for snapshot in await scheduler.get_schedules():
            await scheduler.pause_schedule(snapshot.id)
        while await scheduler.get_jobs():  # noqa: ASYNC110  (another node may run the last one)
            await anyio.sleep(0.05)
        states = {snapshot.id: _plain(snapshot) for snapshot in await scheduler.get_schedules()}
        for id, state in states.items():
            state["ran"] = await _ran(scheduler, id, state["next"])
    _write(report, states)


async def _ran(scheduler: AsyncScheduler, id: str, end: int) -> list[int | None]:
    """Return the fire times before an instant of which the history says that they have run."""
    until = EPOCH + timedelta(microseconds=end - 1)
    told = await scheduler.get_fire_times(id, EPOCH, until, limit=10_000)
    return [microseconds(one.first) for one in told if one.status == "ran"]


def _write(report: str, states: dict[str, Any]) -> None:
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


# workers of jobs that clients add


@task(id="at most once", on_abandon="fail", max_attempts=ENDLESS)
async def at_most_once(log: str, seconds: float = 0.03) -> None:
    """Note start and end."""
    note(log, "start")
    await anyio.sleep(seconds)
    note(log, "end")


@task(id="deadly", max_attempts=3)
async def deadly(log: str) -> None:
    """Take the process along."""
    note(log, "start")
    os.kill(os.getpid(), signal.SIGKILL)


def tell(flag: str, attempt: int) -> None:
    """End an attempt of ``until_told``."""
    Path(f"{flag}{attempt}").touch()


@task(id="until told")
async def until_told(log: str, flag: str) -> str:
    """Go on until ``tell`` says so; return the name of the node."""
    note(log, "start")
    try:
        await until(Path(f"{flag}{current_job.get().attempt}").exists)
    except anyio.get_cancelled_exc_class():
        note(log, "cancelled")
        raise
    note(log, "end")
    return current_scheduler.get().identity


@task(id="few at once", max_running_jobs=3)
async def few_at_once(log: str) -> None:
    """Note start and end."""
    note(log, "start")
    await anyio.sleep(0.02)
    note(log, "end")


JOBS = (at_most_once, deadly, until_told, few_at_once)


def work(backend: str, url: str, lease: float, name: str, most: int = 100) -> None:
    """Run the jobs that there are, until killed."""
    anyio.run(partial(_work, url, lease, name, most), backend=backend)


async def _work(url: str, lease: float, name: str, most: int) -> None:
    async with AsyncScheduler(
        url,
        identity=name,
        timezone="UTC",
        tasks=JOBS,
        lease_duration=lease,
        poll_interval=0.1,
        max_concurrent_jobs=most,
    ):
        await anyio.sleep_forever()


def serve_on_small_disk(backend: str, url: str, lease: float, seconds: float, wanted: dict[str, Any]) -> None:
    """Declare schedules and run them; then let no file grow any more until the store has failed, and go on."""
    anyio.run(partial(_serve_on_small_disk, url, lease, seconds, wanted), backend=backend)


async def _serve_on_small_disk(url: str, lease: float, seconds: float, wanted: dict[str, Any]) -> None:
    lost, found = anyio.Event(), anyio.Event()
    async with AsyncScheduler(url, timezone="UTC", tasks=TASKS, lease_duration=lease) as scheduler:
        scheduler.subscribe(lambda _: lost.set(), StoreUnavailable)
        scheduler.subscribe(lambda _: found.set(), StoreRecovered)
        await scheduler.add_schedules(schedules(**wanted))
        await anyio.sleep(seconds)
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL, hard))
        with anyio.fail_after(PATIENCE):
            await lost.wait()
        await anyio.sleep(seconds)
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        with anyio.fail_after(PATIENCE):
            await found.wait()
        await anyio.sleep(seconds)
