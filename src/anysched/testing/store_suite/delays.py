"""Schedules with a fixed delay count from the end of their last run, in the transaction that ends it (rule S9)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import anyio

from anysched.model.hold import Selector
from anysched.model.job import Claim, JobResult
from anysched.model.policies import JobKind, JobOutcome, OnAbandon, ScheduleStatus
from anysched.model.schedule import Schedule
from anysched.model.task import TaskOptions
from anysched.model.waiting import Waiting
from anysched.ports.store import Committed, Completion, DataStore
from anysched.rules.waiting import lost
from anysched.testing.clock import FakeClock
from anysched.testing.store_suite.actors import LEASE, POLICY, Node, User, every, seconds
from anysched.testing.store_suite.base import StoreTests, only_durable


def delayed(number: float = 10, id: str = "schedule", **options: Any) -> Schedule:
    """Return a schedule that runs again so many seconds after the end of its last run."""
    return every(number, id=id, fixed_delay=True, **options)


class DelayTests(StoreTests):
    """What is next once a job has ended, in each way in which one can."""

    async def test_it_counts_from_the_end(self, store: DataStore, other: DataStore, clock: FakeClock) -> None:
        """Rule S9: there is no next fire time while the job waits or runs; its end, on whatever node, is the anchor."""
        user, a, b = User(store), Node(store), Node(other, "node b")
        await user.add(delayed())
        for node, other_node in ((a, b), (b, a)):
            (job,) = (await node.work(claim_limit=0)).made
            for _ in range(2):
                snapshot = await user.get()
                assert (ScheduleStatus.active, None, (job.id,)) == (
                    snapshot.status, snapshot.next_fire_time, snapshot.waits_for,
                )  # fmt: skip
                assert ["schedule"] == await user.ids(status=ScheduleStatus.active)
                assert [] == await user.ids(status=ScheduleStatus.finished)
                await clock.advance(25)
                assert [] == (await other_node.work(claim_limit=0)).made
            claim = await other_node.claim_one()
            assert None is (await user.get()).state.wake_at
            await clock.advance(25)
            end = clock.now()
            assert [True] == await other_node.complete(claim)
            snapshot = await user.get()
            assert (end, end + seconds(10), ()) == (
                snapshot.state.anchor, snapshot.next_fire_time, snapshot.waits_for,
            )  # fmt: skip
            assert end + seconds(10) == (await node.work()).next_wake
            await clock.advance(10)
        assert {} == (await user.get()).state.skipped

    async def test_however_a_job_ends(self, store: DataStore, clock: FakeClock) -> None:
        """Rule S9: a failure, a missed deadline, a cancellation and a job given up are ends; a retry is none."""
        user, node = User(store), Node(store)
        await user.add(delayed())
        for outcome in JobOutcome:
            claim = await node.claim_one()
            await store.give_back(node.name, [claim], attempted=True)
            assert (claim.job.id,) == (await user.get()).waits_for
            claim = await node.claim_one()
            await clock.advance(3)
            await node.complete(claim, outcome=outcome)
            assert clock.now() + seconds(10) == (await user.get()).next_fire_time
            await clock.advance(10)
        await node.work(claim_limit=0)
        (job,) = await user.jobs()
        await clock.advance(4)
        assert isinstance(await store.cancel_job(job.id, POLICY), Committed)
        assert clock.now() + seconds(10) == (await user.get()).next_fire_time

    async def test_ends_that_are_told_late(self, store: DataStore, clock: FakeClock) -> None:
        """Rule S9: it counts from when the job ended, not from when that was written; a stale end is none."""
        user, node = User(store), Node(store)
        await user.add(delayed())
        claim = await node.claim_one()
        end = clock.now() + seconds(2)
        await clock.advance(60)
        stale = Claim(claim.job, claim.token - 1)
        result = JobResult(claim.job.id, JobOutcome.success, end, clock.now())
        assert [False] == await node.report([Completion(stale, result)])
        assert (claim.job.id,) == (await user.get()).waits_for
        await node.report([Completion(claim, JobResult(claim.job.id, JobOutcome.success, end, end))])
        assert end + seconds(10) == (await user.get()).next_fire_time
        (job,) = (await node.work()).made
        assert (
            clock.now() - seconds(8) == job.scheduled_fire_time
        )  # late, and all others before it are coalesced

    async def test_jobs_that_do_not_count(self, store: DataStore, clock: FakeClock) -> None:
        """Rule S9: a job by hand moves nothing, and nor do jobs of another life of the schedule."""
        user, node = User(store), Node(store)
        await user.add(delayed())
        old = await node.claim_one()
        await user.run()
        by_hand = await node.claim_one()
        assert JobKind.manual is by_hand.job.kind
        await node.complete(by_hand)
        assert (old.job.id,) == (await user.get()).waits_for
        await user.remove("schedule")
        await user.add(delayed())
        new = await node.claim_one()
        await node.complete(old)
        assert (new.job.id,) == (await user.get()).waits_for

    async def test_pauses(self, store: DataStore, clock: FakeClock) -> None:
        """Rules S9 and P1: the end of a job sets the fire time while the schedule is paused too, which is frozen."""
        user, node = User(store), Node(store)
        await user.add(delayed())
        claim = await node.claim_one()
        await user.pause("schedule")
        assert ["schedule"] == await user.ids(status=ScheduleStatus.paused)
        await clock.advance(5)
        await node.complete(claim)
        end = clock.now()
        assert (end + seconds(10), True) == ((await user.get()).next_fire_time, (await user.get()).paused)
        await clock.advance(100)
        assert [] == (await node.work()).made
        assert 1 == len((await user.unpause(missed="run_once")).jobs)
        claim = await node.claim_one()
        await user.pause("schedule")
        result = await user.unpause(resume_from="now")
        assert (ScheduleStatus.active, None, ()) == (result.status, result.next_fire_time, result.jobs)
        await node.complete(claim)
        assert clock.now() + seconds(10) == (await user.get()).next_fire_time

    async def test_jobs_that_a_pause_discards(self, store: DataStore, clock: FakeClock) -> None:
        """Rules S9 and P3: what discards the job that is waited for has ended it, and the schedule goes on."""
        user, node = User(store), Node(store)
        await user.add(*(delayed(id=id, task=id) for id in ("queued", "running")))
        await Node(store, tasks=("queued", "running")).work(claim_limit=0)
        running = await Node(store, tasks=["running"]).claim_one()
        await clock.advance(3)
        committed = await user.pause("queued", "running", queued="discard")
        assert ["queued"] == [end.job.schedule_id for end in committed.ended]
        assert clock.now() + seconds(10) == (await user.get("queued")).next_fire_time
        assert (running.job.id,) == (await user.get("running")).waits_for
        assert await node.complete(running)
        await user.resume("queued", "running")
        await clock.advance(10)
        assert 2 == len((await Node(store, tasks=("queued", "running")).work(claim_limit=0)).made)
        await user.place(Selector(everything=True), "all", queued="hold")
        await clock.advance(7)
        results = await user.lift("all", missed="skip")
        assert [clock.now() + seconds(10)] * 2 == [result.next_fire_time for result in results]
        assert [] == await user.jobs()

    async def test_a_hold_that_discards_many(self, store: DataStore, clock: FakeClock) -> None:
        """Rules S9 and H2: a hold on very many schedules ends the jobs of all, and each has a next fire time then."""
        user = User(store)
        await user.add(*(delayed(id=f"s{number}") for number in range(250)))
        await Node(store).work(claim_limit=0)
        assert 250 == sum(bool(snapshot.waits_for) for snapshot in await user.schedules())
        await clock.advance(5)
        committed = await user.place(Selector(everything=True), "all", queued="discard")
        assert 250 == len(committed.ended)
        assert {(clock.now() + seconds(10), True)} == {
            (snapshot.next_fire_time, snapshot.paused) for snapshot in await user.schedules()
        }

    async def test_nodes_that_are_gone(self, store: DataStore, clock: FakeClock) -> None:
        """Rules S9 and J2: a job that is taken over goes on being waited for; one that is given up has ended then."""
        only_durable(store)
        user, gone, node = User(store), Node(store, "gone"), Node(store)
        await user.add(delayed())
        claim = await gone.claim_one()
        await clock.advance(LEASE.total_seconds() + 1)
        again = await node.claim_one()
        assert (claim.job.id, (claim.job.id,)) == (again.job.id, (await user.get()).waits_for)
        await store.declare_tasks({"task": TaskOptions(on_abandon=OnAbandon.fail)})
        await clock.advance(LEASE.total_seconds() + 1)
        work = await gone.work()
        assert [JobOutcome.abandoned] == [end.result.outcome for end in work.ended]
        assert clock.now() + seconds(10) == (await user.get()).next_fire_time == work.next_wake
        assert [False] == await node.complete(again)

    async def test_a_node_that_cannot_read_the_trigger(self, store: DataStore, clock: FakeClock) -> None:
        """Rules S9 and S2: it writes down when the job ended, and leaves the rest to a node that can."""
        only_durable(store)
        user, node = User(store), Node(store)
        await user.add(delayed())
        claim = await node.claim_one()
        await self.estrange_schedule(store, "schedule")
        await clock.advance(3)
        end = clock.now()
        await node.complete(claim)
        state = (await user.get()).state
        assert (Waiting(jobs=(), ended_at=end), ScheduleStatus.active, end) == (
            state.waiting, state.status, state.wake_at,
        )  # fmt: skip
        assert [] == (await node.work()).changes
        await user.replace(delayed(20))
        assert Waiting(jobs=(), ended_at=end) == (await user.get()).state.waiting
        await node.work()
        assert end + seconds(20) == (await user.get()).next_fire_time

    async def test_jobs_that_are_lost(self, store: DataStore, clock: FakeClock) -> None:
        """Rule S9: who cleans up finds schedules that wait for a job which is gone, and they go on from then."""
        user, node = User(store), Node(store)
        await user.add(delayed(), delayed(id="well", task="other"))
        await node.complete(await node.claim_one())
        well = await Node(store, tasks=["other"]).claim_one()
        state = await user.write_state(next_fire_time=None, due_at=None, waiting=Waiting(jobs=(UUID(int=7),)))
        await clock.advance(100)
        assert [] == (await node.work()).made
        assert state == (await user.get()).state
        await store.clean_up()
        snapshot = await user.get()
        assert (clock.now() + seconds(10), ()) == (snapshot.next_fire_time, snapshot.waits_for)
        assert (well.job.id,) == (await user.get("well")).waits_for
        await store.clean_up()
        assert snapshot == await user.get()
        assert None is lost(snapshot, [], clock.now()).state

    async def test_declared_anew(self, store: DataStore, clock: FakeClock) -> None:
        """Rules S9 and S1: a schedule that is edited goes on waiting, unless it has no fixed delay any more."""
        user, node = User(store), Node(store)
        await user.add(delayed())
        claim = await node.claim_one()
        await user.replace(delayed(20))
        assert ((claim.job.id,), None) == ((await user.get()).waits_for, (await user.get()).next_fire_time)
        await clock.advance(3)
        await user.replace(every(20))
        assert ((), clock.now() + seconds(17)) == (
            (await user.get()).waits_for,
            (await user.get()).next_fire_time,
        )
        await user.apply(delayed(20), take_over=True)
        state = (await user.get()).state
        await node.complete(claim)
        assert state == (await user.get()).state
        await clock.advance(17)
        assert (await node.claim_one()).job.id in (await user.get()).waits_for

    async def test_many_nodes(self, store: DataStore, other: DataStore, clock: FakeClock) -> None:
        """Rules S9, S3 and N1: however nodes run into each other, each run counts from the end of the one before."""
        user, nodes = User(store), [Node(store), Node(other, "node b")]
        ids = [f"s{number}" for number in range(5)]
        await user.add(*(delayed(id=id) for id in ids))

        async def run(node: Node) -> None:
            claims = (await node.work()).claims
            await node.complete(*claims)

        for _ in range(3):
            async with anyio.create_task_group() as group:
                for node in nodes:
                    group.start_soon(run, node)
            for node in nodes:
                await run(node)
            for id in ids:
                snapshot = await user.get(id)
                assert clock.now() + seconds(10) == snapshot.next_fire_time
            await clock.advance(10)
        assert [3] * 5 == [(await user.get(id)).state.jobs_made for id in ids]
