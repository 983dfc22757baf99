"""Steps that there are not: what later versions might do to the tables."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from tests.unit.stores.sql.servers import Server

from anysched.stores import SQLDataStore
from anysched.stores.sql import migrations
from anysched.stores.sql.schema import Name, Tables, Text
from anysched.stores.sql.steps import Change, Step, add_column, add_index, add_table, execute

COLOURED = "100% red: a'b"

#: Nodes of version 1 do not see what this adds.
ADDITIVE = Step(
    older_go_on=True,
    changes=[
        add_column("schedules", "colour", Name),
        add_column("schedules", "notes", Text),
        add_index("schedules", "schedules_colour", "colour"),
        add_table(
            "palette", lambda: [sa.Column("id", Name, primary_key=True), sa.Column("n", sa.BigInteger)]
        ),
        execute("UPDATE {schedules} SET colour = '100% red: a''b' WHERE colour IS NULL"),
    ],
)

#: Who does not know of sizes, would do harm.
BREAKING = Step(older_go_on=False, changes=[add_column("jobs", "size", sa.Integer, default="7")])


def _renamed(inspector: sa.Inspector, tables: Tables) -> bool:
    columns = inspector.get_columns(tables.results.name, schema=tables.metadata.schema)
    return "was_outcome" in {column["name"] for column in columns}


def _rename(tables: Tables, dialect: sa.Dialect) -> sa.Executable:
    table = dialect.identifier_preparer.format_table(tables.results)
    return sa.text(f"ALTER TABLE {table} RENAME COLUMN outcome TO was_outcome")


#: After this, statements of version 1 fail.
RENAMING = Step(older_go_on=False, changes=[Change(_rename, _renamed)])


def store_of(server: Server, *steps: Step, **options: Any) -> SQLDataStore:
    """Return a store as a version of anysched makes it that has these steps; without any, it is of version 1."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migrations, "STEPS", steps)
        return server.store(**options)
