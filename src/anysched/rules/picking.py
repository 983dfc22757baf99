"""Which of the fire times that are due get a job (rules L1 and L2), those included that were moved (rule O3)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

import attrs

from anysched.model.job import Job
from anysched.model.occurrence import Occurrence
from anysched.model.options import EffectiveOptions
from anysched.model.policies import CoalescePolicy, SkipReason
from anysched.model.schedule import Schedule
from anysched.rules.spans import Exclusion
from anysched.rules.times import BEGINNING, TICK, FireTimes


@attrs.frozen
class Span:
    """Fire times that get no job, and why: those from ``first``, which is one, to ``last``, if there are any.

    :ivar into: the fire time that stands for them, if they were coalesced
    :ivar cause: what leaves them out, if something does
    """

    reason: SkipReason
    times: FireTimes
    first: datetime
    last: datetime
    into: datetime | None = None
    cause: Exclusion | None = None


@attrs.frozen
class Pick:
    """Which late fire times get a job, which do not, and where the schedule goes on.

    :ivar chosen: those that get a job
    :ivar skipped: those that do not
    :ivar cursor: the next fire time
    :ivar occurrences: what is left of the fire times that were skipped or moved by name
    """

    chosen: Sequence[datetime]
    skipped: Sequence[Span]
    cursor: datetime | None
    occurrences: Sequence[Occurrence] = ()


def pick_due(
    schedule: Schedule,
    times: FireTimes,
    cursor: datetime | None,
    due_at: datetime | None,
    named: Sequence[Occurrence],
    options: EffectiveOptions,
    now: datetime,
    limit: int,
) -> Pick:
    """Choose among everything that is due by ``now``: fire times from the cursor on, and those that were moved.

    Under ``coalesce="all"`` moved ones come first, and do not count against ``max_catchup``.
    """
    if not named:
        if cursor is None or due_at is None or due_at > now:
            return Pick((), (), cursor)
        return pick(schedule, times, cursor, due_at, options, now, limit)
    grace, keeps_all = options.misfire_grace_time, schedule.coalesce is CoalescePolicy.all
    due = waiting(named, now + TICK)
    stale = [found for found in due if grace is not None and now - times.due_at(found) > grace]
    moved = [found for found in due if found not in stale]
    if keeps_all:
        moved = moved[:limit]
        limit -= len(moved)
    regular = Pick((), (), cursor)
    if limit and cursor is not None and due_at is not None and due_at <= now:
        regular = pick(schedule, times, cursor, due_at, options, now, limit)
    chosen = sorted((*regular.chosen, *moved), key=times.due_at)
    if not keeps_all:
        chosen = chosen[:1] if schedule.coalesce is CoalescePolicy.earliest else chosen[-1:]
    skipped = [
        *singly(SkipReason.grace, times, stale),
        *regular.skipped,
        *singly(SkipReason.coalesced, times, [*moved, *regular.chosen], but=chosen, into=chosen[:1]),
    ]
    return Pick(chosen, skipped, regular.cursor, settled(named, [*stale, *moved], chosen))


def pick(
    schedule: Schedule,
    times: FireTimes,
    cursor: datetime,
    due_at: datetime,
    options: EffectiveOptions,
    now: datetime,
    limit: int,
) -> Pick:
    """Choose among the fire times from the cursor on that are due by ``now``; the cursor's own must be."""
    grace = options.misfire_grace_time
    following = times.next(cursor)
    if following is None or following > now:  # the common case: just one is due
        if grace is not None and now - due_at > grace:
            return Pick((), (Span(SkipReason.grace, times, cursor, cursor),), following)
        return Pick((cursor,), (), following)
    latest = times.last_due(cursor, now) or cursor
    kept: datetime | None = cursor
    if grace is not None:
        kept = times.first_due(cursor, now - min(grace, now - BEGINNING))
    if kept is None or kept > latest:
        return Pick((), (Span(SkipReason.grace, times, cursor, latest),), times.next(latest))
    dropped = Span(SkipReason.grace, times, cursor, kept - TICK)
    if schedule.coalesce is CoalescePolicy.latest:
        earlier = Span(SkipReason.coalesced, times, kept, latest - TICK, latest)
        return Pick((latest,), (dropped, earlier), times.next(latest))
    if schedule.coalesce is CoalescePolicy.earliest:
        second = times.next(kept)
        others = [] if second is None else [Span(SkipReason.coalesced, times, second, latest, kept)]
        return Pick((kept,), (dropped, *others), times.next(latest))
    chosen = times.tail(kept, latest, schedule.max_catchup)
    excess = Span(SkipReason.catchup_limit, times, kept, chosen[0] - TICK)
    return Pick(
        chosen[:limit], (dropped, excess), chosen[limit] if limit < len(chosen) else times.next(latest)
    )


def waiting(named: Iterable[Occurrence], before: datetime) -> list[datetime]:
    """Return the moved fire times that are due before an instant, in the order in which they are due."""
    due = [
        (moved_to, occurrence.fire_time)
        for occurrence in named
        if (moved_to := occurrence.waits_for) is not None and moved_to < before
    ]
    return [fire_time for _, fire_time in sorted(due)]


def singly(
    reason: SkipReason,
    times: FireTimes,
    found: Iterable[datetime],
    but: Collection[datetime] = (),
    into: Sequence[datetime] = (),
) -> list[Span]:
    """Return fire times that get no job, each for itself.

    :param into: the fire time that stands for them, if one does
    """
    stands = into[0] if into else None
    return [Span(reason, times, fire_time, fire_time, stands) for fire_time in found if fire_time not in but]


def settled(
    named: Iterable[Occurrence], due: Collection[datetime], chosen: Collection[datetime]
) -> list[Occurrence]:
    """Return what was skipped or moved by name once something was decided about those that are due.

    :param chosen: fire times that get a job
    """
    return [
        occurrence
        if occurrence.fire_time not in due
        else attrs.evolve(
            occurrence,
            settled=True,
            moved_to=occurrence.moved_to if occurrence.fire_time in chosen else None,
        )
        for occurrence in named
    ]


def passed(
    last: datetime | None, picked: Pick, jobs: Iterable[Job], now: datetime
) -> tuple[datetime | None, list[Occurrence], list[datetime]]:
    """Forget the fire times skipped or moved by name that are over: their time has come, and the cursor is past them.

    Until then, one that was moved forward and has run must be known, so that it does not run again (rule S3).

    :param last: the latest fire time that got a job before
    :return: the latest fire time that has a job now, what is left, and the skipped ones, to be counted
    """
    named = {occurrence.fire_time for occurrence in picked.occurrences}
    fired = [job.scheduled_fire_time for job in jobs if job.scheduled_fire_time not in named]
    left: list[Occurrence] = []
    requested: list[datetime] = []
    for occurrence in picked.occurrences:
        found, cursor = occurrence.fire_time, picked.cursor
        is_over = found <= now and (cursor is None or found < cursor)
        if not is_over or occurrence.waits_for is not None:
            left.append(occurrence)
        elif not occurrence.settled:
            requested.append(found)
        elif occurrence.moved_to is not None:
            fired.append(found)
    instants = [instant for instant in (last, *fired) if instant is not None]
    return max(instants, default=None), left, requested
