"""Jobs and how they ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import attrs

from anysched.model.convert import EMPTY_MAPPING
from anysched.model.policies import JobKind, JobOutcome, JobStatus
from anysched.model.quick import quick


@quick
@attrs.frozen
class Job:
    """One request to run a task once.

    :ivar id: time-ordered
    :ivar task_id: the name of the task
    :ivar run_at: not before this instant
    :ivar created_at: when the job was written
    :ivar args: positional arguments
    :ivar kwargs: keyword arguments
    :ivar kind: who asked for it
    :ivar schedule_id: the schedule it was made from, if any
    :ivar incarnation: which incarnation of that schedule (rule S3)
    :ivar scheduled_fire_time: the nominal fire time, without jitter and lateness; for regular jobs
    :ivar start_deadline: not after this instant (rule L4); None for no limit
    :ivar attempt: which attempt this is, or will be when it starts; from 1
    :ivar job_executor: name of the job executor; None chooses by the kind of function
    :ivar result_expiration_time: how long the result is kept
    :ivar metadata: of the schedule, or as given to ``add_job``
    :ivar status: queued, held by a pause, or running
    :ivar counted: whether its end counts for its schedule: for ``pause_after_failures``, or a backfill (rules B1, F3)
    :ivar recorded: whether its end is written into the history of its schedule (rule G1)
    :ivar backfill: the backfill that it was made for, if any (rule F3)
    :ivar awaited: whether its schedule waits for its end before it has a next fire time (rule S9)
    """

    id: UUID
    task_id: str
    run_at: datetime
    created_at: datetime
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = EMPTY_MAPPING
    kind: JobKind = JobKind.direct
    schedule_id: str | None = None
    incarnation: UUID | None = None
    scheduled_fire_time: datetime | None = None
    start_deadline: datetime | None = None
    attempt: int = 1
    job_executor: str | None = None
    result_expiration_time: timedelta = timedelta(0)
    metadata: Mapping[str, Any] = EMPTY_MAPPING
    status: JobStatus = JobStatus.queued
    counted: bool = False
    recorded: bool = False
    backfill: UUID | None = None
    awaited: bool = False


@quick
@attrs.frozen
class Claim:
    """A job taken by a node, and the token that alone may complete it (rule J1).

    :ivar fault: why the stored job cannot be run, if so; it then ends with that error
    """

    job: Job
    token: int
    fault: str | None = None


@attrs.frozen
class JobException:
    """An exception of a job, as text (rule J4)."""

    type: str
    message: str
    traceback: str = ""


@quick
@attrs.frozen
class JobResult:
    """How a job ended.

    :ivar job_id: the job
    :ivar outcome: how it ended
    :ivar finished_at: when
    :ivar started_at: when it started; None if it never did
    :ivar return_value: what the task returned
    :ivar exception: what it raised, as text
    """

    job_id: UUID
    outcome: JobOutcome
    finished_at: datetime
    started_at: datetime | None = None
    return_value: Any = None
    exception: JobException | None = None


@quick
@attrs.frozen
class EndedJob:
    """A job together with its result."""

    job: Job
    result: JobResult
