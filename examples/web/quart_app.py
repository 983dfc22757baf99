"""Schedules in a Quart application: listed, paused and resumed over HTTP.

Start it with `hypercorn quart_app:app`. On trio, `QuartTrio` of quart-trio takes the place of `Quart`.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from typing import Any

from quart import Quart, current_app

from anysched import AsyncScheduler, IntervalTrigger, ScheduleLookupError, ScheduleSnapshot, task

DATABASE = os.environ.get("DATABASE_URL", "sqlite:///schedules.db")

app = Quart(__name__)


@task(id="beat")
async def beat() -> None:
    print("beat", flush=True)


@app.while_serving
async def run_scheduler() -> AsyncGenerator[None]:
    async with AsyncScheduler(DATABASE, tasks=[beat]) as scheduler:
        await scheduler.add_schedule(beat, IntervalTrigger(seconds=1), id="heart")
        app.extensions["scheduler"] = scheduler
        yield


def get_scheduler() -> AsyncScheduler:
    scheduler: AsyncScheduler = current_app.extensions["scheduler"]
    return scheduler


def as_json(schedule: ScheduleSnapshot) -> dict[str, Any]:
    return {
        "id": schedule.id,
        "status": str(schedule.status),
        "next_fire_time": schedule.next_fire_time and schedule.next_fire_time.isoformat(),
        "jobs_made": schedule.state.jobs_made,
    }


@app.get("/schedules")
async def list_schedules() -> list[dict[str, Any]]:
    return [as_json(schedule) for schedule in await get_scheduler().get_schedules()]


@app.post("/schedules/<id>/pause")
async def pause(id: str) -> dict[str, Any]:
    await get_scheduler().pause_schedule(id)
    return as_json(await get_scheduler().get_schedule(id))


@app.post("/schedules/<id>/unpause")
async def unpause(id: str) -> dict[str, Any]:
    await get_scheduler().unpause_schedule(id, missed="skip")
    return as_json(await get_scheduler().get_schedule(id))


@app.errorhandler(ScheduleLookupError)
async def not_found(exc: ScheduleLookupError) -> tuple[dict[str, str], int]:
    return {"detail": str(exc)}, 404
