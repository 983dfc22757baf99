"""The ready-made router for Starlette."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from functools import partial

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router

from anysched.integrations import _openapi
from anysched.integrations._handling import (
    Handler,
    Refusal,
    decided,
    make_handler,
    require_authorize,
    who_may,
)
from anysched.integrations._lifespan import get_scheduler
from anysched.integrations._operations import Operation
from anysched.integrations._table import OPERATIONS

#: Says who may: True or the name of who asks, or something false. It may raise Starlette's HTTPException.
Authorize = Callable[[Request], Awaitable[bool | str | None] | bool | str | None]


def router(*, authorize: Authorize, trusted_origins: Collection[str] = ()) -> Router:
    """Return routes that list, show, pause, resume, run and remove schedules, for ``Mount(path, app=router(...))``.

    They also pause and resume sets of them, skip and move single fire times, and tell who did what.

    They are described in docs/reference/http.md and, for machines, at ``openapi.json`` beside them. The scheduler
    is the one of ``lifespan``.

    :param authorize: called with each request, in a thread if it is no coroutine function. True allows; so does a
        name, which is noted as ``by`` in pauses and the audit. Anything false is answered with 403, an
        HTTPException as the application does it
    :param trusted_origins: origins, such as "https://admin.example.org", whose pages may send requests although
        they are not of this site
    :raise TypeError: when ``authorize`` cannot be called
    """
    require_authorize(authorize)
    handler = make_handler(trusted_origins)
    routes = [
        Route(
            operation.path,
            partial(_endpoint, handler, authorize, operation),
            methods=[operation.method],
            name=operation.name,
        )
        for operation in OPERATIONS
    ]
    return Router([*routes, Route("/openapi.json", partial(_describe, authorize), name="schedules_openapi")])


async def _endpoint(
    handler: Handler, authorize: Authorize, operation: Operation, request: Request
) -> Response:
    decision = await decided(authorize, request)
    return await handler.answer(operation, request, get_scheduler(request), decision)


async def _describe(authorize: Authorize, request: Request) -> Response:
    try:
        who_may(await decided(authorize, request))
    except Refusal as refusal:
        return refusal.response
    return JSONResponse(_openapi.document(request.scope.get("root_path") or "/"))
