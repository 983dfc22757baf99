"""Instants and the distances between them, up to both ends of the calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

TICK: Final = timedelta(microseconds=1)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
BEGINNING: Final = datetime.min.replace(tzinfo=UTC)
END: Final = datetime.max.replace(tzinfo=UTC)


def later(instant: datetime, by: timedelta) -> datetime | None:
    """Return an instant moved forward, or None where the calendar ends first."""
    return instant + by if by <= END - instant else None


def earlier(instant: datetime, by: timedelta) -> datetime:
    """Return an instant moved backward, or the beginning of the calendar where that comes first."""
    return instant - by if by <= instant - BEGINNING else BEGINNING


def spaced(start: datetime, spacing: timedelta, number: int) -> datetime:
    """Return the instant so many spacings after a start, or the end of the calendar where that comes first."""
    return start + number * spacing if number == 0 or spacing <= (END - start) // number else END
