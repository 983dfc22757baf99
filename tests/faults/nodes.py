"""What the child processes do: nodes that go on until they are told to stop. The process that forks them has this."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import Any

import anyio
import sqlalchemy as sa
from tests.crash.nodes import TASKS, schedules
from tests.crash.nodes import finish as finish

from anysched import AsyncScheduler
from anysched.stores import SQLDataStore


def serve(
    backend: str,
    url: str,
    lease: float,
    poll: float,
    name: str,
    ready: str,
    wanted: dict[str, Any],
    engine: dict[str, Any] | None = None,
    busy: float = 0,
    **options: Any,
) -> None:
    """Declare schedules and run them until SIGTERM.

    :param ready: a file that is made when the node works
    :param engine: what an engine of the caller's own is made with, if there is to be one
    :param busy: how long a query takes that the caller makes with it all the time, in seconds
    :param options: more of the scheduler's
    """
    store: str | SQLDataStore = url
    if engine is not None:
        own = sa.create_engine(url, **engine)
        store = SQLDataStore(own)
        if busy:
            threading.Thread(target=keep_busy, args=(own, busy), daemon=True).start()
    scheduler = AsyncScheduler(
        store,
        identity=name,
        timezone="UTC",
        tasks=TASKS,
        lease_duration=lease,
        poll_interval=poll,
        **options,
    )
    anyio.run(partial(_serve, scheduler, ready, wanted), backend=backend)


def keep_busy(engine: sa.Engine, seconds: float) -> None:
    """Use an engine all the time, with a short break between two queries of this length."""
    sleep = "pg_sleep" if engine.dialect.name == "postgresql" else "sleep"
    while True:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"SELECT {sleep}({seconds})")
        time.sleep(0.1)


async def _serve(scheduler: AsyncScheduler, ready: str, wanted: dict[str, Any]) -> None:
    async with scheduler:
        await scheduler.add_schedules(schedules(**wanted))
        await anyio.Path(ready).touch()
        await scheduler.run_until_stopped()
