"""Triggers made of triggers: united, intersected, without each other, shifted, and within bounds (rule T11)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, tzinfo
from functools import reduce
from typing import TYPE_CHECKING, Any, Self

import attrs

from anysched.model.convert import utc
from anysched.model.trigger import Trigger, is_due_when_past, own_timezone
from anysched.triggers.asking import (
    ask,
    ask_back,
    bound,
    cost_of,
    grid_of,
    is_trigger,
    require_part,
    searching,
)
from anysched.triggers.base import (
    EPOCH,
    LAST_INSTANT,
    RESOLUTION,
    is_open,
    machine_zone,
    optional_moment,
    stored_fields,
)
from anysched.triggers.grid import Grid
from anysched.triggers.looking import Looking
from anysched.triggers.meeting import first_meeting, first_without, last_meeting, last_without
from anysched.triggers.moving import (
    counted,
    counted_apart,
    last_shifted,
    last_within,
    moved,
    next_shifted,
    next_within,
)
from anysched.wire.registry import register_type


class Combinable(Looking):
    """Gives a trigger ``|``, ``&``, ``-``, ``shifted`` and ``between``; the other side may be any trigger."""

    __slots__ = ()

    def __or__(self, other: Trigger) -> OrTrigger:
        return OrTrigger(self, other) if is_trigger(other) else NotImplemented

    def __ror__(self, other: Trigger) -> OrTrigger:
        return OrTrigger(other, self) if is_trigger(other) else NotImplemented

    def __and__(self, other: Trigger) -> AndTrigger:
        return AndTrigger(self, other) if is_trigger(other) else NotImplemented

    def __rand__(self, other: Trigger) -> AndTrigger:
        return AndTrigger(other, self) if is_trigger(other) else NotImplemented

    def __sub__(self, other: Trigger) -> ExceptTrigger:
        return ExceptTrigger(self, other) if is_trigger(other) else NotImplemented

    def __rsub__(self, other: Trigger) -> ExceptTrigger:
        return ExceptTrigger(other, self) if is_trigger(other) else NotImplemented

    def shifted(self, offset: timedelta) -> ShiftedTrigger:
        """Return a trigger that fires so much elapsed time after this one, or before if it is negative (rule T11)."""
        return ShiftedTrigger(self, offset)

    def between(self, start: datetime | None = None, end: datetime | None = None) -> BetweenTrigger:
        """Return a trigger with the fire times of this one from ``start`` to ``end``, both inclusive (rule T11).

        :param start: None for no bound; a naive datetime is read by rule T1
        :param end: the same
        """
        return BetweenTrigger(self, start, end)


@attrs.frozen(init=False)
class _Parts(Combinable):
    """A combination of any number of triggers. Combinations of the same kind are taken into it."""

    triggers: tuple[Trigger, ...]

    if TYPE_CHECKING:

        def __attrs_init__(self, *, triggers: tuple[Trigger, ...]) -> None: ...

    def __init__(self, *triggers: Trigger) -> None:
        if not triggers:
            raise ValueError(f"{type(self).__name__} needs at least one trigger")
        self.__attrs_init__(triggers=tuple(self._flat(triggers)))

    def bind(self, timezone: tzinfo) -> Self:
        """Return this trigger with what its parts left open taken from ``timezone`` (rule T1)."""
        parts = [bound(trigger, timezone) for trigger in self.triggers]
        changed = any(new is not old for new, old in zip(parts, self.triggers, strict=True))
        return type(self)(*parts) if changed else self

    def search_cost(self) -> int:
        """Return what it may cost to ask for a fire time: searches within charge their steps themselves."""
        return sum(map(cost_of, self.triggers))

    def _grids(self, after: datetime, anchor: datetime, key: str) -> list[Grid]:
        return [grid_of(trigger, after, anchor, key) for trigger in self.triggers]

    @classmethod
    def _flat(cls, triggers: Iterable[Trigger]) -> Iterable[Trigger]:
        for index, trigger in enumerate(triggers):
            if isinstance(trigger, cls):
                yield from trigger.triggers
            else:
                yield require_part(trigger, f"triggers[{index}]")

    def __anysched_fields__(self) -> dict[str, Any]:
        return {"triggers": list(self.triggers)}

    @classmethod
    def __anysched_build__(cls, fields: Mapping[str, Any]) -> Self:
        (triggers,) = stored_fields(fields, "triggers")
        return cls(*triggers)


@register_type("or", version=1)
@attrs.frozen(init=False)
class OrTrigger(_Parts):
    """Fires whenever one of its parts does; once where several do. Also written ``a | b``.

    :ivar triggers: the parts
    """

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        """Return the first fire time of any part strictly after an instant, or None when none is left."""
        after = utc(after, "after")
        with searching(self):
            found = [ask(trigger, after, anchor, key) for trigger in self.triggers]
        return min((instant for instant in found if instant is not None), default=None)

    def last_fire_time(self, until: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        """Return the latest fire time of any part at or before an instant, or None."""
        until = utc(until, "until")
        with searching(self):
            found = [ask_back(trigger, until, anchor, key) for trigger in self.triggers]
        return max((instant for instant in found if instant is not None), default=None)

    def count_fire_times(
        self, after: datetime, until: datetime, *, anchor: datetime, key: str = ""
    ) -> int | None:
        """Return how many fire times lie in (after, until], or None where parts may meet or cannot count."""
        return counted_apart(self.triggers, utc(after, "after"), utc(until, "until"), anchor, key)

    def grid(self, after: datetime, *, anchor: datetime, key: str = "") -> Grid:
        """Return a grid that has the fire times of all parts."""
        return reduce(Grid.union, self._grids(after, anchor, key))


@register_type("and", version=1)
@attrs.frozen(init=False)
class AndTrigger(_Parts):
    """Fires at the instants at which all of its parts do. Also written ``a & b``.

    Parts that never meet are refused when their schedule is added, and a schedule whose parts do not meet any more is
    set aside with the reason (rules S2 and T11).

    :ivar triggers: the parts
    """

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        """Return the first common fire time strictly after an instant, or None when a part has none left.

        :raise TriggerSearchError: when the parts never meet, or none is found in the steps that a search may take
        """
        after = utc(after, "after")
        with searching(self):
            return first_meeting(self.triggers, after, anchor, key)

    def last_fire_time(self, until: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        """Return the latest common fire time at or before an instant, or None when a part has none before.

        :raise TriggerSearchError: as ``next_fire_time``
        """
        until = utc(until, "until")
        with searching(self):
            return last_meeting(self.triggers, until, anchor, key)

    def grid(self, after: datetime, *, anchor: datetime, key: str = "") -> Grid:
        """Return the grid of the instants at which all parts could fire, or that of one when there is none."""
        grids = self._grids(after, anchor, key)
        found = grids[0]
        for grid in grids[1:]:
            found = found.common(grid) or found
        return found


def _trigger(value: Trigger) -> Trigger:
    return require_part(value, "trigger")


def _excluded(value: Trigger) -> Trigger:
    return require_part(value, "excluded")


@register_type("except", version=1)
@attrs.frozen
class ExceptTrigger(Combinable):
    """Fires when one trigger does, except at the instants at which another one fires. Also written ``a - b``.

    :ivar trigger: what fires
    :ivar excluded: what must not fire at the same instant
    """

    trigger: Trigger = attrs.field(converter=_trigger)
    excluded: Trigger = attrs.field(converter=_excluded)

    def bind(self, timezone: tzinfo) -> Self:
        """Return this trigger with what its parts left open taken from ``timezone`` (rule T1)."""
        trigger, excluded = bound(self.trigger, timezone), bound(self.excluded, timezone)
        if trigger is self.trigger and excluded is self.excluded:
            return self
        return type(self)(trigger, excluded)

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        """Return the first fire time that is not excluded strictly after an instant, or None.

        :raise TriggerSearchError: when all are excluded, or each in the steps that a search may take
        """
        after = utc(after, "after")
        with searching(self):
            return first_without(self.trigger, self.excluded, after, anchor, key)

    def last_fire_time(self, until: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        """Return the latest fire time that is not excluded at or before an instant, or None.

        :raise TriggerSearchError: as ``next_fire_time``
        """
        until = utc(until, "until")
        with searching(self):
            return last_without(self.trigger, self.excluded, until, anchor, key)

    def grid(self, after: datetime, *, anchor: datetime, key: str = "") -> Grid:
        """Return a grid on which all fire times after an instant lie."""
        return grid_of(self.trigger, after, anchor, key)

    def search_cost(self) -> int:
        """Return what it may cost to ask for a fire time."""
        return cost_of(self.trigger) + cost_of(self.excluded)


@attrs.frozen
class _Part(Combinable):
    """A trigger made of one other."""

    trigger: Trigger = attrs.field(converter=_trigger)

    @property
    def timezone(self) -> tzinfo | None:
        """The time zone of the trigger, if it has one."""
        return own_timezone(self.trigger)

    def search_cost(self) -> int:
        """Return what it may cost to ask for a fire time."""
        return cost_of(self.trigger) + 2


def _offset(value: timedelta) -> timedelta:
    if not isinstance(value, timedelta):
        raise TypeError(f"offset must be a timedelta, not {type(value).__name__}")
    return value


@register_type("shifted", version=1)
@attrs.frozen
class ShiftedTrigger(_Part):
    """Fires so much elapsed time after another trigger does, or before. Also written ``a.shifted(offset)`` (rule T11).

    :ivar trigger: the other trigger; what has no start of its own counts from the anchor, and is shifted then
    :ivar offset: how much later; negative for earlier
    """

    offset: timedelta = attrs.field(converter=_offset)

    @property
    def late_when_past(self) -> bool:
        """Whether it is due at once when it lies wholly in the past, as a single date is (rule S6)."""
        return is_due_when_past(self.trigger)

    def bind(self, timezone: tzinfo) -> Self:
        """Return this trigger with what is left open taken from ``timezone`` (rule T1)."""
        trigger = bound(self.trigger, timezone)
        return self if trigger is self.trigger else type(self)(trigger, self.offset)

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        """Return the first fire time strictly after an instant, in UTC, or None when there is none left."""
        after = utc(after, "after")
        with searching(self):
            return next_shifted(self.trigger, self.offset, after, anchor, key)

    def last_fire_time(self, until: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        """Return the latest fire time at or before an instant, or None."""
        until = utc(until, "until")
        with searching(self):
            return last_shifted(self.trigger, self.offset, until, anchor, key)

    def count_fire_times(
        self, after: datetime, until: datetime, *, anchor: datetime, key: str = ""
    ) -> int | None:
        """Return how many fire times lie in (after, until], or None where the trigger cannot tell."""
        since, last = (moved(at, -self.offset) for at in (utc(after, "after"), utc(until, "until")))
        return counted(self.trigger, since, last, anchor, key)

    def grid(self, after: datetime, *, anchor: datetime, key: str = "") -> Grid:
        """Return the grid of the trigger, shifted."""
        found = grid_of(self.trigger, moved(utc(after, "after"), -self.offset), anchor, key)
        return found.shifted(self.offset // RESOLUTION)


@register_type("between", version=1)
@attrs.frozen(init=False)
class BetweenTrigger(_Part):
    """Has the fire times of another trigger from a start to an end. Also written ``a.between(start, end)`` (rule T11).

    :ivar trigger: the other trigger; what has no start of its own counts from the anchor, not from ``start`` (rule T3)
    :ivar start: nothing fires before this; a naive datetime means the zone of the trigger, else the scheduler's
    :ivar end: nothing fires after this
    """

    start: datetime | None
    end: datetime | None

    if TYPE_CHECKING:

        def __attrs_init__(
            self, *, trigger: Trigger, start: datetime | None, end: datetime | None
        ) -> None: ...

    def __init__(self, trigger: Trigger, start: datetime | None = None, end: datetime | None = None) -> None:
        zone = own_timezone(trigger)
        start, end = optional_moment(start, "start", zone), optional_moment(end, "end", zone)
        if start is not None and end is not None and is_open(start) == is_open(end) and end < start:
            raise ValueError(f"end must not lie before start: {end} is before {start}")
        self.__attrs_init__(trigger=trigger, start=start, end=end)

    def bind(self, timezone: tzinfo) -> Self:
        """Return this trigger with what is left open taken from ``timezone`` (rule T1)."""
        trigger = bound(self.trigger, timezone)
        if trigger is self.trigger and not is_open(self.start, self.end):
            return self
        start, end = (optional_moment(at, "bound", timezone) for at in (self.start, self.end))
        return type(self)(trigger, start, end)

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        """Return the first fire time strictly after an instant, in UTC, or None when there is none left."""
        bounds, after = self._bounds(), utc(after, "after")
        with searching(self):
            return next_within(self.trigger, bounds, after, anchor, key)

    def last_fire_time(self, until: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        """Return the latest fire time at or before an instant, or None."""
        bounds, until = self._bounds(), utc(until, "until")
        with searching(self):
            return last_within(self.trigger, bounds, until, anchor, key)

    def count_fire_times(
        self, after: datetime, until: datetime, *, anchor: datetime, key: str = ""
    ) -> int | None:
        """Return how many fire times lie in (after, until], or None where the trigger cannot tell."""
        start, end = self._bounds()
        after, until = max(utc(after, "after"), start), min(utc(until, "until"), end)
        return counted(self.trigger, after, until, anchor, key)

    def grid(self, after: datetime, *, anchor: datetime, key: str = "") -> Grid:
        """Return the grid of the trigger."""
        return grid_of(self.trigger, max(utc(after, "after"), self._bounds()[0]), anchor, key)

    def _bounds(self) -> tuple[datetime, datetime]:
        """Return the last instant before the start, and the end."""
        if is_open(self.start, self.end):
            return self.bind(machine_zone())._bounds()
        start = EPOCH if self.start is None else (self.start - RESOLUTION if self.start > EPOCH else EPOCH)
        return start, LAST_INSTANT if self.end is None else self.end
