"""What the tests of triggers share."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from anysched.model.trigger import Trigger

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def walk(trigger: Trigger, after: datetime, *, anchor: datetime = NEW_YEAR) -> Iterator[datetime]:
    """Yield the fire times after an instant, one by one."""
    found = trigger.next_fire_time(after, anchor=anchor)
    while found is not None:
        yield found
        found = trigger.next_fire_time(found, anchor=anchor)


def first(count: int, trigger: Trigger, after: datetime, *, anchor: datetime = NEW_YEAR) -> list[datetime]:
    """Return the first fire times after an instant."""
    return list(islice(walk(trigger, after, anchor=anchor), count))


def between(
    trigger: Trigger, after: datetime, until: datetime, *, anchor: datetime = NEW_YEAR
) -> list[datetime]:
    """Return the fire times in (after, until]."""
    return list(takewhile(lambda found: found <= until, walk(trigger, after, anchor=anchor)))


def at(zone: str, year: int, month: int, day: int, hour: int = 0, minute: int = 0, fold: int = 0) -> datetime:
    """Return the instant of a wall time."""
    return datetime(year, month, day, hour, minute, tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


def wall(instant: datetime, zone: str) -> str:
    """Return what the wall clock of a zone shows, with its offset."""
    return instant.astimezone(ZoneInfo(zone)).strftime("%d %H:%M%z")
