"""Looking at what a trigger yields: ahead, back, and how often (rule T11)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo
from itertools import islice

from anysched.model.trigger import CountingTrigger, Trigger, own_timezone
from anysched.triggers.asking import Searched, ask, ask_back, bound, require_part
from anysched.triggers.base import EPOCH, RESOLUTION, machine_zone, require_int, require_moment


class Looking(Searched):
    """Gives a trigger ``fire_times``, ``previous_fire_time`` and ``count``."""

    __slots__ = ()

    def fire_times(
        self,
        start: datetime,
        end: datetime | None = None,
        *,
        count: int | None = None,
        anchor: datetime | None = None,
        key: str = "",
    ) -> Iterator[datetime]:
        """Yield the fire times from one instant to another, both inclusive, one by one as they are asked for.

        A naive datetime is read in the time zone of the trigger, or in the machine's where it has none of its own.
        Jitter, windows and holds are of schedules: see ``get_fire_times`` of a scheduler.

        :param start: from this instant on
        :param end: up to this instant; without one as long as there are any
        :param count: how many at most
        :param anchor: where a trigger counts from that names no start of its own (rule T3); by default ``start``
        :param key: the id of the schedule, for what is spread by hash
        :return: aware datetimes in UTC, in order
        :raise TypeError, ValueError: at once, naming the argument that makes no sense, as an ``end`` before ``start``
        :raise TriggerSearchError: when it is told, or seems, that parts of a combination never agree
        """
        return fire_times_of(self, start, end, count=count, anchor=anchor, key=key)

    def previous_fire_time(
        self, before: datetime, *, anchor: datetime | None = None, key: str = ""
    ) -> datetime | None:
        """Return the latest fire time strictly before an instant, or None when there is none (rules T4 and T11).

        :param before: naive datetimes are read as by ``fire_times``
        :param anchor: as for ``fire_times``; by default ``before``, so that what has no start of its own has no
            earlier fire time
        :param key: as for ``fire_times``
        :return: an aware datetime in UTC
        """
        return previous_fire_time_of(self, before, anchor=anchor, key=key)

    def count(self, start: datetime, end: datetime, *, anchor: datetime | None = None, key: str = "") -> int:
        """Return how many fire times there are from one instant to another, both inclusive (rule T11).

        Intervals, dates and, up to four years, cron rules are counted without going through them, and so are
        combinations of which that can be told; others take a step for each fire time.

        :param start: parameters mean what they do for ``fire_times``
        """
        return count_fire_times_of(self, start, end, anchor=anchor, key=key)


def fire_times_of(
    trigger: Trigger,
    start: datetime,
    end: datetime | None = None,
    *,
    count: int | None = None,
    anchor: datetime | None = None,
    key: str = "",
) -> Iterator[datetime]:
    """Yield the fire times of any trigger, one of your own as well: see ``fire_times`` of the built-in ones."""
    trigger, first, anchor = _read(trigger, start, "start", anchor)
    last = None if end is None else _after(first, end, _zone_of(trigger))
    found = _each(trigger, first, last, anchor, key)
    return found if count is None else islice(found, require_int(count, "count", 0))


def previous_fire_time_of(
    trigger: Trigger, before: datetime, *, anchor: datetime | None = None, key: str = ""
) -> datetime | None:
    """Return the latest fire time of any trigger strictly before an instant: see ``previous_fire_time``."""
    trigger, first, anchor = _read(trigger, before, "before", anchor)
    return ask_back(trigger, first - RESOLUTION, anchor, key) if first > EPOCH else None


def count_fire_times_of(
    trigger: Trigger, start: datetime, end: datetime, *, anchor: datetime | None = None, key: str = ""
) -> int:
    """Return how many fire times any trigger has from one instant to another: see ``count``."""
    trigger, first, anchor = _read(trigger, start, "start", anchor)
    last = _after(first, end, _zone_of(trigger))
    if isinstance(trigger, CountingTrigger) and first > EPOCH:
        found = trigger.count_fire_times(first - RESOLUTION, last, anchor=anchor, key=key)
        if found is not None:
            return found
    return sum(1 for _ in _each(trigger, first, last, anchor, key))


def _each(
    trigger: Trigger, first: datetime, last: datetime | None, anchor: datetime, key: str
) -> Iterator[datetime]:
    found = ask(trigger, first - RESOLUTION if first > EPOCH else EPOCH, anchor, key)
    while found is not None and (last is None or found <= last):
        yield found
        found = ask(trigger, found, anchor, key)


def _read(
    trigger: Trigger, instant: datetime, name: str, anchor: datetime | None
) -> tuple[Trigger, datetime, datetime]:
    """Return a trigger that leaves nothing open, an instant and the anchor in UTC."""
    trigger = bound(require_part(trigger, "trigger"), machine_zone())
    zone = _zone_of(trigger)
    first = require_moment(instant, name, zone)
    return trigger, first, first if anchor is None else require_moment(anchor, "anchor", zone)


def _after(first: datetime, end: datetime, zone: tzinfo) -> datetime:
    last = require_moment(end, "end", zone)
    if last < first:
        raise ValueError(f"end must not lie before start: {last} is before {first}")
    return last


def _zone_of(trigger: Trigger) -> tzinfo:
    return own_timezone(trigger) or machine_zone()
