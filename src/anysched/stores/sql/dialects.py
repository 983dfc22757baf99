"""What differs between databases, each in one small object; ``dialect_*.py`` has one for each database.

Two kinds of databases are served. In one with a single writer, which is SQLite, a transaction that writes has the
database for itself, and every clause that locks is empty. In one with many writers, transactions run at READ
COMMITTED beside each other and lock the rows that they decide upon, in this order:

1. the row of the node that makes a pass, shared, so that nobody takes its jobs meanwhile; its renewal goes on
2. rows of nodes that are gone, passing over locked ones, and then their jobs, in the order of ids
3. schedules: due ones passing over locked ones, named ones in the order of ids; a pass that knows of due ones asks for
   them before 2, where it waits for nobody
4. jobs of these schedules that no node has, in the order of ids
5. tasks that have a limit, passing over locked ones
6. jobs to take, passing over locked ones
7. the row of the node that makes a pass, to write its lease, right before the end

Who ends jobs locks these first, as in 2, then schedules for which failures count (rule B1), passing over locked
ones, or waiting where there is nothing else to write, and then jobs of these that no node has.

Writers of tasks lock the revision in ``meta`` first, and then tasks in the order of ids. Writers of holds lock the
revision of holds in ``meta`` before anything else, those who add schedules share that lock. Where two transactions
still lock each other out, the database undoes one of them, and it is done again as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, Literal, Protocol

import attrs
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from anysched.errors import StoreError
from anysched.stores.sql.ahead import Question, Rows, ask

#: Parameters of a statement for many rows, in the order of a row, and what values each takes: int, str or bytes.
Parameters = Mapping[str, type]


class Conflict(Exception):
    """What was read, or prepared, is not what is there any more."""


@attrs.frozen
class Many:
    """A statement for many rows.

    :ivar types: of the values of a row; each may be None instead
    :ivar one: the same for one row, in whose order its parameters are
    :ivar adds: whether it adds rows, and so finds none
    """

    text: str
    types: tuple[type, ...]
    one: str
    adds: bool = False


class Dialect(Protocol):
    """What a store needs to know about its database.

    Connections are in autocommit mode; transactions begin and end by statements.

    :ivar awaits_disk: whether a commit returns only once it is on the disk; set before connections are made.
        Under a clock for tests nobody waits for a disk: a power failure is not what they are about.
    :ivar patient: whether there is time, for an administrator's script; set before connections are made
    """

    awaits_disk: bool
    patient: bool

    @property
    def name(self) -> str:
        """What the database is called in messages."""
        ...

    @property
    def paramstyle(self) -> Literal["qmark", "format"]:
        """How the driver wants parameters that are given by position."""
        ...

    @property
    def begin_read(self) -> tuple[str, ...]:
        """Statements that begin a transaction that sees one state of the database."""
        ...

    @property
    def begin_write(self) -> tuple[str, ...]:
        """Statements that begin a transaction that may write; with a single writer, they lock the database."""
        ...

    @property
    def has_time(self) -> bool:
        """Whether it is a server, whose time all nodes go by (rule N6)."""
        ...

    def begin_at(
        self, connection: sa.Connection, statements: Sequence[str], ahead: Sequence[Question]
    ) -> tuple[int | None, Sequence[Rows]]:
        """Begin a transaction, and return the server's time, in microseconds since the epoch; None of a file.

        :param ahead: what will be asked first; its answers come along, or none of them
        """
        ...

    @property
    def many_writers(self) -> bool:
        """Whether transactions that write run beside each other, and so must lock what they decide upon."""
        ...

    @property
    def lock(self) -> str:
        """The end of a SELECT that locks the rows it returns, and returns them as they are once it has the locks."""
        ...

    @property
    def lock_unlocked(self) -> str:
        """The same, passing over rows that somebody else has locked."""
        ...

    @property
    def lock_shared(self) -> str:
        """The end of a SELECT that others may lock in the same way, and nobody may change."""
        ...

    @property
    def lock_existence(self) -> str:
        """The same, but others may still update what is not a key."""
        ...

    @property
    def by_existence(self) -> str:
        """What follows the name of the table in such a SELECT."""
        ...

    @property
    def by_key(self) -> str:
        """What follows the name of a table whose rows are looked up, and locked, by their ids."""
        ...

    @property
    def by_due(self) -> str:
        """What follows the name of the table of schedules that are looked up by their time; a format of names."""
        ...

    @property
    def among(self) -> str:
        """What follows a column whose value is in a set that is a parameter; ``{}`` is the parameter's name."""
        ...

    @property
    def not_among(self) -> str:
        """The opposite."""
        ...

    @property
    def position(self) -> str:
        """The function of a text and a part of it that returns 0 only where it has no such part; case matters."""
        ...

    def set_of(self, items: Iterable[str]) -> object:
        """Return a set of strings as a parameter, so that the text of a statement never changes."""
        ...

    @property
    def queued_tasks(self) -> str:
        """The statement of ``ask_queued``."""
        ...

    def ask_queued(self, statement: str, tasks: Sequence[str], since: int) -> Question:
        """Ask which of these tasks have queued jobs, and when the first of each may start, from an instant on."""
        ...

    @property
    def ready(self) -> str:
        """The statement of ``read_ready``."""
        ...

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
        """Return queued jobs that may start, the oldest first: up to so many of each task, and up to so many at all.

        :param since: when the first of them may start: an index may hold many before it that have left the queue
        Rows begin with the id and the task.
        """
        ...

    @property
    def unless_fired(self) -> str:
        """The end of an INSERT of a job that passes over a fire time which has a job already (rule S3)."""
        ...

    @property
    def or_renew(self) -> str:
        """The end of an INSERT of a node that moves the lease of one that is there."""
        ...

    @property
    def counts_fired(self) -> bool:
        """Whether what such an INSERT passes over is missing in the number of rows that it tells."""
        ...

    def connect_options(self, url: sa.URL) -> dict[str, Any]:
        """Return arguments for ``create_engine``."""
        ...

    def is_private(self, engine: sa.Engine) -> bool:
        """Tell whether the data lives in one connection only. :raise StoreError: when threads cannot share it"""
        ...

    def event_connector(self, engine: sa.Engine) -> Callable[[], Any] | None:
        """Return ``EventServer.connect``, or None where the server tells nobody of events."""
        ...

    def set_up_connection(self, connection: Any) -> None:
        """Set up a new connection of the driver."""
        ...

    def set_up_database(self, connection: sa.Connection) -> None:
        """Check the database and set it up, outside of a transaction. :raise StoreError: when it will not do"""
        ...

    def locked_tables(self, connection: sa.Connection) -> AbstractContextManager[object]:
        """Keep others from making or changing tables, in a transaction that may write, until what was written stays.

        Statements that change tables may take as long as they need, and wait for others no longer than any.

        :raise StoreUnavailableError: when others do so for too long
        """
        ...

    @property
    def drain_readers(self) -> str | None:
        """What waits for the end of all transactions that have read a table; ``{}`` is its name."""
        ...

    @property
    def script(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What a script that changes tables begins and ends with."""
        ...

    def is_forbidden(self, error: BaseException) -> bool:
        """Tell whether an error of the driver means that this account may not do that."""
        ...

    @property
    def value(self) -> str:
        """What stands for a value of a row in a statement for many rows; ``{}`` is the name of the parameter."""
        ...

    def insert(self, table: str, rows: Parameters) -> str:
        """Return a statement that inserts many rows, whose columns are called like the parameters."""
        ...

    def update(self, table: str, changes: str, condition: str, rows: Parameters) -> str:
        """Return a statement that makes changes where a condition holds, for many rows.

        Parameters appear in changes and condition as ``value`` says, in the same order.
        """
        ...

    def delete(self, table: str, condition: str, rows: Parameters) -> str:
        """Return a statement that deletes where a condition holds, for many rows."""
        ...

    def run_many(self, connection: sa.Connection, statement: Many, rows: Sequence[tuple[Any, ...]]) -> int:
        """Execute a statement for one row or more; return how many rows it found."""
        ...

    def write(
        self,
        connection: sa.Connection,
        statement: Many,
        rows: Sequence[tuple[Any, ...]],
        *,
        guarded: bool = False,
    ) -> Callable[[], int]:
        """Execute a statement for one row or more, at the latest before anything else is asked.

        :param guarded: whether rows that are there already, or are not there any more, are a conflict (rule S4)
        :return: what tells how many rows it found, unless it is guarded
        :raise Conflict: that, unless it is told when the transaction goes on
        """
        ...

    def commit(self, connection: sa.Connection) -> None:
        """Keep what was written. :raise Conflict: as ``write`` says"""
        ...

    def roll_back(self, connection: sa.Connection) -> None:
        """Undo what was written."""
        ...

    def keep_order(self, engine: sa.Engine) -> None:
        """Have what is to be written come before whatever SQLAlchemy executes."""
        ...

    def is_undone(self, error: BaseException) -> bool:
        """Tell whether an error of the driver means that the transaction met another, and may be done again."""
        ...

    def has_forgotten(self, error: BaseException) -> bool:
        """Tell whether an error of the driver means that the server has lost what it had prepared for a connection."""
        ...

    def explain(self, error: BaseException) -> tuple[type[StoreError], str]:
        """Return what an error of the driver means, in plain words."""
        ...


#: How long an administrator's script waits until nobody else makes or changes tables, in seconds.
PATIENCE: Final = 3600

#: For databases that can look up rows for each item of a set: ``{each_task}`` makes ``task.value`` of ``:tasks``.
QUEUED_TASKS: Final = (
    "SELECT value, head FROM (SELECT task.value, (SELECT MIN(ready_at) FROM {{jobs}}"
    " WHERE task_id = task.value AND ready_at >= :since) AS head FROM {each_task}) AS heads WHERE head IS NOT NULL"
)
FIRST_OF_TASK: Final = (
    "queued.task_id = task.value AND queued.ready_at >= :since AND queued.ready_at <= :now"
    " ORDER BY queued.ready_at, queued.id LIMIT :most_each"
)


class RowByRow:
    """Statements for many rows in databases, or drivers, that execute them for one row after the other."""

    value = ":{}"
    position = "instr"

    #: What says that a row is there already.
    already_there: type[Exception] = IntegrityError

    def insert(self, table: str, rows: Parameters) -> str:
        return f"INSERT INTO {table} ({', '.join(rows)}) VALUES (:{', :'.join(rows)})"

    def update(self, table: str, changes: str, condition: str, rows: Parameters) -> str:
        return f"UPDATE {table} SET {changes} WHERE {condition}"

    def delete(self, table: str, condition: str, rows: Parameters) -> str:
        return f"DELETE FROM {table} WHERE {condition}"

    def run_many(self, connection: sa.Connection, statement: Many, rows: Sequence[tuple[Any, ...]]) -> int:
        return connection.exec_driver_sql(statement.text, list(rows)).rowcount

    def write(
        self,
        connection: sa.Connection,
        statement: Many,
        rows: Sequence[tuple[Any, ...]],
        *,
        guarded: bool = False,
    ) -> Callable[[], int]:
        try:
            found = self.run_many(connection, statement, rows)
        except self.already_there as exc:
            if guarded:
                raise Conflict from exc
            raise
        if guarded and not statement.adds and found != len(rows):
            raise Conflict
        return lambda: found

    def commit(self, connection: sa.Connection) -> None:
        connection.exec_driver_sql("COMMIT")

    def roll_back(self, connection: sa.Connection) -> None:
        connection.exec_driver_sql("ROLLBACK")

    def keep_order(self, engine: sa.Engine) -> None:
        pass  # nothing waits

    def has_forgotten(self, error: BaseException) -> bool:
        return False  # nothing is prepared


def read(connection: sa.Connection, statement: str, *parameters: object) -> Sequence[Sequence[Any]]:
    """Return what a statement finds."""
    return ask(connection, (statement, parameters))


def is_one_of(dialect: Dialect, ids: Iterable[str]) -> sa.TextClause:
    """Return the condition that the id of a row is one of these."""
    return sa.text(f"id {dialect.among.format('ids')}").bindparams(ids=dialect.set_of(ids))
