"""Schedules are written, read, replaced and removed as rules S1 to S4 and S6 say."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from operator import eq

import anyio
import attrs
import pytest

from anysched.errors import ConflictingIdError, ScheduleLookupError
from anysched.model.change import Change
from anysched.model.events import ScheduleFinished
from anysched.model.policies import (
    ConflictPolicy,
    JobKind,
    JobOutcome,
    ScheduleStatus,
    SkipReason,
)
from anysched.model.schedule import Schedule
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.task import Task, TaskOptions
from anysched.ports.store import DataStore
from anysched.rules import adding
from anysched.testing.clock import FakeClock
from anysched.testing.store_suite.actors import Node, User, every, once, seconds
from anysched.testing.store_suite.base import StoreTests
from anysched.triggers import IntervalTrigger


class ScheduleTests(StoreTests):
    """Configuration and state of schedules."""

    async def test_adding_again_does_nothing(self, store: DataStore) -> None:
        """Rule S1: with ``do_nothing`` what is stored stays as it is."""
        user = User(store)
        await user.add(every(10))
        before = await user.get()
        await user.add(every(99, args=(1,), paused=True))
        assert before == await user.get()

    async def test_a_conflict_writes_nothing(self, store: DataStore) -> None:
        """Rule S1: with ``exception`` an id that exists is refused, together with all that came with it."""
        user = User(store)
        await user.add(every(10))
        before = await user.get()
        with pytest.raises(ConflictingIdError):
            await user.add(every(id="another"), every(99), policy=ConflictPolicy.exception)
        assert [before] == await user.schedules()

    async def test_replacing_writes_configuration_only(self, store: DataStore, clock: FakeClock) -> None:
        """Rule S1: pause, counters and cursor survive; ``paused`` applies at creation only; an error is cleared."""
        user, node = User(store), Node(store)
        await user.add(every(10))
        await clock.advance(25)
        await node.work()
        await user.pause("schedule", reason="maintenance")
        await user.write_state(error="it broke")
        before = (await user.get()).state
        await user.replace(every(10, args=(1,), paused=False))
        after = await user.get()
        assert (1,) == after.schedule.args
        assert attrs.evolve(before, error=None, revision=before.revision + 1) == after.state
        await user.unpause()
        await user.replace(every(10, paused=True))
        assert not (await user.get()).paused

    async def test_a_changed_trigger_moves_the_cursor(self, store: DataStore, clock: FakeClock) -> None:
        """Rule S1: the next fire time is the first of the new trigger from now; the anchor and a pause stay."""
        user, node = User(store), Node(store)
        await user.add(every(10))
        await user.pause("schedule")
        await clock.advance(25)
        await user.replace(every(60))
        state = (await user.get()).state
        assert clock.now() - seconds(25) == state.anchor
        assert clock.now() + seconds(35) == state.next_fire_time == state.due_at
        assert state.paused
        await user.unpause()
        assert clock.now() + seconds(35) == (await node.work()).next_wake

    async def test_a_finished_schedule_comes_back(self, store: DataStore, clock: FakeClock) -> None:
        """Rule S1: a changed trigger makes a finished schedule active again."""
        user, node = User(store), Node(store)
        await user.add(once(clock.now()))
        (change,) = (await node.work()).changes
        assert (ScheduleFinished("schedule", "task"),) == change.events
        await user.replace(once(clock.now() + seconds(5)))
        assert ScheduleStatus.active is (await user.get()).status
        await clock.advance(5)
        assert 1 == len((await node.work()).made)

    async def test_what_decide_raises_undoes_all(self, store: DataStore) -> None:
        """Rule S3: when one decision fails, nothing of the transaction is written, whatever it was."""
        user = User(store)
        await user.add(*(every(id=id) for id in "abcde"))
        await user.run("c")
        before, jobs = await user.schedules(), await user.jobs()

        def decide(key: str, stored: ScheduleSnapshot | None, _: Task | None, now: datetime) -> Change:
            if key == "a":
                return adding.remove(key, stored)
            if key == "b":
                state = attrs.evolve(adding.existing(key, stored).state, error="changed")
                return Change(schedule_id=key, state=state, jobs=(attrs.evolve(jobs[0], id=stored_id),))
            if key == "c":
                return Change(schedule_id=key, queued=("discard",))
            if key == "new":
                return adding.add(every(id=key), stored, now, ConflictPolicy.replace, eq)
            raise ZeroDivisionError(key)

        stored_id = before[0].state.incarnation
        with pytest.raises(ZeroDivisionError):
            await store.transact_schedules(["a", "b", "c", "new", "d"], decide)
        assert before == await user.schedules()
        assert jobs == await user.jobs()

    async def test_an_id_given_twice_is_decided_on_twice(self, store: DataStore) -> None:
        """The second decision about an id sees the outcome of the first, also when that was nothing or removal."""
        seen: list[int | None] = []

        def decide(key: str, stored: ScheduleSnapshot | None, _: Task | None, now: datetime) -> Change:
            seen.append(None if stored is None else stored.state.revision)
            if stored is None:
                return adding.add(every(id=key), stored, now, ConflictPolicy.replace, eq)
            if stored.state.revision == 2:
                return adding.remove(key, stored)
            return Change(schedule_id=key, state=attrs.evolve(stored.state, revision=2, error="changed"))

        committed = await store.transact_schedules(["x", "x", "x", "x"], decide)
        assert [None, 1, 2, None] == seen[-4:]
        assert 4 == len(committed.changes)
        assert 1 == (await User(store).get("x")).state.revision

    async def test_decisions_see_what_is_stored(self, store: DataStore, clock: FakeClock) -> None:
        """Rule N6: a decision is given the id, what is stored, its task, and the store's present."""
        user = User(store)
        await user.add(every(id="here"), every(id="taskless", task="unknown"))
        task = await store.configure_task("task", TaskOptions(max_running_jobs=3))
        await clock.advance(1.000001)
        seen: dict[str, tuple[ScheduleSnapshot | None, Task | None, datetime]] = {}

        def decide(key: str, stored: ScheduleSnapshot | None, task: Task | None, now: datetime) -> Change:
            seen[key] = (stored, task, now)
            return Change(schedule_id=key)

        committed = await store.transact_schedules(["here", "gone", "taskless"], decide)
        assert ["here", "gone", "taskless"] == [change.schedule_id for change in committed.changes]
        here, taskless = await user.schedules()
        assert (here, task, clock.now()) == seen["here"]
        assert (None, None, clock.now()) == seen["gone"]
        assert taskless == seen["taskless"][0]
        assert seen["taskless"][1] in (None, Task("unknown"))

    async def test_removing(self, store: DataStore, clock: FakeClock) -> None:
        """Rule S4: removing cancels queued jobs, held and manual ones too, and leaves running ones."""
        user, node = User(store), Node(store)
        await user.add(every(id="a"), every(id="b"))
        running = (await node.work()).claims
        await clock.advance(10)
        await node.work(claim_limit=0)
        await user.pause("a", queued="hold")
        manual = await user.run("a")
        queued = await user.jobs(schedule_id="a")
        committed = await user.remove("a")
        ended = {ended.job.id: ended for ended in committed.ended}
        assert {job.id for job in queued if job.id not in [c.job.id for c in running]} == set(ended)
        assert JobKind.manual is ended[manual.id].job.kind
        assert {JobOutcome.cancelled} == {one.result.outcome for one in committed.ended}
        assert ["b"] == await user.ids()
        assert {claim.job.id for claim in running} <= {job.id for job in await user.jobs()}
        assert [True, True] == await node.complete(*running)
        assert ["b"] == [claim.job.schedule_id for claim in (await node.work()).claims]

    async def test_a_removed_schedule_stays_removed(self, store: DataStore, clock: FakeClock) -> None:
        """Rule S4: after a removal nothing finds, fires, changes or brings back the schedule."""
        user, node = User(store), Node(store)
        await user.add(every())
        await user.remove("schedule")
        for act in (user.pause, user.resume, user.remove, user.run):
            with pytest.raises(ScheduleLookupError):
                await act("schedule")
        await clock.advance(60)
        work = await node.work()
        assert ([], None) == (work.changes, work.next_wake)
        assert [] == await user.schedules()

    async def test_no_write_is_lost(self, store: DataStore, other: DataStore, clock: FakeClock) -> None:
        """Rule S4: writes that meet follow each other, each decided upon the outcome of the one before."""
        users, node = [User(store), User(other)], Node(other, "node b")
        await users[0].add(every())

        async def write(user: User, number: int) -> None:
            def decide(key: str, stored: ScheduleSnapshot | None, _: Task | None, __: datetime) -> Change:
                old = adding.existing(key, stored).state
                skipped = {SkipReason.paused: old.skipped.get(SkipReason.paused, 0) + number}
                return Change(
                    schedule_id=key, state=attrs.evolve(old, revision=old.revision + 1, skipped=skipped)
                )

            await user.store.transact_schedules(["schedule"], decide)

        async with anyio.create_task_group() as tg:
            for number in range(20):
                tg.start_soon(write, users[number % 2], number)
            tg.start_soon(node.advance)
        await node.work()  # a pass may pass over what is being written
        state = (await users[0].get()).state
        assert (22, {SkipReason.paused: 190}, 1) == (state.revision, dict(state.skipped), state.jobs_made)

    async def test_a_removal_wins(self, store: DataStore, other: DataStore, clock: FakeClock) -> None:
        """Rule S4: whatever happens to a schedule while it is removed, it is gone afterwards, and so are its jobs."""
        user, node = User(store), Node(other, "node b")
        ids = [f"{number:02}" for number in range(20)]
        await user.add(*(every(id=id) for id in ids))
        meddle = User(other)

        async def change(act: Callable[[str], Awaitable[object]], id: str) -> None:
            with contextlib.suppress(ScheduleLookupError):
                await act(id)

        async with anyio.create_task_group() as tg:
            for id in ids:
                for act in (meddle.pause, user.remove, meddle.run, meddle.resume):
                    tg.start_soon(change, act, id)
                tg.start_soon(partial(node.advance, plan_limit=3, claim_limit=0))
        assert ([], []) == (await user.schedules(), await user.jobs())
        assert (1, None) == ((await node.work()).passes, (await node.work()).next_wake)

    async def test_adding_after_removing_is_a_new_incarnation(
        self, store: DataStore, clock: FakeClock
    ) -> None:
        """Rule S3: a fire time may come again in a new incarnation; jobs of the old one are not touched."""
        user, node = User(store), Node(store)
        trigger = IntervalTrigger(seconds=10, start_time=clock.now())
        schedule = Schedule("task", trigger, id="schedule")
        await user.add(schedule)
        old = await node.claim_one()
        await user.remove("schedule")
        await user.add(schedule)
        new = await node.claim_one()
        assert old.job.scheduled_fire_time == new.job.scheduled_fire_time
        assert old.job.incarnation != new.job.incarnation
        assert [True, True] == await node.complete(old, new)
