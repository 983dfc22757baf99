"""What servers do that SQLite cannot: writers beside each other, connections that break (rules S4, J1, J5, N3)."""

from __future__ import annotations

import operator
import threading
import time
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta

import anyio
import pytest
import sqlalchemy as sa
from tests.services import empty_tables
from tests.unit.stores.sql.reading import round_trips
from tests.unit.stores.sql.servers import SERVERS, Server

from anysched.errors import StoreError, StoreUnavailableError
from anysched.model.change import Change
from anysched.model.policies import ConflictPolicy
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.task import Task, TaskOptions
from anysched.rules import adding
from anysched.stores import SQLDataStore
from anysched.stores.sql.columns import from_instant
from anysched.testing import FakeClock
from anysched.testing.store_suite.actors import LEASE, Node, User, direct_job, every, once

pytestmark = pytest.mark.anyio


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


@pytest.fixture
async def other(server: Server, store: SQLDataStore, clock: FakeClock) -> AsyncIterator[SQLDataStore]:
    other = server.store()
    await other.open(clock)
    yield other
    await other.close()


async def test_nodes_that_make_the_tables_at_once(server: Server, clock: FakeClock) -> None:
    """Rule N1: of nodes that start at once one makes the tables, and the others wait for it."""
    stores = [server.store(table_prefix="at_once_") for _ in range(4)]
    async with anyio.create_task_group() as tg:
        for store in stores:
            tg.start_soon(store.open, clock)
    assert [] == await User(stores[0]).schedules()
    for store in stores:
        await store.close()
    assert {"at_once", "anysched"} >= {name.rpartition("_")[0] for name in server.tables()}


async def test_a_schema_that_is_missing(server: Server, clock: FakeClock) -> None:
    """A schema is made by whoever may, and not by a store; one that is missing is named."""
    with pytest.raises(StoreError, match=r"(schema|database) .nowhere") as caught:
        await server.store(schema="nowhere").open(clock)
    assert not isinstance(caught.value, StoreUnavailableError)


async def test_nodes_that_add_the_same_id(store: SQLDataStore, other: SQLDataStore) -> None:
    """Rule S4: of nodes that add one schedule at once, one adds it, and the others decide anew upon what it added."""
    both = threading.Barrier(2, timeout=10)
    seen: list[bool] = []

    def decide(key: str, stored: ScheduleSnapshot | None, _: Task | None, now: datetime) -> Change:
        seen.append(stored is None)
        if len(seen) <= 2:
            both.wait()
        return adding.add(every(id=key), stored, now, ConflictPolicy.do_nothing, operator.eq)

    async with anyio.create_task_group() as tg:
        for one in (store, other):
            tg.start_soon(one.transact_schedules, ["same"], decide)
    assert [True, True, False] == seen
    assert ["same"] == await User(store).ids()


async def test_locked_schedules_are_left_to_others(
    server: Server, store: SQLDataStore, clock: FakeClock
) -> None:
    """Rule S5: what somebody else is firing is passed over, looked at again soon, and keeps no loop busy."""
    await User(store).add(every(id="a"), every(id="b"))
    with server.locked("SELECT 1 FROM anysched_schedules WHERE id = 'a' FOR UPDATE"):
        work = await Node(store).work()
        assert (["b"], 2) == ([job.schedule_id for job in work.made], work.passes)
        assert clock.now() + timedelta(milliseconds=100) == work.next_wake
    assert ["a"] == [job.schedule_id for job in (await Node(store).work()).made]


async def test_locked_jobs_are_left_to_others(server: Server, store: SQLDataStore, clock: FakeClock) -> None:
    """Rule J1: jobs that somebody else is taking are passed over, however many, and others taken in their place."""
    now = clock.now()
    jobs = [direct_job(now, run_at=now - timedelta(seconds=9 - number)) for number in range(9)]
    await store.add_jobs(jobs)
    first = ", ".join(f"'{job.id.hex}'" for job in jobs[:7])
    with server.locked(f"SELECT 1 FROM anysched_jobs {server.by_key} WHERE id IN ({first}) FOR UPDATE"):
        advanced = await Node(store).advance(claim_limit=2)
        assert [job.id for job in jobs[7:]] == [claim.job.id for claim in advanced.claims]
        advanced = await Node(store).advance(claim_limit=2)
        assert ((), now + timedelta(milliseconds=100), False) == (
            tuple(advanced.claims),
            advanced.next_wake,
            advanced.more,
        )
    assert 7 == len((await Node(store).work()).claims)


async def test_a_renewal_waits_for_no_pass(server: Server, store: SQLDataStore, clock: FakeClock) -> None:
    """Rule J1: a lease is renewed while a pass of its node holds what it works on."""
    keeper, node = store.make_lease_keeper(), Node(store)
    await store.add_jobs([direct_job(clock.now()) for _ in range(3)])
    await node.advance(claim_limit=1)
    with (
        server.locked(server.existence),
        server.locked("SELECT 1 FROM anysched_jobs FOR UPDATE"),
    ):
        assert keeper.renew(node.name, LEASE).held
    keeper.close()


async def test_a_node_that_takes_jobs_is_not_gone(
    server: Server, store: SQLDataStore, other: SQLDataStore, clock: FakeClock
) -> None:
    """Rule J2: nobody takes over from a node that is taking jobs, however late, nor cleans its row up."""
    await store.add_jobs([direct_job(clock.now())])
    claim = await Node(store).claim_one()
    await clock.advance(LEASE.total_seconds())
    with server.locked(server.existence):
        assert () == tuple((await Node(other, "node b").advance(claim_limit=0)).released)
        await Node(store).complete(claim)
        await other.clean_up()
        assert [("node a",)] == server.query("SELECT id FROM anysched_nodes")
    await other.clean_up()
    assert [] == server.query("SELECT id FROM anysched_nodes")


async def test_a_dead_node_is_taken_over_once(
    store: SQLDataStore, other: SQLDataStore, clock: FakeClock
) -> None:
    """Rule J2: of nodes that find another one gone at once, one takes its jobs over."""
    await store.add_jobs([direct_job(clock.now()) for _ in range(50)])
    assert 50 == len((await Node(store).work()).claims)
    await clock.advance(LEASE.total_seconds())
    released: list[int] = []

    async def look(one: SQLDataStore, name: str) -> None:
        released.append(len((await Node(one, name).advance(claim_limit=0)).released))

    async with anyio.create_task_group() as tg:
        for one, name in ((store, "node b"), (other, "node c")):
            tg.start_soon(look, one, name)
    assert [0, 50] == sorted(released)
    assert {2} == {job.attempt for job in await User(store).jobs()}


async def test_tasks_that_are_locked_are_left_to_others(
    server: Server, store: SQLDataStore, clock: FakeClock
) -> None:
    """Rule J5: jobs of a task with a limit that somebody else is taking wait, and no others with them."""
    await store.configure_task("limited", TaskOptions(max_running_jobs=1))
    await store.add_jobs([direct_job(clock.now(), task) for task in ("limited", "task")])
    node = Node(store, tasks=["limited", "task"])
    with server.locked(f"SELECT 1 FROM anysched_tasks {server.by_key} WHERE id = 'limited' FOR UPDATE"):
        advanced = await node.advance()
        assert ["task"] == [claim.job.task_id for claim in advanced.claims]
        assert clock.now() + timedelta(milliseconds=100) == advanced.next_wake
    assert ["limited"] == [claim.job.task_id for claim in (await node.advance()).claims]


async def test_a_dead_node_whose_jobs_are_locked(
    server: Server, store: SQLDataStore, other: SQLDataStore, clock: FakeClock
) -> None:
    """Rule J2: a node that went away in the middle of a transaction keeps nobody from work; then all is taken over."""
    jobs = [direct_job(clock.now()) for _ in range(3)]
    await store.add_jobs(jobs)
    assert 3 == len((await Node(store).work()).claims)
    await User(store).add(every(id="due"))
    await clock.advance(LEASE.total_seconds())
    with server.locked(f"UPDATE anysched_jobs {server.by_key} SET attempt = 1 WHERE id = '{jobs[1].id.hex}'"):
        advanced = await Node(other, "node b").advance()
        assert (["due"], []) == (
            [change.schedule_id for change in advanced.changes],
            [*advanced.released],
        )
        again = await Node(other, "node b").advance(claim_limit=0)
        assert clock.now() + timedelta(milliseconds=100) == again.next_wake
        assert not again.more
    assert 3 == len((await Node(other, "node b").advance(claim_limit=0)).released)


async def test_ends_wait_for_nobody(server: Server, store: SQLDataStore, clock: FakeClock) -> None:
    """Rule J1: jobs are ended though another job is locked that stands before all of them."""
    jobs = [direct_job(clock.now()) for _ in range(12)]
    await store.add_jobs(jobs)
    first, *others = sorted((await Node(store).work()).claims, key=lambda claim: claim.job.id.hex)
    with server.locked(
        f"UPDATE anysched_jobs {server.by_key} SET attempt = 1 WHERE id = '{first.job.id.hex}'"
    ):
        assert [True] * 11 == await Node(store).complete(*others)


async def test_transactions_that_lock_each_other_out(store: SQLDataStore, other: SQLDataStore) -> None:
    """Rule S4: when two transactions wait for each other, one is done again, and both take place."""
    user = User(store)
    await user.add(every(id="a"), every(id="b"))
    both, calls = threading.Barrier(2, timeout=10), 0

    def work(session_store: SQLDataStore, ids: tuple[str, str]) -> None:
        def write(connection: sa.Connection) -> None:
            nonlocal calls
            calls += 1
            first = calls <= 2
            session_store._schedules.by_ids(connection, [ids[0]])
            if first:
                both.wait()
            session_store._schedules.by_ids(connection, [ids[1]])

        session_store._session.write_here(write)

    async with anyio.create_task_group() as tg:
        tg.start_soon(anyio.to_thread.run_sync, work, store, ("a", "b"))
        tg.start_soon(anyio.to_thread.run_sync, work, other, ("b", "a"))
    assert calls in (3, 4)  # PostgreSQL may undo both, when both find out at the same moment


async def test_options_that_are_set_at_once(store: SQLDataStore, other: SQLDataStore) -> None:
    """Rule S7: what two nodes set of one task at once, both of it holds."""
    for number in range(1, 6):
        async with anyio.create_task_group() as tg:
            tg.start_soon(store.configure_task, "task", TaskOptions(max_attempts=number))
            tg.start_soon(other.configure_task, "task", TaskOptions(max_running_jobs=number))
        (task,) = await store.get_tasks()
        assert (number, number) == (task.configured.max_attempts, task.configured.max_running_jobs)


#: What a pass sends in which a schedule fires that was added here, and its job is taken: the beginning, with what is
#: asked first, and what is due; the schedule, the job, the lease, and what comes next; and the end.
SENT = {"PostgreSQL": 3, "MariaDB or MySQL": 14}

#: What the end of a job sends: the beginning, with whose job it is; and the job, its history and the end.
SENT_AT_END = {"PostgreSQL": 2, "MariaDB or MySQL": 7}


async def test_what_a_pass_asks_first_travels_with_its_beginning(
    store: SQLDataStore, clock: FakeClock
) -> None:
    """Rule P4: between something that is due and its job are few round trips, and no answer is used after a write."""
    user, node = User(store), Node(store)
    await user.add(once(clock.now(), id="first"))
    assert 1 == len((await node.work()).claims)

    await user.add(once(clock.now(), id="second"))
    with round_trips(store) as made:
        (claim,) = (await node.work()).claims
    assert ("second", SENT[store._dialect.name]) == (claim.job.schedule_id, len(made))
    with round_trips(store) as made:
        assert [True] == await node.complete(claim)
    assert SENT_AT_END[store._dialect.name] == len(made)
    await store.configure_task("task", TaskOptions(max_running_jobs=5))
    await user.add(once(clock.now(), id="third"))
    assert ["third"] == [
        claim.job.schedule_id for claim in (await node.work()).claims
    ]  # queued, and then taken


async def test_connections_that_are_cut(server: Server, store: SQLDataStore, clock: FakeClock) -> None:
    """Rule N3: a connection that broke while nobody used it goes unnoticed; one in use fails the call as a whole."""
    user = User(store)
    await user.add(every())
    server.cut()
    assert ["schedule"] == await user.ids()

    def decide(key: str, stored: ScheduleSnapshot | None, _: Task | None, __: object) -> Change:
        server.cut()
        assert stored is not None
        return Change(schedule_id=key, removed=True)

    with pytest.raises(StoreUnavailableError):
        await store.transact_schedules(["schedule"], decide)
    assert ["schedule"] == await user.ids()


async def test_a_commit_whose_answer_is_lost(
    store: SQLDataStore, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rule J1: a node that was not told which jobs it has taken is told by its next pass, and each once."""
    await store.add_jobs([direct_job(clock.now()) for _ in range(3)])
    node, transact = Node(store), store._session._transact

    def commit_and_break(*arguments: object) -> object:
        transact(*arguments)  # type: ignore[arg-type]
        raise StoreUnavailableError("the answer was lost")

    first = (await node.advance(claim_limit=1)).claims
    with monkeypatch.context() as patch:
        patch.setattr(store._session, "_transact", commit_and_break)
        store._advancing._expected[node.name] = clock.now()
        with pytest.raises(StoreUnavailableError):
            await node.advance()
    assert () == tuple((await node.advance(claim_limit=0)).claims)
    again = [*(await node.advance(claim_limit=1)).claims, *(await node.work()).claims]
    assert 3 == len({claim.job.id for claim in [*first, *again]})
    assert [True] * 3 == await node.complete(*first, *again)


async def test_a_call_whose_answer_is_lost(
    store: SQLDataStore, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rule J1: so is a node that was not told which jobs it has taken with a call of users."""
    node, transact = Node(store), store._session._transact

    def commit_and_break(*arguments: object) -> object:
        transact(*arguments)  # type: ignore[arg-type]
        raise StoreUnavailableError("the answer was lost")

    with monkeypatch.context() as patch:
        patch.setattr(store._session, "_transact", commit_and_break)
        with pytest.raises(StoreUnavailableError):
            await store.add_jobs([direct_job(clock.now())], None, node.taker())
        with pytest.raises(StoreUnavailableError):
            await User(store).add(every(3600), taker=node.taker())
    assert [] == node.delivered
    claims = (await node.work()).claims
    await clock.advance(1)
    claims += (await node.work()).claims
    assert 2 == len({claim.job.id for claim in claims})
    assert [True, True] == await node.complete(*claims)


@pytest.mark.parametrize("backend", ["postgresql", "mysql", "mariadb"])
async def test_a_server_that_does_not_answer(backend: str, clock: FakeClock) -> None:
    """Rule N3: a server that cannot be reached is a matter of waiting; the password stays out of what is said."""
    store = SQLDataStore(f"{backend}://user:hunter2@127.0.0.1:1/test")
    began = time.monotonic()
    with pytest.raises(StoreUnavailableError, match=r"127\.0\.0\.1") as caught:
        await store.open(clock)
    assert "hunter2" not in str(caught.value)
    assert time.monotonic() - began < 10


async def test_a_lease_that_appears_meanwhile(
    server: Server, store: SQLDataStore, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rule J1: who takes jobs has a lease then, whether or not it had one when the pass began."""
    grant = store._leases.grant

    def grant_late(connection: sa.Connection, node: str, until: int) -> None:
        server.query(f"INSERT INTO anysched_nodes (id, lease_until) VALUES ('{node}', 0)")
        grant(connection, node, until)

    monkeypatch.setattr(store._leases, "grant", grant_late)
    await store.add_jobs([direct_job(clock.now())])
    assert 1 == len((await Node(store, "a").work()).claims)
    monkeypatch.setattr(store._leases, "grant", grant)
    await clock.advance(LEASE / 2)
    await store.add_jobs([direct_job(clock.now())])
    assert 1 == len((await Node(store, "a").work()).claims)
    assert [("a", from_instant(clock.now() + LEASE))] == server.query(
        "SELECT id, lease_until FROM anysched_nodes"
    )
