"""What an event broker offers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

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
