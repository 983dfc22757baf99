"""Datetimes from users (rule T1)."""

from __future__ import annotations

from datetime import datetime, tzinfo

from anysched.model.convert import utc


def aware(value: datetime, timezone: tzinfo, name: str) -> datetime:
    """Return an instant in UTC; a naive one is meant in the time zone given.

    :raise TypeError, ValueError: naming the argument
    """
    if isinstance(value, datetime) and value.utcoffset() is None:
        value = value.replace(tzinfo=timezone)
    return utc(value, name)
