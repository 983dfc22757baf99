"""Data stores: in memory, and in a database."""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import TYPE_CHECKING, Any

from anysched.errors import StoreError as _StoreError
from anysched.stores.memory import MemoryDataStore as MemoryDataStore

if TYPE_CHECKING:
    from anysched.stores.sql.administration import migrate as migrate
    from anysched.stores.sql.administration import migration_sql as migration_sql
    from anysched.stores.sql.migrations import Migration as Migration
    from anysched.stores.sql.store import SQLDataStore as SQLDataStore

#: What needs SQLAlchemy, and where it is.
_SQL = {
    "SQLDataStore": "store",
    "Migration": "migrations",
    "migrate": "administration",
    "migration_sql": "administration",
}


def __getattr__(name: str) -> Any:
    """Import what needs SQLAlchemy only when it is asked for."""
    if name not in _SQL:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = _import_module(f"anysched.stores.sql.{_SQL[name]}")
    except ModuleNotFoundError as exc:
        if (exc.name or "").partition(".")[0] != "sqlalchemy":
            raise
        raise _StoreError("a data store in a database needs SQLAlchemy: pip install 'anysched[sql]'") from exc
    return getattr(module, name)
