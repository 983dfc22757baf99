"""Backfills: begun, gone on with, paused, resumed, cancelled (rules F2 to F4).

A backfill is state of its schedule. Its jobs are made when it begins, when one of them ends, when it is resumed, and
by a pass where whoever saw an end could not make the next one.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

import attrs

from anysched._text import printable
from anysched.errors import BackfillLookupError, ConflictingBackfillError, DeserializationError
from anysched.model.backfill import Backfill, BackfillPlan
from anysched.model.change import Change
from anysched.model.events import ScheduleFinished
from anysched.model.ids import new_id
from anysched.model.job import EndedJob
from anysched.model.options import EffectiveOptions
from anysched.model.policies import JobOutcome
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.state import ScheduleState
from anysched.rules.backfill_plans import Choice, Past, Wanted, check_range, choose, find
from anysched.rules.backfill_states import (
    can_go,
    cancelled,
    changed,
    fire_times_of,
    standing_at,
    told_of,
    written,
)
from anysched.rules.joining import joined
from anysched.rules.pausing import after, settle
from anysched.rules.setting_aside import failed
from anysched.rules.stretches import ahead, is_taken
from anysched.rules.windows import fire_times

#: So many backfills can be under way, or be over and have jobs that the schedule must not make once more.
MOST_AT_ONCE: Final = 20


def begin(
    snapshot: ScheduleSnapshot, options: EffectiveOptions, now: datetime, wanted: Wanted, past: Past
) -> tuple[Change, BackfillPlan]:
    """Decide about a backfill: which fire times it is about, and its first jobs (rules F1, F2 and F4).

    :raise ValueError: when the range makes no sense, or the schedule was set aside
    :raise ConflictingBackfillError: when another backfill is about the same time
    :raise TriggerError: when the trigger does not work
    :raise DeserializationError: when the schedule cannot be read on this node
    """
    if snapshot.fault is not None:
        raise DeserializationError(
            f"schedule {snapshot.id!r} cannot be backfilled from this node: {snapshot.fault}"
        )
    if snapshot.state.error is not None:
        raise ValueError(
            f"id must be that of a schedule that works: {snapshot.id!r} was set aside: {snapshot.state.error}"
        )
    check_range(wanted.start, wanted.end, now)
    _check_others(snapshot, wanted)
    resumed = settle(snapshot, options, now)
    snapshot, old = after(snapshot, resumed), snapshot
    past = attrs.evolve(past, live=past.live.union(fire_times_of(resumed.jobs)))
    if snapshot.state.anchor != old.state.anchor:
        past = attrs.evolve(past, found=find(snapshot, wanted.start, wanted.end))
    choice = choose(snapshot, wanted, past, now)
    fire_times = choice.fire_times if wanted.order == "oldest" else choice.fire_times[::-1]
    plan = BackfillPlan(
        schedule_id=snapshot.id,
        version=past.version,
        fire_times=tuple(fire_times),
        left_out=choice.left_out,
        unknown=choice.unknown,
    )
    if not fire_times:
        return resumed, plan
    backfill = _new(snapshot, wanted, choice, now)
    change = written(snapshot, options, now, [backfill], [told_of(snapshot, backfill)])
    begun = _past_taken(after(snapshot, change))
    events = change.events
    if begun.state.next_fire_time is None and snapshot.state.next_fire_time and not begun.state.occurrences:
        events = (*events, ScheduleFinished(snapshot.id, snapshot.task_id))
    change = attrs.evolve(change, state=begun.state, events=events)
    return joined(resumed, change), attrs.evolve(plan, backfill=find_in(begun.state, backfill.id))


def _past_taken(snapshot: ScheduleSnapshot) -> ScheduleSnapshot:
    """Return a schedule that stands at no fire time which is left to a backfill, as at none skipped by name."""
    state = snapshot.state
    cursor = state.next_fire_time
    if cursor is None or not is_taken(state, cursor):
        return snapshot
    return standing_at(snapshot, fire_times(snapshot.schedule, state).next(cursor))


def _check_others(snapshot: ScheduleSnapshot, wanted: Wanted) -> None:
    for other in snapshot.state.backfills:
        if not other.is_over and other.start <= wanted.end and wanted.start <= other.end:
            raise ConflictingBackfillError(snapshot.id, other.id, other.start, other.end)
    cursor = snapshot.state.next_fire_time
    if sum(not can_go(other, cursor) for other in snapshot.state.backfills) >= MOST_AT_ONCE:
        raise ValueError(
            f"schedule {printable(snapshot.id)} has {MOST_AT_ONCE} backfills that are not over, or are about fire "
            "times that it has not come to: wait, cancel some, or resume it"
        )


def _new(snapshot: ScheduleSnapshot, wanted: Wanted, choice: Choice, now: datetime) -> Backfill:
    return Backfill(
        id=new_id(now),
        schedule_id=snapshot.id,
        start=wanted.start,
        end=wanted.end,
        reprocess=wanted.reprocess,
        order=wanted.order,
        max_running=wanted.max_running,
        trigger=snapshot.trigger,
        anchor=snapshot.state.anchor,
        left=choice.left,
        taken=choice.taken,
        total=len(choice.fire_times),
        since=now,
        reason=wanted.reason,
        by=wanted.by,
    )


def ended(
    snapshot: ScheduleSnapshot, options: EffectiveOptions, ends: Iterable[EndedJob], now: datetime
) -> Change:
    """Decide what becomes of backfills when jobs of them have ended: they are counted, the next ones made (rule F3).

    Whoever cannot read the schedule only counts; a pass of somebody who can makes the jobs (rule S5).
    """
    touched = {backfill.id: backfill for backfill in snapshot.state.backfills}
    seen: set[UUID] = set()
    for end in ends:
        key = end.job.backfill
        if key is None or key not in touched or end.job.incarnation != snapshot.state.incarnation:
            continue
        seen.add(key)
        old, good = touched[key], end.result.outcome is JobOutcome.success
        touched[key] = attrs.evolve(
            old,
            running=max(0, old.running - 1),
            succeeded=old.succeeded + good,
            failed=old.failed + (not good),
        )
    if not seen:
        return Change(schedule_id=snapshot.id)
    return written(snapshot, options, now, [touched[key] for key in touched if key in seen])


def go_on(snapshot: ScheduleSnapshot, options: EffectiveOptions, now: datetime) -> Change:
    """Make the jobs for which backfills have room, in a pass; mostly the end of a job has done so."""
    waiting = [backfill for backfill in snapshot.state.backfills if backfill.has_room]
    if not waiting or snapshot.state.error is not None:
        return Change(schedule_id=snapshot.id)
    if snapshot.fault is not None:
        return failed(snapshot, snapshot.fault)
    return written(snapshot, options, now, waiting)


def pause(snapshot: ScheduleSnapshot, backfill_id: UUID, now: datetime) -> Change:
    """Decide that a backfill makes no more jobs for now; those that there are go on.

    :raise BackfillLookupError: when there is none
    :raise ValueError: when it is over
    """
    found = _open(snapshot, backfill_id, "paused")
    if found.status == "paused":
        return Change(schedule_id=snapshot.id)
    new = attrs.evolve(found, status="paused")
    return changed(snapshot, [new], [told_of(snapshot, new)])


def resume(
    snapshot: ScheduleSnapshot,
    options: EffectiveOptions,
    backfill_id: UUID,
    now: datetime,
    running: int | None = None,
) -> Change:
    """Decide that a backfill goes on.

    :param running: how many of its jobs there are, if that was read upon this version of the schedule
    :raise BackfillLookupError: when there is none
    :raise ValueError: when it is over
    """
    old = _open(snapshot, backfill_id, "resumed")
    found = attrs.evolve(old, status="running", running=old.running if running is None else running)
    if found == old:
        return Change(schedule_id=snapshot.id)
    if snapshot.fault is not None:  # whoever can read it makes the jobs
        return changed(snapshot, [found], [told_of(snapshot, found)])
    return written(snapshot, options, now, [found], [told_of(snapshot, found)])


def cancel(snapshot: ScheduleSnapshot, backfill_id: UUID, now: datetime, *, recorded: bool = True) -> Change:
    """Decide that a backfill makes no more jobs, and that those that no node has end (rule F3).

    Missed fire times that it had taken and has made no job for come back to the schedule, unless that has dealt with
    later ones; then they are counted (rule F4). Nothing becomes of one that is over.

    :param recorded: whether those that are counted are written into the history
    :raise BackfillLookupError: when there is none
    """
    old = _found(snapshot, backfill_id)
    if old.is_over:
        return Change(schedule_id=snapshot.id)
    return attrs.evolve(cancelled(snapshot, old, now, recorded=recorded), dropped=backfill_id)


def find_in(state: ScheduleState, backfill_id: UUID) -> Backfill | None:
    """Return a backfill."""
    return next((one for one in state.backfills if one.id == backfill_id), None)


def without_passed(backfills: Iterable[Backfill], cursor: datetime | None) -> tuple[Backfill, ...]:
    """Return backfills whose fire times before a new trigger's first are no concern of the schedule any more."""
    return tuple(attrs.evolve(one, taken=ahead(one.taken, cursor)) if one.taken else one for one in backfills)


def _found(snapshot: ScheduleSnapshot, backfill_id: UUID) -> Backfill:
    found = find_in(snapshot.state, backfill_id)
    if found is None:
        raise BackfillLookupError(backfill_id)
    return found


def _open(snapshot: ScheduleSnapshot, backfill_id: UUID, what: str) -> Backfill:
    found = _found(snapshot, backfill_id)
    if found.is_over:
        raise ValueError(f"id must be that of a backfill that is not over: {backfill_id} is {found.status},"
                         f" and cannot be {what}")  # fmt: skip
    return found
