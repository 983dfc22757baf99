"""What is told of what was committed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from anysched.model.change import Change
from anysched.model.events import Event, JobAdded, JobReleased
from anysched.model.job import EndedJob


def events_of(changes: Sequence[Change], ended: Iterable[EndedJob]) -> list[Event]:
    """Return the events of changes, of the jobs that came with them, and of those that ended with them."""
    events: list[Event] = [event for change in changes for event in change.events]
    events += [JobAdded(job.id, job.task_id, job.schedule_id) for change in changes for job in change.jobs]
    for end in ended:
        events.append(JobReleased(end.job.id, end.job.task_id, end.job.schedule_id, end.result.outcome))
    return events
