"""Pausing, and asking for a resume (rules P1 to P10, H3).

A pause with an end is over from that instant on, whenever a node first sees it. Whatever is decided about the
schedule next first carries out the resume that the pause asked for, as of that instant.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import attrs

from anysched.model.change import Change, QueuedFate
from anysched.model.events import SchedulePaused
from anysched.model.options import EffectiveOptions
from anysched.model.pause import Pause
from anysched.model.policies import JobStatus, Missed, ResumeFrom
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.unpaused import UnpausePreview, UnpauseResult
from anysched.rules.firing import fire
from anysched.rules.joining import joined
from anysched.rules.resuming import Resume, report, resume
from anysched.rules.waiting import go_on


def pause(snapshot: ScheduleSnapshot, options: EffectiveOptions, now: datetime, wanted: Pause) -> Change:
    """Decide about ``pause_schedule`` (rules P1 to P3), or about one schedule that a hold pauses (rule H2).

    On a schedule that the same pause has paused already, what is given of ``until``, ``reason`` and ``by`` is
    replaced, and a new ``until`` brings its own ``resume_from`` and ``missed``. ``queued`` speaks of the jobs that
    wait now; "keep" leaves them as an earlier pause did.

    :raise ValueError: when the pause would be over before it begins, or says how to end but not when
    """
    check(wanted, now)
    if not snapshot.state.pauses:
        return pause_active(snapshot, now, wanted)
    settled = settle(snapshot, options, now, discard=wanted.queued == "discard")
    snapshot = after(snapshot, settled)
    live = _live(snapshot, now)
    old = _same(live, wanted)
    others = tuple(pause for pause in live if pause is not old)
    if old is None:
        new = attrs.evolve(wanted, since=now)
    else:
        new = replaced(old, wanted)
        if new == old and wanted.queued == "keep":
            return settled
    if wanted.queued == "keep" and _holds_jobs(snapshot.state.pauses):
        new = attrs.evolve(
            new, queued="hold"
        )  # what an earlier pause holds is held until the resume (rule P3)
    change = _paused(snapshot, (*others, new), new)
    status = JobStatus.held if wanted.queued == "hold" else JobStatus.queued
    return attrs.evolve(
        change,
        jobs=tuple(attrs.evolve(job, status=status) for job in settled.jobs),
        queued=settled.queued if wanted.queued == "keep" else (*settled.queued, wanted.queued),
        events=(*settled.events, *change.events),
        skips=settled.skips,
    )


def pause_active(snapshot: ScheduleSnapshot, now: datetime, wanted: Pause) -> Change:
    """Decide about a schedule that nothing pauses: for that, neither its configuration nor its options are needed.

    :param wanted: a pause that makes sense
    """
    new = wanted if wanted.since == now else attrs.evolve(wanted, since=now)
    return _paused(snapshot, (new,), new, () if wanted.queued == "keep" else (wanted.queued,))


def unpause(
    snapshot: ScheduleSnapshot,
    options: EffectiveOptions,
    now: datetime,
    *,
    hold: str | None = None,
    resume_from: ResumeFrom = None,
    missed: Missed = "policy",
) -> Change:
    """Decide about ``unpause_schedule`` (rules P5 to P9), or about one schedule that a hold has paused (rule H3).

    While something else pauses the schedule, it stays paused; how to go on is said by what is lifted last.

    The resume makes the jobs of all that is due by now, at most ``max_catchup``; what remains is left to the next
    pass. With ``resume_from="now"`` it makes none from the new cursor: a fire time at this very instant is not
    late, it is simply next.

    A schedule that cannot be read on this node is left to one that can: its pause ends now, as asked for.

    :param hold: what is lifted: a hold, or what pauses only this schedule, with its count of failures (rule B2)
    """
    settled = settle(snapshot, options, now)
    snapshot = after(snapshot, settled)
    live = _live(snapshot, now)
    lifted = [pause for pause in live if pause.hold == hold]
    others = tuple(pause for pause in live if pause.hold != hold)
    if not lifted:
        unpaused = UnpauseResult(
            schedule_id=snapshot.id,
            status=snapshot.state.status,
            next_fire_time=snapshot.state.next_fire_time,
            changed=False,
            pauses=others,
        )
        return attrs.evolve(settled, unpaused=unpaused)
    if hold is None:
        snapshot = attrs.evolve(snapshot, state=attrs.evolve(snapshot.state, failures=0))
    if others:
        if _holds_jobs(lifted):  # what it holds, the others hold now
            others = tuple(attrs.evolve(other, queued="hold") for other in others)
        change = _paused(snapshot, others)
        return attrs.evolve(change, unpaused=report(change))
    if snapshot.fault is not None:
        ending = attrs.evolve(lifted[-1], until=now, resume_from=resume_from, missed=missed)
        change = _paused(snapshot, (ending,))
        return attrs.evolve(change, unpaused=report(change))
    limit = 0 if resume_from == "now" else snapshot.schedule.max_catchup
    return resume(snapshot, options, Resume(now, now, resume_from, missed), limit)


def preview(snapshot: ScheduleSnapshot, change: Change) -> UnpausePreview:
    """Tell what a decided resume would do."""
    assert change.unpaused is not None
    told = change.unpaused
    return UnpausePreview(
        schedule_id=snapshot.id,
        version=snapshot.state.version,
        status=told.status,
        next_fire_time=told.next_fire_time,
        fire_times=tuple(
            job.scheduled_fire_time for job in change.jobs if job.scheduled_fire_time is not None
        ),
        start_times=told.start_times,
        skipped=told.skipped,
        skipped_exact=told.skipped_exact,
        changed=told.changed,
        occurrences=(change.state or snapshot.state).occurrences,
    )


def settle(
    snapshot: ScheduleSnapshot, options: EffectiveOptions, now: datetime, *, discard: bool = False
) -> Change:
    """Carry out the resume that a pause has asked for, if it is over; what is late then stays late (rule P10).

    Before that, a schedule whose wait is over goes on (rule S9).

    :param discard: make no job of a missed fire time, as it would be discarded at once
    """
    if snapshot.fault is not None:
        return Change(schedule_id=snapshot.id)
    change = go_on(snapshot)
    snapshot = after(snapshot, change)
    old = snapshot.state.pause
    if old is None or old.until is None or not old.is_over(now):
        return change
    missed = "skip" if discard and old.missed != "policy" else old.missed
    return joined(change, resume(snapshot, options, Resume(old.until, now, old.resume_from, missed), 0))


def settle_and_fire(
    snapshot: ScheduleSnapshot, options: EffectiveOptions, now: datetime, limit: int
) -> Change:
    """Decide about a schedule that may be due: its pause may be over, its fire time may have come (rule S5)."""
    state = snapshot.state
    if not state.pauses and state.waiting is None and state.error is None:  # as most are
        return fire(snapshot, options, now, limit)
    if state.waiting is not None and (change := go_on(snapshot)).state is not None:
        return joined(change, settle_and_fire(after(snapshot, change), options, now, limit))
    wake_at, old = state.turn_at, state.pause
    if wake_at is None or wake_at > now:
        return Change(schedule_id=snapshot.id)
    if old is None:
        return fire(snapshot, options, now, limit)
    return resume(snapshot, options, Resume(wake_at, now, old.resume_from, old.missed), limit)


def check(wanted: Pause, now: datetime) -> None:
    """Refuse a pause that makes no sense.

    :raise ValueError: when it would be over before it begins, or says how to end but not when
    """
    if wanted.until is None:
        if wanted.resume_from is not None or wanted.missed != "policy":
            raise ValueError("resume_from and missed say how to go on at `until`: give `until` as well")
    elif wanted.until <= now:
        raise ValueError(f"until must lie in the future: {wanted.until}")


def _live(snapshot: ScheduleSnapshot, now: datetime) -> tuple[Pause, ...]:
    """Return what pauses a schedule, without what is over."""
    return still_pausing(snapshot.state.pauses, now)


def _same(live: Iterable[Pause], wanted: Pause) -> Pause | None:
    """Return the pause that ``wanted`` is about: of its hold, or without one of its kind (rule B2)."""
    return next(
        (
            pause
            for pause in live
            if pause.hold == wanted.hold and (pause.hold is not None or pause.kind == wanted.kind)
        ),
        None,
    )


def still_pausing(pauses: Sequence[Pause], now: datetime) -> tuple[Pause, ...]:
    """Return those pauses that are not over; the jobs that others have held stay held, by them (rule P3)."""
    live = tuple(pause for pause in pauses if not pause.is_over(now))
    if len(live) < len(pauses) and _holds_jobs(pauses):
        live = tuple(attrs.evolve(pause, queued="hold") for pause in live)
    return live


def _holds_jobs(pauses: Sequence[Pause]) -> bool:
    return any(pause.queued == "hold" for pause in pauses)


def _paused(
    snapshot: ScheduleSnapshot,
    pauses: tuple[Pause, ...],
    told: Pause | None = None,
    queued: tuple[QueuedFate, ...] = (),
) -> Change:
    """Return the change that writes what pauses a schedule.

    :param told: the pause that the event is about; by default the one that ends last
    """
    state = snapshot.state.with_pauses(pauses)
    new = told or state.pause
    assert new is not None
    event = SchedulePaused(
        snapshot.id,
        snapshot.task_id,
        since=new.since,
        until=new.until,
        reason=new.reason,
        by=new.by,
        resume_from=new.resume_from,
        missed=new.missed,
        next_fire_time=state.next_fire_time,
        hold=new.hold,
        kind=new.kind,
    )
    return Change(schedule_id=snapshot.id, state=state, queued=queued, events=(event,))


def replaced(old: Pause, wanted: Pause) -> Pause:
    """Return a pause with what is given replaced; how to go on belongs to ``until`` (rule P2)."""
    return attrs.evolve(
        old,
        until=wanted.until or old.until,
        reason=old.reason if wanted.reason is None else wanted.reason,
        by=old.by if wanted.by is None else wanted.by,
        queued=old.queued if wanted.queued == "keep" else wanted.queued,
        resume_from=wanted.resume_from if wanted.until else old.resume_from,
        missed=wanted.missed if wanted.until else old.missed,
    )


def after(snapshot: ScheduleSnapshot, change: Change) -> ScheduleSnapshot:
    """Return the snapshot as it is once the change is written."""
    return snapshot if change.state is None else attrs.evolve(snapshot, state=change.state)
