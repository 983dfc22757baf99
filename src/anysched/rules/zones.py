"""What becomes of fire times when the time zone database says something else than before (rule T12)."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta, timezone
from functools import lru_cache
from typing import Any, Final, Literal, cast
from zoneinfo import ZoneInfo

import attrs

from anysched.errors import TriggerError
from anysched.model.change import Change
from anysched.model.events import Event, FireTimeRecomputed, ScheduleFinished
from anysched.model.occurrence import Occurrence
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.state import ScheduleState
from anysched.model.trigger import Trigger, is_due_when_past, parts_of
from anysched.model.zone import ZoneData, ZoneRecord
from anysched.rules.instants import BEGINNING, END, TICK, later
from anysched.rules.times import FireTimes
from anysched.rules.windows import fire_times, first_open

#: For how long after a change nodes may be at work that have the data of before, unless one of them says so again.
UNSETTLED: Final = timedelta(days=1)

#: What knows of no zone but itself.
_PLAIN: Final = frozenset({type(None), bool, int, float, str, date, timedelta, timezone, ZoneInfo})

_VERSION: Final = re.compile(r"(\d{4})([a-z]*)")

Verdict = Literal["same", "newer", "older"]


def zones_of(triggers: Iterable[Trigger | None]) -> frozenset[str]:
    """Return the names of the time zones that triggers go by, whatever they are made of."""
    names: set[str] = set()
    seen: dict[int, object] = {}  # kept alive, so that no other object gets the same id
    waiting: list[Any] = []
    for trigger in triggers:
        told = _told(trigger)
        if told is None:
            waiting.append(trigger)
        elif told:
            names |= told
    while waiting:
        value = waiting.pop()
        if isinstance(value, ZoneInfo):
            names.update(() if value.key is None else (value.key,))
        elif isinstance(value, (datetime, time)):
            waiting.append(value.tzinfo)
        elif id(value) not in seen:
            seen[id(value)] = value
            waiting.extend(_parts(value))
            if not isinstance(
                value, type
            ):  # what stands in no field, or is of a class that has none to look at
                waiting.extend((getattr(value, "timezone", None), getattr(value, "zones", None)))
    return frozenset(names)


def _told(trigger: Any) -> set[str] | None:
    """Return the zones of a trigger that holds nothing but plain values, as most do; None where that is not known."""
    if not _shows_all(trigger.__class__):
        return None
    held = [value.tzinfo if value.__class__ is datetime else value for value in parts_of(trigger)]
    kinds = set(map(type, held))
    if not kinds <= _PLAIN:
        return None
    if ZoneInfo not in kinds:
        return set()
    return {value.key for value in held if value.__class__ is ZoneInfo and value.key is not None}


@lru_cache(maxsize=1000)
def _shows_all(cls: type) -> bool:
    """Return whether what objects of a class hold is in their fields alone, and so are zones by their names."""
    if not attrs.has(cls) or cls.__dictoffset__ or hasattr(cls, "__getattr__"):
        return False
    fields = {field.name for field in attrs.fields(cls) if field.init}
    return all(name in fields or not hasattr(cls, name) for name in ("timezone", "zones"))


def _parts(value: Any) -> Iterable[Any]:
    """Return what something consists of: a collection, or a trigger or record of any kind."""
    if isinstance(value, (str, bytes, type)):
        return ()
    if isinstance(value, Mapping):
        return cast("Mapping[object, object]", value).values()
    if isinstance(value, (tuple, list, set, frozenset)):
        return cast("Iterable[object]", value)
    kind = cast("Any", type(value))
    if attrs.has(kind):
        return [getattr(value, field.name) for field in attrs.fields(kind) if field.init]
    if dataclasses.is_dataclass(value):
        return [getattr(value, field.name) for field in dataclasses.fields(value)]
    if hasattr(value, "__anysched_fields__"):
        return cast("Mapping[str, object]", value.__anysched_fields__()).values()
    if hasattr(value, "next_fire_time"):
        return list(getattr(value, "__dict__", {}).values())
    return ()


def zones_in(snapshot: ScheduleSnapshot) -> frozenset[str]:
    """Return the names of the time zones on which the next fire time of a schedule depends, windows included."""
    windows = snapshot.state.windows
    return zones_of([snapshot.trigger, *(window.trigger for window in windows)])


def compared(mine: ZoneData, stored: ZoneData, *, starting: bool) -> Verdict:
    """Tell whether what a node knows of a zone is the same as what is stored, newer or older.

    Versions decide. Where they are the same, or neither is known, a node that starts has read its data last.

    :param starting: whether the node starts just now
    """
    if mine.offsets == stored.offsets:
        return "same"
    ours, theirs = _order(mine.version), _order(stored.version)
    if ours == theirs:
        return "newer" if starting else "older"
    return "newer" if ours > theirs else "older"


def _order(version: str | None) -> tuple[int, int, str]:
    """Return what versions are ordered by; one that is not known comes before all others."""
    found = _VERSION.fullmatch(version or "")
    return (0, 0, "") if found is None else (int(found[1]), len(found[2]), found[2])


def kept(record: ZoneRecord, mine: ZoneData, now: datetime, *, starting: bool) -> ZoneRecord:
    """Return what is stored of a zone once a node has looked at it, and has computed anew what was to be."""
    match compared(mine, record.data, starting=starting):
        case "newer":
            return ZoneRecord(data=mine, before=record.data, unsettled_until=now + UNSETTLED)
        case "older":
            until = record.unsettled_until
            still = until is not None and until - now >= UNSETTLED / 2 and record.before is not None
            return record if still else attrs.evolve(record, before=mine, unsettled_until=now + UNSETTLED)
        case "same":
            confirmed = _order(mine.version) > _order(record.data.version)
            data = mine if confirmed else record.data
            if record.unsettled_until is not None and record.unsettled_until <= now:
                return ZoneRecord(data=data)
            return attrs.evolve(record, data=data)


def recomputed(
    snapshot: ScheduleSnapshot, changed: Mapping[str, tuple[ZoneData | None, ZoneData]], now: datetime
) -> Change:
    """Decide what becomes of a schedule whose time zone has other rules than when its next fire time was computed.

    Only what lies in the future is computed anew: a fire time that is due, late or missed stays, and nothing that has
    come of one is undone. A fire time that has come to lie in the past by the change is late.

    :param changed: by the name of each zone, its data before, if that is known, and now
    """
    nothing = Change(schedule_id=snapshot.id)
    names = sorted(zones_in(snapshot) & changed.keys())
    state = snapshot.state
    old = state.next_fire_time
    if not names or snapshot.fault is not None or state.error is not None:
        return nothing
    pairs = [(before, data) for before, data in map(changed.__getitem__, names) if before is not None]
    try:
        new = _under_new_data(snapshot, pairs, now)
    except TriggerError:
        return nothing  # which sets it aside when its time has come
    if new == state:
        return nothing
    before, data = changed[names[0]]
    events: list[Event] = [
        FireTimeRecomputed(
            snapshot.id,
            snapshot.task_id,
            data.name,
            None if before is None else before.version,
            data.version,
            old,
            new.next_fire_time,
        )
    ]
    if old is not None and new.next_fire_time is None and not new.occurrences:
        events.append(ScheduleFinished(snapshot.id, snapshot.task_id))
    new = attrs.evolve(new, revision=state.revision + 1)
    return Change(schedule_id=snapshot.id, state=new, events=tuple(events))


_Pairs = list[tuple[ZoneData, ZoneData]]


def _under_new_data(snapshot: ScheduleSnapshot, pairs: _Pairs, now: datetime) -> ScheduleState:
    state, old = snapshot.state, snapshot.state.next_fire_time
    whole = FireTimes.of(snapshot.schedule, state.anchor)
    state = attrs.evolve(state, occurrences=_followed(state.occurrences, whole, pairs, now))
    if old is None or old <= now:
        return state
    times = fire_times(snapshot.schedule, state)
    since = max(state.anchor, later(state.last_fire_time or BEGINNING, TICK) or END)
    start, cursor = first_open(state, now), None
    if not whole.has(old):
        cursor = _passed(old, times, pairs, since, now)
        # What the clocks had shown by now, the old rules have dealt with, though they may show it once more.
        start = max([start, *(later(instant, TICK) or END for instant in _same_wall(now, pairs))])
    cursor = cursor or times.first(start)
    if cursor is None and is_due_when_past(snapshot.trigger):
        cursor = times.next(state.last_fire_time or BEGINNING)
    if cursor == old:
        return state
    return attrs.evolve(state, next_fire_time=cursor, due_at=None if cursor is None else times.due_at(cursor))


def _passed(
    old: datetime, times: FireTimes, pairs: _Pairs, since: datetime, now: datetime
) -> datetime | None:
    """Return the fire time of the same wall time as one that was to come, if that lies in the past now."""
    for instant in _same_wall(old, pairs):
        if since <= instant <= now and times.first(instant) == instant:
            return instant
    return None


def _followed(
    named: tuple[Occurrence, ...], whole: FireTimes, pairs: _Pairs, now: datetime
) -> tuple[Occurrence, ...]:
    """Return what was skipped or moved by name, with the instants at which those wall times are now (rule O1)."""
    found = {one.fire_time: one for one in named}
    for one in named:
        if one.fire_time > now and not whole.has(one.fire_time):
            for instant in _same_wall(one.fire_time, pairs):
                if instant not in found and whole.has(instant):
                    del found[one.fire_time]
                    found[instant] = attrs.evolve(one, fire_time=instant)
                    break
    return tuple(found[instant] for instant in sorted(found))


def _same_wall(instant: datetime, pairs: _Pairs) -> Iterator[datetime]:
    """Yield the instants that have the wall time now that another one had before."""
    for before, data in pairs:
        yield from data.instants(before.wall(instant))
