"""What ``servers.py`` serves: the same schedules in a WSGI and in an ASGI application; runs are noted in a file."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette

from anysched import AsyncScheduler, IntervalTrigger, Schedule, Scheduler, current_job, task
from anysched.integrations.starlette import lifespan

DATABASE = "sqlite:///schedules.db"
RUNS = "runs.txt"


def note(*words: object) -> None:
    """Append a line, in one piece."""
    file = os.open(RUNS, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, (" ".join(map(str, words)) + "\n").encode())
    os.close(file)


@task(id="tick")
async def tick() -> None:
    """Note which fire time this is, how late it is in seconds, and the kind of server."""
    job = current_job.get()
    assert job.scheduled_fire_time is not None
    late = time.time() - job.scheduled_fire_time.timestamp()
    note("run", job.schedule_id, job.scheduled_fire_time.isoformat(), late, os.environ["SERVER"])


SCHEDULES = [
    Schedule(tick, IntervalTrigger(seconds=1), id=f"tick-{number:02}", coalesce="all")
    for number in range(int(os.environ.get("SCHEDULES", "20")))
]


# gunicorn: `gunicorn -c python:served served:wsgi`

scheduler = Scheduler(DATABASE, tasks=[tick])


def post_worker_init(worker: Any) -> None:
    """Start a scheduler in each worker."""
    scheduler.start()
    scheduler.add_schedules(SCHEDULES)
    note("up", os.getpid())


def wsgi(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"served"]


# uvicorn: `uvicorn served:asgi`


@asynccontextmanager
async def declare_schedules(app: Starlette) -> AsyncGenerator[None]:
    """Declare them in each worker."""
    await app.state.scheduler.add_schedules(SCHEDULES)
    note("up", os.getpid())
    yield


asgi = Starlette(lifespan=lifespan(lambda: AsyncScheduler(DATABASE, tasks=[tick]), declare_schedules))
