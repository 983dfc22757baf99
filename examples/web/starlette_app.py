"""Schedules in a Starlette application: the ready-made router, and an endpoint of one's own.

Start it with `uvicorn starlette_app:app`, or on trio with `hypercorn -k trio starlette_app:app`.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from secrets import compare_digest

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from anysched import AsyncScheduler, IntervalTrigger, task
from anysched.integrations.starlette import get_scheduler, lifespan, router

DATABASE = os.environ.get("DATABASE_URL", "sqlite:///schedules.db")
TOKEN = os.environ.get("API_TOKEN", "change me")


@task(id="beat")
async def beat() -> None:
    print("beat", flush=True)


@task(id="greet")
async def greet(name: str) -> None:
    print(f"hello, {name}", flush=True)


def make_scheduler() -> AsyncScheduler:
    return AsyncScheduler(DATABASE, tasks=[beat, greet])


@asynccontextmanager
async def declare_schedules(app: Starlette) -> AsyncGenerator[None]:
    await app.state.scheduler.add_schedule(beat, IntervalTrigger(seconds=1), id="heart")
    yield


async def authorize(request: Request) -> bool:
    given = request.headers.get("Authorization", "")
    return compare_digest(given.encode(), f"Bearer {TOKEN}".encode())


async def add_greeting(request: Request) -> JSONResponse:
    job_id = await get_scheduler(request).add_job(greet, args=[request.path_params["name"]])
    return JSONResponse(str(job_id), status_code=202)


app = Starlette(
    routes=[
        Route("/greetings/{name}", add_greeting, methods=["POST"]),
        Mount("/", app=router(authorize=authorize)),
    ],
    lifespan=lifespan(make_scheduler, declare_schedules),
)
