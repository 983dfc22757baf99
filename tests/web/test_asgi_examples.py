"""The examples for web frameworks, each in the servers that it names: started at once, asked in turn, stopped."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any

import attrs
import pytest
from tests.web.serving import EXAMPLES, Server, hypercorn, program, serving, uvicorn, wait_until

SERVERS = {
    "fastapi-uvicorn": uvicorn("fastapi_app:app"),
    "fastapi-hypercorn-trio": hypercorn("fastapi_app:app", "trio"),
    "starlette-uvicorn": uvicorn("starlette_app:app"),
    "starlette-hypercorn-trio": hypercorn("starlette_app:app", "trio"),
    "litestar-uvicorn": uvicorn("litestar_app:app"),
    "litestar-hypercorn-trio": hypercorn("litestar_app:app", "trio"),
    "quart-hypercorn-asyncio": hypercorn("quart_app:app", "asyncio"),
    "quart-trio-hypercorn-trio": hypercorn("quart_trio_app:app", "trio"),
    "aiohttp": program(EXAMPLES / "aiohttp_app.py"),
}
WITH_ROUTER = [name for name in SERVERS if name.startswith(("fastapi", "starlette"))]


@attrs.frozen
class Example:
    """An example that is served, asked in the way that it has."""

    server: Server
    has_router: bool

    @property
    def schedule(self) -> dict[str, Any]:
        """The one schedule, as the list shows it."""
        listed = self.server.get("/schedules")
        schedule: dict[str, Any]
        (schedule,) = listed["schedules"] if self.has_router else listed
        return schedule

    def path(self, id: str, action: str) -> str:
        """Where to send an action."""
        return f"/schedule/{action}?id={id}" if self.has_router else f"/schedules/{id}/{action}"

    @property
    def beats(self) -> int:
        """How often the job has run."""
        return self.server.log.count("beat\n")


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Example]]:
    """All examples, served; at the end each must stop in time, without a complaint, and leave nothing."""
    found: dict[str, Example] = {}
    with ExitStack() as stack:
        for name, command in SERVERS.items():
            folder = tmp_path_factory.mktemp(name)
            server = stack.enter_context(serving(command, folder, ready=None))
            found[name] = Example(server, name in WITH_ROUTER)
        for example in found.values():
            example.server.wait_ready("/schedules")
            if example.has_router:
                example.server.client.headers["Authorization"] = "Bearer change me"
        yield found


@pytest.fixture
def example(request: pytest.FixtureRequest, examples: dict[str, Example]) -> Example:
    return examples[request.param]


for_each = pytest.mark.parametrize("example", SERVERS, indirect=True)
for_each_with_router = pytest.mark.parametrize("example", WITH_ROUTER, indirect=True)


@for_each
def test_list(example: Example) -> None:
    """Each example lists its schedule, with an instant in UTC."""
    schedule = example.schedule

    assert ("heart", "active") == (schedule["id"], schedule["status"])
    assert timedelta(0) == datetime.fromisoformat(schedule["next_fire_time"]).utcoffset()


@for_each
def test_unknown_id(example: Example) -> None:
    """An id that does not exist is answered with 404 and a body that names it."""
    response = example.server.request("POST", example.path("nope", "pause"))

    assert 404 == response.status_code
    assert "nope" in response.json()["detail"]


@for_each_with_router
def test_own_endpoint(example: Example) -> None:
    """The application's own endpoints have the scheduler too."""
    example.server.post("/greetings/ana")

    wait_until(lambda: "hello, ana" in example.server.log)


@for_each_with_router
def test_not_everybody_may(example: Example) -> None:
    """Whom ``authorize`` does not know is refused."""
    response = example.server.request("GET", "/schedules", headers={"Authorization": "Bearer guessed"})

    assert 403 == response.status_code


def test_pause(examples: dict[str, Example]) -> None:
    """Rule P1, over HTTP, in each example: jobs run before and after a pause, and none during it."""
    for example in examples.values():
        wait_until(lambda example=example: example.beats)
        example.server.post(example.path("heart", "pause"))
        wait_until(lambda example=example: example.beats == example.schedule["jobs_made"])
    before = {name: example.beats for name, example in examples.items()}
    time.sleep(1.2)  # longer than their interval
    assert before == {name: example.beats for name, example in examples.items()}
    assert {"paused"} == {example.schedule["status"] for example in examples.values()}

    for example in examples.values():
        example.server.post(example.path("heart", "unpause"))
    assert {"active"} == {example.schedule["status"] for example in examples.values()}
    for name, example in examples.items():
        wait_until(lambda name=name, example=example: example.beats > before[name])
