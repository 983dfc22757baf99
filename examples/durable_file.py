"""A durable file: schedules, their places, their pauses and queued jobs outlive the process.

The program starts itself twice on one SQLite file, with a second in between in which nobody is there. What it
declares at each start is the same: `conflict_policy="replace"` writes the configuration, and never touches the
place of a schedule or a pause.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import anyio

from anysched import AsyncScheduler, IntervalTrigger, current_job

HALF_A_SECOND = timedelta(seconds=0.5)


def measure(log: str) -> None:
    """Write down which fire time this run is for.

    A durable file keeps the name of a task, so a task is a function at the top of a module.
    """
    with Path(log).open("a", encoding="utf-8") as file:
        file.write(f"{current_job.get().scheduled_fire_time}\n")


async def mail() -> None:
    """Never run: its schedule is paused all the time."""
    print("  mail is sent")


async def greet(name: str) -> None:
    """Asked for by the first start, done by the second."""
    print("  hello,", name)


async def one_start(folder: Path, *, first: bool) -> None:
    """What the program does each time it is started."""
    async with AsyncScheduler(f"sqlite:///{folder / 'jobs.db'}", tasks=[greet]) as scheduler:
        await scheduler.add_schedule(
            measure,
            IntervalTrigger(seconds=0.5),
            id="measure",
            args=[str(folder / "measured.txt")],
            coalesce="all",
            conflict_policy="replace",
        )
        await scheduler.add_schedule(
            mail, IntervalTrigger(seconds=0.5), id="mail", paused=True, conflict_policy="replace"
        )
        if first:
            await scheduler.pause_schedule("mail", reason="no password yet", by="ana")
            await scheduler.add_job(greet, args=["world"], run_at=datetime.now(UTC) + timedelta(seconds=2))
            print("  mail is paused")
        else:
            pause = (await scheduler.get_schedule("mail")).state.pause
            assert pause is not None
            print(f"  mail is still paused by {pause.by}: {pause.reason}")
        await anyio.sleep(1.2)


def main() -> None:
    """Start twice, then look at what was measured."""
    with tempfile.TemporaryDirectory() as name:
        for which in ("first", "second"):
            if which == "second":
                time.sleep(1)
            print(which, "start", flush=True)
            subprocess.run([sys.executable, __file__, which, name], check=True)
        lines = Path(name, "measured.txt").read_text(encoding="utf-8").splitlines()
    measured = sorted(map(datetime.fromisoformat, lines))
    assert len(measured) > 5
    assert {HALF_A_SECOND} == {later - earlier for earlier, later in pairwise(measured)}
    print("each half second was measured once, those in between as well")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        anyio.run(lambda: one_start(Path(sys.argv[2]), first=sys.argv[1] == "first"))
    else:
        main()
