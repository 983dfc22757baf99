"""What statements read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import sqlalchemy as sa

from anysched.stores import SQLDataStore
from anysched.stores.sql.pipeline import Pipeline


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
def watched(store: SQLDataStore, note: Callable[[Any, str, Any], object]) -> Iterator[None]:
    """Call ``note`` with a connection of the driver, a statement and its parameters before a store executes it.

    Statements that would travel together travel one after the other.
    """
    engine = store._session.engine
    results = Pipeline._results

    def before(
        connection: sa.Connection, _: Any, statement: str, parameters: Any, __: Any, many: bool
    ) -> None:
        note(connection.connection.driver_connection, statement, parameters[0] if many else parameters)

    def apart(pipeline: Any, questions: Any, writes: Any) -> list[Any]:
        answers: list[Any] = []
        for number, question in enumerate(questions):
            note(pipeline._connection, *question)
            answers += results(pipeline, [question], writes[number : number + 1])
        return answers

    sa.event.listen(engine, "before_cursor_execute", before)
    with patch.object(Pipeline, "_results", apart):
        yield
    sa.event.remove(engine, "before_cursor_execute", before)


@contextmanager
def round_trips(store: SQLDataStore) -> Iterator[list[object]]:
    """Note each round trip of a store to its server."""
    engine = store._session.engine
    made: list[object] = []
    results = Pipeline._results

    def travel(*arguments: Any) -> list[Any]:
        made.append(arguments)
        return results(*arguments)

    def before(*arguments: object) -> None:
        made.append(arguments)

    sa.event.listen(engine, "before_cursor_execute", before)
    with patch.object(Pipeline, "_results", travel):
        yield made
    sa.event.remove(engine, "before_cursor_execute", before)


@contextmanager
def measured(store: SQLDataStore) -> Iterator[list[tuple[int, str]]]:
    """Note what statements of a store read, each time: pages of PostgreSQL, rows of MariaDB."""
    measure = MEASURES[store._session.engine.dialect.name]
    read: list[tuple[int, str]] = []

    def note(driver: Any, statement: str, parameters: Any) -> None:
        if statement.startswith(("SELECT", "UPDATE", "(SELECT", "INSERT", "DELETE")):
            cursor = driver.cursor()
            read.append((measure(cursor, statement, parameters), statement))
            cursor.close()

    with watched(store, note):
        yield read
