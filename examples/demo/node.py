"""One node: a process that runs the schedules in the file until it is told to stop, or killed.

`python node.py FOLDER URL`. It declares its schedules at each start, as a program does, and `replace` leaves
alone what only the file knows: the place of each schedule, and its pause.
"""

from __future__ import annotations

import sys
from pathlib import Path

import anyio
import work

from anysched import AsyncScheduler, CronTrigger, IntervalTrigger, Schedule

#: How long after a crash the jobs of a node stay its own.
LEASE = 5.0

#: With more backups to catch up with, the oldest are skipped.
MAX_CATCHUP = 3


def address(folder: str | Path) -> str:
    """Return the URL of the file that the schedules live in."""
    return f"sqlite:///{Path(folder).resolve() / 'jobs.db'}"


def declared(folder: str, url: str) -> list[Schedule]:
    """Return the schedules that this program declares."""
    return [
        Schedule(work.check, IntervalTrigger(seconds=1), id="check", args=[folder, url]),
        Schedule(
            work.back_up,
            CronTrigger("*/2 * * * * *"),
            id="backup",
            args=[folder],
            coalesce="all",
            max_catchup=MAX_CATCHUP,
        ),
        Schedule(work.prune, IntervalTrigger(seconds=3), id="prune", args=[folder]),
    ]


async def serve(folder: str, url: str) -> None:
    """Run jobs until a signal comes."""
    scheduler = AsyncScheduler(address(folder), tasks=[work], lease_duration=LEASE, poll_interval=0.25)
    async with scheduler:
        await scheduler.add_schedules(declared(folder, url), conflict_policy="replace")
        await scheduler.run_until_stopped()


if __name__ == "__main__":
    anyio.run(serve, sys.argv[1], sys.argv[2])
