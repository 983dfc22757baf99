"""Transactions: whole or not at all, one after the other, on one event loop and by one clock."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from pathlib import Path

import anyio
import anyio.from_thread
import anyio.to_thread
import attrs
import pytest
from tests.unit.stores.sql.support import Query, write_file

from anysched._clock import SystemClock
from anysched.errors import StoreError, StoreUnavailableError
from anysched.model.change import Change
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.task import Task, TaskDefaults
from anysched.rules.policy import Policy
from anysched.stores import SQLDataStore
from anysched.stores.sql.changes import Decided
from anysched.stores.sql.dialects import Conflict
from anysched.stores.sql.session import ATTEMPTS
from anysched.testing import FakeClock
from anysched.testing.store_suite.actors import Node, User, direct_job, every

pytestmark = pytest.mark.anyio


class Crash(BaseException):
    """What no code expects."""


async def test_a_crash_in_a_decision(store: SQLDataStore) -> None:
    """Rule S3: whatever happens between two statements, nothing of the transaction is left, and the store works on."""
    user = User(store)
    await user.add(every(id="a"), every(id="b"))

    def decide(key: str, stored: ScheduleSnapshot | None, _: Task | None, now: datetime) -> Change:
        assert stored is not None
        if key == "b" and stored.state.revision == 1:
            raise Crash
        state = attrs.evolve(stored.state, revision=2, error="crashed")
        return Change(schedule_id=key, state=state, jobs=(direct_job(now),))

    for ids in (["a", "b"], ["a", "a", "b"]):  # the second time after "a" was written
        with pytest.raises(Crash):
            await store.transact_schedules(ids, decide)
        assert [1, 1] == [snapshot.state.revision for snapshot in await user.schedules()]
        assert [] == await user.jobs()
    await user.pause("a")


async def test_a_crash_in_a_pass(store: SQLDataStore, clock: FakeClock) -> None:
    """Rule S3: a pass that fails in the middle has fired nothing and taken nothing; the next one does it all."""

    class CrashingPolicy(Policy):
        def max_running_jobs(self, task: Task | None) -> int | None:
            if written:
                raise Crash
            return None

    written: list[bool] = []
    await User(store).add(*(every(id=f"s{number}") for number in range(5)))
    node = Node(store)
    written.append(True)
    with pytest.raises(Crash):
        await node.advance(policy=CrashingPolicy(TaskDefaults()))
    assert [] == await User(store).jobs()
    work = await node.work()
    assert (5, 5) == (len(work.made), len(work.claims))


async def test_stale_writes(store: SQLDataStore, clock: FakeClock) -> None:
    """Rule S4: what was decided from a state that does not stand any more is not written."""
    user = User(store)
    await user.add(every())
    (stored,) = store._session.read_here(lambda c: store._schedules.by_ids(c, ["schedule"])).values()
    await user.pause("schedule")
    (paused,) = await user.schedules()
    for change in (
        Change(schedule_id="schedule", state=attrs.evolve(stored.snapshot.state, revision=2)),
        Change(schedule_id="schedule", removed=True),
        Change(
            schedule_id="schedule", schedule=every(5), state=attrs.evolve(stored.snapshot.state, revision=2)
        ),
    ):
        config = None if change.schedule is None else store._schedules.configs.encode(change.schedule)
        decided = Decided(stored, change, config)
        tries: list[int] = []

        def write(connection: object, decided: Decided = decided, tries: list[int] = tries) -> object:
            tries.append(1)
            return store._changes.write(connection, [decided], clock.now())  # type: ignore[arg-type]

        with pytest.raises(StoreUnavailableError, match="others keep changing the same schedules"):
            store._session.write_here(write)
        assert ATTEMPTS == len(tries)
        assert [paused] == await user.schedules()


async def test_a_conflict_is_tried_again(store: SQLDataStore) -> None:
    """Rule S4: a transaction that met another's write is done again from the beginning."""
    tries: list[int] = []

    def write(connection: object) -> int:
        tries.append(1)
        if len(tries) < 3:
            raise Conflict
        return len(tries)

    assert 3 == store._session.write_here(write)


async def test_a_cancelled_caller(store: SQLDataStore, query: Query) -> None:
    """A caller that is cancelled in the middle of its transaction waits for it, and it is whole."""
    entered, go_on = threading.Event(), threading.Event()

    def decide(key: str, stored: ScheduleSnapshot | None, _: Task | None, now: datetime) -> Change:
        assert stored is not None
        entered.set()
        assert go_on.wait(10)
        return Change(schedule_id=key, state=attrs.evolve(stored.state, revision=2, error="written"))

    await User(store).add(every())
    async with anyio.create_task_group() as tg:
        tg.start_soon(store.transact_schedules, ["schedule"], decide)
        await anyio.to_thread.run_sync(entered.wait, 10)
        tg.cancel_scope.cancel()
        go_on.set()
    assert [("written",)] == query("SELECT error FROM anysched_schedules")
    await User(store).replace(every())


async def test_an_idle_pass_does_not_write(store: SQLDataStore, clock: FakeClock, query: Query) -> None:
    """Rule S5: a node with nothing to do does not write, and takes no lock from those who do."""
    user, node = User(store), Node(store)
    await user.add(every(id="a"), every(id="paused", paused=True), every(id="other", task="other"))
    await store.add_jobs([direct_job(clock.now() + timedelta(days=1)), direct_job(clock.now(), "other")])
    await node.work()
    await node.advance()
    query("BEGIN IMMEDIATE")
    for _ in range(3):
        assert () == (await node.advance()).claims
    await store.declare_tasks({})
    assert 0 == await store.clean_up()
    query("COMMIT")


async def test_it_must_be_open(path: Path, clock: FakeClock) -> None:
    """A store that is not open, not yet or not any more, says so."""
    store = SQLDataStore(f"sqlite:///{path}")
    with pytest.raises(StoreError, match="is not open"):
        await store.get_tasks()
    await store.open(clock)
    keeper = store.make_lease_keeper()
    await store.close()
    await store.close()
    for call in (store.clean_up, store.get_tasks, Node(store).advance, lambda: store.add_jobs([])):
        with pytest.raises(StoreError, match="is not open"):
            await call()
    with pytest.raises(StoreError, match="is not open"):
        keeper.renew("node a", timedelta(seconds=1))
    keeper.close()


async def test_one_clock(store: SQLDataStore, clock: FakeClock) -> None:
    """Rule N6: a store goes by one clock; clocks that all tell the machine's time are alike."""
    with pytest.raises(StoreError, match="one clock"):
        await store.open(SystemClock())
    with pytest.raises(StoreError, match="one clock"):
        await store.open(FakeClock())
    await store.open(clock)
    await store.close()
    other = SQLDataStore("sqlite://")
    await other.open(SystemClock())
    await other.open(SystemClock())
    await other.close()
    await other.close()


def test_one_event_loop(path: Path) -> None:
    """Rule N1: a store serves one event loop at a time, one after the other."""
    store, clock = SQLDataStore(f"sqlite:///{path}"), FakeClock()

    async def use() -> None:
        await store.open(clock)
        assert [] == await store.get_tasks()

    with anyio.from_thread.start_blocking_portal() as portal:
        portal.call(use)
        with pytest.raises(StoreError, match="one event loop at a time"):
            anyio.run(use, backend="trio")
        portal.call(store.close)

    async def use_and_close() -> None:
        await use()
        await store.close()

    for backend in ("trio", "asyncio"):
        anyio.run(use_and_close, backend=backend)


async def test_opening_that_fails_leaves_nothing(path: Path, clock: FakeClock) -> None:
    """A store that could not be opened can be opened later, as if for the first time."""
    write_file(path, b"not a database" * 100)
    store = SQLDataStore(f"sqlite:///{path}")
    with pytest.raises(StoreError):
        await store.open(clock)
    with pytest.raises(StoreError, match="is not open"):
        await store.get_tasks()
    write_file(path, b"")
    await store.open(clock)
    await store.close()


async def test_opening_that_is_cancelled(path: Path, clock: FakeClock) -> None:
    """A cancelled ``open`` leaves nothing open."""
    store = SQLDataStore(f"sqlite:///{path}")
    with anyio.CancelScope() as scope:
        scope.cancel()
        await store.open(clock)
    assert scope.cancelled_caught
    with pytest.raises(StoreError, match="is not open"):
        await store.get_tasks()


async def test_removing_what_is_being_held(store: SQLDataStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule H1: a schedule that somebody removes while its set is paused, or resumed, is no error."""
    user = User(store)
    await user.add(every(id="a", group="g"))
    monkeypatch.setattr(store._schedules, "meant_by", lambda *_: ["a", "removed meanwhile"])
    hold = await user.hold(group="g")
    assert ["a"] == await user.ids(paused=True)
    assert ["a"] == [result.schedule_id for result in await user.lift(hold.id)]
