"""Jobs in threads that take their time; what they do stands in the file ``work.log``.

They work until the file ``go`` is there.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from anysched import IntervalTrigger, Scheduler, current_job, task


def note(*words: object) -> None:
    """Append a line; a short one is written in one piece."""
    with Path("work.log").open("a") as file:
        file.write(" ".join(map(str, words)) + "\n")


@task(id="work")
def work(name: str) -> None:
    """Work until told to end, and tell in which process."""
    attempt = current_job.get().attempt
    Path(f"pid-{attempt}").write_text(str(os.getpid()))
    note("begin", name, attempt)
    while not Path("go").exists():
        time.sleep(0.02)
    note("end", name, attempt)


@task(id="tick")
def tick() -> None:
    """Note the fire time."""
    job = current_job.get()
    assert job.scheduled_fire_time is not None
    note("tick", job.schedule_id, job.scheduled_fire_time.isoformat(), os.getpid())


def declare(scheduler: Scheduler) -> None:
    """Add three schedules."""
    for number in range(3):
        scheduler.add_schedule("tick", IntervalTrigger(seconds=0.2), id=f"tick-{number}", coalesce="all")
