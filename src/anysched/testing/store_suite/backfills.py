"""Backfills go on with each end of a job, in the transaction that ends it (rules F1 to F4)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from anysched.model.change import Change
from anysched.model.job import Job
from anysched.model.policies import JobKind, JobOutcome, OnAbandon, SkipReason
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.task import Task, TaskOptions
from anysched.ports.store import Committed, DataStore
from anysched.rules import adding, backfilling
from anysched.rules.backfill_plans import Past, Wanted, find
from anysched.testing.clock import FakeClock
from anysched.testing.store_suite.actors import LEASE, POLICY, Node, User, every, seconds
from anysched.testing.store_suite.base import StoreTests, only_durable


class BackfillTests(StoreTests):
    """What becomes of a backfill when its jobs end, on whatever nodes."""

    async def test_the_end_of_a_job_makes_the_next(
        self, store: DataStore, other: DataStore, clock: FakeClock
    ) -> None:
        """Rules F2 and F3: one job after the other while the schedule is paused, two nodes taking turns; all count."""
        user, a, b = User(store), Node(store), Node(other, "node b")
        now = await _paused(user, clock)
        backfill = await _begin(user, now, now + seconds(40))
        ran: list[float] = []
        for node in (a, b, a, b, a):
            claim = await node.claim_one()
            assert (JobKind.backfill, backfill) == (claim.job.kind, claim.job.backfill)
            assert claim.job.scheduled_fire_time is not None
            ran.append((claim.job.scheduled_fire_time - now) / seconds(1))
            assert [claim.job.id] == [job.id for job in await user.jobs()]
            failed = node is b
            await node.complete(claim, outcome=JobOutcome.error if failed else JobOutcome.success)
            made = [job for change in node.changes[-1:] for job in change.jobs]
            assert made == [job for job in await user.jobs() if job.id in {one.id for one in made}]
        assert [0, 10, 20, 30, 40] == ran
        state = (await user.get()).state
        (done,) = state.backfills
        assert ("done", 5, 3, 2, 0) == (done.status, done.made, done.succeeded, done.failed, done.running)
        assert ({SkipReason.backfilled: 5}, True) == (state.skipped, state.paused)
        assert ([], None) == ((await a.work()).claims, (await a.work()).next_wake)
        assert ["schedule"] == await user.ids(backfilled=True)
        assert [] == await user.ids(backfilled=False)

    async def test_jobs_that_are_cancelled(self, store: DataStore, clock: FakeClock) -> None:
        """Rule F3: cancelling a queued job makes the next; cancelling the backfill ends what waits, and only that."""
        user, node = User(store), Node(store)
        now = await _paused(user, clock)
        backfill = await _begin(user, now, now + seconds(40), most=2)
        by_hand = await user.run()
        first, second, _ = await _by_fire_time(user)
        cancelled = await store.cancel_job(second.id, POLICY)
        assert isinstance(cancelled, Committed)
        assert [now + seconds(20)] == [
            job.scheduled_fire_time for change in cancelled.changes for job in change.jobs
        ]
        (claim,) = (await node.advance(claim_limit=1)).claims
        assert first.id == claim.job.id
        committed = await _cancel(user, backfill)
        assert [now + seconds(20)] == [end.job.scheduled_fire_time for end in committed.ended]
        assert {claim.job.id, by_hand.id} == {job.id for job in await user.jobs()}
        assert now + seconds(30) == (await user.get()).next_fire_time
        await node.complete(claim)
        (over,) = (await user.get()).state.backfills
        assert ("cancelled", 3, 1, 1) == (over.status, over.made, over.succeeded, over.failed)

    async def test_a_node_that_dies(self, store: DataStore, other: DataStore, clock: FakeClock) -> None:
        """Rules F3, J2 and J3: a job that is abandoned for good has ended; whoever takes over makes the next."""
        only_durable(store)
        user, dead, node = User(store), Node(store), Node(other, "node b")
        await store.configure_task("task", TaskOptions(on_abandon=OnAbandon.fail))
        now = await _paused(user, clock)
        await _begin(user, now, now + seconds(10))
        lost = await dead.claim_one()
        await clock.advance(LEASE.total_seconds() + 1)
        work = await node.work()
        assert [lost.job.id] == [end.job.id for end in work.ended]
        assert [now + seconds(10)] == [job.scheduled_fire_time for job in work.made]
        (claim,) = work.claims
        assert [False] == await dead.complete(lost)
        assert [True] == await node.complete(claim)
        (done,) = (await user.get()).state.backfills
        assert ("done", 1, 1) == (done.status, done.succeeded, done.failed)


async def _paused(user: User, clock: FakeClock) -> datetime:
    """Add a schedule that has missed some fire times while it is paused; return the first of them."""
    now = clock.now()
    await user.add(every(10, paused=True))
    await clock.advance(55)
    return now


async def _begin(user: User, start: datetime, end: datetime, most: int = 1) -> UUID:
    """Begin a backfill and return its id."""
    found: list[UUID] = []

    def decide(key: str, stored: ScheduleSnapshot | None, task: Task | None, now: datetime) -> Change:
        snapshot = adding.existing(key, stored)
        wanted = Wanted(start=start, end=end, reprocess="none", order="oldest", max_running=most)
        past = Past(version=snapshot.state.version, found=find(snapshot, start, end))
        options = POLICY.options(snapshot.schedule, task)
        change, plan = backfilling.begin(snapshot, options, now, wanted, past)
        assert plan.id is not None
        found.append(plan.id)
        return change

    await user.store.transact_schedules(["schedule"], decide)
    return found[-1]


async def _cancel(user: User, backfill: UUID) -> Committed:
    """Cancel a backfill."""

    def decide(key: str, stored: ScheduleSnapshot | None, _: Task | None, now: datetime) -> Change:
        return backfilling.cancel(adding.existing(key, stored), backfill, now)

    return await user.store.transact_schedules(["schedule"], decide)


async def _by_fire_time(user: User) -> list[Job]:
    jobs = await user.jobs()
    return sorted(
        jobs, key=lambda job: (job.scheduled_fire_time is None, job.scheduled_fire_time or job.run_at)
    )
