"""Schedules that count from the end of their last run: a fixed delay (rule S9).

Such a schedule has no next fire time from when its jobs are made until the last of them has ended. Then its trigger
counts from that instant.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

import attrs

from anysched.errors import TriggerError
from anysched.model.change import Change
from anysched.model.events import ScheduleFinished
from anysched.model.job import EndedJob, Job
from anysched.model.schedule import Schedule
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.state import ScheduleState
from anysched.model.waiting import Waiting
from anysched.rules.joining import joined
from anysched.rules.setting_aside import failed
from anysched.rules.times import TICK
from anysched.rules.windows import fire_times


def begun(snapshot: ScheduleSnapshot, jobs: Collection[Job]) -> Waiting | None:
    """Return what a schedule waits for once jobs of its fire times are made; None if it does not wait."""
    old = snapshot.state.waiting
    if not jobs or not snapshot.schedule.fixed_delay:
        return old
    ids = tuple(job.id for job in jobs)
    return Waiting(jobs=ids) if old is None else attrs.evolve(old, jobs=(*old.jobs, *ids))


def ended(snapshot: ScheduleSnapshot, ends: Iterable[EndedJob], now: datetime) -> Change:
    """Decide what becomes of a schedule when jobs that it waits for have ended, however they have.

    Whoever cannot read the schedule only writes down when; a pass of somebody who can goes on (rule S5).
    """
    at = {
        end.job.id: min(end.result.finished_at, now)
        for end in ends
        if end.job.incarnation == snapshot.state.incarnation
    }
    return _without(snapshot, at)


def lost(snapshot: ScheduleSnapshot, existing: Collection[UUID], now: datetime) -> Change:
    """Decide what becomes of a schedule that waits for jobs which are gone, though it was not told of their ends.

    :param existing: the jobs that there are
    """
    waiting = snapshot.state.waiting
    jobs = () if waiting is None else waiting.jobs
    return _without(snapshot, {job: now for job in jobs if job not in existing})


def with_ends(
    change: Change, stored: ScheduleSnapshot | None, ends: Iterable[EndedJob], now: datetime
) -> Change:
    """Return a change with what comes of the jobs that end by it: discarded by a pause, or by a resume (rule P3).

    :param stored: what the change was decided from
    """
    state = change.state or (None if stored is None else stored.state)
    if stored is None or state is None or state.waiting is None or change.removed:
        return change
    fault = stored.fault if change.schedule is None else None
    more = ended(ScheduleSnapshot(change.schedule or stored.schedule, state, fault), ends, now)
    if more.state is None:
        return change
    change = joined(change, more)
    told = change.unpaused
    if told is None:
        return change
    told = attrs.evolve(told, status=more.state.status, next_fire_time=more.state.next_fire_time)
    return attrs.evolve(change, unpaused=told)


def go_on(snapshot: ScheduleSnapshot) -> Change:
    """Find the next fire time of a schedule whose wait is over; mostly the end of a job has done so."""
    waiting = snapshot.state.waiting
    if waiting is None or not waiting.is_over or snapshot.state.error is not None:
        return Change(schedule_id=snapshot.id)
    if snapshot.fault is not None:
        return failed(snapshot, snapshot.fault)
    try:
        new = _onward(snapshot.schedule, snapshot.state)
    except TriggerError as exc:
        return failed(snapshot, str(exc))
    is_over = new.next_fire_time is None and not new.occurrences
    events = (ScheduleFinished(snapshot.id, snapshot.task_id),) if is_over else ()
    return Change(schedule_id=snapshot.id, state=new, events=events)


def _without(snapshot: ScheduleSnapshot, ends: dict[UUID, datetime]) -> Change:
    """Return the change that takes jobs out of what a schedule waits for, given when each ended."""
    state, waiting = snapshot.state, snapshot.state.waiting
    if waiting is None or not any(job in ends for job in waiting.jobs):
        return Change(schedule_id=snapshot.id)
    instants = [ends[job] for job in waiting.jobs if job in ends]
    if waiting.ended_at is not None:
        instants.append(waiting.ended_at)
    left = Waiting(jobs=tuple(job for job in waiting.jobs if job not in ends), ended_at=max(instants))
    new = attrs.evolve(state, waiting=left, revision=state.revision + 1)
    change = Change(schedule_id=snapshot.id, state=new)
    if left.jobs or snapshot.fault is not None:
        return change
    return joined(change, go_on(attrs.evolve(snapshot, state=new)))


def _onward(schedule: Schedule, state: ScheduleState) -> ScheduleState:
    """Return the state of a schedule that goes on, counted from the end of its last run.

    A resume may have moved the anchor into the future, and nothing fires before it (rule P7). What was said of fire
    times by name stands if they are fire times still (rule O5). What lay in windows meanwhile was no fire time.

    :raise TriggerError: when the trigger does not work
    """
    assert state.waiting is not None
    assert state.waiting.ended_at is not None
    at = state.waiting.ended_at
    anchor, since = (state.anchor, state.anchor - TICK) if state.anchor > at else (at, at)
    if state.last_fire_time is not None:
        since = max(since, state.last_fire_time)  # never again what has a job already (rule S3)
    times = fire_times(schedule, state, anchor=anchor)
    occurrences = tuple(
        one for one in state.occurrences if one.settled or one.fire_time < anchor or times.has(one.fire_time)
    )
    windowed_until = state.windowed_until
    if windowed_until is not None:
        windowed_until = max(windowed_until, at)
    new = attrs.evolve(
        state,
        revision=state.revision + 1,
        anchor=anchor,
        occurrences=occurrences,
        windowed_until=windowed_until,
        waiting=None,
    )
    times = fire_times(schedule, new)
    cursor = times.next(since)
    return attrs.evolve(new, next_fire_time=cursor, due_at=None if cursor is None else times.due_at(cursor))
