"""A scheduler that lives as long as a Starlette or FastAPI application."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any

import anyio
from starlette.applications import Starlette
from starlette.requests import HTTPConnection
from starlette.routing import Router

from anysched import AsyncScheduler, RunState, SchedulerStateError

#: Where the scheduler is found: ``request.state.scheduler``, and ``app.state.scheduler`` for the inner lifespan.
KEY = "scheduler"

Lifespan = Callable[[Any], AbstractAsyncContextManager[Mapping[str, Any]]]
InnerLifespan = Callable[[Any], AbstractAsyncContextManager[Mapping[str, Any] | None]]


def lifespan(
    scheduler: AsyncScheduler | Callable[[], AsyncScheduler], inner: InnerLifespan | None = None
) -> Lifespan:
    """Return a lifespan that runs a scheduler, for ``Starlette(lifespan=...)`` and ``FastAPI(lifespan=...)``.

    The scheduler starts before the application serves, and stops in order afterwards (rule J6). Requests find it
    as ``request.state.scheduler``, those to mounted applications too. A fault of the scheduler is logged when it
    happens; the application goes on serving, calls of the scheduler then raise ``SchedulerStateError``, and the
    end of the lifespan raises ``SchedulerFaultError``.

    :param scheduler: a callable that makes the scheduler, called each time the application starts; or a scheduler
        that has not been started, and serves for one start
    :param inner: the application's own lifespan. It runs while the scheduler does, and finds it as
        ``app.state.scheduler``; the state that it yields is kept
    :raise TypeError: when ``scheduler`` is, or makes, something else
    :raise SchedulerStateError: on entering, when the scheduler has been started before
    """
    if isinstance(scheduler, Starlette | Router):  # which calls what it was given
        raise TypeError("pass `lifespan=lifespan(make_scheduler)` to the application, not `lifespan` itself")
    if not isinstance(scheduler, AsyncScheduler) and not callable(scheduler):
        raise TypeError(
            f"scheduler must be an AsyncScheduler or a callable that makes one, not {scheduler!r}"
        )

    @asynccontextmanager
    async def running(app: Any) -> AsyncGenerator[Mapping[str, Any]]:
        made = _new(scheduler)
        async with (
            _started(made),
            _placed(app, made),
            nullcontext() if inner is None else inner(app) as state,
        ):
            if state is not None and KEY in state:
                raise ValueError(f"the state of the inner lifespan must leave {KEY!r} to the scheduler")
            yield {**(state or {}), KEY: made}

    return running


def get_scheduler(connection: HTTPConnection) -> AsyncScheduler:
    """Return the scheduler that serves a request or a websocket; in FastAPI also a dependency.

    :raise SchedulerStateError: when the application does not run inside ``lifespan``
    """
    found = getattr(connection.state, KEY, None)
    if not isinstance(found, AsyncScheduler):
        raise SchedulerStateError(
            "the application runs without a scheduler: give the outermost application `lifespan=lifespan(...)`, "
            "and enter its lifespan, in tests by `with TestClient(app)`"
        )
    return found


def _new(scheduler: AsyncScheduler | Callable[[], AsyncScheduler]) -> AsyncScheduler:
    made = scheduler if isinstance(scheduler, AsyncScheduler) else scheduler()
    if not isinstance(made, AsyncScheduler):
        raise TypeError(f"{scheduler!r} must make an AsyncScheduler, not {made!r}")
    if made.state is not RunState.created:
        raise SchedulerStateError(
            f"a scheduler runs once, and this one is {made.state}: where an application starts more than once, "
            "pass a callable that makes one, as in `lifespan(lambda: AsyncScheduler(...))`"
        )
    return made


@asynccontextmanager
async def _started(scheduler: AsyncScheduler) -> AsyncGenerator[None]:
    """Run the scheduler in a task of its own: in ``async with``, its fault would cancel the application."""
    await scheduler.start()
    try:
        yield
    finally:
        try:
            await scheduler.stop()
        finally:
            with anyio.CancelScope(shield=True):  # who is cancelled gives no more grace
                await scheduler.stop(grace=0)


@asynccontextmanager
async def _placed(app: Any, scheduler: AsyncScheduler) -> AsyncGenerator[None]:
    state = getattr(app, "state", None)  # a bare router has none
    if state is None:
        yield
        return
    setattr(state, KEY, scheduler)
    try:
        yield
    finally:
        delattr(state, KEY)
