"""What the HTTP interface answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, JsonValue

from anysched import CatchUp, Occurrence, Pause, ScheduleSnapshot, UnpausePreview, UnpauseResult, Window
from anysched.integrations._words import Kind, MissedWord, Queued, SkipReason, Status, WindowMode


class Document(BaseModel):
    """What is answered."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class CatchUpDocument(Document):
    """Which of the fire times that were missed get a job, and when those start; durations are in seconds."""

    coalesce: Literal["latest", "earliest", "all"]
    max_jobs: int | None
    max_age: float | None
    spacing: float | None


def _shown_missed(value: object) -> object:
    if not isinstance(value, CatchUp):
        return value
    return CatchUpDocument(
        coalesce=value.coalesce.value,
        max_jobs=value.max_jobs,
        max_age=_seconds(value.max_age),
        spacing=_seconds(value.spacing),
    )


def _seconds(value: timedelta | None) -> float | None:
    return None if value is None else value.total_seconds()


class PauseDocument(Document):
    """Why a schedule does not run, and how it will go on."""

    since: datetime
    until: datetime | None
    reason: str | None
    by: str | None
    queued: Queued
    resume_from: datetime | Literal["now"] | None
    missed: Annotated[MissedWord | CatchUpDocument, BeforeValidator(_shown_missed)]
    hold: str | None
    """The hold that pauses it with others; null for a pause of its own."""
    kind: Kind


class OccurrenceDocument(Document):
    """A fire time that was skipped or moved."""

    fire_time: datetime
    """As the trigger says it."""
    moved_to: datetime | None
    """When it runs instead; null if it was skipped."""
    reason: str | None
    by: str | None
    settled: bool
    """Whether something has come of it already."""


class OpenWindowDocument(Document):
    """A window that keeps fire times of a schedule from running."""

    id: str
    mode: WindowMode
    since: datetime
    """From when on it covers fire times."""
    until: datetime | None
    """From when on it covers none; null if that is not known."""
    reason: str | None
    by: str | None


class ScheduleDocument(Document):
    """A schedule and its state at one moment. Arguments are left out: they may be secret."""

    id: str
    task_id: str
    trigger: str
    """The trigger in words of Python."""
    status: Status
    paused: bool
    pause: PauseDocument | None
    """What pauses it; if several do, the one that ends last."""
    pauses: list[PauseDocument]
    """All that pauses it."""
    next_fire_time: datetime | None
    """Frozen while paused; null when finished, and while it waits for the end of a job."""
    waits_for: list[UUID]
    """Jobs whose ends it waits for before it has a next fire time; empty unless it has a fixed delay."""
    due_at: datetime | None
    """The next fire time with its jitter."""
    last_fire_time: datetime | None
    """The latest fire time that got a job."""
    jobs_made: int
    skipped: dict[SkipReason, int]
    """How many fire times got no job, by reason."""
    skipped_exact: bool
    """False when the counts of skipped fire times are lower bounds."""
    occurrences: list[OccurrenceDocument]
    """Fire times that were skipped or moved."""
    windows: list[OpenWindowDocument]
    """Windows that mean it; one that is over stays until what it has left out is counted."""
    failures: int
    """How many regular jobs in a row have failed; counted where failures may pause the schedule."""
    error: str | None
    """Why the schedule was set aside."""
    fault: str | None
    """Why the schedule cannot be read on this node."""
    version: str
    """Changes with every change of the state."""
    metadata: dict[str, JsonValue] | None
    """Null when it is not all JSON."""
    group: str | None
    tags: list[str]


class SchedulePage(Document):
    """Some schedules, ordered by id."""

    schedules: list[ScheduleDocument]
    next: str | None
    """To be passed as `after` for the next page; null on the last one."""


class UnpauseDocument(Document):
    """What a resume did."""

    schedule_id: str
    status: Status
    next_fire_time: datetime | None
    jobs: list[UUID]
    """The jobs made for fire times that were missed, and for what was due by then."""
    start_times: list[datetime]
    """Not before when each of these jobs starts."""
    skipped: int
    """How many fire times were given up."""
    skipped_exact: bool
    changed: bool
    """False when there was no such pause."""
    pauses: list[PauseDocument]
    """What still pauses it."""


class PreviewDocument(Document):
    """What a resume would do at this moment."""

    schedule_id: str
    version: str
    """To be passed to the resume, which is then refused if the schedule has changed."""
    status: Status
    next_fire_time: datetime | None
    fire_times: list[datetime]
    """The fire times that would get a job."""
    start_times: list[datetime]
    """Not before when each of these jobs would start."""
    skipped: int
    """How many fire times would be given up."""
    skipped_exact: bool
    changed: bool
    """False when the schedule is not paused."""
    occurrences: list[OccurrenceDocument]
    """The fire times that would still be skipped or moved afterwards."""


class JobDocument(Document):
    """A job that was made."""

    job_id: UUID


class Problem(Document):
    """Why a request was refused."""

    detail: str


class InvalidValue(Document):
    """One thing that is wrong with a request."""

    loc: list[str | int]
    """Where it stands, as in `["body", "until"]`."""
    msg: str
    type: str


class InvalidRequest(Document):
    """What is wrong with a request."""

    detail: list[InvalidValue]


def schedule_document(snapshot: ScheduleSnapshot) -> ScheduleDocument:
    """Return a schedule as it is shown."""
    state, pause = snapshot.state, snapshot.state.pause
    return ScheduleDocument.model_validate(
        {
            "id": snapshot.id,
            "task_id": snapshot.task_id,
            "trigger": text_of(snapshot.trigger),
            "status": str(snapshot.status),
            "paused": snapshot.paused,
            "pause": pause and _pause(pause),
            "pauses": [_pause(pause) for pause in state.pauses],
            "next_fire_time": state.next_fire_time,
            "waits_for": snapshot.waits_for,
            "due_at": state.due_at,
            "last_fire_time": state.last_fire_time,
            "jobs_made": state.jobs_made,
            "skipped": {str(reason): count for reason, count in state.skipped.items()},
            "skipped_exact": state.skipped_exact,
            "occurrences": [_occurrence(occurrence) for occurrence in state.occurrences],
            "windows": [_window(window) for window in state.windows],
            "failures": state.failures,
            "error": state.error and utf_8(state.error),
            "fault": snapshot.fault and utf_8(snapshot.fault),
            "version": state.version,
            "metadata": _json(snapshot.schedule.metadata),
            "group": snapshot.schedule.group,
            "tags": sorted(snapshot.schedule.tags),
        }
    )


def unpause_document(result: UnpauseResult) -> UnpauseDocument:
    """Return what a resume did as it is shown."""
    told = {name: getattr(result, name) for name in UnpauseDocument.model_fields}
    told["pauses"] = [_pause(pause) for pause in result.pauses]
    return UnpauseDocument.model_validate({**told, "status": str(result.status)})


def preview_document(told: UnpausePreview) -> PreviewDocument:
    """Return what a resume would do as it is shown."""
    shown = {name: getattr(told, name) for name in PreviewDocument.model_fields}
    shown["occurrences"] = [_occurrence(occurrence) for occurrence in told.occurrences]
    return PreviewDocument.model_validate({**shown, "status": str(told.status)})


def _occurrence(occurrence: Occurrence) -> dict[str, Any]:
    return {name: getattr(occurrence, name) for name in OccurrenceDocument.model_fields}


def _window(window: Window) -> dict[str, Any]:
    told = {name: getattr(window, name) for name in OpenWindowDocument.model_fields}
    return {**told, "since": max(window.since, window.covers_from or window.since)}


def _pause(pause: Pause) -> dict[str, Any]:
    return {name: getattr(pause, name) for name in PauseDocument.model_fields}


def text_of(value: object) -> str:
    """Return a value in words of Python."""
    try:
        return utf_8(str(value))
    except Exception:  # a trigger of somebody's own must not hide the others
        return type(value).__name__


def utf_8(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()


def _json(value: Mapping[str, Any]) -> dict[str, JsonValue] | None:
    try:
        text = json.dumps(dict(value), allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError):
        return None
    return dict(json.loads(text))
