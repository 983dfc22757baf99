"""A single fire time."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import ClassVar, Self

import attrs

from anysched.model.convert import utc
from anysched.triggers.base import is_open, machine_zone, require_moment
from anysched.triggers.combine import Combinable
from anysched.triggers.grid import Grid, microseconds
from anysched.wire.registry import register_type


def _run_time(value: datetime) -> datetime:
    return require_moment(value, "run_time")


@register_type("date", version=1)
@attrs.frozen
class DateTrigger(Combinable):
    """Fires once. A date that has passed already when it is added is due at once, and late (rule S6).

    :ivar run_time: when; a naive datetime means the scheduler's time zone until it is bound (rule T1)
    """

    late_when_past: ClassVar[bool] = True

    run_time: datetime = attrs.field(converter=_run_time)

    def bind(self, timezone: tzinfo) -> Self:
        """Return this trigger with a naive datetime read in ``timezone`` (rule T1)."""
        return (
            type(self)(require_moment(self.run_time, "run_time", timezone))
            if is_open(self.run_time)
            else self
        )

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        """Return the date if it lies strictly after an instant."""
        run_time = self._instant()
        return run_time if run_time > utc(after, "after") else None

    def last_fire_time(self, until: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        """Return the date if it lies at or before an instant."""
        run_time = self._instant()
        return run_time if run_time <= utc(until, "until") else None

    def count_fire_times(self, after: datetime, until: datetime, *, anchor: datetime, key: str = "") -> int:
        """Return how many fire times lie in (after, until]."""
        return int(utc(after, "after") < self._instant() <= utc(until, "until"))

    def grid(self, after: datetime, *, anchor: datetime, key: str = "") -> Grid:
        """Return the date alone."""
        return Grid(microseconds(self._instant()), 0)

    def search_cost(self) -> int:
        """Return what it may cost to ask for a fire time."""
        return 1

    def _instant(self) -> datetime:
        return self.bind(machine_zone()).run_time if is_open(self.run_time) else self.run_time
