"""Two web workers that share one PostgreSQL: each schedule fires once, whichever worker is asked.

    export DATABASE_URL=postgresql://postgres@127.0.0.1/test
    uvicorn web:app --workers 2

`GET /ready` is for a load balancer: 200 while this worker does its work, 503 and the reason while it does not.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Response

from anysched import AsyncScheduler, IntervalTrigger, current_job, task
from anysched.integrations.fastapi import SchedulerDep, lifespan

DATABASE = os.environ.get("DATABASE_URL", "postgresql://postgres@127.0.0.1/test")


@task(id="digest")
async def digest() -> None:
    print(f"digest of {current_job.get().scheduled_fire_time} by process {os.getpid()}", flush=True)


def make_scheduler() -> AsyncScheduler:
    return AsyncScheduler(DATABASE, tasks=[digest])


@asynccontextmanager
async def declare_schedules(app: FastAPI) -> AsyncGenerator[None]:
    # Every worker declares the same; one of them is the first, and none disturbs what is there.
    await app.state.scheduler.add_schedule(digest, IntervalTrigger(seconds=0.5), id="digest")
    yield


app = FastAPI(lifespan=lifespan(make_scheduler, declare_schedules))


@app.post("/digest/pause")
async def pause(scheduler: SchedulerDep) -> str:
    await scheduler.pause_schedule("digest", reason="asked over HTTP")
    return f"paused by process {os.getpid()}"


@app.get("/ready")
async def ready(scheduler: SchedulerDep, response: Response) -> dict[str, Any]:
    health = await scheduler.check_health(timeout=2)
    response.status_code = 200 if health.ok else 503
    queued = None if health.store is None else health.store.queued_jobs
    return {"process": os.getpid(), "problems": health.problems, "queued": queued}
