"""What a schedule does whose turn has come (rules L1 to L3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import attrs

from anysched._text import printable
from anysched.errors import TriggerError
from anysched.model.change import Change
from anysched.model.events import Event, FireTimesSkipped, ScheduleFailed, ScheduleFinished
from anysched.model.job import Job
from anysched.model.options import EffectiveOptions
from anysched.model.policies import CoalescePolicy, SkipReason
from anysched.model.schedule import Schedule, ScheduleSnapshot, ScheduleState
from anysched.rules.jobs import regular_job
from anysched.rules.times import BEGINNING, COUNT_LIMIT, TICK, Count, FireTimes


@attrs.frozen
class Span:
    """Fire times that get no job, and why: those from ``first``, which is one, to ``last``, if there are any."""

    reason: SkipReason
    times: FireTimes
    first: datetime
    last: datetime


@attrs.frozen
class Pick:
    """Which late fire times get a job, which do not, and where the schedule goes on."""

    chosen: Sequence[datetime]
    skipped: Sequence[Span]
    cursor: datetime | None


def fire(snapshot: ScheduleSnapshot, options: EffectiveOptions, now: datetime, limit: int) -> Change:
    """Decide what an active schedule does: if it is due, jobs, skips and the next fire time.

    :param limit: at most so many jobs; what remains is left for the next pass (rule L2)
    """
    state = snapshot.state
    cursor, due_at = state.next_fire_time, state.due_at
    if cursor is None or due_at is None or due_at > now:
        return Change(schedule_id=snapshot.id)
    if snapshot.fault is not None:
        return failed(snapshot, snapshot.fault)
    times = FireTimes.of(snapshot.schedule, state.anchor)
    try:
        picked = pick(snapshot.schedule, times, cursor, due_at, options, now, limit)
        jobs = [regular_job(snapshot, options, times, fire_time, now) for fire_time in picked.chosen]
        return moved(snapshot, times, picked.cursor, jobs, picked.skipped)
    except TriggerError as exc:
        return failed(snapshot, str(exc))


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
        earlier = Span(SkipReason.coalesced, times, kept, latest - TICK)
        return Pick((latest,), (dropped, earlier), times.next(latest))
    if schedule.coalesce is CoalescePolicy.earliest:
        second = times.next(kept)
        others = [] if second is None else [Span(SkipReason.coalesced, times, second, latest)]
        return Pick((kept,), (dropped, *others), times.next(latest))
    chosen = times.tail(kept, latest, schedule.max_catchup)
    excess = Span(SkipReason.catchup_limit, times, kept, chosen[0] - TICK)
    return Pick(
        chosen[:limit], (dropped, excess), chosen[limit] if limit < len(chosen) else times.next(latest)
    )


def moved(
    snapshot: ScheduleSnapshot,
    times: FireTimes,
    cursor: datetime | None,
    jobs: Sequence[Job],
    skipped: Sequence[Span],
) -> Change:
    """Return the change that moves the cursor, keeps count, and leaves the schedule without a pause."""
    state = snapshot.state
    events: list[Event] = []
    counts, exact = state.skipped, state.skipped_exact
    skips = tally(skipped)
    if skips:
        counts = {**counts, **{reason: counts.get(reason, 0) + skips[reason].number for reason in skips}}
        all_exact = all(count.exact for count in skips.values())
        exact = exact and all_exact
        numbers = tuple((reason, count.number) for reason, count in skips.items())
        events.append(FireTimesSkipped(snapshot.id, snapshot.task_id, numbers, all_exact))
    if cursor is None and state.next_fire_time is not None:
        events.append(ScheduleFinished(snapshot.id, snapshot.task_id))
    new = ScheduleState(
        incarnation=state.incarnation,
        revision=state.revision + 1,
        anchor=times.anchor,
        next_fire_time=cursor,
        due_at=None if cursor is None else times.due_at(cursor),
        last_fire_time=jobs[-1].scheduled_fire_time if jobs else state.last_fire_time,
        jobs_made=state.jobs_made + len(jobs),
        skipped=counts,
        skipped_exact=exact,
        failures=state.failures,
    )
    return Change(schedule_id=snapshot.id, state=new, jobs=tuple(jobs), events=tuple(events))


def tally(spans: Iterable[Span]) -> Mapping[SkipReason, Count]:
    """Count skipped fire times by reason; one decision steps through ``COUNT_LIMIT`` of them at most."""
    skips: dict[SkipReason, Count] = {}
    left = COUNT_LIMIT
    for span in spans:
        if span.first <= span.last:
            count = Count(1) + span.times.count(span.first, span.last, left)
            left = max(0, left - count.number)
            skips[span.reason] = skips.get(span.reason, Count()) + count
    return skips


def failed(snapshot: ScheduleSnapshot, error: str) -> Change:
    """Return the change that sets a schedule aside (rule S2)."""
    text = printable(error)
    return Change(
        schedule_id=snapshot.id,
        state=attrs.evolve(snapshot.state, error=text, revision=snapshot.state.revision + 1),
        events=(ScheduleFailed(snapshot.id, snapshot.task_id, text),),
    )
