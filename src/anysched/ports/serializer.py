"""What a serializer offers."""

from __future__ import annotations

from typing import Any, Protocol


class Serializer(Protocol):
    """Turns arguments, results and metadata into bytes and back."""

    @property
    def name(self) -> str:
        """A short name, for messages."""
        ...

    def dumps(self, value: object) -> bytes:
        """Return bytes. :raise SerializationError: naming the value that cannot be written"""
        ...

    def loads(self, data: bytes) -> Any:
        """Return an equal value. :raise DeserializationError: whatever the bytes are"""
        ...
