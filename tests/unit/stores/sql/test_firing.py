"""What a pass writes, and what it does not do again."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import attrs
import pytest
import sqlalchemy as sa
from tests.unit.stores.sql.support import Query

from anysched.model.change import Change
from anysched.model.ids import new_id
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.task import Task, TaskDefaults
from anysched.rules.policy import Policy
from anysched.stores import SQLDataStore
from anysched.stores.sql import configs
from anysched.stores.sql.configs import Remembered
from anysched.testing import FakeClock
from anysched.testing.store_suite.actors import LEASE, POLICY, Node, User, direct_job, every

pytestmark = pytest.mark.anyio


class Repeating(Policy):
    """Fires the same fire time again and again."""

    def fire(self, snapshot: ScheduleSnapshot, task: Task | None, now: datetime, limit: int) -> Change:
        change = super().fire(snapshot, task, now, limit)
        assert change.state is not None
        first = snapshot.state.anchor
        jobs = tuple(attrs.evolve(job, id=new_id(now), scheduled_fire_time=first) for job in change.jobs * 2)
        return attrs.evolve(change, jobs=jobs)


async def test_a_fire_time_has_one_job(store: SQLDataStore, clock: FakeClock) -> None:
    """Rule S3: whatever is decided, a fire time gets no second job while its first is there."""
    user, node = User(store), Node(store)
    await user.add(every(id="a"), every(id="b"))
    policy = Repeating(TaskDefaults())
    advanced = await node.advance(policy=policy)
    assert [1, 1] == [len(change.jobs) for change in advanced.changes]
    assert {job.id for change in advanced.changes for job in change.jobs} == {
        c.job.id for c in advanced.claims
    }
    await clock.advance(10)
    advanced = await node.advance(policy=policy)
    assert ([0, 0], 0) == ([len(change.jobs) for change in advanced.changes], len(advanced.claims))
    assert 2 == len(await user.jobs())


async def test_manual_jobs_have_no_fire_time(store: SQLDataStore) -> None:
    """Rule S3: any number of jobs made by hand stand beside the regular one."""
    user = User(store)
    await user.add(every())
    for _ in range(3):
        await user.run()
    await Node(store).work()
    assert 4 == len(await user.jobs())


async def test_configurations_are_read_once(
    store: SQLDataStore, path: Any, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A configuration is decoded when it is new, and not at each firing; a replaced one is read again.

    One that says the same as another is not decoded at all.
    """
    decoded: list[str] = []
    decode = configs.schedule_from_plain

    def count(plain: object, schedule_id: str, *rest: Any) -> Any:
        decoded.append(schedule_id)
        return decode(plain, schedule_id, *rest)

    monkeypatch.setattr(configs, "schedule_from_plain", count)
    user, node = User(store), Node(store)
    await user.add(every(id="a"), every(5, id="b"), every(id="c", args=([],)))
    for _ in range(5):
        await clock.advance(10)
        assert [(), (), ([],)] == [claim.job.args for claim in (await node.work()).claims]
    assert ["a", "b"] == sorted(decoded)
    assert ["a", "b", "c"] == await user.ids()
    other = SQLDataStore(f"sqlite:///{path}")
    await other.open(clock)
    await User(other).replace(every(20, id="a"))
    await other.close()
    decoded.clear()
    await clock.advance(100)
    await node.work()
    assert (["a"], 20) == (decoded, (await user.get("a")).trigger.seconds)  # type: ignore[attr-defined]


def test_remembering_is_bounded() -> None:
    """What is asked for stays, what is not is forgotten, and never is more kept than twice the size."""
    remembered = Remembered[int](10)
    for number in range(1000):
        remembered.put(str(number), number)
        assert 0 == (remembered.get("0") or 0)
    assert "0" in {**remembered._old, **remembered._young}
    assert len(remembered._old) + len(remembered._young) <= 20
    assert None is remembered.get("500")


async def test_no_job_changes_what_the_next_one_gets(store: SQLDataStore, clock: FakeClock) -> None:
    """Arguments are each job's own, though its schedule is read but once."""
    await User(store).add(every(args=([],), kwargs={"x": {}}, metadata={"y": []}))
    node = Node(store)
    for _ in range(3):
        (claim,) = (await node.work()).claims
        assert (([],), {"x": {}}, {"y": []}) == (claim.job.args, claim.job.kwargs, claim.job.metadata)
        claim.job.args[0].append(1)
        claim.job.kwargs["x"]["z"] = 1
        claim.job.metadata["y"].append(1)
        await clock.advance(10)


async def test_what_nobody_can_change_is_read_once(
    store: SQLDataStore, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Jobs share arguments that nobody can change with their schedule, instead of each reading its own."""
    user, node = User(store), Node(store)
    await user.add(every(args=(1, "x"), kwargs={"y": None}, metadata={"z": clock.now()}))
    read: list[bytes] = []
    serializer = store._results._payloads._serializer
    loads = serializer.loads

    def load(data: bytes) -> Any:
        read.append(data)
        return loads(data)

    monkeypatch.setattr(serializer, "loads", load)
    for _ in range(5):
        (claim,) = (await node.work()).claims
        assert ((1, "x"), {"y": None}) == (claim.job.args, claim.job.kwargs)
        assert ["z"] == [*claim.job.metadata]
        await clock.advance(10)
    assert len(read) <= 2


async def test_a_node_notices_first(store: SQLDataStore, clock: FakeClock, query: Query) -> None:
    """Rule J1: a node whose jobs were taken over takes none before its keeper has told it so."""
    keeper = store.make_lease_keeper()
    a, b = Node(store), Node(store, "node b")
    await store.add_jobs([direct_job(clock.now()) for _ in range(3)])
    (lost,) = (await a.advance(claim_limit=1)).claims
    await clock.advance(LEASE.total_seconds())
    assert [lost.job.id] == [job.id for job in (await b.advance(claim_limit=0)).released]
    work = await a.work()
    assert ([], True, 1) == (work.claims, work.backlog, work.passes)
    assert not keeper.renew("node a", LEASE).held
    assert 3 == len((await a.work()).claims)
    assert [False] == await a.complete(lost)
    keeper.close()
    keeper.close()


async def test_a_node_without_jobs_has_nothing_to_notice(store: SQLDataStore, clock: FakeClock) -> None:
    """Rule J1: a node that had nothing to lose goes on, however long ago its last job was."""
    keeper, node = store.make_lease_keeper(), Node(store)
    for _ in range(3):
        await store.add_jobs([direct_job(clock.now(), run_at=clock.now() + LEASE) for _ in range(2)])
        await clock.advance(LEASE.total_seconds())
        await store.clean_up()  # the row of the node goes
        first, second = (await node.work()).claims
        await node.complete(first)
        await store.give_back(node.name, [second])
        assert [True] == await node.complete(await node.claim_one())
    keeper.close()


async def test_cleaning_up(store: SQLDataStore, clock: FakeClock, query: Query) -> None:
    """What has expired goes: results, in batches, and nodes that hold nothing any more."""
    await store.add_jobs([direct_job(clock.now(), result_expiration_time=LEASE) for _ in range(2500)])
    node = Node(store)
    await node.complete(*(await node.work()).claims)
    assert (0, [("node a",)]) == (await store.clean_up(), query("SELECT id FROM anysched_nodes"))
    await clock.advance(LEASE.total_seconds())
    assert (2500, 0) == (await store.clean_up(), await store.clean_up())
    assert [] == query("SELECT id FROM anysched_nodes")
    assert [] == query("SELECT job_id FROM anysched_results")


async def test_a_requested_cancel_outlives_the_node(store: SQLDataStore, clock: FakeClock) -> None:
    """Rule J3: a job that somebody cancelled is not started again when its node dies."""
    await store.add_jobs([direct_job(clock.now())])
    claim = await Node(store).claim_one()
    assert "requested" == await store.cancel_job(claim.job.id, POLICY)
    await clock.advance(LEASE.total_seconds())
    work = await Node(store, "node b").work()
    assert ([], ["cancelled"]) == (work.claims, [ended.result.outcome.value for ended in work.ended])


Begun = Callable[[Callable[[], Awaitable[object]]], Awaitable[list[str]]]


@pytest.fixture
def executed(store: SQLDataStore) -> list[str]:
    """Return what SQLite has been told to do."""
    statements: list[str] = []

    def trace(connection: sqlite3.Connection, *_: object) -> None:
        connection.set_trace_callback(statements.append)

    sa.event.listen(store._session.engine, "checkout", trace)
    return statements


@pytest.fixture
def begun(executed: list[str]) -> Begun:
    """Return how transactions began while something was done."""

    async def begun(do: Callable[[], Awaitable[object]]) -> list[str]:
        executed.clear()
        await do()
        return [statement for statement in executed if statement.startswith("BEGIN")]

    return begun


async def test_a_pass_that_is_known_to_have_work(store: SQLDataStore, clock: FakeClock, begun: Begun) -> None:
    """What this process wrote and is due is not asked for first; else a pass with nothing to do only reads."""
    node = Node(store)
    assert ["BEGIN"] == await begun(node.advance)
    await User(store).add(every())
    assert ["BEGIN IMMEDIATE"] == await begun(node.advance)
    assert ["BEGIN"] == await begun(node.advance)
    await store.add_jobs([direct_job(clock.now())])
    assert ["BEGIN IMMEDIATE"] == await begun(node.advance)
    await store.add_jobs([direct_job(clock.now(), run_at=clock.now() + LEASE)])
    await User(store).pause("schedule")
    assert ["BEGIN"] == await begun(node.advance)


async def test_a_pass_that_left_work_behind(store: SQLDataStore, clock: FakeClock, begun: Begun) -> None:
    """Who found more than it could take does not ask first whether there is something to do, once it can take more."""
    node = Node(store)
    await store.add_jobs([direct_job(clock.now()) for _ in range(3)])
    assert ["BEGIN IMMEDIATE"] == await begun(lambda: node.advance(claim_limit=1))
    assert ["BEGIN IMMEDIATE"] == await begun(lambda: node.advance(claim_limit=0))
    assert ["BEGIN"] == await begun(lambda: node.advance(claim_limit=0))
    assert ["BEGIN IMMEDIATE"] == await begun(lambda: node.advance(claim_limit=2))
    assert ["BEGIN"] == await begun(node.advance)


async def test_jobs_that_are_taken_as_they_are_made(
    store: SQLDataStore, clock: FakeClock, executed: list[str]
) -> None:
    """Rule S3: a node with room takes what it makes at once, past the queue; else the oldest is first."""

    def updates() -> list[str]:
        return [statement for statement in executed if statement.startswith('UPDATE "anysched_jobs"')]

    user, node = User(store), Node(store)
    await user.add(every(id="a"), every(id="b", args=("x",), kwargs={"y": b"z"}))
    claims = (await node.advance()).claims
    assert ([], [(), ("x",)], [1, 1]) == (
        updates(),
        sorted(claim.job.args for claim in claims),
        [claim.token for claim in claims],
    )
    assert {"running"} == {job.status.value for job in await user.jobs()}
    await node.complete(claims[0])
    await store.give_back(node.name, claims[1:])
    await clock.advance(10)
    executed.clear()
    again = (await node.advance()).claims
    assert [claims[1].job.id] == [claim.job.id for claim in again][:1]
    assert (3, 1) == (len(again), len(updates()))
    assert [True] * 3 == await node.complete(*again)
    await clock.advance(10)
    assert [1, 1] == [len((await node.advance(claim_limit=1)).claims) for _ in range(2)]
