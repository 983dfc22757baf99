"""What becomes of the state of a schedule with its backfills: jobs made, fire times taken and given back (F2 to F4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

import attrs

from anysched._text import printable
from anysched.errors import TriggerError
from anysched.model.backfill import Backfill, Stretch
from anysched.model.change import Change
from anysched.model.events import BackfillChanged, Event, FireTimesSkipped
from anysched.model.history import SkipRecord
from anysched.model.job import Job
from anysched.model.options import EffectiveOptions
from anysched.model.policies import SkipReason
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.state import ScheduleState
from anysched.model.trigger import UndecodableTrigger
from anysched.rules.jobs import backfill_job
from anysched.rules.joining import joined
from anysched.rules.pausing import after
from anysched.rules.stretches import ahead, common, hold, without
from anysched.rules.times import TICK, Count, FireTimes
from anysched.rules.windows import fire_times

#: So many backfills that are over are kept, for those who ask what became of them.
KEPT: Final = 10


def written(
    snapshot: ScheduleSnapshot,
    options: EffectiveOptions,
    now: datetime,
    backfills: Iterable[Backfill],
    events: Iterable[Event] = (),
) -> Change:
    """Return the change that writes backfills, with the jobs that they have room for now."""
    told, jobs, taken = [*events], list[Job](), 0
    ready: list[Backfill] = []
    broken: list[Backfill] = []
    for old in backfills:
        new, made = old, list[Job]()
        if old.has_room and snapshot.fault is None:
            try:
                new, made = _with_jobs(old, snapshot, options, now)
            except TriggerError as exc:
                new = attrs.evolve(old, error=printable(str(exc)))
                broken.append(new)
        if not new.is_over and not new.left and not new.running:
            new = attrs.evolve(new, status="done", finished_at=now)
            told.append(told_of(snapshot, new))
        jobs += made
        taken += sum(hold(new.taken, one) for one in fire_times_of(made))
        ready.append(new)
    change = changed(snapshot, ready, told, tuple(jobs), taken)
    for new in broken:
        change = joined(change, cancelled(after(snapshot, change), new, now, recorded=options.recorded))
    return change


def changed(
    snapshot: ScheduleSnapshot,
    backfills: Iterable[Backfill],
    events: Sequence[Event],
    jobs: tuple[Job, ...] = (),
    counted: int = 0,
) -> Change:
    """Return the change that writes backfills.

    :param counted: of how many missed fire times it has become certain that the schedule does not run them (rule L3)
    """
    state, new = snapshot.state, {backfill.id: backfill for backfill in backfills}
    kept = [new.pop(backfill.id, backfill) for backfill in state.backfills]
    told, skipped = list(events), state.skipped
    if counted:
        reason = SkipReason.backfilled
        skipped = {**skipped, reason: skipped.get(reason, 0) + counted}
        told.append(FireTimesSkipped(snapshot.id, snapshot.task_id, ((reason, counted),), True))
    state = attrs.evolve(
        state,
        revision=state.revision + 1,
        skipped=skipped,
        backfills=_kept((*kept, *new.values()), state),
    )
    return Change(schedule_id=snapshot.id, state=state, jobs=jobs, events=tuple(told))


def standing_at(snapshot: ScheduleSnapshot, cursor: datetime | None) -> ScheduleSnapshot:
    """Return a schedule as it is when it stands at another fire time."""
    state = snapshot.state
    if cursor == state.next_fire_time:
        return snapshot
    times = fire_times(snapshot.schedule, state)
    due_at = None if cursor is None else times.due_at(cursor)
    return attrs.evolve(snapshot, state=attrs.evolve(state, next_fire_time=cursor, due_at=due_at))


def fire_times_of(jobs: Iterable[Job]) -> list[datetime]:
    """Return the fire times that jobs are for."""
    return [job.scheduled_fire_time for job in jobs if job.scheduled_fire_time is not None]


def _with_jobs(
    backfill: Backfill, snapshot: ScheduleSnapshot, options: EffectiveOptions, now: datetime
) -> tuple[Backfill, list[Job]]:
    """Make the jobs that a backfill has room for. :raise TriggerError: when its trigger does not work"""
    times = FireTimes(backfill.trigger, backfill.anchor, snapshot.id)
    left, jobs = list(backfill.left), list[Job]()
    while left and len(jobs) < backfill.max_running - backfill.running:
        index = 0 if backfill.order == "oldest" else -1
        first, last = left[index]
        fire_time, rest = (first, _after_first(times, first, last)) if index == 0 else (last, None)
        if index == -1 and first < last:
            rest = (first, times.last(first, last - TICK))
        if rest is None:
            del left[index]
        else:
            left[index] = rest
        jobs.append(backfill_job(snapshot, options, backfill, fire_time, now))
    more = len(jobs)
    new = attrs.evolve(backfill, left=tuple(left), made=backfill.made + more, running=backfill.running + more)
    return new, jobs


def _after_first(times: FireTimes, first: datetime, last: datetime) -> Stretch | None:
    """Return a stretch without its first fire time."""
    following = times.next(first) if first < last else None
    return None if following is None or following > last else (following, last)


def cancelled(snapshot: ScheduleSnapshot, old: Backfill, now: datetime, *, recorded: bool = True) -> Change:
    """Return the change that ends a backfill, and gives back what it has taken and not made a job for (rule F4).

    :param recorded: whether it is written which of those cannot come back
    """
    state = snapshot.state
    released = common(old.taken, old.left)
    new = attrs.evolve(
        old,
        status="cancelled",
        left=(),
        taken=without(old.taken, old.left),
        running=0,
        finished_at=now,
    )
    cursor = state.next_fire_time
    if snapshot.fault is None and old.error is None and old.anchor == state.anchor:
        cursor = _back(snapshot, new, released)
    lost = [(first, last) for first, last in released if cursor is None or last < cursor]
    own, counts = FireTimes(old.trigger, old.anchor, snapshot.id), [Count(1)] * len(lost)
    if old.error is None and not isinstance(old.trigger, UndecodableTrigger):
        counts = [own.count(first - TICK, last) for first, last in lost]
    number = sum(count.number for count in counts)
    change = changed(standing_at(snapshot, cursor), [new], [told_of(snapshot, new)], counted=number)
    if not recorded:
        return change
    records = [_lost(new, snapshot, *one, now) for one in zip(lost, counts, strict=True)]
    return attrs.evolve(change, skips=tuple(records))


def _lost(
    backfill: Backfill, snapshot: ScheduleSnapshot, stretch: Stretch, count: Count, now: datetime
) -> SkipRecord:
    """Return what is written of fire times that no job was made for, and that cannot come back (rule G1)."""
    first, last = stretch
    return SkipRecord(
        schedule_id=snapshot.id,
        incarnation=snapshot.state.incarnation,
        reason=SkipReason.backfilled,
        first=first,
        last=last,
        number=count.number,
        exact=count.exact and (count.number > 1 or first == last),
        at=now,
        cause=str(backfill.id),
        why=backfill.reason,
        by=backfill.by,
    )


def _back(snapshot: ScheduleSnapshot, new: Backfill, released: Iterable[Stretch]) -> datetime | None:
    """Return the first fire time to come back: since then the schedule has dealt with none, so that it can go back."""
    state, schedule = snapshot.state, snapshot.schedule
    cursor, last = state.next_fire_time, state.last_fire_time
    times = fire_times(schedule, state)
    for first, _ in released:
        if state.waiting is not None or (cursor is not None and first >= cursor):
            break
        if (last is None or last < first) and times.has(first) and times.first(first) == cursor:
            others = [one for one in state.backfills if one.id != new.id]
            return fire_times(schedule, attrs.evolve(state, backfills=(*others, new))).first(first)
    return cursor


def told_of(snapshot: ScheduleSnapshot, backfill: Backfill) -> BackfillChanged:
    """Return what is told of a backfill."""
    return BackfillChanged(
        snapshot.id,
        snapshot.task_id,
        backfill.id,
        backfill.status,
        backfill.total,
        backfill.made,
        backfill.succeeded,
        backfill.failed,
        backfill.reason,
        backfill.by,
    )


def _kept(backfills: Iterable[Backfill], state: ScheduleState) -> tuple[Backfill, ...]:
    """Return backfills without the oldest that are over, and whose fire times the schedule is past for good.

    It can come back to what another that is not over has taken.
    """
    backfills = list(backfills)
    stands = [one.taken[0][0] for one in backfills if one.taken and not one.is_over]
    # What is left to a backfill is in no window, so it must be known until windows have been counted.
    stands += [at for at in (state.next_fire_time, state.windowed_until) if at is not None]
    since = min(stands) if stands else None
    trimmed = [
        attrs.evolve(one, taken=ahead(one.taken, since)) if one.is_over and one.taken else one
        for one in backfills
    ]
    past = [one.id for one in trimmed if can_go(one, since)]
    gone = frozenset(past[:-KEPT])
    return tuple(one for one in trimmed if one.id not in gone)


def can_go(backfill: Backfill, cursor: datetime | None) -> bool:
    """Return whether nothing depends on a backfill any more."""
    return backfill.is_over and not ahead(backfill.taken, cursor)
