"""How many fire times got no job: those that a decision gives up, and those that windows have left out (rule L3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

import attrs

from anysched.model.policies import SkipReason
from anysched.model.snapshot import ScheduleSnapshot
from anysched.rules.picking import Span
from anysched.rules.times import COUNT_LIMIT, TICK, Count, FireTimes, RemainingFireTimes
from anysched.rules.windows import fire_times

#: One decision tells of no more spans than this one by one; of more, it tells what each cause has left out altogether.
MOST_TOLD: Final = 100

Counted = tuple[Span, Count]


def counted(spans: Iterable[Span]) -> list[Counted]:
    """Count skipped fire times; one decision steps through ``COUNT_LIMIT`` of them at most."""
    found: list[Counted] = []
    left = COUNT_LIMIT
    for span in spans:
        if span.first <= span.last:
            count = Count(1) + span.times.count(span.first, span.last, left)
            left = max(0, left - count.number)
            found.append((span, count))
    return found


def left_out(snapshot: ScheduleSnapshot, times: FireTimes, until: datetime) -> list[Counted]:
    """Count the fire times that exclusions have left out since that was done last, to an instant, inclusive.

    :param times: the fire times from now on; where they begin at another anchor, the earlier ones are those of before
    """
    state = snapshot.state
    after = state.windowed_until
    if after is None:
        return []
    found: list[Counted] = []
    if times.anchor != state.anchor:
        before = min(until, times.anchor - TICK)
        found += in_spans(fire_times(snapshot.schedule, state), after, before)
        after = max(after, before)
    found += in_spans(times, after, until)
    return found if len(found) <= MOST_TOLD else _by_cause(found)


def in_spans(times: FireTimes, after: datetime, until: datetime) -> Iterator[Counted]:
    """Yield the fire times in (after, until] that are left out, span by span; steps are bounded as in counting."""
    if not isinstance(times, RemainingFireTimes) or times.exclusions is None or until <= after:
        return
    exclusions, every, left = times.exclusions, times.unnamed, COUNT_LIMIT
    first = every.next(after)
    for _ in range(COUNT_LIMIT):
        if first is None or first > until:
            return
        found = exclusions.skips(first)
        if found is None:
            start = exclusions.next_skip(first)
            first = None if start is None else every.first(start)
            continue
        exclusion, (_, end) = found
        last, count, following = _in_span(every, first, min(end - TICK, until), left)
        left = max(0, left - count.number)
        assert exclusion.reason is not None
        if (
            exclusion.reason is not SkipReason.backfilled
        ):  # these are counted when their jobs are made (rule F4)
            yield Span(exclusion.reason, every, first, last, cause=exclusion), count
        first = following


def _in_span(
    times: FireTimes, first: datetime, until: datetime, limit: int
) -> tuple[datetime, Count, datetime | None]:
    """Return the last fire time by an instant, how many there are from the first on, and which follows."""
    following = times.next(first)
    if following is None or following > until:
        return first, Count(1), following
    last = times.last(first, until)
    return last, Count(1) + times.count(first, last, limit), times.next(last)


def _by_cause(found: Iterable[Counted]) -> list[Counted]:
    """Return what each cause has left out altogether; a trigger in a cause may have no hash."""
    together: dict[tuple[SkipReason, str | None], Counted] = {}
    for span, count in found:
        assert span.cause is not None
        key = span.reason, span.cause.cause
        if key in together:
            whole, number = together[key]
            together[key] = attrs.evolve(whole, last=span.last), number + count
        else:
            together[key] = span, count
    return list(together.values())
