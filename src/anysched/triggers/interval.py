"""Fire times at a fixed distance."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, Self

import attrs

from anysched.model.convert import utc
from anysched.triggers.base import RESOLUTION, machine_zone, optional_moment, require_order
from anysched.triggers.combine import Combinable
from anysched.triggers.grid import Grid, microseconds
from anysched.wire.registry import register_type


@lru_cache(maxsize=1000)
def _shared(interval: timedelta) -> tuple[timedelta, int, int, int]:
    """Return the same objects for equal intervals: of many alike triggers each is then 72 bytes smaller."""
    return interval, interval.days, interval.seconds, interval.microseconds


def _interval(trigger: IntervalTrigger) -> timedelta:
    return _shared(timedelta(trigger.days, trigger.seconds, trigger.microseconds))[0]


@register_type("interval", version=1)
@attrs.frozen(init=False)
class IntervalTrigger(Combinable):
    """Fires at its start, then each time the interval has elapsed, whatever the wall clock does (rule T5).

    Fire times are start, start + interval, start + 2 * interval and so on, up to and including the end.
    The interval is the sum of the numbers given, which may be fractions; it is kept as days, seconds and
    microseconds, so that ``minutes=60`` and ``hours=1`` are equal.

    :ivar days: whole days of the interval
    :ivar seconds: what remains in seconds
    :ivar microseconds: what remains in microseconds
    :ivar start_time: the first fire time; the anchor when there is none (rule T3)
    :ivar end_time: the last possible fire time
    :ivar interval: the interval
    """

    moves_forward: ClassVar[bool] = True

    days: int
    seconds: int
    microseconds: int
    start_time: datetime | None
    end_time: datetime | None
    interval: timedelta = attrs.field(
        init=False, eq=False, repr=False, default=attrs.Factory(_interval, takes_self=True)
    )

    if TYPE_CHECKING:

        def __attrs_init__(
            self,
            *,
            days: int,
            seconds: int,
            microseconds: int,
            start_time: datetime | None,
            end_time: datetime | None,
        ) -> None: ...

    def __init__(
        self,
        weeks: float = 0,
        days: float = 0,
        hours: float = 0,
        minutes: float = 0,
        seconds: float = 0,
        microseconds: float = 0,
        start_time: datetime | None = None,
        end_time: datetime | None = None,
    ) -> None:
        units = {
            "weeks": weeks,
            "days": days,
            "hours": hours,
            "minutes": minutes,
            "seconds": seconds,
            "microseconds": microseconds,
        }
        _, whole_days, whole_seconds, rest = _shared(_sum_of(units))
        start, end = optional_moment(start_time, "start_time"), optional_moment(end_time, "end_time")
        require_order(start, end)
        self.__attrs_init__(
            days=whole_days,
            seconds=whole_seconds,
            microseconds=rest,
            start_time=start,
            end_time=end,
        )

    def bind(self, timezone: tzinfo) -> Self:
        """Return this trigger with naive datetimes read in ``timezone`` (rule T1)."""
        start, end = self.start_time, self.end_time
        if (start is None or start.tzinfo is not None) and (end is None or end.tzinfo is not None):
            return self
        return attrs.evolve(
            self,
            start_time=optional_moment(self.start_time, "start_time", timezone),
            end_time=optional_moment(self.end_time, "end_time", timezone),
        )

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        """Return the first fire time strictly after an instant, in UTC, or None when there is none left."""
        start, end = self._window(anchor)
        after = utc(after, "after")
        if after < start:
            return None if end is not None and start > end else start
        return self._fire_time(start, end, self._index(start, after) + 1)

    def last_fire_time(self, until: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        """Return the latest fire time at or before an instant, or None."""
        start, end = self._window(anchor)
        last = utc(until, "until") if end is None else min(utc(until, "until"), end)
        return None if last < start else self._fire_time(start, end, self._index(start, last))

    def count_fire_times(self, after: datetime, until: datetime, *, anchor: datetime, key: str = "") -> int:
        """Return how many fire times lie in (after, until]."""
        start, end = self._window(anchor)
        last = utc(until, "until") if end is None else min(utc(until, "until"), end)
        return max(self._index(start, last) - max(self._index(start, utc(after, "after")), -1), 0)

    def grid(self, after: datetime, *, anchor: datetime, key: str = "") -> Grid:
        """Return the grid on which all fire times lie: start and interval."""
        start, _ = self._window(anchor)
        return Grid.at(microseconds(start), self.interval // RESOLUTION)

    def search_cost(self) -> int:
        """Return what it may cost to ask for a fire time."""
        return 2

    def _window(self, anchor: datetime) -> tuple[datetime, datetime | None]:
        """Return the start and the end."""
        start, end = self.start_time, self.end_time
        if (start is not None and start.tzinfo is None) or (end is not None and end.tzinfo is None):
            return self.bind(machine_zone())._window(anchor)
        return utc(anchor, "anchor") if start is None else start, end

    def _index(self, start: datetime, instant: datetime) -> int:
        """Return the number of the last fire time at or before an instant; that of the start is 0."""
        return (instant - start) // self.interval

    def _fire_time(self, start: datetime, end: datetime | None, index: int) -> datetime | None:
        try:
            found = start + index * self.interval
        except OverflowError:
            return None
        return None if end is not None and found > end else found


def _sum_of(units: dict[str, float]) -> timedelta:
    for name, value in units.items():
        if value.__class__ is int and not value < 0:
            continue  # as nearly all are
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise TypeError(f"{name} must be a number, not {type(value).__name__}")
        if not value >= 0:
            raise ValueError(f"{name} must not be negative: {value}")
    try:
        interval = timedelta(**units)
    except OverflowError as exc:
        raise ValueError("the interval is longer than a datetime can count") from exc
    if not interval:
        raise ValueError("the interval must be longer than nothing: give it seconds=1, hours=12 or the like")
    return interval
