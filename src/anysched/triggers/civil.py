"""Wall-clock time: which instants a wall time stands for, under a gap and a fold policy (rule T6).

Instants are seconds in UTC and wall times are seconds in the zone, both counted from the first of January
0001.

A zone is a row of stretches with one offset each. Its transitions are found by probing, as ``tzinfo``
cannot be asked for them: two of them are never closer than three days, and none moves the clock by more
than a day. (In the whole time zone database the two closest lie 3.99 days apart, in Freetown in 1939.)
Since 1973 every offset and every transition is a whole minute.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache
from math import gcd
from typing import Literal, NamedTuple, TypeVar, get_args

from anysched.triggers.base import DAY, LAST_SECOND, seconds_floor
from anysched.triggers.grid import SECOND, WHOLE_MINUTES, Grid

GapPolicy = Literal["after", "shift", "skip"]
FoldPolicy = Literal["first", "last", "both"]

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")

_CELL = 3 * DAY
_FIRST_SAFE, _LAST_SAFE = 2 * DAY, LAST_SECOND - 2 * DAY
_WHOLE_MINUTES = seconds_floor(WHOLE_MINUTES)
_MOST_CELLS, _MOST_DAYS, _MOST_LAYOUTS = 4096, 2048, 128


class Stretch(NamedTuple):
    """A stretch of time in which wall times become instants by one offset: start <= instant < stop.

    ``kind`` is "wall" where the wall clock really shows them. The wall times of a gap come as a stretch
    of their own: "shift" takes them by the offset from before the gap, "after" takes all of them as
    ``start``. Such a stretch is followed by the real one that begins at the same instant.
    """

    start: int
    stop: int
    offset: int
    kind: Literal["wall", "shift", "after"] = "wall"


def require_gap(value: GapPolicy | None, default: GapPolicy) -> GapPolicy:
    """Return a gap policy; None takes the default."""
    return default if value is None else require_choice(value, "gap", get_args(GapPolicy))


def require_fold(value: FoldPolicy | None, default: FoldPolicy) -> FoldPolicy:
    """Return a fold policy; None takes the default."""
    return default if value is None else require_choice(value, "fold", get_args(FoldPolicy))


def require_choice(value: T, name: str, names: tuple[T, ...]) -> T:
    """Return one of several names, and refuse anything else."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, not {type(value).__name__}")
    if value not in names:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, names))}, not {value!r}")
    return value


class Civil:
    """The wall clock of one time zone. What it caches follows from the zone alone."""

    __slots__ = ("_calm", "_changes", "_epoch", "_fixed", "_grid", "_layouts", "_zone")

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._epoch = datetime.min.replace(tzinfo=zone)
        self._fixed = zone.utcoffset(None) is not None
        self._grid: dict[int, int] = {}
        self._changes: dict[int, int] = {}
        self._calm: dict[int, int | None] = {}
        self._layouts: dict[tuple[int, GapPolicy, FoldPolicy], tuple[Stretch, ...]] = {}

    def __reduce__(self) -> tuple[Callable[[tzinfo], Civil], tuple[tzinfo]]:
        return civil_of, (self._zone,)

    def offset(self, second: int) -> int:
        """Return how many seconds the wall clock is ahead of UTC at an instant."""
        # At both ends of the calendar the wall time might not exist as a datetime.
        if not _FIRST_SAFE <= second <= _LAST_SAFE:
            second = min(max(second, _FIRST_SAFE), _LAST_SAFE)
        ahead = self._zone.fromutc(self._epoch + timedelta(0, second)).utcoffset() or timedelta(0)
        return ahead.days * DAY + ahead.seconds

    def calm_offset(self, day: int) -> int | None:
        """Return the offset of a UTC day, or None when a transition lies within two days of it."""
        try:
            return self._calm[day]
        except KeyError:
            return _remember(self._calm, _MOST_DAYS, day, self._find_calm_offset(day))

    def _find_calm_offset(self, day: int) -> int | None:
        if self._fixed:
            return self.offset(0)
        first, last = (day - 2) * DAY, (day + 3) * DAY
        offset = self._offset_at((first - 1) // _CELL)
        for cell in range((first - 1) // _CELL + 1, (last - 1) // _CELL + 2):
            if self._offset_at(cell) != offset:  # the transition may be before or after these days
                return None if self.transitions(first, last) else self.offset(day * DAY)
        return offset

    def near(self, day: int, gap: GapPolicy, fold: FoldPolicy) -> tuple[Stretch, ...]:
        """Return the stretches around a UTC day: enough to know all instants of the days beside it."""
        key = (day, gap, fold)
        found = self._layouts.get(key)
        if found is not None:
            return found
        stretches = tuple(self.stretches((day - 3) * DAY, (day + 4) * DAY, gap, fold))
        return _remember(self._layouts, _MOST_LAYOUTS, key, stretches)

    def stretches(self, first: int, last: int, gap: GapPolicy, fold: FoldPolicy) -> list[Stretch]:
        """Lay out the time from one instant to another."""
        result: list[Stretch] = []
        start, offset = first, self.offset(first)
        for at in self.transitions(first + 1, last - 1):
            before, offset = offset, self.offset(at)
            skipped = offset - before
            if skipped > 0:
                result.append(Stretch(start, at, before))
                if gap != "skip":
                    result.append(Stretch(at, at + skipped, before, gap))
                start = at
            else:
                result.append(Stretch(start, at + skipped if fold == "last" else at, before))
                start = at - skipped if fold == "first" else at
        result.append(Stretch(start, last, offset))
        return result

    def instants(self, wall: int, gap: GapPolicy, fold: FoldPolicy) -> list[int]:
        """Return the instants that a wall time stands for: none, one or two."""
        day = wall // DAY  # as if it were UTC: the instants are no more than a day away
        offset = self.calm_offset(day)
        if offset is not None:
            return [wall - offset]
        return [
            stretch.start if stretch.kind == "after" else wall - stretch.offset
            for stretch in self.near(day, gap, fold)
            if stretch.start <= wall - stretch.offset < stretch.stop
        ]

    @property
    def fixed(self) -> bool:
        """Whether the offset is always the same."""
        return self._fixed

    def grid(self, after: int, first: int, step: int, gap: GapPolicy) -> Grid:
        """Return a grid on which the instants after one lie that wall times stand for (rule T11).

        :param first: one of the wall times
        :param step: the others are a multiple of it away; it divides a day
        """
        if self._fixed:
            return Grid.at((first - self.offset(0)) * SECOND, step * SECOND)
        if after < _WHOLE_MINUTES:
            return Grid(0, SECOND)
        found = Grid.at(first * SECOND, gcd(step, 60) * SECOND)
        return found.union(Grid(0, 60 * SECOND)) if gap == "after" else found

    def transitions(self, first: int, last: int) -> list[int]:
        """Return the instants from which on another offset holds, both ends included."""
        if self._fixed:
            return []
        cells = range((first - 1) // _CELL, (last - 1) // _CELL + 1)
        found = [
            self._transition(cell) for cell in cells if self._offset_at(cell) != self._offset_at(cell + 1)
        ]
        return [at for at in found if first <= at <= last]

    def _offset_at(self, cell: int) -> int:
        """Return the offset at the start of a cell."""
        found = self._grid.get(cell)
        return _remember(self._grid, _MOST_CELLS, cell, self.offset(cell * _CELL)) if found is None else found

    def _transition(self, cell: int) -> int:
        """Return the transition after the start of a cell, up to and including the start of the next."""
        found = self._changes.get(cell)
        if found is not None:
            return found
        offset = self._offset_at(cell)
        low, high = cell * _CELL, (cell + 1) * _CELL
        while high - low > 1:
            middle = (low + high) // 2
            if self.offset(middle) == offset:
                low = middle
            else:
                high = middle
        return _remember(self._changes, _MOST_CELLS, cell, high)


def _remember(cache: dict[K, V], most: int, key: K, value: V) -> V:
    if len(cache) >= most:
        cache.clear()
    cache[key] = value
    return value


@lru_cache(maxsize=128)
def civil_of(zone: tzinfo) -> Civil:
    """Return the wall clock of a zone."""
    return Civil(zone)
