"""Rules whose BYSETPOS chooses from all that a year, month or week has."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import pairwise

import attrs

from anysched.errors import TriggerSearchError
from anysched.triggers.base import DAY
from anysched.triggers.rrule.clock import Times, chosen
from anysched.triggers.rrule.fitting import DayFilter
from anysched.triggers.rrule.rule import YEARLY, Rule
from anysched.triggers.rrule.years import (
    LAST_DAY,
    LAST_YEAR,
    WEEK,
    Kind,
    first_day,
    kind_of,
    lowest,
    month_starts,
    year_of,
)

#: How many weeks a COUNT may reach over where they are not alike; each takes a microsecond or two.
_MOST_WEEKS = 20_000

Chosen = tuple[int, ...]


def _choose(mask: int, times: Times, positions: tuple[int, ...]) -> Chosen:
    """Return what BYSETPOS chooses from some days at some times, in seconds from the beginning of the first bit."""
    days: list[int] = []
    while mask:
        days.append(lowest(mask))
        mask &= mask - 1
    return tuple(
        days[index // len(times)] * DAY + times.at(index % len(times))
        for index in chosen(positions, len(days) * len(times))
    )


@attrs.frozen(eq=False)
class MonthPlan:
    """A choice from each month, or each year, that the interval does not leave out.

    :ivar begun: the year of the start, or its month counted from the year 0
    """

    fitting: DayFilter
    times: Times
    positions: tuple[int, ...]
    yearly: bool
    interval: int
    begun: int
    _known: dict[Kind, tuple[Chosen, ...]] = attrs.field(
        init=False, repr=False, factory=dict[Kind, tuple[Chosen, ...]]
    )
    _whole: dict[Kind, Chosen] = attrs.field(init=False, repr=False, factory=dict[Kind, Chosen])

    @classmethod
    def of(cls, rule: Rule, day: int, times: Times) -> MonthPlan:
        """Return the plan of a rule that counts from a day."""
        year = year_of(day)
        month = sum(start <= day - first_day(year) for start in month_starts(kind_of(year)[0])) - 1
        yearly = rule.frequency == YEARLY
        begun = year if yearly else year * 12 + month
        return cls(DayFilter.of(rule, day), times, rule.positions, yearly, rule.interval, begun)

    def first(self, wall: int) -> int | None:
        year = year_of(wall // DAY) if wall // DAY <= LAST_DAY else LAST_YEAR + 1
        for tried in range(year, LAST_YEAR + 1):
            since = first_day(tried) * DAY
            walls = self._of_year(tried)
            index = bisect_left(walls, wall - since)
            if index < len(walls):
                return since + walls[index]
        return None

    def last(self, wall: int) -> int | None:
        begun = self.begun if self.yearly else self.begun // 12
        for tried in range(year_of(min(wall // DAY, LAST_DAY)), begun - 1, -1):
            since = first_day(tried) * DAY
            walls = self._of_year(tried)
            index = bisect_right(walls, wall - since)
            if index:
                return since + walls[index - 1]
        return None

    def nth(self, wall: int, number: int) -> int | None:
        for tried in range(year_of(wall // DAY), LAST_YEAR + 1):
            since = first_day(tried) * DAY
            walls = self._of_year(tried)
            index = bisect_left(walls, wall - since) + number - 1
            if index < len(walls):
                return since + walls[index]
            number = index - len(walls) + 1
        return None

    def count(self, start: int, stop: int) -> int:
        total = 0
        for year in range(year_of(start // DAY), LAST_YEAR + 1):
            since = first_day(year) * DAY
            if since >= stop:
                break
            walls = self._of_year(year)
            total += bisect_left(walls, stop - since) - bisect_left(walls, start - since)
        return total

    def _of_year(self, year: int) -> Chosen:
        """Return the wall times of a year, in seconds from its beginning."""
        kind = kind_of(year)
        if self.interval > 1:
            if self.yearly:
                return () if (year - self.begun) % self.interval else self._whole_year(kind)
            months = range((self.begun - year * 12) % self.interval, 12, self.interval)
            return tuple(wall for month in months for wall in self._of_kind(kind)[month])
        return self._whole_year(kind)

    def _whole_year(self, kind: Kind) -> Chosen:
        found = self._whole.get(kind)
        if found is None:
            found = self._whole[kind] = tuple(wall for walls in self._of_kind(kind) for wall in walls)
        return found

    def _of_kind(self, kind: Kind) -> tuple[Chosen, ...]:
        """Return what is chosen in the months, or in the one year, of a kind of years."""
        found = self._known.get(kind)
        if found is None:
            mask, starts = self.fitting.mask(kind), month_starts(kind[0])
            spans = [(0, starts[-1])] if self.yearly else list(pairwise(starts))
            found = self._known[kind] = tuple(
                tuple(
                    start * DAY + wall
                    for wall in _choose((mask & (1 << stop) - 1) >> start, self.times, self.positions)
                )
                for start, stop in spans
            )
        return found


@attrs.frozen(eq=False)
class WeekPlan:
    """A choice from each week that the interval does not leave out.

    :ivar begun: the day on which the week of the start begins
    """

    fitting: DayFilter
    times: Times
    positions: tuple[int, ...]
    interval: int
    begun: int
    _known: dict[int, Chosen] = attrs.field(init=False, repr=False, factory=dict[int, Chosen])

    @classmethod
    def of(cls, rule: Rule, day: int, times: Times) -> WeekPlan:
        """Return the plan of a rule that counts from a day."""
        begun = day - (day - rule.week_start) % 7
        return cls(DayFilter.of(rule, day), times, rule.positions, rule.interval, begun)

    def first(self, wall: int) -> int | None:
        week = self._week_of(wall)
        while (start := self.begun + 7 * self.interval * week) <= LAST_DAY:
            walls = self._of_week(start)
            index = bisect_left(walls, wall - start * DAY)
            if index < len(walls):
                found = start * DAY + walls[index]
                return found if found // DAY <= LAST_DAY else None
            week += 1
        return None

    def last(self, wall: int) -> int | None:
        for week in range(self._week_of(wall), -1, -1):
            start = self.begun + 7 * self.interval * week
            walls = self._of_week(start) if start <= LAST_DAY else ()
            index = bisect_right(walls, wall - start * DAY)
            if index:
                return start * DAY + walls[index - 1]
        return None

    def nth(self, wall: int, number: int) -> int | None:
        week = begun = self._week_of(wall)
        while (start := self.begun + 7 * self.interval * week) <= LAST_DAY:
            if week - begun > _MOST_WEEKS:
                raise TriggerSearchError(f"COUNT reaches over more than {_MOST_WEEKS} weeks: use UNTIL")
            walls = self._of_week(start)
            index = bisect_left(walls, wall - start * DAY) + number - 1
            if index < len(walls):
                return start * DAY + walls[index]
            number = index - len(walls) + 1
            week += 1
            if walls and not self.fitting.months:  # all weeks are alike
                weeks, index = divmod(number - 1, len(walls))
                found = (start + 7 * self.interval * (weeks + 1)) * DAY + walls[index]
                return found if found // DAY <= LAST_DAY else None
        return None

    def count(self, start: int, stop: int) -> int:
        total, week = 0, self._week_of(start)
        while (day := self.begun + 7 * self.interval * week) * DAY < stop and day <= LAST_DAY:
            walls = self._of_week(day)
            total += bisect_left(walls, stop - day * DAY) - bisect_left(walls, start - day * DAY)
            week += 1
        return total

    def _week_of(self, wall: int) -> int:
        """Return the number of the week, of those that count, that a wall time lies in or follows."""
        return max((wall // DAY - self.begun) // (7 * self.interval), 0)

    def _of_week(self, day: int) -> Chosen:
        """Return the wall times of the week that begins on a day, in seconds from its beginning."""
        mask = self._mask(day) & WEEK
        if mask not in self._known:
            self._known[mask] = _choose(mask, self.times, self.positions)
        return self._known[mask]

    def _mask(self, day: int) -> int:
        """Return which of the days from one on fit, for a week at least."""
        if day < 0:
            return self._mask(0) << -day
        year = year_of(day)
        begun, following = day - first_day(year), first_day(year + 1) - day
        mask = self.fitting.mask(kind_of(year)) >> begun
        if following < 7 and year < LAST_YEAR:
            mask |= self.fitting.mask(kind_of(year + 1)) << following
        return mask
