"""From wall times to fire times: the search of a rule in the time of its zone (rules T4 and T6).

Far from any transition a fire time is a wall time less the offset. Only the few days around a transition
are laid out in stretches, and searched stretch by stretch. Instants are whole seconds in UTC, see
``civil``.
"""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

import attrs

from anysched.errors import TriggerSearchError
from anysched.triggers.asking import spend
from anysched.triggers.base import DAY, LAST_SECOND
from anysched.triggers.civil import Civil, FoldPolicy, GapPolicy, Stretch

#: Counting stays within about two milliseconds up to this span; the larger part is finding the transitions.
_LONGEST_COUNT = 4 * 366 * DAY
#: How many wall times that "shift" moves out of a gap are looked at one by one.
_MOST_SHIFTED = 16
#: How often a rule may find that a transition takes its wall time away: so many years, as a rule.
_MOST_TAKEN = 100
#: What a day near a transition costs a search, beyond others.
_TRANSITION_COST = 30


class WallRule(Protocol):
    """A rule for wall times, in seconds from the first of January 0001."""

    def next_wall(self, wall: int) -> int | None:
        """Return the first of them at or after one, or None before the year 10000."""
        ...

    def last_wall(self, wall: int) -> int | None:
        """Return the last of them at or before one, or None."""
        ...


class CountedRule(WallRule, Protocol):
    """A rule that can count its wall times."""

    def count_walls(self, start: int, stop: int) -> int:
        """Return how many of them there are in start <= wall < stop, a span of some years at most."""
        ...


R = TypeVar("R", bound=WallRule)
C = TypeVar("C", bound=CountedRule)


@attrs.frozen
class WallSearch(Generic[R]):
    """A rule for wall times in a zone, under its policies."""

    fields: R
    civil: Civil
    gap: GapPolicy
    fold: FoldPolicy

    def first(self, second: int) -> int | None:
        """Return the first fire time at or after an instant, or None before the year 10000.

        :raise TriggerSearchError: when transitions take away whatever the rule allows in the next hundred years
        """
        landed = 0
        while second <= LAST_SECOND:
            day = second // DAY
            offset = self.civil.calm_offset(day)
            if offset is None:
                found = self._first_of_day(day, second)
                if found is not None:
                    return found
                second = (day + 1) * DAY
                continue
            wall = self.fields.next_wall(second + offset)
            if wall is None:
                return None
            target = (wall - offset) // DAY
            offset = self.civil.calm_offset(target)
            if offset is not None:
                found = wall - offset
                return found if found <= LAST_SECOND else None
            # Near a transition the wall time may mean another instant, on a day beside this one.
            second = max(day + 1, target - 2) * DAY
            landed = self._landed(landed)
        return None

    def _stretches(self, day: int) -> tuple[Stretch, ...]:
        """Return the stretches around a UTC day; those of the middle of three days serve for all of them."""
        return self.civil.near(day - day % 3 + 1, self.gap, self.fold)

    def _first_of_day(self, day: int, second: int) -> int | None:
        """Return the first fire time of a UTC day near a transition, at or after an instant."""
        spend(_TRANSITION_COST)
        first = (day + 1) * DAY
        for stretch in self._stretches(day):
            if stretch.stop > second and stretch.start < first:
                found = self._first_of_stretch(stretch, second)
                if found is not None and found < first:
                    first = found
        return first if first < (day + 1) * DAY else None

    def _first_of_stretch(self, stretch: Stretch, second: int) -> int | None:
        """Return the first fire time of a stretch at or after an instant."""
        at_once = stretch.kind == "after"
        if at_once and stretch.start < second:
            return None
        wall = self.fields.next_wall(max(second, stretch.start) + stretch.offset)
        if wall is None or wall >= stretch.stop + stretch.offset:
            return None
        return stretch.start if at_once else wall - stretch.offset

    def last(self, second: int) -> int | None:
        """Return the last fire time at or before an instant, or None after the year 0.

        :raise TriggerSearchError: as ``first``
        """
        landed = 0
        while second >= 0:
            day = second // DAY
            offset = self.civil.calm_offset(day)
            if offset is None:
                found = self._last_of_day(day, second)
                if found is not None:
                    return found
                second = day * DAY - 1
                continue
            wall = self.fields.last_wall(second + offset)
            if wall is None:
                return None
            target = (wall - offset) // DAY
            offset = self.civil.calm_offset(target)
            if offset is not None:
                found = wall - offset
                return found if found >= 0 else None
            # Near a transition the wall time may mean another instant, on a day beside this one.
            second = min(day, target + 3) * DAY - 1
            landed = self._landed(landed)
        return None

    def _landed(self, before: int) -> int:
        """Count how often a wall time was found that lies near a transition."""
        if before >= _MOST_TAKEN:
            raise TriggerSearchError(
                f"the clock never shows what the rule allows: each of the next {_MOST_TAKEN} times falls to a "
                f"transition, where gap={self.gap!r} and fold={self.fold!r} leave it out"
            )
        return before + 1

    def _last_of_day(self, day: int, second: int) -> int | None:
        """Return the last fire time of a UTC day near a transition, at or before an instant."""
        spend(_TRANSITION_COST)
        last = day * DAY - 1
        for stretch in self._stretches(day):
            if stretch.start <= second and stretch.stop > last:
                found = self._last_of_stretch(stretch, second)
                if found is not None and found > last:
                    last = found
        return last if last >= day * DAY else None

    def _last_of_stretch(self, stretch: Stretch, second: int) -> int | None:
        """Return the last fire time of a stretch at or before an instant."""
        at_once = stretch.kind == "after"
        latest = stretch.stop - 1 if at_once else min(second, stretch.stop - 1)
        wall = self.fields.last_wall(latest + stretch.offset)
        if wall is None or wall < stretch.start + stretch.offset:
            return None
        return stretch.start if at_once else wall - stretch.offset


@attrs.frozen
class CountingSearch(WallSearch[C]):
    """A search that can also count (rule L3)."""

    def count(self, first: int, last: int) -> int | None:
        """Return how many fire times there are in first <= instant <= last, or None for too long a span."""
        if last < first:
            return 0
        if last - first > _LONGEST_COUNT:
            return None
        total = 0
        stretches = self.civil.stretches(first - 2 * DAY, last + 2 * DAY, self.gap, self.fold)
        for index, stretch in enumerate(stretches):
            start, stop = max(stretch.start, first), min(stretch.stop, last + 1)
            if start >= stop:
                continue
            if stretch.kind == "wall":
                total += self.fields.count_walls(start + stretch.offset, stop + stretch.offset)
                continue
            added = self._count_moved(stretch, start, stop, stretches[index + 1].offset)
            if added is None:
                return None
            total += added
        return total

    def _count_moved(self, stretch: Stretch, start: int, stop: int, offset: int) -> int | None:
        """Count the fire times that come from wall times of a gap alone; ``offset`` holds after the gap."""
        if stretch.kind == "shift":
            walls = self.fields.count_walls(start + stretch.offset, stop + stretch.offset)
            if walls > _MOST_SHIFTED:
                return None
        count = 0
        found = self._first_of_stretch(stretch, start)
        while found is not None and found < stop:
            count += self.fields.next_wall(found + offset) != found + offset
            found = self._first_of_stretch(stretch, found + 1)
        return count
