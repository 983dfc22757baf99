"""What one pass of a node takes on, leaves to others, and says about the next (rules S2, S3, S5 and L2)."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import anyio
import attrs
import pytest

from anysched.model.change import Change
from anysched.model.policies import CoalescePolicy, JobStatus
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.task import Task, TaskDefaults
from anysched.ports.store import DataStore
from anysched.rules.policy import Policy
from anysched.testing.clock import FakeClock
from anysched.testing.store_suite.actors import LEASE, POLICY, Node, User, direct_job, every, once, seconds
from anysched.testing.store_suite.base import StoreTests


class PassTests(StoreTests):
    """Limits, roles, and several nodes."""

    async def test_the_oldest_first(self, store: DataStore, clock: FakeClock) -> None:
        """Schedules fire in the order in which they came due, ``plan_limit`` at a time; ``more`` says go on."""
        user, node = User(store), Node(store)
        start = clock.now()
        due = {"c": 1, "a": 2, "d": 3, "b": 4}
        await user.add(*(once(start + seconds(at), id=id) for id, at in due.items()))
        await clock.advance(3)
        fired: list[str] = []
        for _ in range(3):
            advanced = await node.advance(plan_limit=1, claim_limit=0)
            fired += [change.schedule_id for change in advanced.changes]
            assert (len(fired) < 3) == advanced.more
        assert ["c", "a", "d"] == fired
        assert start + seconds(4) == (await node.work(plan_limit=1)).next_wake

    async def test_figures(self, store: DataStore, clock: FakeClock) -> None:
        """What is counted is what would be taken: no paused schedule, no held job, nothing before its time."""
        user, node, start = User(store), Node(store, name="node a"), clock.now()
        nothing = await store.measure()
        assert (start, 0, None, 0, None, {}, {}) == attrs.astuple(nothing, recurse=False)
        await user.add(every(3600, id="a"), every(3600, id="held"), once(start + seconds(99), id="b"))
        await node.work(claim_limit=0)
        await user.pause("held", queued="hold")
        await store.add_jobs([direct_job(start), direct_job(start, run_at=start + seconds(99))])
        await clock.advance(3600)
        await user.add(every(id="paused", paused=True))
        figures = await store.measure()
        assert (clock.now(), 2, start + seconds(99)) == (
            figures.now, figures.due_schedules, figures.due_since
        )  # fmt: skip
        assert (3, start) == (figures.queued_jobs, figures.queued_since)
        await user.resume("held")
        assert 4 <= (await store.measure()).queued_jobs
        claims = len((await node.advance(plan_limit=0, claim_limit=3)).claims)
        figures = await store.measure()
        assert {"node a": claims} == figures.running_jobs
        keeper = store.make_lease_keeper()
        assert ({} if keeper is None else {"node a": clock.now() + LEASE}) == figures.leases
        if keeper is not None:
            keeper.close()

    async def test_job_limit(self, store: DataStore, clock: FakeClock) -> None:
        """Rule L2: once a pass has made ``job_limit`` jobs it begins no further schedule; all come in the end."""
        user, node = User(store), Node(store)
        await user.add(*(every(1, id=id, coalesce=CoalescePolicy.all, max_catchup=250) for id in "abc"))
        await clock.advance(249)
        fired: Counter[tuple[str | None, datetime | None]] = Counter()
        for _ in range(100):
            advanced = await node.advance(job_limit=100, claim_limit=0)
            jobs = [job for change in advanced.changes for job in change.jobs]
            assert len(jobs) <= 200
            fired.update((job.schedule_id, job.scheduled_fire_time) for job in jobs)
            if not advanced.more:
                break
        assert {1} == set(fired.values())
        assert 750 == len(fired) == len(await user.jobs())
        assert {250} == {snapshot.state.jobs_made for snapshot in await user.schedules()}

    async def test_unknown_tasks_are_left_to_others(
        self, store: DataStore, other: DataStore, clock: FakeClock
    ) -> None:
        """Rules S2 and S5: a schedule of an unknown task is passed over without a spin, and told of once."""
        user = User(store)
        knows, knows_not = Node(other, "node b", tasks=["foreign"]), Node(store)
        await user.add(every(id="foreign", task="foreign"), once(clock.now() + seconds(60), id="own"))
        await clock.advance(5)
        work = await knows_not.work()
        assert ([], 1, clock.now() + seconds(55)) == (work.changes, work.passes, work.next_wake)
        assert ["foreign"] == [id for id, _ in work.unknown]
        assert "foreign" in work.unknown[0][1]
        assert [] == (await knows_not.work()).unknown
        assert ["foreign"] == [job.task_id for job in (await knows.work()).made]
        await clock.advance(10)
        work = await knows_not.work(plan_all=True, claim_limit=0)
        assert (["foreign"], [], []) == ([job.task_id for job in work.made], work.unknown, work.claims)

    async def test_unknown_tasks_starve_nobody(self, store: DataStore, clock: FakeClock) -> None:
        """Rule S2: however many overdue schedules of unknown tasks come first, what is known fires."""
        user, node = User(store), Node(store)
        await user.add(*(every(id=f"foreign {number}", task="foreign") for number in range(50)))
        await clock.advance(1)
        await user.add(every(id="own"))
        work = await node.work(plan_limit=5, job_limit=5, claim_limit=5)
        assert ["own"] == [job.schedule_id for job in work.made]
        assert clock.now() + seconds(10) == work.next_wake

    async def test_a_node_that_only_works(self, store: DataStore, clock: FakeClock) -> None:
        """With ``plan_limit=0`` schedules do not fire and wake nobody; jobs are still taken."""
        user, node = User(store), Node(store)
        await user.add(every())
        await user.run()
        await clock.advance(5)
        work = await node.work(plan_limit=0)
        assert ([], 1, None) == (work.changes, len(work.claims), work.next_wake)

    async def test_a_node_that_only_plans(self, store: DataStore, clock: FakeClock) -> None:
        """With ``claim_limit=0`` jobs are made and not taken, and queued jobs wake nobody."""
        user, node = User(store), Node(store)
        await user.add(every())
        await user.run()
        work = await node.work(claim_limit=0)
        assert (1, [], clock.now() + seconds(10)) == (len(work.made), work.claims, work.next_wake)
        assert 2 == len(await user.jobs(status=JobStatus.queued))

    async def test_two_nodes_fire_each_time_once(
        self, store: DataStore, other: DataStore, clock: FakeClock
    ) -> None:
        """Rule S3: however many nodes look at once, each fire time gets one job and is counted once."""
        user, nodes = User(store), [Node(store), Node(other, "node b")]
        ids = [f"{number:02}" for number in range(30)]
        await user.add(*(every(1, id=id) for id in ids))
        claimed: list[str] = []

        async def work(node: Node) -> None:
            claims = (await node.work(plan_limit=7, claim_limit=20)).claims
            claimed.extend(str(claim.job.id) for claim in claims)

        for _ in range(5):
            async with anyio.create_task_group() as tg:
                for node in (*nodes, *nodes):
                    tg.start_soon(work, node)
            await clock.advance(1)
        jobs = await user.jobs()
        fired = Counter((job.schedule_id, job.scheduled_fire_time) for job in jobs)
        start = datetime(2025, 1, 1, tzinfo=UTC)
        assert {(id, start + seconds(step)): 1 for id in ids for step in range(5)} == fired
        assert {5} == {snapshot.state.jobs_made for snapshot in await user.schedules()}
        assert sorted(str(job.id) for job in jobs) == sorted(claimed)

    async def test_a_pass_is_all_or_nothing(self, store: DataStore, clock: FakeClock) -> None:
        """Rule S3: when a pass fails midway, jobs and states are as before, and the next pass does all of it."""
        user, node = User(store), Node(store)
        await user.add(*(every(id=id) for id in "abc"))
        before = await user.schedules()
        with pytest.raises(ZeroDivisionError):
            await node.advance(policy=FailingPolicy(TaskDefaults()))
        assert before == await user.schedules()
        assert [] == await user.jobs()
        assert {"a", "b", "c"} == {claim.job.schedule_id for claim in (await node.work()).claims}

    async def test_a_thousand_due_at_once(self, store: DataStore, clock: FakeClock) -> None:
        """A burst is worked off in passes of the store's size, each fire time once."""
        user, node = User(store), Node(store)
        await user.add(*(every(id=f"{number:04}") for number in range(1000)))
        size = store.batch_size
        work = await node.work(plan_limit=size, job_limit=size, claim_limit=2 * size)
        assert 1000 == len(work.changes) == len(set(work.taken)) == len(work.claims)
        assert clock.now() + seconds(10) == work.next_wake

    async def test_next_wake_is_the_earliest(self, store: DataStore, clock: FakeClock) -> None:
        """Rule S5: over schedules, ends of pauses and jobs that are to start later, the first instant counts."""
        user, node = User(store), Node(store)
        now = clock.now()
        await user.add(once(now + seconds(50), id="a"), once(now + seconds(40), id="b"), every(id="c"))
        await user.pause("c", until=now + seconds(30))
        assert now + seconds(30) == (await node.work()).next_wake
        await user.pause("c", until=now + seconds(45))
        assert now + seconds(40) == (await node.work()).next_wake
        await user.remove("b")
        assert now + seconds(45) == (await node.work()).next_wake
        await user.write_state("c", error="it broke")
        assert now + seconds(50) == (await node.work()).next_wake


class FailingPolicy(Policy):
    """Decides about one schedule, and fails at the next."""

    def fire(self, snapshot: ScheduleSnapshot, task: Task | None, now: datetime, limit: int) -> Change:
        if snapshot.id == "b":
            raise ZeroDivisionError
        return POLICY.fire(snapshot, task, now, limit)
