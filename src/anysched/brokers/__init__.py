"""Event brokers: within a process, and between nodes."""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import TYPE_CHECKING, Any

from anysched.brokers.local import LocalEventBroker as LocalEventBroker
from anysched.errors import AnyschedError as _AnyschedError

if TYPE_CHECKING:
    from anysched.brokers.postgresql import PostgreSQLEventBroker as PostgreSQLEventBroker
    from anysched.brokers.redis import RedisEventBroker as RedisEventBroker

#: Where a name lives that needs a driver, the driver, and what it is for.
_LAZY: dict[str, tuple[str, str, str]] = {
    "PostgreSQLEventBroker": ("postgresql", "psycopg", "PostgreSQL"),
    "RedisEventBroker": ("redis", "coredis", "Redis"),
}


def __getattr__(name: str) -> Any:
    """Import what needs a driver only when it is asked for."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, driver, server = _LAZY[name]
    try:
        return getattr(_import_module(f"anysched.brokers.{module}"), name)
    except ModuleNotFoundError as exc:
        if (exc.name or "").partition(".")[0] != driver:
            raise
        raise _AnyschedError(f"events over {server} need {driver}: pip install 'anysched[{module}]'") from exc
