"""What differs between databases, each in one small object; ``dialect_*.py`` has one for each database.

Two kinds of databases are served. In one with a single writer, which is SQLite, a transaction that writes has the
database for itself, and every clause that locks is empty. In one with many writers, transactions run at READ
COMMITTED beside each other and lock the rows that they decide upon, in this order:

1. the row of the node that makes a pass, shared, so that nobody takes its jobs meanwhile; its renewal goes on
2. rows of nodes that are gone, passing over locked ones, and then their jobs, in the order of ids
3. schedules: due ones passing over locked ones, named ones in the order of ids
4. jobs of these schedules that no node has, in the order of ids
5. tasks that have a limit, in the order of ids
6. jobs to take, passing over locked ones
7. the row of the node that makes a pass, to write its lease, right before the end

Writers of tasks lock the revision in ``meta`` first, and then tasks in the order of ids. Where two transactions still
lock each other out, the database undoes one of them, and it is done again as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import sqlalchemy as sa

from anysched.errors import StoreError


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
    def paramstyle(self) -> Literal["qmark", "format"]:
        """How the driver wants parameters that are given by position."""
        ...

    @property
    def begin_read(self) -> str:
        """Begins a transaction that sees one state of the database."""
        ...

    @property
    def begin_write(self) -> str:
        """Begins a transaction that may write; with a single writer, it locks the database."""
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
    def lock_existence(self) -> str:
        """The same, but others may still update what is not a key."""
        ...

    @property
    def among(self) -> str:
        """What follows a column whose value is among the strings in a JSON array; ``{}`` is the parameter's name."""
        ...

    @property
    def not_among(self) -> str:
        """The opposite."""
        ...

    @property
    def each_task(self) -> str:
        """An item of a FROM clause: the strings in the JSON array ``:tasks``, as column ``task.value``."""
        ...

    @property
    def first_of_each(self) -> str:
        """A FROM clause: of each task in ``{each_task}`` those of ``{jobs} AS queued`` that ``{first}`` selects.

        ``{first}`` is a condition, an order and a limit.
        """
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

    def lock_tables(self, connection: sa.Connection) -> None:
        """Keep others from making or changing tables until the end of this transaction, which may write."""
        ...

    def run_many(self, connection: sa.Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> int:
        """Execute a statement with many rows; return how many rows it found."""
        ...

    def is_undone(self, error: BaseException) -> bool:
        """Tell whether an error of the driver means that the transaction met another, and may be done again."""
        ...

    def explain(self, error: BaseException) -> tuple[type[StoreError], str]:
        """Return what an error of the driver means, in plain words."""
        ...
