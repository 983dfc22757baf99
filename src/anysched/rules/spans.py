"""Spans of time whose fire times do not run, or not then: which these are, and what becomes of their fire times.

An exclusion says of one cause, as of a window, which spans it has and what becomes of the fire times in them: with a
``reason`` they are none, and counted under it; without one they are put off. ``Exclusions`` are all that one schedule
has; ``FireTimes`` asks them, and knows nothing of where they come from.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, Protocol

import attrs

from anysched.model.policies import SkipReason
from anysched.rules.instants import TICK

#: Rule W5: what is looked for is looked for in no more spans in a row than this.
MOST_SPANS: Final = 1000

#: From the first instant, inclusive, to the second, exclusive.
Interval = tuple[datetime, datetime]


class Spans(Protocol):
    """Spans of time, in order."""

    def at(self, instant: datetime) -> Interval | None:
        """Return the span that contains an instant, or None."""
        ...

    def after(self, instant: datetime) -> Interval | None:
        """Return the first span that begins strictly after an instant, or None."""
        ...


@attrs.frozen
class Dates:
    """Spans that are known one by one.

    :ivar spans: in order, none of which overlap
    """

    spans: Sequence[Interval]

    def at(self, instant: datetime) -> Interval | None:
        """Return the span that contains an instant, or None."""
        place = bisect_right(self.spans, instant, key=_start)
        return self.spans[place - 1] if place and instant < self.spans[place - 1][1] else None

    def after(self, instant: datetime) -> Interval | None:
        """Return the first span that begins strictly after an instant, or None."""
        place = bisect_right(self.spans, instant, key=_start)
        return self.spans[place] if place < len(self.spans) else None


def _start(span: Interval) -> datetime:
    return span[0]


@attrs.frozen(kw_only=True)
class Exclusion:
    """Spans of time whose fire times do not run then.

    :ivar spans: the spans
    :ivar reason: what the fire times in them are counted as, which are left out; None if they are put off
    :ivar blocks: whether what is put off to an instant in one of the spans waits for its end
    :ivar cause: the id of the window or backfill that says so
    :ivar why: its reason, in free text
    :ivar by: who asked for it
    """

    spans: Spans
    reason: SkipReason | None
    blocks: bool = True
    cause: str | None = None
    why: str | None = None
    by: str | None = None


@attrs.frozen
class Exclusions:
    """All that keeps fire times of one schedule from running."""

    _skipping: Sequence[Exclusion]
    _deferring: Sequence[Exclusion]
    _blocking: Sequence[Exclusion]

    @classmethod
    def of(cls, exclusions: Iterable[Exclusion]) -> Exclusions | None:
        """Return exclusions together, that of backfills first; None if there are none."""
        every = tuple(exclusions)
        if not every:
            return None
        return cls(
            tuple(one for one in every if one.reason is not None),
            tuple(one for one in every if one.reason is None),
            tuple(one for one in every if one.blocks),
        )

    def skips(self, instant: datetime) -> tuple[Exclusion, Interval] | None:
        """Return what leaves out a fire time at an instant, and the span that does; None if nothing does."""
        for exclusion in self._skipping:
            span = exclusion.spans.at(instant)
            if span is not None:
                return exclusion, (span[0], min(span[1], self._taken_after(instant) or span[1]))
        return None

    def _taken_after(self, instant: datetime) -> datetime | None:
        """Return where the next span begins that is left to a backfill, which is no concern of others (rule F4)."""
        if not self._skipping or self._skipping[0].reason is not SkipReason.backfilled:
            return None
        following = self._skipping[0].spans.after(instant)
        return None if following is None else following[0]

    def next_skip(self, after: datetime) -> datetime | None:
        """Return where the first span begins, strictly after an instant, that leaves out its fire times."""
        found = (exclusion.spans.after(after) for exclusion in self._skipping)
        return min((span[0] for span in found if span is not None), default=None)

    def puts_off(self, instant: datetime) -> datetime | None:
        """Return to when a fire time at an instant is put off: the first outside (rule W3); None if it is not."""
        return None if self.deferring(instant) is None else self._end(instant)

    def deferring(self, instant: datetime) -> Exclusion | None:
        """Return what puts off a fire time at an instant, the first of several; None if nothing does."""
        return next((one for one in self._deferring if one.spans.at(instant) is not None), None)

    def around(self, instant: datetime) -> Interval | None:
        """Return the time without a gap, around an instant, that nothing is put off into; None outside."""
        span = self._blocked(instant)
        if span is None:
            return None
        start = span[0]
        for _ in range(MOST_SPANS):
            before = self._blocked(start - TICK)
            if before is None:
                break
            start = before[0]
        return start, self._end(span[1] - TICK)

    def _end(self, instant: datetime) -> datetime:
        for _ in range(MOST_SPANS):
            span = self._blocked(instant)
            if span is None:
                break
            instant = span[1]
        return instant

    def _blocked(self, instant: datetime) -> Interval | None:
        for exclusion in self._blocking:
            span = exclusion.spans.at(instant)
            if span is not None:
                return span
        return None
