"""Adding, replacing, removing and running by hand (rules S1, S4 and S6)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import attrs

from anysched.errors import (
    ConflictingIdError,
    DeserializationError,
    ScheduleChangedError,
    ScheduleLookupError,
)
from anysched.model.brief import brief
from anysched.model.change import Change
from anysched.model.events import ScheduleAdded, ScheduleRemoved, ScheduleUpdated
from anysched.model.hold import Hold, Placed, PlacedWindow
from anysched.model.ids import new_id
from anysched.model.options import EffectiveOptions
from anysched.model.pause import Pause
from anysched.model.policies import ConflictPolicy
from anysched.model.schedule import Schedule
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.state import ScheduleState
from anysched.model.trigger import Trigger, is_due_when_past, is_known_to_move
from anysched.model.window import Window
from anysched.rules.backfilling import without_passed
from anysched.rules.jobs import manual_job
from anysched.rules.pausing import still_pausing
from anysched.rules.spans import Exclusions
from anysched.rules.stretches import taken_by
from anysched.rules.times import BEGINNING, FireTimes, steadily_growing
from anysched.rules.windows import active, fire_times, mark, rewindowed

SameTrigger = Callable[[Trigger, Trigger], bool]

#: What two configurations are compared by as it is.
_COMPARED: Final = tuple(
    field.name for field in attrs.fields(Schedule) if field.name not in ("id", "paused", "trigger", "owner")
)


def add(
    schedule: Schedule,
    stored: ScheduleSnapshot | None,
    now: datetime,
    policy: ConflictPolicy,
    same_trigger: SameTrigger,
    placed: Sequence[Placed] = (),
) -> Change:
    """Decide about adding a schedule.

    :param placed: all holds and windows that there are; those that mean the schedule are about it (rules H2 and W1)
    :raise ConflictingIdError: when the id exists and the policy is "exception"
    :raise ValueError: when the trigger has nothing left (rule S6)
    :raise TriggerError: when the trigger does not work
    """
    if stored is None:
        return _created(schedule, now, placed)
    if policy is ConflictPolicy.exception:
        raise ConflictingIdError(schedule.id)
    if policy is ConflictPolicy.do_nothing:
        return Change(schedule_id=schedule.id)
    return _replaced(schedule, stored, now, same_trigger, placed)


def differs(declared: Schedule, stored: ScheduleSnapshot, same_trigger: SameTrigger) -> bool:
    """Return whether a declaration differs from what is stored (rule S1)."""
    return stored.fault is not None or bool(differences(declared, stored.schedule, same_trigger))


def differences(declared: Schedule, stored: Schedule, same_trigger: SameTrigger) -> list[str]:
    """Return the names of the fields in which a declaration differs from what is stored.

    ``paused`` is for creation only (rule S1), and who names no owner says nothing about it (rule S8).
    """
    names = [name for name in _COMPARED if getattr(declared, name) != getattr(stored, name)]
    if not same_trigger(declared.trigger, stored.trigger):
        names.append("trigger")
    if declared.owner is not None and declared.owner != stored.owner:
        names.append("owner")
    return names


def edits(
    declared: Schedule, stored: ScheduleSnapshot, same_trigger: SameTrigger
) -> dict[str, tuple[str, str]]:
    """Return what a declaration changes of what is stored: by field, the old and the new value as short text.

    "error" and "fault" are what was wrong with the schedule before.
    """
    fields: dict[str, tuple[str, str]] = {}
    for name, text in (("error", stored.state.error), ("fault", stored.fault)):
        if text is not None:
            fields[name] = (brief(text), brief(None))
    for name in differences(declared, stored.schedule, same_trigger):
        if stored.fault is None or name == "owner":  # the rest is placeholders then
            fields[name] = (brief(getattr(stored.schedule, name)), brief(getattr(declared, name)))
    return fields


def first_cursor(times: FireTimes, now: datetime, last_fire_time: datetime | None = None) -> datetime:
    """Return the fire time that a new trigger begins with (rule S6), windows left aside."""
    since = BEGINNING if is_due_when_past(times.trigger) else now
    found = times.first(since)
    if found is not None and last_fire_time is not None and found <= last_fire_time:
        found = times.next(last_fire_time)  # never again what has a job already (rule S3)
    if found is None:
        raise ValueError(f"the trigger of schedule {times.key!r} has no fire time left: {times.trigger!r}")
    if not is_known_to_move(times.trigger):
        steadily_growing(times, found)
    return found


def _created(schedule: Schedule, now: datetime, placed: Sequence[Placed]) -> Change:
    times = FireTimes.of(schedule, anchor=now)
    cursor = first_cursor(times, now)
    state = ScheduleState(
        incarnation=new_id(now),
        revision=1,
        anchor=now,
        next_fire_time=cursor,
        due_at=times.due_at(cursor),
        pauses=_first_pauses(schedule, now, placed) if schedule.paused or placed else (),
    )
    if placed and (windows := _windows_of(schedule, placed, now)):
        state = _standing_at(schedule, state, cursor, windows, now)
    event = ScheduleAdded(schedule.id, schedule.task_id, state.next_fire_time)
    return Change(schedule_id=schedule.id, schedule=schedule, state=state, events=(event,))


def _first_pauses(schedule: Schedule, now: datetime, placed: Sequence[Placed]) -> tuple[Pause, ...]:
    own = (Pause(since=now),) if schedule.paused else ()
    return (*own, *_pauses_of(schedule, placed, now))


def _standing_at(
    schedule: Schedule, state: ScheduleState, cursor: datetime, windows: tuple[Window, ...], now: datetime
) -> ScheduleState:
    """Return the state of a schedule whose trigger begins at a fire time, or at the first after it outside of windows.

    A date that is past is due at once and late, also if it was in a window (rule S6).
    """
    if cursor < now:
        windows = tuple(attrs.evolve(window, covers_from=now) for window in windows)
    state = attrs.evolve(state, windows=windows, windowed_until=mark(cursor, now) if windows else None)
    times = fire_times(schedule, state)
    found = times.first(cursor) if windows else cursor
    return attrs.evolve(state, next_fire_time=found, due_at=None if found is None else times.due_at(found))


def _replaced(
    schedule: Schedule,
    stored: ScheduleSnapshot,
    now: datetime,
    same_trigger: SameTrigger,
    placed: Sequence[Placed],
) -> Change:
    """Write configuration only; a changed trigger moves the cursor and keeps the anchor (rule S1).

    The fire times of the old trigger go with it, moved ones too: they are neither fired nor counted.
    """
    old = stored.state
    if schedule.owner is None and stored.schedule.owner is not None:
        schedule = attrs.evolve(schedule, owner=stored.schedule.owner)  # rule S8
    new = attrs.evolve(old, error=None, pauses=_still_pausing(schedule, old, placed, now))
    if old.waiting is not None and not schedule.fixed_delay:
        dealt_with = None if old.windowed_until is None else max(old.windowed_until, now)
        new = attrs.evolve(new, waiting=None, windowed_until=dealt_with)
    windows = _windows_now(schedule, old, placed, now)
    if stored.fault is not None or not same_trigger(schedule.trigger, stored.schedule.trigger):
        ahead = tuple(occurrence for occurrence in old.occurrences if occurrence.settled)
        # What has run before its time never runs again, nor what a backfill has taken.
        times = FireTimes.of(schedule, old.anchor, ahead, Exclusions.of(taken_by(old.backfills)))
        new = attrs.evolve(
            new, pauses=tuple(_of_new_trigger(pause, now) for pause in new.pauses), occurrences=ahead
        )
        cursor = first_cursor(times, now, old.last_fire_time)
        new = attrs.evolve(new, backfills=without_passed(old.backfills, cursor))
        new = _standing_at(schedule, new, cursor, windows, now)
        if new.waiting is not None:  # the end of a job says what is next (rule S9)
            new = attrs.evolve(new, next_fire_time=None, due_at=None)
    elif (
        new.waiting is not old.waiting
        or windows != active(old, now)
        or (old.error is not None and (windows or old.windows))
    ):
        new = rewindowed(schedule, new, windows, now)
    elif schedule.max_jitter != stored.schedule.max_jitter and old.next_fire_time is not None:
        new = attrs.evolve(new, due_at=fire_times(schedule, old).due_at(old.next_fire_time))
    if new == old and not differs(schedule, stored, same_trigger):
        return Change(schedule_id=schedule.id)
    new = attrs.evolve(new, revision=old.revision + 1)
    event = ScheduleUpdated(schedule.id, schedule.task_id, new.next_fire_time)
    return Change(schedule_id=schedule.id, schedule=schedule, state=new, events=(event,))


def _meaning(schedule: Schedule, placed: Sequence[Placed], now: datetime) -> list[Placed]:
    return [one for one in placed if not one.is_over(now) and one.selector.matches(schedule)]


def _pauses_of(schedule: Schedule, placed: Sequence[Placed], now: datetime) -> list[Pause]:
    """Return the pauses of the holds that mean a schedule."""
    return [one.pause for one in _meaning(schedule, placed, now) if isinstance(one, Hold)]


def _windows_of(schedule: Schedule, placed: Sequence[Placed], now: datetime) -> tuple[Window, ...]:
    """Return the windows that mean a schedule."""
    return tuple(one.window for one in _meaning(schedule, placed, now) if isinstance(one, PlacedWindow))


def _windows_now(
    schedule: Schedule, old: ScheduleState, placed: Sequence[Placed], now: datetime
) -> tuple[Window, ...]:
    """Return the windows that mean a schedule that is declared anew; a new one covers nothing before (rule W4)."""
    known = {window.id: window for window in active(old, now)}
    return tuple(
        known.get(window.id) or attrs.evolve(window, covers_from=now)
        for window in _windows_of(schedule, placed, now)
    )


def _still_pausing(
    schedule: Schedule, old: ScheduleState, placed: Sequence[Placed], now: datetime
) -> tuple[Pause, ...]:
    """Return what pauses a schedule that is declared anew, and may belong to other sets now (rule H4).

    A hold that does not mean it any more ends for it now, as that hold has said to go on.
    """
    meant = {pause.hold: pause for pause in _pauses_of(schedule, placed, now)}
    kept = tuple(
        pause
        if pause.hold is None or pause.hold in meant or pause.is_over(now)
        else attrs.evolve(pause, until=now)
        for pause in old.pauses
    )
    known = {pause.hold for pause in kept if not pause.is_over(now)}
    new = [pause for name, pause in meant.items() if name not in known]
    if not new and kept == old.pauses:
        return kept
    return still_pausing((*kept, *new), now) or kept  # the last that ended says how to go on


def _of_new_trigger(pause: Pause, now: datetime) -> Pause:
    """Return the pause as it is under a new trigger, whose fire times begin now (rule S1).

    One that is over, though nobody has seen it yet, must not go on from an instant before that.
    """
    if not pause.is_over(now) or pause.resume_from != "now":
        return pause
    return attrs.evolve(pause, resume_from=None)


def remove(schedule_id: str, stored: ScheduleSnapshot | None, version: str | None = None) -> Change:
    """Decide about removing a schedule.

    :raise ScheduleLookupError: when there is none
    :raise ScheduleChangedError: when it has another version than the caller read
    """
    snapshot = existing(schedule_id, stored, version)
    return Change(
        schedule_id=schedule_id, removed=True, events=(ScheduleRemoved(schedule_id, snapshot.task_id),)
    )


def run_by_hand(snapshot: ScheduleSnapshot, options: EffectiveOptions, now: datetime) -> Change:
    """Decide about running a schedule once, now: its fire times do not move, and a pause does not matter.

    :raise DeserializationError: when the schedule cannot be read on this node
    """
    if snapshot.fault is not None:
        raise DeserializationError(f"schedule {snapshot.id!r} cannot be run from this node: {snapshot.fault}")
    return Change(schedule_id=snapshot.id, jobs=(manual_job(snapshot, options, now),))


def existing(
    schedule_id: str, stored: ScheduleSnapshot | None, version: str | None = None
) -> ScheduleSnapshot:
    """Return what is stored.

    :param version: what it must be, if the caller decided upon a version that it read (rule S4)
    :raise ScheduleLookupError: when nothing is stored
    :raise ScheduleChangedError: when it has another version
    """
    if stored is None:
        raise ScheduleLookupError(schedule_id)
    if version is not None and stored.state.version != version:
        raise ScheduleChangedError(schedule_id, version)
    return stored
