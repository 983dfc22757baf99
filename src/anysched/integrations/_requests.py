"""What the HTTP interface takes."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Literal, get_args

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    WithJsonSchema,
)

from anysched import CatchUp
from anysched.integrations._words import MissedWord, Queued, Status

#: An offset whose + was read as a space.
UNESCAPED = re.compile(r" \d\d:?\d\d$")

#: How many schedules a page may have.
MOST_PER_PAGE = 1000


def iso_8601(value: object) -> object:
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


Instant = Annotated[AwareDatetime, BeforeValidator(iso_8601)]
InstantOrNow = Annotated[AwareDatetime | Literal["now"], BeforeValidator(iso_8601)]
Id = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_storable)]


class Query(BaseModel):
    """What stands in the query of a URL; names that are not known belong to others, and are passed over."""

    model_config = ConfigDict(strict=True, use_attribute_docstrings=True)


class Body(BaseModel):
    """What stands in the body of a request."""

    model_config = ConfigDict(strict=True, extra="forbid", use_attribute_docstrings=True)


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
