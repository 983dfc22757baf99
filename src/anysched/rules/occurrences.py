"""Skipping and moving single fire times, and taking that back (rules O1, O2 and O4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Literal

import attrs

from anysched._text import printable
from anysched.errors import DeserializationError
from anysched.model.change import Change
from anysched.model.events import FireTimeChanged
from anysched.model.occurrence import MOST_OCCURRENCES, Occurrence
from anysched.model.options import EffectiveOptions
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.state import ScheduleState
from anysched.rules.pausing import after, settle
from anysched.rules.stretches import is_taken
from anysched.rules.windows import fire_times


def skip(
    snapshot: ScheduleSnapshot,
    options: EffectiveOptions,
    now: datetime,
    fire_time: datetime | None,
    *,
    reason: str | None = None,
    by: str | None = None,
) -> Change:
    """Decide that a fire time gets no job (rule O1).

    :param fire_time: which; None for the one that is due next
    :raise ValueError: when the schedule has no such fire time to come
    :raise TriggerError: when its trigger does not work
    :raise DeserializationError: when it cannot be read on this node
    """

    def decide(snapshot: ScheduleSnapshot) -> Change:
        found = _to_come(snapshot, fire_time, now)
        return _named(snapshot, Occurrence(fire_time=found, reason=reason, by=by))

    return _settled_and(snapshot, options, now, decide)


def move(
    snapshot: ScheduleSnapshot,
    options: EffectiveOptions,
    now: datetime,
    fire_time: datetime | None,
    to: datetime,
    *,
    reason: str | None = None,
    by: str | None = None,
) -> Change:
    """Decide that a fire time gets its job at another instant (rules O1 and O3).

    :param fire_time: which; None for the one that is due next
    :param to: the instant; it must lie in the future, and nothing else of the schedule may be due then
    :raise ValueError: when that is not so, or the schedule has no such fire time to come
    :raise TriggerError: when its trigger does not work
    :raise DeserializationError: when it cannot be read on this node
    """

    def decide(snapshot: ScheduleSnapshot) -> Change:
        found = _to_come(snapshot, fire_time, now)
        if to <= now:
            raise ValueError(f"to must lie in the future: {to}")
        if fire_times(snapshot.schedule, snapshot.state).has(to):
            raise ValueError(
                f"to must not be a fire time of schedule {snapshot.id!r}: {to}; to take a change back, use"
                " restore_fire_time"
            )
        if any(other.waits_for == to and other.fire_time != found for other in snapshot.state.occurrences):
            raise ValueError(
                f"to must differ: another fire time of schedule {snapshot.id!r} is moved to {to}"
            )
        return _named(snapshot, Occurrence(fire_time=found, moved_to=to, reason=reason, by=by))

    return _settled_and(snapshot, options, now, decide)


def restore(
    snapshot: ScheduleSnapshot, options: EffectiveOptions, now: datetime, fire_time: datetime
) -> Change:
    """Decide that a fire time that was skipped or moved is again what the trigger says (rule O4).

    :raise ValueError: when it was not, when it has run or was passed, or when later ones have been dealt with
    :raise TriggerError: when the trigger does not work
    :raise DeserializationError: when the schedule cannot be read on this node
    """

    def decide(snapshot: ScheduleSnapshot) -> Change:
        state = snapshot.state
        found = next((one for one in state.occurrences if one.fire_time == fire_time), None)
        if found is None:
            named = _listed(one.fire_time for one in state.occurrences if not one.settled)
            raise ValueError(
                f"schedule {snapshot.id!r} has not skipped or moved a fire time {fire_time}; it has: {named}"
            )
        _check_open(found)
        others = tuple(one for one in state.occurrences if one is not found)
        times = fire_times(snapshot.schedule, state, named=others)
        cursor, last = state.next_fire_time, state.last_fire_time
        if fire_time > now and times.is_left_out(fire_time):
            pass  # its window skips it again (rule W4)
        elif state.waiting is not None:
            pass  # whether it is a fire time still, is said by the end of a job (rule S9)
        elif cursor is None or fire_time < cursor:
            is_open = times.has(fire_time) and not times.is_left_out(fire_time)
            is_next = is_open and times.next(fire_time) == cursor
            if not is_next or (last is not None and last >= fire_time):
                raise ValueError(
                    f"the fire time {fire_time} has passed, and later ones have been dealt with: skip it, or"
                    " move it to another instant"
                )
            cursor = fire_time
        return _written(snapshot, others, cursor, "restored", Occurrence(fire_time=fire_time))

    return _settled_and(snapshot, options, now, decide)


def _settled_and(
    snapshot: ScheduleSnapshot,
    options: EffectiveOptions,
    now: datetime,
    decide: Callable[[ScheduleSnapshot], Change],
) -> Change:
    """Carry out the resume of a pause that is over, then decide (rule P10)."""
    if snapshot.fault is not None:
        raise DeserializationError(
            f"fire times of schedule {snapshot.id!r} cannot be changed from this node: {snapshot.fault}"
        )
    resumed = settle(snapshot, options, now)
    change = decide(after(snapshot, resumed))
    return attrs.evolve(
        change,
        jobs=resumed.jobs,
        queued=resumed.queued,
        events=(*resumed.events, *change.events),
        skips=resumed.skips,
    )


def _to_come(snapshot: ScheduleSnapshot, fire_time: datetime | None, now: datetime) -> datetime:
    """Return a fire time that nothing has come of yet: the one given, or the one that is due next.

    One that a window skips is none of those that the schedule goes through, but can be named (rule W4).
    """
    state, times = snapshot.state, fire_times(snapshot.schedule, snapshot.state)
    if fire_time is None:
        return _due_next(snapshot.id, state)
    for occurrence in state.occurrences:
        if occurrence.fire_time == fire_time:
            _check_open(occurrence)
            return fire_time
    if state.waiting is not None:
        raise ValueError(_waits(snapshot.id))
    cursor = state.next_fire_time
    if state.windows and fire_time > now and times.is_left_out(fire_time):
        return fire_time
    if is_taken(state, fire_time):
        raise ValueError(f"the fire time {fire_time} of schedule {snapshot.id!r} is left to a backfill")
    if cursor is None:
        raise ValueError(f"schedule {snapshot.id!r} has no fire time {fire_time} to come: none is left")
    if fire_time < cursor:
        nearest = [cursor]
    elif fire_time == cursor or times.has(fire_time):
        return fire_time
    else:
        following = times.next(fire_time)
        nearest = [times.last(cursor, fire_time), *([] if following is None else [following])]
    raise ValueError(
        f"schedule {snapshot.id!r} has no fire time {fire_time} to come; the nearest: {_listed(nearest)}"
    )


def _due_next(schedule_id: str, state: ScheduleState) -> datetime:
    due = [(one.waits_for, one.fire_time) for one in state.occurrences if one.waits_for is not None]
    if state.next_fire_time is not None:
        due.append((state.due_at or state.next_fire_time, state.next_fire_time))
    if not due:
        left = f"schedule {schedule_id!r} has no fire time left"
        raise ValueError(left if state.waiting is None else _waits(schedule_id))
    return min(due)[1]


def _waits(schedule_id: str) -> str:
    return (
        f"schedule {schedule_id!r} waits for the end of a job, from which its fire times are counted (fixed_delay):"
        " it has none before that"
    )


def _check_open(occurrence: Occurrence) -> None:
    if occurrence.settled:
        what = "was dropped as late" if occurrence.moved_to is None else "has its job already"
        raise ValueError(f"the fire time {occurrence.fire_time} {what}")


def _named(snapshot: ScheduleSnapshot, new: Occurrence) -> Change:
    """Take a fire time out of the regular ones; where the schedule stands there, it goes on to the next."""
    state = snapshot.state
    others = [one for one in state.occurrences if one.fire_time != new.fire_time]
    if len(others) >= MOST_OCCURRENCES:
        raise ValueError(
            f"schedule {printable(snapshot.id)} has {MOST_OCCURRENCES} skipped and moved fire times, and can have no"
            " more; pause it, or change its trigger"
        )
    occurrences = tuple(sorted((*others, new), key=lambda one: one.fire_time))
    cursor = state.next_fire_time
    if cursor == new.fire_time:
        cursor = fire_times(snapshot.schedule, state, named=occurrences).next(new.fire_time)
    change: Literal["skipped", "moved"] = "skipped" if new.moved_to is None else "moved"
    return _written(snapshot, occurrences, cursor, change, new)


def _written(
    snapshot: ScheduleSnapshot,
    occurrences: tuple[Occurrence, ...],
    cursor: datetime | None,
    change: Literal["skipped", "moved", "restored"],
    told: Occurrence,
) -> Change:
    state = snapshot.state
    times = fire_times(snapshot.schedule, state, named=occurrences)
    new = attrs.evolve(
        state,
        revision=state.revision + 1,
        occurrences=occurrences,
        next_fire_time=cursor,
        due_at=state.due_at if cursor == state.next_fire_time else cursor and times.due_at(cursor),
    )
    event = FireTimeChanged(
        snapshot.id, snapshot.task_id, told.fire_time, change, told.moved_to, told.reason, told.by, cursor
    )
    return Change(schedule_id=snapshot.id, state=new, events=(event,))


def _listed(instants: Iterable[datetime]) -> str:
    return ", ".join(str(instant) for instant in instants) or "none"
