"""What an event broker offers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import attrs

from anysched.model.events import Event

Listener = Callable[[Sequence[Event]], None]


class EventBroker(Protocol):
    """Tells schedulers, here and elsewhere, that something changed (rule N2)."""

    @property
    def error(self) -> str | None:
        """Why nothing is heard of other nodes at the moment, else None."""
        ...

    async def start(self) -> None:
        """Get ready; every successful ``start`` is paired with one ``stop``."""
        ...

    async def stop(self) -> None:
        """Let go of what ``start`` took."""
        ...

    def publish(self, events: Sequence[Event]) -> None:
        """Hand events on, in order. Never raises, never waits: a broker that sends them far keeps its own queue."""
        ...

    def subscribe(self, listener: Listener, types: Iterable[type[Event]]) -> Callable[[], None]:
        """Call ``listener`` with the events of these types, on the event loop, until the returned function is called.

        A listener must not block and must not raise; one that raises is logged.
        """
        ...

    def wants(self, event_type: type[Event]) -> bool:
        """Tell whether anybody listens to a type, so that events nobody wants need not be made."""
        ...


@attrs.frozen
class EventServer:
    """A PostgreSQL server over which the nodes that share a store can tell each other of changes.

    :ivar connect: returns a connection of psycopg in autocommit mode, which is the caller's; blocks, in any thread
    :ivar address: what the server is called in messages; holds no password (rule N7)
    :ivar schema: where the tables of the store are; None for the first schema that such a connection looks in
    :ivar table_prefix: what the names of the tables begin with
    """

    connect: Callable[[], Any] = attrs.field(repr=False)
    address: str
    schema: str | None
    table_prefix: str


#: Makes a broker: stores and brokers do not know each other, and who puts them together brings this.
MakeBroker = Callable[[EventServer], EventBroker]
