"""What statements read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import sqlalchemy as sa

from anysched.stores import SQLDataStore


def _pages(cursor: Any, statement: str, parameters: Any) -> int:
    """Return how many pages PostgreSQL touches for a statement, which is undone again."""
    cursor.execute("SAVEPOINT before_it")
    cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", parameters)
    (found,) = cursor.fetchone()
    cursor.execute("ROLLBACK TO before_it")
    (top,) = json.loads(found) if isinstance(found, str) else found
    return top["Plan"]["Shared Hit Blocks"] + top["Plan"]["Shared Read Blocks"]


def _rows(cursor: Any, statement: str, parameters: Any) -> int:
    """Return how many rows and entries of indexes MariaDB reads for a statement, which is undone again."""

    def read() -> int:
        cursor.execute("SHOW SESSION STATUS LIKE 'Handler_read%'")
        return sum(int(count) for _, count in cursor.fetchall())

    cursor.execute("SAVEPOINT before_it")
    before, again = read(), read()
    cursor.execute(statement, parameters)
    cursor.fetchall()
    found = read() - again - (again - before)
    cursor.execute("ROLLBACK TO before_it")
    return found


MEASURES: dict[str, Callable[[Any, str, Any], int]] = {"postgresql": _pages, "mysql": _rows}


@contextmanager
def measured(store: SQLDataStore) -> Iterator[list[tuple[int, str]]]:
    """Note what statements of a store read, each time: pages of PostgreSQL, rows of MariaDB."""
    engine = store._session.engine
    measure = MEASURES[engine.dialect.name]
    read: list[tuple[int, str]] = []
    begin_at = store._dialect.begin_at

    def before(
        connection: sa.Connection, _: Any, statement: str, parameters: Any, __: Any, many: bool
    ) -> None:
        if statement.startswith(("SELECT", "UPDATE", "(SELECT", "INSERT", "DELETE")):
            cursor = connection.connection.cursor()
            cost = measure(cursor, statement, parameters[0] if many else parameters)
            cursor.close()
            read.append((cost, statement))

    def begin_only(connection: sa.Connection, statements: Sequence[str], _: Any) -> Any:
        return begin_at(
            connection, statements, ()
        )  # so that what is asked ahead is asked where it is measured

    sa.event.listen(engine, "before_cursor_execute", before)
    with patch.object(store._dialect, "begin_at", begin_only):
        yield read
    sa.event.remove(engine, "before_cursor_execute", before)
