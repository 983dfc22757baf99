"""What the child processes do: nodes that go on until they are told to stop. The process that forks them has this."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import anyio
import sqlalchemy as sa
from tests.crash import nodes
from tests.crash.nodes import ENDLESS, TASKS, attempt, note, noted, schedules, until_told

from anysched import AsyncScheduler, RunState, task
from anysched.stores import SQLDataStore
from anysched.stores.sql import dialect_postgresql


@task(id="blocks the loop", max_attempts=ENDLESS)
async def blocks_the_loop(log: str, seconds: float) -> None:
    """Keep the event loop from everything else."""
    with noted(log):
        time.sleep(seconds)  # noqa: ASYNC251  (that is the fault)


@task(id="deadly", max_attempts=3)
async def deadly(log: str, killed: bool) -> None:
    """Take the process along."""
    note(log, "start")
    if killed:
        os.kill(os.getpid(), signal.SIGKILL)
    os._exit(7)


@task(id="bystander", max_attempts=3)
async def bystander(log: str) -> None:
    """Take some time, next to a job that takes the process along."""
    with noted(log):
        await anyio.sleep(0.2)


@task(id="few at once", max_running_jobs=3, max_attempts=ENDLESS)
async def few_at_once(log: str) -> list[object]:
    """Take some time."""
    with noted(log):
        await anyio.sleep(0.1)
    return attempt()


@task(id="given", max_attempts=ENDLESS)
async def given(log: str, argument: object) -> object:
    """Return what was given."""
    with noted(log):
        return argument


@task(id="at most once", on_abandon="fail", max_attempts=ENDLESS)
async def at_most_once(log: str) -> None:
    """Take some time."""
    with noted(log):
        await anyio.sleep(0.3)


@task(id="known to some", max_attempts=ENDLESS)
async def known_to_some(log: str) -> None:
    """Take no time."""
    with noted(log):
        pass


#: What every node knows.
COMMON = (*TASKS, blocks_the_loop, deadly, bystander, few_at_once, given, at_most_once, until_told)


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
    knows_all: bool = False,
    idle_timeout: int | None = None,
    **options: Any,
) -> None:
    """Declare schedules and run them until SIGTERM.

    :param ready: a file that is made when the node works
    :param engine: what an engine of the caller's own is made with, if there is to be one
    :param busy: how long a query takes that the caller makes with it all the time that the node works, in seconds
    :param knows_all: whether it knows the task, too, that only some know
    :param idle_timeout: for how many seconds a transaction may be idle on PostgreSQL, if not as long as usual
    :param options: more of the scheduler's
    """
    if idle_timeout is not None:
        limit_idle_transactions(idle_timeout)
    own = None if engine is None else sa.create_engine(url, **engine)
    store = url if own is None else SQLDataStore(own)
    scheduler = AsyncScheduler(
        store,
        identity=name,
        timezone="UTC",
        tasks=(*COMMON, known_to_some) if knows_all else COMMON,
        lease_duration=lease,
        poll_interval=poll,
        **options,
    )
    user = partial(keep_busy, scheduler, own, busy) if own is not None and busy else None
    anyio.run(partial(_serve, scheduler, ready, wanted, user), backend=backend)


def limit_idle_transactions(seconds: int) -> None:
    """Have PostgreSQL end the transactions of this process when they are idle for so long."""
    usual, limited = (
        f"'idle_in_transaction_session_timeout', '{limit}s'"
        for limit in (dialect_postgresql.IDLE_TIMEOUT, seconds)
    )
    for name in ("_SETTINGS", "_HASTY"):
        statement: str = getattr(dialect_postgresql, name)
        assert usual in statement
        setattr(dialect_postgresql, name, statement.replace(usual, limited))


async def keep_busy(scheduler: AsyncScheduler, engine: sa.Engine, seconds: float) -> None:
    """Use an engine all the time until the scheduler is to stop, with a short break between queries of this length."""
    sleep = "pg_sleep" if engine.dialect.name == "postgresql" else "sleep"

    def query() -> None:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"SELECT {sleep}({seconds})")

    while scheduler.state is RunState.started:
        await anyio.to_thread.run_sync(query)
        await anyio.sleep(0.1)


async def _serve(
    scheduler: AsyncScheduler,
    ready: str,
    wanted: dict[str, Any],
    user: Callable[[], Coroutine[Any, Any, None]] | None,
) -> None:
    async with scheduler, anyio.create_task_group() as others:
        await scheduler.add_schedules(schedules(**wanted))
        if user is not None:
            others.start_soon(user)
        await anyio.Path(ready).touch()
        await scheduler.run_until_stopped()


def finish(**arguments: Any) -> None:
    """Pause all schedules, run what they have made, and report what is stored about them."""
    nodes.finish(**arguments, tasks=(*COMMON, known_to_some))
