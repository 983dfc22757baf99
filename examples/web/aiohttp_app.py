"""Schedules in an aiohttp application: listed, paused and resumed over HTTP.

Start it with `python aiohttp_app.py`.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from typing import Any

from aiohttp import web

from anysched import AsyncScheduler, IntervalTrigger, ScheduleLookupError, ScheduleSnapshot, task

DATABASE = os.environ.get("DATABASE_URL", "sqlite:///schedules.db")
SCHEDULER = web.AppKey("scheduler", AsyncScheduler)

routes = web.RouteTableDef()


@task(id="beat")
async def beat() -> None:
    print("beat", flush=True)


async def run_scheduler(app: web.Application) -> AsyncGenerator[None]:
    async with AsyncScheduler(DATABASE, tasks=[beat]) as scheduler:
        await scheduler.add_schedule(beat, IntervalTrigger(seconds=1), id="heart")
        app[SCHEDULER] = scheduler
        yield


def as_json(schedule: ScheduleSnapshot) -> dict[str, Any]:
    return {
        "id": schedule.id,
        "status": str(schedule.status),
        "next_fire_time": schedule.next_fire_time and schedule.next_fire_time.isoformat(),
        "jobs_made": schedule.state.jobs_made,
    }


@routes.get("/schedules")
async def list_schedules(request: web.Request) -> web.Response:
    return web.json_response([as_json(each) for each in await request.app[SCHEDULER].get_schedules()])


@routes.post("/schedules/{id}/pause")
async def pause(request: web.Request) -> web.Response:
    scheduler, id = request.app[SCHEDULER], request.match_info["id"]
    await scheduler.pause_schedule(id)
    return web.json_response(as_json(await scheduler.get_schedule(id)))


@routes.post("/schedules/{id}/unpause")
async def unpause(request: web.Request) -> web.Response:
    scheduler, id = request.app[SCHEDULER], request.match_info["id"]
    await scheduler.unpause_schedule(id, missed="skip")
    return web.json_response(as_json(await scheduler.get_schedule(id)))


@web.middleware
async def not_found(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        response: web.StreamResponse = await handler(request)
        return response
    except ScheduleLookupError as exc:
        return web.json_response({"detail": str(exc)}, status=404)


app = web.Application(middlewares=[not_found])
app.add_routes(routes)
app.cleanup_ctx.append(run_scheduler)

if __name__ == "__main__":
    web.run_app(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
