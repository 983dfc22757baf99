"""What is kept of who did what (rules A1 and A2): told from the events of what was decided, in this one place.

Something new that users do gets a case in ``_told_by_users``, or in ``_told_of_set`` if it is done to sets.
What somebody asks for bears the name of who asked; what a pause had asked for in advance, or failures bring about, is
an entry of the scheduler.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum

import attrs

from anysched.model import convert
from anysched.model.audit import AuditEntry
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
from anysched.model.hold import Hold, Placed, PlacedWindow
from anysched.model.ids import new_id
from anysched.model.policies import AuditAction, CatchUp, JobKind, Missed, ResumeFrom
from anysched.model.schedule import Pause, Schedule, ScheduleSnapshot
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


@attrs.frozen
class Actor:
    """Who does something.

    :ivar node: the scheduler through which it is done
    :ivar by: who asked for it; None for the scheduler itself, or somebody who did not say
    :ivar reason: why, as the call said
    """

    node: str | None
    by: str | None = attrs.field(default=None, converter=convert.by)
    reason: str | None = attrs.field(default=None, converter=convert.reason)


@attrs.frozen
class Deed:
    """Something that was done.

    :ivar details: by name; what is None is left out
    :ivar name: the id of the hold, window or backfill that it is about, if any
    """

    action: AuditAction
    details: Details
    name: str | None = None


def entry(actor: Actor, now: datetime, deed: Deed, schedule_id: str | None = None) -> AuditEntry:
    """Return what is kept of something.

    :param schedule_id: the schedule that it was done to, if it was one
    """
    return AuditEntry(
        id=new_id(now),
        at=now,
        action=deed.action,
        schedule_id=schedule_id,
        name=deed.name,
        by=actor.by,
        reason=actor.reason,
        node=actor.node,
        details={key: _plain(value) for key, value in deed.details.items() if value is not None},
    )


def noted(
    change: Change,
    stored: ScheduleSnapshot | None,
    now: datetime,
    actor: Actor | None,
    same_trigger: SameTrigger | None = None,
) -> Change:
    """Return a change that somebody has asked for, with what is kept of it.

    :param stored: what it was decided from
    :param actor: who asked; None if nothing is to be kept
    :param same_trigger: tells whether two triggers are the same; needed where configuration may be replaced
    """
    if actor is None:
        return change
    entries = _by_itself(change, now, actor.node)
    for event in change.events:
        told = _told_by_users(event, change, stored, now, same_trigger)
        if told is not None:
            entries.append(entry(actor, now, told, change.schedule_id))
    for job in change.jobs:
        if job.kind is JobKind.manual:
            run = Deed(AuditAction.schedule_run, {"job": str(job.id)})
            entries.append(entry(actor, now, run, change.schedule_id))
    return _with(change, entries)


def noted_itself(change: Change, now: datetime, actor: Actor | None) -> Change:
    """Return a change that no user has asked for by itself, with what is kept of it.

    It is a node's, or comes of a hold: what that does to each schedule is told once, by the entry of the hold.
    """
    if actor is None or not change.events:
        return change
    return _with(change, _by_itself(change, now, actor.node))


def noted_hold(
    change: HoldChange | None,
    old: Placed | None,
    now: datetime,
    actor: Actor | None,
    *,
    again: bool = False,
    resume_from: ResumeFrom = None,
    missed: Missed | None = None,
) -> HoldChange | None:
    """Return the change of a hold that somebody has asked for, with what is kept of it.

    :param old: the hold as it was
    :param again: whether something comes of it for schedules although the hold stays as it was
    :param resume_from, missed: how the schedules go on, if it is lifted
    """
    if change is None or actor is None or (change.hold is not None and change.hold == old and not again):
        return change
    told = (_told_of_set(event, change, resume_from, missed) for event in change.events)
    entries = [entry(actor, now, deed) for deed in told if deed is not None]
    return attrs.evolve(change, audit=(*change.audit, *entries))


def counted(change: HoldChange, changes: Sequence[Change]) -> tuple[AuditEntry, ...]:
    """Return what is kept of a hold once its schedules were decided about: with how many were changed.

    :param changes: one for each schedule that the hold means
    """
    return tuple(
        attrs.evolve(one, details={**one.details, **_numbers(one.action, changes)}) for one in change.audit
    )


def _numbers(action: AuditAction, changes: Sequence[Change]) -> dict[str, int]:
    numbers = {"schedules": sum(one.state is not None for one in changes)}
    if action is AuditAction.hold_lifted:
        results = [one.unpaused for one in changes if one.unpaused is not None]
        numbers["jobs"] = sum(len(result.jobs) for result in results)
        numbers["skipped"] = sum(result.skipped for result in results)
    return numbers


def _with(change: Change, entries: Sequence[AuditEntry]) -> Change:
    return attrs.evolve(change, audit=(*change.audit, *entries)) if entries else change


def _by_itself(change: Change, now: datetime, node: str | None) -> list[AuditEntry]:
    """Return what the scheduler has done: a pause of a schedule's own was over, or came of failures."""
    entries: list[AuditEntry] = []
    for event in change.events:
        if isinstance(event, ScheduleUnpaused) and event.hold is None and _was_over(event, now):
            actor, deed = Actor(node), _resume(event)
        elif isinstance(event, SchedulePaused) and event.kind == "failure" and change.unpaused is None:
            actor, deed = Actor(node, reason=event.reason), _pause(event, change)
        else:
            continue
        entries.append(entry(actor, now, deed, change.schedule_id))
    return entries


def _was_over(event: ScheduleUnpaused, now: datetime) -> bool:
    """Return whether a pause had ended by itself when somebody looked: what is lifted has its end before it."""
    return event.until is not None and event.until <= now


def _told_by_users(
    event: Event,
    change: Change,
    stored: ScheduleSnapshot | None,
    now: datetime,
    same_trigger: SameTrigger | None,
) -> Deed | None:
    """Return what a user has done to a schedule, if an event tells of that."""
    match event:
        case ScheduleAdded():
            return _addition(event, change)
        case ScheduleUpdated():
            assert stored is not None
            assert change.schedule is not None
            assert same_trigger is not None
            fields = edits(change.schedule, stored, same_trigger)
            return Deed(AuditAction.schedule_edited, {name: list(both) for name, both in fields.items()})
        case ScheduleRemoved():
            assert stored is not None
            readable = stored.fault is None
            known = _schedule(stored.schedule) if readable else {"task": event.task_id}
            return Deed(AuditAction.schedule_removed, known)
        case SchedulePaused() if change.unpaused is not None:
            return _partial_resume(event, change, now)
        case SchedulePaused() if event.kind != "failure":
            return _pause(event, change)
        case ScheduleUnpaused() if not _was_over(event, now):
            return _resume(event)
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


def _told_of_set(
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


def _addition(event: ScheduleAdded, change: Change) -> Deed:
    assert change.schedule is not None
    assert change.state is not None
    begins = {"status": change.state.status, "next_fire_time": event.next_fire_time}
    return Deed(AuditAction.schedule_added, {**_schedule(change.schedule), **begins})


def _schedule(schedule: Schedule) -> Details:
    return {"task": schedule.task_id, "trigger": brief(schedule.trigger)}


def _pause(event: SchedulePaused, change: Change) -> Deed:
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


def _resume(event: ScheduleUnpaused) -> Deed:
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


def _plain(value: object) -> object:
    """Return a value as text, a number, or a list of text."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, CatchUp):
        bounds = ((name, getattr(value, name)) for name in ("max_jobs", "max_age", "spacing"))
        given = [f"{name}={bound}" for name, bound in bounds if bound is not None]
        return ", ".join([str(value.coalesce), *given])
    return str(value) if isinstance(value, Enum) else value
