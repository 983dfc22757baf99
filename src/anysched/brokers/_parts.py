"""Messages of any length over a channel that carries short ones, in order and without gaps within a message."""

from __future__ import annotations

import re
from typing import Final

from anysched.brokers._envelope import LONGEST

#: The most bytes of a part; PostgreSQL carries up to 7,999, and a part is headed by two numbers.
PART: Final = 7_900

_MOST: Final = -(-LONGEST // PART)
_HEAD: Final = re.compile(rb"(\d{1,4})/(\d{1,4}) ")


def split(data: bytes) -> list[bytes]:
    """Return the parts of a message. They are numbered, as equal ones would be carried once."""
    count = max(1, -(-len(data) // PART))
    return [b"%d/%d %s" % (n + 1, count, data[n * PART : (n + 1) * PART]) for n in range(count)]


class Joined:
    """Puts the parts of messages together as they come; those of a message come one after the other."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._count = 0

    def add(self, part: bytes) -> bytes | None:
        """Return a message when it is complete, and what is no part as it is; nothing is kept of a broken one."""
        head = _HEAD.match(part)
        if head is None:
            return part
        number, count = map(int, head.groups())
        if number == 1:
            self._parts, self._count = [], count
        if not (number == len(self._parts) + 1 and number <= count == self._count <= _MOST):
            self._parts, self._count = [], 0
            return None
        self._parts.append(part[head.end() :])
        if number < count:
            return None
        data, self._parts = b"".join(self._parts), []
        return data
