"""The fire times of one schedule: checked, delayed by jitter, found from behind, counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import blake2b
from itertools import islice
from typing import Final, SupportsIndex

import attrs

from anysched.errors import TriggerError
from anysched.model.latest import find_latest
from anysched.model.occurrence import Occurrence
from anysched.model.passing import passing
from anysched.model.schedule import Schedule
from anysched.model.trigger import Trigger
from anysched.rules import answers
from anysched.rules.instants import BEGINNING as BEGINNING
from anysched.rules.instants import END as END
from anysched.rules.instants import EPOCH as EPOCH
from anysched.rules.instants import TICK as TICK
from anysched.rules.instants import earlier as earlier
from anysched.rules.instants import later as later
from anysched.rules.instants import spaced as spaced
from anysched.rules.spans import MOST_SPANS, Exclusions

#: Rule L3: so many fire times are counted one by one where the trigger cannot count; beyond is a lower bound.
COUNT_LIMIT: Final = 10_000


@attrs.frozen
class Count:
    """How many fire times; a lower bound unless exact."""

    number: int = 0
    exact: bool = True

    def __add__(self, other: Count) -> Count:
        return Count(self.number + other.number, self.exact and other.exact)


def next_fire_time(trigger: Trigger, after: datetime, anchor: datetime, key: str) -> datetime | None:
    """Return what a trigger says is its first fire time strictly after an instant, checked; or None.

    :raise TriggerError: when the trigger does not work
    """
    try:
        found = trigger.next_fire_time(after, anchor=anchor, key=key)
        if found is None:
            return None
        if found.__class__ is not datetime or found.tzinfo is not UTC:  # else it is right already
            found = answers.checked(found)
    except TriggerError:
        raise
    except Exception as exc:
        raise TriggerError(answers.complaint(exc)) from exc
    if found <= after:
        raise TriggerError(
            f"the trigger did not move forward: asked for a time after {after}, it said {found}"
        )
    return found


@passing
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
        exclusions: Exclusions | None = None,
    ) -> FireTimes:
        """Return the fire times of a schedule, without those that were skipped or moved by name, or are left out.

        :param exclusions: what leaves out fire times, or puts them off; for a stored schedule, ``fire_times`` in
            ``rules.windows`` finds them in its state
        """
        if occurrences or exclusions is not None:
            named = {occurrence.fire_time: occurrence for occurrence in occurrences}
            return RemainingFireTimes(
                schedule.trigger, anchor, schedule.id, schedule.max_jitter, named=named, exclusions=exclusions
            )
        return FireTimes(schedule.trigger, anchor, schedule.id, schedule.max_jitter)

    def next(self, after: datetime) -> datetime | None:
        """Return the first fire time strictly after an instant, or None."""
        return next_fire_time(self.trigger, after, self.anchor, self.key)

    def first(self, at: datetime) -> datetime | None:
        """Return the first fire time at or after an instant, or None."""
        return self.next(at - TICK if at > BEGINNING else at)

    def has(self, instant: datetime) -> bool:
        """Return whether the trigger fires at an instant, skipped or moved or not."""
        return self.first(instant) == instant

    def is_left_out(self, instant: datetime) -> bool:
        """Return whether the trigger fires at an instant, and an exclusion leaves that fire time out."""
        return False

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
            found = answers.guarded(
                lambda: answers.latest(backward(until, anchor=self.anchor, key=self.key), until)
            )
            return since if found is None else max(since, found)
        if (following := self._until(since, until)) is None:
            return since
        ask = partial(self._until, until=until)
        return find_latest(ask, until, since, following - since) or since

    def count(self, after: datetime, until: datetime, limit: int = COUNT_LIMIT) -> Count:
        """Return how many fire times lie in (after, until]; those stepped through are at most ``limit``."""
        if until <= after:
            return Count()
        counter: Callable[..., SupportsIndex | None] | None = getattr(self.trigger, "count_fire_times", None)
        if counter is not None:
            number = answers.guarded(
                lambda: answers.number(counter(after, until, anchor=self.anchor, key=self.key))
            )
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
        until = self._last_candidate(now)
        if cursor > until:
            return None
        latest = self.last(cursor, until)
        if self.max_jitter is None or self.due_at(latest) <= now:
            return latest
        # Jitter ends before the following fire time, so only the very last can still wait for its own.
        return self.last(cursor, latest - TICK) if latest > cursor else None

    def first_due(self, cursor: datetime, since: datetime) -> datetime | None:
        """Return the first fire time from ``cursor`` on that is due at or after ``since``, or None."""
        start = self._first_candidate(since)
        if cursor >= start:
            return cursor
        if self.max_jitter is not None:
            latest = self.last(cursor, start - TICK)
            if self.due_at(latest) >= since:
                return latest
        return self.first(start)

    def _last_candidate(self, now: datetime) -> datetime:
        """Return the last instant at which a fire time can be due by ``now``, jitter left aside."""
        return now

    def _first_candidate(self, since: datetime) -> datetime:
        """Return the first instant at which each fire time is due at or after ``since``, jitter left aside."""
        return since

    def _until(self, after: datetime, until: datetime) -> datetime | None:
        found = self.next(after)
        return found if found is not None and found <= until else None


@passing
class RemainingFireTimes(FireTimes):
    """The fire times of a schedule but those that were skipped or moved by name (rule O2), or are left out (rule W2).

    What was named is no matter for exclusions (rule W4). ``due_at`` tells of the moved ones, and of those that are put
    off, when they are due: never earlier than of a fire time before. The jitter of all others stays what it was.

    :ivar named: what was skipped or moved; under this anchor some may be no fire times
    :ivar exclusions: what leaves fire times out or puts them off (rule W2)
    """

    named: Mapping[datetime, Occurrence] = attrs.field(kw_only=True)
    exclusions: Exclusions | None = attrs.field(kw_only=True, default=None)

    @property
    def whole(self) -> FireTimes:
        """All fire times of the trigger."""
        return FireTimes(self.trigger, self.anchor, self.key, self.max_jitter)

    @property
    def unnamed(self) -> FireTimes:
        """The same, with those that exclusions leave out or put off."""
        if not self.named:
            return self.whole
        return RemainingFireTimes(self.trigger, self.anchor, self.key, self.max_jitter, named=self.named)

    def next(self, after: datetime) -> datetime | None:
        """Return the first fire time strictly after an instant, or None; also after too many spans in a row (rule W5).

        Fire times in a span are not stepped through (rule T4).
        """
        whole, spans = self.whole, 0
        found = whole.next(after)
        while found is not None:
            if found in self.named:
                found = whole.next(found)
                continue
            if (skipped := self._skipped(found)) is None:
                return found
            spans += 1
            found = whole.first(skipped[1]) if spans < MOST_SPANS and skipped[1] < END else None
        return None

    def has(self, instant: datetime) -> bool:
        return self.whole.has(instant)

    def is_left_out(self, instant: datetime) -> bool:
        return instant not in self.named and self._skipped(instant) is not None and self.has(instant)

    def due_at(self, fire_time: datetime) -> datetime:
        occurrence = self.named.get(fire_time)
        if occurrence is not None and occurrence.moved_to is not None:
            return occurrence.moved_to
        if self.exclusions is not None and (end := self.exclusions.puts_off(fire_time)) is not None:
            return end
        return self.whole.due_at(fire_time)

    def last(self, since: datetime, until: datetime) -> datetime:
        whole, found = self.whole, until
        for _ in range(MOST_SPANS + len(self.named)):
            found = whole.last(since, found)
            if found <= since:
                break
            if found in self.named:
                found -= TICK
            elif (skipped := self._skipped(found)) is not None:
                found = skipped[0] - TICK
            else:
                return found
            if found <= since:
                break
        return since

    def count(self, after: datetime, until: datetime, limit: int = COUNT_LIMIT) -> Count:
        total, whole = Count(), self.whole
        for low, high in self._stretches(after, until):
            if low is None:
                return attrs.evolve(total, exact=False)
            total += whole.count(low, high, max(0, limit - total.number))
        others = sum(
            after < named <= until and self._skipped(named) is None and self.has(named)
            for named in self.named
        )
        return Count(max(0, total.number - others), total.exact)

    def _last_candidate(self, now: datetime) -> datetime:
        # What lies in a span that is open is due when it ends.
        around = None if self.exclusions is None else self.exclusions.around(now)
        return now if around is None else around[0] - TICK

    def _first_candidate(self, since: datetime) -> datetime:
        # What is put off to this instant, or to a later one, lies in the span that is open just before.
        around = None if self.exclusions is None else self.exclusions.around(since - TICK)
        return since if around is None else around[0]

    def _skipped(self, instant: datetime) -> tuple[datetime, datetime] | None:
        found = None if self.exclusions is None else self.exclusions.skips(instant)
        return None if found is None else found[1]

    def _stretches(self, after: datetime, until: datetime) -> Iterator[tuple[datetime | None, datetime]]:
        """Yield what lies outside of spans that leave fire times out; None begins what is too much to look at."""
        if self.exclusions is None:
            yield after, until
            return
        at = after + TICK  # the first instant that was not looked at yet
        for _ in range(2 * COUNT_LIMIT):
            if at > until:
                return
            skipped = self._skipped(at)
            if skipped is not None:
                at = skipped[1]
                continue
            start = self.exclusions.next_skip(at)
            if start is None or start > until:
                yield at - TICK, until
                return
            yield at - TICK, start - TICK
            at = start
        yield None, until


def steadily_growing(times: FireTimes, first: datetime) -> None:
    """Try the first steps of a new schedule. :raise TriggerError: when the trigger stands still or raises"""
    found: datetime | None = first
    for _ in range(2):
        if found is not None:
            found = times.next(found)
