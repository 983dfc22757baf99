"""What the tests of forks and of several server processes run in processes of their own; see fork_server.py.

Whoever imports this module has made the schedulers below, and all processes forked from it share them.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import ModuleType
from typing import Any

import anyio

from anysched import AsyncScheduler, Event, SchedulerStarted, SchedulerStateError
from anysched.engine import siblings
from anysched.model.ids import new_id

heard: list[Event] = []

made_up = AsyncScheduler(cleanup_interval=None)
named = AsyncScheduler(identity="me")
for scheduler in (made_up, named):
    scheduler.subscribe(heard.append)


def tell(folder: str, what: object) -> None:
    """Leave a file for the test, under this process's number, whole from the first moment."""
    path = Path(folder) / str(os.getpid())
    path.with_suffix(".part").write_text(json.dumps(what))
    path.with_suffix(".part").rename(path.with_suffix(".json"))


# forks


def start_here(folder: str, name: str, backend: str) -> None:
    """Run a scheduler that the parent has made; tell its names."""

    async def main() -> None:
        scheduler: AsyncScheduler = globals()[name]
        before = scheduler.identity
        async with scheduler:
            jobs = [str(await scheduler.run_job(job)), str(new_id(scheduler._engine.settings.clock.now()))]
        events = [event.identity for event in heard if isinstance(event, SchedulerStarted)]
        tell(folder, {"before": before, "now": scheduler.identity, "heard": events, "ids": jobs})

    anyio.run(main, backend=backend)


async def job() -> int:
    """Tell where it runs."""
    return os.getpid()


def fork_while_it_runs(folder: str) -> None:
    """Start a scheduler, fork, and use it in the child; tell what the child was told. It still runs in the parent."""
    scheduler = AsyncScheduler()

    async def leave() -> None:
        await scheduler.__aexit__(None, None, None)

    async def subscribe() -> None:
        scheduler.subscribe(print)

    calls: list[Callable[[], Coroutine[Any, Any, object]]] = [
        scheduler.start, scheduler.stop, scheduler.wait_until_stopped, scheduler.run_until_stopped,
        scheduler.get_schedules, leave, subscribe,
    ]  # fmt: skip
    with asyncio.Runner() as runner:
        runner.run(scheduler.start())
        child = os.fork()
        if not child:
            tell(folder, [_error(call) for call in calls])
            os._exit(0)
        assert 0 == os.waitpid(child, 0)[1]
        assert os.getpid() == runner.run(scheduler.run_job(job))
        runner.run(scheduler.stop())


def _error(call: Callable[[], Coroutine[Any, Any, object]]) -> str:
    try:
        asyncio.run(asyncio.wait_for(call(), 5))
    except SchedulerStateError as exc:
        return str(exc)
    return "no error"


# siblings


def serve(folder: str, store: str | None, role: str, count: int, modules: list[str], overlap: float) -> None:
    """Run schedulers as a worker of a web server does; tell what they warn of, once they have all looked."""
    tempfile.tempdir = str(Path(folder) / "tmp")
    sys.modules.update({module: ModuleType(module) for module in modules})
    siblings.OVERLAP = overlap
    warnings: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: warnings.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("anysched").addHandler(handler)
    anyio.run(_serve, folder, [AsyncScheduler(store, role=role) for _ in range(count)], warnings)


async def _serve(folder: str, schedulers: list[AsyncScheduler], warnings: list[str]) -> None:
    async with anyio.create_task_group() as task_group:
        for scheduler in schedulers:
            await scheduler.start()
        # A client has nobody who looks, and the one who looks for the others must have come to an end.
        while any("siblings" in str(task.name) for task in anyio.get_running_tasks()):  # noqa: ASYNC110
            await anyio.sleep(0.005)
        tell(folder, warnings)
        task_group.start_soon(anyio.sleep_forever)
