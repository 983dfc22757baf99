"""Pausing and resuming (rules P1 to P10)."""

from __future__ import annotations

from datetime import datetime

import attrs

from anysched.errors import TriggerError
from anysched.model.change import Change
from anysched.model.events import Event, ScheduleFinished, SchedulePaused, ScheduleUnpaused
from anysched.model.job import Job
from anysched.model.options import EffectiveOptions
from anysched.model.policies import Missed, Queued, ResumeFrom, SkipReason
from anysched.model.schedule import Pause, ScheduleSnapshot, ScheduleState, UnpauseResult
from anysched.rules.firing import NO_SKIPS, Skips, add_skips, counted, failed, fire, skip_event
from anysched.rules.jobs import regular_job
from anysched.rules.times import BEGINNING, TICK, Count, FireTimes


@attrs.frozen(kw_only=True)
class Restart:
    """How a schedule goes on after a pause, before anything that is late by then is looked at.

    :ivar cursor: the fire time to go on with
    :ivar anchor: the anchor from then on
    :ivar jobs: jobs that ``missed`` asks for
    :ivar skips: fire times given up
    """

    cursor: datetime | None
    anchor: datetime
    jobs: tuple[Job, ...] = ()
    skips: Skips = NO_SKIPS


def pause(snapshot: ScheduleSnapshot, options: EffectiveOptions, now: datetime, wanted: Pause) -> Change:
    """Decide about ``pause_schedule`` (rules P1 to P3).

    :raise ValueError: when the pause would be over before it begins
    """
    if wanted.until is not None and wanted.until <= now:
        raise ValueError(f"until must lie in the future: {wanted.until}")
    settled = settle(snapshot, options, now)
    snapshot = _after(snapshot, settled)
    old = snapshot.state.pause
    if old is None:
        new = attrs.evolve(wanted, since=now)
    elif wanted.until is None and wanted.reason is None and wanted.by is None:
        return settled
    else:
        new = _replaced(old, wanted)
    state = attrs.evolve(snapshot.state, pause=new, revision=snapshot.state.revision + 1)
    event = SchedulePaused(
        snapshot.id, snapshot.task_id, new.since, new.until, new.reason, new.by, state.next_fire_time
    )
    queued = "keep" if wanted.queued == "keep" else wanted.queued
    return attrs.evolve(settled, state=state, queued=queued, events=(*settled.events, event))


def _replaced(old: Pause, wanted: Pause) -> Pause:
    """Return a pause with what is given replaced; the way to resume belongs to ``until`` (rule P2)."""
    return Pause(
        since=old.since,
        until=wanted.until or old.until,
        reason=wanted.reason if wanted.reason is not None else old.reason,
        by=wanted.by if wanted.by is not None else old.by,
        queued=wanted.queued if wanted.queued != "keep" else old.queued,
        resume_from=wanted.resume_from if wanted.until else old.resume_from,
        missed=wanted.missed if wanted.until else old.missed,
    )


def unpause(
    snapshot: ScheduleSnapshot,
    options: EffectiveOptions,
    now: datetime,
    *,
    resume_from: ResumeFrom = None,
    missed: Missed = "policy",
) -> Change:
    """Decide about ``unpause_schedule``: everything at once, late fire times included (rules P5 to P9)."""
    settled = settle(snapshot, options, now)
    snapshot = _after(snapshot, settled)
    if snapshot.state.pause is None:
        return attrs.evolve(
            settled, unpaused=_report(snapshot.state, snapshot.id, (), NO_SKIPS, changed=False)
        )
    change = _resume(snapshot, options, at=now, now=now, resume_from=resume_from, missed=missed)
    assert change.state is not None
    if resume_from == "now" or change.state.error is not None:
        return change  # a fire time at this very instant is not late: it is simply next (rule P6)
    late = fire(_after(snapshot, change), options, now, snapshot.schedule.max_catchup)
    return change if late.state is None else _joined(change, late)


def settle(snapshot: ScheduleSnapshot, options: EffectiveOptions, now: datetime) -> Change:
    """Carry out a resume that a pause's ``until`` has asked for, if its time has come (rule P10)."""
    pause = snapshot.state.pause
    if pause is None or pause.until is None or pause.until > now:
        return Change(schedule_id=snapshot.id)
    return _resume(
        snapshot, options, at=pause.until, now=now, resume_from=pause.resume_from, missed=pause.missed
    )


def settle_and_fire(
    snapshot: ScheduleSnapshot, options: EffectiveOptions, now: datetime, limit: int
) -> Change:
    """Decide about a schedule that the due query found: its pause may be over, its fire time may have come."""
    if snapshot.state.pause is None:
        return fire(snapshot, options, now, limit)
    change = settle(snapshot, options, now)
    if change.state is None or change.state.status is not change.state.status.active:
        return change
    late = fire(_after(snapshot, change), options, now, limit)
    return change if late.state is None else _joined(change, late)


def _resume(
    snapshot: ScheduleSnapshot,
    options: EffectiveOptions,
    *,
    at: datetime,
    now: datetime,
    resume_from: ResumeFrom,
    missed: Missed,
) -> Change:
    """End a pause as of ``at``."""
    state, pause = snapshot.state, snapshot.state.pause
    assert pause is not None
    if state.error is not None or snapshot.fault is not None:  # nothing can be asked of its trigger
        restart = Restart(cursor=state.next_fire_time, anchor=state.anchor)
    else:
        try:
            restart = restart_from(snapshot, options, at=at, now=now, resume_from=resume_from, missed=missed)
        except TriggerError as exc:
            change = failed(attrs.evolve(snapshot, state=attrs.evolve(state, pause=None)), str(exc))
            assert change.state is not None
            report = _report(change.state, snapshot.id, (), NO_SKIPS)
            return attrs.evolve(change, queued="release", unpaused=report)
    new = _restarted(state, snapshot, restart)
    ids = tuple(job.id for job in restart.jobs)
    report = _report(new, snapshot.id, restart.jobs, restart.skips)
    events: list[Event] = [
        ScheduleUnpaused(
            snapshot.id, snapshot.task_id, pause.since, pause.until, pause.reason, pause.by, resume_from, missed,
            new.status, new.next_fire_time, ids, report.skipped, report.skipped_exact,
        )
    ]  # fmt: skip
    if restart.skips:
        events.append(skip_event(snapshot, restart.skips))
    if new.next_fire_time is None and state.next_fire_time is not None:
        events.append(ScheduleFinished(snapshot.id, snapshot.task_id))
    return Change(
        schedule_id=snapshot.id,
        state=new,
        jobs=restart.jobs,
        queued="discard" if missed == "skip" else "release",
        events=tuple(events),
        unpaused=report,
    )


def _restarted(state: ScheduleState, snapshot: ScheduleSnapshot, restart: Restart) -> ScheduleState:
    skipped, exact = add_skips(state, restart.skips)
    cursor = restart.cursor
    fired = [job.scheduled_fire_time for job in restart.jobs if job.scheduled_fire_time is not None]
    due_at = state.due_at
    if cursor != state.next_fire_time or restart.anchor != state.anchor:
        due_at = None if cursor is None else FireTimes.of(snapshot.schedule, restart.anchor).due_at(cursor)
    return attrs.evolve(
        state,
        pause=None,
        anchor=restart.anchor,
        next_fire_time=cursor,
        due_at=due_at,
        last_fire_time=max(fired) if fired else state.last_fire_time,
        jobs_made=state.jobs_made + len(fired),
        skipped=skipped,
        skipped_exact=exact,
        revision=state.revision + 1,
    )


def restart_from(
    snapshot: ScheduleSnapshot,
    options: EffectiveOptions,
    *,
    at: datetime,
    now: datetime,
    resume_from: ResumeFrom,
    missed: Missed,
) -> Restart:
    """Decide where a schedule goes on, and what becomes of the fire times before ``at`` (rules P5 to P7)."""
    schedule, state = snapshot.schedule, snapshot.state
    old = FireTimes.of(schedule, state.anchor)
    frozen = state.next_fire_time
    start = at if resume_from == "now" else resume_from
    if start is None or (frozen is not None and start < frozen and resume_from != "now"):
        new, cursor, given_up_before = old, frozen, None
    else:
        new, given_up_before = FireTimes.of(schedule, start), start
        cursor = _first_unfired(new, start, state)
    if missed == "policy" or (frozen is None and cursor is None):
        skipped = Count() if given_up_before is None else _count_before(old, frozen, given_up_before)
        return Restart(cursor=cursor, anchor=new.anchor, skips=_skips({SkipReason.paused: skipped}))
    after = new.first_due(cursor, at)
    end_of_old = at if given_up_before is None else min(given_up_before, at)
    missed_old = [] if new is old else _span(old, frozen, end_of_old)
    spans = [(old, *span) for span in missed_old] + [(new, *span) for span in _span(new, cursor, at)]
    chosen, left = _chosen(spans, missed, schedule.max_catchup)
    total = _total(spans)
    if given_up_before is not None and given_up_before > at:  # those between now and a start in the future
        total += _count_before(old, old.first_due(frozen, at), given_up_before)
    jobs = tuple(
        regular_job(snapshot, options, times, fire_time, now, deadline_from=now)
        for times, fire_time in chosen
    )
    skips = {left: Count(total.number - len(jobs), total.exact)}
    return Restart(cursor=after, anchor=new.anchor, jobs=jobs, skips=_skips(skips))


def _first_unfired(times: FireTimes, start: datetime, state: ScheduleState) -> datetime | None:
    """Return the first fire time at or after ``start``; never again one that has a job already (rule S3)."""
    last = state.last_fire_time
    return times.first(start) if last is None or last < start else times.next(last)


def _span(times: FireTimes, first: datetime | None, end: datetime) -> list[tuple[datetime, datetime]]:
    """Return [(first, last)] of the fire times from ``first`` on that were due before ``end``, or []."""
    last = None if first is None or end <= BEGINNING else times.last_due(first, end - TICK)
    return [] if first is None or last is None else [(first, last)]


def _chosen(
    spans: list[tuple[FireTimes, datetime, datetime]], missed: Missed, most: int
) -> tuple[list[tuple[FireTimes, datetime]], SkipReason]:
    """Return the missed fire times that get a job after all, in order, and why the others do not."""
    if missed == "skip" or not spans:
        return [], SkipReason.paused
    if missed == "run_once":
        times, _, last = spans[-1]
        return [(times, last)], SkipReason.coalesced
    chosen: list[tuple[FireTimes, datetime]] = []
    for times, first, last in reversed(spans):
        tail = times.tail(first, last, most - len(chosen)) if len(chosen) < most else []
        chosen = [(times, fire_time) for fire_time in tail] + chosen
    return chosen, SkipReason.catchup_limit


def _total(spans: list[tuple[FireTimes, datetime, datetime]]) -> Count:
    total = Count()
    for times, first, last in spans:
        total += counted(times, first, last)
    return total


def _count_before(times: FireTimes, first: datetime | None, end: datetime) -> Count:
    return Count() if first is None or end <= first else counted(times, first, end - TICK)


def _skips(skips: Skips) -> Skips:
    return {reason: count for reason, count in skips.items() if count.number}


def _report(
    state: ScheduleState, schedule_id: str, jobs: tuple[Job, ...], skips: Skips, *, changed: bool = True
) -> UnpauseResult:
    return UnpauseResult(
        schedule_id=schedule_id,
        status=state.status,
        next_fire_time=state.next_fire_time,
        jobs=tuple(job.id for job in jobs),
        skipped=sum(count.number for count in skips.values()),
        skipped_exact=all(count.exact for count in skips.values()),
        changed=changed,
    )


def _after(snapshot: ScheduleSnapshot, change: Change) -> ScheduleSnapshot:
    """Return the snapshot as it is once the change is written."""
    return snapshot if change.state is None else attrs.evolve(snapshot, state=change.state)


def _joined(first: Change, then: Change) -> Change:
    """Return a resume and the firing that follows it in the same transaction, as one change and one report."""
    report, state = first.unpaused, then.state
    assert report is not None
    assert state is not None
    skipped = [event for event in then.events if hasattr(event, "counts")]
    report = attrs.evolve(
        report,
        status=state.status,
        next_fire_time=state.next_fire_time,
        jobs=(*report.jobs, *(job.id for job in then.jobs)),
        skipped=report.skipped + sum(number for event in skipped for _, number in event.counts),
        skipped_exact=report.skipped_exact and all(event.exact for event in skipped),
    )
    events = tuple(
        attrs.evolve(
            event,
            status=report.status,
            next_fire_time=report.next_fire_time,
            jobs=report.jobs,
            skipped=report.skipped,
            skipped_exact=report.skipped_exact,
        )
        if isinstance(event, ScheduleUnpaused)
        else event
        for event in first.events
    )
    return attrs.evolve(
        first, state=state, jobs=(*first.jobs, *then.jobs), events=(*events, *then.events), unpaused=report
    )
