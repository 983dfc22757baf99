"""Who may use the ready-made router, and under what name."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import Depends, FastAPI
from fastapi.security import APIKeyHeader, HTTPBearer, OAuth2PasswordBearer
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.testclient import TestClient
from tests.integrations.support import serving

from anysched.integrations import fastapi
from anysched.integrations import starlette as in_starlette
from anysched.integrations._table import OPERATIONS
from anysched.testing import ManualScheduler

FORBIDDEN = {"detail": "not allowed"}


@pytest.fixture(params=[in_starlette.router, fastapi.router], ids=["starlette", "fastapi"])
def router(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """The function that makes the router."""
    made: Callable[..., Any] = request.param
    return made


@pytest.mark.parametrize("authorize", [None, True, "admin", ["admin"]])
def test_no_router_without_a_callable(router: Callable[..., Any], authorize: object) -> None:
    """There is no router without a callable that says who may; the error says why that matters."""
    with pytest.raises(TypeError, match="a mounted application is not guarded by the dependencies"):
        router(authorize=authorize)
    with pytest.raises(TypeError, match="authorize"):
        router()


@pytest.mark.parametrize(
    "scheme",
    [OAuth2PasswordBearer("token"), APIKeyHeader(name="X-Key"), HTTPBearer()],
    ids=lambda s: type(s).__name__,
)
def test_a_security_scheme_checks_nothing(scheme: Any) -> None:
    """A scheme that only reads what was sent is no permission: whatever was sent would count as a name."""
    with pytest.raises(TypeError, match="only reads what was sent"):
        fastapi.router(authorize=scheme)


def test_a_parameter_with_a_default_is_a_dependency() -> None:
    """What a parameter without annotation depends on is asked; the request does not take its place."""

    def who(request: Request) -> str:
        raise HTTPException(401, "who are you?")

    def authorize(user=Depends(who)):  # noqa: B008
        return True

    with serving("fastapi", authorize=authorize) as api:
        assert 401 == api("GET", "/schedules").status_code


def test_origins_are_not_a_string(router: Callable[..., Any]) -> None:
    """One origin in place of several is refused, as each of its letters would count as one."""
    with pytest.raises(TypeError, match="trusted_origins must be a collection"):
        router(authorize=lambda request: True, trusted_origins="https://example.org")


class Asked:
    """A callable object."""

    def __call__(self, request: Request) -> str:
        return "ann"


class AskedAsync:
    """An asynchronous callable object."""

    async def __call__(self, request: Request) -> str:
        return "ann"


async def asked_async(request: Request) -> str:
    """Allow as ann."""
    return "ann"


@pytest.mark.parametrize(
    "authorize",
    [
        lambda request: "ann",
        asked_async,
        Asked(),
        AskedAsync(),
        Asked().__call__,
        lambda request: asked_async(request),  # noqa: PLW0108  (not a coroutine function)
    ],
    ids=["function", "coroutine function", "object", "async object", "method", "awaitable"],
)
def test_kinds_of_callables(framework: str, anyio_backend: str, authorize: Any) -> None:
    """Who may is said by a function or a coroutine function, in any of their forms; a name is kept with a pause."""
    with serving(framework, backend=anyio_backend, authorize=authorize) as api:
        api.add("a")
        assert "ann" == api("POST", "/schedule/pause", "a").json()["pause"]["by"]


def test_refused_by_default(framework: str) -> None:
    """Whatever is false allows nothing: every route answers 403, and nothing happens."""
    decision: object = None
    with serving(framework, authorize=lambda request: decision) as api:
        api.add("a")
        for nothing in (False, None, "", 0, []):
            decision = nothing
            for operation in OPERATIONS:
                answer = api(operation.method, operation.path, "a")
                assert (403, FORBIDDEN) == (answer.status_code, answer.json()), operation.name
            if framework == "starlette":
                assert 403 == api("GET", "/openapi.json").status_code
        assert "active" == str(api.do(api.scheduler.get_schedule, "a").status)


def generator(request: Request) -> Any:
    """Look like a function that allows."""
    yield True


def test_an_object_allows_nothing(framework: str) -> None:
    """What is merely true, such as a user, is no permission: that is an error of the program, told as such."""
    decision: object = None
    with serving(framework, authorize=lambda request: decision) as api:
        for thing in (object(), 1, {"name": "ann"}):
            decision = thing
            with pytest.raises(TypeError, match="authorize must return True, False or a name, not"):
                api("GET", "/schedules")


def test_a_generator_function_allows_nothing() -> None:
    """In Starlette, a generator function would seem to allow everything."""
    with serving("starlette", authorize=generator) as api, pytest.raises(TypeError, match="not generator"):
        api("GET", "/schedules")


def test_an_http_exception_passes(framework: str) -> None:
    """An HTTPException of ``authorize`` is answered as the application answers it."""

    def authorize(request: Request) -> bool:
        raise HTTPException(401, "who are you?", {"www-authenticate": "Bearer"})

    with serving(framework, authorize=authorize) as api:
        answer = api("GET", "/schedules")
        assert (401, "Bearer") == (answer.status_code, answer.headers["www-authenticate"])
        assert "who are you?" in answer.text


def test_an_error_allows_nothing(framework: str) -> None:
    """When ``authorize`` fails, nothing is allowed."""
    with serving(framework, authorize=lambda request: 1 / 0, raises=False) as api:
        assert 500 == api("GET", "/schedules").status_code


def test_a_function_may_block(framework: str, anyio_backend: str) -> None:
    """A plain function is called in a thread, so that it may ask a database."""
    seen = []

    def authorize(request: Request) -> bool:
        seen.append(threading.get_ident())
        return True

    with serving(framework, backend=anyio_backend, authorize=authorize) as api:
        assert 200 == api("GET", "/schedules").status_code

        async def loop_thread() -> int:
            return threading.get_ident()

        assert seen != [api.do(loop_thread)]


def test_a_name_cannot_be_forged(framework: str) -> None:
    """Where ``authorize`` gives a name, a client cannot give another one; its own is no harm."""
    with serving(framework, authorize=lambda request: "ann") as api:
        api.add("a")
        answer = api("POST", "/schedule/pause", "a", json={"by": "bob"})
        assert (422, ["body", "by"]) == (answer.status_code, answer.json()["detail"][0]["loc"])
        assert not api.show("a")["paused"]
        assert 200 == api("POST", "/schedule/pause", "a", json={"by": "ann"}).status_code
        assert "ann" == api.show("a")["pause"]["by"]


#: Headers of requests that would change something, and whether they may.
PAGES: list[tuple[dict[str, str], bool]] = [
    ({}, True),
    ({"sec-fetch-site": "same-origin"}, True),
    ({"sec-fetch-site": "none"}, True),
    ({"sec-fetch-site": "same-origin", "origin": "http://elsewhere.test"}, True),
    ({"sec-fetch-site": "same-site"}, False),
    ({"sec-fetch-site": "cross-site"}, False),
    ({"sec-fetch-site": "odd"}, False),
    ({"origin": "http://testserver"}, True),
    ({"origin": "http://testserver:81"}, False),
    ({"origin": "http://elsewhere.test"}, False),
    ({"origin": "null"}, False),
    ({"origin": "http://["}, False),
    ({"sec-fetch-site": "cross-site", "origin": "https://trusted.test"}, True),
    ({"origin": "https://trusted.test"}, True),
    ({"origin": "https://trusted.test.evil.test"}, False),
]


def test_pages_of_other_sites(framework: str) -> None:
    """A page of another site cannot make a browser change anything; reading is guarded by the browser."""
    with serving(framework, trusted_origins=["https://trusted.test"]) as api:
        for headers, allowed in PAGES:
            api.add("a")
            for method, path, good in [
                ("POST", "/schedule/pause", 200),
                ("POST", "/schedule/unpause", 200),
                ("POST", "/schedule/run", 202),
                ("DELETE", "/schedule", 204),
            ]:
                answer = api(method, path, "a", headers=headers)
                assert (good if allowed else 403) == answer.status_code, headers
            assert 200 == api("GET", "/schedules", headers=headers).status_code


def test_a_mounted_application_is_guarded() -> None:
    """A mounted application gets none of its parent's dependencies, and is guarded all the same."""

    def guard() -> None:
        raise HTTPException(401)

    sub = FastAPI()
    sub.include_router(fastapi.router(authorize=lambda request: "key" in request.headers))
    app = FastAPI(lifespan=fastapi.lifespan(ManualScheduler), dependencies=[Depends(guard)])
    app.mount("/sub", sub)
    app.mount("/starlette", in_starlette.router(authorize=lambda request: "key" in request.headers))
    with TestClient(app) as client:
        for path in ("/sub/schedules", "/starlette/schedules"):
            assert 403 == client.get(path).status_code
            assert 200 == client.get(path, headers={"key": "x"}).status_code
