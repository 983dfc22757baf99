"""What the HTTP interface takes and answers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, get_args
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    PlainValidator,
    ValidationError,
    WithJsonSchema,
)

from anysched import CatchUp, Pause, ScheduleSnapshot, UnpauseResult

Status = Literal["active", "paused", "finished", "error"]
MissedWord = Literal["policy", "skip", "run_once", "run_all"]
Queued = Literal["keep", "hold", "discard"]
SkipReason = Literal["grace", "coalesced", "catchup_limit", "paused", "requested"]

#: An offset whose + was read as a space.
UNESCAPED = re.compile(r" \d\d:?\d\d$")

#: How many schedules a page may have.
MOST_PER_PAGE = 1000


def _iso_8601(value: object) -> object:
    # pydantic would also take a number of seconds, in quotes or not.
    if not isinstance(value, str) or value == "now":
        return value
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        if UNESCAPED.search(value):
            raise ValueError(
                f"no instant: {value!r}; in a query, the + before an offset is written %2B"
            ) from None
        raise


def _storable(value: str) -> str:
    if "\0" in value:
        raise ValueError("must not contain a null character")
    return value


Instant = Annotated[AwareDatetime, BeforeValidator(_iso_8601)]
InstantOrNow = Annotated[AwareDatetime | Literal["now"], BeforeValidator(_iso_8601)]
Id = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_storable)]


class Query(BaseModel):
    """What stands in the query of a URL; names that are not known belong to others, and are passed over."""

    model_config = ConfigDict(strict=True, use_attribute_docstrings=True)


class Body(BaseModel):
    """What stands in the body of a request."""

    model_config = ConfigDict(strict=True, extra="forbid", use_attribute_docstrings=True)


class Document(BaseModel):
    """What is answered."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class CatchUpRequest(Body):
    """Which of the fire times that were missed get a job, and when those start."""

    coalesce: Literal["latest", "earliest", "all"] = "all"
    """One job, for the latest or the earliest, or one for each."""
    max_jobs: int | None = Field(default=None, ge=1, le=10_000)
    """How many jobs `all` makes at most, for the latest; `max_catchup` of the schedule if left out."""
    max_age: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Seconds: what was due longer than this before the resume is given up."""
    spacing: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Seconds from the start of one job of `all` to that of the next; all at once if left out."""


def _missed(value: object) -> MissedWord | CatchUp:
    words: tuple[MissedWord, ...] = get_args(MissedWord)
    for word in words:
        if value == word:
            return word
    try:
        if isinstance(value, dict):
            return CatchUp(**CatchUpRequest.model_validate(value).model_dump())
        if isinstance(value, str) and value.startswith("{"):  # in a query
            return CatchUp(**CatchUpRequest.model_validate_json(value).model_dump())
    except ValidationError as exc:
        found = exc.errors(include_url=False, include_context=False, include_input=False)[0]
        raise ValueError(": ".join([*map(str, found["loc"]), found["msg"]])) from None
    raise ValueError(f"must be one of {', '.join(map(repr, words))}, or an object that says how to catch up")


# The schema of the object stands in that of the request: a reference would lead nowhere there.
Missed = Annotated[
    MissedWord | CatchUp,
    PlainValidator(_missed),
    WithJsonSchema(
        {"anyOf": [{"enum": get_args(MissedWord), "type": "string"}, CatchUpRequest.model_json_schema()]}
    ),
]


# requests


class NoQuery(Query):
    """Nothing is asked for."""


class ListQuery(Query):
    """Which schedules to list; conditions that are given must all hold."""

    paused: bool | None = None
    """Only schedules that are paused, or only those that are not."""
    status: Status | None = None
    """Only schedules with this status."""
    task_id: Id | None = None
    """Only schedules of this task."""
    group: Id | None = None
    """Only schedules of this group."""
    tag: Id | None = None
    """Only schedules that carry this tag."""
    limit: int = Field(default=100, ge=1, le=MOST_PER_PAGE)
    """How many schedules to answer at most."""
    after: str | None = None
    """Only schedules whose id comes after this one: `next` of the page before."""


class OneQuery(Query):
    """Which schedule is meant."""

    id: Id
    """The id of the schedule."""


class RemoveQuery(OneQuery):
    """Which schedule to remove."""

    version: str | None = None
    """Remove it only if this is still its version."""


class PreviewQuery(OneQuery):
    """Which resume to tell of."""

    resume_from: InstantOrNow | None = None
    """Where to go on: at the frozen fire time if left out, anew with `now`, or from an instant."""
    missed: Missed = "policy"
    """What to do about the fire times that passed."""


class PauseRequest(Body):
    """How to pause."""

    until: Instant | None = None
    """From when on the schedule counts as resumed."""
    reason: str | None = None
    """Free text, shown with the pause."""
    by: str | None = None
    """Who pauses it; where the server knows that, it may be left out and cannot be another."""
    queued: Queued = "keep"
    """What becomes of its jobs that have not started."""
    resume_from: InstantOrNow | None = None
    """Where to go on at `until`."""
    missed: Missed = "policy"
    """What to do at `until` about the fire times that passed."""
    version: str | None = None
    """Pause it only if this is still its version."""


class UnpauseRequest(Body):
    """How to resume."""

    resume_from: InstantOrNow | None = None
    """Where to go on: at the frozen fire time if left out, anew with `now`, or from an instant."""
    missed: Missed = "policy"
    """What to do about the fire times that passed."""
    version: str | None = None
    """Resume it only if this is still its version, as it was read or previewed."""


# answers


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
    kind: Literal["manual", "maintenance", "failure"]


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
    """Frozen while paused; null when finished."""
    due_at: datetime | None
    """The next fire time with its jitter."""
    last_fire_time: datetime | None
    """The latest fire time that got a job."""
    jobs_made: int
    skipped: dict[SkipReason, int]
    """How many fire times got no job, by reason."""
    skipped_exact: bool
    """False when the counts of skipped fire times are lower bounds."""
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
            "trigger": _text(snapshot.trigger),
            "status": str(snapshot.status),
            "paused": snapshot.paused,
            "pause": pause and _pause(pause),
            "pauses": [_pause(pause) for pause in state.pauses],
            "next_fire_time": state.next_fire_time,
            "due_at": state.due_at,
            "last_fire_time": state.last_fire_time,
            "jobs_made": state.jobs_made,
            "skipped": {str(reason): count for reason, count in state.skipped.items()},
            "skipped_exact": state.skipped_exact,
            "failures": state.failures,
            "error": state.error and _utf_8(state.error),
            "fault": snapshot.fault and _utf_8(snapshot.fault),
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


def _pause(pause: Pause) -> dict[str, Any]:
    return {name: getattr(pause, name) for name in PauseDocument.model_fields}


def _text(value: object) -> str:
    try:
        return _utf_8(str(value))
    except Exception:  # a trigger of somebody's own must not hide the others
        return type(value).__name__


def _utf_8(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()


def _json(value: Mapping[str, Any]) -> dict[str, JsonValue] | None:
    try:
        text = json.dumps(dict(value), allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError):
        return None
    return dict(json.loads(text))
