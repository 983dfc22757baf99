"""The fire times of one schedule: checked, delayed by jitter, found from behind, counted."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import islice
from operator import index
from typing import Final, SupportsIndex, TypeVar

import attrs

from anysched.errors import TriggerError
from anysched.model.backfill import Backfill, Stretch
from anysched.model.occurrence import Occurrence
from anysched.model.schedule import Schedule
from anysched.model.trigger import Trigger

TICK: Final = timedelta(microseconds=1)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
BEGINNING: Final = datetime.min.replace(tzinfo=UTC)
END: Final = datetime.max.replace(tzinfo=UTC)

T = TypeVar("T")

#: Rule L3: so many fire times are counted one by one where the trigger cannot count; beyond is a lower bound.
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

    Whatever a trigger does wrong comes out as ``TriggerError``. A cursor counts as a fire time even if its
    trigger does not say so any more: zone data may have changed since it was stored.
    """

    trigger: Trigger
    anchor: datetime
    key: str
    max_jitter: timedelta | None = None

    @classmethod
    def of(
        cls,
        schedule: Schedule,
        anchor: datetime,
        occurrences: Sequence[Occurrence] = (),
        backfills: Sequence[Backfill] = (),
    ) -> FireTimes:
        """Return the fire times of a schedule, without those that were skipped or moved by name, or backfilled."""
        taken = left_to(backfills) if backfills else ()
        if occurrences or taken:
            named = {occurrence.fire_time: occurrence for occurrence in occurrences}
            return RemainingFireTimes(
                schedule.trigger, anchor, schedule.id, schedule.max_jitter, named=named, taken=taken
            )
        return FireTimes(schedule.trigger, anchor, schedule.id, schedule.max_jitter)

    def next(self, after: datetime) -> datetime | None:
        """Return the first fire time strictly after an instant, or None."""
        try:
            found = self.trigger.next_fire_time(after, anchor=self.anchor, key=self.key)
            if found is None:
                return None
            if found.__class__ is not datetime or found.tzinfo is not UTC:  # else it is right already
                found = _checked(found)
        except TriggerError:
            raise
        except Exception as exc:
            raise TriggerError(_complaint(exc)) from exc
        if found <= after:
            raise TriggerError(
                f"the trigger did not move forward: asked for a time after {after}, it said {found}"
            )
        return found

    def first(self, at: datetime) -> datetime | None:
        """Return the first fire time at or after an instant, or None."""
        return self.next(at - TICK if at > BEGINNING else at)

    def has(self, instant: datetime) -> bool:
        """Return whether the trigger fires at an instant, skipped or moved or not."""
        return self.first(instant) == instant

    def taking(self, instant: datetime) -> Stretch | None:
        """Return the stretch that an instant lies in, if a backfill has taken its fire times; here, none has."""
        return None

    def due_at(self, fire_time: datetime) -> datetime:
        """Return a fire time with its jitter, which is kept short of the following fire time (rule T8)."""
        if self.max_jitter is None:
            return fire_time
        following = self.next(fire_time)
        room = END - fire_time if following is None else following - fire_time - TICK
        room = min(room, self.max_jitter)
        noise = blake2b(f"{(fire_time - EPOCH) // TICK} {self.key}".encode(), digest_size=8).digest()
        return fire_time + TICK * (int.from_bytes(noise, "big") * (room // TICK + 1) >> 64)

    def last(self, since: datetime, until: datetime) -> datetime:
        """Return the latest fire time at or before ``until``, from ``since`` on, which counts as one.

        Where the trigger offers nothing faster: backwards in growing steps, then bisection (rule T4).
        """
        backward: Callable[..., object] | None = getattr(self.trigger, "last_fire_time", None)
        if backward is not None:
            latest = _guarded(lambda: _last(backward(until, anchor=self.anchor, key=self.key), until))
            return since if latest is None else max(since, latest)
        if (following := self._until(since, until)) is None:
            return since
        low, high, step = since, until, following - since  # no fire time lies after high and by until
        while step < until - since:
            if (hit := self._until(until - step, until)) is not None:
                low = hit
                break
            high, step = until - step, step * 2
        while (following := self._until(low, until)) is not None:
            low = following
            middle = low + (high - low) / 2
            if low < high and (hit := self._until(middle, until)) is not None:
                low = hit
            else:
                high = middle
        return low

    def count(self, after: datetime, until: datetime, limit: int = COUNT_LIMIT) -> Count:
        """Return how many fire times lie in (after, until]; those stepped through are at most ``limit``."""
        if until <= after:
            return Count()
        counter: Callable[..., SupportsIndex | None] | None = getattr(self.trigger, "count_fire_times", None)
        if counter is not None:
            number = _guarded(lambda: _whole(counter(after, until, anchor=self.anchor, key=self.key)))
            if number is not None:
                return Count(number)
        number = sum(1 for _ in islice(self.between(after, until), limit + 1))
        return Count(min(number, limit), number <= limit)

    def between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Yield the fire times in (after, until], in order."""
        while (found := self._until(after, until)) is not None:
            yield found
            after = found

    def tail(self, since: datetime, until: datetime, most: int) -> list[datetime]:
        """Return the latest ``most`` fire times in [since, until]; ``since`` counts as one.

        Looks at windows from the end backwards, so that the cost depends on ``most`` and not on the span.
        """
        found: list[datetime] = []
        end, span = until, until - since
        gap = (self._until(since, until) or until) - since
        window = max(TICK, min(gap, span / most) * most)
        while len(found) < most and since <= end:
            start = end - window if window < end - since else since
            block = list(islice(self.between(start - TICK, end), 2 * most + 1))
            if len(block) > 2 * most:
                window = (end - start) / 2
                continue
            found = block + found
            end, window = start - TICK, window * 2
        if len(found) < most and found[:1] != [since]:
            found.insert(0, since)
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

    def first_due(self, cursor: datetime, since: datetime) -> datetime | None:
        """Return the first fire time from ``cursor`` on that is due at or after ``since``, or None."""
        if cursor >= since:
            return cursor
        if self.max_jitter is not None:
            latest = self.last(cursor, since - TICK)
            if self.due_at(latest) >= since:
                return latest
        return self.first(since)

    def _until(self, after: datetime, until: datetime) -> datetime | None:
        found = self.next(after)
        return found if found is not None and found <= until else None


@attrs.frozen
class RemainingFireTimes(FireTimes):
    """The fire times of a schedule but those that were skipped or moved by name, or backfilled (rules O2 and F4).

    ``due_at`` tells of the moved ones when they are due. The jitter of all others stays what it was.

    :ivar named: what was skipped or moved; under this anchor some may be no fire times
    :ivar taken: stretches of time whose fire times a backfill has taken, in order and apart
    """

    named: Mapping[datetime, Occurrence] = attrs.field(kw_only=True)
    taken: Sequence[Stretch] = attrs.field(kw_only=True, default=())

    @property
    def whole(self) -> FireTimes:
        """All fire times of the trigger."""
        return FireTimes(self.trigger, self.anchor, self.key, self.max_jitter)

    def next(self, after: datetime) -> datetime | None:
        whole = self.whole
        found = whole.next(after)
        while found is not None:
            stretch = self.taking(found)
            if stretch is None and found not in self.named:
                break
            found = whole.next(found if stretch is None else stretch[1])
        return found

    def has(self, instant: datetime) -> bool:
        return self.whole.has(instant)

    def due_at(self, fire_time: datetime) -> datetime:
        occurrence = self.named.get(fire_time)
        moved_to = None if occurrence is None else occurrence.moved_to
        return self.whole.due_at(fire_time) if moved_to is None else moved_to

    def last(self, since: datetime, until: datetime) -> datetime:
        whole = self.whole
        found = whole.last(since, until)
        while found > since:
            stretch = self.taking(found)
            if stretch is None and found not in self.named:
                break
            before = (found if stretch is None else stretch[0]) - TICK
            found = whole.last(since, before) if before > since else since
        return found

    def count(self, after: datetime, until: datetime, limit: int = COUNT_LIMIT) -> Count:
        whole = self.whole
        found = whole.count(after, until, limit)
        others = sum(
            after < named <= until and self.taking(named) is None and self.has(named) for named in self.named
        )
        for first, last in self.taken:
            others += whole.count(max(after, first - TICK), min(until, last), limit).number
        return Count(max(0, found.number - others), found.exact)

    def taking(self, instant: datetime) -> Stretch | None:
        index = bisect_right(self.taken, instant, key=_first_of) - 1
        return self.taken[index] if index >= 0 and instant <= self.taken[index][1] else None


def left_to(backfills: Iterable[Backfill]) -> tuple[Stretch, ...]:
    """Return the stretches of time whose fire times a schedule leaves to backfills (rule F4), in order and apart."""
    merged: list[Stretch] = []
    for first, last in sorted(stretch for backfill in backfills for stretch in backfill.taken):
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return tuple(merged)


def _first_of(stretch: Stretch) -> datetime:
    return stretch[0]


def steadily_growing(times: FireTimes, first: datetime) -> None:
    """Try the first steps of a new schedule. :raise TriggerError: when the trigger stands still or raises"""
    for _ in islice(times.between(first, END), 2):
        pass


def later(instant: datetime, by: timedelta) -> datetime | None:
    """Return an instant moved forward, or None where the calendar ends first."""
    return instant + by if by <= END - instant else None


def spaced(start: datetime, spacing: timedelta, number: int) -> datetime:
    """Return the instant so many spacings after a start, or the end of the calendar where that comes first."""
    return start + number * spacing if number == 0 or spacing <= (END - start) // number else END


def _checked(found: object) -> datetime:
    """Return a plain datetime in UTC. :raise TriggerError: for something else than an aware datetime"""
    if not isinstance(found, datetime) or found.utcoffset() is None:
        raise TriggerError(f"the trigger must return an aware datetime or None, not {found!r}")
    utc = found.astimezone(UTC)
    return datetime(
        utc.year, utc.month, utc.day, utc.hour, utc.minute, utc.second, utc.microsecond, tzinfo=UTC
    )


def _last(found: object, until: datetime) -> datetime | None:
    if found is None:
        return None
    latest = _checked(found)
    if latest > until:
        raise TriggerError(f"the trigger said that {latest} was its latest fire time by {until}")
    return latest


def _whole(answer: SupportsIndex | None) -> int | None:
    number = None if answer is None else index(answer)
    if number is not None and number < 0:
        raise TriggerError(f"the trigger counted {number} fire times")
    return number


def _guarded(ask: Callable[[], T]) -> T:
    try:
        return ask()
    except TriggerError:
        raise
    except Exception as exc:
        raise TriggerError(_complaint(exc)) from exc


def _complaint(exc: Exception) -> str:
    try:
        return f"the trigger raised {type(exc).__name__}: {exc}"
    except Exception:  # it cannot even be shown
        return f"the trigger raised {type(exc).__name__}"
