"""Time-ordered ids, made cheaply."""

from __future__ import annotations

import os
import struct
import sys
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID, SafeUUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_VERSION_AND_VARIANT = (0x7 << 76) | (0x2 << 62)
_WORDS = struct.Struct("=512Q")
_set = object.__setattr__
_UNKNOWN = SafeUUID.unknown  # which is a property, and slow to read


class IdFactory:
    """Makes UUIDs of version 7 (RFC 9562): the millisecond, then a number that grows, then chance.

    So those made in this process for one instant sort as they were made. Any thread may call it: each step
    on what is shared is one that no other thread can divide. Chance is drawn in blocks, because a system call
    for each id would cost more than all the rest, and what an instant comes to is kept for the next id, as
    decisions about very many schedules are made at one.
    """

    def __init__(self) -> None:
        self._number = count(int.from_bytes(os.urandom(4), "big") >> 1)  # far from wrapping around
        self._chance: list[int] = []
        self._instant = _EPOCH, _VERSION_AND_VARIANT

    def __call__(self, now: datetime) -> UUID:
        # The initializer of UUID looks for five other forms first, for half of what an id costs.
        made = object.__new__(UUID)
        _set(made, "int", self._draw(now))
        _set(made, "is_safe", _UNKNOWN)
        return made

    def text(self, now: datetime) -> str:
        """Return the 32 hexadecimal digits of a new id."""
        return f"{self._draw(now):032x}"

    def _draw(self, now: datetime) -> int:
        number = next(self._number)
        try:
            chance = self._chance.pop()
        except IndexError:
            chance, *others = [word >> 22 for word in _WORDS.unpack(os.urandom(_WORDS.size))]
            self._chance.extend(others)
        instant, fixed = self._instant
        if instant is not now:
            fixed = ((now - _EPOCH) // _MILLISECOND & 0xFFFF_FFFF_FFFF) << 80 | _VERSION_AND_VARIANT
            self._instant = now, fixed
        return fixed | (number & 0xFFF0_0000) << 44 | (number & 0xF_FFFF) << 42 | chance

    def forget(self) -> None:
        """Draw anew: a process that was forked must not repeat the ids of the other."""
        self._chance.clear()


new_id: IdFactory = IdFactory()
if sys.platform != "win32":
    os.register_at_fork(after_in_child=new_id.forget)
