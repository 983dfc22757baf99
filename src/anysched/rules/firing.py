"""What a schedule does whose turn has come (rules L1 to L3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import attrs

from anysched.errors import TriggerError
from anysched.model.change import Change
from anysched.model.events import Event, FireTimesSkipped, ScheduleFinished
from anysched.model.job import Job
from anysched.model.options import EffectiveOptions
from anysched.model.pause import Pause
from anysched.model.policies import SkipReason
from anysched.model.quick import maker
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.state import ScheduleState
from anysched.rules.counting import Counted, counted, left_out
from anysched.rules.jobs import regular_job
from anysched.rules.ledger import told
from anysched.rules.picking import Pick, Span, passed, pick_due
from anysched.rules.setting_aside import failed
from anysched.rules.times import Count, FireTimes, next_fire_time
from anysched.rules.waiting import begun
from anysched.rules.windows import fire_times, mark, remaining

_new_state = maker(ScheduleState)


@attrs.frozen
class Skipping:
    """What a schedule has skipped in all.

    :ivar counts: how many fire times, by reason
    :ivar exact: whether these are not just lower bounds
    :ivar events: what tells of those that were skipped last
    """

    counts: Mapping[SkipReason, int]
    exact: bool
    events: Sequence[Event] = ()


def fire(snapshot: ScheduleSnapshot, options: EffectiveOptions, now: datetime, limit: int) -> Change:
    """Decide what an active schedule does: if it is due, jobs, skips and the next fire time.

    :param limit: at most so many jobs; what remains is left for the next pass (rule L2)
    """
    state, schedule = snapshot.state, snapshot.schedule
    cursor, due_at, named = state.next_fire_time, state.due_at, state.occurrences
    turn_at = state.turn_at if named else due_at
    if turn_at is None or turn_at > now or (cursor is None and not named):
        return Change(schedule_id=schedule.id)
    if snapshot.fault is not None:
        return failed(snapshot, snapshot.fault)
    try:
        if not named and cursor is not None and due_at is not None:
            just_one = _just_one(snapshot, options, cursor, due_at, now)
            if just_one is not None:
                return just_one
        times = fire_times(schedule, state)
        picked = pick_due(schedule, times, cursor, due_at, named, options, now, limit)
        jobs = [regular_job(snapshot, options, found, times.due_at(found), now) for found in picked.chosen]
        return moved(snapshot, options, times, picked, jobs, now)
    except TriggerError as exc:
        return failed(snapshot, str(exc))


def _just_one(
    snapshot: ScheduleSnapshot, options: EffectiveOptions, cursor: datetime, due_at: datetime, now: datetime
) -> Change | None:
    """Decide about the common case: one fire time is due, it is in time, and only the trigger says what comes next.

    What ``pick_due`` and ``moved`` come to then, written out, takes less than half of their time. None for others.
    """
    schedule, state = snapshot.schedule, snapshot.state
    grace = options.misfire_grace_time
    if (
        state.windows
        or state.backfills
        or state.waiting is not None
        or schedule.fixed_delay
        or schedule.max_jitter is not None
        or (grace is not None and now - due_at > grace)
    ):
        return None
    following = next_fire_time(schedule.trigger, cursor, state.anchor, schedule.id)
    if following is not None and following <= now:
        return None
    new = _new_state(
        incarnation=state.incarnation,
        revision=state.revision + 1,
        anchor=state.anchor,
        next_fire_time=following,
        due_at=following,
        last_fire_time=cursor,
        jobs_made=state.jobs_made + 1,
        skipped=state.skipped,
        skipped_exact=state.skipped_exact,
        failures=state.failures,
    )
    job = regular_job(snapshot, options, cursor, cursor, now)
    events = (ScheduleFinished(schedule.id, job.task_id),) if following is None else ()
    return Change(schedule_id=schedule.id, state=new, jobs=(job,), events=events)


def moved(
    snapshot: ScheduleSnapshot,
    options: EffectiveOptions,
    times: FireTimes,
    picked: Pick,
    jobs: Sequence[Job],
    now: datetime,
    ended: Pause | None = None,
) -> Change:
    """Return the change that moves the cursor, keeps count, and leaves the schedule without a pause.

    :param ended: the pause that ends with it
    """
    state, skipped = snapshot.state, picked.skipped
    waiting = begun(snapshot, jobs)
    if waiting is not None:  # there is no next fire time before it ends (rule S9)
        picked = attrs.evolve(picked, cursor=None)
    cursor = picked.cursor
    last, left = jobs[-1].scheduled_fire_time if jobs else state.last_fire_time, picked.occurrences
    if left:
        last, left, requested = passed(state.last_fire_time, picked, jobs, now)
        skipped = (*skipped, *(Span(SkipReason.requested, times, found, found) for found in requested))
    skips = counted(skipped) if skipped else []
    windows, windowed_until = state.windows, state.windowed_until
    if windowed_until is not None and state.waiting is None:
        dealt_with = max(windowed_until, mark(cursor, now))
        skips += left_out(snapshot, times, dealt_with)
        windows = remaining(windows, dealt_with, left)
        windowed_until = dealt_with if windows else None
    counts, exact, events = state.skipped, state.skipped_exact, list[Event]()
    if skips:
        told_of = skipping(snapshot, skips)
        counts, exact, events = told_of.counts, told_of.exact, [*told_of.events]
    had_any = state.next_fire_time is not None or state.occurrences
    if cursor is None and not left and had_any and waiting is None:
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
        windows=windows,
        windowed_until=windowed_until,
        backfills=state.backfills,
        waiting=waiting,
    )
    records = told(snapshot, skips, now, ended) if skips and options.recorded else ()
    return Change(schedule_id=snapshot.id, state=new, jobs=tuple(jobs), events=tuple(events), skips=records)


def skipping(snapshot: ScheduleSnapshot, counted: Iterable[Counted]) -> Skipping:
    """Return what a schedule has skipped in all, once more fire times are, and the events that tell of those."""
    state = snapshot.state
    skips: dict[SkipReason, Count] = {}
    for span, count in counted:
        skips[span.reason] = skips.get(span.reason, Count()) + count
    if not skips:
        return Skipping(state.skipped, state.skipped_exact)
    counts = {
        **state.skipped,
        **{reason: state.skipped.get(reason, 0) + skips[reason].number for reason in skips},
    }
    all_exact = all(count.exact for count in skips.values())
    numbers = tuple((reason, count.number) for reason, count in skips.items())
    event = FireTimesSkipped(snapshot.id, snapshot.task_id, numbers, all_exact)
    return Skipping(counts, state.skipped_exact and all_exact, (event,))
