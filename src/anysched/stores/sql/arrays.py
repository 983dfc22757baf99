"""Arrays of PostgreSQL as text; the driver takes many times longer to make one of a list."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

#: The type of an array in the database, for each type of values.
ARRAYS: Final[Mapping[type, str]] = {int: "bigint[]", str: "text[]", bytes: "bytea[]"}


def array_of(kind: type, values: Sequence[Any]) -> str:
    """Return the text of an array of values of one type, or None among them."""
    write = _WRITE[kind]
    number, first = len(values), values[0] if values else None
    if number > 1 and values.count(first) == number:  # most columns say the same in all rows of a batch
        return "{" + ",".join(["NULL" if first is None else write(first)] * number) + "}"
    return "{" + ",".join(["NULL" if value is None else write(value) for value in values]) + "}"


def _quoted(text: str) -> str:
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _hexadecimal(data: bytes) -> str:
    return f'"\\\\x{data.hex()}"'


_WRITE: Final[Mapping[type, Callable[[Any], str]]] = {int: int.__repr__, str: _quoted, bytes: _hexadecimal}
