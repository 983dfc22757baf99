"""What a calendar is, how calendars are joined, and triggers that fire on the dates of one, or on all others."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from datetime import date, datetime, tzinfo
from typing import TYPE_CHECKING, Any, Final, Self

import attrs

from anysched.errors import TriggerSearchError
from anysched.model.convert import utc
from anysched.model.trigger import Trigger, own_timezone
from anysched.triggers.asking import COST, ask, bound, cost_of, grid_of, is_trigger, require_part, spend
from anysched.triggers.base import DAY, RESOLUTION, instant_at, machine_zone, seconds_floor, stored_fields
from anysched.triggers.civil import civil_of
from anysched.triggers.combine import Combinable
from anysched.triggers.grid import Grid
from anysched.wire.registry import register_type

#: Dates are counted as ``date.toordinal`` does; these are the first and the last.
FIRST_DAY: Final = date.min.toordinal()
LAST_DAY: Final = date.max.toordinal()

#: A search is given up after so many fire times on the wrong dates, or so many years of them.
MOST_STEPS: Final = 1_000
MOST_YEARS: Final = 60
#: Joined calendars are given up when they have changed so often without coming to one that answers.
_MOST_CHANGES: Final = 20_000


class Calendar(ABC):
    """A set of local dates: an immutable value that can be stored (rule T10).

    ``trigger - calendar`` fires on all dates but these, ``trigger & calendar`` on these only. Calendars are joined with
    ``|``, and one is taken from another with ``-``. A date that is in the calendar is *covered*.

    The dates are those of ``timezone``. Where that is None, they are those of the trigger's own zone, else of the
    scheduler's (rule T1).
    """

    __slots__ = ()

    #: The zone of the dates; None until it is bound (rule T1).
    timezone: tzinfo | None

    @abstractmethod
    def next_day(self, day: int, *, covered: bool) -> int | None:
        """Return the ordinal of the first date at or after one that is covered, or is not; None if there is none."""

    @abstractmethod
    def bind(self, timezone: tzinfo) -> Self:
        """Return this calendar with the zone that was left open (rule T1)."""

    def covers(self, day: date) -> bool:
        """Return whether a date is in this calendar. :raise TypeError: for anything but a date"""
        if isinstance(day, datetime) or not isinstance(day, date):
            raise TypeError(f"day must be a date, not {type(day).__name__}")
        return self.has(day.toordinal())

    def has(self, day: int) -> bool:
        """Return whether the date of an ordinal is in this calendar."""
        return self.next_day(day, covered=True) == day

    def __or__(self, other: Calendar) -> CalendarUnion:
        return CalendarUnion(self, other) if isinstance(other, Calendar) else NotImplemented

    def __sub__(self, other: Calendar) -> CalendarDifference:
        return CalendarDifference(self, other) if isinstance(other, Calendar) else NotImplemented

    def __rsub__(self, other: Trigger) -> CalendarTrigger:
        return CalendarTrigger(other, self, covered=False) if is_trigger(other) else NotImplemented

    def __and__(self, other: Trigger) -> CalendarTrigger:
        return CalendarTrigger(other, self, covered=True) if is_trigger(other) else NotImplemented

    def __rand__(self, other: Trigger) -> CalendarTrigger:
        return self.__and__(other)


def require_calendar(value: Calendar, name: str = "calendar") -> Calendar:
    """Return a calendar. :raise TypeError: naming the argument, for anything else"""
    if not isinstance(value, Calendar):
        hint = ": did you mean DateSet(...)?" if isinstance(value, (list, tuple, set, frozenset, str)) else ""
        raise TypeError(f"{name} must be a calendar, not {type(value).__name__}{hint}")
    return value


def _one_zone(calendars: Iterable[Calendar]) -> tzinfo | None:
    """Return the one zone that calendars name. :raise ValueError: when they name several"""
    zones = {calendar.timezone for calendar in calendars} - {None}
    if len(zones) > 1:
        raise ValueError(
            f"calendars of different time zones cannot be joined ({', '.join(sorted(map(str, zones)))}): "
            "give them to the trigger one after the other, as in trigger - one - other"
        )
    return next(iter(zones), None)


def _zone_of_union(union: CalendarUnion) -> tzinfo | None:
    return _one_zone(union.calendars)


@register_type("calendar_union", version=1)
@attrs.frozen(init=False)
class CalendarUnion(Calendar):
    """The dates of all of several calendars. Also written ``a | b``.

    :ivar calendars: the parts
    :raise ValueError: when they name different time zones
    """

    calendars: tuple[Calendar, ...]
    timezone: tzinfo | None = attrs.field(
        init=False, eq=False, repr=False, default=attrs.Factory(_zone_of_union, takes_self=True)
    )

    if TYPE_CHECKING:

        def __attrs_init__(self, *, calendars: tuple[Calendar, ...]) -> None: ...

    def __init__(self, *calendars: Calendar) -> None:
        if not calendars:
            raise ValueError("CalendarUnion needs at least one calendar")
        flat: list[Calendar] = []
        for index, calendar in enumerate(calendars):
            require_calendar(calendar, f"calendars[{index}]")
            flat += calendar.calendars if isinstance(calendar, CalendarUnion) else [calendar]
        self.__attrs_init__(calendars=tuple(flat))

    def bind(self, timezone: tzinfo) -> Self:
        """Return this calendar with the zone that was left open (rule T1)."""
        zone = self.timezone or timezone
        parts = [calendar.bind(zone) for calendar in self.calendars]
        changed = any(new is not old for new, old in zip(parts, self.calendars, strict=True))
        return type(self)(*parts) if changed else self

    def next_day(self, day: int, *, covered: bool) -> int | None:
        """Return the ordinal of the first date at or after one that is covered, or is not; None if there is none."""
        if covered:
            found = (calendar.next_day(day, covered=True) for calendar in self.calendars)
            return min((one for one in found if one is not None), default=None)
        return _agreed(self, day, [(calendar, False) for calendar in self.calendars])

    def has(self, day: int) -> bool:
        """Return whether the date of an ordinal is in one of the calendars."""
        return any(calendar.has(day) for calendar in self.calendars)

    def __anysched_fields__(self) -> dict[str, Any]:
        return {"calendars": list(self.calendars)}

    @classmethod
    def __anysched_build__(cls, fields: Mapping[str, Any]) -> Self:
        (calendars,) = stored_fields(fields, "calendars")
        return cls(*calendars)


def _zone_of_difference(difference: CalendarDifference) -> tzinfo | None:
    return _one_zone((difference.calendar, difference.excluded))


def _part(value: Calendar) -> Calendar:
    return require_calendar(value)


def _excluded(value: Calendar) -> Calendar:
    return require_calendar(value, "excluded")


@register_type("calendar_difference", version=1)
@attrs.frozen
class CalendarDifference(Calendar):
    """The dates of one calendar that are not in another: ``holidays - DateSet(["2026-12-24"])``.

    :ivar calendar: the dates
    :ivar excluded: those that are none all the same
    :raise ValueError: when they name different time zones
    """

    calendar: Calendar = attrs.field(converter=_part)
    excluded: Calendar = attrs.field(converter=_excluded)
    timezone: tzinfo | None = attrs.field(
        init=False, eq=False, repr=False, default=attrs.Factory(_zone_of_difference, takes_self=True)
    )

    def bind(self, timezone: tzinfo) -> Self:
        """Return this calendar with the zone that was left open (rule T1)."""
        zone = self.timezone or timezone
        calendar, excluded = self.calendar.bind(zone), self.excluded.bind(zone)
        if calendar is self.calendar and excluded is self.excluded:
            return self
        return type(self)(calendar, excluded)

    def next_day(self, day: int, *, covered: bool) -> int | None:
        """Return the ordinal of the first date at or after one that is covered, or is not; None if there is none."""
        if covered:
            return _agreed(self, day, [(self.calendar, True), (self.excluded, False)])
        found = (self.calendar.next_day(day, covered=False), self.excluded.next_day(day, covered=True))
        return min((one for one in found if one is not None), default=None)

    def has(self, day: int) -> bool:
        """Return whether the date of an ordinal is in the calendar, and not excluded."""
        return self.calendar.has(day) and not self.excluded.has(day)


def _agreed(calendar: Calendar, day: int, wanted: list[tuple[Calendar, bool]]) -> int | None:
    """Return the first date at or after one on which each part answers as wanted."""
    agreed = turn = 0
    while agreed < len(wanted):
        part, covered = wanted[turn % len(wanted)]
        found = part.next_day(day, covered=covered)
        if found is None:
            return None
        agreed, day, turn = (agreed + 1 if found == day else 1), found, turn + 1
        if turn > _MOST_CHANGES:
            raise TriggerSearchError(f"no date found in {turn} steps that {calendar!r} answers for")
    return day


def _trigger(value: Trigger) -> Trigger:
    return require_part(value, "trigger")


@attrs.frozen
class OnDates(Combinable):
    """A trigger whose fire times are treated by the dates of a calendar (rule T10).

    :ivar trigger: what fires
    :ivar calendar: the dates
    """

    trigger: Trigger = attrs.field(converter=_trigger)
    calendar: Calendar = attrs.field(converter=_part)

    @property
    def timezone(self) -> tzinfo | None:
        """The zone that the trigger names, if it does."""
        return own_timezone(self.trigger)

    def bind(self, timezone: tzinfo) -> Self:
        """Return this trigger with the zones that were left open; the calendar takes the trigger's (rule T1)."""
        trigger = bound(self.trigger, timezone)
        calendar = self.calendar.bind(own_timezone(trigger) or timezone)
        if trigger is self.trigger and calendar is self.calendar:
            return self
        return attrs.evolve(self, trigger=trigger, calendar=calendar)


@register_type("calendar", version=1)
@attrs.frozen
class CalendarTrigger(OnDates):
    """Fires when a trigger does, on the dates of a calendar or on all others (rule T10).

    Also written ``trigger & calendar`` and ``trigger - calendar``. Rows of dates on which it does not fire are jumped
    over, however often the trigger fires on them.

    :ivar covered: True to fire on the dates of the calendar, False to fire on all others
    """

    covered: bool = attrs.field(validator=attrs.validators.instance_of(bool))

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        """Return the first fire time strictly after an instant, in UTC, or None when there is none left.

        :raise TriggerSearchError: when the next 1,000 rows of fire times, or all of 60 years, are on the wrong dates
        """
        zone = self.calendar.timezone
        if zone is None:
            return self.bind(machine_zone()).next_fire_time(after, anchor=anchor, key=key)
        found = ask(self.trigger, utc(after, "after"), anchor, key)
        first = found
        for _ in range(MOST_STEPS):
            if found is None:
                return None
            day = day_of(found, zone)
            wanted = self.calendar.next_day(day, covered=self.covered)
            if wanted is None or wanted == day:
                return None if wanted is None else found
            if first is not None and found.year - first.year > MOST_YEARS:
                break
            spend(cost_of(self.trigger))
            found = ask(self.trigger, start_after(found, wanted, zone) - RESOLUTION, anchor, key)
        what = "falls on no date of" if self.covered else "falls only on dates of"
        raise TriggerSearchError(
            f"no fire time found from {first} to {found}: {self.trigger!r} {what} {self.calendar!r}"
        )

    def grid(self, after: datetime, *, anchor: datetime, key: str = "") -> Grid:
        """Return the grid of the trigger, all of whose fire times lie on it."""
        return grid_of(self.trigger, after, anchor, key)

    def search_cost(self) -> int:
        """Return what it costs to ask the trigger, and the calendar for a date."""
        return cost_of(self.trigger) + COST


def day_of(instant: datetime, zone: tzinfo) -> int:
    """Return the ordinal of the local date of an instant."""
    second = seconds_floor(instant)
    return min(max((second + civil_of(zone).offset(second)) // DAY + 1, FIRST_DAY), LAST_DAY)


def start_after(instant: datetime, day: int, zone: tzinfo) -> datetime:
    """Return from when on the date may be another one, coming from an instant on which a later date is looked for.

    That is when the later date begins, if need be for the second time; of a date that the zone left out, the first
    instant after it. Where the clock is set back over midnight, and an earlier date goes on, it is then.
    """
    second = seconds_floor(instant)
    found = civil_of(zone).instants((day - 1) * DAY, "after", "both")
    start = min((at for at in found if at > second), default=second + 1)
    back = date_goes_back(second, zone)
    return instant_at(start if back is None else min(start, back))


def date_goes_back(second: int, zone: tzinfo) -> int | None:
    """Return when, soon after an instant, the clock is set back over midnight, if it is."""
    civil = civil_of(zone)
    if civil.calm_offset(second // DAY) is not None:
        return None
    day = (second + civil.offset(second)) // DAY
    stretches = civil.near(second // DAY, "skip", "both")
    return next(
        (one.start for one in stretches if one.start > second and (one.start + one.offset) // DAY < day), None
    )
