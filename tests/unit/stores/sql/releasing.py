"""Databases of released versions, kept as scripts of SQL: one for each schema version and kind of database.

    PYTHONPATH=src python -m tests.unit.stores.sql.releasing

writes those of the version that the code has, the same whenever it is run. As long as that version is in no release,
do it anew whenever the tables change. Once it was released, never again, and never change a file: what is written there
is what users have. A change of the tables is then a step in ``migrations``, and gets files of its own.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import anyio
import pytest
from tests.unit.stores.sql.servers import DATABASES, Server

from anysched.model import ids
from anysched.model.job import JobResult
from anysched.model.policies import JobOutcome, OnAbandon
from anysched.model.schedule import Schedule
from anysched.model.task import TaskOptions
from anysched.ports.store import Completion
from anysched.stores import SQLDataStore, migration_sql
from anysched.stores.sql import migrations
from anysched.testing import FakeClock
from anysched.testing.store_suite.actors import FAILURE, Node, User, direct_job, every, once
from anysched.triggers import CalendarIntervalTrigger, CronTrigger, IntervalTrigger

FOLDER = Path(__file__).parent / "released"
START = datetime(2025, 1, 1, tzinfo=UTC)
YEARS = timedelta(days=40_000)

#: What everything is given that can be given something.
ODD = "it's 100% \\ odd: “ß”\n\t😀;"
ARGS = (ODD, 7, 2.5, None, True, [1, [2]])
KWARGS = {
    "at": datetime(2025, 3, 1, 12, 30, 0, 7, tzinfo=UTC),
    "every": timedelta(days=1, microseconds=1),
    "id": UUID(int=7),
    "data": b"\x00\xff';--",
    "sum": Decimal("1.10"),
    "set": {"a"},
    "time": time(23, 59),
}
METADATA = {"owner": ODD}
TASKS = ("task", "limited", "other")


def schedules() -> list[Schedule]:
    """Return the schedules that are kept."""
    common: dict[str, Any] = {"args": ARGS, "kwargs": KWARGS, "metadata": METADATA}
    return [
        every(10, id="a running job", **common, job_result_expiration_time=YEARS),
        every(10, id="held", task="limited"),
        every(20, id="paused"),
        every(20, id="paused for a while"),
        every(20, id="waiting", task="other", fixed_delay=True),
        Schedule("other", CronTrigger("*/5 8-17 * * mon-fri", "Europe/Helsinki"), id="cron", **common),
        Schedule(
            "other",
            CalendarIntervalTrigger(months=1, hour=6, timezone="America/New_York", start_date=START.date()),
            id="monthly",
        ),
        Schedule(
            "other",
            (IntervalTrigger(hours=2, start_time=START) | CronTrigger("30 * * * *", "UTC"))
            - IntervalTrigger(hours=6, start_time=START),
            id="combined",
        ),
        once(START, id="finished"),
        every(3600, id=ODD, task=ODD),
    ]


async def fill(store: SQLDataStore, clock: FakeClock) -> None:
    """Put something into every table and, as far as there can be, every column."""
    user, node = User(store), Node(store, "a node", tasks=("task",))
    await store.declare_tasks({name: TaskOptions(on_abandon=OnAbandon.fail) for name in TASKS})
    await store.configure_task("limited", TaskOptions(max_running_jobs=2, metadata=METADATA))
    await user.add(*schedules())
    await Node(store, "a maker", tasks=TASKS).work(claim_limit=0)
    claims = (await node.work()).claims
    await node.report([_end(claim, clock, value=ARGS) for claim in claims])
    await user.pause("held", queued="hold", reason=ODD, by=ODD)
    await user.pause("paused", reason="for good")
    await user.pause("paused for a while", until=START + timedelta(days=1), resume_from="now", missed="skip")
    await clock.advance(10)
    await node.work()
    failing = direct_job(clock.now(), args=(ODD,), result_expiration_time=YEARS)
    await store.add_jobs([failing])
    (claim,) = (await node.work()).claims
    await node.report([_end(claim, clock, exception=FAILURE)])
    waiting = direct_job(
        clock.now(),
        "other",
        START + timedelta(days=2),
        args=ARGS,
        kwargs=KWARGS,
        metadata=METADATA,
        job_executor="thread",
        start_deadline=START + timedelta(days=3),
    )
    await store.add_jobs([waiting])


def _end(claim: Any, clock: FakeClock, *, value: Any = None, exception: Any = None) -> Completion:
    outcome = JobOutcome.success if exception is None else JobOutcome.error
    now = clock.now()
    return Completion(claim, JobResult(claim.job.id, outcome, now, now, value, exception))


@contextmanager
def ids_in_order() -> Iterator[None]:
    """Leave nothing to chance."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ids.new_id, "_number", itertools.count(1))
        patch.setattr(ids.new_id, "_chance", [0] * 1000)
        yield


def kind(server: Server) -> Any:
    """Return what a script calls a database."""
    server.query("SELECT 1")
    name = server.engine.dialect.name
    return (
        name
        if name != "mysql"
        else "mariadb"
        if getattr(server.engine.dialect, "is_mariadb", False)
        else name
    )


def file_of(server: Server, version: int) -> Path:
    """Return where the database of a version is kept."""
    return FOLDER / f"v{version}.{kind(server)}.sql"


def dump(server: Server) -> str:
    """Return what makes the tables and what is in them."""
    tables = server.store()._tables
    lines = [migration_sql(kind(server))]
    revision = server.query("SELECT number FROM anysched_meta WHERE name = 'tasks_revision'")[0][0]
    lines.append(f"UPDATE anysched_meta SET number = {revision} WHERE name = 'tasks_revision';\n")
    for table in tables.metadata.sorted_tables:
        if table is not tables.meta:
            names = ", ".join(table.columns.keys())
            (key,) = table.primary_key.columns.keys()
            for row in server.query(f"SELECT {names} FROM {table.name} ORDER BY {key}"):
                values = ", ".join(literal(server, value) for value in row)
                lines.append(f"INSERT INTO {table.name} ({names}) VALUES ({values});\n")
    return "".join(lines)


def literal(server: Server, value: object) -> str:
    """Return a value as this kind of database has it in a statement."""
    if value is None:
        return "NULL"
    if isinstance(value, bytes | memoryview):
        digits = bytes(value).hex()
        return rf"'\x{digits}'" if kind(server) == "postgresql" else f"X'{digits}'"
    if isinstance(value, str):
        text = value.replace("'", "''")
        return f"'{text.replace(chr(92), chr(92) * 2) if kind(server) == 'mariadb' else text}'"
    return str(value)


async def _make(server: Server) -> str:
    clock = FakeClock(START)
    store = server.store()
    await store.open(clock)
    with ids_in_order():
        await fill(store, clock)
    text = dump(server)
    await store.close()
    return text


def main() -> None:
    """Write the files of this version."""
    FOLDER.mkdir(exist_ok=True)
    for make in DATABASES.values():
        with make() as server:
            path = file_of(server, migrations.latest(migrations.STEPS))
            path.write_text(anyio.run(_make, server), encoding="utf-8")
            print(path)


if __name__ == "__main__":
    main()
