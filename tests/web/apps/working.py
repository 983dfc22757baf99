"""An application with jobs that take their time; what they do stands in the file ``work.log``.

Jobs work until the file ``go`` is there.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from anysched import AsyncScheduler, IntervalTrigger, JobReleased, SchedulerStateError, current_job, task
from anysched.integrations.starlette import get_scheduler, lifespan

EVERY = float(os.environ.get("EVERY", "0.1"))


def note(*words: object) -> None:
    """Append a line; a short one is written in one piece."""
    with Path("work.log").open("a") as file:
        file.write(" ".join(map(str, words)) + "\n")


async def work(name: str) -> None:
    """Work until told to end."""
    attempt = current_job.get().attempt
    note("begin", name, attempt)
    try:
        while not await anyio.Path("go").exists():  # noqa: ASYNC110 - another process makes it
            await anyio.sleep(0.02)
    except anyio.get_cancelled_exc_class():
        note("cancelled", name, attempt)
        raise
    note("end", name, attempt)


@task(id="repeatable")
async def repeatable(name: str) -> None:
    """Work that is tried again."""
    await work(name)


@task(id="unrepeatable", on_abandon="fail")
async def unrepeatable(name: str) -> None:
    """Work that must not be done twice."""
    await work(name)


@task(id="tick")
async def tick() -> None:
    """Note the fire time and the process."""
    job = current_job.get()
    assert job.scheduled_fire_time is not None
    note("tick", job.schedule_id, job.scheduled_fire_time.isoformat(), os.getpid())


def make_scheduler() -> AsyncScheduler:
    """Make one as the environment says."""
    return AsyncScheduler(
        os.environ.get("DATABASE_URL") or None,
        stop_grace=float(os.environ.get("GRACE", "10")),
        tasks=[repeatable, tick, unrepeatable],
    )


def fail(event: JobReleased) -> None:
    """A subscriber with a mistake in it."""
    raise LookupError(f"no subscriber for {event.task_id}")


@asynccontextmanager
async def schedules(app: Starlette) -> AsyncGenerator[None]:
    """Declare the schedules; note when the scheduler is about to stop."""
    scheduler: AsyncScheduler = app.state.scheduler
    if os.environ.get("FAILING_SUBSCRIBER"):
        scheduler.subscribe(fail, JobReleased, one_shot=True)
    for number in range(int(os.environ.get("SCHEDULES", "1"))):
        await scheduler.add_schedule(
            tick, IntervalTrigger(seconds=EVERY), id=f"tick-{number}", coalesce="all"
        )
    yield
    note("stopping")


@asynccontextmanager
async def outlasting(app: Starlette) -> AsyncGenerator[dict[str, object]]:
    """The lifespan of the application; a call after the end of the scheduler is noted."""
    async with lifespan(make_scheduler, schedules)(app) as state:
        yield dict(state)
    try:
        await state["scheduler"].get_schedules()
    except SchedulerStateError as exc:
        note("refused:", exc)


async def add(request: Request) -> Response:
    """Add a job."""
    await get_scheduler(request).add_job(request.path_params["task"], args=[request.path_params["name"]])
    return Response(status_code=202)


async def ready(request: Request) -> Response:
    """Answer."""
    return Response()


async def many_bytes(request: Request) -> Response:
    """Answer with more than the buffers of a socket hold."""
    return Response(bytes(10_000_000))


async def echo(request: Request) -> Response:
    """Answer with the length of the body."""
    return JSONResponse(len(await request.body()))


app = Starlette(
    routes=[
        Route("/jobs/{task}/{name}", add, methods=["POST"]),
        Route("/ready", ready),
        Route("/many-bytes", many_bytes),
        Route("/echo", echo, methods=["POST"]),
    ],
    lifespan=outlasting,
)
