"""Fire times on the n-th business day of a month (rule T10)."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable
from datetime import date, datetime, tzinfo
from itertools import islice
from typing import TYPE_CHECKING, Final, Self

import attrs

from anysched.errors import TriggerSearchError
from anysched.model.convert import utc
from anysched.triggers.base import (
    DAY,
    LAST_SECOND,
    instant_at,
    machine_zone,
    optional_zone,
    require_int,
    seconds_floor,
)
from anysched.triggers.calendars.base import FIRST_DAY, Calendar, day_of, require_calendar
from anysched.triggers.civil import FoldPolicy, GapPolicy, civil_of, require_fold, require_gap
from anysched.triggers.combine import Combinable
from anysched.wire.registry import register_type

#: More months without such a day than this are a mistake.
_MOST_MONTHS: Final = 240


def _months(value: Iterable[int] | None) -> tuple[int, ...]:
    if value is None:
        return tuple(range(1, 13))
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise TypeError(f"months must be numbers from 1 to 12, not {value!r}")
    found = sorted({require_int(month, "months", 1, 12) for month in value})
    if not found:
        raise ValueError("months must not be empty")
    return tuple(found)


@register_type("business_day_of_month", version=1)
@attrs.frozen(init=False)
class BusinessDayOfMonthTrigger(Combinable):
    """Fires on the n-th business day of each month, or on the n-th from its end (rule T10).

    ``BusinessDayOfMonthTrigger(-1, Weekdays("sat", "sun") | HolidayCalendar("DE"), hour=17)`` fires at 17:00 on the
    last business day. Months that have no such day are left out. ``gap`` and ``fold`` are those of
    ``CalendarIntervalTrigger`` (rule T6).

    :ivar n: 1 for the first business day, -1 for the last, up to 31 and -31
    :ivar calendar: the days off, weekends included; its own zone is that of the dates, and must be that of the trigger
    :ivar hour: the wall time, from 0 to 23
    :ivar minute: the wall time, from 0 to 59
    :ivar second: the wall time, from 0 to 59
    :ivar months: in which months, in order: (3, 6, 9, 12) for quarters
    :ivar timezone: the zone of the wall clock and of the dates; None until it is bound (rule T1)
    :ivar gap: what becomes of wall times that do not exist
    :ivar fold: when wall times fire that exist twice
    """

    n: int
    calendar: Calendar
    hour: int
    minute: int
    second: int
    months: tuple[int, ...]
    timezone: tzinfo | None
    gap: GapPolicy
    fold: FoldPolicy

    if TYPE_CHECKING:

        def __attrs_init__(
            self,
            *,
            n: int,
            calendar: Calendar,
            hour: int,
            minute: int,
            second: int,
            months: tuple[int, ...],
            timezone: tzinfo | None,
            gap: GapPolicy,
            fold: FoldPolicy,
        ) -> None: ...

    def __init__(
        self,
        n: int,
        calendar: Calendar,
        hour: int = 0,
        minute: int = 0,
        second: int = 0,
        *,
        months: Iterable[int] | None = None,
        timezone: tzinfo | str | None = None,
        gap: GapPolicy | None = None,
        fold: FoldPolicy | None = None,
    ) -> None:
        if require_int(n, "n", -31, 31) == 0:
            raise ValueError("n must be 1 for the first business day, -1 for the last, or the like, not 0")
        zone, own = optional_zone(timezone), require_calendar(calendar).timezone
        if zone is not None and own is not None and own != zone:
            raise ValueError(
                f"the calendar has the dates of {own}, and timezone is {zone}: they must be the same"
            )
        zone = zone or own
        self.__attrs_init__(
            n=n,
            calendar=calendar if zone is None else calendar.bind(zone),
            hour=require_int(hour, "hour", 0, 23),
            minute=require_int(minute, "minute", 0, 59),
            second=require_int(second, "second", 0, 59),
            months=_months(months),
            timezone=zone,
            gap=require_gap(gap, "after"),
            fold=require_fold(fold, "first"),
        )

    def bind(self, timezone: tzinfo) -> Self:
        """Return this trigger with the zone that was left open (rule T1)."""
        return self if self.timezone is not None else attrs.evolve(self, timezone=timezone)

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        """Return the first fire time strictly after an instant, in UTC, or None when there is none left.

        :raise TriggerSearchError: when none of 240 months has such a business day
        """
        if self.timezone is None:
            return self.bind(machine_zone()).next_fire_time(after, anchor=anchor, key=key)
        civil, earliest = civil_of(self.timezone), seconds_floor(utc(after, "after")) + 1
        begin = date.fromordinal(max(day_of(utc(after, "after"), self.timezone) - 1, FIRST_DAY))
        time = (self.hour * 60 + self.minute) * 60 + self.second
        looked_at = 0
        for month in range(begin.year * 12 + begin.month - 1, date.max.year * 12 + 12):
            if month % 12 + 1 not in self.months:
                continue
            day = self._day_in(month // 12, month % 12 + 1)
            found = [] if day is None else civil.instants((day - 1) * DAY + time, self.gap, self.fold)
            second = min((at for at in found if at >= earliest), default=None)
            if second is not None:
                return instant_at(second) if second <= LAST_SECOND else None
            looked_at += 1
            if looked_at > _MOST_MONTHS:
                raise TriggerSearchError(
                    f"none of {_MOST_MONTHS} months from {begin} on has business day {self.n} by {self.calendar!r}"
                )
        return None

    def _day_in(self, year: int, month: int) -> int | None:
        """Return the ordinal of the business day in a month, if it has so many."""
        first = date(year, month, 1).toordinal()
        days = range(first, first + monthrange(year, month)[1])
        found = (day for day in (days if self.n > 0 else reversed(days)) if not self.calendar.has(day))
        return next(islice(found, abs(self.n) - 1, None), None)
