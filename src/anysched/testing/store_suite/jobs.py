"""Jobs are queued, taken, given back, cancelled and read as rules J1, J3, J5, L4 and P3 say."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from uuid import UUID, uuid4

import anyio
import attrs

from anysched.model.ids import new_id
from anysched.model.job import Job
from anysched.model.policies import JobKind, JobOutcome, JobStatus
from anysched.model.task import TaskOptions
from anysched.ports.store import Committed, DataStore
from anysched.testing.clock import FakeClock
from anysched.testing.store_suite.actors import LEASE, POLICY, Node, User, direct_job, every, seconds
from anysched.testing.store_suite.base import StoreTests
from anysched.testing.store_suite.values import HARD_IDS


class JobTests(StoreTests):
    """Jobs that have not ended."""

    async def test_a_job_is_read_back(self, store: DataStore, clock: FakeClock) -> None:
        """Every field of a job comes back from a query and from a claim as it was written (rule L4)."""
        now, user = clock.now(), User(store)
        full = Job(
            id=new_id(now),
            task_id="task",
            run_at=now - timedelta(microseconds=3),
            created_at=now,
            args=(1, "two", None, [3.5, True]),
            kwargs={"x": {"y": "ß"}},
            kind=JobKind.manual,
            schedule_id="some schedule",
            incarnation=uuid4(),
            scheduled_fire_time=now - seconds(1),
            start_deadline=now + timedelta(days=9, microseconds=1),
            attempt=2,
            job_executor="thread",
            result_expiration_time=timedelta(days=400, microseconds=5),
            metadata={"team": "ops"},
        )
        bare = Job(new_id(now), "task", now, now)
        await store.add_jobs([full, bare])
        expected = sorted([full, bare], key=lambda job: job.id)
        assert expected == await user.jobs()
        claims = (await Node(store).work()).claims
        assert [full, bare] == [attrs.evolve(claim.job, status=JobStatus.queued) for claim in claims]
        running = [attrs.evolve(job, status=JobStatus.running) for job in expected]
        assert running == await user.jobs()

    async def test_a_job_starts_not_before_its_time(self, store: DataStore, clock: FakeClock) -> None:
        """Rule S5: a job is taken from ``run_at`` on and not before; until then it sets the next wake-up."""
        node, at = Node(store), clock.now() + seconds(5.000001)
        await store.add_jobs(
            [direct_job(clock.now(), run_at=at), direct_job(clock.now(), run_at=at + seconds(1))]
        )
        await clock.advance_to(at - timedelta(microseconds=1))
        work = await node.work()
        assert ([], at, False) == (work.claims, work.next_wake, work.backlog)
        await clock.advance_to(at)
        work = await node.work()
        assert (1, at + seconds(1)) == (len(work.claims), work.next_wake)

    async def test_the_longest_waiting_first(self, store: DataStore, clock: FakeClock) -> None:
        """Jobs are taken in the order of ``run_at``, across tasks, up to ``claim_limit``."""
        user, node = User(store), Node(store, tasks=["a", "b"])
        now = clock.now()
        jobs = [direct_job(now, "ab"[n % 2], now - seconds(n)) for n in (3, 1, 4, 2, 5)]
        await store.add_jobs(jobs)
        oldest_first = [job.id for job in sorted(jobs, key=lambda job: job.run_at)]
        first = await node.advance(claim_limit=2)
        assert oldest_first[:2] == [claim.job.id for claim in first.claims]
        assert first.more or first.backlog
        assert oldest_first[2:] == (await node.work()).taken
        assert sorted(oldest_first) == [job.id for job in await user.jobs()]

    async def test_no_capacity(self, store: DataStore, clock: FakeClock) -> None:
        """Rule S5: jobs that wait for capacity are told as a backlog, and wake nobody."""
        node = Node(store)
        await store.add_jobs(
            [direct_job(clock.now()), direct_job(clock.now(), run_at=clock.now() + seconds(9))]
        )
        work = await node.work(claim_limit=0)
        assert ([], True, None) == (work.claims, work.backlog, work.next_wake)
        work = await node.work()
        assert (1, False, clock.now() + seconds(9)) == (len(work.claims), work.backlog, work.next_wake)

    async def test_unknown_tasks_are_left(self, store: DataStore, other: DataStore, clock: FakeClock) -> None:
        """Rule S2: a node takes only jobs of tasks that it knows, by exact names; others wake it not."""
        await store.add_jobs([direct_job(clock.now(), id) for id in HARD_IDS])
        for id in HARD_IDS[:30]:
            work = await Node(store, tasks=[id]).work()
            assert ([id], None) == ([claim.job.task_id for claim in work.claims], work.next_wake)
        none = await Node(store, tasks=[]).work()
        assert ([], None, 1, False) == (none.claims, none.next_wake, none.passes, none.backlog)
        many = [*HARD_IDS, *(f"task {number}" for number in range(3000))]
        rest = await Node(other, "node b", tasks=many).work()
        assert sorted(HARD_IDS[30:]) == sorted(claim.job.task_id for claim in rest.claims)

    async def test_max_running_jobs(self, store: DataStore, other: DataStore, clock: FakeClock) -> None:
        """Rule J5: the limit holds exactly across nodes, counts what is running, and is free again at the end."""
        await store.declare_tasks({"task": TaskOptions(max_running_jobs=2)})
        a, b = Node(store), Node(other, "node b")
        await store.add_jobs([direct_job(clock.now()) for _ in range(6)])
        first = await a.advance(claim_limit=1)
        second = await b.work()
        assert (1, 1) == (len(first.claims), len(second.claims))
        for node in (a, b):
            work = await node.work()
            assert ([], True) == (work.claims, work.backlog)
            assert work.next_wake in (None, clock.now() + LEASE)  # of the other node
        await a.complete(*first.claims)
        await store.give_back("node b", second.claims)
        third = await a.work()
        assert (2, True) == (len(third.claims), third.backlog)
        await a.complete(*third.claims)
        await store.configure_task("task", TaskOptions(max_running_jobs=None))
        assert (3, False) == (len((await b.work()).claims), (await b.work()).backlog)

    async def test_nodes_that_claim_at_once(
        self, store: DataStore, other: DataStore, clock: FakeClock
    ) -> None:
        """Rules J1 and J5: no job is taken twice, and no limit is exceeded, however many nodes take at once."""
        await store.declare_tasks({"limited": TaskOptions(max_running_jobs=7)})
        jobs = [direct_job(clock.now(), task) for task in ("limited", "task") for _ in range(40)]
        await store.add_jobs(jobs)
        taken: Counter[UUID] = Counter()
        by_task: Counter[str] = Counter()

        async def work(node: Node) -> None:
            for _ in range(3):
                for claim in (await node.advance(claim_limit=9)).claims:
                    taken[claim.job.id] += 1
                    by_task[claim.job.task_id] += 1

        async with anyio.create_task_group() as tg:
            for number in range(6):
                name = f"node {number}"
                tg.start_soon(work, Node((store, other)[number % 2], name, tasks=["limited", "task"]))
        assert {1} == set(taken.values())
        assert {"limited": 7, "task": 40} == by_task

    async def test_a_full_task_starves_no_other(self, store: DataStore, clock: FakeClock) -> None:
        """Rule J5: however many older jobs of a full task wait, jobs of other tasks are taken."""
        await store.declare_tasks({"full": TaskOptions(max_running_jobs=1)})
        node = Node(store, tasks=["full", "task"])
        older = clock.now() - seconds(60)
        await store.add_jobs([direct_job(clock.now(), "full", older) for _ in range(300)])
        await store.add_jobs([direct_job(clock.now()) for _ in range(3)])
        work = await node.work(claim_limit=2)
        assert Counter({"full": 1, "task": 3}) == Counter(claim.job.task_id for claim in work.claims)
        assert (True, None) == (work.backlog, work.next_wake)

    async def test_giving_back(self, store: DataStore, clock: FakeClock) -> None:
        """Rules J1 and J3: a job given back can be taken again; its attempt counts only if it had started."""
        node, job = Node(store), direct_job(clock.now())
        await store.add_jobs([job])
        first = await node.claim_one()
        await store.give_back(node.name, [first])
        assert [job] == await User(store).jobs()
        second = await node.claim_one()
        assert (1, True) == (second.job.attempt, second.token > first.token)
        await store.give_back(node.name, [second], attempted=True)
        third = await node.claim_one()
        assert (2, True) == (third.job.attempt, third.token > second.token)

    async def test_stale_claims_change_nothing(self, store: DataStore, clock: FakeClock) -> None:
        """Rule J1: only the newest token can complete a job or give it back."""
        node, user = Node(store), User(store)
        await store.add_jobs([direct_job(clock.now(), result_expiration_time=seconds(60))])
        stale = await node.claim_one()
        await store.give_back(node.name, [stale])
        assert [False] == await node.complete(stale)
        await store.give_back(node.name, [stale], attempted=True)
        fresh = await node.claim_one()
        assert 1 == fresh.job.attempt
        await store.give_back(node.name, [stale], attempted=True)
        assert [False] == await node.complete(stale, value="stale")
        assert [False] == await Node(store, "node b").complete(fresh, value="not its own")
        assert [JobStatus.running] == [job.status for job in await user.jobs()]
        assert await store.get_result(fresh.job.id) is None
        assert [True] == await node.complete(fresh, value="fresh")
        await store.give_back(node.name, [fresh])
        assert [] == await user.jobs()

    async def test_cancelling(self, store: DataStore, clock: FakeClock) -> None:
        """A queued job ends, also when it is held or not due yet; for a running one it is a request."""
        user, node, now = User(store), Node(store), clock.now()
        await user.add(every())
        await node.work(claim_limit=0)
        await user.pause("schedule", queued="hold")
        (held,) = await user.jobs(status=JobStatus.held)
        running, queued, later = (
            direct_job(now, run_at=now - seconds(1)),
            direct_job(now),
            direct_job(now, run_at=now + seconds(9)),
        )
        await store.add_jobs([running, queued, later])
        (claim,) = (await node.advance(claim_limit=1)).claims
        for job in (held, queued, later):
            done = await store.cancel_job(job.id, POLICY)
            assert isinstance(done, Committed)
            (ended,) = done.ended
            assert (job.id, JobOutcome.cancelled, now) == (
                ended.job.id,
                ended.result.outcome,
                ended.result.finished_at,
            )
            assert await store.cancel_job(job.id, POLICY) is None
        assert "requested" == await store.cancel_job(running.id, POLICY)
        assert "requested" == await store.cancel_job(running.id, POLICY)
        assert [running.id] == [job.id for job in await user.jobs()]
        assert [True] == await node.complete(claim, outcome=JobOutcome.cancelled)
        assert await store.cancel_job(running.id, POLICY) is None
        assert await store.cancel_job(uuid4(), POLICY) is None
        assert ([], None) == ((await node.work()).claims, (await node.work()).next_wake)

    async def test_job_queries(self, store: DataStore, clock: FakeClock) -> None:
        """Conditions are joined with AND; None leaves one out; an empty set matches nothing; ids order."""
        user, node, now = User(store), Node(store), clock.now()
        await user.add(every(id="a"), every(id="A", task="TASK"))
        await Node(store, tasks=["task", "TASK"]).work(claim_limit=0)
        await user.pause("A", queued="hold")
        direct = [direct_job(now, run_at=now - seconds(1)), direct_job(now, "TASK")]
        await store.add_jobs(direct)
        (running,) = (await node.advance(claim_limit=1)).claims
        assert direct[0].id == running.job.id
        everything = await user.jobs()
        assert (4, sorted(everything, key=lambda job: job.id)) == (len(everything), everything)
        assert ["a"] == [job.schedule_id for job in await user.jobs(schedule_id="a")]
        assert {direct[1].id, None} == {
            job.id if job.schedule_id is None else None for job in await user.jobs(task_id="TASK")
        }
        assert [direct[0].id] == [job.id for job in await user.jobs(status=JobStatus.running)]
        assert ["A"] == [job.schedule_id for job in await user.jobs(status=JobStatus.held)]
        assert 2 == len(await user.jobs(status=JobStatus.queued))
        assert [direct[1].id] == [job.id for job in await user.jobs(ids=[direct[1].id, uuid4()])]
        assert [] == await user.jobs(ids=set())
        assert [] == await user.jobs(ids={direct[1].id}, status=JobStatus.running)
        assert [] == await user.jobs(schedule_id="a", task_id="TASK")

    async def test_a_thousand_jobs(self, store: DataStore, clock: FakeClock) -> None:
        """Adding, taking, reading and ending take as many jobs as they are given."""
        user, node = User(store), Node(store)
        jobs = [direct_job(clock.now(), args=(number,)) for number in range(1000)]
        await store.add_jobs(jobs)
        claims = (await node.work()).claims
        assert {job.id for job in jobs} == {claim.job.id for claim in claims}
        ids = [job.id for job in jobs[::2]]
        assert sorted(ids) == [
            job.id for job in await user.jobs(ids=[*ids, *(uuid4() for _ in range(10_000))])
        ]
        assert [True] * 1000 == await node.complete(*claims)
        assert [] == await user.jobs()
