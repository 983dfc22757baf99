"""What a user's call has committed is told to everybody."""

from __future__ import annotations

from anysched.engine.lifecycle import Engine
from anysched.model.events import Event, JobAdded, JobReleased
from anysched.ports.store import Committed


def published(engine: Engine, committed: Committed) -> Committed:
    """Publish what was committed, have this node look again, and return it."""
    events: list[Event] = [] if committed.hold is None else [*committed.hold.events]
    events += [event for change in committed.changes for event in change.events]
    for change in committed.changes:
        events += [JobAdded(job.id, job.task_id, job.schedule_id) for job in change.jobs]
    for ended in committed.ended:
        job = ended.job
        events.append(JobReleased(job.id, job.task_id, job.schedule_id, ended.result.outcome))
    if events:
        engine.changed(events)
    return committed
