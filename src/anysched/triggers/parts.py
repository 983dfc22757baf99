"""A trigger as part of another: accepted, bound, and asked with care, as it may be anybody's."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

from anysched.errors import TriggerError
from anysched.model.trigger import BindableTrigger, Trigger


def is_trigger(value: object) -> bool:
    """Return whether a value can be asked for fire times."""
    return isinstance(value, Trigger) and not isinstance(value, type)


def require_part(value: Trigger, name: str) -> Trigger:
    """Return a trigger. :raise TypeError: naming the argument, for anything else"""
    if not is_trigger(value):
        raise TypeError(f"{name} must have a method next_fire_time(after, *, anchor, key): {value!r}")
    return value


def bound(trigger: Trigger, timezone: tzinfo) -> Trigger:
    """Return a trigger with what it left open taken from ``timezone`` (rule T1)."""
    return trigger.bind(timezone) if isinstance(trigger, BindableTrigger) else trigger


def zone_of(trigger: Trigger) -> tzinfo | None:
    """Return the time zone that a trigger names, if it does."""
    timezone = getattr(trigger, "timezone", None)
    return timezone if isinstance(timezone, tzinfo) else None


def ask(trigger: Trigger, after: datetime, anchor: datetime, key: str) -> datetime | None:
    """Return the next fire time of a part in UTC. :raise TriggerError: when it answers anything else than it may"""
    found = trigger.next_fire_time(after, anchor=anchor, key=key)
    if found is None:
        return None
    if not isinstance(found, datetime) or found.utcoffset() is None:
        raise TriggerError(f"{trigger!r} must return an aware datetime or None, and returned {found!r}")
    if found <= after:
        raise TriggerError(f"{trigger!r} must return an instant after {after}, and returned {found}")
    return found.astimezone(UTC)
