"""What goes wrong harms nothing else, and nothing is lost: rules S2, J4, N3, N5 and N6."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import attrs
import pytest

from anysched.errors import SerializationError
from anysched.model.events import ScheduleFailed
from anysched.model.job import Job
from anysched.model.policies import ScheduleStatus
from anysched.model.schedule import Schedule
from anysched.model.task import TaskOptions
from anysched.model.unset import UnsetType
from anysched.ports.store import DataStore
from anysched.testing.clock import FakeClock
from anysched.testing.store_suite.actors import Node, User, direct_job, every, once, seconds
from anysched.testing.store_suite.base import StoreTests, only_durable
from anysched.testing.store_suite.odd import (
    WAYS_TO_BREAK,
    BreakingTrigger,
    PlainTrigger,
    UnregisteredTrigger,
)
from anysched.testing.store_suite.values import VALUES, exactly


class FaultTests(StoreTests):
    """Bad triggers, bad data, cancellation, restarts."""

    async def test_the_present(self, store: DataStore, clock: FakeClock) -> None:
        """Rule N6: a store that is opened on a clock for tests lives in its time."""
        await clock.advance(12.345678)
        assert clock.now() == await store.now() == (await Node(store).advance()).now == store.present()
        assert not store.keeps_time

    async def test_nothing_asked_nothing_done(self, store: DataStore) -> None:
        """Empty requests are allowed, and an empty store wakes nobody."""
        committed = await User(store).remove()
        assert ([], []) == (list(committed.changes), list(committed.ended))
        await store.add_jobs([])
        await store.declare_tasks({})
        await store.give_back("node a", [])
        assert [] == await Node(store).report([])
        assert 0 == await store.clean_up()
        work = await Node(store).work()
        assert (1, None, False, [], []) == (
            work.passes,
            work.next_wake,
            work.backlog,
            work.changes,
            work.claims,
        )

    async def test_broken_triggers_are_set_aside(self, store: DataStore, clock: FakeClock) -> None:
        """Rule S2: a trigger that fails puts its schedule into ``error``, says why, and harms no other."""
        user, node = User(store), Node(store)
        breaks_at = clock.now() + seconds(60)
        for how in WAYS_TO_BREAK:
            await user.add(Schedule("task", BreakingTrigger(how=how, breaks_at=breaks_at), id=how))
        await user.add(every(id="sound"))
        await clock.advance(100)
        work = await node.work()
        assert ["sound"] == [job.schedule_id for job in work.made]
        failed = [
            event for change in work.changes for event in change.events if isinstance(event, ScheduleFailed)
        ]
        assert set(WAYS_TO_BREAK) == {event.schedule_id for event in failed}
        broken = await user.schedules(status=ScheduleStatus.error)
        assert {event.schedule_id: event.error for event in failed} == {
            one.id: one.state.error for one in broken
        }
        await clock.advance(10)
        assert ["sound"] == [change.schedule_id for change in (await node.work()).changes]
        await user.replace(every(id="raises"))
        assert ScheduleStatus.active is (await user.get("raises")).status

    async def test_slow_decisions(self, store: DataStore, clock: FakeClock) -> None:
        """Rule L2: a trigger that cannot count is asked for as long as it takes, and its schedule fires once."""
        user, node = User(store), Node(store)
        await user.add(*(Schedule("task", PlainTrigger(1), id=id) for id in "ab"), every(id="c"))
        await user.pause("b")
        await clock.advance(3000)
        work = await node.work()
        assert (
            {"a", "c"} == {job.schedule_id for job in work.made} == {c.job.schedule_id for c in work.claims}
        )
        report = await user.unpause("b")
        assert (1, 3000, True) == (len(report.jobs), report.skipped, report.skipped_exact)

    async def test_cancelled_calls(self, store: DataStore, clock: FakeClock) -> None:
        """A call that is cancelled has done all or nothing, and the store works on."""
        user, node = User(store), Node(store)
        await user.add(*(Schedule("task", PlainTrigger(1), id=id) for id in "ab"), every(id="c"))
        await clock.advance(3000)
        job = direct_job(clock.now(), "other task")
        calls: list[Callable[[], Awaitable[Any]]] = [
            lambda: user.pause("a", "b", reason="both or none"),
            lambda: user.resume("a", "b"),
            lambda: store.add_jobs([job]),
            lambda: store.configure_task("task", TaskOptions(max_attempts=2)),
            lambda: user.add(every(id="d"), every(id="e")),
            node.advance,
            user.schedules,
            store.clean_up,
        ]
        for call in calls:
            with anyio.CancelScope() as scope:
                scope.cancel()
                await call()
        a, b = await user.schedules(ids={"a", "b"})
        assert a.paused == b.paused
        assert await user.ids() in (["a", "b", "c"], ["a", "b", "c", "d", "e"])
        await user.resume("a", "b")
        await node.work()
        fired = {snapshot.id: snapshot.state for snapshot in await user.schedules()}
        for id in "abc":
            jobs = await user.jobs(schedule_id=id)
            assert 1 == len(jobs) == fired[id].jobs_made
            assert jobs[0].scheduled_fire_time == fired[id].last_fire_time
        assert len(await user.jobs(task_id="other task")) in (0, 1)

    async def test_opening_twice(self, store: DataStore, clock: FakeClock) -> None:
        """Rule N1: a store serves several schedulers; one that lets go does not take it from the others."""
        await store.open(clock)
        await store.close()
        await User(store).add(every())
        assert 1 == len((await Node(store).work()).claims)

    async def test_everything_survives_a_restart(
        self, store: DataStore, tmp_path: Path, clock: FakeClock
    ) -> None:
        """Rules N1 and P10: schedules, pauses, jobs held and queued, results and options are there again."""
        only_durable(store)
        user, node, now = User(store), Node(store), clock.now()
        await store.declare_tasks({"task": TaskOptions(max_running_jobs=9)})
        await user.add(every(id="a"), every(id="b"), once(now + seconds(9), id="c"))
        await node.work(claim_limit=0)
        await user.pause("a", queued="hold", reason="night", until=now + seconds(99))
        done = direct_job(now, run_at=now - seconds(1), result_expiration_time=seconds(60))
        await store.add_jobs([done, direct_job(now, run_at=now + seconds(5))])
        (claim,) = (await node.advance(claim_limit=1)).claims
        await node.complete(claim, value="kept")
        reopened = self.second_store(store, tmp_path)
        await reopened.open(clock)
        try:
            again = User(reopened)
            assert await user.schedules() == await again.schedules()
            assert await user.jobs() == await again.jobs()
            assert await store.get_tasks() == await reopened.get_tasks()
            result = await reopened.get_result(done.id)
            assert result is not None
            assert "kept" == result.return_value
            work = await Node(reopened, "node b").work()
            assert (["b"], now + seconds(5)) == ([c.job.schedule_id for c in work.claims], work.next_wake)
        finally:
            await reopened.close()

    async def test_arguments_of_every_kind(self, store: DataStore, clock: FakeClock) -> None:
        """Arguments and metadata are read back equal and of the same types, from schedules and from jobs."""
        only_durable(store)
        user, node = User(store), Node(store)
        kwargs = {f"x{number}": value for number, value in enumerate(VALUES)}
        await user.add(every(args=VALUES, kwargs=kwargs, metadata=kwargs))
        await store.add_jobs([direct_job(clock.now(), args=VALUES, kwargs=kwargs, metadata=kwargs)])
        task = await store.configure_task("task", TaskOptions(metadata=kwargs))
        assert not isinstance(task.configured.metadata, UnsetType)
        assert exactly(kwargs) == exactly(dict(task.configured.metadata))
        records: list[Job | Schedule] = [claim.job for claim in (await node.work()).claims]
        assert 2 == len(records)
        for record in (*records, (await user.get()).schedule):
            assert exactly(VALUES) == exactly(record.args)
            assert exactly(kwargs) == exactly(dict(record.kwargs))
            assert exactly(kwargs) == exactly(dict(record.metadata))

    async def test_what_cannot_be_written_is_refused(self, store: DataStore, clock: FakeClock) -> None:
        """What cannot be read back is refused before anything is written, with all that came with it."""
        only_durable(store)
        user = User(store)
        await user.add(every(id="a"))
        before = await user.schedules()
        bad = object()
        for schedule in (
            every(id="z", args=(1, [bad])),
            every(id="z", kwargs={"x": {"y": bad}}),
            every(id="z", metadata={"x": bad}),
            Schedule("task", UnregisteredTrigger(), id="z"),
        ):
            with pytest.raises(SerializationError):
                await user.add(every(id="y"), schedule)
            with pytest.raises(SerializationError):
                await user.replace(attrs.evolve(schedule, id="a"))
        refused: list[dict[str, Any]] = [{"args": (bad,)}, {"kwargs": {"x": bad}}, {"metadata": {"x": bad}}]
        for fields in refused:
            with pytest.raises(SerializationError):
                await store.add_jobs([direct_job(clock.now()), direct_job(clock.now(), **fields)])
        with pytest.raises(SerializationError):
            await store.configure_task("b", TaskOptions(metadata={"x": bad}))
        with pytest.raises(SerializationError):
            await store.declare_tasks({"b": TaskOptions(), "c": TaskOptions(metadata={"x": bad})})
        assert before == await user.schedules()
        assert ([], []) == (await user.jobs(), await store.get_tasks({"b", "c"}))

    async def test_damaged_schedules(self, store: DataStore, clock: FakeClock) -> None:
        """Rule S2: a schedule that cannot be read goes to ``error`` when it is due; all others are not harmed."""
        only_durable(store)
        user, node = User(store), Node(store)
        await user.add(*(every(id=id, metadata={"of": id}) for id in "abc"))
        await self.damage_schedule(store, "b")
        snapshots = {snapshot.id: snapshot for snapshot in await user.schedules()}
        assert {"a": False, "b": True, "c": False} == {id: bool(one.fault) for id, one in snapshots.items()}
        work = await node.work()
        assert {"a", "c"} == {job.schedule_id for job in work.made}
        assert ScheduleStatus.error is (await user.get("b")).status
        assert clock.now() + seconds(10) == (await node.work()).next_wake
        await user.pause("b", reason="to be looked at")
        assert (await user.get("b")).paused
        await user.unpause("b")
        await user.replace(every(id="b"))
        await node.work()
        assert (None, ScheduleStatus.active) == ((await user.get("b")).fault, (await user.get("b")).status)
        await self.damage_schedule(store, "b")
        await user.remove("b")
        assert ["a", "c"] == await user.ids()

    async def test_foreign_types_are_left_to_others(self, store: DataStore, clock: FakeClock) -> None:
        """Rules S2 and N5: a schedule of a type that no code here knows is passed over, kept, and told of once."""
        only_durable(store)
        user, node = User(store), Node(store)
        await user.add(*(every(id=id) for id in "abc"))
        await self.estrange_schedule(store, "b")
        work = await node.work(plan_limit=1)
        assert {"a", "c"} == {job.schedule_id for job in work.made}
        assert ["b"] == [id for id, _ in work.unknown]
        assert clock.now() + seconds(10) == work.next_wake
        assert [] == (await node.work(plan_all=True)).unknown
        snapshot = await user.get("b")
        assert snapshot.fault
        assert (ScheduleStatus.active, clock.now()) == (snapshot.status, snapshot.next_fire_time)

    async def test_damaged_jobs(self, store: DataStore, clock: FakeClock) -> None:
        """Rule J4: a job whose arguments cannot be read is taken with the reason, so that it can end with it."""
        only_durable(store)
        user, node = User(store), Node(store)
        jobs = [direct_job(clock.now(), args=(number,)) for number in range(3)]
        await store.add_jobs(jobs)
        await self.damage_job(store, jobs[1].id)
        assert sorted(job.id for job in jobs) == [job.id for job in await user.jobs()]
        claims = {claim.job.id: claim for claim in (await node.work()).claims}
        assert [False, True, False] == [bool(claims[job.id].fault) for job in jobs]
        assert [True] * 3 == await node.complete(*claims.values())
