"""One recurrence rule as a value, and its canonical text."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from anysched.triggers.rrule.moments import Moment

#: From the longest to the shortest; a frequency is kept as its place here.
FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY")
YEARLY, MONTHLY, WEEKLY, DAILY, HOURLY, MINUTELY, SECONDLY = range(7)
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")

Numbers = tuple[int, ...]


@attrs.frozen(eq=False)
class Rule:
    """What an RRULE says. Lists are sorted, and empty when their part is absent.

    :ivar week_start: the first day of the week, 0 for Monday
    :ivar weekdays: pairs of an ordinal, 0 for none, and a day of the week
    """

    frequency: int
    interval: int = 1
    count: int | None = None
    until: Moment | None = None
    week_start: int = 0
    months: Numbers = ()
    week_numbers: Numbers = ()
    year_days: Numbers = ()
    month_days: Numbers = ()
    weekdays: tuple[tuple[int, int], ...] = ()
    hours: Numbers = ()
    minutes: Numbers = ()
    seconds: Numbers = ()
    positions: Numbers = ()

    @property
    def leaves_day_open(self) -> bool:
        """Whether the start has to say on which days this fires."""
        if self.week_numbers:
            return not (self.weekdays or self.month_days or self.year_days)
        return self.frequency <= WEEKLY and not (self.weekdays or self.month_days or self.year_days)

    def __str__(self) -> str:
        """Return the canonical text."""
        parts = [f"FREQ={FREQUENCIES[self.frequency]}"]
        if self.count is not None:
            parts.append(f"COUNT={self.count}")
        if self.until is not None:
            parts.append(f"UNTIL={self.until}")
        if self.interval != 1:
            parts.append(f"INTERVAL={self.interval}")
        days = [f"{ordinal or ''}{WEEKDAYS[day]}" for ordinal, day in self.weekdays]
        lists: dict[str, Sequence[object]] = {
            "BYMONTH": self.months,
            "BYWEEKNO": self.week_numbers,
            "BYYEARDAY": self.year_days,
            "BYMONTHDAY": self.month_days,
            "BYDAY": days,
            "BYHOUR": self.hours,
            "BYMINUTE": self.minutes,
            "BYSECOND": self.seconds,
            "BYSETPOS": self.positions,
        }
        parts.extend(f"{name}={','.join(map(str, values))}" for name, values in lists.items() if values)
        if self.week_start:
            parts.append(f"WKST={WEEKDAYS[self.week_start]}")
        return ";".join(parts)
