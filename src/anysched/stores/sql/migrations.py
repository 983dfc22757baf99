"""The version of the tables: made new, brought up to date, or refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import sqlalchemy as sa

from anysched.errors import SchemaVersionError, StoreError
from anysched.stores.sql.schema import Tables

#: Changes tables of one version into those of the next. It may be done again: where making a table ends a transaction,
#: a step can be cut off in the middle.
Step = Callable[[sa.Connection, Tables], None]

#: The first step leads from version 1 to version 2, and so on. What was released is never changed again.
STEPS: Final[Sequence[Step]] = ()

_VERSION = "schema_version"

#: The version of tables that are not there yet, not all of them.
_BEING_MADE = 0


def version_of(connection: sa.Connection, tables: Tables) -> int | None:
    """Return the version of the tables, None if there are none."""
    if not sa.inspect(connection).has_table(tables.meta.name, schema=tables.metadata.schema):
        return None
    number = tables.meta.c.number
    return connection.execute(sa.select(number).where(tables.meta.c.name == _VERSION)).scalar()


def is_current(connection: sa.Connection, tables: Tables, steps: Sequence[Step] = STEPS) -> bool:
    """Return whether the tables are as this version of anysched has them.

    :raise SchemaVersionError: when they were made by a newer one
    """
    found, latest = version_of(connection, tables), len(steps) + 1
    if found is not None and found > latest:
        raise SchemaVersionError(found, latest)
    return found == latest


def migrate(connection: sa.Connection, tables: Tables, steps: Sequence[Step] = STEPS) -> None:
    """Make the tables, or bring them up to date; in a transaction that may write.

    :raise SchemaVersionError: when they were made by a newer version of anysched
    """
    if is_current(connection, tables, steps):  # somebody else may have been first
        return
    found = version_of(connection, tables)
    if not found:
        _make(connection, tables, len(steps) + 1, begun=found == _BEING_MADE)
        return
    for version, step in enumerate(steps[found - 1 :], found + 1):
        step(connection, tables)
        _set_version(connection, tables, version)


def _make(connection: sa.Connection, tables: Tables, version: int, *, begun: bool) -> None:
    """Make the tables, in a way that can be begun again where a transaction does not hold what makes tables."""
    others = [table for table in tables.metadata.sorted_tables if table is not tables.meta]
    inspector = sa.inspect(connection)
    found = [table for table in others if inspector.has_table(table.name, schema=table.schema)]
    if found and not begun:
        raise StoreError(f"table {found[0].name} already exists, and was not made by anysched")
    if not begun:
        tables.meta.create(connection, checkfirst=True)
        rows = [{"name": _VERSION, "number": _BEING_MADE}, {"name": "tasks_revision", "number": 0}]
        connection.execute(tables.meta.insert(), rows)
    tables.metadata.drop_all(connection, found, checkfirst=False)  # perhaps without all indexes
    tables.metadata.create_all(connection, others, checkfirst=False)
    _set_version(connection, tables, version)


def _set_version(connection: sa.Connection, tables: Tables, version: int) -> None:
    connection.execute(tables.meta.update().where(tables.meta.c.name == _VERSION).values(number=version))
