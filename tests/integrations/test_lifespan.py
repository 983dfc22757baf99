"""A scheduler lives as long as the application around it, and requests find it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractContextManager, asynccontextmanager
from functools import partial
from typing import Any

import anyio
import anyio.from_thread
import pytest
from fastapi import FastAPI, WebSocket
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route, Router
from starlette.testclient import TestClient
from tests.engine.support import StoreProxy
from tests.integrations.support import application, noop

from anysched import AsyncScheduler, IntervalTrigger, RunState, SchedulerFaultError, SchedulerStateError
from anysched.integrations.fastapi import SchedulerDep, get_scheduler, lifespan
from anysched.stores import MemoryDataStore
from anysched.testing import ManualScheduler

pytestmark = pytest.mark.anyio


async def tell(request: Request) -> JSONResponse:
    """Answer with what the request finds."""
    scheduler = get_scheduler(request)
    return JSONResponse([scheduler.identity, len(await scheduler.get_schedules())])


@asynccontextmanager
async def adding(app: Any) -> AsyncGenerator[dict[str, Any]]:
    """An application's own lifespan, which uses the scheduler."""
    await app.state.scheduler.add_schedule(noop, IntervalTrigger(hours=1), id="a")
    yield {"own": "kept"}


def starlette_app(scheduler: Any, inner: Any = None) -> Starlette:
    """Return an application that tells of its scheduler, and so does one that is mounted in it."""
    return Starlette(
        lifespan=lifespan(scheduler, inner),
        routes=[Route("/", tell), Mount("/sub", Starlette(routes=[Route("/", tell)]))],
    )


def test_a_scheduler_for_each_start(anyio_backend: str) -> None:
    """Each time the application starts, the factory makes a scheduler, which has stopped when it ends."""
    made: list[AsyncScheduler] = []

    def make() -> AsyncScheduler:
        made.append(AsyncScheduler())
        return made[-1]

    app = starlette_app(make)
    for n in range(2):
        with TestClient(app, backend=anyio_backend) as client:  # type: ignore[arg-type]
            assert RunState.started is made[n].state
            assert [made[n].identity, 0] == client.get("/").json()
        assert RunState.stopped is made[n].state
    assert 2 == len(made)


def test_mounted_applications_find_it(anyio_backend: str) -> None:
    """A mounted application, whose own lifespan nobody enters, finds the scheduler of the one around it."""
    with TestClient(starlette_app(ManualScheduler, adding), backend=anyio_backend) as client:  # type: ignore[arg-type]
        assert 1 == client.get("/").json()[1]
        assert client.get("/").json() == client.get("/sub/").json()


def test_in_fastapi(anyio_backend: str) -> None:
    """Endpoints and websockets of FastAPI get the scheduler as a parameter, in included and mounted parts alike."""
    app, sub = FastAPI(lifespan=lifespan(ManualScheduler, adding)), FastAPI()

    @app.get("/")
    @sub.get("/")
    async def ids(scheduler: SchedulerDep) -> list[str]:
        return [schedule.id for schedule in await scheduler.get_schedules()]

    @app.websocket("/ws")
    async def websocket(socket: WebSocket, scheduler: SchedulerDep) -> None:
        await socket.accept()
        await socket.send_text((await scheduler.get_schedule("a")).id)

    app.mount("/sub", sub)
    with TestClient(app, backend=anyio_backend) as client:  # type: ignore[arg-type]
        assert ["a"] == client.get("/").json() == client.get("/sub/").json()
        with client.websocket_connect("/ws") as socket:
            assert "a" == socket.receive_text()


def test_plain_functions(anyio_backend: str) -> None:
    """An endpoint that is no coroutine function calls the scheduler through the event loop, as the page says."""
    app = FastAPI(lifespan=lifespan(ManualScheduler, adding))

    @app.post("/")
    def pause(scheduler: SchedulerDep) -> str | None:
        anyio.from_thread.run(partial(scheduler.pause_schedule, reason="tea"), "a")
        pause = anyio.from_thread.run(scheduler.get_schedule, "a").state.pause
        return pause and pause.reason

    with TestClient(app, backend=anyio_backend) as client:  # type: ignore[arg-type]
        assert "tea" == client.post("/").json()


async def test_the_inner_lifespan() -> None:
    """The application's own lifespan runs inside: its state is kept, and the scheduler runs until it has ended."""
    states = []

    @asynccontextmanager
    async def inner(app: Any) -> AsyncGenerator[dict[str, int]]:
        states.append(app.state.scheduler.state)
        yield {"own": 1}
        states.append(app.state.scheduler.state)

    app, scheduler = Starlette(), ManualScheduler()
    async with lifespan(scheduler, inner)(app) as state:
        assert {"own": 1, "scheduler": scheduler} == state
    assert [RunState.started, RunState.started] == states
    assert RunState.stopped is scheduler.state
    assert not hasattr(app.state, "scheduler")


async def test_an_inner_lifespan_without_state() -> None:
    """The application's own lifespan need not yield anything, and a bare router need not have a place for state."""

    @asynccontextmanager
    async def inner(app: Any) -> AsyncGenerator[None]:
        yield

    scheduler = ManualScheduler()
    for app in (None, Router()):
        scheduler = ManualScheduler()
        async with lifespan(scheduler, inner)(app) as state:
            assert {"scheduler": scheduler} == state


async def test_an_inner_lifespan_that_fails() -> None:
    """What the application's own lifespan raises passes, after the scheduler has stopped."""

    @asynccontextmanager
    async def inner(app: Any) -> AsyncGenerator[None]:
        raise ZeroDivisionError
        yield

    scheduler = ManualScheduler()
    with pytest.raises(ZeroDivisionError):
        async with lifespan(scheduler, inner)(Starlette()):
            pass
    assert RunState.stopped is scheduler.state


async def test_an_inner_lifespan_with_a_scheduler_of_its_own() -> None:
    """Two schedulers in one place are refused, and both have stopped then."""
    first, second = ManualScheduler(), ManualScheduler()
    with pytest.raises(ValueError, match="must leave 'scheduler' to the scheduler"):
        async with lifespan(first, lifespan(second))(None):
            pass
    assert (RunState.stopped, RunState.stopped) == (first.state, second.state)


def test_a_scheduler_serves_for_one_start() -> None:
    """A scheduler, in place of what makes one, cannot start a second time; the error names the remedy."""
    app = starlette_app(ManualScheduler())
    with TestClient(app) as client:
        assert 200 == client.get("/").status_code
    refusal = pytest.raises(
        SchedulerStateError, match=r"pass a callable that makes one, as in `lifespan\(lambda"
    )
    with refusal, TestClient(app):
        pass


@pytest.mark.parametrize("framework", [FastAPI, Starlette])
def test_the_function_itself_is_no_lifespan(framework: Any) -> None:
    """Whoever forgets to call ``lifespan`` is told so when the application starts."""
    app = framework(lifespan=lifespan)
    with pytest.raises(TypeError, match="not `lifespan` itself"), TestClient(app):
        pass


@pytest.mark.parametrize("wrong", [None, "sqlite://", 5])
def test_neither_a_scheduler_nor_what_makes_one(wrong: Any) -> None:
    """What cannot be a scheduler is refused at once."""
    with pytest.raises(TypeError, match="scheduler must be an AsyncScheduler or a callable"):
        lifespan(wrong)


@pytest.mark.parametrize("make", [lambda: None, dict])
async def test_what_makes_something_else(make: Any) -> None:
    """What makes something other than a scheduler is refused when the application starts."""
    with pytest.raises(TypeError, match="must make an AsyncScheduler, not"):
        async with lifespan(make)(None):
            pass


@pytest.mark.parametrize("app", [starlette_app(ManualScheduler), Starlette(routes=[Route("/", tell)])])
def test_without_a_lifespan(app: Starlette) -> None:
    """Without a scheduler, because nobody named or entered the lifespan, the error says what to do."""
    with pytest.raises(SchedulerStateError, match=r"give the outermost application `lifespan=lifespan"):
        TestClient(app).get("/")


def test_a_start_that_fails(anyio_backend: str) -> None:
    """When the scheduler cannot start, the application does not either."""
    store = StoreProxy(MemoryDataStore())
    store.fail(["open"], ZeroDivisionError("no"))
    app = starlette_app(lambda: ManualScheduler(store))
    with pytest.raises(ZeroDivisionError), TestClient(app, backend=anyio_backend):  # type: ignore[arg-type]
        pass


def test_a_fault_of_the_scheduler(
    framework: str, anyio_backend: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault is logged when it happens; the application goes on, says 503 about schedules, and ends with the fault."""
    store = StoreProxy(MemoryDataStore())
    scheduler = ManualScheduler(store)
    app = application(framework, scheduler)
    ending: AbstractContextManager[Any] = pytest.raises(SchedulerFaultError, match="division")
    with ending, TestClient(app, backend=anyio_backend) as client:  # type: ignore[arg-type]
        assert client.portal is not None
        store.fail(["advance"], ZeroDivisionError("division"))
        client.portal.call(scheduler.add_job, noop)
        client.portal.call(scheduler.wait_until_stopped)
        assert "the planner failed, the scheduler stops" in caplog.text
        assert 503 == client.get("/admin/schedules").status_code
        assert 404 == client.get("/elsewhere").status_code
    assert RunState.stopped is scheduler.state


async def test_a_lifespan_that_is_cancelled() -> None:
    """A server that cancels the lifespan gives no grace: running jobs are cancelled, the scheduler has stopped."""
    scheduler, running = AsyncScheduler(), anyio.Event()
    ended = []

    async def job() -> None:
        running.set()
        try:
            await anyio.sleep_forever()
        finally:
            ended.append(True)

    with anyio.fail_after(5):
        async with anyio.create_task_group() as server, lifespan(scheduler)(Starlette()):
            await scheduler.add_job(job)
            await running.wait()
            server.cancel_scope.cancel()
            await anyio.sleep_forever()
    assert [True] == ended
    assert RunState.stopped is scheduler.state


async def test_a_scheduler_that_was_stopped_before() -> None:
    """A scheduler that somebody has stopped already is no matter for the end of the application."""
    scheduler = ManualScheduler()
    async with lifespan(scheduler)(Starlette()):
        await scheduler.stop()
    assert RunState.stopped is scheduler.state
