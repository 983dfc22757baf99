"""Values as columns hold them: instants are microseconds since the epoch in UTC, ids are 32 hexadecimal digits."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from anysched._clock import microseconds
from anysched.errors import DeserializationError
from anysched.wire import instants
from anysched.wire.instants import EPOCH as EPOCH
from anysched.wire.instants import FIRST as FIRST
from anysched.wire.instants import LAST as LAST
from anysched.wire.instants import from_instant as from_instant
from anysched.wire.instants import from_optional_instant as from_optional_instant
from anysched.wire.text import text_writer

#: The longest duration that is kept exactly; what is longer means the same: for ever.
LONGEST: Final = 1 << 62

_ENCODE: Final = text_writer()


@lru_cache(maxsize=1024)
def to_instant(number: int) -> datetime:
    """Return the instant of a number; what is due together has the same, which takes a tenth of the time then."""
    return instants.to_instant(number)


def to_optional_instant(number: int | None) -> datetime | None:
    """Return the instant of a number, None as it is."""
    return None if number is None else to_instant(number)


def to_id(text: str) -> UUID:
    """Return the id of a text. :raise TypeError, ValueError: when that is damaged"""
    return UUID(bytes=bytes.fromhex(text))


def from_duration(duration: timedelta) -> int:
    """Return a duration as a number."""
    return min(microseconds(duration), LONGEST)


def to_duration(number: int) -> timedelta:
    """Return the duration of a number."""
    return timedelta(0, 0, number)


def to_json(plain: object) -> str:
    """Return plain data as text."""
    return _ENCODE(plain)


def json_array(items: Iterable[str]) -> str:
    """Return strings as the text of an array, as statements take sets."""
    return _ENCODE(list(items))


def from_json(text: str) -> Any:
    """Return plain data. :raise DeserializationError: when the text is damaged"""
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError) as exc:
        raise DeserializationError(f"the stored record is damaged: {exc}") from exc
