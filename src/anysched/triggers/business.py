"""Fire times that are moved to business days (rule T10)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta, tzinfo
from typing import Final, Literal, NamedTuple, get_args

import attrs

from anysched.errors import TriggerSearchError
from anysched.model.convert import utc
from anysched.triggers.asking import ask, cost_of
from anysched.triggers.base import (
    DAY,
    EPOCH,
    LAST_SECOND,
    RESOLUTION,
    instant_at,
    machine_zone,
    seconds_floor,
)
from anysched.triggers.calendars.base import (
    FIRST_DAY,
    LAST_DAY,
    OnDates,
    date_goes_back,
    day_of,
)
from anysched.triggers.civil import civil_of, require_choice
from anysched.wire.registry import register_type

Roll = Literal["following", "preceding", "modified_following"]

#: More days off in a row than this are a mistake.
_MOST_DAYS_OFF: Final = 1_000
_NONE: Final = timedelta(0)
_HALF_DAY: Final = timedelta(hours=12)


def _roll(value: Roll) -> Roll:
    return require_choice(value, "roll", get_args(Roll))


@register_type("business_day", version=1)
@attrs.frozen
class BusinessDayTrigger(OnDates):
    """Fires when a trigger does; a fire time on a day off is moved to a business day (rule T10).

    It keeps its wall time in the zone of the calendar. "following" moves it to the next business day, "preceding" to
    the one before, "modified_following" to the next unless that is in another month, else to the one before. Fire
    times that come to the same instant are one. To leave them out instead, write ``trigger - calendar``.

    A wall time that the clock skips on that business day fires after the gap, one that it shows twice fires the first
    time (rule T6). Starts and ends of the trigger are about its own fire times, before they are moved.

    :ivar trigger: what fires
    :ivar calendar: the days off, weekends included: ``Weekdays("sat", "sun") | HolidayCalendar("DE")``
    :ivar roll: where to
    """

    roll: Roll = attrs.field(converter=_roll, default="following")

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        """Return the first fire time strictly after an instant, in UTC, or None when there is none left.

        :raise TriggerSearchError: when it comes to 1,000 days off in a row
        """
        zone = self.calendar.timezone
        if zone is None:
            return self.bind(machine_zone()).next_fire_time(after, anchor=anchor, key=key)
        search = _Search(self, zone, utc(after, "after"), anchor, key)
        day = search.business_day(search.first_day(), 1)
        while day is not None:
            found = search.first_on(day)
            if found is not None:
                return search.or_before(found, day)
            day = search.next_target(day)
        return None

    def search_cost(self) -> int:
        """Return what it costs to ask the trigger about the dates that are moved to one business day."""
        return 10 * cost_of(self.trigger)


@attrs.frozen
class _Search:
    """One question to a trigger: which of its moved fire times is the first after an instant."""

    rolling: BusinessDayTrigger
    zone: tzinfo
    after: datetime
    anchor: datetime
    key: str

    def business_day(self, day: int, step: Literal[1, -1]) -> int | None:
        """Return the first business day from a date on, forward or backward; None where the calendar ends.

        :raise TriggerSearchError: when there is none among the next 1,000 days
        """
        calendar = self.rolling.calendar
        if step > 0:
            found = calendar.next_day(day, covered=False)
            if found is None or found - day <= _MOST_DAYS_OFF:
                return found
        else:
            for found in range(day, max(day - _MOST_DAYS_OFF, FIRST_DAY) - 1, -1):
                if not calendar.has(found):
                    return found
            if day - _MOST_DAYS_OFF < FIRST_DAY:
                return None
        raise TriggerSearchError(
            f"no business day within {_MOST_DAYS_OFF} days of {date.fromordinal(day)}: {calendar!r} covers them all"
        )

    def first_day(self) -> int:
        """Return the first date that comes after the instant, which may be the one before if the clock is set back."""
        back = date_goes_back(seconds_floor(self.after), self.zone)
        return day_of(self.after if back is None else instant_at(back), self.zone)

    def or_before(self, found: datetime, target: int) -> datetime:
        """Return what was found on a date, or on the next if that began before, as the clock was set back."""
        following = self.business_day(target + 1, 1) if found - self._begin(target) >= _HALF_DAY else None
        if following is None or self._begin(following) > found:
            return found
        return min(found, self.first_on(following) or found)

    def first_on(self, target: int) -> datetime | None:
        """Return the first fire time after the instant that is on a business day, or moved to it."""
        found = [
            at
            for piece in self._pieces(target)
            if (at := self._first_in(piece, _NONE, self.after)) is not None
        ]
        least = self._least_time(target)
        for day in self._sources(target):
            for piece in self._pieces(day):
                fire_time = self._first_in(piece, least, None)
                if fire_time is not None:
                    found.append(self._on(target, fire_time - instant_at(max(piece.midnight, 0))))
        return min((at for at in found if at > self.after), default=None)

    def next_target(self, target: int) -> int | None:
        """Return the next business day on which there is a fire time, or to which one is moved."""
        behind = self.business_day(target + 1, 1) if target < LAST_DAY else None
        if behind is None:
            return None
        roll, day = self.rolling.roll, target + 1
        if roll != "following":  # those days off are moved back to the target
            day = behind if roll == "preceding" else max(day, _month_of(behind))
        found = self._ask(_before(self._begin(day)))
        return None if found is None else self._moved_to(max(day_of(found, self.zone), day))

    def _moved_to(self, day: int) -> int | None:
        """Return the business day to which fire times of a date are moved."""
        roll, following = self.rolling.roll, self.business_day(day, 1)
        if following == day or roll == "following":
            return following
        if roll == "modified_following" and following is not None and _month_of(following) <= day:
            return following
        return self.business_day(day, -1)

    def _sources(self, target: int) -> Iterator[int]:
        """Yield the days off whose fire times are moved to a business day."""
        roll = self.rolling.roll
        if roll != "preceding" and target > FIRST_DAY:
            before = (self.business_day(target - 1, -1) or 0) + 1
            yield from range(before if roll == "following" else max(before, _month_of(target)), target)
        if roll != "following" and target < LAST_DAY:
            behind = self.business_day(target + 1, 1) or LAST_DAY + 1
            yield from range(target + 1, behind if roll == "preceding" else min(behind, _month_of(behind)))

    def _begin(self, day: int) -> datetime:
        """Return when a date begins for the first time, or would if the zone had it."""
        return instant_at(max(min((piece.start for piece in self._pieces(day)), default=(day - 1) * DAY), 0))

    def _pieces(self, day: int) -> list[_Piece]:
        """Return the stretches of one offset that a date consists of."""
        civil = civil_of(self.zone)
        offset = civil.calm_offset(day - 1)
        if offset is not None:
            midnight = (day - 1) * DAY - offset
            return [_Piece(midnight, midnight, midnight + DAY)]
        pieces: list[_Piece] = []
        for stretch in civil.near(day - 1, "skip", "both"):
            midnight = (day - 1) * DAY - stretch.offset
            start, stop = max(midnight, stretch.start), min(midnight + DAY, stretch.stop)
            if start < stop:
                pieces.append(_Piece(midnight, start, stop))
        return pieces

    def _first_in(self, piece: _Piece, least: timedelta, after: datetime | None) -> datetime | None:
        """Return the first fire time in a piece of a date, from a time of day on, and after an instant."""
        begin = max(instant_at(max(piece.start, 0)), instant_at(max(piece.midnight, 0)) + least)
        if seconds_floor(begin) >= piece.stop:
            return None
        fire_time = self._ask(_before(begin) if after is None else max(_before(begin), after))
        return None if fire_time is None or seconds_floor(fire_time) >= piece.stop else fire_time

    def _least_time(self, target: int) -> timedelta:
        """Return the time of day from which on what is moved to a business day comes after the instant."""
        if day_of(self.after, self.zone) != target:
            return _NONE
        civil, second = civil_of(self.zone), seconds_floor(self.after)
        wall = second + civil.offset(second)
        if second in civil.instants(wall, "after", "first"):
            return timedelta(0, wall % DAY, self.after.microsecond) + RESOLUTION
        # The clock shows this time again: what is moved to such a time has fired the first time.
        again = next(one for one in civil.near(second // DAY, "skip", "first") if one.start > second)
        return timedelta(0, again.start + again.offset - (target - 1) * DAY)

    def _on(self, day: int, time: timedelta) -> datetime:
        """Return the instant of a time of day on a date."""
        civil, wall = civil_of(self.zone), (day - 1) * DAY + time.seconds
        second = min(max(min(civil.instants(wall, "after", "first")), 0), LAST_SECOND)
        fraction = (
            time.microseconds if second + civil.offset(second) == wall else 0
        )  # after a gap there is none
        return instant_at(second) + timedelta(0, 0, fraction)

    def _ask(self, after: datetime) -> datetime | None:
        return ask(self.rolling.trigger, after, self.anchor, self.key)


class _Piece(NamedTuple):
    """A part of a date in which one offset holds: start <= instant < stop, in seconds.

    ``midnight`` is when the date would begin by this offset.
    """

    midnight: int
    start: int
    stop: int


def _month_of(day: int) -> int:
    """Return the ordinal of the first date of the month of a date."""
    if day > LAST_DAY:
        return day
    found = date.fromordinal(day)
    return day - found.day + 1


def _before(instant: datetime) -> datetime:
    """Return what to ask after so as to find what fires at an instant or later; nothing is before the very first."""
    return max(instant, EPOCH + RESOLUTION) - RESOLUTION
