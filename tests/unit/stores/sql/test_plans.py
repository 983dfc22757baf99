"""What a pass reads depends on what there is to do, and not on what is stored beside it (rule S5)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest
from tests.services import postgresql_database
from tests.unit.stores.sql.reading import measured
from tests.unit.stores.sql.servers import PLACES, PostgreSQLServer, Server, database_at

from anysched.stores import SQLDataStore
from anysched.testing import FakeClock
from anysched.testing.store_suite.actors import Node, User, direct_job, every, once

pytestmark = pytest.mark.anyio

#: Schedules that are stored and not due; half as many more are paused.
MANY = 3_000

#: What a statement may read to find one row: some levels of an index, the row, and what others have just left.
FEW = 60


@pytest.fixture(scope="module", params=[place for place in PLACES if "sqlite" not in place])
def place(request: pytest.FixtureRequest) -> str:
    """A kind of server, and an event loop."""
    return str(request.param)


@pytest.fixture(scope="module")
def anyio_backend(place: str) -> str:
    return place.partition("-")[2]


@pytest.fixture
def server(place: str) -> Iterator[Server]:
    """A server, and a database that no other tests use: their snapshots would keep the rows that pauses leave."""
    if place.startswith("postgresql"):
        with postgresql_database() as engine:
            yield PostgreSQLServer(engine, "public")
    else:
        with database_at(place) as server:
            yield server


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def store(server: Server, clock: FakeClock) -> AsyncIterator[SQLDataStore]:
    store = server.store()
    await store.open(clock)
    yield store
    await store.close()


async def test_schedules_that_are_not_due(server: Server, store: SQLDataStore, clock: FakeClock) -> None:
    """Rules S5 and P4: a pass reads one row of many schedules, paused and finished ones among them."""
    user, node, now = User(store), Node(store), clock.now()
    later = [once(now + timedelta(hours=1, seconds=number), id=f"later {number}") for number in range(MANY)]
    await user.add(*later)
    await user.add(*(every(id=f"paused {number}") for number in range(MANY // 2)))
    await user.pause(*(f"paused {number}" for number in range(MANY // 2)))
    assert [(MANY // 2,)] == server.query("SELECT count(*) FROM anysched_schedules WHERE wake_at IS NULL")
    await user.add(every(id="due"))
    # It passes over what the pauses have left, and marks it; the first row of a table makes its indexes.
    await node.complete(*(await node.work(plan_limit=1)).claims)
    await clock.advance(10)
    with measured(store) as read:
        work = await node.work()
        assert ["due"] == [job.schedule_id for job in work.made]
        assert await node.complete(*work.claims)
    assert [] == [found for found in read if found[0] > FEW]
    assert any("wake_at <=" in statement for _, statement in read)


async def test_jobs_that_wait(store: SQLDataStore, clock: FakeClock) -> None:
    """Rule S5: taking a job reads few rows of many that wait for their time, or have a task of other nodes."""
    user, node, now = User(store), Node(store), clock.now()
    await store.add_jobs([direct_job(now, run_at=now + timedelta(hours=1)) for _ in range(MANY)])
    await store.add_jobs([direct_job(now, task="other") for _ in range(MANY // 2)])
    await store.add_jobs([direct_job(now)])
    with measured(store) as read:
        (claim,) = (await node.work()).claims
        assert [True] == await node.complete(claim)
    assert [] == [found for found in read if found[0] > FEW]
    assert any("FOR UPDATE SKIP LOCKED" in statement for _, statement in read)
    assert MANY + MANY // 2 == len(await user.jobs())
