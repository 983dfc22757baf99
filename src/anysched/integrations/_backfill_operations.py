"""What can be asked about backfills."""

from __future__ import annotations

from anysched import AsyncScheduler
from anysched.integrations import _backfill_models as models
from anysched.integrations._backfill_models import backfill_document, plan_document
from anysched.integrations._operations import Operation, author, judged
from anysched.integrations._requests import AskedBody, OneQuery


async def list_backfills(scheduler: AsyncScheduler, query: models.BackfillsQuery) -> models.BackfillList:
    """List backfills under way and the latest that are over, in the order in which they were asked for."""
    found = await scheduler.get_backfills(query.schedule_id)
    return models.BackfillList(backfills=[backfill_document(backfill) for backfill in found])


async def backfill(
    scheduler: AsyncScheduler, query: OneQuery, body: models.BackfillRequest, name: str | None
) -> models.PlanDocument:
    """Make jobs for fire times of the past, bit by bit, or tell which these would be."""
    by = author(body.by, name)
    with judged("body"):
        plan = await scheduler.backfill(
            query.id,
            body.start,
            body.end,
            reprocess=body.reprocess,
            order=body.order,
            max_running=body.max_running,
            dry_run=body.dry_run,
            reason=body.reason,
            by=by,
        )
    return plan_document(plan)


async def pause_backfill(
    scheduler: AsyncScheduler, query: models.BackfillQuery, body: AskedBody, name: str | None
) -> models.BackfillDocument:
    """Let a backfill make no more jobs for now; those that there are go on."""
    by = author(body.by, name)
    with judged("query"):
        return backfill_document(await scheduler.pause_backfill(query.id, reason=body.reason, by=by))


async def resume_backfill(
    scheduler: AsyncScheduler, query: models.BackfillQuery, body: AskedBody, name: str | None
) -> models.BackfillDocument:
    """Let a paused backfill go on."""
    by = author(body.by, name)
    with judged("query"):
        return backfill_document(await scheduler.resume_backfill(query.id, reason=body.reason, by=by))


async def cancel_backfill(
    scheduler: AsyncScheduler, query: models.BackfillQuery, body: AskedBody, name: str | None
) -> models.BackfillDocument:
    """End a backfill and its queued jobs; running ones go on."""
    by = author(body.by, name)
    with judged("body"):
        return backfill_document(await scheduler.cancel_backfill(query.id, reason=body.reason, by=by))


BACKFILL_OPERATIONS: tuple[Operation, ...] = (
    Operation(
        run=list_backfills,
        method="GET",
        changes=False,
        path="/backfills",
        query=models.BackfillsQuery,
        answer=models.BackfillList,
        errors=(404,),
    ),
    Operation(
        run=backfill,
        method="POST",
        path="/schedule/backfill",
        query=OneQuery,
        body=models.BackfillRequest,
        answer=models.PlanDocument,
        errors=(404, 409),
    ),
    *(
        Operation(
            run=run,
            method="POST",
            path=f"/backfill/{verb}",
            query=models.BackfillQuery,
            body=AskedBody,
            answer=models.BackfillDocument,
            errors=(404,),
        )
        for verb, run in (("pause", pause_backfill), ("resume", resume_backfill), ("cancel", cancel_backfill))
    ),
)
