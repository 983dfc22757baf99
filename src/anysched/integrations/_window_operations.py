"""What can be asked about windows."""

from __future__ import annotations

from anysched import AsyncScheduler, CronTrigger
from anysched.integrations import _window_models as models
from anysched.integrations._operations import Operation, author, judged
from anysched.integrations._requests import NoQuery
from anysched.integrations._window_models import window_document


async def list_windows(scheduler: AsyncScheduler, query: models.WindowsQuery) -> models.WindowList:
    """List when schedules do not run, by the ids of the windows that say so."""
    windows = await scheduler.get_windows(schedule_id=query.schedule_id)
    return models.WindowList(windows=[window_document(window) for window in windows])


async def add_window(
    scheduler: AsyncScheduler, query: NoQuery, body: models.WindowRequest, name: str | None
) -> models.WindowDocument:
    """Say when all schedules that meet every condition do not run, those included that are added later."""
    by = author(body.by, name)
    with judged("body"):
        placed = await scheduler.add_window(
            body.id,
            mode=body.mode,
            trigger=None if body.cron is None else CronTrigger(body.cron),
            duration=body.duration,
            dates=[(start, end) for start, end in body.dates],
            timezone=body.timezone,
            **body.conditions,
            allow_overlap=body.allow_overlap,
            reason=body.reason,
            by=by,
        )
    return window_document(placed)


async def remove_window(
    scheduler: AsyncScheduler, query: NoQuery, body: models.RemoveWindowRequest, name: str | None
) -> None:
    """Remove a window: what it covered and is to come runs again."""
    by = author(body.by, name)
    with judged("body"):
        await scheduler.remove_window(body.id, reason=body.reason, by=by)


WINDOW_OPERATIONS: tuple[Operation, ...] = (
    Operation(
        run=list_windows,
        method="GET",
        changes=False,
        path="/windows",
        query=models.WindowsQuery,
        answer=models.WindowList,
        errors=(404,),
    ),
    Operation(
        run=add_window,
        method="POST",
        path="/windows/add",
        query=NoQuery,
        body=models.WindowRequest,
        answer=models.WindowDocument,
        errors=(404, 409),
    ),
    Operation(
        run=remove_window,
        method="POST",
        path="/windows/remove",
        query=NoQuery,
        body=models.RemoveWindowRequest,
        answer=None,
        status=204,
        errors=(404, 409),
    ),
)
