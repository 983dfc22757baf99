"""Rules T6 and T7 in the slowest and plainest way: every minute is looked at, by what zoneinfo says of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7), (1970, 2199))
SPECIAL = re.compile("[LW#]")


def allows(expression: str, moment: datetime) -> bool:
    """Return whether an expression of five fields, or six with a year, in numbers, allows a wall time."""
    fields = expression.split()
    minute, hour, _, month, _, *years = (
        expand(field, *bounds) for field, bounds in zip(fields, RANGES, strict=False)
    )
    if moment.minute not in minute or moment.hour not in hour or moment.month not in month:
        return False
    return all(moment.year in year for year in years) and allows_day(fields[2], fields[4], moment.date())


@cache
def allows_day(days: str, weekdays: str, day: date) -> bool:
    """Return whether the two day fields allow a day."""
    on_day = day.day in expand(days, 1, 31) or any(
        day == special_day(item, day) for item in days.split(",") if SPECIAL.search(item)
    )
    on_weekday = bool({day.isoweekday(), day.isoweekday() % 7} & expand(weekdays, 0, 7)) or any(
        is_special_weekday(item, day) for item in weekdays.strip("+").split(",") if SPECIAL.search(item)
    )
    if days[0] in "*?" or weekdays[0] in "*?+":
        return on_day and on_weekday
    return on_day or on_weekday


def special_day(item: str, day: date) -> date | None:
    """Return the day of the month of ``day`` that "L", "L-3", "15W" or "LW" mean, by looking at each."""
    month = [day.replace(day=number) for number in range(1, 32) if exists_in_month(day, number)]
    meant = item.rstrip("W")
    index = int(meant) - 1 if meant.isdigit() else len(month) - 1 - int(meant[2:] or 0)
    if not 0 <= index < len(month):
        return None
    if not item.endswith("W"):
        return month[index]
    working = [other for other in month if other.isoweekday() < 6]
    return min(working, key=lambda other: abs(other - month[index]))


def is_special_weekday(item: str, day: date) -> bool:
    """Return whether "5L" or "5#3" mean a day, by looking at the weeks before and after."""
    weekday, _, number = item.replace("L", "#").partition("#")
    if day.isoweekday() % 7 != int(weekday) % 7:
        return False
    if not number:
        return (day + timedelta(weeks=1)).month != day.month
    before = [day - timedelta(weeks=weeks) for weeks in range(6)]
    return sum(other.month == day.month for other in before) == int(number)


def exists_in_month(day: date, number: int) -> bool:
    """Return whether the month of a day has so many days."""
    try:
        day.replace(day=number)
    except ValueError:
        return False
    return True


@cache
def expand(field: str, low: int, high: int) -> frozenset[int]:
    """Return the values of one field, without the special ones."""
    values: set[int] = set()
    for item in field.strip("+").split(","):
        if SPECIAL.search(item):
            continue
        span, _, step = item.partition("/")
        first, _, last = (f"{low}-{high}" if span in "*?" else span).partition("-")
        start, end = int(first), int(last or (high if step else first))
        if start <= end:
            found = [*range(start, end + 1)]
        else:
            found = [*range(start, 7 if high == 7 else high + 1), *range(low, end + 1)]
        values |= set(found[:: int(step or 1)])
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
            while exists(moment - SECOND, zone):  # not every gap ends with a minute
                moment -= SECOND
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
