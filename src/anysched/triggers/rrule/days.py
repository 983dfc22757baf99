"""Which days of a year fit a rule: a mask with a bit for each, of which the first of January is the lowest.

Days are counted from the first of January 0001, which is day 0 and a Monday. Years that are alike have the
same mask: what matters is whether a year and those beside it are leap years, and how it begins. There are
only few such kinds, so that a mask is made once and then looked up.
"""

from __future__ import annotations

from calendar import isleap
from datetime import date

import attrs

from anysched.triggers.rrule.rule import DAILY, MONTHLY, WEEKLY, YEARLY, Rule

_LAST_YEAR = date.max.year
LAST_DAY = date.max.toordinal() - 1
_MONTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_WEEK = 0b1111111
#: Every seventh bit of a year and a week more.
_SEVENTHS = sum(1 << day for day in range(0, 380, 7))

Kind = tuple[bool, int, bool, bool]


def first_day(year: int) -> int:
    """Return the first of January."""
    before = year - 1
    return before * 365 + before // 4 - before // 100 + before // 400


def year_of(day: int) -> int:
    """Return the year of a day."""
    return date.fromordinal(day + 1).year


def kind_of(year: int) -> Kind:
    """Return what years have in common that are alike: leap, its first day of the week, and leap beside it."""
    return isleap(year), first_day(year) % 7, isleap(year - 1), isleap(year + 1)


def month_starts(leap: bool) -> list[int]:
    """Return the days of the year on which months begin, and the length of the year."""
    starts = [0]
    for month, days in enumerate(_MONTHS):
        starts.append(starts[-1] + days + (leap and month == 1))
    return starts


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


def _span(start: int, stop: int) -> int:
    return (1 << stop) - (1 << start)


def _counted(numbers: tuple[int, ...], first: int, last: int) -> int:
    """Return the days that these numbers mean, from 1 for the first or -1 for the last, of first <= day < last."""
    mask = 0
    for number in numbers:
        day = first + number - 1 if number > 0 else last + number
        if first <= day < last:
            mask |= 1 << day
    return mask


@attrs.frozen(eq=False)
class DayFilter:
    """The parts of a rule that say which days fit, whatever the interval. ``start`` says what they leave open."""

    months: tuple[int, ...]
    week_numbers: tuple[int, ...]
    year_days: tuple[int, ...]
    month_days: tuple[int, ...]
    weekdays: tuple[tuple[int, int], ...]
    week_start: int
    by_month: bool
    _masks: dict[Kind, int] = attrs.field(init=False, repr=False, factory=dict[Kind, int])

    @classmethod
    def of(cls, rule: Rule, start: int | None) -> DayFilter:
        """Return the filter of a rule; without a start, what it leaves open is not restricted.

        :param start: the day from which the rule counts
        """
        months, month_days, weekdays = rule.months, rule.month_days, rule.weekdays
        if start is not None and rule.leaves_day_open:
            begun = date.fromordinal(start + 1)
            if rule.frequency == WEEKLY or rule.week_numbers:
                weekdays = ((0, begun.weekday()),)
            else:
                month_days = (begun.day,)
                if rule.frequency == YEARLY:
                    months = months or (begun.month,)
        return cls(
            months=months,
            week_numbers=rule.week_numbers,
            year_days=rule.year_days,
            month_days=month_days,
            weekdays=weekdays,
            week_start=rule.week_start,
            by_month=rule.frequency == MONTHLY or bool(rule.months),
        )

    @property
    def is_open(self) -> bool:
        """Whether every day fits."""
        return not (self.months or self.week_numbers or self.year_days or self.month_days or self.weekdays)

    @property
    def matches_ever(self) -> bool:
        """Whether there is a year with a day that fits."""
        return any(self.mask(kind) for kind in {kind_of(year) for year in range(2000, 2400)})

    def mask(self, kind: Kind) -> int:
        """Return the days that fit in years of a kind."""
        found = self._masks.get(kind)
        if found is None:
            found = self._masks[kind] = self._mask(kind)
        return found

    def _mask(self, kind: Kind) -> int:
        leap, weekday, *_ = kind
        starts = month_starts(leap)
        length = starts[-1]
        mask = (1 << length) - 1
        if self.months:
            mask &= sum(_span(starts[month - 1], starts[month]) for month in self.months)
        if self.year_days:
            mask &= _counted(self.year_days, 0, length)
        if self.month_days:
            of_months = 0
            for month in range(12):
                of_months |= _counted(self.month_days, starts[month], starts[month + 1])
            mask &= of_months
        if self.weekdays:
            mask &= self._mask_of_weekdays(weekday, starts)
        if self.week_numbers:
            mask &= self._mask_of_weeks(kind, length)
        return mask

    def _mask_of_weekdays(self, weekday: int, starts: list[int]) -> int:
        mask = 0
        for ordinal, day in self.weekdays:
            days = (_SEVENTHS << (day - weekday) % 7) & ((1 << starts[-1]) - 1)
            if not ordinal:
                mask |= days
                continue
            months = (self.months or range(1, 13)) if self.by_month else ()
            for first, last in [(starts[month - 1], starts[month]) for month in months] or [(0, starts[-1])]:
                within = days & _span(first, last)
                number = ordinal if ordinal > 0 else within.bit_count() + 1 + ordinal
                if 1 <= number <= within.bit_count():
                    mask |= 1 << nth_bit(within, number)
        return mask

    def _mask_of_weeks(self, kind: Kind, length: int) -> int:
        """Return the days of the weeks with these numbers. A week belongs to the year that has four days of it."""
        _, weekday, leap_before, leap_after = kind
        before, after = 365 + leap_before, 365 + leap_after
        weeks = _weeks_in(length, weekday, self.week_start)
        mask = 0
        for start in range(-((weekday - self.week_start) % 7), length, 7):
            number, most = (start + 3) // 7 + 1, weeks
            if start + 3 < 0:
                number = most = _weeks_in(before, (weekday - before) % 7, self.week_start)
            elif start + 3 >= length:
                number, most = 1, _weeks_in(after, (weekday + length) % 7, self.week_start)
            if number in self.week_numbers or number - most - 1 in self.week_numbers:
                mask |= _WEEK << start if start >= 0 else _WEEK >> -start
        return mask & ((1 << length) - 1)


def _weeks_in(length: int, weekday: int, week_start: int) -> int:
    """Return how many weeks belong to a year of this length that begins with this day of the week."""
    begun = (weekday - week_start) % 7
    first = -begun if begun <= 3 else 7 - begun  # where the first week begins
    return (length - 1 - (first + 3)) // 7 + 1


@attrs.frozen(eq=False)
class Days:
    """The days of a rule: those that fit and lie in a period that its interval does not leave out.

    :ivar start: the day from which periods are counted
    """

    fitting: DayFilter
    frequency: int
    interval: int
    start: int
    week_start: int
    _pattern: int = attrs.field(init=False, repr=False)

    @_pattern.default
    def _make_pattern(self) -> int:
        """Return the periods of a year, if the first of January begins one."""
        if self.frequency not in (WEEKLY, DAILY):
            return 0
        width, step = (7, 7 * self.interval) if self.frequency == WEEKLY else (1, self.interval)
        return sum(((1 << width) - 1) << day for day in range(0, 380, step))

    @classmethod
    def of(cls, rule: Rule, start: int) -> Days:
        """Return the days of a rule; of frequencies that are shorter than a day, the interval is left aside."""
        interval = rule.interval if rule.frequency <= DAILY else 1
        return cls(DayFilter.of(rule, start), rule.frequency, interval, start, rule.week_start)

    @property
    def is_open(self) -> bool:
        """Whether every day is one of them."""
        return self.interval == 1 and self.fitting.is_open

    def mask(self, year: int) -> int:
        """Return the days of a year."""
        mask = self.fitting.mask(kind_of(year))
        if self.interval == 1 or not mask:
            return mask
        if self.frequency == YEARLY:
            return 0 if (year - year_of(self.start)) % self.interval else mask
        if self.frequency == MONTHLY:
            return mask & self._mask_of_months(year)
        return mask & self._mask_of_periods(year)

    def _mask_of_months(self, year: int) -> int:
        begun = date.fromordinal(self.start + 1)
        first = (begun.year - year) * 12 + begun.month - 1
        starts = month_starts(isleap(year))
        months = range(first % self.interval, 12, self.interval)
        return sum(_span(starts[month], starts[month + 1]) for month in months)

    def _mask_of_periods(self, year: int) -> int:
        """Return the weeks, or days, that the interval does not leave out."""
        january = first_day(year)
        if self.frequency == DAILY:
            phase = (self.start - january) % self.interval
            return self._pattern << phase if phase < 366 else 0
        step = 7 * self.interval
        phase = (self.start - (self.start - self.week_start) % 7 - january) % step
        mask = self._pattern << phase if phase < 366 else 0
        return mask | (_WEEK >> step - phase if step - phase < 7 else 0)

    def first(self, day: int) -> int | None:
        """Return the first of them at or after a day, or None before the year 10000."""
        if day > LAST_DAY:
            return None
        year = year_of(day)
        mask = self.mask(year) >> day - first_day(year)
        while not mask:
            if year == _LAST_YEAR:
                return None
            year += 1
            day = first_day(year)
            mask = self.mask(year)
        return day + lowest(mask)

    def last(self, day: int) -> int | None:
        """Return the last of them at or before a day that is not before the start's year, or None."""
        if day < self.start:
            return None
        year, begun = year_of(min(day, LAST_DAY)), year_of(self.start)
        mask = self.mask(year) & (1 << min(day, LAST_DAY) - first_day(year) + 1) - 1
        while not mask:
            if year <= begun:
                return None
            year -= 1
            mask = self.mask(year)
        return first_day(year) + mask.bit_length() - 1

    def nth(self, day: int, number: int) -> int | None:
        """Return one of those at or after a day, the first being number 1, or None before the year 10000."""
        if day > LAST_DAY:
            return None
        year = year_of(day)
        day -= first_day(year)
        while year <= _LAST_YEAR:
            mask = self.mask(year) >> day << day
            if number <= mask.bit_count():
                return first_day(year) + nth_bit(mask, number)
            number -= mask.bit_count()
            year, day = year + 1, 0
        return None
