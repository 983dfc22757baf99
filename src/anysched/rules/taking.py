"""Which jobs a node can take as they are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from datetime import datetime

from anysched.model.job import Job
from anysched.model.policies import JobStatus


def can_take(
    jobs: Sequence[Job],
    now: datetime,
    most: int,
    known: Set[str],
    limit: Callable[[str], int | None],
) -> bool:
    """Return whether a node can take all of these new jobs, provided that nothing waits before them.

    Jobs of a task with a limit go through the queue, where they are counted (rule J5).

    :param most: for how many jobs it has room
    :param known: the tasks that it can run
    :param limit: tells how many jobs of a task may run at once, None for any number
    """
    if not 0 < len(jobs) <= most:
        return False
    names = {job.task_id for job in jobs}
    return (
        names <= known
        and all(job.run_at <= now and job.status is JobStatus.queued for job in jobs)
        and all(limit(name) is None for name in names)
    )
