"""Fire times at a wall time, every so many days or months."""

from __future__ import annotations

from bisect import bisect_left
from calendar import monthrange
from datetime import date, datetime, tzinfo
from typing import TYPE_CHECKING, Literal, Self

import attrs

from anysched.model.convert import utc
from anysched.triggers.base import (
    DAY,
    LAST_SECOND,
    instant_at,
    machine_zone,
    optional_zone,
    require_int,
    seconds_ceil,
    seconds_floor,
)
from anysched.triggers.civil import (
    FoldPolicy,
    GapPolicy,
    civil_of,
    require_choice,
    require_fold,
    require_gap,
)
from anysched.triggers.combine import Combinable
from anysched.triggers.grid import Grid
from anysched.wire.registry import register_type

DayPolicy = Literal["skip", "clip"]

_LAST_ORDINAL = date.max.toordinal()


@register_type("calendar_interval", version=1)
@attrs.frozen(init=False)
class CalendarIntervalTrigger(Combinable):
    """Fires at a wall time on its start date, and then every so many years, months, weeks and days (rule T5).

    Each date is counted from the start date: first the months, then the days. So a start on the 31st of
    January with ``months=1`` never drifts: ``day="skip"`` leaves out the months that have no such day,
    ``day="clip"`` takes their last one.

    Without a start date, dates are counted from the anchor's date in the trigger's zone, and nothing
    fires before the anchor (rule T3). ``gap`` and ``fold`` say what daylight saving does to the wall time
    (rule T6): a time that the clock skips fires "after" the gap (default), is "shift"-ed by it, or is
    left out ("skip"); one that the clock shows twice fires the "first" time (default), the "last" time or
    "both" times.

    :ivar months: the interval in months, the years included
    :ivar days: the interval in days, the weeks included
    :ivar hour: the wall time, from 0 to 23
    :ivar minute: the wall time, from 0 to 59
    :ivar second: the wall time, from 0 to 59
    :ivar start_date: the first date
    :ivar end_date: the last possible date
    :ivar timezone: the zone of the wall clock; None until it is bound (rule T1)
    :ivar day: what happens in a month that is too short
    :ivar gap: what becomes of wall times that do not exist
    :ivar fold: when wall times fire that exist twice
    """

    months: int
    days: int
    hour: int
    minute: int
    second: int
    start_date: date | None
    end_date: date | None
    timezone: tzinfo | None
    day: DayPolicy
    gap: GapPolicy
    fold: FoldPolicy

    if TYPE_CHECKING:

        def __attrs_init__(
            self,
            *,
            months: int,
            days: int,
            hour: int,
            minute: int,
            second: int,
            start_date: date | None,
            end_date: date | None,
            timezone: tzinfo | None,
            day: DayPolicy,
            gap: GapPolicy,
            fold: FoldPolicy,
        ) -> None: ...

    def __init__(
        self,
        years: int = 0,
        months: int = 0,
        weeks: int = 0,
        days: int = 0,
        hour: int = 0,
        minute: int = 0,
        second: int = 0,
        start_date: date | None = None,
        end_date: date | None = None,
        timezone: tzinfo | str | None = None,
        day: DayPolicy = "skip",
        gap: GapPolicy | None = None,
        fold: FoldPolicy | None = None,
    ) -> None:
        months = require_int(years, "years", 0) * 12 + require_int(months, "months", 0)
        days = require_int(weeks, "weeks", 0) * 7 + require_int(days, "days", 0)
        if not months and not days:
            raise ValueError("the interval must be longer than nothing: give it days=1, months=3 or the like")
        first, last = _optional_date(start_date, "start_date"), _optional_date(end_date, "end_date")
        if first is not None and last is not None and last < first:
            raise ValueError(f"end_date {last} lies before start_date {first}")
        self.__attrs_init__(
            months=months,
            days=days,
            hour=require_int(hour, "hour", 0, 23),
            minute=require_int(minute, "minute", 0, 59),
            second=require_int(second, "second", 0, 59),
            start_date=first,
            end_date=last,
            timezone=optional_zone(timezone),
            day=require_choice(day, "day", ("skip", "clip")),
            gap=require_gap(gap, "after"),
            fold=require_fold(fold, "first"),
        )

    def bind(self, timezone: tzinfo) -> Self:
        """Return this trigger with the zone that was left open (rule T1)."""
        return self if self.timezone is not None else attrs.evolve(self, timezone=timezone)

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        """Return the first fire time strictly after an instant, in UTC, or None when there is none left."""
        if self.timezone is None:
            return self.bind(machine_zone()).next_fire_time(after, anchor=anchor, key=key)
        civil = civil_of(self.timezone)
        earliest = seconds_floor(utc(after, "after")) + 1
        start = self.start_date
        if start is None:
            anchor = utc(anchor, "anchor")
            start = _date_of(seconds_floor(anchor) + civil.offset(seconds_floor(anchor)))
            earliest = max(earliest, seconds_ceil(anchor))
        time = self._time()
        end = _LAST_ORDINAL if self.end_date is None else self.end_date.toordinal()
        # Two dates never trade places: they are a day apart, and no transition moves the clock by more than that.
        index = self._first_index(start, earliest // DAY - 1)
        while (ordinal := self._ordinal(start, index)) <= end:
            if self.day == "clip" or self._fits(start, index):
                found = civil.instants((ordinal - 1) * DAY + time, self.gap, self.fold)
                second = min((at for at in found if at >= earliest), default=None)
                if second is not None:
                    return instant_at(second) if second <= LAST_SECOND else None
            index += 1
        return None

    def grid(self, after: datetime, *, anchor: datetime, key: str = "") -> Grid:
        """Return a grid on which all fire times after an instant lie."""
        zone = machine_zone() if self.timezone is None else self.timezone
        return civil_of(zone).grid(seconds_floor(utc(after, "after")), self._time(), DAY, self.gap)

    def search_cost(self) -> int:
        """Return what it may cost to ask for a fire time."""
        return 60

    def _time(self) -> int:
        """Return the wall time as a second of the day."""
        return (self.hour * 60 + self.minute) * 60 + self.second

    def _first_index(self, start: date, ordinal: int) -> int:
        """Return the number of the first date at or after one; that of the start date is 0."""
        distance = max(ordinal - start.toordinal(), 0)
        low = distance // (31 * self.months + self.days)
        high = distance // (28 * self.months + self.days) + 1
        return bisect_left(range(high), ordinal, low, key=lambda index: self._ordinal(start, index))

    def _ordinal(self, start: date, index: int) -> int:
        """Return the ordinal of a date; in a month too short its last day's, past year 9999 a large one."""
        year, month = self._month(start, index)
        if year > date.max.year:
            return _LAST_ORDINAL + 1
        day = min(start.day, monthrange(year, month)[1])
        return date(year, month, day).toordinal() + index * self.days

    def _fits(self, start: date, index: int) -> bool:
        """Return whether the month of a date has the day of the start date."""
        return start.day <= 28 or start.day <= monthrange(*self._month(start, index))[1]

    def _month(self, start: date, index: int) -> tuple[int, int]:
        year, month = divmod(start.year * 12 + start.month - 1 + index * self.months, 12)
        return year, month + 1


def _optional_date(value: date | None, name: str) -> date | None:
    if value is None:
        return None
    if isinstance(value, datetime) or not isinstance(value, date):
        raise TypeError(f"{name} must be a date, not {type(value).__name__}")
    return date(value.year, value.month, value.day)


def _date_of(wall: int) -> date:
    return date.fromordinal(min(max(wall // DAY + 1, 1), _LAST_ORDINAL))
