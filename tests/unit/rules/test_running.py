"""Whether a job may start, and what becomes of one that was left behind."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import attrs
import pytest
from tests.unit.rules.support import SECOND, T0, at

from anysched.model.job import EndedJob, Job, JobException, JobResult
from anysched.model.options import EffectiveOptions
from anysched.model.policies import JobOutcome, JobStatus, OnAbandon
from anysched.model.task import Task, TaskDefaults, TaskOptions
from anysched.rules.options import effective_options
from anysched.rules.retention import expiry
from anysched.rules.running import abandoned, cancelled, is_too_late, next_attempt, retries
from anysched.rules.times import END

JOB = Job(UUID(int=1), "task", T0, T0, start_deadline=at(5))


def options(**declared: object) -> EffectiveOptions:
    return effective_options(None, Task("task", declared=TaskOptions(**declared)), TaskDefaults())  # type: ignore[arg-type]


def test_start_deadline() -> None:
    """rule L4: a job must have started by its deadline, inclusive; one without a deadline is never too late."""
    assert not is_too_late(JOB, at(5))
    assert is_too_late(JOB, at(5.000001))
    assert not is_too_late(attrs.evolve(JOB, start_deadline=None), at(10**9))


def test_start_deadline_of_a_retry() -> None:
    """rules L4 and J3: a job that did start in time is not too late when it is started again."""
    assert not is_too_late(attrs.evolve(JOB, attempt=2), at(99))


@pytest.mark.parametrize(
    ("attempt", "most", "expected"), [(1, 1, False), (1, 2, True), (2, 3, True), (3, 3, False)]
)
def test_retries(attempt: int, most: int, expected: bool) -> None:
    """rule J3: an abandoned job is started again while attempts are left, this one counted; never under "fail"."""
    job = attrs.evolve(JOB, attempt=attempt)
    assert expected is retries(job, options(max_attempts=most))
    assert not retries(job, options(max_attempts=most, on_abandon=OnAbandon.fail))


def test_next_attempt() -> None:
    """rule J3: the next attempt is the same job with its attempts counted."""
    running = attrs.evolve(JOB, status=JobStatus.running)
    assert attrs.evolve(JOB, attempt=2) == next_attempt(running)


def test_ends_without_a_run() -> None:
    """rules J3 and J4: a job that never comes back, or is cancelled before it starts, ends in an outcome too."""
    exception = JobException("JobAbandoned", "the node that ran attempt 1 is gone")
    assert EndedJob(JOB, JobResult(JOB.id, JobOutcome.abandoned, at(9), exception=exception)) == abandoned(
        JOB, at(9)
    )
    assert EndedJob(JOB, JobResult(JOB.id, JobOutcome.cancelled, at(9))) == cancelled(JOB, at(9))


def test_expiry() -> None:
    """rule J4: results are kept for as long as was asked, at most to the end of the calendar."""
    assert at(5) == expiry(T0, 5 * SECOND)
    assert END == expiry(T0, timedelta.max)
