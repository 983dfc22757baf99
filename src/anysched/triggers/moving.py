"""The fire times of a trigger that are moved, cut off, or added up (rule T11)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import combinations

from anysched.model.trigger import CountingTrigger, Trigger
from anysched.triggers.asking import ask, ask_back, grid_of
from anysched.triggers.base import EPOCH, LAST_INSTANT

#: A union of more parts is not looked through for pairs that might meet.
_MOST_COUNTED = 16


def moved(instant: datetime, by: timedelta) -> datetime:
    """Return an instant so much later, or the beginning or end of the calendar where that comes first."""
    if by > LAST_INSTANT - instant:
        return LAST_INSTANT
    return EPOCH if by < EPOCH - instant else instant + by


def next_shifted(
    trigger: Trigger, offset: timedelta, after: datetime, anchor: datetime, key: str
) -> datetime | None:
    """Return the first fire time strictly after an instant of a trigger that is shifted."""
    since = moved(after, -offset)
    if since >= LAST_INSTANT:
        return None
    found = ask(trigger, since, anchor, key)
    return None if found is None or offset > LAST_INSTANT - found else found + offset


def last_shifted(
    trigger: Trigger, offset: timedelta, until: datetime, anchor: datetime, key: str
) -> datetime | None:
    """Return the latest fire time at or before an instant of a trigger that is shifted."""
    if offset > until - EPOCH:
        return None
    found = ask_back(trigger, moved(until, -offset), anchor, key)
    return None if found is None or offset < EPOCH - found else found + offset


def next_within(
    trigger: Trigger, bounds: tuple[datetime, datetime], after: datetime, anchor: datetime, key: str
) -> datetime | None:
    """Return the first fire time strictly after an instant that lies within bounds: after one, up to another."""
    after = max(after, bounds[0])
    found = ask(trigger, after, anchor, key) if after < bounds[1] else None
    return None if found is None or found > bounds[1] else found


def last_within(
    trigger: Trigger, bounds: tuple[datetime, datetime], until: datetime, anchor: datetime, key: str
) -> datetime | None:
    """Return the latest fire time at or before an instant that lies within bounds: after one, up to another."""
    found = ask_back(trigger, min(until, bounds[1]), anchor, key)
    return None if found is None or found <= bounds[0] else found


def counted(trigger: Trigger, after: datetime, until: datetime, anchor: datetime, key: str) -> int | None:
    """Return how many fire times lie in (after, until], or None where the trigger cannot tell."""
    if until <= after:
        return 0
    if not isinstance(trigger, CountingTrigger):
        return None
    return trigger.count_fire_times(after, until, anchor=anchor, key=key)


def counted_apart(
    parts: Sequence[Trigger], after: datetime, until: datetime, anchor: datetime, key: str
) -> int | None:
    """Return how many fire times parts have together, or None where some may meet, or cannot tell."""
    if len(parts) > _MOST_COUNTED:
        return None
    grids = [grid_of(part, after, anchor, key) for part in parts]
    if any(one.common(other) is not None for one, other in combinations(grids, 2)):
        return None
    numbers = [counted(part, after, until, anchor, key) for part in parts]
    known = [number for number in numbers if number is not None]
    return sum(known) if len(known) == len(numbers) else None
