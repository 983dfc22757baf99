"""What can be asked about single fire times: skipping and moving them, and taking that back."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime

from anysched import AsyncScheduler
from anysched.integrations._answers import Document, ScheduleDocument, schedule_document
from anysched.integrations._operations import Operation, author, judged
from anysched.integrations._requests import AskedBody, Instant, InstantOrNext, OneQuery


class RestoreRequest(AskedBody):
    """Which fire time is again to be what the trigger says."""

    fire_time: Instant
    """The fire time, as the trigger says it."""
    version: str | None = None
    """Do so only if this is still the version of the schedule."""


class SkipRequest(AskedBody):
    """Which fire time to leave out."""

    fire_time: InstantOrNext = "next"
    """A fire time to come, as the trigger says it, or what is due next."""
    version: str | None = None
    """Skip it only if this is still the version of the schedule."""


class MoveRequest(AskedBody):
    """Which fire time to run at another instant."""

    fire_time: InstantOrNext = "next"
    """A fire time to come, as the trigger says it, or what is due next."""
    to: Instant
    """When to run it."""
    version: str | None = None
    """Move it only if this is still the version of the schedule."""


class ChangedFireTime(Document):
    """A fire time that was changed, and its schedule as it is now."""

    fire_time: datetime
    schedule: ScheduleDocument


async def skip_fire_time(
    scheduler: AsyncScheduler, query: OneQuery, body: SkipRequest, name: str | None
) -> ChangedFireTime:
    """Leave out one fire time of a schedule."""
    by = author(body.by, name)
    called = scheduler.skip_fire_time(
        query.id, body.fire_time, reason=body.reason, by=by, version=body.version
    )
    return await _changed(scheduler, query.id, called)


async def move_fire_time(
    scheduler: AsyncScheduler, query: OneQuery, body: MoveRequest, name: str | None
) -> ChangedFireTime:
    """Run one fire time of a schedule at another instant, earlier or later."""
    by = author(body.by, name)
    called = scheduler.move_fire_time(
        query.id, body.fire_time, to=body.to, reason=body.reason, by=by, version=body.version
    )
    return await _changed(scheduler, query.id, called)


async def restore_fire_time(
    scheduler: AsyncScheduler, query: OneQuery, body: RestoreRequest, name: str | None
) -> ChangedFireTime:
    """Take back that a fire time was skipped or moved."""
    by = author(body.by, name)
    called = scheduler.restore_fire_time(
        query.id, body.fire_time, reason=body.reason, by=by, version=body.version
    )
    return await _changed(scheduler, query.id, called, body.fire_time)


async def _changed(
    scheduler: AsyncScheduler,
    schedule_id: str,
    called: Awaitable[datetime | None],
    fire_time: datetime | None = None,
) -> ChangedFireTime:
    with judged("body"):
        found = await called or fire_time
    assert found is not None
    snapshot = await scheduler.get_schedule(schedule_id)
    return ChangedFireTime(fire_time=found, schedule=schedule_document(snapshot))


FIRE_TIME_OPERATIONS: tuple[Operation, ...] = (
    Operation(
        run=skip_fire_time,
        method="POST",
        path="/schedule/skip-fire-time",
        query=OneQuery,
        body=SkipRequest,
        answer=ChangedFireTime,
        errors=(404, 409),
    ),
    Operation(
        run=move_fire_time,
        method="POST",
        path="/schedule/move-fire-time",
        query=OneQuery,
        body=MoveRequest,
        answer=ChangedFireTime,
        errors=(404, 409),
    ),
    Operation(
        run=restore_fire_time,
        method="POST",
        path="/schedule/restore-fire-time",
        query=OneQuery,
        body=RestoreRequest,
        answer=ChangedFireTime,
        errors=(404, 409),
    ),
)
