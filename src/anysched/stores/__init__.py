"""Data stores: in memory, and in a database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anysched.errors import StoreError as _StoreError
from anysched.stores.memory import MemoryDataStore as MemoryDataStore

if TYPE_CHECKING:
    from anysched.stores.sql.store import SQLDataStore as SQLDataStore


def __getattr__(name: str) -> Any:
    """Import what needs SQLAlchemy only when it is asked for."""
    if name != "SQLDataStore":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from anysched.stores.sql.store import SQLDataStore
    except ModuleNotFoundError as exc:
        if (exc.name or "").partition(".")[0] != "sqlalchemy":
            raise
        raise _StoreError("a data store in a database needs SQLAlchemy: pip install 'anysched[sql]'") from exc
    return SQLDataStore
