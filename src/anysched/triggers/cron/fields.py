"""What a cron expression allows, as bit masks, and the search for the wall times that it allows.

Wall times are seconds counted from the first of January 0001, without a zone.
"""

from __future__ import annotations

from datetime import date

import attrs

from anysched.triggers.base import DAY

_LAST_DAY = date.max.toordinal() - 1
_END = (_LAST_DAY + 1) * DAY
_LENGTHS = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
#: One bit for each of five weeks: multiplying by it repeats a week of seven bits.
_FIVE_WEEKS = sum(1 << 7 * week for week in range(5))


def lowest(mask: int) -> int:
    """Return the number of the lowest bit that is set."""
    return (mask & -mask).bit_length() - 1


def bits_below(mask: int, limit: int) -> int:
    """Return how many bits below a number are set."""
    return (mask & ((1 << limit) - 1)).bit_count()


@attrs.frozen
class CronFields:
    """The values that each field allows: bit n stands for the value n.

    :ivar days: days of the month; bit n stands for day n + 1
    :ivar weekdays: bit 0 is Sunday
    :ivar either_day: whether one of days and weekdays is enough (rule T7)
    :ivar wildcard: whether the minute or the hour begins with ``*`` (rule T6)
    """

    seconds: int
    minutes: int
    hours: int
    days: int
    months: int
    weekdays: int
    either_day: bool
    wildcard: bool

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

    def _month_days(self, year: int, month: int) -> tuple[int, int, int]:
        """Return the number of a month's first day, its length, and the mask of its allowed days."""
        ordinal = date(year, month, 1).toordinal()
        length = 29 if month == 2 and year % 4 == 0 and (year % 100 or year % 400 == 0) else _LENGTHS[month]
        # The ordinal of a Sunday is divisible by seven. Turn the week, so that it begins with the first.
        week = ((self.weekdays | self.weekdays << 7) >> ordinal % 7) & 0x7F
        weekdays = week * _FIVE_WEEKS
        mask = self.days | weekdays if self.either_day else self.days & weekdays
        return ordinal - 1, length, mask & ((1 << length) - 1)

    def _next_day(self, day: int) -> int | None:
        if day > _LAST_DAY:
            return None
        current = date.fromordinal(day + 1)
        year, month, skipped = current.year, current.month, current.day - 1
        while True:
            if self.months >> month & 1:
                first, _, mask = self._month_days(year, month)
                mask >>= skipped
                if mask:
                    return first + skipped + lowest(mask)
            skipped = 0
            later = self.months >> month + 1
            if later:
                month += 1 + lowest(later)
            elif year < date.max.year:
                year, month = year + 1, lowest(self.months)
            else:
                return None

    def _count_days(self, start: int, stop: int) -> int:
        """Return how many allowed days there are in start <= day < stop."""
        count = 0
        while start < stop:
            current = date.fromordinal(start + 1)
            first, length, mask = self._month_days(current.year, current.month)
            if self.months >> current.month & 1:
                count += bits_below(mask, stop - first) - bits_below(mask, start - first)
            start = first + length
        return count

    def _first_time(self) -> int:
        return lowest(self.hours) * 3600 + lowest(self.minutes) * 60 + lowest(self.seconds)

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
