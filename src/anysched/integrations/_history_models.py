"""What the HTTP interface takes and answers about the history of schedules."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BeforeValidator, Field

from anysched import FireTime
from anysched.integrations._answers import Document, utf_8
from anysched.integrations._requests import Instant, OneQuery, iso_8601
from anysched.integrations._words import FireTimeStatus, JobKind, Outcome, SkipReason

#: How many fire times one answer may have.
MOST_TOLD = 1000


class FireTimesQuery(OneQuery):
    """Which fire times to tell of."""

    start: Instant | None = None
    """From this instant on; from a day ago, or from the tenth latest if that is earlier, if left out."""
    end: Instant | None = None
    """Up to this instant, inclusive; up to the tenth that is to come, if left out."""
    limit: int = Field(default=100, ge=1, le=MOST_TOLD)
    """How many to answer at most: those that come first from `start` on, without it the latest."""
    count: int | None = Field(default=None, ge=1, le=MOST_TOLD)
    """How many of the next runs to answer, and nothing else; `limit` does not matter then."""


class ExplainQuery(OneQuery):
    """What to explain."""

    instant: Annotated[AwareDatetime | Literal["next"], BeforeValidator(iso_8601)] = "next"
    """A fire time, or the instant that one was moved to, or `next` for what is due next."""


class FailureDocument(Document):
    """What a job raised."""

    type: str
    message: str


class FireTimeDocument(Document):
    """What came, or is to come, of a fire time, or of several in a row with one fate."""

    first: datetime
    last: datetime
    """The same as `first` if it is one."""
    number: int
    exact: bool
    """False when `number` is only a lower bound."""
    status: FireTimeStatus
    due_at: datetime | None
    """With jitter, moved, or put off; null for several, and where a backfill is to make the job."""
    outcome: Outcome | None
    """How its job ended."""
    reason: SkipReason | None
    """Why it got no job."""
    kind: JobKind | None
    """Who asked for the job."""
    job_id: UUID | None
    attempt: int | None
    started_at: datetime | None
    finished_at: datetime | None
    """When the job ended, or it was decided that there is none."""
    node: str | None
    exception: FailureDocument | None
    into: datetime | None
    """The fire time that stands for it, if it was coalesced."""
    cause: str | None
    """The hold, window or backfill that is the reason."""
    why: str | None
    by: str | None


class FireTimeList(Document):
    """Fire times in the order of time."""

    fire_times: list[FireTimeDocument]


class Explanation(Document):
    """Why a schedule did or did not run."""

    explanation: str
    """One sentence in English."""


def fire_time_document(told: FireTime) -> FireTimeDocument:
    """Return a fire time as it is shown."""
    shown = {name: getattr(told, name) for name in FireTimeDocument.model_fields}
    for name in ("outcome", "reason", "kind"):
        shown[name] = None if shown[name] is None else str(shown[name])
    exception = told.exception
    if exception is not None:
        shown["exception"] = FailureDocument(type=utf_8(exception.type), message=utf_8(exception.message))
    return FireTimeDocument.model_validate(shown)
