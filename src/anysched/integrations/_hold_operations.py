"""What can be asked about holds on sets of schedules; the table of all operations."""

from __future__ import annotations

from anysched import AsyncScheduler
from anysched.integrations import _hold_models as models
from anysched.integrations._answers import unpause_document
from anysched.integrations._backfill_operations import BACKFILL_OPERATIONS
from anysched.integrations._hold_models import hold_document
from anysched.integrations._operations import (
    SCHEDULE_OPERATIONS,
    Operation,
    judged,
    require_own_name,
)
from anysched.integrations._requests import NoQuery
from anysched.integrations._window_operations import WINDOW_OPERATIONS


async def list_holds(scheduler: AsyncScheduler, query: models.HoldsQuery) -> models.HoldList:
    """List what pauses schedules: holds on sets of them by id, then pauses of single ones."""
    holds = await scheduler.get_holds(schedule_id=query.schedule_id)
    return models.HoldList(holds=[hold_document(hold) for hold in holds])


async def pause_schedules(
    scheduler: AsyncScheduler, query: NoQuery, body: models.HoldRequest, name: str | None
) -> models.HoldDocument:
    """Pause all schedules that meet every condition, those included that are added later."""
    require_own_name(body.by, name)
    with judged("body"):
        hold = await scheduler.pause_schedules(
            **body.conditions,
            until=body.until,
            reason=body.reason,
            by=body.by if name is None else name,
            queued=body.queued,
            running=body.running,
            resume_from=body.resume_from,
            missed=body.missed,
        )
    return hold_document(hold)


async def unpause_schedules(
    scheduler: AsyncScheduler, query: NoQuery, body: models.LiftRequest, name: str | None
) -> models.LiftDocument:
    """Lift a hold: schedules that nothing else pauses go on."""
    with judged("body"):
        results = await scheduler.unpause_schedules(
            **body.conditions, resume_from=body.resume_from, missed=body.missed
        )
    return models.LiftDocument(schedules=[unpause_document(result) for result in results])


OPERATIONS: tuple[Operation, ...] = (
    *SCHEDULE_OPERATIONS,
    Operation(
        run=list_holds,
        method="GET",
        path="/holds",
        query=models.HoldsQuery,
        answer=models.HoldList,
        errors=(404,),
    ),
    Operation(
        run=pause_schedules,
        method="POST",
        path="/holds/place",
        query=NoQuery,
        body=models.HoldRequest,
        answer=models.HoldDocument,
        errors=(404, 409),
    ),
    Operation(
        run=unpause_schedules,
        method="POST",
        path="/holds/lift",
        query=NoQuery,
        body=models.LiftRequest,
        answer=models.LiftDocument,
        errors=(404,),
    ),
    *BACKFILL_OPERATIONS,
    *WINDOW_OPERATIONS,
)
