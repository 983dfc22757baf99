"""Jobs that a node takes with the transaction that makes them, without a pass (rules P4, J1 and J5)."""

from __future__ import annotations

from datetime import datetime

import attrs
import pytest

from anysched.model.change import Change
from anysched.model.job import Job
from anysched.model.policies import JobStatus
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.task import Task, TaskOptions
from anysched.ports.queries import JobQuery
from anysched.ports.store import DataStore
from anysched.testing.clock import FakeClock
from anysched.testing.store_suite.actors import LEASE, Node, User, direct_job, every, once, seconds
from anysched.testing.store_suite.base import StoreTests


class TakingTests(StoreTests):
    """What is taken, and what waits for a pass."""

    async def test_a_job_is_taken_as_it_is_added(self, store: DataStore, clock: FakeClock) -> None:
        """A node takes a job with the transaction that adds it; it is its own, as one that a pass takes."""
        node, job = Node(store), direct_job(clock.now(), args=([1],))
        await store.add_jobs([job], None, node.taker())
        (claim,) = node.delivered
        assert (job.id, ([1],)) == (claim.job.id, claim.job.args)
        assert [job.id] == [job.id for job in await store.get_jobs(JobQuery(status=JobStatus.running))]
        assert [] == [*(await Node(store, "node b").work()).claims, *(await node.work()).claims]
        assert [True] == await node.complete(claim)
        assert [] == await store.get_jobs(JobQuery())

    async def test_it_has_a_lease(self, store: DataStore, clock: FakeClock) -> None:
        """Rule J1: what was taken so is another node's once the lease has run out."""
        if not store.durable:
            pytest.skip("jobs need no lease here")
        node, other = Node(store), Node(store, "node b")
        await store.add_jobs([direct_job(clock.now())], None, node.taker())
        await clock.advance(LEASE - seconds(1))
        assert [] == (await other.work()).claims
        await clock.advance(1)
        (claim,) = (await other.work()).claims
        assert [False] == await node.complete(*node.delivered)
        assert [True] == await other.complete(claim)

    async def test_a_schedule_that_is_due_fires_as_it_is_added(
        self, store: DataStore, clock: FakeClock
    ) -> None:
        """Rule S3: it has fired then, once, and goes on as after a pass."""
        user, node, start = User(store), Node(store), clock.now()
        await user.add(every(10), once(start, "once"), once(start + seconds(5), "later"), taker=node.taker())
        assert ["once", "schedule"] == sorted(str(claim.job.schedule_id) for claim in node.delivered)
        assert start + seconds(10) == (await user.get()).next_fire_time
        assert None is (await user.get("once")).next_fire_time
        work = await node.work()
        assert ([], start + seconds(5)) == (work.claims, work.next_wake)
        await clock.advance(10)
        assert 2 == len((await node.work()).claims)

    async def test_so_does_one_that_is_resumed(self, store: DataStore, clock: FakeClock) -> None:
        """Rule P5: what was missed is dealt with as the schedule is resumed, and the job of it is taken."""
        user, node = User(store), Node(store)
        await user.add(every(10))
        await user.pause("schedule")
        await clock.advance(25)
        await user.resume("schedule", taker=node.taker())
        assert 1 == len(node.delivered)
        assert clock.now() + seconds(5) == (await user.get()).next_fire_time
        assert [] == (await node.work()).claims

    async def test_held_jobs_go_first(self, store: DataStore, clock: FakeClock) -> None:
        """Rule P3: jobs that were held start before those that a resume makes."""
        user, node = User(store), Node(store)
        await user.add(every(10))
        await node.work(claim_limit=0)
        await user.pause("schedule", queued="hold")
        await clock.advance(15)
        await user.resume("schedule", taker=node.taker(1))
        claims = [*node.delivered, *(await node.work()).claims]
        assert [0, 10] == [
            (claim.job.scheduled_fire_time - (clock.now() - seconds(15))).total_seconds()
            for claim in claims
            if claim.job.scheduled_fire_time is not None
        ]

    async def test_older_jobs_go_first(self, store: DataStore, clock: FakeClock) -> None:
        """No job is taken before one that has waited longer."""
        node, older, newer = Node(store), direct_job(clock.now()), direct_job(clock.now() + seconds(1))
        await store.add_jobs([older])
        await clock.advance(1)
        await store.add_jobs([newer], None, node.taker(1))
        claims = [*node.delivered, *(await node.work()).claims]
        assert [older.id, newer.id] == [claim.job.id for claim in claims]

    async def test_what_is_not_taken(self, store: DataStore, clock: FakeClock) -> None:
        """Jobs before their time, of tasks that the node does not know, or more than it has room for, wait."""
        node, now = Node(store), clock.now()
        await store.add_jobs([direct_job(now, run_at=now + seconds(1))], None, node.taker())
        await store.add_jobs([direct_job(now, "other")], None, node.taker())
        assert [] == node.delivered
        await store.add_jobs([direct_job(now) for _ in range(3)], None, node.taker(2))
        assert 2 >= len(node.delivered)
        assert 3 == len(node.delivered) + len((await node.work()).claims)

    async def test_a_limit_of_a_task(self, store: DataStore, clock: FakeClock) -> None:
        """Rule J5: no more jobs of a task run than may, however they were taken."""
        node = Node(store)
        await store.configure_task("task", TaskOptions(max_running_jobs=1))
        for _ in range(3):
            await store.add_jobs([direct_job(clock.now())], None, node.taker())
        claims = [*node.delivered, *(await node.work()).claims]
        assert 1 == len(claims)
        assert [True] == await node.complete(*claims)
        assert 1 == len((await node.work()).claims)

    async def test_what_is_undone(self, store: DataStore, clock: FakeClock) -> None:
        """Nothing is taken by a transaction that fails."""
        user, node = User(store), Node(store)
        await user.add(every(3600))
        await node.work(claim_limit=0)
        await user.pause("schedule")

        def decide(key: str, stored: ScheduleSnapshot | None, task: Task | None, now: datetime) -> Change:
            if stored is None:
                raise ZeroDivisionError
            return Change(schedule_id=key, state=attrs.evolve(stored.state, revision=9), jobs=(job,))

        job = direct_job(clock.now())
        with pytest.raises(ZeroDivisionError):
            await store.transact_schedules(["schedule", "none"], decide, node.taker())
        assert [] == node.delivered
        assert 1 == len((await node.work()).claims)

    async def test_jobs_are_completed_by_their_task(self, store: DataStore, clock: FakeClock) -> None:
        """Rule S7: what users leave open is bound to what is stored of the task, in the same transaction."""

        def complete(job: Job, task: Task | None) -> Job:
            assert task is not None
            return attrs.evolve(job, job_executor=str(task.configured.job_executor))

        node = Node(store)
        await store.configure_task("task", TaskOptions(job_executor="thread"))
        await store.add_jobs([direct_job(clock.now())], complete, node.taker())
        await store.add_jobs([direct_job(clock.now())], complete)
        claims = [*node.delivered, *(await node.work()).claims]
        assert ["thread", "thread"] == [claim.job.job_executor for claim in claims]
