"""The search of a cron rule in the time of its zone: also counting, and the rules of ``H`` (rules T4 to T7)."""

from __future__ import annotations

import attrs

from anysched.triggers.base import DAY
from anysched.triggers.civil import Civil, FoldPolicy, GapPolicy, Stretch
from anysched.triggers.cron.expression import CronExpression
from anysched.triggers.cron.fields import CronFields
from anysched.triggers.wall_search import WallSearch

#: Counting stays within about two milliseconds up to this span; the larger part is finding the transitions.
_LONGEST_COUNT = 4 * 366 * DAY
#: So many schedules that share a trigger with ``H`` are known; it takes microseconds to know one again.
_MOST_KEYS = 64
#: How many wall times that "shift" moves out of a gap are looked at one by one.
_MOST_SHIFTED = 16


@attrs.frozen
class CronSearch(WallSearch[CronFields]):
    """A cron rule in a zone, under its policies."""

    def of(self, key: str) -> CronSearch:
        """Return the search for the schedule with this id: the same for all."""
        return self

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


@attrs.frozen(eq=False)
class SpreadSearch:
    """A cron rule of which the id of the schedule chooses a part (``H``), in a zone, under its policies."""

    expression: CronExpression
    civil: Civil
    gap: GapPolicy
    fold: FoldPolicy
    _known: dict[str, CronSearch] = attrs.field(init=False, repr=False, factory=dict[str, CronSearch])

    def __reduce__(self) -> tuple[type[SpreadSearch], tuple[object, ...]]:
        """Copy and pickle the rule, and not for which ids it was asked so far."""
        return SpreadSearch, (self.expression, self.civil, self.gap, self.fold)

    def of(self, key: str) -> CronSearch:
        """Return the search for the schedule with this id."""
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _MOST_KEYS:
                self._known.clear()
            found = CronSearch(self.expression.fields_for(key), self.civil, self.gap, self.fold)
            self._known[key] = found
        return found
