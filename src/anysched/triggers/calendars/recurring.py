"""Dates that recur by a rule of RFC 5545, written out."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import islice
from typing import Final

import attrs

_DAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_KNOWN: Final = ("FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYMONTH", "BYMONTHDAY", "BYDAY")
_NTH: Final = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
#: A rule that never ends is written out no further than this after its start.
_MOST_DAYS: Final = 200 * 366


@attrs.frozen(kw_only=True)
class Recurrence:
    """On which dates an all-day event begins again: those in each ``interval``-th period that all the sets allow.

    :ivar freq: the period: "DAILY", "WEEKLY", "MONTHLY" or "YEARLY"
    :ivar weekdays: days of the week, from 0 for Monday, each with which one of its month or year it is, or with 0
    :ivar week_start: the day with which weeks begin
    """

    freq: str
    interval: int
    count: int | None
    until: date | None
    months: frozenset[int]
    month_days: frozenset[int]
    weekdays: frozenset[tuple[int, int]]
    week_start: int

    def dates(self, first: date, until: date | None, event: str) -> Iterator[date]:
        """Return the dates from the first one on.

        :param until: the last date of a rule that has no end
        :raise ValueError: naming the event, when the rule has no end and none is given
        """
        last = self.until
        if last is None and self.count is None:
            if until is None:
                raise ValueError(
                    f"{event} recurs without an end: say with until= as far as which date it counts"
                )
            last = until
        reach = date.max if last is None else last
        days = range(min(_MOST_DAYS, (reach - first).days) + 1)
        found = (
            day for day in (first + timedelta(days=number) for number in days) if self._allows(day, first)
        )
        return islice(found, self.count)

    def _allows(self, day: date, first: date) -> bool:
        if self.months and day.month not in self.months:
            return False
        if self.month_days:
            length = monthrange(day.year, day.month)[1]
            if day.day not in self.month_days and day.day - length - 1 not in self.month_days:
                return False
        if self.weekdays and not any(self._is_weekday(day, *weekday) for weekday in self.weekdays):
            return False
        return self._periods(first, day) % self.interval == 0

    def _is_weekday(self, day: date, weekday: int, number: int) -> bool:
        """Return whether a date is a day of the week, and the one of its month or year that is meant."""
        if day.weekday() != weekday or number == 0:
            return day.weekday() == weekday
        if self.freq == "YEARLY" and not self.months:
            begin, end = date(day.year, 1, 1), date(day.year, 12, 31)
        else:
            begin, end = day.replace(day=1), day.replace(day=monthrange(day.year, day.month)[1])
        return ((day - begin).days // 7 + 1 if number > 0 else -((end - day).days // 7) - 1) == number

    def _periods(self, first: date, day: date) -> int:
        """Return how many periods lie between two dates."""
        if self.freq == "DAILY":
            return (day - first).days
        if self.freq == "WEEKLY":
            begin = first.toordinal() - (first.weekday() - self.week_start) % 7
            return (day.toordinal() - begin) // 7
        years = day.year - first.year
        return years if self.freq == "YEARLY" else years * 12 + day.month - first.month


def parse_rule(text: str, first: date) -> Recurrence:
    """Return what an RRULE says, with what it leaves to the first date.

    :raise ValueError: for what is not known
    """
    pairs = [pair.partition("=") for pair in text.strip().upper().split(";") if pair]
    parts = {name: value for name, _, value in pairs}
    for name in parts:
        if name not in _KNOWN:
            raise ValueError(f"{name} is not among {', '.join(_KNOWN)}")
    freq = parts.get("FREQ", "")
    if freq not in ("DAILY", "WEEKLY", "MONTHLY", "YEARLY"):
        raise ValueError(f"FREQ must be DAILY, WEEKLY, MONTHLY or YEARLY, not {freq!r}")
    months = _numbers(parts, "BYMONTH", 1, 12)
    month_days = _numbers(parts, "BYMONTHDAY", -31, 31)
    weekdays = frozenset(map(_weekday, _values(parts, "BYDAY")))
    if freq == "YEARLY" and not (months or month_days or weekdays):
        months = frozenset({first.month})
    if freq in ("YEARLY", "MONTHLY") and not (month_days or weekdays):
        month_days = frozenset({first.day})
    if freq == "WEEKLY" and not weekdays:
        weekdays = frozenset({(first.weekday(), 0)})
    if freq in ("DAILY", "WEEKLY") and any(number for _, number in weekdays):
        raise ValueError(f"a numbered BYDAY means nothing with {freq}")
    week_start = parts.get("WKST", "MO")
    if week_start not in _DAYS:
        raise ValueError(f"WKST must be one of {', '.join(_DAYS)}, not {week_start!r}")
    return Recurrence(
        freq=freq,
        interval=_number(parts.get("INTERVAL", "1"), "INTERVAL", 1, 10_000),
        count=_number(parts["COUNT"], "COUNT", 1, 100_000) if "COUNT" in parts else None,
        until=_until(parts["UNTIL"]) if "UNTIL" in parts else None,
        months=months,
        month_days=month_days,
        weekdays=weekdays,
        week_start=_DAYS.index(week_start),
    )


def _values(parts: dict[str, str], name: str) -> list[str]:
    return parts[name].split(",") if name in parts else []


def _numbers(parts: dict[str, str], name: str, least: int, most: int) -> frozenset[int]:
    return frozenset(_number(value, name, least, most) for value in _values(parts, name))


def _number(text: str, name: str, least: int, most: int) -> int:
    number = int(text) if re.fullmatch(r"[+-]?[0-9]{1,6}", text) else 0  # which is never meant
    if number == 0 or not least <= number <= most:
        raise ValueError(f"{name} must be a number from {least} to {most}, not {text!r}")
    return number


def _weekday(text: str) -> tuple[int, int]:
    match = _NTH.fullmatch(text)
    if match is None or (match[1] is not None and not 1 <= abs(int(match[1])) <= 53):
        raise ValueError(f"BYDAY must be a day such as MO, 1MO or -1FR, not {text!r}")
    return _DAYS.index(match[2]), int(match[1] or 0)


def _until(text: str) -> date:
    match = re.match(r"(\d{4})(\d\d)(\d\d)(T\d{6}Z?)?$", text)
    if match is None:
        raise ValueError(f"UNTIL must be a date such as 20261224, not {text!r}")
    return date(*(int(match[number]) for number in (1, 2, 3)))
