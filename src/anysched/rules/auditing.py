"""What is kept of who did what (rules A1 and A2): told from the events of what was decided, see ``rules.deeds``.

What somebody asks for bears the name of who asked; what a pause had asked for in advance, or failures bring about, is
an entry of the scheduler.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Final

import attrs

from anysched.model import convert
from anysched.model.audit import Addition, AuditEntry
from anysched.model.change import Change, HoldChange
from anysched.model.events import Event, ScheduleAdded, SchedulePaused, ScheduleUnpaused
from anysched.model.hold import Placed
from anysched.model.ids import new_id
from anysched.model.passing import passing
from anysched.model.policies import AuditAction, CatchUp, JobKind, Missed, ResumeFrom
from anysched.model.snapshot import ScheduleSnapshot
from anysched.rules.adding import SameTrigger
from anysched.rules.deeds import Deed, added, pause, resume, told_by_users, told_of_set, was_over

#: The events in which the scheduler may tell of something that no user has asked for.
_OF_ITSELF: Final = frozenset[type[Event]]({SchedulePaused, ScheduleUnpaused})


@passing
class Actor:
    """Who does something.

    :ivar node: the scheduler through which it is done
    :ivar by: who asked for it; None for the scheduler itself, or somebody who did not say
    :ivar reason: why, as the call said
    :raise TypeError, ValueError: when a name or a reason is no text that can be stored
    """

    node: str | None
    by: str | None = None
    reason: str | None = None

    def __attrs_post_init__(self) -> None:
        if self.by is not None or self.reason is not None:
            convert.by(self.by)
            convert.reason(self.reason)


def entry(actor: Actor, now: datetime, deed: Deed, schedule_id: str | None = None) -> AuditEntry:
    """Return what is kept of something.

    :param schedule_id: the schedule that it was done to, if it was one
    """
    details = deed.details
    if details.__class__ is not Addition:
        details = {key: _plain(value) for key, value in details.items() if value is not None}
    return AuditEntry(
        id=deed.id or new_id(now),
        at=now,
        action=deed.action,
        schedule_id=schedule_id,
        name=deed.name,
        by=actor.by,
        reason=actor.reason,
        node=actor.node,
        details=details,
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
    if len(change.events) == 1 and isinstance(change.events[0], ScheduleAdded):  # as very many at once may be
        return _with(change, (entry(actor, now, added(change.events[0], change), change.schedule_id),))
    entries = _by_itself(change, now, actor.node)
    for event in change.events:
        told = told_by_users(event, change, stored, now, same_trigger)
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
    if actor is None or _OF_ITSELF.isdisjoint(map(type, change.events)):
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
    told = (told_of_set(event, change, resume_from, missed) for event in change.events)
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
    if not entries:
        return change
    return Change(  # written out, as very many schedules may be added at once
        schedule_id=change.schedule_id,
        schedule=change.schedule,
        state=change.state,
        jobs=change.jobs,
        queued=change.queued,
        dropped=change.dropped,
        removed=change.removed,
        events=change.events,
        skips=change.skips,
        audit=(*change.audit, *entries) if change.audit else tuple(entries),
        unpaused=change.unpaused,
    )


def _by_itself(change: Change, now: datetime, node: str | None) -> list[AuditEntry]:
    """Return what the scheduler has done: a pause of a schedule's own was over, or came of failures."""
    entries: list[AuditEntry] = []
    for event in change.events:
        if isinstance(event, ScheduleUnpaused) and event.hold is None and was_over(event, now):
            actor, deed = Actor(node), resume(event)
        elif isinstance(event, SchedulePaused) and event.kind == "failure" and change.unpaused is None:
            actor, deed = Actor(node, reason=event.reason), pause(event, change)
        else:
            continue
        entries.append(entry(actor, now, deed, change.schedule_id))
    return entries


def _plain(value: object) -> object:
    """Return a value as text, a number, or a list of text."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, CatchUp):
        bounds = ((name, getattr(value, name)) for name in ("max_jobs", "max_age", "spacing"))
        given = [f"{name}={bound}" for name, bound in bounds if bound is not None]
        return ", ".join([str(value.coalesce), *given])
    return str(value) if isinstance(value, Enum) else value
