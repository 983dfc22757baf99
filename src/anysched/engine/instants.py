"""Datetimes from users (rule T1)."""

from __future__ import annotations

from datetime import datetime, tzinfo

from anysched.model.convert import utc
from anysched.model.trigger import Trigger


def aware(value: datetime, timezone: tzinfo, name: str) -> datetime:
    """Return an instant in UTC; a naive one is meant in the time zone given.

    :raise TypeError, ValueError: naming the argument
    """
    if isinstance(value, datetime) and value.utcoffset() is None:
        value = value.replace(tzinfo=timezone)
    return utc(value, name)


def own_timezone(trigger: Trigger) -> tzinfo | None:
    """Return the time zone of a trigger that has one."""
    timezone = getattr(trigger, "timezone", None)
    return timezone if isinstance(timezone, tzinfo) else None
