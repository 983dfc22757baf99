"""Schedules in a Litestar application: listed, paused and resumed over HTTP.

Start it with `uvicorn litestar_app:app`.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar, Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath

from anysched import AsyncScheduler, IntervalTrigger, ScheduleLookupError, ScheduleSnapshot, task

DATABASE = os.environ.get("DATABASE_URL", "sqlite:///schedules.db")


@task(id="beat")
async def beat() -> None:
    print("beat", flush=True)


@asynccontextmanager
async def lifespan(app: Litestar) -> AsyncGenerator[None]:
    async with AsyncScheduler(DATABASE, tasks=[beat]) as scheduler:
        await scheduler.add_schedule(beat, IntervalTrigger(seconds=1), id="heart")
        app.state.scheduler = scheduler
        yield


def provide_scheduler(state: State) -> AsyncScheduler:
    scheduler: AsyncScheduler = state.scheduler
    return scheduler


def as_json(schedule: ScheduleSnapshot) -> dict[str, Any]:
    return {
        "id": schedule.id,
        "status": str(schedule.status),
        "next_fire_time": schedule.next_fire_time,
        "jobs_made": schedule.state.jobs_made,
    }


@get("/schedules")
async def list_schedules(scheduler: NamedDependency[AsyncScheduler]) -> list[dict[str, Any]]:
    return [as_json(schedule) for schedule in await scheduler.get_schedules()]


@post("/schedules/{id:str}/pause", status_code=200)
async def pause(id: FromPath[str], scheduler: NamedDependency[AsyncScheduler]) -> dict[str, Any]:
    await scheduler.pause_schedule(id)
    return as_json(await scheduler.get_schedule(id))


@post("/schedules/{id:str}/unpause", status_code=200)
async def unpause(id: FromPath[str], scheduler: NamedDependency[AsyncScheduler]) -> dict[str, Any]:
    await scheduler.unpause_schedule(id, missed="skip")
    return as_json(await scheduler.get_schedule(id))


def not_found(request: Request[Any, Any, Any], exc: ScheduleLookupError) -> Response[dict[str, str]]:
    return Response({"detail": str(exc)}, status_code=404)


app = Litestar(
    [list_schedules, pause, unpause],
    lifespan=[lifespan],
    dependencies={"scheduler": Provide(provide_scheduler, sync_to_thread=False)},
    exception_handlers={ScheduleLookupError: not_found},
)
