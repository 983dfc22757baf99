"""Applications of both frameworks around the same scheduler, and a short way to ask them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import Any, TypeVar

import httpx2
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Mount
from starlette.testclient import TestClient

from anysched import IntervalTrigger, task
from anysched.integrations import fastapi
from anysched.integrations import starlette as in_starlette
from anysched.testing import ManualScheduler

T = TypeVar("T")

#: Where the router is put.
PREFIX = "/admin"

#: What is asked for when a test says nothing else.
DEFAULT: Any = object()


def anybody(request: Request) -> bool:
    """Allow everything."""
    return True


@task(id="noop")
async def noop(*args: Any, **kwargs: Any) -> None:
    """Do nothing."""


@task(id="other")
async def other() -> None:
    """Do nothing either."""


def application(framework: str, scheduler: Any, inner: Any = None, **options: Any) -> Any:
    """Return an application with the ready-made router.

    :param framework: "starlette" or "fastapi"
    :param scheduler: for ``lifespan``
    :param inner: for ``lifespan``
    :param options: for ``router``
    """
    options.setdefault("authorize", anybody)
    life = in_starlette.lifespan(scheduler, inner)
    if framework == "starlette":
        return Starlette(lifespan=life, routes=[Mount(PREFIX, in_starlette.router(**options))])
    app = FastAPI(lifespan=life)
    app.include_router(fastapi.router(**options), prefix=PREFIX)
    return app


@cache
def usual_application(framework: str) -> tuple[Any, list[ManualScheduler]]:
    """Return an application that lets anybody do anything, and the list that it takes its schedulers from.

    Making one takes FastAPI longer than most tests.
    """
    waiting: list[ManualScheduler] = []
    return application(framework, waiting.pop), waiting


class Api:
    """Asks the router of a running application.

    :ivar client: the client of the application
    :ivar scheduler: its scheduler, on a clock that only the test moves
    """

    def __init__(self, client: TestClient, scheduler: ManualScheduler) -> None:
        self.client = client
        self.scheduler = scheduler

    def __call__(
        self, method: str, path: str, id: str | None = None, json: Any = DEFAULT, **options: Any
    ) -> httpx2.Response:
        """Send a request, with an id in the query and a JSON body if they are given."""
        params = {} if id is None else {"id": id}
        params.update(options.pop("params", {}))
        if json is not DEFAULT:
            options["json"] = json
        return self.client.request(method, PREFIX + path, params=params, **options)

    def show(self, id: str) -> Any:
        """Return the document of a schedule."""
        answer = self("GET", "/schedule", id)
        assert 200 == answer.status_code
        return answer.json()

    def do(self, call: Callable[..., Awaitable[T]], *args: Any, **kwargs: Any) -> T:
        """Call a method of the scheduler where it runs."""
        assert self.client.portal is not None
        return self.client.portal.call(partial(call, *args, **kwargs))

    def add(self, id: str, *, seconds: float = 60, **options: Any) -> None:
        """Add a schedule whose first fire time has not come yet."""
        options.setdefault("trigger", IntervalTrigger(seconds=seconds, start_time=self.scheduler.now()))
        self.do(self.scheduler.add_schedule, options.pop("task", noop), id=id, **options)
        self.do(self.scheduler.advance)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.do(self.scheduler.advance, seconds)


@contextmanager
def serving(
    framework: str, store: Any = None, *, backend: str = "asyncio", raises: bool = True, **options: Any
) -> Iterator[Api]:
    """Serve an application while the block runs.

    :param store: the data store, by default a new one in memory
    :param raises: whether what the application raises is raised here; otherwise it is answered with 500
    :param options: for ``router``
    """
    scheduler = ManualScheduler(store)
    if options:
        app = application(framework, scheduler, **options)
    else:
        app, waiting = usual_application(framework)
        waiting.append(scheduler)
    with TestClient(app, backend=backend, raise_server_exceptions=raises) as client:  # type: ignore[arg-type]
        yield Api(client, scheduler)
