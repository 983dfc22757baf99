"""What the HTTP interface takes and answers about backfills."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from anysched import Backfill, BackfillPlan
from anysched.integrations._answers import Document
from anysched.integrations._requests import AskedBody, Id, Instant, Query

Reprocess = Literal["none", "failed", "all"]
Order = Literal["oldest", "newest"]


class BackfillsQuery(Query):
    """Which backfills to list."""

    schedule_id: Id | None = None
    """Only those of this schedule."""


class BackfillQuery(Query):
    """Which backfill is meant."""

    id: UUID
    """The id of the backfill."""


class BackfillRequest(AskedBody):
    """Which fire times to run, and how."""

    start: Instant
    """The first instant, inclusive."""
    end: Instant
    """The last instant, inclusive."""
    reprocess: Reprocess = "none"
    """Whether to leave out fire times that have run, to take those whose last run failed, or to take all."""
    order: Order = "oldest"
    """Where to begin."""
    max_running: int = Field(default=1, ge=1, le=1000)
    """How many of its jobs may wait or run at once."""
    dry_run: bool = False
    """Tell what would be done, and do nothing."""


class BackfillDocument(Document):
    """Jobs for fire times of the past, made bit by bit."""

    id: UUID
    schedule_id: str
    start: datetime
    end: datetime
    reprocess: Reprocess
    order: Order
    max_running: int
    status: Literal["running", "paused", "done", "cancelled"]
    total: int
    """For how many fire times jobs are made in all."""
    made: int
    """How many jobs were made."""
    remaining: int
    """For how many fire times no job was made, yet or at all."""
    running: int
    """How many of its jobs have not ended; 0 once it is cancelled."""
    succeeded: int
    failed: int
    since: datetime
    finished_at: datetime | None
    error: str | None
    """Why it was cancelled, if its trigger did not work."""
    reason: str | None
    by: str | None


class BackfillList(Document):
    """Backfills under way, and the latest that are over, in the order in which they were asked for."""

    backfills: list[BackfillDocument]


class PlanDocument(Document):
    """What a backfill does, or would do."""

    schedule_id: str
    version: str
    """The version of the schedule that this was told from."""
    total: int
    fire_times: list[datetime]
    """The fire times that get a job, in the order in which the jobs are made."""
    left_out: dict[Literal["has_run", "live", "named", "to_come"], int]
    """How many fire times get none, and why."""
    unknown: int
    """Of how many of them nobody knows any more whether they have run."""
    backfill: BackfillDocument | None
    """What was begun; null for a dry run, and where no fire time gets a job."""


def backfill_document(backfill: Backfill) -> BackfillDocument:
    """Return a backfill as it is shown."""
    return BackfillDocument.model_validate(
        {name: getattr(backfill, name) for name in BackfillDocument.model_fields}
    )


def plan_document(plan: BackfillPlan) -> PlanDocument:
    """Return a plan as it is shown."""
    told = {name: getattr(plan, name) for name in PlanDocument.model_fields}
    told["left_out"] = dict(plan.left_out)
    told["backfill"] = None if plan.backfill is None else backfill_document(plan.backfill)
    return PlanDocument.model_validate(told)
