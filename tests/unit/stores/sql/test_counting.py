"""Counting failures beside others who have schedules locked, and at no cost where nothing is counted (rule B1)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import anyio
import pytest
from tests.services import empty_tables
from tests.unit.stores.sql.reading import watched
from tests.unit.stores.sql.servers import SERVERS, Server

from anysched.model.job import JobResult
from anysched.model.policies import JobOutcome, OnAbandon
from anysched.model.task import TaskOptions
from anysched.ports.store import Completion
from anysched.stores import SQLDataStore
from anysched.testing import FakeClock
from anysched.testing.store_suite.actors import LEASE, POLICY, Node, User, every

pytestmark = pytest.mark.anyio

LOCK = "SELECT 1 FROM anysched_schedules {} WHERE id = 'a' FOR UPDATE"


@pytest.fixture(scope="module", params=SERVERS)
def database(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A database of these tests' own, on each kind of server."""
    with SERVERS[request.param]() as server:
        yield server


@pytest.fixture
def server(database: Server) -> Server:
    """The same, with nothing in the tables."""
    empty_tables(database.engine)
    return database


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def store(server: Server, clock: FakeClock) -> AsyncIterator[SQLDataStore]:
    store = server.store()
    await store.open(clock)
    yield store
    await store.close()


async def ends(node: Node, clock: FakeClock, outcome: JobOutcome = JobOutcome.error) -> list[Completion]:
    """Take what there is to run, and return how it ended, by schedule."""
    claims = sorted((await node.work()).claims, key=lambda claim: str(claim.job.schedule_id))
    return [Completion(claim, JobResult(claim.job.id, outcome, clock.now(), clock.now())) for claim in claims]


async def test_others_do_not_wait(server: Server, store: SQLDataStore, clock: FakeClock) -> None:
    """Rule B1: where somebody has a schedule locked, the end of its job is left for later, and nobody else waits."""
    user, node = User(store), Node(store)
    await user.add(*(every(id=id, pause_after_failures=1) for id in "ab"), every(id="c"))
    three = await ends(node, clock)
    with server.locked(LOCK.format(server.by_key)):
        done = await store.complete(node.name, three, POLICY)
        assert ([False, True, True], three[:1]) == ([*done.accepted], [*done.left])
        assert ["b"] == await user.ids(paused=True)
    assert [True] == await node.report(done.left)
    assert ["a", "b"] == await user.ids(paused=True)


async def test_what_is_left_waits(server: Server, store: SQLDataStore, clock: FakeClock) -> None:
    """Rule B1: with nothing else to write, the end of a job waits for who has its schedule locked."""
    user, node = User(store), Node(store)
    await user.add(every(id="a", pause_after_failures=1))
    one = await ends(node, clock)
    async with anyio.create_task_group() as group:
        with server.locked(LOCK.format(server.by_key)):
            group.start_soon(node.report, one)
            await anyio.sleep(0.2)
            assert not node.changes
    assert 1 == len(node.changes)
    assert ["a"] == await user.ids(paused=True)


async def test_a_node_that_is_gone(server: Server, store: SQLDataStore, clock: FakeClock) -> None:
    """Rules B1 and J2: its jobs are left to it while a schedule of theirs is locked, and then all are counted."""
    user, gone, node = User(store), Node(store, "gone"), Node(store)
    await store.declare_tasks({"task": TaskOptions(on_abandon=OnAbandon.fail)})
    await user.add(every(id="a", pause_after_failures=1), every(id="b", pause_after_failures=1))
    assert 2 == len((await gone.work()).claims)
    await clock.advance(LEASE.total_seconds() + 1)
    with server.locked(LOCK.format(server.by_key)):
        advanced = await node.advance(plan_limit=0)
        assert [] == [*advanced.ended]
        assert not advanced.more
    advanced = await node.advance(plan_limit=0)
    assert [JobOutcome.abandoned] * 2 == [end.result.outcome for end in advanced.ended]
    assert ["a", "b"] == await user.ids(paused=True)


async def test_tables_that_have_become_too_new(server: Server, store: SQLDataStore, clock: FakeClock) -> None:
    """Rule N9: a node that the tables have become too new for ends its jobs, and writes no schedule."""
    user, node = User(store), Node(store)
    await user.add(every(id="a", pause_after_failures=1))
    (end,) = await ends(node, clock)
    server.query(
        "UPDATE anysched_meta SET number = number + 7 WHERE name IN ('oldest_node', 'schema_version')"
    )
    try:
        done = await store.complete(node.name, [end], POLICY)
        assert ([True], []) == ([*done.accepted], [*done.changes])
    finally:
        server.query(
            "UPDATE anysched_meta SET number = number - 7 WHERE name IN ('oldest_node', 'schema_version')"
        )
    assert [] == await user.ids(paused=True)


async def test_ends_that_are_waited_for(server: Server, store: SQLDataStore, clock: FakeClock) -> None:
    """Rule S9: where somebody has a schedule locked, the end of its job is left for later; it counts from then on."""
    user, node = User(store), Node(store)
    await user.add(*(every(id=id, fixed_delay=True) for id in "ab"), every(id="c"))
    three = await ends(node, clock, JobOutcome.success)
    with server.locked(LOCK.format(server.by_key)):
        await clock.advance(3)
        done = await store.complete(node.name, three, POLICY)
        assert ([False, True, True], three[:1]) == ([*done.accepted], [*done.left])
        assert [True, False] == [bool((await user.get(id)).waits_for) for id in "ab"]
    assert [True] == await node.report(done.left)
    assert [clock.now() + timedelta(seconds=7)] * 2 == [(await user.get(id)).next_fire_time for id in "ab"]


async def test_what_waits_in_tables_that_were_too_new(
    server: Server, store: SQLDataStore, clock: FakeClock
) -> None:
    """Rules S9 and N9: a node that may write no schedule ends its job; the cleaning up of another one finds that."""
    user, node = User(store), Node(store)
    await user.add(every(id="a", fixed_delay=True))
    (end,) = await ends(node, clock)
    change = "UPDATE anysched_meta SET number = number {} 7 WHERE name IN ('oldest_node', 'schema_version')"
    server.query(change.format("+"))
    try:
        done = await store.complete(node.name, [end], POLICY)
        assert ([True], []) == ([*done.accepted], [*done.changes])
    finally:
        server.query(change.format("-"))
    assert (end.claim.job.id,) == (await user.get("a")).waits_for
    await clock.advance(60)
    with server.locked(LOCK.format(server.by_key)):
        await store.clean_up()  # somebody else is at it: next time
        assert (end.claim.job.id,) == (await user.get("a")).waits_for
    await store.clean_up()
    assert clock.now() + timedelta(seconds=10) == (await user.get("a")).next_fire_time


@pytest.mark.parametrize(
    ("settings", "outcome", "expected"),
    [
        ({}, JobOutcome.error, 0),
        ({}, JobOutcome.success, 0),
        ({"pause_after_failures": 3}, JobOutcome.success, 1),
    ],
)
async def test_what_it_costs(
    store: SQLDataStore, clock: FakeClock, settings: dict[str, int], outcome: JobOutcome, expected: int
) -> None:
    """Rule B1: schedules without the setting are not asked about; those with it are, once, and not written."""
    await User(store).add(*(every(id=id, **settings) for id in "abc"))
    node, statements = Node(store), list[str]()
    these = await ends(node, clock, outcome)

    with watched(store, lambda _, statement, __: statements.append(statement)):
        assert [True] * 3 == await node.report(these)
    assert expected == sum("anysched_schedules" in statement for statement in statements)
    assert not any("UPDATE" in s.split() for s in statements if "anysched_schedules" in s)
