"""What the code of a job can ask about itself, and how a clock for tests knows it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

from anysched._clock import Clock, activity_owner
from anysched._text import printable
from anysched.model.job import Job

#: The job that runs now; set inside jobs only.
current_job: ContextVar[Job] = ContextVar("current_job")


@contextmanager
def acting(clock: Clock, who: str, job: Job) -> Generator[None]:
    """Have a job hold the activity token of ``who``, so that its sleeps count as such."""
    # Attempts are told apart: one that its node does not know to be lost may still run.
    owner = f"attempt {job.attempt} of job {job.id} of {printable(job.task_id)}"
    clock.hold(owner)
    clock.release(who)
    former = activity_owner.set(owner)
    try:
        yield
    finally:
        activity_owner.reset(former)
        clock.hold(who)
        clock.release(owner)
