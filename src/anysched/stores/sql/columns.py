"""Values as columns hold them: instants are microseconds since the epoch in UTC, ids are 32 hexadecimal digits."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

from anysched._clock import microseconds
from anysched.errors import DeserializationError
from anysched.wire.instants import EPOCH as EPOCH
from anysched.wire.instants import FIRST as FIRST
from anysched.wire.instants import LAST as LAST
from anysched.wire.instants import from_instant as from_instant
from anysched.wire.instants import from_optional_instant as from_optional_instant
from anysched.wire.instants import to_instant as to_instant
from anysched.wire.instants import to_optional_instant as to_optional_instant
from anysched.wire.text import text_writer

#: The longest duration that is kept exactly; what is longer means the same: for ever.
LONGEST: Final = 1 << 62

_ENCODE: Final = text_writer()


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
