"""Instants as numbers: microseconds since the epoch, in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from anysched._clock import microseconds

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
FIRST: Final = microseconds(datetime.min.replace(tzinfo=UTC) - EPOCH)
LAST: Final = microseconds(datetime.max.replace(tzinfo=UTC) - EPOCH)


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
