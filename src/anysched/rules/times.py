"""The fire times of one schedule: asked of its trigger, checked, delayed by jitter, found from behind, counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import islice, pairwise
from typing import Final

import attrs

from anysched._clock import microseconds
from anysched.errors import TriggerError
from anysched.model.schedule import Schedule
from anysched.model.trigger import Trigger

TICK: Final = timedelta(microseconds=1)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
BEGINNING: Final = datetime(1, 1, 1, tzinfo=UTC)

#: Rule L3: without a trigger's help, counts are exact up to here.
COUNT_LIMIT: Final = 10_000


@attrs.frozen
class Count:
    """How many fire times; a lower bound unless exact."""

    number: int = 0
    exact: bool = True

    def __add__(self, other: Count) -> Count:
        return Count(self.number + other.number, self.exact and other.exact)


@attrs.frozen
class FireTimes:
    """The fire times of a trigger under one anchor. Every method is pure.

    Whatever a trigger does wrong comes out as ``TriggerError``.
    """

    trigger: Trigger
    anchor: datetime
    key: str
    max_jitter: timedelta | None = None

    @classmethod
    def of(cls, schedule: Schedule, anchor: datetime) -> FireTimes:
        """Return the fire times of a schedule."""
        return cls(schedule.trigger, anchor, schedule.id, schedule.max_jitter)

    def next(self, after: datetime) -> datetime | None:
        """Return the first fire time strictly after an instant, or None."""
        try:
            found = self.trigger.next_fire_time(after, anchor=self.anchor, key=self.key)
        except Exception as exc:
            raise TriggerError(f"the trigger raised {type(exc).__name__}: {exc}") from exc
        if found is None:
            return None
        if found.__class__ is not datetime or found.tzinfo is not UTC:  # else it is right already
            found = _checked(found)
        if found <= after:
            raise TriggerError(
                f"the trigger did not move forward: asked for a time after {after}, it said {found}"
            )
        return found

    def first(self, at: datetime) -> datetime | None:
        """Return the first fire time at or after an instant, or None."""
        return self.next(at - TICK if at > BEGINNING else at)

    def due_at(self, fire_time: datetime) -> datetime:
        """Return a fire time with its jitter, which is kept short of the following fire time (rule T8)."""
        if self.max_jitter is None:
            return fire_time
        following = self.next(fire_time)
        room = self.max_jitter if following is None else min(self.max_jitter, following - fire_time - TICK)
        noise = blake2b(f"{microseconds(fire_time - EPOCH)} {self.key}".encode(), digest_size=8).digest()
        return fire_time + TICK * (int.from_bytes(noise, "big") * (microseconds(room) + 1) >> 64)

    def last(self, since: datetime, until: datetime) -> datetime:
        """Return the latest fire time at or before ``until``; ``since`` must be a fire time that is.

        Where the trigger offers nothing faster: a search backwards in growing steps, then bisection (rule T4).
        """
        backward: Callable[..., datetime | None] | None = getattr(self.trigger, "last_fire_time", None)
        if backward is not None:
            try:
                found = backward(until, anchor=self.anchor, key=self.key)
            except Exception as exc:
                raise TriggerError(f"the trigger raised {type(exc).__name__}: {exc}") from exc
            return since if found is None else max(since, _checked(found))
        low, high = since, until  # low is a fire time; none lies between high and until
        step = (self._until(low, until) or until) - low
        while (probe := until - step) > low:
            if (hit := self._until(probe, until)) is not None:
                low = hit
                break
            high, step = probe, step * 2
        while (following := self._until(low, until)) is not None:
            low = following
            middle = low + (high - low) / 2
            if high > low and (hit := self._until(middle, until)) is not None:
                low = hit
            else:
                high = middle
        return low

    def count(self, after: datetime, until: datetime) -> Count:
        """Return how many fire times lie in (after, until] (rule L3)."""
        if until <= after:
            return Count()
        counter: Callable[..., int | None] | None = getattr(self.trigger, "count_fire_times", None)
        if counter is not None:
            try:
                number = counter(after, until, anchor=self.anchor, key=self.key)
            except Exception as exc:
                raise TriggerError(f"the trigger raised {type(exc).__name__}: {exc}") from exc
            if number is not None:
                return Count(number)
        number = sum(1 for _ in islice(self.between(after, until), COUNT_LIMIT + 1))
        return Count(min(number, COUNT_LIMIT), number <= COUNT_LIMIT)

    def between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Yield the fire times in (after, until], in order."""
        while (found := self._until(after, until)) is not None:
            yield found
            after = found

    def tail(self, since: datetime, until: datetime, most: int) -> list[datetime]:
        """Return the latest ``most`` fire times in [since, until]; ``since`` must be one of them.

        Looks at windows from the end backwards, so that the cost depends on ``most`` and not on the span.
        """
        found: list[datetime] = []
        end = until
        window = max(TICK, until - self.last(since, until - TICK)) * most if until > since else TICK
        while len(found) < most and end >= since:
            start = since if end - since <= window else end - window
            block = list(islice(self.between(start - TICK, end), 2 * most + 1))
            if len(block) > 2 * most and window > TICK:
                window /= 2
                continue
            found = block + found
            end, window = start - TICK, window * 2 if end - since > window else window
        return found[-most:]

    def last_due(self, cursor: datetime, now: datetime) -> datetime | None:
        """Return the latest fire time from ``cursor`` on that is due by ``now``, jitter included, or None."""
        if cursor > now:
            return None
        latest = self.last(cursor, now)
        if self.max_jitter is None or self.due_at(latest) <= now:
            return latest
        # Jitter ends before the following fire time, so only the very last can still wait for its own.
        return self.last(cursor, latest - TICK) if latest > cursor else None

    def first_due(self, cursor: datetime | None, since: datetime) -> datetime | None:
        """Return the first fire time from ``cursor`` on that is due at or after ``since``, or None."""
        if cursor is None or cursor >= since:
            return cursor
        if self.max_jitter is not None:
            latest = self.last(cursor, since - TICK)
            if self.due_at(latest) >= since:
                return latest
        return self.first(since)

    def _until(self, after: datetime, until: datetime) -> datetime | None:
        found = self.next(after)
        return found if found is not None and found <= until else None


def _checked(found: object) -> datetime:
    if not isinstance(found, datetime) or found.utcoffset() is None:
        raise TriggerError(f"the trigger must return an aware datetime or None, not {found!r}")
    return found.astimezone(UTC)


def steadily_growing(times: FireTimes, first: datetime) -> None:
    """Try the first steps of a new schedule. :raise TriggerError: when the trigger stands still or raises"""
    for _ in pairwise(islice(times.between(first, datetime.max.replace(tzinfo=UTC)), 2)):
        pass
