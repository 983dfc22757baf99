"""The hours, minutes or seconds of a day at which a rule with such a frequency fires, as a mask."""

from __future__ import annotations

from math import gcd

import attrs

from anysched.triggers.base import DAY
from anysched.triggers.rrule.rule import HOURLY, MINUTELY, SECONDLY, Rule

_LENGTHS = {HOURLY: 3600, MINUTELY: 60, SECONDLY: 1}
#: How many days that fit a search looks at: each takes one or two microseconds, or with seconds some more.
_MOST_DAYS = {HOURLY: 10_000, MINUTELY: 10_000, SECONDLY: 5_000}


@attrs.frozen(eq=False)
class UnitsOfDay:
    """The units of which a day has ``number``; each has ``length`` seconds. Every ``interval``-th counts.

    :ivar start: a unit that counts, from the first of January 0001
    :ivar is_open: whether all units of a day fit, whatever the interval
    :ivar reachable: whether the interval ever meets what fits
    :ivar most_days: how many days that fit are looked at before a search is given up
    :ivar allowed: the units of a day that fit, whatever the interval
    """

    length: int
    interval: int
    start: int
    allowed: int
    number: int
    is_open: bool
    reachable: bool
    most_days: int
    pattern: int = attrs.field(repr=False)

    @classmethod
    def of(cls, rule: Rule, start: int) -> UnitsOfDay:
        """Return the units of a rule that counts from a wall time."""
        length = _LENGTHS[rule.frequency]
        number, unit = DAY // length, start // length
        allowed = _allowed(rule, number)
        return cls(
            length=length,
            interval=rule.interval,
            start=unit,
            allowed=allowed,
            number=number,
            is_open=allowed == (1 << number) - 1,
            reachable=_is_reachable(rule, unit, number, allowed),
            most_days=_MOST_DAYS[rule.frequency],
            pattern=_every(rule.interval, number),
        )

    @property
    def is_steady(self) -> bool:
        """Whether the interval divides the day, so that all days are alike."""
        return self.number % self.interval == 0

    def mask(self, day: int) -> int:
        """Return the units of a day."""
        if self.interval == 1:
            return self.allowed
        phase = (self.start - day * self.number) % self.interval
        return self.allowed & self.pattern << phase if phase < self.number else 0

    def count(self, day: int, skipped: int = 0) -> int:
        """Return how many units a day has, without those among its first ``skipped``."""
        if not self.is_open:
            return (self.mask(day) >> skipped).bit_count()
        first, end = self.aligned(day * self.number + skipped), (day + 1) * self.number
        return max((end - first - 1) // self.interval + 1, 0)

    def aligned(self, unit: int) -> int:
        """Return the first unit at or after one that the interval does not leave out."""
        return unit + (self.start - unit) % self.interval

    def day_after(self, day: int) -> int:
        """Return the next day that has a unit which the interval does not leave out."""
        return self.aligned((day + 1) * self.number) // self.number

    def day_before(self, day: int) -> int:
        """Return the day before that has a unit which the interval does not leave out."""
        last = day * self.number - 1
        return (last - (last - self.start) % self.interval) // self.number


def _is_reachable(rule: Rule, start: int, number: int, allowed: int) -> bool:
    """Return whether the interval ever meets the units that are allowed, on the days of the week that are."""
    # What it meets in the course of all weeks lies so many units apart.
    step = gcd(rule.interval, 7 * number)
    every = _every(step, number)
    days = {day for _, day in rule.weekdays} or range(7)
    phases = ((start - day * number) % step for day in days)
    return any(allowed & every << phase for phase in phases if phase < number)


def _every(step: int, number: int) -> int:
    """Return every so manieth bit of so many, from the lowest on."""
    mask, width = 1, step
    while width < number:
        mask |= mask << width
        width *= 2
    return mask & (1 << number) - 1


def _allowed(rule: Rule, number: int) -> int:
    """Return the units of a day that BYHOUR, BYMINUTE and BYSECOND let through."""
    seconds = _of(rule.seconds, 60) if rule.frequency == SECONDLY else 1
    per_minute = 60 if rule.frequency == SECONDLY else 1
    minutes = sum(seconds << minute * per_minute for minute in rule.minutes or range(60))
    if rule.frequency == HOURLY:
        return _of(rule.hours, 24)
    per_hour = 60 * per_minute
    return sum(minutes << hour * per_hour for hour in rule.hours or range(24))


def _of(values: tuple[int, ...], number: int) -> int:
    return sum(1 << value for value in values) if values else (1 << number) - 1
