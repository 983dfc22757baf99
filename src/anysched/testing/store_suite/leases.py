"""Jobs of nodes that are gone are taken over, and the nodes notice: rules J1 to J3 and J5."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from uuid import UUID

import anyio
import anyio.to_thread
import attrs
import pytest

from anysched.model.change import Change
from anysched.model.job import Claim
from anysched.model.policies import JobOutcome, JobStatus, OnAbandon
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.task import Task, TaskDefaults, TaskOptions
from anysched.ports.queries import JobQuery
from anysched.ports.store import DataStore, LeaseKeeper, Renewal
from anysched.rules.policy import Policy
from anysched.testing.clock import FakeClock
from anysched.testing.store_suite.actors import LEASE, POLICY, Node, User, direct_job, every, seconds
from anysched.testing.store_suite.base import StoreTests

TICK = timedelta(microseconds=1)


@attrs.frozen
class _SlowPolicy(Policy):
    """Decisions that take long."""

    clock: FakeClock
    takes: timedelta

    def fire(self, snapshot: ScheduleSnapshot, task: Task | None, now: datetime, limit: int) -> Change:
        self.clock.jump(self.takes)
        return super().fire(snapshot, task, now, limit)


class LeaseTests(StoreTests):
    """Leases; skipped for a store whose jobs need none."""

    @pytest.fixture
    async def keeper(self, store: DataStore) -> AsyncIterator[LeaseKeeper]:
        """A connection for renewals."""
        keeper = store.make_lease_keeper()
        if keeper is None:
            pytest.skip("jobs in this store need no lease")
        yield keeper
        keeper.close()

    async def _renew(self, keeper: LeaseKeeper, node: str = "node a") -> Renewal:
        return await anyio.to_thread.run_sync(keeper.renew, node, LEASE)

    async def _claim(self, store: DataStore, clock: FakeClock, task: str = "task") -> Claim:
        """Have node a take a job."""
        await store.add_jobs([direct_job(clock.now(), task, result_expiration_time=seconds(3600))])
        return await Node(store, tasks=[task]).claim_one()

    async def test_a_pass_that_takes_long(
        self, keeper: LeaseKeeper, store: DataStore, clock: FakeClock
    ) -> None:
        """Rule J1: a lease counts from the end of the pass that grants it: one renewed meanwhile gets no shorter."""
        slow = _SlowPolicy(TaskDefaults(), clock, LEASE)
        await User(store).add(every())
        assert 1 == len((await Node(store).advance(policy=slow)).claims)
        assert {"node a": clock.now() + LEASE} == (await store.measure()).leases

    async def test_a_dead_nodes_jobs_are_taken_over(
        self, keeper: LeaseKeeper, store: DataStore, other: DataStore, clock: FakeClock
    ) -> None:
        """Rules J2 and J3: others wake when the lease runs out; the attempt counts, and the token is new."""
        a, b = Node(store), Node(other, "node b")
        old = await self._claim(store, clock)
        expires = clock.now() + LEASE
        assert ([], expires) == ((await b.work()).claims, (await b.work()).next_wake)
        assert (await a.work()).next_wake is None
        await clock.advance_to(expires - TICK)
        work = await b.work()
        assert ([], [], 1) == (work.claims, work.released, work.passes)
        assert work.next_wake is not None
        await clock.advance_to(work.next_wake + TICK)
        work = await b.work()
        (new,) = work.claims
        assert [old.job.id] == [job.id for job in work.released] == [new.job.id]
        assert (2, 2) == (new.job.attempt, work.released[0].attempt)
        assert new.token > old.token
        assert ([], []) == ((await b.work()).claims, (await a.work()).claims)
        assert [False] == await a.complete(old, value="late")
        await store.give_back(a.name, [old])
        assert [JobStatus.running] == [job.status for job in await User(store).jobs()]
        assert [True] == await b.complete(new, value="in time")
        result = await store.get_result(old.job.id)
        assert result is not None
        assert "in time" == result.return_value

    async def test_renewing(
        self, keeper: LeaseKeeper, store: DataStore, other: DataStore, clock: FakeClock
    ) -> None:
        """Rule J1: a lease that is renewed from another thread keeps its jobs for a lease from then on."""
        b = Node(other, "node b")
        claim = await self._claim(store, clock)
        for _ in range(5):
            await clock.advance(20)
            assert Renewal(True) == await self._renew(keeper)
            work = await b.work()
            assert ([], clock.now() + LEASE) == (work.claims, work.next_wake)
        assert [True] == await Node(store).complete(claim)
        assert (await b.work()).next_wake is None

    async def test_a_late_renewal_is_in_time_if_nobody_came(
        self, keeper: LeaseKeeper, store: DataStore, clock: FakeClock
    ) -> None:
        """Rule J1: a lease that ran out unnoticed is simply renewed; nothing was lost."""
        claim = await self._claim(store, clock)
        await clock.advance(1000)
        assert Renewal(True) == await self._renew(keeper)
        assert [True] == await Node(store).complete(claim)

    async def test_the_loser_is_told(
        self, keeper: LeaseKeeper, store: DataStore, other: DataStore, clock: FakeClock
    ) -> None:
        """Rule J1: after a take-over a renewal says that the lease is lost; taking new jobs begins anew."""
        a, b = Node(store), Node(other, "node b")
        old = await self._claim(store, clock)
        await clock.advance_to(clock.now() + LEASE + TICK)
        taken_over = await b.claim_one()
        renewal = await self._renew(keeper)
        assert not renewal.held
        new = await self._claim(store, clock)
        assert old.job.id != new.job.id
        assert (await self._renew(keeper)).held
        assert [False, True] == await a.complete(old, new)
        assert [True] == await b.complete(taken_over)

    async def test_requests_to_cancel_reach_the_node(
        self, keeper: LeaseKeeper, store: DataStore, other: DataStore, clock: FakeClock
    ) -> None:
        """A renewal tells which jobs of this node somebody, anywhere, asked to cancel, until they have ended."""
        first, second = await self._claim(store, clock), await self._claim(store, clock)
        await other.add_jobs([direct_job(clock.now())])
        theirs = await Node(other, "node b").claim_one()
        for claim in (first, theirs):
            assert "requested" == await other.cancel_job(claim.job.id, POLICY)
        for _ in range(2):
            assert Renewal(True, frozenset({first.job.id})) == await self._renew(keeper)
        assert Renewal(True, frozenset({theirs.job.id})) == await self._renew(keeper, "node b")
        assert [True] == await Node(store).complete(first, outcome=JobOutcome.cancelled)
        assert Renewal(True) == await self._renew(keeper)
        assert [True] == await Node(store).complete(second)

    async def test_at_most_once(
        self, keeper: LeaseKeeper, store: DataStore, other: DataStore, clock: FakeClock
    ) -> None:
        """Rule J3: with on_abandon="fail" a job that is left behind ends as abandoned, with a result."""
        await store.declare_tasks({"once": TaskOptions(on_abandon=OnAbandon.fail)})
        claim = await self._claim(store, clock, "once")
        await clock.advance_to(clock.now() + LEASE + TICK)
        work = await Node(other, "node b", tasks=["once"]).work()
        assert ([], [], None) == (work.claims, work.released, work.next_wake)
        (ended,) = work.ended
        assert (claim.job.id, JobOutcome.abandoned) == (ended.job.id, ended.result.outcome)
        assert ended.result == await store.get_result(claim.job.id)
        assert [] == await User(store).jobs()
        assert [False] == await Node(store).complete(claim)

    async def test_attempts_are_bounded(
        self, keeper: LeaseKeeper, store: DataStore, clock: FakeClock
    ) -> None:
        """Rule J3: a job that takes every node with it is started ``max_attempts`` times and no more."""
        await store.declare_tasks({"task": TaskOptions(max_attempts=3)})
        await store.add_jobs([direct_job(clock.now())])
        attempts: list[int] = []
        outcomes: list[JobOutcome] = []
        for number in range(5):
            work = await Node(store, f"node {number}").work()
            attempts += [claim.job.attempt for claim in work.claims]
            outcomes += [ended.result.outcome for ended in work.ended]
            await clock.advance_to(clock.now() + LEASE + TICK)
        assert ([1, 2, 3], [JobOutcome.abandoned]) == (attempts, outcomes)

    async def test_bystanders_of_a_deadly_job(
        self, keeper: LeaseKeeper, store: DataStore, clock: FakeClock
    ) -> None:
        """Rule J3: jobs that run next to one that ends its nodes are not abandoned with it; others wait for none."""
        await store.declare_tasks({"task": TaskOptions(max_attempts=3)})
        jobs = [direct_job(clock.now(), args=(number,)) for number in range(5)]
        deadly = jobs[2]
        await store.add_jobs(jobs)
        ended: set[UUID] = set()
        deaths = 0
        for number in range(20):
            node = Node(store, f"node {number}")
            while (claims := (await node.work()).claims) and deadly.id not in [one.job.id for one in claims]:
                ended |= {one.job.id for one in claims}
                assert all(await node.complete(*claims))
            if not claims:
                break
            deaths += 1
            if deaths == 3:
                await store.add_jobs([direct_job(clock.now())])
                assert [1] == [one.job.attempt for one in (await node.work()).claims]
            await clock.advance_to(clock.now() + LEASE + TICK)
        assert 3 == deaths
        assert {job.id for job in jobs} - {deadly.id} < ended
        assert [] == await store.get_jobs(JobQuery())

    async def test_whoever_is_awake_takes_over(
        self, keeper: LeaseKeeper, store: DataStore, other: DataStore, clock: FakeClock
    ) -> None:
        """Rule J2: also a node that can neither plan nor run anything takes jobs back from a node that is gone."""
        claim = await self._claim(store, clock)
        idle = Node(other, "node b", tasks=[])
        limits = {"plan_limit": 0, "claim_limit": 0}
        assert clock.now() + LEASE == (await idle.work(**limits)).next_wake
        await clock.advance_to(clock.now() + LEASE + TICK)
        work = await idle.work(**limits)
        assert ([claim.job.id], None) == ([job.id for job in work.released], work.next_wake)
        assert 2 == (await Node(store, "node c").claim_one()).job.attempt

    async def test_limits_count_live_leases(
        self, keeper: LeaseKeeper, store: DataStore, other: DataStore, clock: FakeClock
    ) -> None:
        """Rule J5: a dead node's jobs count until its lease has run out, and not after: no slot ever leaks."""
        await store.declare_tasks({"task": TaskOptions(max_running_jobs=2)})
        await store.add_jobs([direct_job(clock.now()) for _ in range(5)])
        a, b = Node(store), Node(other, "node b")
        assert 2 == len((await a.work()).claims)
        work = await b.work()
        assert ([], True, clock.now() + LEASE) == (work.claims, work.backlog, work.next_wake)
        await clock.advance_to(clock.now() + LEASE + TICK)
        work = await b.work()
        assert (2, 2, True) == (len(work.released), len(work.claims), work.backlog)
        assert [] == (await a.work()).claims

    async def test_nodes_without_jobs_wake_nobody(
        self, keeper: LeaseKeeper, store: DataStore, other: DataStore, clock: FakeClock
    ) -> None:
        """Rule S5: a node that holds no jobs any more is no reason to wake up, running or gone."""
        a, b = Node(store), Node(other, "node b")
        await a.complete(await self._claim(store, clock))
        await store.give_back(a.name, [await self._claim(store, clock)])
        await a.complete(await a.claim_one())
        assert (await b.work()).next_wake is None
        await clock.advance(3600)
        assert (1, None) == ((await b.work()).passes, (await b.work()).next_wake)
        assert [] == (await b.work()).released

    async def test_a_removed_schedules_job_is_taken_over(
        self, keeper: LeaseKeeper, store: DataStore, other: DataStore, clock: FakeClock
    ) -> None:
        """Rules S4 and J2: a running job outlives its schedule, and its node."""
        user, b = User(store), Node(other, "node b")
        await user.add(every())
        claim = await Node(store).claim_one()
        await user.remove("schedule")
        await clock.advance_to(clock.now() + LEASE + TICK)
        assert [claim.job.id] == (await b.work()).taken

    async def test_survivors_share_what_is_left(
        self, keeper: LeaseKeeper, store: DataStore, other: DataStore, clock: FakeClock
    ) -> None:
        """Rules J1 and J2: however many nodes notice at once, each job is taken over once."""
        jobs = [direct_job(clock.now()) for _ in range(100)]
        await store.add_jobs(jobs)
        await Node(store).work()
        await clock.advance_to(clock.now() + LEASE + TICK)
        released: Counter[UUID] = Counter()
        taken: Counter[UUID] = Counter()

        async def work(node: Node) -> None:
            done = await node.work(claim_limit=11)
            released.update(job.id for job in done.released)
            taken.update(done.taken)

        async with anyio.create_task_group() as tg:
            for number in range(4):
                tg.start_soon(work, Node((store, other)[number % 2], f"survivor {number}"))
        assert {job.id: 1 for job in jobs} == released == taken
        assert {2} == {job.attempt for job in await User(store).jobs()}
