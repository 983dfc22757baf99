"""From a rule and its start to its wall times, found by arithmetic from any place (rules T4 and T9).

Nothing is counted through from the start: where the start lies in its period is all that matters of it. Wall
times are seconds from the first of January 0001.
"""

from __future__ import annotations

from math import gcd
from typing import Final, Protocol

import attrs

from anysched.errors import TriggerSearchError
from anysched.triggers.asking import spend
from anysched.triggers.base import DAY
from anysched.triggers.rrule.clock import Times, times_of
from anysched.triggers.rrule.days import Days
from anysched.triggers.rrule.positions import MonthPlan, WeekPlan
from anysched.triggers.rrule.rule import DAILY, HOURLY, WEEKLY, Rule
from anysched.triggers.rrule.units import UnitsOfDay
from anysched.triggers.rrule.years import LAST_DAY, lowest, nth_bit

#: What it costs a search to look at a day, which may have as many bits as seconds (rule T11).
_DAY_COST: Final = 4


class Plan(Protocol):
    """The wall times of a rule, without its start and its end."""

    def first(self, wall: int) -> int | None:
        """Return the first of them at or after one, or None before the year 10000."""
        ...

    def last(self, wall: int) -> int | None:
        """Return the last of them at or before one, or None after the day of the start."""
        ...

    def nth(self, wall: int, number: int) -> int | None:
        """Return one of those at or after a wall time, the first being number 1, or None before the year 10000."""
        ...

    def count(self, start: int, stop: int) -> int:
        """Return how many of them there are in start <= wall < stop, neither before the start of the rule."""
        ...


def plan_of(rule: Rule, start: int) -> Plan:
    """Return the plan of a rule that counts from a wall time."""
    day, second = divmod(start, DAY)
    times = times_of(rule, second)
    if rule.frequency >= HOURLY:
        units = UnitsOfDay.of(rule, start)
        return UnitPlan(Days.of(rule, day), units, times)
    if not rule.positions or rule.frequency == DAILY:
        return DayPlan(Days.of(rule, day), times)
    if rule.frequency == WEEKLY:
        return WeekPlan.of(rule, day, times)
    return MonthPlan.of(rule, day, times)


@attrs.frozen(eq=False)
class DayPlan:
    """On each of some days at the same times."""

    days: Days
    times: Times

    def first(self, wall: int) -> int | None:
        day, second = divmod(wall, DAY)
        found = self.days.first(day) if len(self.times) else None
        rank = self.times.rank(second) if found == day else 0
        if found == day and rank == len(self.times):
            found, rank = self.days.first(day + 1), 0
        return None if found is None else found * DAY + self.times.at(rank)

    def last(self, wall: int) -> int | None:
        day, second = divmod(wall, DAY)
        found = self.days.last(day) if len(self.times) else None
        rank = self.times.rank(second + 1) if found == day else len(self.times)
        if found == day and not rank:
            found, rank = self.days.last(day - 1), len(self.times)
        return None if found is None else found * DAY + self.times.at(rank - 1)

    def nth(self, wall: int, number: int) -> int | None:
        day, second = divmod(wall, DAY)
        if not len(self.times):
            return None
        if self.days.first(day) == day:
            number += self.times.rank(second)
        days, index = divmod(number - 1, len(self.times))
        found = self.days.nth(day, days + 1)
        return None if found is None else found * DAY + self.times.at(index)

    def count(self, start: int, stop: int) -> int:
        (first, second), (last, end) = divmod(start, DAY), divmod(stop, DAY)
        total = self.days.count(first, last) * len(self.times)
        total -= self.days.count(first, first + 1) * self.times.rank(second)
        return total + self.days.count(last, last + 1) * self.times.rank(end)


@attrs.frozen(eq=False)
class UnitPlan:
    """In each of some hours, minutes or seconds, at the same times of it."""

    days: Days
    units: UnitsOfDay
    times: Times

    def first(self, wall: int) -> int | None:
        unit, within = divmod(wall, self.units.length)
        if not len(self.times):
            return None
        rank = self.times.rank(within)
        if rank == len(self.times):
            unit, rank = unit + 1, 0
        found = self._first_unit(unit)
        if found is None:
            return None
        return found * self.units.length + self.times.at(rank if found == unit else 0)

    def last(self, wall: int) -> int | None:
        unit, within = divmod(wall, self.units.length)
        if not len(self.times):
            return None
        rank = self.times.rank(within + 1)
        if not rank:
            unit, rank = unit - 1, len(self.times)
        found = self._last_unit(unit)
        if found is None:
            return None
        return found * self.units.length + self.times.at(rank - 1 if found == unit else -1)

    def nth(self, wall: int, number: int) -> int | None:
        unit, within = divmod(wall, self.units.length)
        if not len(self.times):
            return None
        if self._first_unit(unit) == unit:
            number += self.times.rank(within)
        units, index = divmod(number - 1, len(self.times))
        found = self._nth_unit(unit, units + 1)
        return None if found is None else found * self.units.length + self.times.at(index)

    def count(self, start: int, stop: int) -> int:
        length = self.units.length
        (first, second), (last, end) = divmod(start, length), divmod(stop, length)
        total = self._count_units(first, last) * len(self.times)
        total -= self._count_units(first, first + 1) * self.times.rank(second)
        return total + self._count_units(last, last + 1) * self.times.rank(end)

    def _count_units(self, first: int, stop: int) -> int:
        """Return how many of the units there are in first <= unit < stop."""
        units = self.units
        (day, skipped), (last, end) = divmod(first, units.number), divmod(stop, units.number)
        total = 0
        if units.is_steady:
            total = self.days.count(day, last) * units.count(day)
        else:
            found = self.days.first(day)
            while found is not None and found < last:
                total += units.count(found)
                found = self.days.first(found + 1)
        if self.days.count(day, day + 1):
            total -= units.count(day) - units.count(day, skipped)
        if self.days.count(last, last + 1):
            total += units.count(last) - units.count(last, end)
        return total

    def _first_unit(self, unit: int) -> int | None:
        units = self.units
        if not units.reachable:
            return None
        day, within = divmod(unit, units.number)
        for _ in range(units.most_days):
            spend(_DAY_COST)
            found = self.days.first(day)
            if found is None:
                return None
            mask = units.mask(found) >> (within if found == day else 0)
            if mask:
                return found * units.number + (within if found == day else 0) + lowest(mask)
            day, within = units.day_after(found), 0
        raise self._given_up()

    def _last_unit(self, unit: int) -> int | None:
        units = self.units
        if not units.reachable:
            return None
        day, within = divmod(unit, units.number)
        for _ in range(units.most_days):
            spend(_DAY_COST)
            found = self.days.last(day)
            if found is None:
                return None
            mask = units.mask(found)
            if found == day:
                mask &= (1 << within + 1) - 1
            if mask:
                return found * units.number + mask.bit_length() - 1
            day, within = units.day_before(found), units.number - 1
        raise self._given_up()

    def _nth_unit(self, unit: int, number: int) -> int | None:
        """Return one of the units at or after one."""
        units = self.units
        if not units.reachable:
            return None
        if self.days.is_open and units.is_open:
            found = units.aligned(unit) + (number - 1) * units.interval
            return found if found // units.number <= LAST_DAY else None
        day, within = divmod(unit, units.number)
        if units.is_steady:
            return self._nth_of_steady(day, within, number)
        if self.days.is_open:
            day, within, number = self._skip_cycles(day, within, number)
        return self._nth_by_days(day, within, number)

    def _nth_by_days(self, day: int, within: int, number: int) -> int | None:
        """Return one of the units at or after one, which is given by its day and its place there."""
        units = self.units
        for _ in range(units.most_days):
            spend(_DAY_COST)
            found = self.days.first(day)
            if found is None:
                return None
            skipped = within if found == day else 0
            count = units.count(found, skipped)
            if number <= count:
                return found * units.number + skipped + nth_bit(units.mask(found) >> skipped, number)
            number -= count
            day, within = units.day_after(found), 0
        raise self._given_up()

    def _skip_cycles(self, day: int, within: int, number: int) -> tuple[int, int, int]:
        """Leave out the days of whole cycles, after which all days come again; return where to go on."""
        units = self.units
        cycle = units.interval // gcd(units.interval, units.number)
        if cycle > units.most_days:
            return day, within, number
        counts = [units.count(day, within), *(units.count(day + ahead) for ahead in range(1, cycle + 1))]
        whole = sum(counts[1:])
        if number <= counts[0] or not whole:
            return day, within, number
        cycles, number = divmod(number - counts[0] - 1, whole)
        return day + 1 + cycles * cycle, 0, number + 1

    def _nth_of_steady(self, day: int, within: int, number: int) -> int | None:
        """Return one of the units where each day has the same."""
        mask = self.units.mask(day)
        if not mask:
            return None
        if self.days.first(day) == day:
            number += (mask & (1 << within) - 1).bit_count()
        days, index = divmod(number - 1, mask.bit_count())
        found = self.days.nth(day, days + 1)
        return None if found is None else found * self.units.number + nth_bit(mask, index + 1)

    def _given_up(self) -> TriggerSearchError:
        return TriggerSearchError(
            f"no end of the search among {self.units.most_days} days: an INTERVAL that does not divide the day meets "
            "the hours, minutes and seconds that are asked for too rarely, or COUNT reaches too far: use UNTIL"
        )
