"""Grids of instants, on which fire times lie: what proves that triggers never meet (rule T11)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import gcd
from typing import Any

import attrs

from anysched.triggers.base import EPOCH, LAST_INSTANT, RESOLUTION

#: From here on every offset from UTC and every transition of a zone is a whole minute: grids are finer before.
WHOLE_MINUTES = datetime(1973, 1, 1, tzinfo=UTC)

_LAST = (LAST_INSTANT - EPOCH) // RESOLUTION
SECOND = 1_000_000


def microseconds(instant: datetime) -> int:
    """Return an instant as a number: microseconds since the beginning of the calendar."""
    return (instant - EPOCH) // RESOLUTION


@attrs.frozen
class Grid:
    """The instants start + n * step for all whole n, in microseconds; a step of 0 means the start alone.

    :ivar start: not negative, and less than the step unless that is 0
    :ivar step: the distance
    """

    start: int
    step: int

    @classmethod
    def at(cls, start: int, step: int) -> Grid:
        """Return the grid that an instant lies on."""
        return cls(start % step if step else start, step)

    def shifted(self, by: int) -> Grid:
        """Return this grid so much later."""
        return Grid.at(self.start + by, self.step)

    def covers(self, other: Grid) -> bool:
        """Return whether all instants of another grid are of this one."""
        if not self.step:
            return self == other
        return other.step % self.step == 0 and (other.start - self.start) % self.step == 0

    def common(self, other: Grid) -> Grid | None:
        """Return the instants of both, by the Chinese remainder theorem; None when there are none."""
        if not self.step or not other.step:
            single, grid = (self, other) if not self.step else (other, self)
            return single if grid.covers(single) else None
        shared = gcd(self.step, other.step)
        apart = other.start - self.start
        if apart % shared:
            return None
        own, others = self.step // shared, other.step // shared
        turns = apart // shared * pow(own, -1, others) % others
        return Grid.at(self.start + turns * self.step, own * other.step)

    def union(self, other: Grid) -> Grid:
        """Return the coarsest grid that has the instants of both."""
        return Grid.at(self.start, gcd(self.step, other.step, other.start - self.start))

    def next_fire_time(self, after: datetime, **_: Any) -> datetime | None:
        """Return the first instant strictly after one, or None before the year 10000."""
        at = microseconds(after)
        if self.step:
            found = at + 1 + (self.start - at - 1) % self.step
        else:
            found = self.start if self.start > at else _LAST + 1
        return EPOCH + timedelta(0, *divmod(found, SECOND)) if found <= _LAST else None

    def last_fire_time(self, until: datetime, **_: Any) -> datetime | None:
        """Return the last instant at or before one, or None after the year 0."""
        at = microseconds(until)
        found = at - (at - self.start) % self.step if self.step else self.start
        return EPOCH + timedelta(0, *divmod(found, SECOND)) if 0 <= found <= at else None


#: All instants: what is known of a trigger of which nothing is known.
EVERYWHERE = Grid(0, 1)
