"""Event brokers: within a process, and between nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anysched.brokers.local import LocalEventBroker as LocalEventBroker
from anysched.errors import AnyschedError as _AnyschedError

if TYPE_CHECKING:
    from anysched.brokers.redis import RedisEventBroker as RedisEventBroker


def __getattr__(name: str) -> Any:
    """Import what needs a client of Redis only when it is asked for."""
    if name != "RedisEventBroker":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from anysched.brokers.redis import RedisEventBroker
    except ModuleNotFoundError as exc:
        if (exc.name or "").partition(".")[0] != "coredis":
            raise
        raise _AnyschedError("events over Redis need coredis: pip install 'anysched[redis]'") from exc
    return RedisEventBroker
