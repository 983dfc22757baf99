"""Schedules in a FastAPI application: the ready-made router, and an endpoint of one's own.

Start it with `uvicorn fastapi_app:app`, or on trio with `hypercorn -k trio fastapi_app:app`. What it can be asked
is shown at http://127.0.0.1:8000/docs.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from secrets import compare_digest
from typing import Annotated
from uuid import UUID

from fastapi import Depends, FastAPI
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from anysched import AsyncScheduler, IntervalTrigger, task
from anysched.integrations.fastapi import SchedulerDep, lifespan, router

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
async def declare_schedules(app: FastAPI) -> AsyncGenerator[None]:
    await app.state.scheduler.add_schedule(beat, IntervalTrigger(seconds=1), id="heart")
    yield


def authorize(given: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]) -> bool:
    return compare_digest(given.credentials.encode(), TOKEN.encode())


app = FastAPI(lifespan=lifespan(make_scheduler, declare_schedules))
app.include_router(router(authorize=authorize))


@app.post("/greetings/{name}", status_code=202)
async def add_greeting(name: str, scheduler: SchedulerDep) -> UUID:
    return await scheduler.add_job(greet, args=[name])
