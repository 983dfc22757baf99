"""What triggers answer, checked: whatever they do wrong comes out as ``TriggerError``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from operator import index
from typing import SupportsIndex, TypeVar

from anysched.errors import TriggerError

T = TypeVar("T")


def checked(found: object) -> datetime:
    """Return a plain datetime in UTC. :raise TriggerError: for something else than an aware datetime"""
    if not isinstance(found, datetime) or found.utcoffset() is None:
        raise TriggerError(f"the trigger must return an aware datetime or None, not {found!r}")
    utc = found.astimezone(UTC)
    return datetime(
        utc.year, utc.month, utc.day, utc.hour, utc.minute, utc.second, utc.microsecond, tzinfo=UTC
    )


def latest(found: object, until: datetime) -> datetime | None:
    """Return what a trigger says was its latest fire time by an instant."""
    if found is None:
        return None
    instant = checked(found)
    if instant > until:
        raise TriggerError(f"the trigger said that {instant} was its latest fire time by {until}")
    return instant


def number(answer: SupportsIndex | None) -> int | None:
    """Return how many fire times a trigger has counted."""
    found = None if answer is None else index(answer)
    if found is not None and found < 0:
        raise TriggerError(f"the trigger counted {found} fire times")
    return found


def guarded(ask: Callable[[], T]) -> T:
    """Return what a trigger answers."""
    try:
        return ask()
    except TriggerError:
        raise
    except Exception as exc:
        raise TriggerError(complaint(exc)) from exc


def complaint(exc: Exception) -> str:
    """Return in words what a trigger raised."""
    try:
        return f"the trigger raised {type(exc).__name__}: {exc}"
    except Exception:  # it cannot even be shown
        return f"the trigger raised {type(exc).__name__}"
