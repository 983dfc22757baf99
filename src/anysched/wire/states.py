"""What becomes of schedules and jobs as plain data, and back: what pauses them, what was moved, how they ended."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, cast, get_args
from uuid import UUID

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
from anysched.model.trigger import UndecodableTrigger
from anysched.model.waiting import Waiting
from anysched.model.window import Window
from anysched.wire.records import (
    CATCH_UP_FIELDS,
    VERSION,
    built,
    checked_record,
    fields_of,
    names_of,
    to_record,
)
from anysched.wire.registry import DEFAULT_REGISTRY, TypeRegistry
from anysched.wire.values import from_plain

_PAUSE_FIELDS: Final = names_of(Pause)
_OCCURRENCE_FIELDS: Final = names_of(Occurrence)
_WINDOW_FIELDS: Final = names_of(Window)
_BACKFILL_FIELDS: Final = names_of(Backfill)
_WAITING_FIELDS: Final = names_of(Waiting)
_SELECTOR_FIELDS: Final = names_of(Selector)
_EXCEPTION_FIELDS: Final = names_of(JobException)


def pause_to_plain(pause: Pause) -> dict[str, Any]:
    """Return a pause."""
    return to_record("pause", pause, _PAUSE_FIELDS)


def pause_from_plain(plain: object) -> Pause:
    """Return a pause. :raise DeserializationError: when it is damaged"""
    fields = fields_of("pause", plain, _PAUSE_FIELDS)
    if isinstance(fields.get("missed"), dict):  # a word, or a record of its own
        how = fields_of("catch-up", cast("dict[str, Any]", plain)["missed"], CATCH_UP_FIELDS)
        fields["missed"] = built("catch-up", lambda: CatchUp(**how))
    return built("pause", lambda: _checked_pause(Pause(**fields)))


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
    return [to_record("fire time", occurrence, _OCCURRENCE_FIELDS) for occurrence in occurrences]


def occurrences_from_plain(plain: object) -> tuple[Occurrence, ...]:
    """Return the fire times that were skipped or moved by name. :raise DeserializationError: when they are damaged"""
    if not isinstance(plain, list) or not plain:
        raise DeserializationError("the stored fire times are damaged: they are not records")
    records = [fields_of("fire time", one, _OCCURRENCE_FIELDS) for one in cast("list[object]", plain)]
    return built("fire time", lambda: tuple(_checked_occurrence(Occurrence(**one)) for one in records))


def windows_to_plain(
    windows: Iterable[Window], registry: TypeRegistry = DEFAULT_REGISTRY
) -> list[dict[str, Any]]:
    """Return windows. :raise SerializationError: when a trigger is of a type that is not registered"""
    return [to_record("window", window, _WINDOW_FIELDS, registry) for window in windows]


def windows_from_plain(plain: object, registry: TypeRegistry = DEFAULT_REGISTRY) -> tuple[Window, ...]:
    """Return windows.

    :raise UnknownTypeError: when a trigger is of a type or version that is not known here
    :raise DeserializationError: when they are damaged
    """
    records = _list_from_plain("window", plain, _WINDOW_FIELDS, registry)
    return built("window", lambda: tuple(_checked_window(Window(**record)) for record in records))


def backfills_to_plain(
    backfills: Iterable[Backfill], registry: TypeRegistry = DEFAULT_REGISTRY
) -> list[dict[str, Any]]:
    """Return backfills. :raise SerializationError: when a trigger is of a type that is not registered"""
    return [to_record("backfill", backfill, _BACKFILL_FIELDS, registry) for backfill in backfills]


def backfills_from_plain(plain: object, registry: TypeRegistry = DEFAULT_REGISTRY) -> tuple[Backfill, ...]:
    """Return backfills.

    :raise UnknownTypeError: when a trigger is of a type or version that is not known here
    :raise DeserializationError: when they are damaged
    """
    records = _list_from_plain("backfill", plain, _BACKFILL_FIELDS, registry)
    return built("backfill", lambda: tuple(_checked_backfill(Backfill(**record)) for record in records))


def waiting_to_plain(waiting: Waiting) -> dict[str, Any]:
    """Return what a schedule waits for."""
    return to_record("wait", waiting, _WAITING_FIELDS)


def waiting_from_plain(plain: object) -> Waiting:
    """Return what a schedule waits for. :raise DeserializationError: when it is damaged"""
    fields = fields_of("wait", plain, _WAITING_FIELDS)
    return built("wait", lambda: _checked_waiting(Waiting(**fields)))


def _list_from_plain(
    what: str, plain: object, names: Iterable[str], registry: TypeRegistry
) -> list[dict[str, Any]]:
    if not isinstance(plain, list) or not plain:
        raise DeserializationError(f"the stored {what}s are damaged: they are not records")
    return [_with_trigger(what, one, names, registry) for one in cast("list[object]", plain)]


def _with_trigger(what: str, plain: object, names: Iterable[str], registry: TypeRegistry) -> dict[str, Any]:
    """Return the fields of a record whose trigger may be unknown here: it stays as it is then (rule S2)."""
    record = {**checked_record(what, plain, names)}
    trigger = record.pop("trigger", None)
    fields = fields_of(what, record, names)
    try:
        fields["trigger"] = from_plain(trigger, registry)
    except UnknownTypeError as exc:
        fields["trigger"] = UndecodableTrigger(str(exc), json.dumps(trigger))
    return fields


def placed_to_plain(placed: Placed, registry: TypeRegistry = DEFAULT_REGISTRY) -> dict[str, Any]:
    """Return a hold, or a window that is placed.

    :raise SerializationError: when a trigger is of a type that is not registered
    """
    plain = {"version": VERSION, "selector": to_record("selector", placed.selector, _SELECTOR_FIELDS)}
    if isinstance(placed, Hold):
        return {**plain, "pause": pause_to_plain(placed.pause)}
    return {**plain, "window": to_record("window", placed.window, _WINDOW_FIELDS, registry)}


def placed_from_plain(plain: object, registry: TypeRegistry = DEFAULT_REGISTRY) -> Placed:
    """Return a hold, or a window that is placed. :raise DeserializationError: when it is damaged"""
    record = checked_record("hold", plain, ("selector", "pause", "window"))
    fields = fields_of("selector", record.get("selector"), _SELECTOR_FIELDS)
    if "window" not in record:
        return built("hold", lambda: Hold(Selector(**fields), pause_from_plain(record.get("pause"))))
    (window,) = windows_from_plain([record["window"]], registry)
    return built("window", lambda: PlacedWindow(Selector(**fields), window))


def exception_to_plain(exception: JobException) -> dict[str, Any]:
    """Return the exception of a job."""
    return to_record("exception", exception, _EXCEPTION_FIELDS)


def exception_from_plain(plain: object) -> JobException:
    """Return the exception of a job. :raise DeserializationError: when it is damaged"""
    fields = fields_of("exception", plain, _EXCEPTION_FIELDS)
    if not all(isinstance(text, str) for text in fields.values()):
        raise DeserializationError("the stored exception is damaged: text is expected")
    return built("exception", lambda: JobException(**fields))


def skips_to_plain(skipped: Mapping[SkipReason, int]) -> dict[str, Any]:
    """Return how many fire times were skipped, by reason."""
    return {"version": VERSION, **{reason.value: number for reason, number in skipped.items()}}


def skips_from_plain(plain: object) -> dict[SkipReason, int]:
    """Return how many fire times were skipped. :raise DeserializationError: when the counts are damaged"""
    fields = fields_of("skip counts", plain, [reason.value for reason in SkipReason])
    return built("skip counts", lambda: {SkipReason(name): int(number) for name, number in fields.items()})


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
