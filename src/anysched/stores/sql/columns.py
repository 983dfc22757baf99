"""Values as columns hold them: instants are microseconds since the epoch in UTC, ids are 32 hexadecimal digits."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from anysched._clock import microseconds
from anysched.errors import DeserializationError

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
FIRST: Final = microseconds(datetime.min.replace(tzinfo=UTC) - EPOCH)
LAST: Final = microseconds(datetime.max.replace(tzinfo=UTC) - EPOCH)

#: The longest duration that is kept exactly; what is longer means the same: for ever.
LONGEST: Final = 1 << 62

_ENCODE: Final = json.JSONEncoder(check_circular=False, separators=(",", ":")).encode


def from_instant(instant: datetime) -> int:
    """Return an instant as a number."""
    since = instant - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def to_instant(number: int) -> datetime:
    """Return the instant of a number; one beyond the calendar is moved to its end."""
    try:
        return EPOCH + timedelta(0, 0, number)
    except OverflowError:
        return EPOCH + timedelta(0, 0, FIRST if number < 0 else LAST)


def from_optional_instant(instant: datetime | None) -> int | None:
    """Return an instant as a number, None as it is."""
    return None if instant is None else from_instant(instant)


def to_optional_instant(number: int | None) -> datetime | None:
    """Return the instant of a number, None as it is."""
    return None if number is None else to_instant(number)


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
