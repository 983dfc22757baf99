"""How fire times are told that have no record of a run: which part of them is asked for, and as what (rule G2)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import attrs

from anysched.model.backfill import Stretch
from anysched.model.history import FireTime, SkipRecord
from anysched.model.pause import Pause
from anysched.model.policies import FireTimeStatus
from anysched.rules.times import TICK, Count, FireTimes


@attrs.frozen(kw_only=True)
class Outlook:
    """Which part of what is to come is asked for.

    :ivar now: the present
    :ivar start: nothing before this instant, but what is late or missed
    :ivar end: nothing after this instant; None for as much as ``most`` says
    :ivar most: how many fire times are told one by one at most
    """

    now: datetime
    start: datetime
    end: datetime | None
    most: int


@attrs.frozen
class Fate:
    """What all fire times of a stretch have in common."""

    status: FireTimeStatus
    why: str | None = None
    by: str | None = None
    cause: str | None = None

    @classmethod
    def of(cls, status: FireTimeStatus, pause: Pause) -> Fate:
        return cls(status, pause.reason, pause.by, pause.hold)


def of_skip(skip: SkipRecord) -> FireTime:
    """Return fire times that got no job."""
    return FireTime(
        first=skip.first,
        last=skip.last,
        number=skip.number,
        exact=skip.exact,
        status="skipped",
        reason=skip.reason,
        finished_at=skip.at,
        into=skip.into,
        cause=skip.cause,
        why=skip.why,
        by=skip.by,
    )


def span(times: FireTimes, first: datetime, last: datetime, status: FireTimeStatus) -> FireTime:
    """Return fire times with one fate: from one to another."""
    count = Count(1) + times.count(first, last)
    due_at = times.due_at(first) if first == last else None
    return FireTime(
        first=first, last=last, number=count.number, exact=count.exact, status=status, due_at=due_at
    )


def stretch(
    times: FireTimes,
    first: datetime | None,
    until: datetime,
    fate: Fate,
    without: Iterable[Stretch] = (),
) -> list[FireTime]:
    """Tell of all fire times before an instant, without stretches of some that have a fate of their own."""
    told: list[FireTime] = []
    for cut, end in [*sorted(without), (until, until)]:
        if first is None or first >= until:
            break
        if end < first:
            continue
        if first < cut:
            one = span(times, first, times.last(first, min(cut, until) - TICK), fate.status)
            due_at = None if fate.status == "paused" else one.due_at
            told.append(attrs.evolve(one, due_at=due_at, why=fate.why, by=fate.by, cause=fate.cause))
        first = times.next(end)
    return told
