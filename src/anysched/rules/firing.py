"""What a schedule does whose turn has come (rules L1 to L3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

import attrs

from anysched._text import printable
from anysched.errors import TriggerError
from anysched.model.change import Change
from anysched.model.events import Event, FireTimesSkipped, ScheduleFailed, ScheduleFinished
from anysched.model.job import Job
from anysched.model.options import EffectiveOptions
from anysched.model.policies import CoalescePolicy, SkipReason
from anysched.model.schedule import ScheduleSnapshot, ScheduleState
from anysched.rules.jobs import regular_job
from anysched.rules.times import TICK, Count, FireTimes

Skips = Mapping[SkipReason, Count]
NO_SKIPS: Skips = MappingProxyType({})


@attrs.frozen
class Pick:
    """Which late fire times get a job, which do not and why, and where the schedule goes on."""

    chosen: Sequence[datetime]
    skips: Skips
    cursor: datetime | None


def fire(snapshot: ScheduleSnapshot, options: EffectiveOptions, now: datetime, limit: int) -> Change:
    """Decide what an active schedule does that is due: jobs, skips, the next fire time.

    :param limit: at most so many jobs; what remains is left for the next pass (rule L2)
    """
    state = snapshot.state
    if state.due_at is None or state.due_at > now:
        return Change(schedule_id=snapshot.id)
    if snapshot.fault is not None:
        return failed(snapshot, snapshot.fault)
    times = FireTimes.of(snapshot.schedule, state.anchor)
    try:
        picked = pick(snapshot, times, options, now, limit)
        jobs = tuple([regular_job(snapshot, options, times, chosen, now) for chosen in picked.chosen])
        return moved(snapshot, times, picked, jobs=jobs)
    except TriggerError as exc:
        return failed(snapshot, str(exc))


def pick(
    snapshot: ScheduleSnapshot, times: FireTimes, options: EffectiveOptions, now: datetime, limit: int
) -> Pick:
    """Choose among the fire times from the cursor on that are due by ``now``; the cursor's own must be."""
    schedule, state = snapshot.schedule, snapshot.state
    cursor, due_at, grace = state.next_fire_time, state.due_at, options.misfire_grace_time
    assert cursor is not None
    assert due_at is not None
    following = times.next(cursor)
    if following is None or following > now:  # the common case: just one is due
        if grace is not None and now - due_at > grace:
            return Pick((), {SkipReason.grace: Count(1)}, following)
        return Pick((cursor,), NO_SKIPS, following)
    latest = times.last_due(cursor, now) or cursor
    kept = cursor if grace is None else times.first_due(cursor, now - grace)
    if kept is None or kept > latest:
        return Pick((), {SkipReason.grace: counted(times, cursor, latest)}, times.next(latest))
    skips = {SkipReason.grace: counted(times, cursor, kept - TICK)}
    if schedule.coalesce is CoalescePolicy.latest:
        skips[SkipReason.coalesced] = counted(times, kept, latest - TICK)
        return Pick((latest,), skips, times.next(latest))
    if schedule.coalesce is CoalescePolicy.earliest:
        skips[SkipReason.coalesced] = times.count(kept, latest)
        return Pick((kept,), skips, times.next(latest))
    chosen = times.tail(kept, latest, schedule.max_catchup)
    skips[SkipReason.catchup_limit] = counted(times, kept, chosen[0] - TICK)
    return Pick(chosen[:limit], skips, chosen[limit] if limit < len(chosen) else times.next(latest))


def counted(times: FireTimes, first: datetime, until: datetime) -> Count:
    """Return how many fire times lie in [first, until], where ``first`` is one."""
    return Count() if until < first else Count(1) + times.count(first, until)


def moved(
    snapshot: ScheduleSnapshot, times: FireTimes, picked: Pick, *, jobs: tuple[Job, ...] = ()
) -> Change:
    """Return the change that moves the cursor and keeps count."""
    state, events = snapshot.state, list[Event]()
    skipped, exact = state.skipped, state.skipped_exact
    skips = {reason: count for reason, count in picked.skips.items() if count.number}
    if skips:
        skipped, exact = add_skips(state, skips)
        events.append(skip_event(snapshot, skips))
    if picked.cursor is None:
        events.append(ScheduleFinished(snapshot.id, snapshot.task_id))
    return Change(
        schedule_id=snapshot.id,
        state=ScheduleState(
            incarnation=state.incarnation,
            revision=state.revision + 1,
            anchor=times.anchor,
            next_fire_time=picked.cursor,
            due_at=None if picked.cursor is None else times.due_at(picked.cursor),
            last_fire_time=picked.chosen[-1] if picked.chosen else state.last_fire_time,
            pause=state.pause,
            jobs_made=state.jobs_made + len(picked.chosen),
            skipped=skipped,
            skipped_exact=exact,
        ),
        jobs=jobs,
        events=tuple(events),
    )


def add_skips(state: ScheduleState, skips: Skips) -> tuple[Mapping[SkipReason, int], bool]:
    """Return the counts of a schedule with new ones added, and whether they are exact."""
    counts = dict(state.skipped)
    for reason, count in skips.items():
        counts[reason] = counts.get(reason, 0) + count.number
    return counts, state.skipped_exact and all(count.exact for count in skips.values())


def skip_event(snapshot: ScheduleSnapshot, skips: Skips) -> FireTimesSkipped:
    """Return the one event that tells how many fire times were skipped (rule L3)."""
    counts = tuple((reason, count.number) for reason, count in skips.items())
    return FireTimesSkipped(
        snapshot.id, snapshot.task_id, counts, all(count.exact for count in skips.values())
    )


def failed(snapshot: ScheduleSnapshot, error: str) -> Change:
    """Return the change that sets a schedule aside (rule S2)."""
    text = printable(error)
    return Change(
        schedule_id=snapshot.id,
        state=attrs.evolve(snapshot.state, error=text, revision=snapshot.state.revision + 1),
        events=(ScheduleFailed(snapshot.id, snapshot.task_id, text),),
    )
