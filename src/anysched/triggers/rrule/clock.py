"""The times of a day, or of an hour or minute, at which a rule fires: in order, and counted without a list of them."""

from __future__ import annotations

from bisect import bisect_left
from typing import Protocol

import attrs

from anysched.triggers.rrule.rule import DAILY, HOURLY, MINUTELY, SECONDLY, Rule

MINUTE, HOUR = 60, 3600


class Times(Protocol):
    """Times in order, in seconds from the beginning of a period."""

    def __len__(self) -> int: ...

    def at(self, index: int) -> int:
        """Return one of them."""
        ...

    def rank(self, second: int) -> int:
        """Return how many of them come before a second."""
        ...


@attrs.frozen(eq=False)
class ListedTimes:
    """Times one by one."""

    times: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.times)

    def at(self, index: int) -> int:
        """Return one of them."""
        return self.times[index]

    def rank(self, second: int) -> int:
        """Return how many of them come before a second."""
        return bisect_left(self.times, second)


@attrs.frozen(eq=False)
class WheelTimes:
    """Every combination of hours, minutes and seconds; the list of them may have 86,400."""

    hours: tuple[int, ...]
    minutes: tuple[int, ...]
    seconds: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.hours) * len(self.minutes) * len(self.seconds)

    def at(self, index: int) -> int:
        """Return one of them."""
        index, second = divmod(index, len(self.seconds))
        hour, minute = divmod(index, len(self.minutes))
        return self.hours[hour] * HOUR + self.minutes[minute] * MINUTE + self.seconds[second]

    def rank(self, second: int) -> int:
        """Return how many of them come before a second."""
        minute, second = divmod(second, MINUTE)
        hour, minute = divmod(minute, MINUTE)
        rank = bisect_left(self.hours, hour)
        if rank == len(self.hours) or self.hours[rank] != hour:
            return rank * len(self.minutes) * len(self.seconds)
        place = bisect_left(self.minutes, minute)
        rank = rank * len(self.minutes) + place
        if place == len(self.minutes) or self.minutes[place] != minute:
            return rank * len(self.seconds)
        return rank * len(self.seconds) + bisect_left(self.seconds, second)


def times_of(rule: Rule, start: int) -> Times:
    """Return the times of a rule within its unit: a day, or for shorter frequencies that.

    BYSETPOS is left aside where it chooses from more than a day.

    :param start: the time of day from which the rule counts, in seconds
    """
    frequency = rule.frequency
    hours = (rule.hours or (start // HOUR,)) if frequency < HOURLY else (0,)
    minutes = (rule.minutes or (start // MINUTE % 60,)) if frequency < MINUTELY else (0,)
    seconds = (rule.seconds or (start % 60,)) if frequency < SECONDLY else (0,)
    times = WheelTimes(hours, minutes, seconds)
    if not rule.positions or frequency < DAILY:
        return times
    return ListedTimes(tuple(times.at(index) for index in chosen(rule.positions, len(times))))


def chosen(positions: tuple[int, ...], number: int) -> list[int]:
    """Return which of so many things BYSETPOS means, in order, counted from 0."""
    indexes = {position - 1 if position > 0 else number + position for position in positions}
    return sorted(index for index in indexes if 0 <= index < number)
