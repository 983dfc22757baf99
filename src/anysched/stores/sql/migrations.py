"""The version of the tables: made new, brought up to date, or refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import sqlalchemy as sa

from anysched.errors import SchemaVersionError
from anysched.stores.sql.schema import Tables

#: Changes tables of one version into those of the next.
Step = Callable[[sa.Connection, Tables], None]

#: The first step leads from version 1 to version 2, and so on. What was released is never changed again.
STEPS: Final[Sequence[Step]] = ()

_VERSION = "schema_version"


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
    if found is None:
        tables.metadata.create_all(connection, checkfirst=False)
        connection.execute(
            tables.meta.insert(),
            [{"name": _VERSION, "number": len(steps) + 1}, {"name": "tasks_revision", "number": 0}],
        )
        return
    for step in steps[found - 1 :]:
        step(connection, tables)
    connection.execute(
        tables.meta.update().where(tables.meta.c.name == _VERSION).values(number=len(steps) + 1)
    )
