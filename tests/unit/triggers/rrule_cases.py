"""Recurrence rules at random, right ones, and what plain dateutil makes of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import islice
from random import Random

from dateutil.rrule import rrulestr

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY")
INTERVALS = (1, 1, 1, 1, 2, 3, 5, 7, 12, 40, 90, 100)


def some(random: Random, values: Iterable[object], most: int = 4) -> str:
    """Return a list of some values."""
    values = list(values)
    return ",".join(map(str, random.sample(values, min(len(values), random.randint(1, most)))))


def signed(most: int) -> list[int]:
    """Return the numbers that count from either end."""
    return [number for number in range(-most, most + 1) if number]


def day_parts(random: Random, frequency: str) -> list[str]:
    """Return some parts that say on which days."""
    parts: list[str] = []
    if random.random() < 0.3:
        parts.append(f"BYMONTH={some(random, range(1, 13))}")
    # In weeks 52 and 53, and -52 and -53, dateutil is wrong where they reach into another year.
    if frequency == "YEARLY" and random.random() < 0.15:
        return [*parts, f"BYWEEKNO={some(random, range(1, 52))}", f"BYDAY={some(random, WEEKDAYS)}"]
    if frequency not in ("MONTHLY", "WEEKLY", "DAILY") and random.random() < 0.15:
        parts.append(f"BYYEARDAY={some(random, signed(366), 8)}")
    if frequency != "WEEKLY" and random.random() < 0.25:
        parts.append(f"BYMONTHDAY={some(random, signed(31))}")
    if random.random() < 0.35:
        if frequency in ("YEARLY", "MONTHLY") and random.random() < 0.5:
            most = 53 if frequency == "YEARLY" and "BYMONTH=" not in "".join(parts) else 5
            numbered = [f"{number}{day}" for number in signed(most) for day in WEEKDAYS]
            parts.append(f"BYDAY={some(random, numbered)}")
        else:
            parts.append(f"BYDAY={some(random, WEEKDAYS)}")
    return parts


def recurrence(random: Random, *, ends: bool = True) -> tuple[str, datetime]:
    """Return a rule and a start."""
    frequency = random.choice(FREQUENCIES)
    parts = day_parts(random, frequency)
    for name, most in (("BYHOUR", 24), ("BYMINUTE", 60), ("BYSECOND", 60)):
        if random.random() < 0.2:
            parts.append(f"{name}={some(random, range(most))}")
    start = datetime(2000, 1, 1) + timedelta(seconds=random.randrange(20 * 365 * 86_400))
    week_start = random.randrange(7) if random.random() < 0.3 else 0
    if parts and random.random() < 0.25:
        parts.append(f"BYSETPOS={some(random, [1, 2, 3, -1, -2, 5, -4], 3)}")
        if (
            frequency == "WEEKLY"
        ):  # dateutil chooses from what is left of the first week, and not from the week
            start -= timedelta(days=(start.weekday() - week_start) % 7)
    interval = random.choice(INTERVALS)
    parts = [f"FREQ={frequency}", *([f"INTERVAL={interval}"] if interval > 1 else []), *parts]
    if week_start:
        parts.append(f"WKST={WEEKDAYS[week_start]}")
    if ends and random.random() < 0.2:
        parts.append(f"COUNT={random.choice((1, 2, 5, 17))}")
    elif ends and random.random() < 0.2:
        until = start + timedelta(days=random.choice((1, 30, 400)), seconds=random.randrange(86_400))
        parts.append(f"UNTIL={until:%Y%m%dT%H%M%S}")
    return ";".join(parts), start


def by_dateutil(text: str, start: datetime, count: int) -> list[datetime]:
    """Return the first wall times."""
    return list(islice(rrulestr(text, dtstart=start), count))
