"""What is special about PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import sqlalchemy as sa
from sqlalchemy import event

from anysched.errors import StoreError, StoreUnavailableError
from anysched.stores.sql.ahead import Question, Rows, keep_line, line_of
from anysched.stores.sql.arrays import ARRAYS, array_of
from anysched.stores.sql.columns import json_array
from anysched.stores.sql.dialects import (
    FIRST_OF_TASK,
    PATIENCE,
    QUEUED_TASKS,
    Many,
    Parameters,
    read,
)

if TYPE_CHECKING:
    from anysched.stores.sql.pipeline import Pipeline

#: The oldest version that serves, as the server tells it.
OLDEST: Final = 130000

#: Limits of a transaction, in seconds. A node that has become unreachable in the middle of one holds what it has
#: locked for no longer; nobody waits longer for a lock or an answer.
IDLE_TIMEOUT: Final = 10
LOCK_TIMEOUT: Final = 10
STATEMENT_TIMEOUT: Final = 30

#: How long to wait for a connection, and for the network in between, in seconds.
CONNECT_TIMEOUT: Final = 10
NETWORK_TIMEOUT: Final = 15
READ_TIMEOUT: Final = STATEMENT_TIMEOUT + NETWORK_TIMEOUT

#: Two numbers of this package's own, for the lock under which tables are made.
_TABLES_LOCK: Final = 0x616E7973, 0x63686564

_LIMITS: Final = {
    "statement_timeout": f"{STATEMENT_TIMEOUT}s",
    "lock_timeout": f"{LOCK_TIMEOUT}s",
    "idle_in_transaction_session_timeout": f"{IDLE_TIMEOUT}s",
}

#: Every statement has its index. What the server knows of tables in which rows come and go is of another moment, and
#: lets it read and sort all of them. Compiling such statements takes longer than they do, and so does starting a
#: process that helps: with 50,000 schedules, finding the next one due took four times as long for that.
_BY_INDEX: Final = {
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
}

_NOW: Final = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS bigint)"


def _set(settings: Mapping[str, str]) -> str:
    """Return the statement that makes settings for a transaction, and tells the time."""
    made = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in settings.items())
    return f"SELECT {_NOW}, {made}"


_SETTINGS: Final = _set(_LIMITS | _BY_INDEX)
_HASTY: Final = _set(_LIMITS | _BY_INDEX | {"synchronous_commit": "off"})


#: Lets a statement fail that does not find so many rows, so that the end of the transaction can travel with it.
_ALL_FOUND: Final = "WITH written AS ({} RETURNING 1) SELECT 1 / CAST(count(*) = %s AS integer) FROM written"


class PostgreSQLDialect:
    """PostgreSQL through psycopg, used synchronously in threads."""

    name = "PostgreSQL"
    paramstyle: Literal["qmark", "format"] = "format"
    awaits_disk = True
    patient = False
    begin_read: tuple[str, ...] = ("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", _SETTINGS)
    many_writers = True
    has_time = True
    lock = "FOR UPDATE"
    lock_unlocked = "FOR UPDATE SKIP LOCKED"
    lock_shared = "FOR SHARE"
    lock_existence = "FOR KEY SHARE"
    among = "= ANY (ARRAY(SELECT json_array_elements_text(CAST(:{} AS json))))"
    not_among = "<> ALL (ARRAY(SELECT json_array_elements_text(CAST(:{} AS json))))"
    by_existence = by_key = by_due = ""
    position = "strpos"
    value = "given_{}"
    unless_fired = "ON CONFLICT (incarnation, fire_key) DO NOTHING"
    or_renew = "ON CONFLICT (id) DO UPDATE SET lease_until = excluded.lease_until"
    counts_fired = True
    drain_readers = "LOCK TABLE {} IN ACCESS EXCLUSIVE MODE"
    script: tuple[tuple[str, ...], tuple[str, ...]] = (
        (
            "BEGIN",
            "SELECT pg_advisory_xact_lock({}, {})".format(*_TABLES_LOCK),
            f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}s'",
        ),
        ("COMMIT",),
    )
    _each_task: str = "json_array_elements_text(CAST(:tasks AS json)) AS task(value)"
    queued_tasks: str = QUEUED_TASKS.format(each_task=_each_task)
    ready: str = (
        f"SELECT id, task_id FROM {_each_task} CROSS JOIN LATERAL (SELECT * FROM {{jobs}} AS queued"
        f" WHERE {FIRST_OF_TASK}) AS found ORDER BY ready_at, id LIMIT :most"
    )

    @property
    def begin_write(self) -> tuple[str, ...]:
        return "BEGIN ISOLATION LEVEL READ COMMITTED", _SETTINGS if self.awaits_disk else _HASTY

    def connect_options(self, url: sa.URL) -> dict[str, Any]:
        if "prepare_threshold" in url.query:
            raise ValueError("prepare_threshold is set for an engine of your own, not in a URL")
        options: dict[str, Any] = {
            "connect_timeout": CONNECT_TIMEOUT,
            "tcp_user_timeout": NETWORK_TIMEOUT * 1000,
            "keepalives_idle": NETWORK_TIMEOUT,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "application_name": "anysched",
        }
        missing = {key: value for key, value in options.items() if key not in url.query}
        return {"connect_args": missing}

    def begin_at(
        self, connection: sa.Connection, statements: Sequence[str], ahead: Sequence[Question]
    ) -> tuple[int, Sequence[Rows]]:
        begun = [(statement, ()) for statement in statements]
        answers = self._pipeline(connection).begin(begun, ahead)
        ((number, *_),) = answers[len(begun) - 1]
        return number, answers[len(begun) :]

    def is_private(self, engine: sa.Engine) -> bool:
        return False

    def event_connector(self, engine: sa.Engine) -> Callable[[], Any]:
        def connect() -> Any:
            # As the pool would make it, with whatever the caller has hooked into that, but not counted against it.
            lent = engine.pool.recreate().connect()
            lent.detach()
            connection: Any = lent.dbapi_connection
            connection.commit()  # what such a hook has set
            connection.autocommit = True
            return connection

        return connect

    def set_up_connection(self, connection: Any) -> None:
        # Whatever the server is told is told for a transaction, so that it holds behind a pooler, too.
        if not self.patient:
            from anysched.stores.sql.silence import limit_silence  # only who uses psycopg has it

            limit_silence(connection, READ_TIMEOUT, STATEMENT_TIMEOUT)
        # A pooler shows a number of its own here, and may lend each transaction another connection of the server:
        # what was prepared on one is not there on the next.
        (server,) = connection.execute("SELECT pg_backend_pid()", prepare=False).fetchone()
        connection.rollback()
        if server != connection.info.backend_pid:
            connection.prepare_threshold = None

    def set_up_database(self, connection: sa.Connection) -> None:
        version = int(connection.exec_driver_sql("SHOW server_version_num").scalar_one())
        if version < OLDEST:
            raise StoreError(f"PostgreSQL 13 or newer is needed, the server has {version // 10000}")
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
        if encoding != "UTF8":
            raise StoreError(f"a database with the encoding UTF8 is needed, this one has {encoding}")

    def locked_tables(self, connection: sa.Connection) -> AbstractContextManager[object]:
        wait = PATIENCE if self.patient else STATEMENT_TIMEOUT
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '{wait}s'")
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s, %s)", _TABLES_LOCK)
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}s'")
        return nullcontext()  # the lock ends with the transaction

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

    def insert(self, table: str, rows: Parameters) -> str:
        return f"INSERT INTO {table} ({', '.join(rows)}) SELECT * FROM {self._given(rows)}"

    def update(self, table: str, changes: str, condition: str, rows: Parameters) -> str:
        return f"UPDATE {table} SET {changes} FROM {self._given(rows)} WHERE {condition}"

    def delete(self, table: str, condition: str, rows: Parameters) -> str:
        return f"DELETE FROM {table} USING {self._given(rows)} WHERE {condition}"

    def _given(self, rows: Parameters) -> str:
        """Return rows as a table: a column for each parameter, which is given as an array."""
        arrays = ", ".join(f"CAST(:{name} AS {ARRAYS[kind]})" for name, kind in rows.items())
        return f"unnest({arrays}) AS given ({', '.join(map(self.value.format, rows))})"

    def run_many(self, connection: sa.Connection, statement: Many, rows: Sequence[tuple[Any, ...]]) -> int:
        return self._pipeline(connection).count(_for_rows(statement, rows))

    def write(
        self,
        connection: sa.Connection,
        statement: Many,
        rows: Sequence[tuple[Any, ...]],
        *,
        guarded: bool = False,
    ) -> Callable[[], int]:
        text, parameters = _for_rows(statement, rows)
        if guarded and not statement.adds:
            text, parameters = _ALL_FOUND.format(text), (*parameters, len(rows))
        return self._pipeline(connection).write((text, parameters), guarded=guarded)

    def commit(self, connection: sa.Connection) -> None:
        pipeline = self._pipeline(connection)
        pipeline.commit()
        if pipeline.is_closed:  # it is kept; giving the connection back would fail
            connection.invalidate()

    def roll_back(self, connection: sa.Connection) -> None:
        self._pipeline(connection).roll_back()

    def keep_order(self, engine: sa.Engine) -> None:
        def flush(connection: sa.Connection, *_: object) -> None:
            self._pipeline(connection).flush()

        event.listen(engine, "before_cursor_execute", flush)

    def _pipeline(self, connection: sa.Connection) -> Pipeline:
        """Return what puts statements to a connection, by a shorter way than SQLAlchemy's."""
        pipeline = line_of(connection)
        if pipeline is None:
            from anysched.stores.sql.pipeline import pipeline_of  # only who uses psycopg has it

            driver: Any = connection.connection.driver_connection
            pipeline = pipeline_of(driver)
            keep_line(connection, pipeline)
        return cast("Pipeline", pipeline)

    def is_undone(self, error: BaseException) -> bool:
        return getattr(error, "sqlstate", None) in {"40001", "40P01"}

    def has_forgotten(self, error: BaseException) -> bool:
        return getattr(error, "sqlstate", None) == "26000"  # of the driver; a pipeline prepares its own again

    def is_forbidden(self, error: BaseException) -> bool:
        return getattr(error, "sqlstate", None) == "42501"

    def explain(self, error: BaseException) -> tuple[type[StoreError], str]:
        state = getattr(error, "sqlstate", None)
        said = str(error).strip()
        if state is None:  # no answer of a server
            unreachable = isinstance(error, _connection_errors())
            return (StoreUnavailableError if unreachable else StoreError), said or type(error).__name__
        for known, meaning in _MEANINGS.items():
            if state.startswith(known):
                return StoreUnavailableError, f"{meaning}: {said}"
        return StoreError, said


def _for_rows(statement: Many, rows: Sequence[tuple[Any, ...]]) -> Question:
    """Return a statement for rows: of several each column is an array, which the server takes longer to read."""
    if len(rows) == 1:
        return statement.one, rows[0]
    columns = zip(statement.types, zip(*rows, strict=True), strict=True)
    return statement.text, tuple(array_of(kind, values) for kind, values in columns)


def _connection_errors() -> tuple[type[Exception], ...]:
    """Return what psycopg raises when it cannot reach a server; only who uses it has it."""
    import psycopg

    return psycopg.OperationalError, psycopg.InterfaceError


#: By the beginning of the code that the server gives; what is not here is no matter of waiting.
_MEANINGS: Final = {
    "08": "the connection failed",
    "25006": "it may only be read now",  # a standby
    "26000": "it has lost what it had prepared",
    "25P03": "it has ended a transaction that was idle for too long",
    "40": "transactions keep meeting each other",
    "53": "the server is short of something",
    "55P03": "another transaction has kept rows locked",
    "57014": "it took too long",
    "57P": "the server is ending, or ended the connection",
    "58": "the server reports an error of its system",
}
