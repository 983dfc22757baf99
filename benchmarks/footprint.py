"""What a schedule, a firing, a job and its record cost a PostgreSQL server: bytes, WAL, commits, processor time.

usage: footprint.py [--count N]

WAL and processor time are those of the whole server, so it must serve nobody else meanwhile, and run on this machine
for its processor time to be told. ANYSCHED_TEST_POSTGRESQL names it; the account must be a superuser.
"""

from __future__ import annotations

import argparse
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import anyio
import anyio.to_thread
import attrs
import sqlalchemy as sa
from databases import database

from anysched import AsyncScheduler, IntervalTrigger, Schedule, task

#: Seconds until the server has told its figures.
SETTLE = 2.5
PATIENCE = 300

#: For how long results are kept.
KEPT = timedelta(hours=1)

COUNTED = (
    "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn, wal_sync, xact_commit"
    " FROM pg_stat_wal, pg_stat_database WHERE datname = current_database()"
)
SIZES = (
    "SELECT relname, pg_total_relation_size(oid) FROM pg_class"
    " WHERE relkind = 'r' AND relname LIKE 'anysched%%' ORDER BY relname"
)


@task(id="job")
async def job() -> int:
    """Return something, which is kept."""
    return 1


@attrs.frozen
class Count:
    """What has been used until now."""

    wal: float
    syncs: float
    commits: float
    server: float
    node: float


class Server:
    """What the server tells of itself, on a connection of its own."""

    def __init__(self, url: str) -> None:
        self._engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
        (self._postmaster,) = self.ask("SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)")[0]

    def ask(self, text: str) -> list[Any]:
        """Return rows."""
        with self._engine.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(text).fetchall()]

    def close(self) -> None:
        """Let go."""
        self._engine.dispose()

    def count(self) -> Count:
        """Return what was used until now."""
        time.sleep(SETTLE)
        wal, syncs, commits = (float(value) for value in self.ask(COUNTED)[0])
        return Count(wal, syncs, commits, self.processor_time(), time.process_time())

    def processor_time(self) -> float:
        """Return the seconds that all processes of the server have used, ended ones included; 0 if it is elsewhere."""
        ticks = 0
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                words = path.read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it has ended
            if path.parent.name == self._postmaster:
                ticks += sum(map(int, words[11:15]))
            elif words[1] == self._postmaster:
                ticks += sum(map(int, words[11:13]))
        return ticks / os.sysconf("SC_CLK_TCK")

    def sizes(self) -> dict[str, int]:
        """Return how many bytes each table takes, with its indexes."""
        return {name.removeprefix("anysched_"): size for name, size in self.ask(SIZES)}


def tell(what: str, before: Count, after: Count, count: int) -> None:
    """Print what each of so many has used."""
    print(
        f"{what:34} WAL {(after.wal - before.wal) / count:7,.0f} B, syncs {(after.syncs - before.syncs) / count:6.3f},"
        f" commits {(after.commits - before.commits) / count:6.3f},"
        f" server {1e6 * (after.server - before.server) / count:6,.0f} us,"
        f" node {1e6 * (after.node - before.node) / count:6,.0f} us",
        flush=True,
    )


def tell_sizes(what: str, before: dict[str, int], after: dict[str, int], count: int) -> None:
    """Print by how many bytes for each of so many tables have grown."""
    grown = {name: (size - before.get(name, 0)) / count for name, size in after.items()}
    print(f"{what:34} " + ", ".join(f"{name} {size:,.0f} B" for name, size in grown.items() if size > 1))


def schedules(count: int, start: datetime, step: timedelta) -> list[Schedule]:
    """Return schedules that fire once an hour."""
    trigger = [IntervalTrigger(hours=1, start_time=start + number * step) for number in range(count)]
    return [
        Schedule("job", one, id=f"schedule {number:07}", job_result_expiration_time=KEPT)
        for number, one in enumerate(trigger)
    ]


async def counted(server: Server) -> Count:
    """Return what was used until now."""
    return await anyio.to_thread.run_sync(server.count)


async def until(server: Server, table: str, count: int) -> None:
    """Return when a table has so many rows."""
    text = f"SELECT COUNT(*) FROM anysched_{table}"
    with anyio.fail_after(PATIENCE):
        while True:
            ((found,),) = await anyio.to_thread.run_sync(server.ask, text)
            if found >= count:
                return
            await anyio.sleep(0.5)


async def fire(server: Server, url: str, role: Literal["both", "scheduler"], count: int) -> None:
    """Add schedules that are due at one instant, and let a node fire them."""
    async with AsyncScheduler(url, role="client", tasks=[job]) as client:
        start = datetime.now(UTC) + timedelta(seconds=2 * SETTLE + 5 + count / 1000)
        sizes, before = server.sizes(), await counted(server)
        await client.add_schedules(schedules(count, start, timedelta(0)))
        after = await counted(server)
        tell("adding a schedule, in bulk", before, after, count)
        tell_sizes("bytes of a schedule", sizes, server.sizes(), count)
    sizes, before = server.sizes(), await counted(server)
    async with AsyncScheduler(url, role=role, tasks=[job]):
        await anyio.sleep(max(0, (start - datetime.now(UTC)).total_seconds()))
        await until(server, "jobs" if role == "scheduler" else "history", count)
    tell(
        "firing and running, in a burst" if role == "both" else "firing, by a planner",
        before,
        await counted(server),
        count,
    )
    tell_sizes("bytes of a firing", sizes, server.sizes(), count)
    if role == "scheduler":
        sizes, before = server.sizes(), await counted(server)
        async with AsyncScheduler(url, role="worker", tasks=[job]):
            await until(server, "history", count)
        tell("running, by a worker", before, await counted(server), count)
        tell_sizes("bytes of a job that has run", sizes, server.sizes(), count)


async def trickle(server: Server, url: str, count: int) -> None:
    """Fire schedules that are due one after the other."""
    step = timedelta(milliseconds=50)
    async with AsyncScheduler(url, tasks=[job]) as scheduler:
        start = datetime.now(UTC) + timedelta(seconds=SETTLE + 3 + count / 2000)
        await scheduler.add_schedules(schedules(count, start, step))
        before = await counted(server)
        await anyio.sleep((start + count * step - datetime.now(UTC)).total_seconds())
        await until(server, "history", count)
        tell("firing and running, one at a time", before, await counted(server), count)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=20_000)
    options = parser.parse_args()
    for measure, count in (
        (fire_both, options.count),
        (fire_apart, options.count),
        (trickle, options.count // 40),
    ):
        with database("postgresql") as url:
            server = Server(url)
            try:
                anyio.run(measure, server, url, count)
            finally:
                server.close()


async def fire_both(server: Server, url: str, count: int) -> None:
    """Let one node fire and run."""
    await fire(server, url, "both", count)


async def fire_apart(server: Server, url: str, count: int) -> None:
    """Let one node fire and another run."""
    await fire(server, url, "scheduler", count)


if __name__ == "__main__":
    main()
