"""What a store does in one transaction, carried out by a process that dies at a chosen statement of it."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import attrs
import sqlalchemy as sa

from anysched import ConflictPolicy
from anysched.model.job import Claim
from anysched.ports.queries import JobQuery
from anysched.ports.store import DataStore
from anysched.stores import SQLDataStore
from anysched.testing import FakeClock
from anysched.testing.store_suite.actors import Node, User, every

START = datetime(2025, 1, 1, tzinfo=UTC)
LATER = START + timedelta(seconds=100)
KEEP = 10.0

Step = Callable[[DataStore], Awaitable[Any]]


@attrs.frozen
class Operation:
    """What comes before, and, 100 s later, what is not to be done by halves."""

    before: Step
    step: Step


async def nothing(_: DataStore) -> None:
    """Do nothing."""


async def add(store: DataStore) -> None:
    """Add schedules that are due at once, and again and again."""
    await User(store).add(*(every(10, id, coalesce="all", job_result_expiration_time=KEEP) for id in "abc"))


async def queue(store: DataStore) -> None:
    """Make jobs that nobody takes."""
    await add(store)
    await Node(store).advance(claim_limit=0)


async def take(store: DataStore) -> None:
    """Make jobs and take them."""
    await add(store)
    await Node(store).advance()


async def pause(store: DataStore) -> None:
    """Hold the jobs of all schedules."""
    await queue(store)
    await User(store).pause("a", "b", "c", queued="hold")


async def wait(store: DataStore) -> None:
    """Make jobs of schedules that count from their ends."""
    await User(store).add(*(every(10, id, fixed_delay=True) for id in "abc"))
    await Node(store).advance(claim_limit=0)


async def run(store: DataStore) -> None:
    """Make such jobs and take them."""
    await wait(store)
    await Node(store).advance()


async def complete(store: DataStore) -> None:
    """End all jobs."""
    await Node(store).complete(*await claims(store))


async def claims(store: DataStore) -> list[Claim]:
    """Return the jobs that were taken once."""
    return [Claim(job, 1) for job in await store.get_jobs(JobQuery())]


OPERATIONS: dict[str, Operation] = {
    "add": Operation(nothing, add),
    "replace": Operation(
        add, lambda store: User(store).add(every(7, "a"), every(8, "b"), policy=ConflictPolicy.replace)
    ),
    "fire": Operation(queue, lambda store: Node(store).advance()),
    "take over": Operation(take, lambda store: Node(store, "node b").advance()),
    "complete": Operation(take, complete),
    "complete what is waited for": Operation(run, complete),
    "discard what is waited for": Operation(
        wait, lambda store: User(store).pause("a", "b", "c", queued="discard")
    ),
    "hold": Operation(queue, lambda store: User(store).pause("a", "b", queued="hold")),
    "discard": Operation(queue, lambda store: User(store).pause("a", "b", queued="discard")),
    "release": Operation(pause, lambda store: User(store).resume("a", "b", missed="run_all")),
    "resume from now": Operation(pause, lambda store: User(store).resume("a", "b", resume_from="now")),
    "remove": Operation(queue, lambda store: User(store).remove("a", "b")),
}

#: Not a step on a store that is open: what opening does to an empty file.
CREATE = "create"


def prepare(path: str, operation: str) -> None:
    """Make the file that an operation begins with."""
    Path(path).touch()
    if operation != CREATE:
        anyio.run(_carry_out, path, START, OPERATIONS[operation].before)


def operate(path: str, operation: str, deadly: int) -> None:
    """Carry an operation out; die before its statement of this number, from 0."""
    if operation == CREATE:
        anyio.run(_carry_out, path, LATER, nothing, deadly)
    else:
        anyio.run(_carry_out, path, LATER, OPERATIONS[operation].step, None, deadly)


async def _carry_out(
    path: str,
    now: datetime,
    step: Step,
    deadly_when_opening: int | None = None,
    deadly_in_step: int | None = None,
) -> None:
    engine = sa.create_engine(f"sqlite:///{path}")
    store = SQLDataStore(engine)
    left = [deadly_when_opening]

    def die(_: str) -> None:
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        if left[0] is not None:
            left[0] -= 1

    @sa.event.listens_for(engine, "connect")
    def trace(connection: sqlite3.Connection, _: Any) -> None:
        connection.set_trace_callback(die)  # before each statement that SQLite begins

    await store.open(FakeClock(now))
    left[0] = deadly_in_step
    await step(store)
    left[0] = None
    await store.close()
    engine.dispose()
