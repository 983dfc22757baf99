"""The fire times of a whole recurrence in its zone: rules with their ends, added and excluded times (rule T9)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import lru_cache

import attrs

from anysched.triggers.base import LAST_SECOND, require_zone
from anysched.triggers.civil import Civil, FoldPolicy, GapPolicy, civil_of
from anysched.triggers.rrule.lines import Recurrence
from anysched.triggers.rrule.moments import UTC_NAME, Moment
from anysched.triggers.rrule.plans import Plan, plan_of
from anysched.triggers.rrule.rule import Rule
from anysched.triggers.wall_search import CountingSearch

#: How many moments of RDATE and EXDATE are compared with a rule to count.
_MOST_LOOKED_AT = 200


@attrs.frozen(eq=False)
class BoundedPlan:
    """The wall times of a rule from its start to its end, both included. A WallRule.

    :ivar start: the first of them, whatever the end; None when there is none
    :ivar end: the last possible one, if there is an end
    """

    plan: Plan
    start: int | None
    end: int | None

    @classmethod
    def of(cls, rule: Rule, start: int) -> BoundedPlan:
        """Return the wall times of a rule that counts from one; an UNTIL in UTC is left aside.

        :raise TriggerSearchError: when COUNT reaches too far to be found, or the first is too far away
        """
        plan, end = plan_of(rule, start), None
        first = plan.first(start)
        if rule.count is not None and first is not None:
            end = plan.nth(first, rule.count)
        elif rule.until is not None and not rule.until.zone:
            end = rule.until.wall
        return cls(plan, first, end)

    def next_wall(self, wall: int) -> int | None:
        """Return the first of them at or after one, or None when there is none left."""
        if self.start is None or (self.end is not None and wall > self.end):
            return None
        found = self.plan.first(wall) if wall > self.start else self.start
        return None if found is None or (self.end is not None and found > self.end) else found

    def last_wall(self, wall: int) -> int | None:
        """Return the last of them at or before one, or None when there is none before."""
        if self.end is not None:
            wall = min(wall, self.end)
        return None if self.start is None or wall < self.start else self.plan.last(wall)

    def count_walls(self, start: int, stop: int) -> int:
        """Return how many of them there are in start <= wall < stop."""
        if self.start is None:
            return 0
        start = max(start, self.start)
        stop = stop if self.end is None else min(stop, self.end + 1)
        return self.plan.count(start, stop) if start < stop else 0


@attrs.frozen(eq=False)
class RuleSearch:
    """The fire times of one rule, up to an UNTIL in UTC."""

    walls: CountingSearch[BoundedPlan]
    end: int | None

    def first(self, second: int) -> int | None:
        """Return the first fire time at or after an instant, or None."""
        if self.end is not None and second > self.end:
            return None
        found = self.walls.first(second)
        return None if found is None or (self.end is not None and found > self.end) else found

    def last(self, second: int) -> int | None:
        """Return the last fire time at or before an instant, or None."""
        return self.walls.last(second if self.end is None else min(second, self.end))

    def count(self, first: int, last: int) -> int | None:
        """Return how many fire times there are in first <= instant <= last, or None for too long a span."""
        return self.walls.count(first, last if self.end is None else min(last, self.end))


@attrs.frozen(eq=False)
class RecurrenceSearch:
    """The fire times of a recurrence from its start on, in seconds in UTC."""

    rules: tuple[RuleSearch, ...]
    dates: tuple[int, ...]
    excluded: frozenset[int]
    start: int

    def first(self, second: int) -> int | None:
        """Return the first fire time at or after an instant, or None when there is none left."""
        second = max(second, self.start)
        while (found := self._first(second)) is not None and found in self.excluded:
            second = found + 1
        return found

    def last(self, second: int) -> int | None:
        """Return the last fire time at or before an instant, or None when there is none before."""
        while (found := self._last(second)) is not None and found in self.excluded:
            second = found - 1
        return found

    def count(self, first: int, last: int) -> int | None:
        """Return how many fire times there are in first <= instant <= last, or None where that would take long."""
        first = max(first, self.start)
        if len(self.rules) > 1 or len(self.dates) + len(self.excluded) > _MOST_LOOKED_AT:
            return None
        total = self.rules[0].count(first, last) if self.rules else 0
        if total is None:
            return None
        of_rule = {at for at in {*self.dates, *self.excluded} if self.rules and self.rules[0].first(at) == at}
        added = {at for at in self.dates if first <= at <= last and at not in of_rule}
        left_out = {at for at in self.excluded if first <= at <= last and (at in of_rule or at in added)}
        return total + len(added) - len(left_out)

    def _first(self, second: int) -> int | None:
        found = [at for rule in self.rules if (at := rule.first(second)) is not None]
        index = bisect_left(self.dates, second)
        return min([*found, *self.dates[index : index + 1]], default=None)

    def _last(self, second: int) -> int | None:
        if second < self.start:
            return None
        found = [at for rule in self.rules if (at := rule.last(second)) is not None and at >= self.start]
        index = bisect_right(self.dates, second)
        return max([*found, *self.dates[max(index - 1, 0) : index]], default=None)


@lru_cache(maxsize=1024)
def search_of(
    recurrence: Recurrence, civil: Civil, gap: GapPolicy, fold: FoldPolicy, start: int
) -> RecurrenceSearch:
    """Return the search of a recurrence that counts from an instant.

    What it takes to make one, the place of a COUNT among others, is kept for the recurrences asked for last.

    :param start: a second in UTC
    :raise TriggerSearchError: when a COUNT reaches too far to be found
    """
    wall = min(max(start + civil.offset(start), 0), LAST_SECOND)
    rules = tuple(
        RuleSearch(
            CountingSearch(BoundedPlan.of(rule, wall), civil, gap, fold),
            rule.until.wall if rule.until is not None and rule.until.zone else None,
        )
        for rule in recurrence.rules
    )
    dates = {at for moment in recurrence.dates for at in instants_of(moment, civil, gap, fold)}
    # A time that is left out is so at both showings of the clock.
    excluded = {at for moment in recurrence.excluded for at in instants_of(moment, civil, gap, "both")}
    return RecurrenceSearch(
        rules, tuple(sorted(at for at in dates if start <= at <= LAST_SECOND)), frozenset(excluded), start
    )


def instants_of(moment: Moment, civil: Civil, gap: GapPolicy, fold: FoldPolicy) -> list[int]:
    """Return the instants of a moment; ``civil`` is the clock of those that name none."""
    if moment.zone == UTC_NAME:
        return [moment.wall]
    clock = civil_of(require_zone(moment.zone)) if moment.zone else civil
    return clock.instants(moment.wall, gap, fold)
