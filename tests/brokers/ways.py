"""The servers over which nodes hear of each other, each with what its tests need."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

import attrs
import psycopg
import sqlalchemy as sa
from tests.brokers.redis_server import command

from anysched import AsyncScheduler
from anysched.brokers import PostgreSQLEventBroker, RedisEventBroker
from anysched.brokers._remote import RemoteEventBroker
from anysched.stores import SQLDataStore

#: Nobody finds anything by looking at times.
NEVER = 3600


class Way(Protocol):
    """What nodes of one test have in common."""

    def broker(self) -> RemoteEventBroker:
        """Return a broker; all of them hear each other."""
        ...

    def other_broker(self) -> RemoteEventBroker:
        """Return a broker of another application on the same server."""
        ...

    def say(self, data: bytes) -> None:
        """Send what is no message of a node, as anybody may."""
        ...

    def scheduler(self, role: str, *tasks: Callable[..., Any]) -> AsyncScheduler:
        """Return a node."""
        ...


@attrs.frozen
class RedisWay:
    """Over Redis, with the store in a file."""

    directory: Path
    url: str
    prefix: str

    def broker(self) -> RemoteEventBroker:
        return RedisEventBroker(self.url, prefix=self.prefix)

    def other_broker(self) -> RemoteEventBroker:
        return RedisEventBroker(self.url, prefix=f"{self.prefix}-2")

    def say(self, data: bytes) -> None:
        command(self.url, "PUBLISH", f"{self.prefix}:events", data)

    def scheduler(self, role: str, *tasks: Callable[..., Any]) -> AsyncScheduler:
        return node(f"sqlite:///{self.directory}/jobs.db", self.broker(), role, tasks)


@attrs.frozen
class PostgreSQLWay:
    """Over the server of the store, in a schema of the test's own."""

    engine: sa.Engine
    schema: str

    @property
    def url(self) -> str:
        """Where a node finds the schema; connections can be told from those of other tests."""
        query = {"options": f"-csearch_path={self.schema}", "application_name": self.schema}
        return self.engine.url.update_query_dict(query).render_as_string(hide_password=False)

    @property
    def plain_url(self) -> str:
        """The same as libpq wants it."""
        return self.url.replace("+psycopg", "")

    @property
    def channel(self) -> str:
        """On which the nodes hear each other."""
        return f"{self.schema}.anysched_events"

    def broker(self) -> RemoteEventBroker:
        return PostgreSQLEventBroker(self.url)

    def other_broker(self) -> RemoteEventBroker:
        return PostgreSQLEventBroker(self.url, table_prefix="other_")

    def say(self, data: bytes) -> None:
        with psycopg.connect(self.plain_url, autocommit=True) as connection:
            connection.execute("SELECT pg_notify(%s, %s)", (self.channel, data.decode()))

    def scheduler(self, role: str, *tasks: Callable[..., Any]) -> AsyncScheduler:
        return node(self.url, None, role, tasks)

    def listeners(self) -> list[int]:
        """Return the processes of the server that serve the events of these nodes."""
        return self._processes("AND (query LIKE 'LISTEN%%' OR query LIKE '%%pg_notify%%')")

    def connections(self) -> list[int]:
        """Return the processes of the server that serve these nodes."""
        return self._processes("")

    def _processes(self, condition: str) -> list[int]:
        with self.engine.connect() as connection:
            found = connection.exec_driver_sql(
                f"SELECT pid FROM pg_stat_activity WHERE application_name = %s {condition}", (self.schema,)
            )
            return [pid for (pid,) in found]

    def kill_listeners(self) -> int:
        """Cut the connections that listen, and return how many there were."""
        with self.engine.connect() as connection:
            pids = self.listeners()
            for pid in pids:
                connection.exec_driver_sql("SELECT pg_terminate_backend(%s)", (pid,))
        return len(pids)


def node(url: str, broker: RemoteEventBroker | None, role: str, tasks: Iterable[Any]) -> AsyncScheduler:
    """Return a scheduler that learns of others by events, or not at all."""
    return AsyncScheduler(
        SQLDataStore(url), broker, role=role, tasks=tasks, poll_interval=NEVER, lease_duration=NEVER
    )


def arguments(way: Way) -> list[str]:
    """Return the command line of another process that goes the same way; see ``serve``."""
    if isinstance(way, RedisWay):
        return ["redis", str(way.directory), way.url, way.prefix]
    assert isinstance(way, PostgreSQLWay)
    return ["postgresql", way.url]


PROGRAM = """
import sys, anyio
from tests.brokers.ways import serve
anyio.run(serve, *sys.argv[2:], backend=sys.argv[1])
"""


async def serve(kind: str, *rest: str) -> None:
    """Run jobs in another process until a line comes in; say what happens."""
    import anyio

    from anysched import SchedulePaused, task

    @task(id="endless")
    async def endless() -> None:
        print("runs", flush=True)
        await anyio.sleep_forever()

    if kind == "redis":
        directory, url, prefix = rest
        scheduler = RedisWay(Path(directory), url, prefix).scheduler("both", endless)
    else:
        scheduler = node(rest[0], None, "both", [endless])
    async with scheduler:
        scheduler.subscribe(lambda event: print("paused", event.schedule_id, flush=True), SchedulePaused)
        print("ready", flush=True)
        await anyio.to_thread.run_sync(sys.stdin.readline)
