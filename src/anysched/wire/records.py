"""Records as plain data with a version in front, and back. What a user's values become is ``wire.values``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import Enum
from operator import attrgetter
from typing import Any, Final, TypeVar, cast, get_args
from uuid import UUID

import attrs

from anysched.errors import DeserializationError, UnknownTypeError
from anysched.model import convert
from anysched.model.backfill import Backfill
from anysched.model.hold import Hold, Placed, PlacedWindow, Selector
from anysched.model.job import JobException
from anysched.model.occurrence import Occurrence
from anysched.model.pause import Pause
from anysched.model.policies import (
    BackfillOrder,
    BackfillStatus,
    CatchUp,
    MissedWord,
    PauseKind,
    Queued,
    Reprocess,
    SkipReason,
)
from anysched.model.schedule import Schedule
from anysched.model.task import TaskOptions
from anysched.model.trigger import Trigger, UndecodableTrigger
from anysched.model.unset import UNSET
from anysched.model.waiting import Waiting
from anysched.model.window import Window
from anysched.wire.registry import DEFAULT_REGISTRY, TAG, TypeRegistry
from anysched.wire.values import from_plain, to_plain

T = TypeVar("T")

#: Raised when a field is added that a reader of an older version must not pass over.
VERSION: Final = 1

#: The configuration that has columns of its own, or goes through the serializer of the store.
_APART: Final = frozenset({"func_or_task_id", "id", "args", "kwargs", "metadata"})

_SCHEDULE_FIELDS: Final = tuple(
    field.name for field in attrs.fields(Schedule) if field.name not in _APART and field.name != "trigger"
)
_OPTION_FIELDS: Final = tuple(field.name for field in attrs.fields(TaskOptions) if field.name not in _APART)
_OCCURRENCE_FIELDS: Final = tuple(field.name for field in attrs.fields(Occurrence))
_WINDOW_FIELDS: Final = tuple(field.name for field in attrs.fields(Window))
_BACKFILL_FIELDS: Final = tuple(field.name for field in attrs.fields(Backfill))
_WAITING_FIELDS: Final = tuple(field.name for field in attrs.fields(Waiting))
_PAUSE_FIELDS: Final = tuple(field.name for field in attrs.fields(Pause))
_CATCH_UP_FIELDS: Final = tuple(field.name for field in attrs.fields(CatchUp))
_SELECTOR_FIELDS: Final = tuple(field.name for field in attrs.fields(Selector))
_EXCEPTION_FIELDS: Final = tuple(field.name for field in attrs.fields(JobException))


#: The settings of a schedule, by themselves: many schedules have the same.
settings_of: Final[Callable[[Schedule], tuple[Any, ...]]] = attrgetter(*_SCHEDULE_FIELDS)


def schedule_to_plain(schedule: Schedule, registry: TypeRegistry = DEFAULT_REGISTRY) -> dict[str, Any]:
    """Return the configuration of a schedule, without id, task, arguments and metadata.

    :raise SerializationError: when its trigger is of a type that is not registered
    """
    return {
        **settings_to_plain(settings_of(schedule)),
        "trigger": trigger_to_plain(schedule.trigger, registry),
    }


def settings_to_plain(settings: tuple[Any, ...]) -> dict[str, Any]:
    """Return what ``settings_of`` a schedule tells, which is all of its configuration but the trigger."""
    return _fields_to_plain("schedule", zip(_SCHEDULE_FIELDS, settings, strict=True))


def trigger_to_plain(
    trigger: Trigger, registry: TypeRegistry = DEFAULT_REGISTRY, *, named: set[str] | None = None
) -> Any:
    """Return the trigger of a schedule.

    :param named: gets every "name@version" of the types that it consists of
    :raise SerializationError: when it is of a type that is not registered
    """
    return to_plain(trigger, registry, where="the trigger", named=named)


def schedule_from_plain(
    plain: object,
    schedule_id: str,
    task_id: str,
    registry: TypeRegistry = DEFAULT_REGISTRY,
    *,
    trigger: Trigger | None = None,
) -> Schedule:
    """Return the schedule of a configuration, without arguments and metadata.

    :param trigger: stands for the one that was written, which is not looked at then
    :raise UnknownTypeError: when it, or its trigger, is of a version or type that is not known here
    :raise DeserializationError: when it is damaged
    """
    if trigger is not None and isinstance(plain, dict):
        plain = {name: value for name, value in cast("dict[str, Any]", plain).items() if name != "trigger"}
    fields = _from_plain("schedule", plain, (*_SCHEDULE_FIELDS, "trigger"), registry)
    written: Trigger = fields.pop("trigger", None)
    return _built("schedule", lambda: Schedule(task_id, trigger or written, id=schedule_id, **fields))


def owner_in(plain: object) -> str | None:
    """Return the owner that a configuration names, also one that cannot be read here otherwise (rule S8)."""
    owner: object = cast("dict[str, Any]", plain).get("owner") if isinstance(plain, dict) else None
    try:
        return convert.owner(cast("str | None", owner))
    except (TypeError, ValueError):
        return None


def options_to_plain(options: TaskOptions) -> dict[str, Any]:
    """Return the options of a task that are set, without metadata."""
    return _to_plain("task options", options, _OPTION_FIELDS)


def options_from_plain(plain: object) -> TaskOptions:
    """Return options of a task, without metadata. :raise DeserializationError: when they are damaged"""
    fields = _from_plain("task options", plain, _OPTION_FIELDS)
    return _built("task options", lambda: TaskOptions(**fields))


def pause_to_plain(pause: Pause) -> dict[str, Any]:
    """Return a pause."""
    return _to_plain("pause", pause, _PAUSE_FIELDS)


def pause_from_plain(plain: object) -> Pause:
    """Return a pause. :raise DeserializationError: when it is damaged"""
    fields = _from_plain("pause", plain, _PAUSE_FIELDS)
    if isinstance(fields.get("missed"), dict):  # a word, or a record of its own
        how = _from_plain("catch-up", cast("dict[str, Any]", plain)["missed"], _CATCH_UP_FIELDS)
        fields["missed"] = _built("catch-up", lambda: CatchUp(**how))
    return _built("pause", lambda: _checked_pause(Pause(**fields)))


def pauses_to_plain(pauses: Iterable[Pause]) -> list[dict[str, Any]]:
    """Return what pauses a schedule."""
    return [pause_to_plain(pause) for pause in pauses]


def pauses_from_plain(plain: object) -> tuple[Pause, ...]:
    """Return what pauses a schedule; a record alone is how one pause was written when there could be no other.

    :raise DeserializationError: when it is damaged
    """
    pauses = cast("list[object]", plain) if isinstance(plain, list) else [plain]
    if not pauses:
        raise DeserializationError("the stored pauses are damaged: there are none")
    return tuple(pause_from_plain(pause) for pause in pauses)


def occurrences_to_plain(occurrences: Iterable[Occurrence]) -> list[dict[str, Any]]:
    """Return the fire times that were skipped or moved by name."""
    return [_to_plain("fire time", occurrence, _OCCURRENCE_FIELDS) for occurrence in occurrences]


def occurrences_from_plain(plain: object) -> tuple[Occurrence, ...]:
    """Return the fire times that were skipped or moved by name. :raise DeserializationError: when they are damaged"""
    if not isinstance(plain, list) or not plain:
        raise DeserializationError("the stored fire times are damaged: they are not records")
    records = [_from_plain("fire time", one, _OCCURRENCE_FIELDS) for one in cast("list[object]", plain)]
    return _built("fire time", lambda: tuple(_checked_occurrence(Occurrence(**one)) for one in records))


def windows_to_plain(
    windows: Iterable[Window], registry: TypeRegistry = DEFAULT_REGISTRY
) -> list[dict[str, Any]]:
    """Return windows. :raise SerializationError: when a trigger is of a type that is not registered"""
    return [_to_plain("window", window, _WINDOW_FIELDS, registry) for window in windows]


def windows_from_plain(plain: object, registry: TypeRegistry = DEFAULT_REGISTRY) -> tuple[Window, ...]:
    """Return windows.

    :raise UnknownTypeError: when a trigger is of a type or version that is not known here
    :raise DeserializationError: when they are damaged
    """
    records = _list_from_plain("window", plain, _WINDOW_FIELDS, registry)
    return _built("window", lambda: tuple(_checked_window(Window(**record)) for record in records))


def backfills_to_plain(
    backfills: Iterable[Backfill], registry: TypeRegistry = DEFAULT_REGISTRY
) -> list[dict[str, Any]]:
    """Return backfills. :raise SerializationError: when a trigger is of a type that is not registered"""
    return [_to_plain("backfill", backfill, _BACKFILL_FIELDS, registry) for backfill in backfills]


def backfills_from_plain(plain: object, registry: TypeRegistry = DEFAULT_REGISTRY) -> tuple[Backfill, ...]:
    """Return backfills.

    :raise UnknownTypeError: when a trigger is of a type or version that is not known here
    :raise DeserializationError: when they are damaged
    """
    records = _list_from_plain("backfill", plain, _BACKFILL_FIELDS, registry)
    return _built("backfill", lambda: tuple(_checked_backfill(Backfill(**record)) for record in records))


def waiting_to_plain(waiting: Waiting) -> dict[str, Any]:
    """Return what a schedule waits for."""
    return _to_plain("wait", waiting, _WAITING_FIELDS)


def waiting_from_plain(plain: object) -> Waiting:
    """Return what a schedule waits for. :raise DeserializationError: when it is damaged"""
    fields = _from_plain("wait", plain, _WAITING_FIELDS)
    return _built("wait", lambda: _checked_waiting(Waiting(**fields)))


def _list_from_plain(
    what: str, plain: object, names: Iterable[str], registry: TypeRegistry
) -> list[dict[str, Any]]:
    if not isinstance(plain, list) or not plain:
        raise DeserializationError(f"the stored {what}s are damaged: they are not records")
    return [_with_trigger(what, one, names, registry) for one in cast("list[object]", plain)]


def _with_trigger(what: str, plain: object, names: Iterable[str], registry: TypeRegistry) -> dict[str, Any]:
    """Return the fields of a record whose trigger may be unknown here: it stays as it is then (rule S2)."""
    record = {**_checked_record(what, plain, names)}
    trigger = record.pop("trigger", None)
    fields = _from_plain(what, record, names)
    try:
        fields["trigger"] = from_plain(trigger, registry)
    except UnknownTypeError as exc:
        fields["trigger"] = UndecodableTrigger(str(exc), json.dumps(trigger))
    return fields


def placed_to_plain(placed: Placed, registry: TypeRegistry = DEFAULT_REGISTRY) -> dict[str, Any]:
    """Return a hold, or a window that is placed.

    :raise SerializationError: when a trigger is of a type that is not registered
    """
    plain = {"version": VERSION, "selector": _to_plain("selector", placed.selector, _SELECTOR_FIELDS)}
    if isinstance(placed, Hold):
        return {**plain, "pause": pause_to_plain(placed.pause)}
    return {**plain, "window": _to_plain("window", placed.window, _WINDOW_FIELDS, registry)}


def placed_from_plain(plain: object, registry: TypeRegistry = DEFAULT_REGISTRY) -> Placed:
    """Return a hold, or a window that is placed. :raise DeserializationError: when it is damaged"""
    record = _checked_record("hold", plain, ("selector", "pause", "window"))
    fields = _from_plain("selector", record.get("selector"), _SELECTOR_FIELDS)
    if "window" not in record:
        return _built("hold", lambda: Hold(Selector(**fields), pause_from_plain(record.get("pause"))))
    (window,) = windows_from_plain([record["window"]], registry)
    return _built("window", lambda: PlacedWindow(Selector(**fields), window))


def exception_to_plain(exception: JobException) -> dict[str, Any]:
    """Return the exception of a job."""
    return _to_plain("exception", exception, _EXCEPTION_FIELDS)


def exception_from_plain(plain: object) -> JobException:
    """Return the exception of a job. :raise DeserializationError: when it is damaged"""
    fields = _from_plain("exception", plain, _EXCEPTION_FIELDS)
    if not all(isinstance(text, str) for text in fields.values()):
        raise DeserializationError("the stored exception is damaged: text is expected")
    return _built("exception", lambda: JobException(**fields))


def skips_to_plain(skipped: Mapping[SkipReason, int]) -> dict[str, Any]:
    """Return how many fire times were skipped, by reason."""
    return {"version": VERSION, **{reason.value: number for reason, number in skipped.items()}}


def skips_from_plain(plain: object) -> dict[SkipReason, int]:
    """Return how many fire times were skipped. :raise DeserializationError: when the counts are damaged"""
    fields = _from_plain("skip counts", plain, [reason.value for reason in SkipReason])
    return _built("skip counts", lambda: {SkipReason(name): int(number) for name, number in fields.items()})


def _to_plain(
    what: str, record: object, names: Iterable[str], registry: TypeRegistry = DEFAULT_REGISTRY
) -> dict[str, Any]:
    return _fields_to_plain(what, ((name, getattr(record, name)) for name in names), registry)


def _fields_to_plain(
    what: str, fields: Iterable[tuple[str, Any]], registry: TypeRegistry = DEFAULT_REGISTRY
) -> dict[str, Any]:
    plain: dict[str, Any] = {"version": VERSION}
    for name, value in fields:
        if isinstance(value, CatchUp):
            plain[name] = _to_plain("catch-up", value, _CATCH_UP_FIELDS)
        elif isinstance(value, UndecodableTrigger) and value.stored is not None:
            plain[name] = json.loads(value.stored)
        elif value is not UNSET:
            plain[name] = to_plain(_simpler(value), registry, where=f"{name} of a {what}")
    return plain


def _simpler(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    return sorted(cast("frozenset[str]", value)) if isinstance(value, frozenset) else value


def _from_plain(
    what: str, plain: object, names: Iterable[str], registry: TypeRegistry = DEFAULT_REGISTRY
) -> dict[str, Any]:
    """Return the fields of a record, as they were before they were written."""
    fields: dict[str, Any] = from_plain(_checked_record(what, plain, names), registry)
    del fields["version"]
    return fields


def _checked_record(what: str, plain: object, names: Iterable[str]) -> dict[str, Any]:
    """Return a record with no fields but ``names``, and written by a version that is known here."""
    if not isinstance(plain, dict) or TAG in plain:
        raise DeserializationError(f"the stored {what} is damaged: it is not a record")
    record = cast("dict[str, Any]", plain)
    version = record.get("version")
    if type(version) is not int or version < 1:
        raise DeserializationError(f"the stored {what} is damaged: it has no version")
    if version > VERSION:
        raise UnknownTypeError(what, version, known=range(1, VERSION + 1))
    if not record.keys() <= {"version", *names}:
        raise DeserializationError(f"the stored {what} is damaged: it has fields that are never written")
    return record


def _built(what: str, build: Callable[[], T]) -> T:
    try:
        return build()
    except (TypeError, ValueError) as exc:
        raise DeserializationError(f"the stored {what} is damaged: {exc}") from exc


def _checked_occurrence(occurrence: Occurrence) -> Occurrence:
    given = (
        [occurrence.fire_time] if occurrence.moved_to is None else [occurrence.fire_time, occurrence.moved_to]
    )
    if not all(isinstance(instant, datetime) and instant.utcoffset() is not None for instant in given):
        raise TypeError("an aware instant is expected")
    if type(occurrence.settled) is not bool:
        raise TypeError(f"true or false is expected, not {occurrence.settled!r}")
    return occurrence


def _checked_backfill(backfill: Backfill) -> Backfill:
    one = backfill
    instants = [one.start, one.end, one.anchor, one.since]
    if one.finished_at is not None:
        instants.append(one.finished_at)
    if type(one.left) is not tuple or type(one.taken) is not tuple:
        raise TypeError("stretches are expected")
    for first, last in (*one.left, *one.taken):
        instants += [first, last]
    if not all(isinstance(instant, datetime) and instant.utcoffset() is not None for instant in instants):
        raise TypeError("aware instants are expected")
    if not all(
        type(number) is int for number in (one.total, one.made, one.running, one.succeeded, one.failed)
    ):
        raise TypeError("whole numbers are expected")
    if not isinstance(one.schedule_id, str) or not (one.error is None or isinstance(one.error, str)):
        raise TypeError("text is expected")
    if not callable(getattr(one.trigger, "next_fire_time", None)):
        raise TypeError("a trigger is expected")
    known = one.status in get_args(BackfillStatus) and one.order in get_args(BackfillOrder)
    if not known or one.reprocess not in get_args(Reprocess) or not isinstance(one.id, UUID):
        raise ValueError(f"{one.status!r}, {one.order!r}, {one.reprocess!r} are not among the choices")
    return backfill


def _checked_window(window: Window) -> Window:
    convert.utc(window.since, "since")
    for name, instant in (("covers_from", window.covers_from), ("until", window.until)):
        if instant is not None:
            convert.utc(instant, name)
    convert.identifier(window.id, "the id")
    return window


def _checked_waiting(waiting: Waiting) -> Waiting:
    if type(waiting.jobs) is not tuple or not all(isinstance(job, UUID) for job in waiting.jobs):
        raise TypeError("ids of jobs are expected")
    if waiting.ended_at is not None:
        convert.utc(waiting.ended_at, "ended_at")
    elif not waiting.jobs:
        raise ValueError("a wait that is over has an end")
    return waiting


def _checked_pause(pause: Pause) -> Pause:
    instants = [pause.since, pause.until, None if pause.resume_from == "now" else pause.resume_from]
    if not all(instant is None or isinstance(instant, datetime) for instant in instants):
        raise TypeError("an instant is expected")
    known = isinstance(pause.missed, CatchUp) or pause.missed in get_args(MissedWord)
    if pause.queued not in get_args(Queued) or not known:
        raise ValueError(f"{pause.queued!r} and {pause.missed!r} are not among the choices")
    if pause.kind not in get_args(PauseKind) or not (pause.hold is None or isinstance(pause.hold, str)):
        raise ValueError(f"{pause.kind!r} and {pause.hold!r} are no kind of pause and no id of a hold")
    return pause
