"""What leads from one version of the tables to the next: changes that can be made, found made, and written down.

A step is of its time: it says what it adds in full, and takes nothing but names from the tables as they are today.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateIndex, CreateTable, ExecutableDDLElement
from sqlalchemy.sql.compiler import DDLCompiler
from sqlalchemy.sql.elements import quoted_name

from anysched.stores.sql.schema import TABLE_OPTIONS, Tables


@attrs.frozen
class Change:
    """One statement.

    :ivar statement: what makes the change in the tables of a store
    :ivar is_made: tells whether it was made already, as MariaDB and MySQL keep what a step has done that is cut off;
        without it, the statement may be executed twice
    """

    statement: Callable[[Tables, sa.Dialect], sa.Executable]
    is_made: Callable[[sa.Inspector, Tables], bool] | None = None


@attrs.frozen(kw_only=True)
class Step:
    """Changes tables of one version into those of the next.

    :ivar older_go_on: whether nodes of the version before may work on beside newer ones: each can do with whatever the
        other writes. If not, they stop as soon as the step begins.
    """

    changes: Sequence[Change]
    older_go_on: bool


class _AddColumn(ExecutableDDLElement):
    def __init__(self, column: sa.Column[Any]) -> None:
        self.column = column


@compiles(_AddColumn)
def _add_column(element: _AddColumn, compiler: DDLCompiler, **_: Any) -> str:
    table = compiler.preparer.format_table(element.column.table)
    return f"ALTER TABLE {table} ADD COLUMN {compiler.get_column_specification(element.column)}"


def add_column(
    table: str,
    name: str,
    kind: type[sa.types.TypeEngine[Any]] | sa.types.TypeEngine[Any],
    default: str | None = None,
) -> Change:
    """Add a column that may be NULL, or is not and has what SQL says as its ``default``, in older rows too."""

    def statement(tables: Tables, _: sa.Dialect) -> sa.Executable:
        value = None if default is None else sa.text(default)
        column = sa.Column(name, kind, nullable=default is None, server_default=value)
        _table(tables, table, column)
        return _AddColumn(column)

    def is_made(inspector: sa.Inspector, tables: Tables) -> bool:
        columns = inspector.get_columns(tables.prefix + table, schema=tables.metadata.schema)
        return name in {column["name"] for column in columns}

    return Change(statement, is_made)


def add_index(table: str, name: str, *columns: str, **options: Any) -> Change:
    """Add an index; ``options`` are those of SQLAlchemy."""

    def statement(tables: Tables, _: sa.Dialect) -> sa.Executable:
        index = sa.Index(quoted_name(tables.prefix + name, quote=True), *columns, **options)
        _table(tables, table, *(sa.Column(column, sa.Text) for column in columns), index)
        return CreateIndex(index)

    def is_made(inspector: sa.Inspector, tables: Tables) -> bool:
        indexes = inspector.get_indexes(tables.prefix + table, schema=tables.metadata.schema)
        return tables.prefix + name in {index["name"] for index in indexes}

    return Change(statement, is_made)


def add_table(name: str, columns: Callable[[], Sequence[sa.Column[Any]]]) -> Change:
    """Add a table, of new columns each time; its indexes are changes of their own."""

    def statement(tables: Tables, _: sa.Dialect) -> sa.Executable:
        return CreateTable(_table(tables, name, *columns()))

    def is_made(inspector: sa.Inspector, tables: Tables) -> bool:
        return inspector.has_table(tables.prefix + name, schema=tables.metadata.schema)

    return Change(statement, is_made)


def execute(text: str) -> Change:
    """Execute SQL that may be executed twice; ``{jobs}`` and the like are the names of tables."""

    def statement(tables: Tables, dialect: sa.Dialect) -> sa.Executable:
        known = {table.name.removeprefix(tables.prefix): table for table in tables.metadata.sorted_tables}
        quote = dialect.identifier_preparer.format_table
        named = text.format(**{name: quote(table) for name, table in known.items()})
        return sa.text(named.replace(":", r"\:"))

    return Change(statement)


def _table(tables: Tables, name: str, *items: sa.schema.SchemaItem) -> sa.Table:
    """Return a table that has nothing but what a statement is about."""
    metadata = sa.MetaData(schema=tables.metadata.schema)
    return sa.Table(quoted_name(tables.prefix + name, quote=True), metadata, *items, **TABLE_OPTIONS)
