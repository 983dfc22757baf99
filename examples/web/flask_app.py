"""Schedules in a Flask application: listed, paused and resumed over HTTP.

Start it with `gunicorn -w 4 flask_app:app`, with or without `--preload`; gunicorn.conf.py starts a scheduler in
each worker. For development, `flask --app flask_dev run --debug`.
"""

from __future__ import annotations

import os
from typing import Any

from flask import Flask

from anysched import IntervalTrigger, ScheduleLookupError, Scheduler, ScheduleSnapshot, task

DATABASE = os.environ.get("DATABASE_URL", "sqlite:///schedules.db")

app = Flask(__name__)
scheduler = Scheduler(DATABASE)


@task(id="beat")
def beat() -> None:
    print("beat", flush=True)


def start_scheduler() -> None:
    """To be called once in each process that serves, after it was forked."""
    scheduler.start()
    scheduler.add_schedule(beat, IntervalTrigger(seconds=1), id="heart")


def as_json(schedule: ScheduleSnapshot) -> dict[str, Any]:
    return {
        "id": schedule.id,
        "status": str(schedule.status),
        "next_fire_time": schedule.next_fire_time and schedule.next_fire_time.isoformat(),
        "jobs_made": schedule.state.jobs_made,
    }


@app.get("/schedules")
def list_schedules() -> list[dict[str, Any]]:
    return [as_json(schedule) for schedule in scheduler.get_schedules()]


@app.post("/schedules/<id>/pause")
def pause(id: str) -> dict[str, Any]:
    scheduler.pause_schedule(id)
    return as_json(scheduler.get_schedule(id))


@app.post("/schedules/<id>/unpause")
def unpause(id: str) -> dict[str, Any]:
    scheduler.unpause_schedule(id, missed="skip")
    return as_json(scheduler.get_schedule(id))


@app.errorhandler(ScheduleLookupError)
def not_found(exc: ScheduleLookupError) -> tuple[dict[str, str], int]:
    return {"detail": str(exc)}, 404
