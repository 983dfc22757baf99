"""What users, or the scheduler itself, have done, as an event and the change that it belongs to tell (rule A1).

Something new that users do gets a case in ``told_by_users``, or in ``told_of_set`` if it is done to sets.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from anysched.model.audit import Addition
from anysched.model.brief import brief
from anysched.model.change import Change, HoldChange
from anysched.model.events import (
    BackfillChanged,
    Event,
    FireTimeChanged,
    HoldAdded,
    HoldLifted,
    ScheduleAdded,
    SchedulePaused,
    ScheduleRemoved,
    ScheduleUnpaused,
    ScheduleUpdated,
    WindowAdded,
    WindowRemoved,
)
from anysched.model.hold import Hold, PlacedWindow
from anysched.model.passing import passing
from anysched.model.pause import Pause
from anysched.model.policies import AuditAction, Missed, ResumeFrom
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.window import Window
from anysched.rules.adding import SameTrigger, edits

Details = Mapping[str, object]

#: Which action it is to change a fire time.
_FIRE_TIMES: Mapping[str, AuditAction] = {
    "skipped": AuditAction.fire_time_skipped,
    "moved": AuditAction.fire_time_moved,
    "restored": AuditAction.fire_time_restored,
}


#: Which action it is that a backfill has come to a status, if it did not go on from a pause.
_BACKFILLS: Mapping[str, AuditAction] = {
    "running": AuditAction.backfill_started,
    "paused": AuditAction.backfill_paused,
    "cancelled": AuditAction.backfill_cancelled,
}


@passing
class Deed:
    """Something that was done.

    :ivar details: by name; what is None is left out
    :ivar name: the id of the hold, window or backfill that it is about, if any
    :ivar id: the id for the entry, where there is one that is as good as a new one
    """

    action: AuditAction
    details: Details
    name: str | None = None
    id: UUID | None = None


def was_over(event: ScheduleUnpaused, now: datetime) -> bool:
    """Return whether a pause had ended by itself when somebody looked: what is lifted has its end before it."""
    return event.until is not None and event.until <= now


def told_by_users(
    event: Event,
    change: Change,
    stored: ScheduleSnapshot | None,
    now: datetime,
    same_trigger: SameTrigger | None,
) -> Deed | None:
    """Return what a user has done to a schedule, if an event tells of that."""
    match event:
        case ScheduleAdded():
            return added(event, change)
        case ScheduleUpdated():
            assert stored is not None
            assert change.schedule is not None
            assert same_trigger is not None
            fields = edits(change.schedule, stored, same_trigger)
            return Deed(AuditAction.schedule_edited, {name: list(both) for name, both in fields.items()})
        case ScheduleRemoved():
            assert stored is not None
            readable = stored.fault is None
            trigger = brief(stored.trigger) if readable else None
            return Deed(AuditAction.schedule_removed, {"task": event.task_id, "trigger": trigger})
        case SchedulePaused() if change.unpaused is not None:
            return _partial_resume(event, change, now)
        case SchedulePaused() if event.kind != "failure":
            return pause(event, change)
        case ScheduleUnpaused() if not was_over(event, now):
            return resume(event)
        case BackfillChanged():
            return _backfill(event, change, stored)
        case FireTimeChanged():
            return Deed(_FIRE_TIMES[event.change], {"fire_time": event.fire_time, "moved_to": event.moved_to})
        case _:
            return None


def _backfill(event: BackfillChanged, change: Change, stored: ScheduleSnapshot | None) -> Deed | None:
    known = stored is not None and any(one.id == event.backfill for one in stored.state.backfills)
    action = _BACKFILLS.get(event.status)
    if known and event.status == "running":
        action = AuditAction.backfill_resumed
    if action is None:  # it is done by itself
        return None
    details: dict[str, object] = {"total": event.total, "made": event.made}
    if action is AuditAction.backfill_started and change.state is not None:
        begun = next(one for one in change.state.backfills if one.id == event.backfill)
        details.update(start=begun.start, end=begun.end, reprocess=begun.reprocess, order=begun.order)
        details.update(max_running=begun.max_running)
    return Deed(action, details, str(event.backfill))


def told_of_set(
    event: Event, change: HoldChange, resume_from: ResumeFrom, missed: Missed | None
) -> Deed | None:
    """Return what a user has done to a set of schedules, if an event tells of that."""
    selected: Details = {"selector": change.selector.name}
    match event:
        case HoldAdded():
            assert isinstance(change.hold, Hold)
            return Deed(AuditAction.hold_placed, {**selected, **_how(change.hold.pause)}, change.hold_id)
        case HoldLifted():
            how = {"resume_from": resume_from, "missed": missed}
            return Deed(AuditAction.hold_lifted, {**selected, **how}, change.hold_id)
        case WindowAdded():
            assert isinstance(change.hold, PlacedWindow)
            return Deed(AuditAction.window_added, {**selected, **_when(change.hold.window)}, change.hold_id)
        case WindowRemoved():
            return Deed(AuditAction.window_removed, selected, change.hold_id)
        case _:
            return None


def added(event: ScheduleAdded, change: Change) -> Deed:
    """Return what it is to add a schedule."""
    assert change.schedule is not None
    assert change.state is not None
    details = Addition(event.task_id, change.schedule.trigger, change.state.status, event.next_fire_time)
    return Deed(AuditAction.schedule_added, details, id=change.state.incarnation)


def pause(event: SchedulePaused, change: Change) -> Deed:
    """Return what it is to pause a schedule."""
    assert change.state is not None
    told = (event.hold, event.kind, event.since)
    pause = next(one for one in change.state.pauses if (one.hold, one.kind, one.since) == told)
    return Deed(AuditAction.schedule_paused, _how(pause))


def _how(pause: Pause) -> Details:
    """Return how a pause pauses, and how it ends."""
    return {
        "kind": pause.kind,
        "queued": pause.queued,
        "until": pause.until,
        "resume_from": pause.resume_from,
        "missed": None if pause.until is None else pause.missed,
    }


def _when(window: Window) -> Details:
    """Return when the spans of a window are, and what it does."""
    recurring = window.trigger is not None
    return {
        "mode": window.mode,
        "trigger": brief(window.trigger) if recurring else None,
        "duration": None if window.duration is None else str(window.duration),
        "dates": None
        if recurring
        else [f"{start.isoformat()}/{end.isoformat()}" for start, end in window.dates],
    }


def resume(event: ScheduleUnpaused) -> Deed:
    """Return what it is to resume one."""
    details: Details = {
        "kind": event.kind,
        "resume_from": event.resume_from,
        "missed": event.missed,
        "status": event.status,
        "next_fire_time": event.next_fire_time,
        "jobs": len(event.jobs),
        "skipped": event.skipped,
        "skipped_exact": None if event.skipped_exact else False,
    }
    return Deed(AuditAction.schedule_resumed, details)


def _partial_resume(event: SchedulePaused, change: Change, now: datetime) -> Deed:
    """Tell of a pause that was lifted while the schedule stays paused.

    Something else pauses it; or it cannot be read on this node, and a node that can carries out what was asked for.
    """
    assert change.unpaused is not None
    details: dict[str, object] = {"status": change.unpaused.status}
    if event.until is not None and event.until <= now:
        details.update(resume_from=event.resume_from, missed=event.missed)
    return Deed(AuditAction.schedule_resumed, details)
