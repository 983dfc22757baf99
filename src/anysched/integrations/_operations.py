"""What can be asked about schedules: one table, from which both routers and their descriptions are made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager

import attrs
from pydantic import BaseModel

from anysched import AsyncScheduler
from anysched.integrations import _answers as answers
from anysched.integrations import _requests as requests
from anysched.integrations._answers import preview_document, schedule_document, unpause_document


class InvalidValueError(Exception):
    """A value of a request cannot be used.

    :ivar where: where it stands
    """

    def __init__(self, message: str, *where: str) -> None:
        super().__init__(message)
        self.where: tuple[str, ...] = where


@attrs.frozen(kw_only=True)
class Operation:
    """One thing that can be asked.

    :ivar run: called with the scheduler and the query, then the body if there is one, then the name of who asks if it
        ``changes`` something; its name is the id of the operation, its docstring the description
    :ivar changes: whether it is asked for by somebody
    :ivar errors: statuses that it may end with, besides those that all operations share
    """

    run: Callable[..., Awaitable[BaseModel | None]]
    method: str
    path: str
    query: type[requests.Query]
    body: type[requests.Body] | None = None
    answer: type[answers.Document] | None
    status: int = 200
    errors: tuple[int, ...] = ()
    changes: bool = True

    @property
    def name(self) -> str:
        """The id of the operation."""
        return str(getattr(self.run, "__name__", ""))

    @property
    def description(self) -> str:
        """What it does."""
        return (self.run.__doc__ or "").strip()


async def list_schedules(scheduler: AsyncScheduler, query: requests.ListQuery) -> answers.SchedulePage:
    """List schedules, ordered by id."""
    found = await scheduler.get_schedules(
        paused=query.paused,
        status=query.status,
        task_id=query.task_id,
        group=query.group,
        tags=None if query.tag is None else [query.tag],
    )
    rest = [snapshot for snapshot in found if query.after is None or snapshot.id > query.after]
    page = rest[: query.limit]
    return answers.SchedulePage(
        schedules=[schedule_document(snapshot) for snapshot in page],
        next=page[-1].id if len(rest) > len(page) else None,
    )


async def get_schedule(scheduler: AsyncScheduler, query: requests.OneQuery) -> answers.ScheduleDocument:
    """Show a schedule."""
    return schedule_document(await scheduler.get_schedule(query.id))


async def pause_schedule(
    scheduler: AsyncScheduler, query: requests.OneQuery, body: requests.PauseRequest, name: str | None
) -> answers.ScheduleDocument:
    """Pause a schedule: no job is made from it until it is resumed."""
    by = author(body.by, name)
    with judged("body"):
        await scheduler.pause_schedule(
            query.id,
            until=body.until,
            reason=body.reason,
            by=by,
            queued=body.queued,
            resume_from=body.resume_from,
            missed=body.missed,
            version=body.version,
        )
    return schedule_document(await scheduler.get_schedule(query.id))


async def unpause_schedule(
    scheduler: AsyncScheduler, query: requests.OneQuery, body: requests.UnpauseRequest, name: str | None
) -> answers.UnpauseDocument:
    """Resume a paused schedule, and tell what that did."""
    by = author(body.by, name)
    with judged("body"):
        done = await scheduler.unpause_schedule(
            query.id,
            resume_from=body.resume_from,
            missed=body.missed,
            reason=body.reason,
            by=by,
            version=body.version,
        )
    return unpause_document(done)


async def preview_unpause(scheduler: AsyncScheduler, query: requests.PreviewQuery) -> answers.PreviewDocument:
    """Tell what a resume would do at this moment, and change nothing."""
    with judged("query"):
        told = await scheduler.preview_unpause(query.id, resume_from=query.resume_from, missed=query.missed)
    return preview_document(told)


async def run_schedule(
    scheduler: AsyncScheduler, query: requests.OneQuery, body: requests.RunRequest, name: str | None
) -> answers.JobDocument:
    """Make one job of a schedule now; its fire times do not move, a pause does not matter."""
    by = author(body.by, name)
    with judged("body"):
        return answers.JobDocument(job_id=await scheduler.run_schedule(query.id, reason=body.reason, by=by))


async def remove_schedule(scheduler: AsyncScheduler, query: requests.RemoveQuery, name: str | None) -> None:
    """Remove a schedule and its queued jobs; running ones go on."""
    by = author(query.by, name, "query")
    with judged("query"):
        await scheduler.remove_schedule(query.id, reason=query.reason, by=by, version=query.version)


def author(by: str | None, name: str | None, where: str = "body") -> str | None:
    """Return who asks: by the name that the server knows, else as the request says.

    :raise InvalidValueError: when it says the name of somebody else
    """
    if name is None:
        return by
    if by not in (None, name):
        raise InvalidValueError("must be left out, or be the name that you are known by here", where, "by")
    return name


@contextmanager
def judged(where: str) -> Generator[None]:
    """What only the scheduler can judge, such as whether an instant lies in the past, is a matter of the request."""
    try:
        yield
    except ValueError as exc:
        raise InvalidValueError(str(exc), where) from exc


SCHEDULE_OPERATIONS: tuple[Operation, ...] = (
    Operation(
        run=list_schedules,
        method="GET",
        changes=False,
        path="/schedules",
        query=requests.ListQuery,
        answer=answers.SchedulePage,
    ),
    # The id stands in the query: in a path, clients, proxies and servers change ids such as "a/b" and "..".
    Operation(
        run=get_schedule,
        method="GET",
        changes=False,
        path="/schedule",
        query=requests.OneQuery,
        answer=answers.ScheduleDocument,
        errors=(404,),
    ),
    Operation(
        run=pause_schedule,
        method="POST",
        path="/schedule/pause",
        query=requests.OneQuery,
        body=requests.PauseRequest,
        answer=answers.ScheduleDocument,
        errors=(404, 409),
    ),
    Operation(
        run=unpause_schedule,
        method="POST",
        path="/schedule/unpause",
        query=requests.OneQuery,
        body=requests.UnpauseRequest,
        answer=answers.UnpauseDocument,
        errors=(404, 409),
    ),
    Operation(
        run=preview_unpause,
        method="GET",
        changes=False,
        path="/schedule/preview-unpause",
        query=requests.PreviewQuery,
        answer=answers.PreviewDocument,
        errors=(404,),
    ),
    Operation(
        run=run_schedule,
        method="POST",
        path="/schedule/run",
        query=requests.OneQuery,
        body=requests.RunRequest,
        answer=answers.JobDocument,
        status=202,
        errors=(404, 409),
    ),
    Operation(
        run=remove_schedule,
        method="DELETE",
        path="/schedule",
        query=requests.RemoveQuery,
        answer=None,
        status=204,
        errors=(404, 409),
    ),
)
