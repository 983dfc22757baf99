"""One request to the HTTP interface: whether it may, what it says, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import aclosing
from inspect import isawaitable, iscoroutinefunction
from typing import TypeVar

import attrs
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from anysched import (
    AsyncScheduler,
    BackfillLookupError,
    ConflictingBackfillError,
    ConflictingHoldError,
    DeserializationError,
    HoldLookupError,
    ScheduleChangedError,
    ScheduleLookupError,
    SchedulerStateError,
    StoreUnavailableError,
    TriggerError,
    WindowLookupError,
)
from anysched.integrations._operations import InvalidValueError, Operation

#: Bytes that a body may have.
LARGEST_BODY = 65_536

#: Seconds after which it is worth asking again.
RETRY_AFTER = 5

NO_STORE = {"Cache-Control": "no-store"}

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

#: What was asked about is not there.
_LOOKUPS = (ScheduleLookupError, HoldLookupError, WindowLookupError, BackfillLookupError)

#: What the schedule, hold or backfill as it is stands in the way of.
_CONFLICTS = (
    ScheduleChangedError,
    ConflictingHoldError,
    ConflictingBackfillError,
    DeserializationError,
    TriggerError,
)

M = TypeVar("M", bound=BaseModel)


class Refusal(Exception):
    """The request is answered with an error."""

    def __init__(self, status: int, detail: object, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.response: JSONResponse = JSONResponse(
            {"detail": detail}, status, headers={**NO_STORE, **(headers or {})}
        )


@attrs.frozen
class Handler:
    """Answers requests that the application's ``authorize`` has decided about.

    :ivar trusted_origins: origins of other sites whose pages may send requests
    """

    trusted_origins: frozenset[str]

    async def answer(
        self, operation: Operation, request: Request, scheduler: AsyncScheduler, decision: object
    ) -> Response:
        """Return what an operation comes to, or why it was refused."""
        try:
            return await self._answer(operation, request, scheduler, decision)
        except Refusal as refusal:
            return refusal.response

    async def _answer(
        self, operation: Operation, request: Request, scheduler: AsyncScheduler, decision: object
    ) -> Response:
        name = who_may(decision)
        self._require_own_page(request)
        query = _query(operation.query, request)
        given: list[object] = [query]
        if operation.body is not None:
            given.append(await _body(operation.body, request))
        if operation.changes:
            given.append(name)
        try:
            done = await operation.run(scheduler, *given)
        except InvalidValueError as exc:
            raise _invalid(exc.where, str(exc)) from exc
        except _LOOKUPS as exc:
            raise Refusal(404, str(exc)) from exc
        except _CONFLICTS as exc:
            raise Refusal(409, str(exc)) from exc
        except StoreUnavailableError as exc:
            raise _unavailable("the data store does not answer") from exc
        except SchedulerStateError as exc:
            raise _unavailable("the scheduler is not running") from exc
        if done is None:
            return Response(status_code=operation.status, headers=NO_STORE)
        return Response(done.model_dump_json(), operation.status, NO_STORE, "application/json")

    def _require_own_page(self, request: Request) -> None:
        """Refuse what a page of another site makes a browser send with its user's cookies.

        Browsers tell by Sec-Fetch-Site where a request comes from, or at least by Origin; other clients send neither,
        and no cookies unasked.
        """
        origin = request.headers.get("origin")
        if request.method in SAFE_METHODS or origin in self.trusted_origins:
            return
        site = request.headers.get("sec-fetch-site")
        if site is None and origin is not None:
            own = origin.partition("://")[2] == request.headers.get("host")
            site = "same-origin" if own else "cross-site"
        if site not in (None, "same-origin", "none"):
            raise Refusal(403, f"requests from pages of another site are refused ({site})")


def make_handler(trusted_origins: Collection[str]) -> Handler:
    """Return a handler. :raise TypeError: when the origins are a string"""
    if isinstance(trusted_origins, str):
        raise TypeError("trusted_origins must be a collection of origins, not a string")
    return Handler(frozenset(trusted_origins))


def require_authorize(authorize: object) -> None:
    """Refuse to serve without somebody who says who may. :raise TypeError: when it cannot be called"""
    if not callable(authorize):
        raise TypeError(
            f"authorize must be a callable that says who may use these routes, not {authorize!r}: they change "
            "schedules, and a mounted application is not guarded by the dependencies of the one around it"
        )


async def decided(authorize: Callable[[Request], object], request: Request) -> object:
    """Return what the application decides about a request; what is no coroutine function may block."""

    def boxed() -> tuple[object]:  # trio takes no awaitable from a thread as such
        return (authorize(request),)

    is_async = iscoroutinefunction(authorize) or iscoroutinefunction(type(authorize).__call__)
    (decision,) = boxed() if is_async else await run_in_threadpool(boxed)
    return await decision if isawaitable(decision) else decision


def who_may(decision: object) -> str | None:
    """Return the name of who asks, None for somebody without.

    :raise Refusal: for anything that is not true
    :raise TypeError: for what is neither an answer nor a name; an object that is merely true allows nothing
    """
    if not decision:
        raise Refusal(403, "not allowed")
    if decision is True:
        return None
    if isinstance(decision, str):
        return decision
    raise TypeError(f"authorize must return True, False or a name, not {type(decision).__name__}")


def _query(model: type[M], request: Request) -> M:
    values: dict[str, object] = {}
    for name in request.query_params:
        given = request.query_params.getlist(name)
        if len(given) > 1 and name in model.model_fields:
            raise _invalid(("query", name), "must be given once")
        values[name] = given[0]
    try:
        return model.model_validate_strings(values)
    except ValidationError as exc:
        raise _invalid_model("query", exc) from exc


async def _body(model: type[M], request: Request) -> M:
    content = await _content(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content and kind != "application/json":
        raise Refusal(415, "the body must be JSON, with `Content-Type: application/json`")
    try:
        return model.model_validate_json(content or b"{}")
    except ValidationError as exc:
        raise _invalid_model("body", exc) from exc


async def _content(request: Request) -> bytes:
    content = bytearray()
    try:
        async with aclosing(request.stream()) as stream:
            async for chunk in stream:
                content += chunk
                if len(content) > LARGEST_BODY:
                    raise Refusal(413, f"the body must not have more than {LARGEST_BODY} bytes")
    except ClientDisconnect as exc:
        raise Refusal(400, "the client has gone") from exc
    return bytes(content)


def _invalid_model(where: str, error: ValidationError) -> Refusal:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return Refusal(422, [{**one, "loc": [where, *one["loc"]]} for one in found])


def _invalid(where: tuple[str, ...], message: str) -> Refusal:
    return Refusal(422, [{"type": "value_error", "loc": list(where), "msg": message}])


def _unavailable(detail: str) -> Refusal:
    return Refusal(503, f"{detail}; ask again later", {"Retry-After": str(RETRY_AFTER)})
