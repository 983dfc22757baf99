"""The days of a rule: those that fit, in the periods that its interval does not leave out."""

from __future__ import annotations

from calendar import isleap
from datetime import date

import attrs

from anysched.triggers.rrule.fitting import DayFilter
from anysched.triggers.rrule.rule import DAILY, MONTHLY, WEEKLY, YEARLY, Rule
from anysched.triggers.rrule.years import (
    LAST_DAY,
    LAST_YEAR,
    WEEK,
    first_day,
    kind_of,
    lowest,
    month_starts,
    nth_bit,
    span,
    year_of,
)


def _month_of(days: Days) -> int:
    """Return the month of the start, counted from the year 0."""
    begun = date.fromordinal(days.start + 1)
    return begun.year * 12 + begun.month - 1


def _pattern_of(days: Days) -> int:
    """Return the periods of a year, if the first of January begins one."""
    if days.frequency not in (WEEKLY, DAILY):
        return 0
    width, step = (7, 7 * days.interval) if days.frequency == WEEKLY else (1, days.interval)
    return sum(((1 << width) - 1) << day for day in range(0, 380, step))


@attrs.frozen(eq=False)
class Days:
    """The days of a rule.

    :ivar start: the day from which periods are counted
    """

    fitting: DayFilter
    frequency: int
    interval: int
    start: int
    week_start: int
    _pattern: int = attrs.field(init=False, repr=False, default=attrs.Factory(_pattern_of, takes_self=True))
    _month: int = attrs.field(init=False, repr=False, default=attrs.Factory(_month_of, takes_self=True))

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
            return 0 if (year - self._month // 12) % self.interval else mask
        if self.frequency == MONTHLY:
            return mask & self._mask_of_months(year)
        return mask & self._mask_of_periods(year)

    def _mask_of_months(self, year: int) -> int:
        """Return the months that the interval does not leave out."""
        starts = month_starts(isleap(year))
        months = range((self._month - year * 12) % self.interval, 12, self.interval)
        return sum(span(starts[month], starts[month + 1]) for month in months)

    def _mask_of_periods(self, year: int) -> int:
        """Return the weeks, or days, that the interval does not leave out."""
        january = first_day(year)
        if self.frequency == DAILY:
            phase = (self.start - january) % self.interval
            return self._pattern << phase if phase < 366 else 0
        step = 7 * self.interval
        phase = (self.start - (self.start - self.week_start) % 7 - january) % step
        mask = self._pattern << phase if phase < 366 else 0
        return mask | (WEEK >> step - phase if step - phase < 7 else 0)

    def _year_after(self, year: int) -> int:
        """Return the next year that may have one of them."""
        if self.frequency != YEARLY:
            return year + 1
        return year + 1 + (self._month // 12 - year - 1) % self.interval

    def first(self, day: int) -> int | None:
        """Return the first of them at or after a day, or None before the year 10000."""
        if day > LAST_DAY:
            return None
        year = year_of(day)
        mask = self.mask(year) >> day - first_day(year)
        while not mask:
            year = self._year_after(year)
            if year > LAST_YEAR:
                return None
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

    def count(self, first: int, stop: int) -> int:
        """Return how many of them there are in first <= day < stop."""
        stop = min(stop, LAST_DAY + 1)
        total = 0
        while first < stop:
            year = year_of(first)
            begun, following = first_day(year), first_day(year + 1)
            total += (self.mask(year) & span(first - begun, min(stop, following) - begun)).bit_count()
            first = following
        return total

    def nth(self, day: int, number: int) -> int | None:
        """Return one of those at or after a day, the first being number 1, or None before the year 10000."""
        if self.is_open:
            day += number - 1
            return day if day <= LAST_DAY else None
        if day > LAST_DAY:
            return None
        year = year_of(day)
        day -= first_day(year)
        while year <= LAST_YEAR:
            mask = self.mask(year) >> day << day
            if number <= mask.bit_count():
                return first_day(year) + nth_bit(mask, number)
            number -= mask.bit_count()
            year, day = self._year_after(year), 0
        return None
