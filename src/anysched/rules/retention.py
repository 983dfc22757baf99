"""How long things are kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_END = datetime.max.replace(tzinfo=UTC)


def expiry(finished_at: datetime, lifetime: timedelta) -> datetime:
    """Return the instant until which a result is kept; for ever where the calendar ends first."""
    return finished_at + lifetime if lifetime < _END - finished_at else _END
