"""The scheduler as a dependency, and the ready-made router for FastAPI."""

from __future__ import annotations

from collections.abc import Callable, Collection
from inspect import Parameter, signature
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.security.base import SecurityBase

from anysched import AsyncScheduler
from anysched.integrations import _openapi
from anysched.integrations._handling import Handler, decided, make_handler, require_authorize
from anysched.integrations._lifespan import get_scheduler
from anysched.integrations._operations import Operation
from anysched.integrations._table import OPERATIONS

#: The scheduler as a parameter: ``async def pause(scheduler: SchedulerDep) -> None``.
SchedulerDep = Annotated[AsyncScheduler, Depends(get_scheduler)]


def router(*, authorize: Callable[..., Any], trusted_origins: Collection[str] = ()) -> APIRouter:
    """Return routes that list, show, pause, resume, run and remove schedules, for ``include_router``.

    They also pause and resume sets of them, skip and move single fire times, and tell who did what.

    They are described in docs/reference/http.md, and in the OpenAPI document of the application. The scheduler is
    the one of ``lifespan``.

    :param authorize: a dependency, with parameters of its own if need be. True allows; so does a name, which is noted
        as ``by`` in pauses and the audit. Anything false is answered with 403, an HTTPException as the application
        does it. A callable with one parameter that has neither annotation nor default is called with the request
    :param trusted_origins: origins, such as "https://admin.example.org", whose pages may send requests although
        they are not of this site
    :raise TypeError: when ``authorize`` cannot be called, or is a security scheme, which lets in everybody
    """
    require_authorize(authorize)
    if isinstance(authorize, SecurityBase):
        raise TypeError(
            f"authorize must check who asks: {type(authorize).__name__} only reads what was sent. Pass a dependency "
            "that depends on it, and returns a name or True for those who may"
        )
    handler = make_handler(trusted_origins)
    decision = Depends(_dependency(authorize))
    routes = APIRouter(tags=list(_openapi.TAGS))
    for operation in OPERATIONS:
        routes.add_api_route(
            operation.path,
            _endpoint(handler, operation, decision),
            methods=[operation.method],
            name=operation.name,
            operation_id=operation.name,
            summary=_openapi.summary(operation),
            description=operation.description,
            status_code=operation.status,
            response_model=operation.answer,
            responses={
                status: {"description": meaning, "model": model}
                for status, (meaning, model) in _openapi.errors(operation).items()
            },
            openapi_extra=_openapi.request_part(operation),
        )
    return routes


def _endpoint(handler: Handler, operation: Operation, decision: Any) -> Callable[..., Any]:
    async def endpoint(request: Request, scheduler: SchedulerDep, decision: object = decision) -> Response:
        return await handler.answer(operation, request, scheduler, decision)

    return endpoint


def _dependency(authorize: Callable[..., Any]) -> Callable[..., Any]:
    try:
        parameters = list(signature(authorize).parameters.values())
    except ValueError:  # a callable that does not tell
        return authorize
    # A parameter with a default, such as `user=Depends(...)`, is FastAPI's to fill.
    if len(parameters) != 1 or not parameters[0].annotation is parameters[0].default is Parameter.empty:
        return authorize

    async def of_request(request: Request) -> object:
        return await decided(authorize, request)

    return of_request
