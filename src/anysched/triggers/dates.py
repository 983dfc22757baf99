"""Fire times that are given one by one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from datetime import datetime, tzinfo
from typing import Final, Self

import attrs

from anysched.model.convert import utc
from anysched.triggers.base import is_open, machine_zone, require_moment
from anysched.triggers.combine import Combinable
from anysched.wire.registry import register_type

#: Rule T13: one trigger lists no more than this.
MOST_DATES: Final = 10_000

#: With more than so many, only the first and the last are shown.
_SHOWN: Final = 4


def _run_times(value: Iterable[datetime]) -> tuple[datetime, ...]:
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise TypeError(f"run_times must be a list of datetimes, not {type(value).__name__}")
    moments = [require_moment(moment, f"run_times[{index}]") for index, moment in enumerate(value)]
    return _sorted(moments)


def _sorted(moments: Iterable[datetime]) -> tuple[datetime, ...]:
    """Return moments in order, each once; those without a zone come first, until they have one."""
    found = sorted(
        {(moment.tzinfo is not None, moment.replace(tzinfo=None), moment.fold, moment) for moment in moments}
    )
    if not found:
        raise ValueError("run_times must not be empty")
    if len(found) > MOST_DATES:
        raise ValueError(f"run_times must not be more than {MOST_DATES:,}, not {len(found):,}")
    return tuple(moment for *_, moment in found)


@register_type("dates", version=1)
@attrs.frozen(repr=False)
class DatesTrigger(Combinable):
    """Fires at each of a list of instants (rule T13).

    The list is kept in order, each instant once, whatever the zone in which it was written. Those that have passed
    when it is added are passed over, as by any trigger; a list that is wholly past is refused (rule S6).

    :ivar run_times: when, 1 to 10,000 instants; naive datetimes mean the scheduler's time zone until they are bound
        (rule T1)
    """

    run_times: tuple[datetime, ...] = attrs.field(converter=_run_times)

    def __repr__(self) -> str:
        count = len(self.run_times)
        shown = self.run_times if count <= _SHOWN else (self.run_times[0], self.run_times[-1])
        between = ", " if count <= _SHOWN else f", ...{count - 2} more..., "
        return f"{type(self).__name__}([{between.join(map(repr, shown))}])"

    def bind(self, timezone: tzinfo) -> Self:
        """Return this trigger with naive datetimes read in ``timezone`` (rule T1)."""
        if not self._is_open:
            return self
        return type(self)(require_moment(moment, "run_times", timezone) for moment in self.run_times)

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        """Return the first of the instants strictly after another, in UTC, or None when there is none left."""
        run_times = self._instants()
        index = bisect_right(run_times, utc(after, "after"))
        return run_times[index] if index < len(run_times) else None

    def last_fire_time(self, until: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        """Return the latest of the instants at or before another, or None."""
        run_times = self._instants()
        index = bisect_right(run_times, utc(until, "until"))
        return run_times[index - 1] if index else None

    def count_fire_times(self, after: datetime, until: datetime, *, anchor: datetime, key: str = "") -> int:
        """Return how many of the instants lie in (after, until]."""
        run_times = self._instants()
        found = bisect_right(run_times, utc(until, "until")) - bisect_right(run_times, utc(after, "after"))
        return max(found, 0)

    def search_cost(self) -> int:
        """Return what it may cost to ask for a fire time."""
        return 3

    @property
    def _is_open(self) -> bool:
        return is_open(self.run_times[0])

    def _instants(self) -> tuple[datetime, ...]:
        return self.bind(machine_zone()).run_times if self._is_open else self.run_times
