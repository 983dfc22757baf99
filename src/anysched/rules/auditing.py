"""What is kept of who did what (rules A1 and A2): told from the events of what was decided, in this one place.

Something new that users do gets a case in ``_told_by_users`` if an event tells of it, else an ``entry`` of its own.
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
    Event,
    FireTimeChanged,
    ScheduleAdded,
    SchedulePaused,
    ScheduleRemoved,
    ScheduleUnpaused,
    ScheduleUpdated,
)
from anysched.model.hold import Hold
from anysched.model.ids import new_id
from anysched.model.policies import AuditAction, CatchUp, JobKind, Missed, ResumeFrom
from anysched.model.schedule import Pause, Schedule, ScheduleSnapshot
from anysched.rules.adding import SameTrigger, edits

Details = Mapping[str, object]

#: Which action it is to change a fire time.
_FIRE_TIMES: Mapping[str, AuditAction] = {
    "skipped": AuditAction.fire_time_skipped,
    "moved": AuditAction.fire_time_moved,
    "restored": AuditAction.fire_time_restored,
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


def entry(
    actor: Actor,
    now: datetime,
    action: AuditAction,
    details: Details,
    *,
    schedule_id: str | None = None,
    name: str | None = None,
) -> AuditEntry:
    """Return what is kept of one action.

    :param details: by name; what is None is left out
    :param schedule_id: the schedule that it was done to, if it was one
    :param name: the id of the hold, window or backfill that it is about, if any
    """
    return AuditEntry(
        id=new_id(now),
        at=now,
        action=action,
        schedule_id=schedule_id,
        name=name,
        by=actor.by,
        reason=actor.reason,
        node=actor.node,
        details={key: _plain(value) for key, value in details.items() if value is not None},
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
            entries.append(entry(actor, now, *told, schedule_id=change.schedule_id))
    for job in change.jobs:
        if job.kind is JobKind.manual:
            details = {"job": str(job.id)}
            entries.append(
                entry(actor, now, AuditAction.schedule_run, details, schedule_id=change.schedule_id)
            )
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
    old: Hold | None,
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
    action = AuditAction.hold_lifted if change.hold is None else AuditAction.hold_placed
    lifted = {"resume_from": resume_from, "missed": missed}
    how = lifted if change.hold is None else _pause(change.hold.pause)
    told = entry(actor, now, action, {"selector": change.selector.name, **how}, name=change.hold_id)
    return attrs.evolve(change, audit=(*change.audit, told))


def counted(change: HoldChange, changes: Sequence[Change]) -> tuple[AuditEntry, ...]:
    """Return what is kept of a hold once its schedules were decided about: with how many were changed.

    :param changes: one for each schedule that the hold means
    """
    if not change.audit:
        return ()
    numbers = {"schedules": sum(one.state is not None for one in changes)}
    if change.hold is None:
        results = [one.unpaused for one in changes if one.unpaused is not None]
        numbers["jobs"] = sum(len(result.jobs) for result in results)
        numbers["skipped"] = sum(result.skipped for result in results)
    return tuple(attrs.evolve(one, details={**one.details, **numbers}) for one in change.audit)


def _with(change: Change, entries: Sequence[AuditEntry]) -> Change:
    return attrs.evolve(change, audit=(*change.audit, *entries)) if entries else change


def _by_itself(change: Change, now: datetime, node: str | None) -> list[AuditEntry]:
    """Return what the scheduler has done: a pause of a schedule's own was over, or came of failures."""
    entries: list[AuditEntry] = []
    for event in change.events:
        if isinstance(event, ScheduleUnpaused) and event.hold is None and _was_over(event, now):
            told = entry(
                Actor(node), now, AuditAction.schedule_resumed, _resume(event), schedule_id=event.schedule_id
            )
        elif isinstance(event, SchedulePaused) and event.kind == "failure" and change.unpaused is None:
            told = entry(
                Actor(node, reason=event.reason),
                now,
                AuditAction.schedule_paused,
                _pause(_paused_by(event, change)),
                schedule_id=event.schedule_id,
            )
        else:
            continue
        entries.append(told)
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
) -> tuple[AuditAction, Details] | None:
    """Return what a user has done, if an event tells of that."""
    match event:
        case ScheduleAdded():
            assert change.state is not None
            begins = {"status": change.state.status, "next_fire_time": event.next_fire_time}
            return AuditAction.schedule_added, {**_schedule(change.schedule), **begins}
        case ScheduleUpdated():
            assert stored is not None
            assert change.schedule is not None
            assert same_trigger is not None
            fields = edits(change.schedule, stored, same_trigger)
            return AuditAction.schedule_edited, {name: list(both) for name, both in fields.items()}
        case ScheduleRemoved():
            assert stored is not None
            readable = stored.fault is None
            removed = _schedule(stored.schedule) if readable else {"task": event.task_id}
            return AuditAction.schedule_removed, removed
        case SchedulePaused() if change.unpaused is not None:
            return AuditAction.schedule_resumed, _partly_resumed(event, change, now)
        case SchedulePaused() if event.kind != "failure":
            return AuditAction.schedule_paused, _pause(_paused_by(event, change))
        case ScheduleUnpaused() if not _was_over(event, now):
            return AuditAction.schedule_resumed, _resume(event)
        case FireTimeChanged():
            moment = {"fire_time": event.fire_time, "moved_to": event.moved_to}
            return _FIRE_TIMES[event.change], moment
        case _:
            return None


def _schedule(schedule: Schedule | None) -> Details:
    assert schedule is not None
    return {"task": schedule.task_id, "trigger": brief(schedule.trigger)}


def _paused_by(event: SchedulePaused, change: Change) -> Pause:
    """Return the pause that an event tells of."""
    assert change.state is not None
    return next(
        pause
        for pause in change.state.pauses
        if (pause.hold, pause.kind, pause.since) == (event.hold, event.kind, event.since)
    )


def _pause(pause: Pause) -> Details:
    ends = pause.until is not None
    return {
        "kind": pause.kind,
        "queued": pause.queued,
        "until": pause.until,
        "resume_from": pause.resume_from,
        "missed": pause.missed if ends else None,
    }


def _resume(event: ScheduleUnpaused) -> Details:
    return {
        "kind": event.kind,
        "resume_from": event.resume_from,
        "missed": event.missed,
        "status": event.status,
        "next_fire_time": event.next_fire_time,
        "jobs": len(event.jobs),
        "skipped": event.skipped,
        "skipped_exact": None if event.skipped_exact else False,
    }


def _partly_resumed(event: SchedulePaused, change: Change, now: datetime) -> Details:
    """Tell of a pause that was lifted while the schedule stays paused.

    Something else pauses it; or it cannot be read on this node, and a node that can carries out what was asked for.
    """
    assert change.unpaused is not None
    status: Details = {"status": change.unpaused.status}
    if event.until is None or event.until > now:
        return status
    return {"resume_from": event.resume_from, "missed": event.missed, **status}


def _plain(value: object) -> object:
    """Return a value as text, a number, or a list of text."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, CatchUp):
        bounds = ((name, getattr(value, name)) for name in ("max_jobs", "max_age", "spacing"))
        given = [f"{name}={bound}" for name, bound in bounds if bound is not None]
        return ", ".join([str(value.coalesce), *given])
    return str(value) if isinstance(value, Enum) else value
