"""Which days of a year fit the parts of a rule that speak of days, whatever its interval."""

from __future__ import annotations

from datetime import date

import attrs

from anysched.triggers.rrule.rule import MONTHLY, WEEKLY, YEARLY, Rule
from anysched.triggers.rrule.years import KINDS, WEEK, Kind, month_starts, nth_bit, span

#: Every seventh bit of a year and a week more.
_SEVENTHS = sum(1 << day for day in range(0, 380, 7))


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
        return any(self.mask(kind) for kind in set(KINDS))

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
            mask &= sum(span(starts[month - 1], starts[month]) for month in self.months)
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

    def _mask_of_weekdays(self, weekday: int, starts: tuple[int, ...]) -> int:
        mask = 0
        for ordinal, day in self.weekdays:
            days = (_SEVENTHS << (day - weekday) % 7) & ((1 << starts[-1]) - 1)
            if not ordinal:
                mask |= days
                continue
            months = (self.months or range(1, 13)) if self.by_month else ()
            for first, last in [(starts[month - 1], starts[month]) for month in months] or [(0, starts[-1])]:
                within = days & span(first, last)
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
                mask |= WEEK << start if start >= 0 else WEEK >> -start
        return mask & ((1 << length) - 1)


def _weeks_in(length: int, weekday: int, week_start: int) -> int:
    """Return how many weeks belong to a year of this length that begins with this day of the week."""
    begun = (weekday - week_start) % 7
    first = -begun if begun <= 3 else 7 - begun  # where the first week begins
    return (length - 1 - (first + 3)) // 7 + 1
