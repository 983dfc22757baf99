"""Whether a job may start, and what becomes of one that was left behind (rules L4, J3, J4)."""

from __future__ import annotations

from datetime import datetime

import attrs

from anysched.model.job import EndedJob, Job, JobException, JobResult
from anysched.model.options import EffectiveOptions
from anysched.model.policies import JobOutcome, JobStatus, OnAbandon


def is_too_late(job: Job, now: datetime) -> bool:
    """Return whether a job has missed its start deadline; one that has started before has not (rule L4)."""
    return job.attempt == 1 and job.start_deadline is not None and now > job.start_deadline


def retries(job: Job, options: EffectiveOptions) -> bool:
    """Return whether a job whose node is gone is started again; this attempt counts (rule J3)."""
    return options.on_abandon is OnAbandon.retry and job.attempt < options.max_attempts


def next_attempt(job: Job) -> Job:
    """Return an abandoned job as it goes back into the queue."""
    return attrs.evolve(job, attempt=job.attempt + 1, status=JobStatus.queued)


def abandoned(job: Job, now: datetime) -> EndedJob:
    """Return the end of a job that was left behind for good."""
    exception = JobException("JobAbandoned", f"the node that ran attempt {job.attempt} is gone")
    return EndedJob(job, JobResult(job.id, JobOutcome.abandoned, now, exception=exception))


def cancelled(job: Job, now: datetime) -> EndedJob:
    """Return the end of a job that was cancelled before it started."""
    return EndedJob(job, JobResult(job.id, JobOutcome.cancelled, now))
