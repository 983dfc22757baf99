"""What is special about SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import Any, Final, Literal, cast

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from anysched.errors import StoreError, StoreUnavailableError
from anysched.stores.sql.ahead import Question, Rows, keep_line, line_of
from anysched.stores.sql.columns import json_array
from anysched.stores.sql.dialects import (
    FIRST_OF_TASK,
    PATIENCE,
    QUEUED_TASKS,
    Many,
    Parameters,
    RowByRow,
    read,
)

#: How long a write waits for the write of another process, in seconds.
BUSY_TIMEOUT = 10

_TRIES_FOR_WAL = 20

#: Whether many rows can be changed by one statement.
_HAS_UPDATE_FROM: Final = sqlite3.sqlite_version_info >= (3, 33)

#: How many rows one statement takes, the most that fit first: for each row by itself the driver lets go of the
#: interpreter and asks for it again, and in a busy program a thread waits for that longer than SQLite works.
_PORTIONS: Final = (64, 16, 4, 1)


class _Driver:
    """Statements that go to the driver itself: through SQLAlchemy a small one takes ten times as long."""

    def __init__(self, driver: sqlite3.Connection) -> None:
        self._driver = driver

    def ask(self, questions: Sequence[Question]) -> Sequence[Rows]:
        return [self._driver.execute(*question).fetchall() for question in questions]

    def count(self, question: Question) -> int:
        return self._driver.execute(*question).rowcount

    def write(self, question: Question) -> Callable[[], int]:
        found = self.count(question)
        return lambda: found


class SQLiteDialect(RowByRow):
    """SQLite through the driver of the standard library."""

    name = "SQLite"
    value: str = "given_{}" if _HAS_UPDATE_FROM else RowByRow.value
    paramstyle: Literal["qmark", "format"] = "qmark"
    awaits_disk = True
    already_there: type[Exception] = sqlite3.IntegrityError
    patient = False
    begin_read: tuple[str, ...] = ("BEGIN",)
    begin_write: tuple[str, ...] = ("BEGIN IMMEDIATE",)
    many_writers = False
    has_time = False
    lock = lock_unlocked = lock_shared = lock_existence = by_existence = by_key = by_due = ""
    among = "IN (SELECT value FROM json_each(:{}))"
    not_among = "NOT IN (SELECT value FROM json_each(:{}))"
    unless_fired = "ON CONFLICT (incarnation, fire_key) DO NOTHING"
    or_renew = "ON CONFLICT (id) DO UPDATE SET lease_until = excluded.lease_until"
    counts_fired = True
    drain_readers = None
    script: tuple[tuple[str, ...], tuple[str, ...]] = (("BEGIN IMMEDIATE",), ("COMMIT",))
    _each_task: str = "(SELECT value FROM json_each(:tasks)) AS task"
    queued_tasks: str = QUEUED_TASKS.format(each_task=_each_task)
    ready: str = (
        f"SELECT {{job}} FROM {_each_task} JOIN {{jobs}} ON id IN (SELECT id FROM {{jobs}} AS queued"
        f" WHERE {FIRST_OF_TASK}) ORDER BY ready_at, id LIMIT :most"
    )

    def connect_options(self, url: sa.URL) -> dict[str, Any]:
        options: dict[str, Any] = {"check_same_thread": False}
        if "timeout" not in url.query:
            options["timeout"] = PATIENCE if self.patient else BUSY_TIMEOUT
        if _in_memory(url):
            return {"connect_args": options, "poolclass": sa.StaticPool}
        return {"connect_args": options}

    def begin_at(
        self, connection: sa.Connection, statements: Sequence[str], ahead: Sequence[Question]
    ) -> tuple[None, Sequence[Rows]]:
        driver = _driver(connection)
        if line_of(connection) is None:
            keep_line(connection, _Driver(driver))
        for statement in statements:
            driver.execute(statement)
        return None, ()

    def update(self, table: str, changes: str, condition: str, rows: Parameters) -> str:
        if not _HAS_UPDATE_FROM:
            return super().update(table, changes, condition, rows)
        names = ", ".join(
            f"column{number} AS {self.value.format(name)}" for number, name in enumerate(rows, 1)
        )
        given = f"(SELECT {names} FROM (VALUES (:{', :'.join(rows)}))) AS given"
        return f"UPDATE {table} SET {changes} FROM {given} WHERE {condition}"

    def delete(self, table: str, condition: str, rows: Parameters) -> str:
        if not _HAS_UPDATE_FROM:
            return super().delete(table, condition, rows)
        keys = ", ".join(name.removeprefix("old_") for name in rows)
        return f"DELETE FROM {table} WHERE ({keys}) IN (VALUES (:{', :'.join(rows)}))"

    def run_many(self, connection: sa.Connection, statement: Many, rows: Sequence[tuple[Any, ...]]) -> int:
        driver = _driver(connection)
        if not _HAS_UPDATE_FROM:
            return driver.executemany(statement.text, rows).rowcount
        found = start = 0
        for size in _PORTIONS:
            text = _for_rows(statement.text, len(rows[0]), size)
            while len(rows) - start >= size:
                values = [value for row in rows[start : start + size] for value in row]
                found += driver.execute(text, values).rowcount
                start += size
        return found

    def commit(self, connection: sa.Connection) -> None:
        _driver(connection).execute("COMMIT")

    def is_private(self, engine: sa.Engine) -> bool:
        private = isinstance(engine.pool, sa.StaticPool)
        if _in_memory(engine.url) and not private:
            raise StoreError(
                "an engine for a database in memory must have poolclass=StaticPool, to be of one piece"
            )
        return private

    def event_connector(self, engine: sa.Engine) -> None:
        return None

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
            connection.exec_driver_sql(self.begin_write[0])
            connection.exec_driver_sql("COMMIT")

    def locked_tables(self, connection: sa.Connection) -> AbstractContextManager[object]:
        return nullcontext()  # the writer has the database for itself

    def set_of(self, items: Iterable[str]) -> str:
        return json_array(items)

    def ask_queued(self, statement: str, tasks: Sequence[str], since: int) -> Question:
        return statement, (since, json_array(tasks))

    def read_ready(
        self,
        connection: sa.Connection,
        statement: str,
        tasks: Sequence[str],
        since: int,
        now: int,
        each: int,
        most: int,
    ) -> Sequence[Sequence[Any]]:
        return read(connection, statement, json_array(tasks), since, now, each, most)

    def is_undone(self, error: BaseException) -> bool:
        return False

    def is_forbidden(self, error: BaseException) -> bool:
        return False  # whoever may write the file may do everything

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


@lru_cache(maxsize=1024)
def _for_rows(text: str, width: int, count: int) -> str:
    """Return a statement for one row of values as one for several."""
    row = f"({', '.join('?' * width)})"
    return text.replace(f"VALUES {row}", f"VALUES {', '.join([row] * count)}")


def _driver(connection: sa.Connection) -> sqlite3.Connection:
    driver: Any = connection.connection.driver_connection
    return cast("sqlite3.Connection", driver)


def _in_memory(url: sa.URL) -> bool:
    database = url.database or ""
    return not database or ":memory:" in database or url.query.get("mode") == "memory"
