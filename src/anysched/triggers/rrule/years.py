"""Years and their days as masks: a bit for each day, of which the first of January is the lowest.

Days are counted from the first of January 0001, which is day 0 and a Monday. Years that are alike have the
same masks: what matters is whether a year and those beside it are leap years, and how it begins. There are
only few such kinds, so that a mask is made once and then looked up.
"""

from __future__ import annotations

from calendar import isleap
from datetime import date
from itertools import accumulate

LAST_YEAR = date.max.year
LAST_DAY = date.max.toordinal() - 1
_MONTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
WEEK = 0b1111111

Kind = tuple[bool, int, bool, bool]


def first_day(year: int) -> int:
    """Return the first of January."""
    before = year - 1
    return before * 365 + before // 4 - before // 100 + before // 400


def year_of(day: int) -> int:
    """Return the year of a day."""
    return date.fromordinal(day + 1).year


#: What years have in common that are alike: leap, its first day of the week, and leap beside it. It repeats.
KINDS: tuple[Kind, ...] = tuple(
    (isleap(year), first_day(year) % 7, isleap(year - 1), isleap(year + 1)) for year in range(400, 800)
)


def kind_of(year: int) -> Kind:
    """Return the kind of a year."""
    return KINDS[year % 400]


_STARTS = tuple((0, *accumulate((*_MONTHS[:1], _MONTHS[1] + leap, *_MONTHS[2:]))) for leap in (0, 1))


def month_starts(leap: bool) -> tuple[int, ...]:
    """Return the days of the year on which months begin, and the length of the year."""
    return _STARTS[leap]


def lowest(mask: int) -> int:
    """Return the place of the lowest bit."""
    return (mask & -mask).bit_length() - 1


def nth_bit(mask: int, number: int) -> int:
    """Return the place of a bit, the lowest being number 1."""
    place, width = 0, mask.bit_length()
    while width > 1:
        half = width // 2
        low = mask & (1 << half) - 1
        below = low.bit_count()
        if number <= below:
            mask, width = low, half
        else:
            mask, width, place, number = mask >> half, width - half, place + half, number - below
    return place


def span(start: int, stop: int) -> int:
    return (1 << stop) - (1 << start)
