"""What a broker needs to reach other nodes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol


class EventsSwallowedError(Exception):
    """What stands between a node and the others carries no events, by its settings; the text names a remedy."""


class Connection(Protocol):
    """A way to all nodes, this one included, that has begun to listen."""

    async def send(self, data: bytes) -> None:
        """Send a message to everybody who listens now."""
        ...

    def receive(self) -> AsyncIterator[bytes]:
        """Yield messages as they come; raise when the connection is lost."""
        ...


class Transport(Protocol):
    """How to connect. Texts never hold a password (rule N7)."""

    address: str

    def connect(self) -> AbstractAsyncContextManager[Connection]:
        """Connect and begin to listen; raise when that fails."""
        ...

    def explain(self, error: BaseException) -> str:
        """Say what went wrong."""
        ...

    def refuses(self, error: BaseException) -> bool:
        """Tell whether trying again is no use, as somebody has to change a setting first."""
        ...


def innermost(error: BaseException) -> BaseException:
    """Return what was raised first, of what task groups have wrapped."""
    inner: tuple[BaseException, ...] = getattr(error, "exceptions", ())
    return innermost(inner[0]) if inner else error
