"""What is told of what was committed."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from anysched.model.change import Change
from anysched.model.events import Event, JobAdded, JobReleased
from anysched.model.job import EndedJob


def events_of(changes: Sequence[Change], ended: Collection[EndedJob]) -> list[Event]:
    """Return the events of changes, of the jobs that came with them, and of those that ended with them."""
    if len(changes) == 1 and not changes[0].jobs and not ended:
        return [*changes[0].events]
    events: list[Event] = [event for change in changes for event in change.events]
    events += [JobAdded(job.id, job.task_id, job.schedule_id) for change in changes for job in change.jobs]
    for end in ended:
        events.append(JobReleased(end.job.id, end.job.task_id, end.job.schedule_id, end.result.outcome))
    return events
