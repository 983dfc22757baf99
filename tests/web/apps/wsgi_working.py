"""A WSGI application with jobs that take their time; what they do stands in the file ``work.log``.

Jobs work until the file ``go`` is there. ``START=import`` starts the scheduler where it should not be: on import.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask import Flask

from anysched import IntervalTrigger, Scheduler, current_job, task

app = Flask(__name__)


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
    """Note the fire time, and how late it is, in seconds."""
    job = current_job.get()
    assert job.scheduled_fire_time is not None
    late = (datetime.now(UTC) - job.scheduled_fire_time).total_seconds()
    note("tick", job.schedule_id, job.scheduled_fire_time.isoformat(), late)


scheduler = Scheduler(
    os.environ.get("DATABASE_URL"), lease_duration=float(os.environ.get("LEASE", "30")), tasks=[work, tick]
)


def start_scheduler() -> None:
    """Start in this process, and declare the schedules."""
    scheduler.start()
    for number in range(int(os.environ.get("SCHEDULES", "3"))):
        scheduler.add_schedule(tick, IntervalTrigger(seconds=0.2), id=f"tick-{number}", coalesce="all")


@app.get("/ready")
def ready() -> list[int]:
    """Answer."""
    return [os.getpid()]


@app.get("/schedules")
def list_schedules() -> dict[str, Any]:
    """Say which process answers, and how the schedules are."""
    return {"pid": os.getpid(), "status": {each.id: str(each.status) for each in scheduler.get_schedules()}}


@app.post("/schedules/<id>/pause")
def pause(id: str) -> dict[str, Any]:
    """Pause, and say how many jobs were made before."""
    scheduler.pause_schedule(id)
    return {"jobs_made": scheduler.get_schedule(id).state.jobs_made}


@app.post("/schedules/<id>/unpause")
def unpause(id: str) -> dict[str, Any]:
    """Resume, and say how many fire times were given up."""
    return {"skipped": scheduler.unpause_schedule(id, missed="skip").skipped}


@app.post("/jobs/<name>")
def add(name: str) -> tuple[str, int]:
    """Add a job."""
    scheduler.add_job(work, args=[name])
    return "", 202


if os.environ.get("START") == "import":
    start_scheduler()
