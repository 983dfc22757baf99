"""What can be asked about holds on sets of schedules."""

from __future__ import annotations

from anysched import AsyncScheduler
from anysched.integrations import _hold_models as models
from anysched.integrations._answers import preview_document, unpause_document
from anysched.integrations._hold_models import hold_document
from anysched.integrations._operations import Operation, author, judged
from anysched.integrations._requests import NoQuery


async def list_holds(scheduler: AsyncScheduler, query: models.HoldsQuery) -> models.HoldList:
    """List what pauses schedules: holds on sets of them by id, then pauses of single ones."""
    with judged("query"):
        holds = await scheduler.get_holds(schedule_id=query.schedule_id, longer_than=query.longer_than)
    return models.HoldList(holds=[hold_document(hold) for hold in holds])


async def pause_schedules(
    scheduler: AsyncScheduler, query: NoQuery, body: models.HoldRequest, name: str | None
) -> models.HoldDocument:
    """Pause all schedules that meet every condition, those included that are added later."""
    by = author(body.by, name)
    with judged("body"):
        hold = await scheduler.pause_schedules(
            **body.conditions,
            until=body.until,
            reason=body.reason,
            by=by,
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
    by = author(body.by, name)
    with judged("body"):
        results = await scheduler.unpause_schedules(
            **body.conditions, resume_from=body.resume_from, missed=body.missed, reason=body.reason, by=by
        )
    return models.LiftDocument(schedules=[unpause_document(result) for result in results])


async def preview_unpause_schedules(
    scheduler: AsyncScheduler, query: NoQuery, body: models.PreviewLiftRequest
) -> models.LiftPreviewDocument:
    """Tell what lifting a hold would do at this moment, and change nothing."""
    with judged("body"):
        told = await scheduler.preview_unpause_schedules(
            **body.conditions, resume_from=body.resume_from, missed=body.missed
        )
    return models.LiftPreviewDocument(schedules=[preview_document(preview) for preview in told])


HOLD_OPERATIONS: tuple[Operation, ...] = (
    Operation(
        run=list_holds,
        method="GET",
        changes=False,
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
    Operation(
        run=preview_unpause_schedules,
        method="POST",
        changes=False,
        path="/holds/preview-lift",
        query=NoQuery,
        body=models.PreviewLiftRequest,
        answer=models.LiftPreviewDocument,
        errors=(404,),
    ),
)
