"""What is special about MariaDB and MySQL."""

from __future__ import annotations

import inspect
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from itertools import chain
from typing import Any, Final, Literal

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import TypeCompiler
from sqlalchemy.types import Text

from anysched.errors import StoreError, StoreUnavailableError
from anysched.stores.sql.ahead import Question, Rows
from anysched.stores.sql.dialects import PATIENCE, Many, Parameters, RowByRow, read

#: The oldest versions that serve: older ones cannot pass over locked rows, or compare text exactly.
OLDEST_MARIADB: Final = (10, 6)
OLDEST_MYSQL: Final = (8, 0, 17)

#: Limits in seconds. A node that has become unreachable in the middle of a transaction holds what it has locked for
#: no longer; nobody waits longer for a lock or an answer.
IDLE_TIMEOUT: Final = 10
LOCK_TIMEOUT: Final = 10
STATEMENT_TIMEOUT: Final = 30

#: How long to wait for a connection, and for the network in between, in seconds.
CONNECT_TIMEOUT: Final = 10
WRITE_TIMEOUT: Final = 15
READ_TIMEOUT: Final = STATEMENT_TIMEOUT + WRITE_TIMEOUT

_LIMITS: Final = {
    True: f"max_statement_time = {STATEMENT_TIMEOUT}, idle_transaction_timeout = {IDLE_TIMEOUT}",
    # MySQL does not tell idle transactions from idle connections; the pool replaces what the server has closed.
    False: f"max_execution_time = {STATEMENT_TIMEOUT * 1000}, wait_timeout = {IDLE_TIMEOUT}",
}

_NOW: Final = "SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))"

_TABLES_LOCK: Final = "anysched: tables"

#: What comes before and after the columns of the first row in a statement that changes many.
_SELECT: Final = "SELECT "
_ROWS_END: Final = ") AS given"

#: How many rows go in one such statement, and about how many bytes, which every server takes.
_MOST_ROWS: Final = 250
_MOST_BYTES: Final = 500_000

#: The flag of a connection by which an UPDATE counts the rows that it found, not those that it changed.
_FOUND_ROWS: Final = 2


class _ExactText(Text):
    """A type of its own, as the two kinds of servers call it differently."""


@compiles(_ExactText, "mysql", "mariadb")
def _exact_text(kind: _ExactText, compiler: TypeCompiler, **_: Any) -> str:
    name = "LONGTEXT" if kind.length is None else f"VARCHAR({kind.length})"
    collation = "utf8mb4_nopad_bin" if _is_mariadb(compiler.dialect) else "utf8mb4_0900_bin"
    return f"{name} CHARACTER SET utf8mb4 COLLATE {collation}"


def exact_text(length: int | None = None) -> sa.types.TypeEngine[str]:
    """Return text that is compared and ordered by its code points, blanks at the end included (rule N7).

    :param length: how many characters at most, for what is in an index; without one it is long text
    """
    return _ExactText(length)


class MariaDBDialect(RowByRow):
    """MariaDB or MySQL through PyMySQL, used synchronously in threads.

    PyMySQL writes parameters into the text of a statement, so a set is given as a list, which it writes as a list.
    """

    name = "MariaDB or MySQL"
    paramstyle: Literal["qmark", "format"] = "format"
    awaits_disk = True
    patient = False
    begin_read: tuple[str, ...] = (
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
    )
    begin_write: tuple[str, ...] = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED", "START TRANSACTION"
    many_writers = True
    has_time = True
    lock = "FOR UPDATE"
    lock_unlocked = "FOR UPDATE SKIP LOCKED"
    # A lock on an entry of this index alone leaves the rest of the row to others.
    by_existence = "FORCE INDEX (nodes_existence)"
    lock_shared = lock_existence = "LOCK IN SHARE MODE"
    # A scan of another index, which looks cheap in a small table, would keep the locks of all rows that it meets.
    by_key = "FORCE INDEX (PRIMARY)"
    value = "given_{}"
    among = "IN :{}"
    not_among = "NOT IN :{}"
    unless_fired = "ON DUPLICATE KEY UPDATE id = {jobs}.id"
    or_renew = "ON DUPLICATE KEY UPDATE lease_until = VALUES(lease_until)"
    counts_fired = False
    drain_readers = "ALTER TABLE {} FORCE"
    script: tuple[tuple[str, ...], tuple[str, ...]] = (
        (
            f"SET SESSION lock_wait_timeout = {LOCK_TIMEOUT}",
            f"SELECT GET_LOCK('{_TABLES_LOCK}', {STATEMENT_TIMEOUT})",
        ),
        ("COMMIT", f"SELECT RELEASE_LOCK('{_TABLES_LOCK}')"),
    )
    # Only in this form an index gives what is asked for, and nothing else is read.
    by_due = "FORCE INDEX ({index_due})"
    queued_tasks: str = (
        "(SELECT task_id, ready_at FROM {jobs} FORCE INDEX ({index_ready}) WHERE task_id = :task"
        " AND ready_at >= :since ORDER BY ready_at LIMIT 1)"
    )
    ready: str = (
        "(SELECT id, task_id, ready_at FROM {jobs} FORCE INDEX ({index_ready}) WHERE task_id = :task"
        " AND ready_at >= :since AND ready_at <= :now ORDER BY ready_at, id LIMIT :most_each)"
    )

    def connect_options(self, url: sa.URL) -> dict[str, Any]:
        connection = import_module("pymysql.connections").Connection
        if unknown := sorted(url.query.keys() - inspect.signature(connection).parameters.keys()):
            raise ValueError(f"the driver has no parameter {', '.join(map(repr, unknown))}")
        options: dict[str, Any] = {
            "charset": "utf8mb4",
            "connect_timeout": CONNECT_TIMEOUT,
            "read_timeout": None if self.patient else READ_TIMEOUT,
            "write_timeout": WRITE_TIMEOUT,
        }
        missing = {key: value for key, value in options.items() if key not in url.query}
        return {"connect_args": missing}

    def begin_at(
        self, connection: sa.Connection, statements: Sequence[str], ahead: Sequence[Question]
    ) -> tuple[int, Sequence[Rows]]:
        for statement in statements:
            connection.exec_driver_sql(statement)
        number: int = connection.exec_driver_sql(_NOW).scalar_one()
        return number, ()

    def is_private(self, engine: sa.Engine) -> bool:
        return False

    def event_connector(self, engine: sa.Engine) -> None:
        return None

    def set_up_connection(self, connection: Any) -> None:
        limits = _LIMITS["mariadb" in connection.get_server_info().lower()]
        with connection.cursor() as cursor:
            # What does not fit is refused, and long ids are told apart to their ends when they are sorted.
            cursor.execute(
                f"SET SESSION innodb_lock_wait_timeout = {LOCK_TIMEOUT}, {limits}, max_sort_length = 4096,"
                " sql_mode = CONCAT(@@sql_mode, ',STRICT_TRANS_TABLES')"
            )

    def set_up_database(self, connection: sa.Connection) -> None:
        mariadb = _is_mariadb(connection.dialect)
        name, oldest = ("MariaDB", OLDEST_MARIADB) if mariadb else ("MySQL", OLDEST_MYSQL)
        version = connection.dialect.server_version_info or ()
        found = tuple(part for part in version if isinstance(part, int))
        if found < oldest:
            raise StoreError(f"{name} {_dotted(oldest)} or newer is needed, the server has {_dotted(found)}")
        charset = connection.exec_driver_sql("SELECT @@character_set_client").scalar_one()
        if charset != "utf8mb4":
            raise StoreError(f"connections must have charset=utf8mb4, not {charset}")
        if not getattr(connection.connection.driver_connection, "client_flag", 0) & _FOUND_ROWS:
            raise StoreError("connections must have the client flag FOUND_ROWS, as SQLAlchemy makes them")

    @contextmanager
    def locked_tables(self, connection: sa.Connection) -> Generator[None]:
        # What makes or changes a table ends the transaction, so this lock is one of the connection.
        wait = PATIENCE if self.patient else STATEMENT_TIMEOUT
        with _unhurried(connection):
            taken = connection.exec_driver_sql("SELECT GET_LOCK(%s, %s)", (_TABLES_LOCK, wait)).scalar()
            if not taken:
                raise StoreUnavailableError("another node has been making or changing tables for too long")
            try:
                yield
                connection.exec_driver_sql("COMMIT")
            finally:
                connection.exec_driver_sql("SELECT RELEASE_LOCK(%s)", (_TABLES_LOCK,)).close()

    def set_of(self, items: Iterable[str]) -> list[str]:
        return [*items] or [""]  # there is no empty list in SQL; nothing that is kept is empty

    def ask_queued(self, statement: str, tasks: Sequence[str], since: int) -> Question:
        text = " UNION ALL ".join([statement] * len(tasks))
        return text, tuple(value for task in tasks for value in (task, since))

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
        if not tasks:
            return []
        text = " UNION ALL ".join([statement] * len(tasks)) + " ORDER BY ready_at, id LIMIT %s"
        parameters = [value for task in tasks for value in (task, since, now, each)]
        return read(connection, text, *parameters, most)

    def update(self, table: str, changes: str, condition: str, rows: Parameters) -> str:
        return f"UPDATE {self._given(rows)} STRAIGHT_JOIN {table} SET {changes} WHERE {condition}"

    def delete(self, table: str, condition: str, rows: Parameters) -> str:
        return f"DELETE {table} FROM {self._given(rows)} STRAIGHT_JOIN {table} WHERE {condition}"

    def _given(self, rows: Parameters) -> str:
        """Return a row as a table; ``run_many`` adds the others. Joined in this order, each is looked up by its key."""
        columns = ", ".join(f":{name} AS {self.value.format(name)}" for name in rows)
        return f"({_SELECT}{columns}{_ROWS_END}"

    def run_many(self, connection: sa.Connection, statement: Many, rows: Sequence[tuple[Any, ...]]) -> int:
        # The driver makes one statement of many INSERTs; for what changes rows it is done here.
        before, joined, after = statement.text.partition(_ROWS_END)
        if not joined:
            return self._run(connection, statement.text, list(rows), rows)
        again = before[before.index(_SELECT) :]
        found = 0
        for part in _parts(rows):
            text = before + f" UNION ALL {again}" * (len(part) - 1) + joined + after
            found += self._run(connection, text, tuple(chain.from_iterable(part)), part)
        return found

    def _run(
        self, connection: sa.Connection, text: str, parameters: Any, rows: Sequence[tuple[Any, ...]]
    ) -> int:
        try:
            return connection.exec_driver_sql(text, parameters).rowcount
        except DBAPIError as exc:
            if _code(exc.orig) in _CUT and (size := max(map(_size, rows))) > _SUSPICIOUS:
                raise StoreError(
                    f"a row of about {size >> 20} MB is too large for the server: raise its max_allowed_packet"
                ) from exc
            raise

    def is_undone(self, error: BaseException) -> bool:
        return _code(error) in _UNDONE

    def is_forbidden(self, error: BaseException) -> bool:
        return _code(error) in {1044, 1142, 1227, 1370}

    def explain(self, error: BaseException) -> tuple[type[StoreError], str]:
        code = _code(error)
        said = str(error.args[1]) if len(error.args) > 1 else str(error)
        if code == 0:
            return StoreUnavailableError, "its connection was closed"
        for meaning, codes in _MEANINGS.items():
            if code in codes:
                return StoreUnavailableError, f"{meaning}: {said}"
        return StoreError, said or type(error).__name__


@contextmanager
def _unhurried(connection: sa.Connection) -> Generator[None]:
    """Let statements take as long as they need, and not wait for tables that others use any longer than for rows."""
    limit = "max_statement_time" if _is_mariadb(connection.dialect) else "max_execution_time"
    connection.exec_driver_sql(
        f"SET @anysched_limit = @@{limit}, @anysched_wait = @@lock_wait_timeout,"
        f" {limit} = 0, lock_wait_timeout = {LOCK_TIMEOUT}"
    )
    try:
        yield
    finally:
        connection.exec_driver_sql(f"SET {limit} = @anysched_limit, lock_wait_timeout = @anysched_wait")


def _is_mariadb(dialect: sa.Dialect) -> bool:
    """Tell MariaDB from MySQL, whatever the URL says; known once there was a connection."""
    return getattr(dialect, "is_mariadb", False)


def _code(error: BaseException | None) -> int | None:
    """Return the number of an error; the driver's own for a connection that is closed is 0."""
    code = error.args[0] if error is not None and error.args else None
    return code if isinstance(code, int) else None


def _dotted(version: Iterable[int]) -> str:
    return ".".join(map(str, version))


def _parts(rows: Sequence[tuple[Any, ...]]) -> Iterator[Sequence[tuple[Any, ...]]]:
    """Yield rows that fit into one statement; one that is large has one of its own."""
    part: list[tuple[Any, ...]] = []
    size = 0
    for row in rows:
        size += _size(row)
        if part and (len(part) == _MOST_ROWS or size > _MOST_BYTES):
            yield part
            part, size = [], _size(row)
        part.append(row)
    yield part


def _size(row: Iterable[Any]) -> int:
    """Return about how many bytes a row takes in a statement, where those of a value are written as two digits each."""
    return sum(len(value) * 2 for value in row if isinstance(value, (str, bytes)))


#: Below this, no server was ever too small for a row: its limit is 16 MB by default, and 1 MB at the lowest.
_SUSPICIOUS: Final = 1_000_000

#: What is said when a statement is too large, or the connection breaks, which can be a server's way to say it.
_CUT: Final = frozenset({1153, 2006, 2013})

#: Deadlocks, rows that were changed since they were read, and tables that were made since the transaction began.
_UNDONE: Final = frozenset({1020, 1213, 1412})

#: By the number of the error; what is not here is no matter of waiting.
_MEANINGS: Final[dict[str, frozenset[int]]] = {
    "the connection failed": frozenset(
        {1042, 1043, 1152, 1154, 1155, 1156, 1157, 1158, 1159, 1160, 1161, 1184, 1927, 2002, 2003, 2005, 2006,
         2013, 2014, 2026, 2045, 2055, 4031}
    ),
    "the server is short of something": frozenset(
        {1021, 1037, 1038, 1040, 1041, 1114, 1129, 1135, 1203, 1206, 1226}
    ),
    "transactions keep meeting each other": _UNDONE,
    "another transaction has kept rows locked": frozenset({1205}),
    "it took too long": frozenset({1317, 1969, 3024}),
    "it may only be read now": frozenset({1290, 1836}),
    "the server is ending, or not ready": frozenset({1047, 1053, 1077, 1079}),
    "the server reports an error of its system": frozenset({1026, 1030, 1180}),
}  # fmt: skip
