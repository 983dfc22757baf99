"""How long things are kept."""

from __future__ import annotations

from datetime import datetime, timedelta

from anysched.rules.times import END, later


def expiry(finished_at: datetime, lifetime: timedelta) -> datetime:
    """Return the instant until which a result is kept; for ever where the calendar ends first."""
    return later(finished_at, lifetime) or END


def is_kept(at: datetime, lifetime: timedelta | None, now: datetime) -> bool:
    """Return whether what was written at an instant is kept still; without a lifetime nothing is."""
    return lifetime is not None and now - at <= lifetime
