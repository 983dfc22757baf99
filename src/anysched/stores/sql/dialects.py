"""What differs between databases, each in one small object."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from anysched.errors import StoreError, StoreUnavailableError

#: How long a write waits for the write of another process, in seconds.
BUSY_TIMEOUT = 10

_TRIES_FOR_WAL = 20


class Dialect(Protocol):
    """What a store needs to know about its database.

    Connections are in autocommit mode; transactions begin and end by statements.

    :ivar awaits_disk: whether a commit returns only once it is on the disk; set before connections are made.
        Under a clock for tests nobody waits for a disk: a power failure is not what they are about.
    """

    awaits_disk: bool

    @property
    def name(self) -> str:
        """What the database is called in messages."""
        ...

    @property
    def begin_read(self) -> str:
        """Begins a transaction that sees one state of the database."""
        ...

    @property
    def begin_write(self) -> str:
        """Begins a transaction that locks what it is going to write."""
        ...

    @property
    def members(self) -> str:
        """A query for the strings in a JSON array; ``{}`` stands for the name of the parameter."""
        ...

    @property
    def each_task(self) -> str:
        """An item of a FROM clause: the strings in the JSON array ``:tasks``, as column ``task.value``."""
        ...

    @property
    def unless_fired(self) -> str:
        """The end of an INSERT of a job that passes over a fire time which has a job already (rule S3)."""
        ...

    def connect_options(self, url: sa.URL) -> dict[str, Any]:
        """Return arguments for ``create_engine``."""
        ...

    def is_private(self, engine: sa.Engine) -> bool:
        """Tell whether the data lives in one connection only. :raise StoreError: when threads cannot share it"""
        ...

    def set_up_connection(self, connection: Any) -> None:
        """Set up a new connection of the driver."""
        ...

    def set_up_database(self, connection: sa.Connection) -> None:
        """Check the database and set it up, outside of a transaction. :raise StoreError: when it will not do"""
        ...

    def run_many(self, connection: sa.Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> int:
        """Execute a statement with many rows; return how many rows it found."""
        ...

    def explain(self, error: BaseException) -> tuple[type[StoreError], str]:
        """Return what an error of the driver means, in plain words."""
        ...


class SQLiteDialect:
    """SQLite through the driver of the standard library."""

    name = "SQLite"
    awaits_disk = True
    begin_read = "BEGIN"
    begin_write = "BEGIN IMMEDIATE"
    members = "SELECT value FROM json_each(:{})"
    each_task = "(SELECT value FROM json_each(:tasks)) AS task"
    unless_fired = "ON CONFLICT (incarnation, fire_key) DO NOTHING"

    def connect_options(self, url: sa.URL) -> dict[str, Any]:
        options: dict[str, Any] = {"check_same_thread": False}
        if "timeout" not in url.query:
            options["timeout"] = BUSY_TIMEOUT
        if _in_memory(url):
            return {"connect_args": options, "poolclass": sa.StaticPool}
        return {"connect_args": options}

    def is_private(self, engine: sa.Engine) -> bool:
        private = isinstance(engine.pool, sa.StaticPool)
        if _in_memory(engine.url) and not private:
            raise StoreError(
                "an engine for a database in memory must have poolclass=StaticPool, to be of one piece"
            )
        return private

    def set_up_connection(self, connection: Any) -> None:
        # A commit is on the disk when it returns, so that not even a power failure runs a job twice.
        connection.execute(f"PRAGMA synchronous = {'FULL' if self.awaits_disk else 'OFF'}")

    def set_up_database(self, connection: sa.Connection) -> None:
        if sqlite3.sqlite_version_info < (3, 31):
            raise StoreError(f"SQLite 3.31 or newer is needed, this Python has {sqlite3.sqlite_version}")
        for left in reversed(range(_TRIES_FOR_WAL)):
            try:
                # So that readers and the writer do not block each other. It stays so for the file.
                connection.exec_driver_sql("PRAGMA journal_mode = WAL").close()  # an open cursor is a writer
                return
            except OperationalError as exc:
                if not left or getattr(exc.orig, "sqlite_errorcode", None) != sqlite3.SQLITE_BUSY:
                    raise
            # SQLite waits for others before a transaction, but not before this.
            connection.exec_driver_sql(self.begin_write)
            connection.exec_driver_sql("COMMIT")

    def run_many(self, connection: sa.Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> int:
        return connection.exec_driver_sql(statement, list(rows)).rowcount

    def explain(self, error: BaseException) -> tuple[type[StoreError], str]:
        code = getattr(error, "sqlite_errorcode", None)
        if isinstance(code, int):
            found = _MEANINGS.get(code) or _MEANINGS.get(code & 0xFF)
            if found is not None:
                return found
        if isinstance(error, sqlite3.ProgrammingError) and "closed" in str(error):
            return StoreUnavailableError, "its connection was closed"
        return StoreError, str(error)


_MEANINGS: dict[int, tuple[type[StoreError], str]] = {
    sqlite3.SQLITE_BUSY: (StoreUnavailableError, "another program has kept it locked for too long"),
    sqlite3.SQLITE_LOCKED: (StoreUnavailableError, "another connection of this program has kept it locked"),
    sqlite3.SQLITE_READONLY: (
        StoreUnavailableError,
        "it may not be written: check the permissions of the file",
    ),
    sqlite3.SQLITE_READONLY_DIRECTORY: (
        StoreUnavailableError,
        "its folder may not be written, where SQLite keeps a journal beside the file",
    ),
    sqlite3.SQLITE_READONLY_DBMOVED: (StoreUnavailableError, "the file was moved or deleted"),
    sqlite3.SQLITE_PROTOCOL: (StoreUnavailableError, "other programs keep it locked"),
    sqlite3.SQLITE_PERM: (StoreUnavailableError, "access was denied: check the permissions of the file"),
    sqlite3.SQLITE_CANTOPEN: (
        StoreUnavailableError,
        "the file cannot be opened: check that its folder exists and that both may be read and written",
    ),
    sqlite3.SQLITE_FULL: (StoreUnavailableError, "the disk is full"),
    sqlite3.SQLITE_IOERR: (StoreUnavailableError, "the disk reports an error"),
    sqlite3.SQLITE_NOMEM: (StoreUnavailableError, "there is not enough memory"),
    sqlite3.SQLITE_NOTADB: (StoreError, "the file is not an SQLite database"),
    sqlite3.SQLITE_CORRUPT: (StoreError, "the file is damaged: restore it from a backup"),
    sqlite3.SQLITE_TOOBIG: (StoreError, "a value is too large for it"),
}


def _in_memory(url: sa.URL) -> bool:
    database = url.database or ""
    return not database or ":memory:" in database or url.query.get("mode") == "memory"


#: By the name that SQLAlchemy has for the database, and its driver.
DIALECTS: dict[tuple[str, str], type[Dialect]] = {("sqlite", "pysqlite"): SQLiteDialect}
