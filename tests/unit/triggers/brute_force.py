"""Rules T6 and T7 in the slowest and plainest way: every minute is looked at, by what zoneinfo says of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


def allows(expression: str, moment: datetime) -> bool:
    """Return whether a five-field expression, in numbers, allows a wall time."""
    minute, hour, day, month, weekday = (
        expand(field, *bounds) for field, bounds in zip(expression.split(), RANGES, strict=True)
    )
    if moment.minute not in minute or moment.hour not in hour or moment.month not in month:
        return False
    on_day = moment.day in day
    on_weekday = bool({moment.isoweekday(), moment.isoweekday() % 7} & weekday)
    fields = expression.split()
    if fields[2].startswith("*") or fields[4].startswith("*"):
        return on_day and on_weekday
    return on_day or on_weekday


@cache
def expand(field: str, low: int, high: int) -> frozenset[int]:
    """Return the values of one field."""
    values: set[int] = set()
    for item in field.split(","):
        span, _, step = item.partition("/")
        first, _, last = (f"{low}-{high}" if span == "*" else span).partition("-")
        values |= set(range(int(first), int(last or first) + 1, int(step or 1)))
    return frozenset(values)


def fire_times(
    walls: Iterable[datetime], zone: ZoneInfo, gap: str = "after", fold: str = "first"
) -> list[datetime]:
    """Return the instants that wall times stand for under these policies."""
    return sorted({instant for moment in walls for instant in instants(moment, zone, gap, fold)})


def instants(moment: datetime, zone: ZoneInfo, gap: str, fold: str) -> Iterator[datetime]:
    """Yield the instants that one wall time stands for."""
    first = moment.replace(tzinfo=zone, fold=0).astimezone(UTC)
    last = moment.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None, fold=0) != moment:
        if gap == "shift":
            yield first
        elif gap == "after":
            while not exists(moment, zone):
                moment += MINUTE
            yield moment.replace(tzinfo=zone).astimezone(UTC)
        return
    if fold in ("first", "both"):
        yield first
    if fold in ("last", "both"):
        yield last


def exists(moment: datetime, zone: ZoneInfo) -> bool:
    """Return whether the clock ever shows a wall time."""
    aware = moment.replace(tzinfo=zone)
    return aware.astimezone(UTC).astimezone(zone).replace(tzinfo=None, fold=0) == moment


def minutes(start: datetime, days: int) -> list[datetime]:
    """Return every wall time of some days, minute by minute."""
    return [start + MINUTE * number for number in range(days * 1440)]
