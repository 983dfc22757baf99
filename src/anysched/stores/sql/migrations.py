"""The version of the tables: made new, brought up to date, or refused.

The table ``meta`` has, besides the revision of tasks, two rows about versions. ``schema_version`` is what the tables
are like. ``oldest_node`` is the oldest version whose nodes may work on them; each pass reads it. A step that older
nodes cannot live with raises that row first, and waits for transactions that have read it before: none of them is
still at work when the tables change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import attrs
import sqlalchemy as sa
from sqlalchemy.engine.mock import MockConnection
from sqlalchemy.schema import CreateTable

from anysched.errors import SchemaVersionError, StoreError
from anysched.stores.sql.dialects import Dialect
from anysched.stores.sql.schema import Tables
from anysched.stores.sql.steps import Step

#: The first step leads from version 1 to version 2, and so on. What was released is never changed again.
STEPS: Final[Sequence[Step]] = ()

SCHEMA_VERSION: Final = "schema_version"
OLDEST_NODE: Final = "oldest_node"
TASKS_REVISION: Final = "tasks_revision"
HOLDS_REVISION: Final = "holds_revision"
ZONES_REVISION: Final = "zones_revision"

#: The version of tables that are not there yet, not all of them.
NOTHING: Final = 0


@attrs.frozen
class Migration:
    """What ``migrate`` did.

    :ivar before: the version of the tables as they were found; 0 where there were none, or not all
    :ivar after: the version that they have now
    """

    before: int
    after: int

    def __str__(self) -> str:
        if self.before == self.after:
            return f"the tables have schema version {self.after} already"
        if self.before == NOTHING:
            return f"made the tables, with schema version {self.after}"
        return f"brought the tables from schema version {self.before} to {self.after}"


def latest(steps: Sequence[Step]) -> int:
    """Return the version that steps lead to."""
    return len(steps) + 1


Versions = Mapping[str, int]


def versions_of(connection: sa.Connection, tables: Tables) -> Versions | None:
    """Return the rows about versions, None if there are no tables."""
    if not sa.inspect(connection).has_table(tables.meta.name, schema=tables.metadata.schema):
        return None
    rows = connection.execute(sa.select(tables.meta.c.name, tables.meta.c.number)).fetchall()
    return {row[0]: row[1] for row in rows}


def check_node(versions: Versions, version: int) -> None:
    """Make sure that nodes of this version may work on. :raise SchemaVersionError: when they are too old"""
    if versions.get(OLDEST_NODE, version) > version:
        raise SchemaVersionError(_newest(versions), version)


def version_of(connection: sa.Connection, tables: Tables, steps: Sequence[Step]) -> int | None:
    """Return the version of the tables, None if there are none; those that are half made have none yet: 0.

    :raise SchemaVersionError: when they were made by a newer version of anysched, or one has begun to change them
    """
    versions = versions_of(connection, tables)
    if versions is None:
        return None
    if _newest(versions) > latest(steps):
        raise SchemaVersionError(_newest(versions), latest(steps))
    return versions.get(SCHEMA_VERSION)


def _newest(versions: Versions) -> int:
    return max(versions.get(SCHEMA_VERSION, NOTHING), versions.get(OLDEST_NODE, NOTHING))


def migrate(
    connection: sa.Connection, tables: Tables, dialect: Dialect, steps: Sequence[Step] = STEPS
) -> Migration:
    """Make the tables, or bring them up to date; in a transaction that may write, while others are kept from it.

    What was cut off, where no transaction holds what changes tables, is taken up where it ended.

    :raise SchemaVersionError: when they were made by a newer version of anysched
    """
    found = version_of(connection, tables, steps)  # somebody else may have been first
    if not found:
        _make(connection, tables, steps, begun=found == NOTHING)
        return Migration(NOTHING, latest(steps))
    for version, step in enumerate(steps[found - 1 :], found + 1):
        if not step.older_go_on:
            shut_out(connection, tables, dialect, version)
        for change in step.changes:
            if change.is_made is None or not change.is_made(sa.inspect(connection), tables):
                connection.execute(change.statement(tables, connection.dialect))
        connection.execute(setting(tables, SCHEMA_VERSION, version))
    return Migration(found, latest(steps))


def shut_out(
    connection: sa.Connection | MockConnection, tables: Tables, dialect: Dialect, version: int
) -> None:
    """Let no node that is older than a version make another pass, and have those end that are under way."""
    connection.execute(setting(tables, OLDEST_NODE, version))
    if dialect.drain_readers:
        name = connection.dialect.identifier_preparer.format_table(tables.meta)
        connection.execute(sa.text(dialect.drain_readers.format(name)))


def setting(tables: Tables, name: str, number: int) -> sa.Update:
    """Return what writes a row about versions."""
    return tables.meta.update().where(tables.meta.c.name == name).values(number=number)


def _make(connection: sa.Connection, tables: Tables, steps: Sequence[Step], *, begun: bool) -> None:
    """Make the tables, in a way that can be begun again where a transaction does not hold what makes tables."""
    others = _others(tables)
    inspector = sa.inspect(connection)
    found = [table for table in others if inspector.has_table(table.name, schema=table.schema)]
    if found and not begun:
        raise StoreError(f"table {found[0].name} already exists, and was not made by anysched")
    if not begun:
        begin(connection, tables, steps)
    tables.metadata.drop_all(connection, found, checkfirst=False)  # perhaps without all indexes
    finish(connection, tables, steps)


def begin(connection: sa.Connection | MockConnection, tables: Tables, steps: Sequence[Step]) -> None:
    """Begin to make tables, so that what is cut off can be told from what is somebody else's."""
    oldest = max((version for version, step in enumerate(steps, 2) if not step.older_go_on), default=1)
    revisions = {TASKS_REVISION: 0, HOLDS_REVISION: 0, ZONES_REVISION: 0}
    rows = {SCHEMA_VERSION: NOTHING, OLDEST_NODE: oldest, **revisions}
    tables.meta.create(connection, checkfirst=True)
    connection.execute(
        tables.meta.insert().values([{"name": name, "number": number} for name, number in rows.items()])
    )


def finish(connection: sa.Connection | MockConnection, tables: Tables, steps: Sequence[Step]) -> None:
    """Make the other tables."""
    for table in _others(tables):
        connection.execute(CreateTable(table))
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            index.create(connection, checkfirst=False)
    connection.execute(setting(tables, SCHEMA_VERSION, latest(steps)))


def _others(tables: Tables) -> list[sa.Table]:
    return [table for table in tables.metadata.sorted_tables if table is not tables.meta]
