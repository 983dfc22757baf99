"""Writing statements as a driver takes them: names and sets put in, parameters by position, each compiled once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Literal, cast

import sqlalchemy as sa
from sqlalchemy.engine.default import DefaultDialect

from anysched.stores.sql.dialects import Dialect, Many, Parameters, RowByRow
from anysched.stores.sql.schema import Tables

#: What writes statements for rows: for many at once, or for one.
Forms = Dialect | RowByRow


class Writer:
    """Writes statements for the tables of a store and the driver of its database.

    :ivar dialect: what differs between databases
    """

    def __init__(
        self, tables: Tables, engine: sa.Engine, dialect: Dialect, columns: Mapping[str, str]
    ) -> None:
        self.dialect = dialect
        self._quote = quote = engine.dialect.identifier_preparer.format_table
        prefix = tables.prefix
        names = {table.name.removeprefix(prefix): quote(table) for table in tables.metadata.tables.values()}
        names |= {
            **columns,
            "lock": dialect.lock,
            "lock_shared": dialect.lock_shared,
            "lock_unlocked": dialect.lock_unlocked,
            "lock_existence": dialect.lock_existence,
            "by_existence": dialect.by_existence,
            "by_key": dialect.by_key,
            "index_due": _index(tables.schedules, "schedules_due", engine),
            "index_ready": _index(tables.jobs, "jobs_ready", engine),
        }
        names["by_due"] = dialect.by_due.format(**names)
        self._names = names
        self._kind = cast("Callable[..., DefaultDialect]", type(engine.dialect))

    def sql(self, text: str) -> str:
        """Return a statement, given with names in braces."""
        sets = {"in_": _Set(self.dialect.among), "not_in": _Set(self.dialect.not_among)}
        text = text.format(**self._names, **sets)
        return _compiled(" ".join(text.split()), self._kind, self.dialect.paramstyle)

    def insert(self, table: sa.Table, columns: str, ending: str = "") -> Many:
        """Return what adds rows."""
        rows = _types(table, columns)
        return self._many(rows, lambda forms: f"{forms.insert(self._quote(table), rows)} {ending}", adds=True)

    def update(self, table: sa.Table, columns: str, keys: str, fixed: str = "") -> Many:
        """Return what changes the rows with these keys.

        :param fixed: what is set in all of them alike
        """
        rows = _types(table, columns) | _types(table, keys, "old_")

        def write(forms: Forms) -> str:
            changes = ", ".join(_equations(forms, columns)) + fixed
            return forms.update(self._quote(table), changes, _condition(forms, keys), rows)

        return self._many(rows, write)

    def delete(self, table: sa.Table, keys: str) -> Many:
        """Return what deletes the rows with these keys."""
        rows = _types(table, keys, "old_")
        return self._many(rows, lambda forms: forms.delete(self._quote(table), _condition(forms, keys), rows))

    def _many(self, rows: Parameters, write: Callable[[Forms], str], *, adds: bool = False) -> Many:
        many, one = (self.sql(write(forms)) for forms in (self.dialect, RowByRow()))
        return Many(many, tuple(rows.values()), one, adds)


def _condition(forms: Forms, keys: str) -> str:
    return " AND ".join(_equations(forms, keys, "old_"))


def _equations(forms: Forms, columns: str, prefix: str = "") -> list[str]:
    """Return ``column = parameter`` for each column."""
    return [f"{name} = {forms.value.format(prefix + name)}" for name in columns.split(", ")]


@lru_cache(maxsize=1024)
def _compiled(text: str, kind: Callable[..., DefaultDialect], paramstyle: Literal["qmark", "format"]) -> str:
    """Return a statement for the driver. Stores of one process mostly have the same statements."""
    return str(sa.text(text).compile(dialect=_dialect(kind, paramstyle)))


@cache
def _dialect(kind: Callable[..., DefaultDialect], paramstyle: Literal["qmark", "format"]) -> DefaultDialect:
    """Return what writes parameters by position."""
    return kind(paramstyle=paramstyle)


def _index(table: sa.Table, ending: str, engine: sa.Engine) -> str:
    """Return the name of an index, which begins with the prefix of the tables."""
    (name,) = (str(index.name) for index in table.indexes if str(index.name).endswith(ending))
    return engine.dialect.identifier_preparer.quote(name)


def _types(table: sa.Table, columns: str, prefix: str = "") -> dict[str, type]:
    """Return parameters for columns, and what values they take."""
    return {prefix + name: table.c[name].type.python_type for name in columns.split(", ")}


class _Set:
    """A condition about a set, by the name of the parameter."""

    def __init__(self, condition: str) -> None:
        self._condition = condition

    def __getattr__(self, parameter: str) -> str:
        return self._condition.format(parameter)
