"""What a scheduler is made of where nobody names a part: store, broker, executors, identity."""

from __future__ import annotations

from collections.abc import Mapping
from os import getpid
from secrets import token_hex
from socket import gethostname

from anysched.errors import SerializationError
from anysched.executors import AsyncJobExecutor, ProcessJobExecutor, ThreadJobExecutor
from anysched.model import convert
from anysched.model.trigger import Trigger
from anysched.ports.broker import EventBroker, EventServer
from anysched.ports.executor import JobExecutor
from anysched.ports.store import DataStore
from anysched.stores.memory import MemoryDataStore
from anysched.wire.values import to_plain


def made_up_identity() -> str:
    """Return a name that no other node bears."""
    return f"{gethostname()}-{getpid()}-{token_hex(4)}"


def store_of(data_store: DataStore | str | None) -> DataStore:
    """Return the data store that is given, named by its URL, or made because there is none."""
    if data_store is None:
        return MemoryDataStore()
    if not isinstance(data_store, str):
        if not callable(getattr(data_store, "advance", None)):
            raise TypeError(f"data_store must be a data store or the URL of a database, not {data_store!r}")
        return data_store
    from anysched.stores import SQLDataStore  # needs SQLAlchemy, which not everybody has

    return SQLDataStore(data_store)


def broker_over(server: EventServer) -> EventBroker:
    """Return what tells other nodes over the server that keeps a store. It needs the driver, which the store has."""
    from anysched.brokers.postgresql import PostgreSQLEventBroker

    return PostgreSQLEventBroker(server)


def executors(own: Mapping[str, JobExecutor]) -> dict[str, JobExecutor]:
    """Return job executors by name, those that are always there included."""
    for name in own:
        convert.identifier(name, "the name of a job executor")
    builtin: dict[str, JobExecutor] = {
        "async": AsyncJobExecutor(),
        "thread": ThreadJobExecutor(),
        "process": ProcessJobExecutor(),
    }
    return {**builtin, **own}


def same_trigger(one: Trigger, other: Trigger) -> bool:
    """Return whether two triggers are written the same way (rule S1)."""
    if one == other:
        return True
    try:
        return bool(to_plain(one) == to_plain(other))
    except SerializationError:
        return False
