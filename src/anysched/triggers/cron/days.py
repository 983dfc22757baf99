"""Which days of a month a cron expression allows.

A month is one of 28 kinds: it begins on one of seven days of the week, and has 28 to 31 days. Bit n stands for
the day n + 1; days of the week count from Sunday, which is 0.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

#: One bit for each of five weeks: multiplying by it repeats a week of seven bits.
_FIVE_WEEKS = sum(1 << 7 * week for week in range(5))
_SUNDAY, _SATURDAY = 0, 6
EVERY_WEEKDAY = (1 << 7) - 1


def bits(mask: int) -> Iterator[int]:
    """Yield the numbers of the bits that are set, from the lowest."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


@attrs.frozen
class DayRule:
    """What the two day fields allow, beside each other.

    :ivar days: ``15``: bit n stands for day n + 1
    :ivar weekdays: ``fri``: bit 0 is Sunday
    :ivar from_end: ``L-3``: bit n stands for n days before the last
    :ivar nearest: ``15W``: bit n stands for the weekday nearest day n + 1
    :ivar nearest_end: ``LW``: bit n stands for the weekday nearest n days before the last
    :ivar nth: ``fri#3``: bit 7 * (n - 1) + d stands for the nth day d
    :ivar last: ``friL``: bit 0 is the last Sunday
    :ivar either: whether one of the fields is enough
    """

    days: int
    weekdays: int
    from_end: int = 0
    nearest: int = 0
    nearest_end: int = 0
    nth: int = 0
    last: int = 0
    either: bool = False

    def of_month(self, first: int, length: int) -> int:
        """Return the allowed days of a month that begins on a day of the week and has so many days."""
        by_day, by_weekday = self.days, _turned(self.weekdays, first) * _FIVE_WEEKS
        if self.from_end or self.nearest or self.nearest_end:
            by_day |= self._special_days(first, length)
        if self.nth:
            for bit in bits(self.nth):
                week, weekday = divmod(bit, 7)
                by_weekday |= 1 << week * 7 + (weekday - first) % 7
        if self.last:
            by_weekday |= _turned(self.last, (first + length) % 7) << length - 7
        found = by_day | by_weekday if self.either else by_day & by_weekday
        return found & ((1 << length) - 1)

    def _special_days(self, first: int, length: int) -> int:
        found = 0
        for before in bits(self.from_end):
            if before < length:
                found |= 1 << length - 1 - before
        for day in bits(self.nearest):
            if day < length:
                found |= 1 << _nearest_weekday(day, first, length)
        for before in bits(self.nearest_end):
            if before < length:
                found |= 1 << _nearest_weekday(length - 1 - before, first, length)
        return found


@attrs.frozen
class CommonDays:
    """The days that two rules allow."""

    one: DayRule | CommonDays
    other: DayRule | CommonDays

    def of_month(self, first: int, length: int) -> int:
        """Return the days of a month that both allow."""
        return self.one.of_month(first, length) & self.other.of_month(first, length)


def _turned(week: int, first: int) -> int:
    """Return a week so that it begins with another day than Sunday."""
    return ((week | week << 7) >> first) & EVERY_WEEKDAY


def _nearest_weekday(day: int, first: int, length: int) -> int:
    """Return the day from Monday to Friday that is nearest, and in the same month."""
    weekday = (first + day) % 7
    if weekday == _SATURDAY:
        return day - 1 if day else 2
    if weekday == _SUNDAY:
        return day + 1 if day < length - 1 else day - 2
    return day
