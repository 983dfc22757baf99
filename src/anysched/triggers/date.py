"""A single fire time: an instant, or a date and time on the wall clock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from functools import reduce
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

import attrs

from anysched.model.convert import utc
from anysched.triggers.base import (
    DAY,
    EPOCH,
    LAST_SECOND,
    instant_at,
    machine_zone,
    optional_zone,
    require_moment,
)
from anysched.triggers.civil import FoldPolicy, GapPolicy, civil_of, require_fold, require_gap
from anysched.triggers.combine import Combinable
from anysched.triggers.grid import EVERYWHERE, Grid, microseconds
from anysched.wire.registry import register_type

_FIRST_WALL: Final = EPOCH.replace(tzinfo=None)

Instants = tuple[datetime, ...]


@register_type("date", version=1)
@attrs.frozen(init=False)
class DateTrigger(Combinable):
    """Fires once: at an instant, or when the wall clock of a zone shows a date and time.

    An aware datetime is an instant, and stays that. A naive one is a wall time, in ``timezone``, else in the
    scheduler's zone (rule T1); it stays the same wall time if the rules of the zone change (rule T12). ``gap`` and
    ``fold`` say what daylight saving does to it (rule T6): a time that the clock skips fires "after" the gap (default),
    or is "shift"-ed by it; one that the clock shows twice fires the "first" time (default), the "last" time or "both"
    times. ``fold=1`` of the datetime means "last".

    A date that has passed already when it is added is due at once, and late (rule S6).

    :ivar run_time: the instant, the first of them; a naive wall time until that is bound, or if there is none because
        the rules of the zone have changed under ``gap="skip"``
    :ivar wall_time: the wall time, naive; None for an instant
    :ivar timezone: the zone of the wall clock; None for an instant, and until it is bound (rule T1)
    :ivar gap: what becomes of a wall time that does not exist
    :ivar fold: when a wall time fires that exists twice

    :raise TypeError, ValueError: naming the argument; also where ``gap="skip"`` leaves out what is all there is, and
        for a zone or a policy beside a datetime that is aware
    """

    late_when_past: ClassVar[bool] = True
    moves_forward: ClassVar[bool] = True

    run_time: datetime
    wall_time: datetime | None = None
    timezone: tzinfo | None = None
    gap: GapPolicy = "after"
    fold: FoldPolicy = "first"
    _instants: Instants | None = attrs.field(default=None, eq=False, repr=False, alias="instants")

    if TYPE_CHECKING:

        def __attrs_init__(
            self,
            run_time: datetime,
            wall_time: datetime | None = None,
            timezone: tzinfo | None = None,
            gap: GapPolicy = "after",
            fold: FoldPolicy = "first",
            instants: Instants | None = None,
        ) -> None: ...

    def __init__(
        self,
        run_time: datetime,
        timezone: tzinfo | str | None = None,
        *,
        gap: GapPolicy | None = None,
        fold: FoldPolicy | None = None,
    ) -> None:
        moment, zone = require_moment(run_time, "run_time"), optional_zone(timezone)
        gap_policy = require_gap(gap, "after")
        fold_policy = require_fold(fold, "last" if moment.fold else "first")
        if moment.tzinfo is not None:
            for name, value in (("timezone", timezone), ("gap", gap), ("fold", fold)):
                if value is not None:
                    raise ValueError(
                        f"{name} is for a wall time: give run_time without a time zone of its own"
                    )
            self.__attrs_init__(moment)
            return
        self._set(moment, zone, gap_policy, fold_policy)
        if self._instants == ():
            raise ValueError(
                f"run_time {self.wall_time} does not exist in {zone}, where the clock skips it, and gap='skip' leaves"
                " it out: take gap='after' or gap='shift', or another time"
            )

    def _set(self, wall: datetime, zone: tzinfo | None, gap: GapPolicy, fold: FoldPolicy) -> None:
        instants = None if zone is None else _instants_of(wall, zone, gap, fold)
        self.__attrs_init__(
            run_time=instants[0] if instants else wall,
            wall_time=wall.replace(fold=0),
            timezone=zone,
            gap=gap,
            fold=fold,
            instants=instants,
        )

    def __anysched_fields__(self) -> dict[str, Any]:
        if self.wall_time is None:
            return {"run_time": self.run_time}
        return {"run_time": self.wall_time, "timezone": self.timezone, "gap": self.gap, "fold": self.fold}

    @classmethod
    def __anysched_build__(cls, fields: Mapping[str, Any]) -> Self:
        """Build it from what is stored, also where the rules of its zone leave nothing of it any more."""
        if fields.get("gap") != "skip":
            return cls(**fields)
        trigger = cls.__new__(cls)
        moment, zone = require_moment(fields["run_time"], "run_time"), optional_zone(fields["timezone"])
        trigger._set(moment, zone, "skip", require_fold(fields["fold"], "first"))
        return trigger

    def bind(self, timezone: tzinfo) -> Self:
        """Return this trigger with the zone that was left open (rule T1).

        :raise ValueError: when ``gap="skip"`` leaves nothing of it there
        """
        if self.wall_time is None or self.timezone is not None:
            return self
        return type(self)(self.wall_time, timezone, gap=self.gap, fold=self.fold)

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        """Return the date if it lies strictly after an instant."""
        after = utc(after, "after")
        if self.wall_time is None:
            return self.run_time if self.run_time > after else None
        for instant in self._all():
            if instant > after:
                return instant
        return None

    def last_fire_time(self, until: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        """Return the date if it lies at or before an instant."""
        until = utc(until, "until")
        return next((instant for instant in reversed(self._all()) if instant <= until), None)

    def count_fire_times(self, after: datetime, until: datetime, *, anchor: datetime, key: str = "") -> int:
        """Return how many fire times lie in (after, until]."""
        after, until = utc(after, "after"), utc(until, "until")
        return sum(after < instant <= until for instant in self._all())

    def grid(self, after: datetime, *, anchor: datetime, key: str = "") -> Grid:
        """Return the dates alone."""
        grids = [Grid(microseconds(instant), 0) for instant in self._all()]
        return reduce(Grid.union, grids) if grids else EVERYWHERE

    def search_cost(self) -> int:
        """Return what it may cost to ask for a fire time."""
        return 1

    def _all(self) -> Instants:
        """Return the fire times, in order."""
        if self.wall_time is None:
            return (self.run_time,)
        if self._instants is None:
            return self.bind(machine_zone())._all()
        return self._instants


def _instants_of(wall: datetime, zone: tzinfo, gap: GapPolicy, fold: FoldPolicy) -> Instants:
    """Return the instants that a wall time stands for, in order, moved to the ends of the calendar if need be."""
    since = wall.replace(fold=0) - _FIRST_WALL
    second, civil = since.days * DAY + since.seconds, civil_of(zone)
    result: list[datetime] = []
    for found in civil.instants(second, gap, fold):
        at = min(max(found, 0), LAST_SECOND)
        is_end_of_gap = gap == "after" and found + civil.offset(found) != second
        result.append(instant_at(at) + timedelta(microseconds=0 if is_end_of_gap else since.microseconds))
    return tuple(sorted(result))
