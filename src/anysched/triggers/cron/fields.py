"""What a cron expression allows, as bit masks, and the search for the wall times that it allows.

Wall times are seconds counted from the first of January 0001, without a zone.
"""

from __future__ import annotations

from datetime import date
from math import gcd

import attrs

from anysched.triggers.base import DAY
from anysched.triggers.cron.days import CommonDays, DayRule, bits

_LAST_DAY = date.max.toordinal() - 1
_END = (_LAST_DAY + 1) * DAY
_LENGTHS = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FIRST_YEAR = 1970
_MOST_MONTHS = 1024


def lowest(mask: int) -> int:
    """Return the number of the lowest bit that is set."""
    return (mask & -mask).bit_length() - 1


def bits_below(mask: int, limit: int) -> int:
    """Return how many bits below a number are set."""
    return (mask & ((1 << limit) - 1)).bit_count()


def _distance(mask: int) -> int:
    """Return the greatest distance of which all bits that are set are multiples away from each other."""
    first = lowest(mask)
    return gcd(*(bit - first for bit in bits(mask)))


def _highest_below(mask: int, limit: int) -> int:
    """Return the number of the highest bit below a number that is set, or -1."""
    return (mask & ((1 << limit) - 1)).bit_length() - 1


def length_of(year: int, month: int) -> int:
    """Return how many days a month has."""
    return 29 if month == 2 and year % 4 == 0 and (year % 100 or year % 400 == 0) else _LENGTHS[month]


@attrs.frozen
class CronFields:
    """The values that each field allows: bit n stands for the value n.

    :ivar months: bit n stands for month n + 1
    :ivar years: bit n stands for year 1970 + n; 0 for every year
    :ivar days: what the two day fields allow
    """

    seconds: int
    minutes: int
    hours: int
    months: int
    years: int
    days: DayRule | CommonDays
    #: The allowed days of each kind of month, and of each month, that was asked for.
    _kinds: dict[tuple[int, int], int] = attrs.field(
        init=False, eq=False, repr=False, factory=dict[tuple[int, int], int]
    )
    _known: dict[int, tuple[int, int]] = attrs.field(
        init=False, eq=False, repr=False, factory=dict[int, tuple[int, int]]
    )

    def __reduce__(self) -> tuple[type[CronFields], tuple[object, ...]]:
        """Copy and pickle what the fields allow, and not what was asked for so far."""
        return CronFields, (self.seconds, self.minutes, self.hours, self.months, self.years, self.days)

    def next_wall(self, wall: int) -> int | None:
        """Return the first allowed wall time at or after one, or None before the year 10000."""
        day, second = divmod(wall, DAY) if wall > 0 else (0, 0)
        found = self._next_day(day)
        if found == day:
            time = self._next_time(second)
            if time is not None:
                return day * DAY + time
            found = self._next_day(day + 1)
        return None if found is None else found * DAY + self._first_time()

    def last_wall(self, wall: int) -> int | None:
        """Return the last allowed wall time at or before one, or None after the year 0."""
        day, second = divmod(wall, DAY) if wall < _END else (_LAST_DAY, DAY - 1)
        found = self._last_day(day)
        if found == day:
            time = self._last_time(second)
            if time is not None:
                return day * DAY + time
            found = self._last_day(day - 1)
        return None if found is None else found * DAY + self._latest_time()

    def count_walls(self, start: int, stop: int) -> int:
        """Return how many allowed wall times there are in start <= wall < stop."""
        first, first_second = divmod(max(start, 0), DAY)
        last, last_second = divmod(min(stop, _END), DAY)
        each_day = self.hours.bit_count() * self.minutes.bit_count() * self.seconds.bit_count()
        count = self._count_days(first, last) * each_day
        if self._next_day(first) == first:
            count -= self._count_times(first_second)
        if self._next_day(last) == last:
            count += self._count_times(last_second)
        return count

    def times(self) -> tuple[int, int]:
        """Return the first allowed second of a day, and a distance of which all others are multiples away from it."""
        return self._first_time(), gcd(
            DAY, _distance(self.hours) * 3600, _distance(self.minutes) * 60, _distance(self.seconds)
        )

    def meets(self, other: CronFields) -> bool:
        """Return whether there is a wall time that both allow."""
        years = self.years & other.years if self.years and other.years else self.years or other.years
        if bool(self.years and other.years) > bool(years):
            return False
        seconds, minutes, hours = (
            self.seconds & other.seconds, self.minutes & other.minutes, self.hours & other.hours
        )  # fmt: skip
        if not (seconds and minutes and hours):
            return False
        days = CommonDays(self.days, other.days)
        return CronFields(seconds, minutes, hours, self.months & other.months, years, days).can_match()

    def can_match(self) -> bool:
        """Return whether there is such a day at all."""
        if not self.years:
            # Each month begins on each day of the week some year, February of both lengths.
            lengths = {_LENGTHS[month] for month in range(1, 13) if self.months >> month - 1 & 1}
            if 28 in lengths:
                lengths.add(29)
            longest_first = sorted(lengths, reverse=True)
            return any(self._of_kind(first, length) for length in longest_first for first in range(7))
        years = self.years
        while years:
            year = _FIRST_YEAR + lowest(years)
            if self._next_day(date(year, 1, 1).toordinal() - 1, year) is not None:
                return True
            years &= years - 1
        return False

    def _of_kind(self, first: int, length: int) -> int:
        """Return the mask of the allowed days of a month of one kind."""
        key = (first, length)
        found = self._kinds.get(key)
        if found is None:
            found = self._kinds[key] = self.days.of_month(first, length)
        return found

    def _month(self, year: int, month: int) -> tuple[int, int]:
        """Return the number of the first day of a month, and the mask of its allowed days."""
        key = year * 12 + month
        found = self._known.get(key)
        if found is None:
            ordinal = date(year, month, 1).toordinal()
            mask = 0
            if self.months >> month - 1 & 1 and (not self.years or self._has_year(year)):
                mask = self._of_kind(ordinal % 7, length_of(year, month))  # Sundays are divisible by seven
            if len(self._known) >= _MOST_MONTHS:
                self._known.clear()
            found = self._known[key] = (ordinal - 1, mask)
        return found

    def _next_day(self, day: int, last_year: int = date.max.year) -> int | None:
        if day > _LAST_DAY:
            return None
        current = date.fromordinal(day + 1)
        year, month = current.year, current.month
        first, mask = self._month(year, month)
        mask >>= day - first
        if mask:
            return day + lowest(mask)
        if self.years and not self._has_year(year):
            month = 12  # on to the next year
        while True:
            later = self.months >> month
            if later:
                month += 1 + lowest(later)
            else:
                year, month = self._next_year(year), 1 + lowest(self.months)
            if year > last_year:
                return None
            first, mask = self._month(year, month)
            if mask:
                return first + lowest(mask)

    def _last_day(self, day: int) -> int | None:
        if day < 0:
            return None
        current = date.fromordinal(day + 1)
        year, month = current.year, current.month
        first, mask = self._month(year, month)
        found = _highest_below(mask, day - first + 1)
        if self.years and not self._has_year(year):
            month = 1  # on to the year before
        while found < 0:
            month = 1 + _highest_below(self.months, month - 1)
            if not month:
                year, month = self._last_year(year), self.months.bit_length()
            if not year:
                return None
            first, mask = self._month(year, month)
            found = mask.bit_length() - 1
        return first + found

    def _has_year(self, year: int) -> bool:
        return year >= _FIRST_YEAR and bool(self.years >> year - _FIRST_YEAR & 1)

    def _next_year(self, year: int) -> int:
        """Return the first allowed year after one; 10000 when there is none."""
        if not self.years:
            return year + 1
        first = max(year + 1, _FIRST_YEAR)
        later = self.years >> first - _FIRST_YEAR
        return first + lowest(later) if later else date.max.year + 1

    def _last_year(self, year: int) -> int:
        """Return the last allowed year before one; 0 when there is none."""
        if not self.years:
            return year - 1
        found = _highest_below(self.years, max(year - _FIRST_YEAR, 0))
        return _FIRST_YEAR + found if found >= 0 else 0

    def _count_days(self, start: int, stop: int) -> int:
        """Return how many allowed days there are in start <= day < stop."""
        count = 0
        while start < stop:
            current = date.fromordinal(start + 1)
            first, mask = self._month(current.year, current.month)
            count += bits_below(mask, stop - first) - bits_below(mask, start - first)
            start = first + length_of(current.year, current.month)
        return count

    def _first_time(self) -> int:
        return lowest(self.hours) * 3600 + lowest(self.minutes) * 60 + lowest(self.seconds)

    def _latest_time(self) -> int:
        hour, minute = self.hours.bit_length() - 1, self.minutes.bit_length() - 1
        return hour * 3600 + minute * 60 + self.seconds.bit_length() - 1

    def _next_time(self, second: int) -> int | None:
        """Return the first allowed second of a day at or after one."""
        hour, rest = divmod(second, 3600)
        if self.hours >> hour & 1:
            minute, rest = divmod(rest, 60)
            if self.minutes >> minute & 1:
                later = self.seconds >> rest
                if later:
                    return second + lowest(later)
            later = self.minutes >> minute + 1
            if later:
                return hour * 3600 + (minute + 1 + lowest(later)) * 60 + lowest(self.seconds)
        later = self.hours >> hour + 1
        if later:
            return (hour + 1 + lowest(later)) * 3600 + lowest(self.minutes) * 60 + lowest(self.seconds)
        return None

    def _last_time(self, second: int) -> int | None:
        """Return the last allowed second of a day at or before one."""
        hour, rest = divmod(second, 3600)
        last_second = self.seconds.bit_length() - 1
        if self.hours >> hour & 1:
            minute, rest = divmod(rest, 60)
            if self.minutes >> minute & 1:
                found = _highest_below(self.seconds, rest + 1)
                if found >= 0:
                    return second - rest + found
            found = _highest_below(self.minutes, minute)
            if found >= 0:
                return hour * 3600 + found * 60 + last_second
        found = _highest_below(self.hours, hour)
        return found * 3600 + (self.minutes.bit_length() - 1) * 60 + last_second if found >= 0 else None

    def _count_times(self, stop: int) -> int:
        """Return how many allowed seconds of a day lie before one."""
        hour, rest = divmod(stop, 3600)
        minute, second = divmod(rest, 60)
        count = bits_below(self.hours, hour) * self.minutes.bit_count() * self.seconds.bit_count()
        if self.hours >> hour & 1:
            count += bits_below(self.minutes, minute) * self.seconds.bit_count()
            if self.minutes >> minute & 1:
                count += bits_below(self.seconds, second)
        return count
