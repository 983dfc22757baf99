"""One node pauses what another one is firing (rule P1)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime

import anyio
import pytest
from tests.crash.processes import PATIENCE
from tests.unit.stores.sql.servers import PLACES, Server, database_at

from anysched import AsyncScheduler, IntervalTrigger, current_job, task

pytestmark = pytest.mark.anyio

TIMES = 40


@pytest.fixture(scope="module", params=[place for place in PLACES if "sqlite" not in place])
def place(request: pytest.FixtureRequest) -> str:
    """A kind of server, and the event loop of both nodes."""
    return str(request.param)


@pytest.fixture(scope="module")
def anyio_backend(place: str) -> str:
    return place.partition("-")[2]


@pytest.fixture
def server(place: str) -> Iterator[Server]:
    with database_at(place) as server:
        yield server


async def test_a_pause_that_another_node_obeys(server: Server) -> None:
    """Rule P1: once a pause was acknowledged on one node, no job is made by another one that was about to."""
    created: list[datetime] = []

    @task(id="fired")
    async def fired() -> None:
        created.append(current_job.get().created_at)

    firing, pausing = server.store(), server.store()
    spans: list[tuple[datetime, datetime]] = []
    async with (
        AsyncScheduler(firing, tasks=[fired], poll_interval=0.002),
        AsyncScheduler(pausing, role="client") as client,
    ):

        async def made() -> int:
            return (await client.get_schedule("toggled")).state.jobs_made

        # Due again as soon as it has fired: the other node is always about to make the next job.
        await client.add_schedule("fired", IntervalTrigger(microseconds=1000), id="toggled")
        before = 0
        for _ in range(TIMES):
            with anyio.fail_after(PATIENCE):
                while await made() == before:  # noqa: ASYNC110  (another node makes it)
                    await anyio.sleep(0.001)
            await anyio.sleep(random.uniform(0, 0.005))
            await client.pause_schedule("toggled")
            paused_at = await pausing.now()
            before = await made()
            await anyio.sleep(random.uniform(0, 0.005))
            assert before == await made()
            spans.append((paused_at, await pausing.now()))
            await client.unpause_schedule("toggled", missed="skip")
        await client.pause_schedule("toggled")
        with anyio.fail_after(PATIENCE):
            while await client.get_jobs():  # noqa: ASYNC110  (another node runs them)
                await anyio.sleep(0.01)
        assert len(created) == await made() >= TIMES
    assert [] == [instant for instant in created if any(start < instant < end for start, end in spans)]
