"""Calendars that say which dates they cover themselves: single dates, and days of the week."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from datetime import date, datetime, tzinfo
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

import attrs

from anysched.triggers.base import optional_zone, stored_fields
from anysched.triggers.calendars import ics
from anysched.triggers.calendars.base import LAST_DAY, Calendar
from anysched.wire.registry import register_type

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)


def _ordinals(calendar: DateSet) -> tuple[int, ...]:
    return tuple(day.toordinal() for day in calendar.dates)


@register_type("date_set", version=1)
@attrs.frozen(init=False, repr=False)
class DateSet(Calendar):
    """A set of dates: ``DateSet(["2026-12-24", date(2026, 12, 31)])`` (rule T10).

    :ivar dates: the dates, in order
    :ivar timezone: the zone of the dates; None until it is bound (rule T1)
    :raise ValueError: when there is none, or a text is not a date such as "2026-12-24"
    """

    dates: tuple[date, ...]
    timezone: tzinfo | None
    _days: tuple[int, ...] = attrs.field(
        init=False, eq=False, default=attrs.Factory(_ordinals, takes_self=True)
    )

    if TYPE_CHECKING:

        def __attrs_init__(self, *, dates: tuple[date, ...], timezone: tzinfo | None) -> None: ...

    def __init__(self, dates: Iterable[date | str], timezone: tzinfo | str | None = None) -> None:
        if isinstance(dates, (str, date)) or not isinstance(dates, Iterable):
            raise TypeError(f"dates must be a collection of dates, not {type(dates).__name__}")
        found = sorted({_date(value, f"dates[{index}]") for index, value in enumerate(dates)})
        if not found:
            raise ValueError("dates must not be empty: a calendar without dates covers nothing")
        self.__attrs_init__(dates=tuple(found), timezone=optional_zone(timezone))

    @classmethod
    def from_ics(
        cls, source: str | PathLike[str], *, until: date | None = None, timezone: tzinfo | str | None = None
    ) -> Self:
        """Return the dates of the all-day events in an iCalendar file (RFC 5545).

        An event that lasts several days covers each of them, its DTEND not included. Events that are cancelled are left
        out, and so are those with a time of day. Events that recur daily, weekly, monthly or yearly are written out; if
        one never ends, as far as ``until``. The dates are stored, not the file: every node reads the same.

        :param source: the text of the file, or its path. A path is read in this call: in a coroutine, pass the text,
            read with ``await anyio.Path("days.ics").read_text("utf-8")``
        :param until: the last date that events without an end cover
        :param timezone: the zone of the dates
        :raise ValueError: naming the line, for what cannot be read; naming the event, for a rule that cannot be written
            out; and when there is no all-day event
        """
        if isinstance(source, PathLike):
            source = Path(source).read_text("utf-8-sig")
        if not isinstance(source, str):
            raise TypeError(f"source must be the text of an .ics file or a path, not {type(source).__name__}")
        if until is not None and (isinstance(until, datetime) or not isinstance(until, date)):
            raise TypeError(f"until must be a date, not {type(until).__name__}")
        return cls(ics.dates_in(source, until), timezone)

    def __repr__(self) -> str:
        zone = "" if self.timezone is None else f", timezone={self.timezone!r}"
        return f"{type(self).__name__}({[day.isoformat() for day in self.dates]}{zone})"

    def bind(self, timezone: tzinfo) -> Self:
        """Return this calendar with the zone that was left open (rule T1)."""
        return self if self.timezone is not None else type(self)(self.dates, timezone)

    def next_day(self, day: int, *, covered: bool) -> int | None:
        """Return the ordinal of the first date at or after one that is covered, or is not; None if there is none."""
        return next_among(self._days, day, covered=covered)

    def __anysched_fields__(self) -> dict[str, Any]:
        return {"dates": [day.isoformat() for day in self.dates], "timezone": self.timezone}

    @classmethod
    def __anysched_build__(cls, fields: Mapping[str, Any]) -> Self:
        dates, timezone = stored_fields(fields, "dates", "timezone")
        return cls(dates, timezone)


def _date(value: date | str, name: str) -> date:
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError as exc:
            raise ValueError(f"{name} must be a date such as '2026-12-24', not {value!r}") from exc
    if isinstance(value, datetime) or not isinstance(value, date):
        raise TypeError(f"{name} must be a date, not {type(value).__name__}")
    return date(value.year, value.month, value.day)


def next_among(days: tuple[int, ...], day: int, *, covered: bool) -> int | None:
    """Return the first number at or after one that is among sorted ordinals, or is not; None if there is none."""
    index = bisect_left(days, day)
    if covered:
        return days[index] if index < len(days) else None
    # In a row of dates, each is as many days after its first as it is places behind it.
    row = bisect_right(range(index, len(days)), day - index, key=lambda place: days[place] - place)
    return day + row if day + row <= LAST_DAY else None


@register_type("weekdays", version=1)
@attrs.frozen(init=False)
class Weekdays(Calendar):
    """Days of the week: ``Weekdays("sat", "sun")`` (rule T10).

    :ivar days: "mon" to "sun", in this order
    :ivar timezone: the zone of the dates; None until it is bound (rule T1)
    """

    days: tuple[Weekday, ...]
    timezone: tzinfo | None

    if TYPE_CHECKING:

        def __attrs_init__(self, *, days: tuple[Weekday, ...], timezone: tzinfo | None) -> None: ...

    def __init__(self, *days: Weekday, timezone: tzinfo | str | None = None) -> None:
        if not days:
            raise ValueError("Weekdays needs at least one day, such as 'sat'")
        for day in days:
            if day not in _WEEKDAYS:
                raise ValueError(f"days must be among {', '.join(map(repr, _WEEKDAYS))}, not {day!r}")
        self.__attrs_init__(
            days=tuple(day for day in _WEEKDAYS if day in days), timezone=optional_zone(timezone)
        )

    def bind(self, timezone: tzinfo) -> Self:
        """Return this calendar with the zone that was left open (rule T1)."""
        return self if self.timezone is not None else type(self)(*self.days, timezone=timezone)

    def next_day(self, day: int, *, covered: bool) -> int | None:
        """Return the ordinal of the first date at or after one that is covered, or is not; None if there is none."""
        for following in range(day, min(day + 7, LAST_DAY + 1)):
            if (_WEEKDAYS[(following - 1) % 7] in self.days) is covered:
                return following
        return None

    def __anysched_fields__(self) -> dict[str, Any]:
        return {"days": list(self.days), "timezone": self.timezone}

    @classmethod
    def __anysched_build__(cls, fields: Mapping[str, Any]) -> Self:
        days, timezone = stored_fields(fields, "days", "timezone")
        return cls(*days, timezone=timezone)
