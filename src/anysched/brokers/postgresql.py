"""Events between nodes over the LISTEN and NOTIFY of PostgreSQL."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from functools import partial
from hashlib import sha256
from typing import Any, Final, TypeAlias
from uuid import uuid4

import anyio
import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGresult

from anysched._spawn import Errand
from anysched.brokers._parts import Joined, split
from anysched.brokers._remote import RemoteEventBroker
from anysched.brokers._transport import Connection, EventsSwallowedError, innermost
from anysched.model.convert import Seconds, identifier, positive_duration
from anysched.ports.broker import EventServer

_USE: Final = 'use a URL such as "postgresql://user:password@host/database"'

#: Seconds until what is sent over one connection must have come back over another.
TRIAL_LIMIT: Final = 2.0

#: What an URL does not say. Seconds to connect; milliseconds for the network to carry something.
_DEFAULTS: Final = {
    "connect_timeout": "5",
    "tcp_user_timeout": "15000",
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "application_name": "anysched events",
}

#: The most bytes that the name of a channel may have.
_LONGEST_NAME: Final = 63

#: What begins a message that asks whether anything comes back; nobody else needs to look at it.
_TRIAL: Final = "?"

#: Nothing has to be on a disk, nor on a standby, before the others are told. It is set for one transaction, as a
#: pooler may lend the connection of the server to somebody else afterwards.
_AT_ONCE: Final = "SELECT set_config('synchronous_commit', 'off', true), pg_notify({})"

#: How a server says that it does not let somebody in; such an error comes without a code.
_REFUSED: Final = re.compile(
    "password authentication failed|no password supplied|no pg_hba.conf entry|(role|database) .* does not exist"
)

_Driver: TypeAlias = "psycopg.Connection[Any]"


class PostgreSQLEventBroker(RemoteEventBroker):
    """Tells all nodes that share a data store of each other's events at once, over PostgreSQL 13 or newer (rule N2).

    A scheduler whose ``SQLDataStore`` is on PostgreSQL takes one by itself. One of your own is for a URL that leads
    past a pooler: in transaction mode, which PgBouncer is mostly run in, a pooler loses all events, which the start
    finds out. It serves any data store, on asyncio and trio, and needs the extra ``postgresql``. Each node has one
    connection for it, and two for a moment when it connects.

    :param url: ``postgresql://[user[:password]@][host][:port][/database]``, with libpq's parameters
    :param schema: the schema of the store's tables; by default the first one in which the connection looks
    :param table_prefix: what their names begin with: nodes with the same schema and prefix hear each other
    :param heartbeat_interval: how often something is sent at least, a timedelta or seconds. A connection on which
        nothing comes back for twice as long is given up and made anew
    :raise TypeError, ValueError: for a URL, a name or an interval that cannot be used
    """

    def __init__(
        self,
        url: str | EventServer,
        *,
        schema: str | None = None,
        table_prefix: str = "anysched_",
        heartbeat_interval: Seconds = timedelta(seconds=5),
    ) -> None:
        if schema is not None:
            identifier(schema, "schema")
        if table_prefix != "":
            identifier(table_prefix, "table_prefix")
        self._server = url if isinstance(url, EventServer) else _server(url, schema, table_prefix)
        super().__init__(
            _PostgreSQLTransport(self._server), positive_duration(heartbeat_interval, "heartbeat_interval")
        )

    def __repr__(self) -> str:
        return f"<PostgreSQLEventBroker: {self._server.address}>"


class _PostgreSQLTransport:
    """One connection that listens and sends. The event loop waits for its socket: no thread serves it."""

    def __init__(self, server: EventServer) -> None:
        self._server = server
        self.address: str = server.address

    @asynccontextmanager
    async def connect(self) -> AsyncGenerator[Connection]:
        """Connect and begin to listen."""
        errand = Errand(self._connect, lambda made: made[0].close(), "anysched events connect")
        connection, channel = await errand.outcome()
        with closing(connection):
            yield _PostgreSQLConnection(connection, channel)

    def _connect(self) -> tuple[_Driver, str]:
        """Return a connection that listens, and on which channel. Blocks."""
        connection: _Driver = self._server.connect()
        try:
            channel = self._channel(connection)
            connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
            self._try(connection, channel)
        except BaseException:
            connection.close()
            raise
        return connection, channel

    def _channel(self, connection: _Driver) -> str:
        """Return a name that no other store in the database has."""
        schema = self._server.schema
        if schema is None:
            (schema,) = connection.execute("SELECT current_schema()").fetchone() or (None,)
        name = f"{schema}.{self._server.table_prefix}events"
        if len(name.encode()) > _LONGEST_NAME:
            name = f"anysched.{sha256(name.encode()).hexdigest()[:32]}.events"
        return name

    def _try(self, connection: _Driver, channel: str) -> None:
        """Find out whether this connection hears what another one sends.

        Behind a pooler in transaction mode it does not, and is not told. What it sends itself, it may even hear.

        :raise EventsSwallowedError: when it hears nothing
        """
        question = f"{_TRIAL}{uuid4().hex}"
        with self._server.connect() as other:
            other.execute(_AT_ONCE.format("%s, %s"), (channel, question))
        with closing(connection.notifies(timeout=TRIAL_LIMIT)) as heard:
            if any(notify.payload == question for notify in heard):
                return
        connection.execute(sql.SQL("UNLISTEN {}").format(sql.Identifier(channel)))
        raise EventsSwallowedError(
            "what is sent over one connection does not come back over another, as behind a pooler in transaction mode "
            '(PgBouncer): pass event_broker=PostgreSQLEventBroker("postgresql://..."), with a URL that leads to the '
            "server itself"
        )

    def explain(self, error: BaseException) -> str:
        """Say what went wrong."""
        error = innermost(error)
        return " ".join(str(error).split()) or type(error).__name__

    def refuses(self, error: BaseException) -> bool:
        """Tell whether the server does not let this node in."""
        error = innermost(error)
        return isinstance(error, psycopg.OperationalError) and _REFUSED.search(str(error)) is not None


class _PostgreSQLConnection:
    """Works on libpq, which never blocks: psycopg's own connections wait in a thread, or on asyncio alone."""

    def __init__(self, connection: _Driver, channel: str) -> None:
        self._libpq = connection.pgconn
        self._libpq.nonblocking = 1
        self._channel = channel.encode()
        self._asked = False
        self._answered = anyio.Event()
        self._error: PGresult | None = None

    async def send(self, data: bytes) -> None:
        """Send a message to everybody who listens now, in a transaction of its own."""
        parts = split(data)
        calls = "), pg_notify(".join(f"$1, ${number}" for number in range(2, 2 + len(parts)))
        self._answered, self._error = anyio.Event(), None
        self._libpq.send_query_params(_AT_ONCE.format(calls).encode(), [self._channel, *parts])
        self._asked = True
        while self._libpq.flush():
            await anyio.wait_writable(self._libpq.socket)
        await self._answered.wait()
        if self._error is not None:
            raise psycopg.errors.error_from_result(self._error)

    async def receive(self) -> AsyncIterator[bytes]:
        """Yield messages as they come; raise when the connection is lost."""
        joined = Joined()
        while True:
            await anyio.wait_readable(self._libpq.socket)
            self._libpq.consume_input()
            self._take_answer()
            while (notify := self._libpq.notifies()) is not None:
                data = None if notify.extra.startswith(_TRIAL.encode()) else joined.add(notify.extra)
                if data is not None:
                    yield data
            if self._libpq.status == ConnStatus.BAD:
                raise psycopg.OperationalError("the connection is lost")

    def _take_answer(self) -> None:
        while self._asked and not self._libpq.is_busy():
            result = self._libpq.get_result()
            if result is None:
                self._asked = False
                self._answered.set()
            elif result.status not in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
                self._error = result


def _server(url: str, schema: str | None, table_prefix: str) -> EventServer:
    """Return what a URL leads to. Never shows it: with a typo, anything may be the password (rule N7)."""
    if not isinstance(url, str):
        raise TypeError(f"the address of PostgreSQL must be a string, not {type(url).__name__}: {_USE}")
    plain = re.sub(r"\Apostgres(ql)?(\+psycopg)?://", "postgresql://", url)
    if (known := _parameters(plain)) is None:
        raise ValueError(f"the address of PostgreSQL is not one that it can have: {_USE}")
    connect = partial(psycopg.connect, autocommit=True, **{**_DEFAULTS, **known})
    host = str(known.get("host", known.get("hostaddr", "")))
    named = f"[{host}]" if ":" in host and "," not in host else host
    port, database = known.get("port"), known.get("dbname")
    address = f"postgresql://{named}{f':{port}' if port else ''}{f'/{database}' if database else ''}"
    return EventServer(connect, address, schema, table_prefix)


def _parameters(url: str) -> dict[str, Any] | None:
    """Return what a URL says, or None when it is none that can be used."""
    try:
        known = conninfo_to_dict(url)
    except psycopg.Error:
        return None
    ports = str(known.get("port", "")).split(",")
    return known if url.startswith("postgresql://") and all(map(_is_port, ports)) else None


def _is_port(text: str) -> bool:
    return text == "" or (text.isascii() and text.isdecimal() and 0 < int(text) < 65536)
