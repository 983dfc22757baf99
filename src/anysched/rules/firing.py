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
from anysched.model.policies import SkipReason
from anysched.model.schedule import ScheduleSnapshot, ScheduleState
from anysched.rules.jobs import regular_job
from anysched.rules.picking import Pick, Span, passed, pick_due
from anysched.rules.times import COUNT_LIMIT, Count, FireTimes


def fire(snapshot: ScheduleSnapshot, options: EffectiveOptions, now: datetime, limit: int) -> Change:
    """Decide what an active schedule does: if it is due, jobs, skips and the next fire time.

    :param limit: at most so many jobs; what remains is left for the next pass (rule L2)
    """
    state, schedule = snapshot.state, snapshot.schedule
    cursor, due_at, named = state.next_fire_time, state.due_at, state.occurrences
    wake_at = state.wake_at if named else due_at
    if wake_at is None or wake_at > now or (cursor is None and not named):
        return Change(schedule_id=snapshot.id)
    if snapshot.fault is not None:
        return failed(snapshot, snapshot.fault)
    times = FireTimes.of(schedule, state.anchor, named)
    try:
        picked = pick_due(schedule, times, cursor, due_at, named, options, now, limit)
        jobs = [regular_job(snapshot, options, times, fire_time, now) for fire_time in picked.chosen]
        return moved(snapshot, times, picked, jobs, now)
    except TriggerError as exc:
        return failed(snapshot, str(exc))


def moved(
    snapshot: ScheduleSnapshot,
    times: FireTimes,
    picked: Pick,
    jobs: Sequence[Job],
    now: datetime,
) -> Change:
    """Return the change that moves the cursor, keeps count, and leaves the schedule without a pause."""
    state, cursor, skipped = snapshot.state, picked.cursor, picked.skipped
    last, left = jobs[-1].scheduled_fire_time if jobs else state.last_fire_time, picked.occurrences
    if left:
        last, left, requested = passed(state.last_fire_time, picked, jobs, now)
        skipped = (*skipped, *(Span(SkipReason.requested, times, found, found) for found in requested))
    events: list[Event] = []
    counts, exact = state.skipped, state.skipped_exact
    skips = tally(skipped)
    if skips:
        counts = {**counts, **{reason: counts.get(reason, 0) + skips[reason].number for reason in skips}}
        all_exact = all(count.exact for count in skips.values())
        exact = exact and all_exact
        numbers = tuple((reason, count.number) for reason, count in skips.items())
        events.append(FireTimesSkipped(snapshot.id, snapshot.task_id, numbers, all_exact))
    had_any = state.next_fire_time is not None or state.occurrences
    if cursor is None and not left and had_any:
        events.append(ScheduleFinished(snapshot.id, snapshot.task_id))
    new = ScheduleState(
        incarnation=state.incarnation,
        revision=state.revision + 1,
        anchor=times.anchor,
        next_fire_time=cursor,
        due_at=None if cursor is None else times.due_at(cursor),
        last_fire_time=last,
        jobs_made=state.jobs_made + len(jobs),
        skipped=counts,
        skipped_exact=exact,
        failures=state.failures,
        occurrences=tuple(left),
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
