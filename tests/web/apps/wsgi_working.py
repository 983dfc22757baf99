"""A WSGI application with the jobs of ``wsgi_tasks``.

``START=import`` starts the scheduler where it should not be: on import.
"""

from __future__ import annotations

import os
import time
from typing import Any

from flask import Flask
from wsgi_tasks import declare, tick, work

from anysched import Scheduler

app = Flask(__name__)


scheduler = Scheduler(
    os.environ.get("DATABASE_URL"), lease_duration=float(os.environ.get("LEASE", "30")), tasks=[work, tick]
)


def start_scheduler() -> None:
    """Start in this process, and declare the schedules."""
    scheduler.start()
    declare(scheduler)


@app.get("/ready")
def ready() -> str:
    """Answer."""
    return ""


@app.get("/slow")
def slow() -> dict[str, int]:
    """Take a while to say which process answers."""
    time.sleep(0.2)
    return {"pid": os.getpid()}


@app.get("/schedules")
def list_schedules() -> dict[str, str]:
    """Say how the schedules are."""
    return {each.id: str(each.status) for each in scheduler.get_schedules()}


@app.post("/schedules/<id>/pause")
def pause(id: str) -> dict[str, Any]:
    """Pause, and say how many jobs have been made."""
    scheduler.pause_schedule(id)
    return {"jobs_made": scheduler.get_schedule(id).state.jobs_made}


@app.post("/schedules/<id>/unpause")
def unpause(id: str) -> dict[str, Any]:
    """Resume, and say how many jobs this made for the fire times that passed."""
    return {"jobs": len(scheduler.unpause_schedule(id, missed="run_all").jobs)}


@app.post("/jobs/<name>")
def add(name: str) -> tuple[str, int]:
    """Add a job."""
    scheduler.add_job(work, args=[name])
    return "", 202


if os.environ.get("START") == "import":
    start_scheduler()
