"""Schedules are paused after failures in a row, by rules B1 to B3, in the transaction that ends the jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import anyio

from anysched.model.events import SchedulePaused
from anysched.model.job import Claim, JobResult
from anysched.model.policies import JobOutcome, JobStatus, OnAbandon
from anysched.model.schedule import Schedule
from anysched.model.task import TaskOptions
from anysched.ports.store import Completion, DataStore
from anysched.testing.clock import FakeClock
from anysched.testing.store_suite.actors import FAILURE, LEASE, POLICY, Node, User, every, seconds
from anysched.testing.store_suite.base import StoreTests, only_durable


def failing(claim: Claim) -> Completion:
    """Return the end of a job that raised."""
    at = claim.job.run_at
    return Completion(claim, JobResult(claim.job.id, JobOutcome.error, at, at, exception=FAILURE))


def fragile(number: int = 2, id: str = "schedule", task: str = "task", **options: Any) -> Schedule:
    """Return a schedule that is paused after so many failures."""
    return every(id=id, task=task, pause_after_failures=number, coalesce="all", **options)


class BreakingTests(StoreTests):
    """What is counted, and what becomes of the schedule."""

    async def test_failures_in_a_row_pause(
        self, store: DataStore, other: DataStore, clock: FakeClock
    ) -> None:
        """Rule B1: the ends of jobs are counted in their order, on whatever nodes; so many failures in a row pause."""
        user, a, b = User(store), Node(store), Node(other, "node b")
        await user.add(fragile(3), every(id="robust", task="other"))
        for node, outcomes, failures in (
            (a, [JobOutcome.error, JobOutcome.error, JobOutcome.success], 0),
            (b, [JobOutcome.success, JobOutcome.error], 1),
            (a, [JobOutcome.cancelled, JobOutcome.missed_start_deadline, JobOutcome.abandoned], 2),
        ):
            await clock.advance(10 * len(outcomes) - 10)
            claims = (await node.work()).claims
            assert len(outcomes) == len(claims)
            now = clock.now()
            ends = [
                Completion(claim, JobResult(claim.job.id, outcome, now))
                for claim, outcome in zip(claims, outcomes, strict=True)
            ]
            assert all(await node.report(ends))
            assert failures == (await user.get()).state.failures
            assert not node.changes or not (await user.get()).paused
            await clock.advance(10)
        (claim,) = (await b.work()).claims
        assert [True] == await b.report([failing(claim)])
        snapshot = await user.get()
        (pause,) = snapshot.state.pauses
        assert ("failure", None, None, clock.now()) == (pause.kind, pause.hold, pause.until, pause.since)
        assert pause.reason is not None
        assert pause.reason.startswith(f"job {claim.job.id} failed: ValueError: it broke")
        (event,) = [event for change in b.changes for event in change.events]
        assert isinstance(event, SchedulePaused)
        assert ("schedule", "failure", pause.reason) == (event.schedule_id, event.kind, event.reason)
        await clock.advance(100)
        assert not (await a.work()).made
        await user.unpause(missed="skip")
        assert (0, ()) == ((await user.get()).state.failures, (await user.get()).state.pauses)

    async def test_what_does_not_count(self, store: DataStore, clock: FakeClock) -> None:
        """Rule B1: neither jobs made by hand, nor of another life of the schedule, nor late completions count."""
        user, node = User(store), Node(store)
        await user.add(fragile(1))
        old = await node.claim_one()
        stale = Claim(old.job, old.token - 1)
        await user.run()
        by_hand = await node.claim_one()
        assert [False, True] == await node.report([failing(stale), failing(by_hand)])
        assert not (await user.get()).paused
        await user.remove("schedule")
        await user.add(fragile(1))
        assert [True] == await node.report([failing(old)])
        snapshot = await user.get()
        assert (0, False) == (snapshot.state.failures, snapshot.paused)
        claim = await node.claim_one()
        await user.remove("schedule")
        assert [True] == await node.report([failing(claim)])
        assert [] == await user.ids()

    async def test_jobs_that_wait_are_held(self, store: DataStore, clock: FakeClock) -> None:
        """Rules B2 and P3: jobs that no node has are held by the pause; what runs goes on, and does not count."""
        user, node = User(store), Node(store)
        await user.add(fragile(1))
        await clock.advance(30)
        claims = (await node.advance(claim_limit=2)).claims
        await node.report([failing(claims[0])])
        assert [JobStatus.held] * 2 + [JobStatus.running] == sorted(
            (job.status for job in await user.jobs()), key=str
        )
        await node.report([failing(claims[1])])
        assert 1 == (await user.get()).state.failures
        assert not (await node.work()).claims
        await user.unpause()
        assert 2 == len((await node.work()).claims)

    async def test_an_operators_pause_stays_apart(self, store: DataStore, clock: FakeClock) -> None:
        """Rule B2: neither pause changes the other, the end of one leaves the other; a person's resume ends both."""
        user, node = User(store), Node(store)
        await user.add(fragile(1, probe_after=15))
        claim = await node.claim_one()
        await user.pause("schedule", reason="mine")
        await node.report([failing(claim)])
        kinds = [(pause.kind, pause.until) for pause in (await user.get()).state.pauses]
        assert [("manual", None), ("failure", clock.now() + seconds(15))] == kinds
        await clock.advance(20)
        assert not (await node.work()).made
        await user.pause("schedule", by="me")
        (pause,) = (await user.get()).state.pauses
        assert ("manual", "mine", "me") == (pause.kind, pause.reason, pause.by)
        await user.unpause(resume_from="now")
        await node.report([failing(await node.claim_one())])
        await user.pause("schedule", reason="mine as well")
        assert 2 == len((await user.get()).state.pauses)
        await user.unpause(missed="skip")
        assert not (await user.get()).paused

    async def test_a_probe(self, store: DataStore, clock: FakeClock) -> None:
        """Rule B3: with ``probe_after`` it goes on by itself from then on; one failure is then enough to pause it."""
        user, node = User(store), Node(store)
        await user.add(fragile(2, probe_after=25))
        await clock.advance(10)
        await node.report([failing(claim) for claim in (await node.work()).claims])
        for failures in (2, 3):
            assert clock.now() + seconds(25) == (await node.work()).next_wake
            await clock.advance(25)
            probe = await node.claim_one()
            assert clock.now() == probe.job.run_at
            assert (failures, False) == ((await user.get()).state.failures, (await user.get()).paused)
            await node.report([failing(probe)])
            assert (await user.get()).paused
        await clock.advance(25)
        await node.complete(await node.claim_one())
        assert 0 == (await user.get()).state.failures

    async def test_a_late_end_before_anybody_saw_that_the_pause_is_over(
        self, store: DataStore, clock: FakeClock
    ) -> None:
        """Rules B3 and P10: a failure that pauses it again first carries out the resume that the pause asked for."""
        user, node = User(store), Node(store)
        await user.add(fragile(1, probe_after=15))
        await clock.advance(10)
        first, second = (await node.work()).claims
        await node.report([failing(first)])
        await clock.advance(40)
        await node.report([failing(second)])
        snapshot = await user.get()
        (pause,) = snapshot.state.pauses
        assert (clock.now(), clock.now() + seconds(15)) == (pause.since, pause.until)
        assert second.job.run_at + seconds(15) == snapshot.next_fire_time

    async def test_abandoned_jobs_count(self, store: DataStore, clock: FakeClock) -> None:
        """Rules B1 and J3: whoever ends the jobs of a node that is gone counts them as failures, and pauses."""
        only_durable(store)
        user, gone, node = User(store), Node(store, "gone"), Node(store)
        await store.declare_tasks({"task": TaskOptions(on_abandon=OnAbandon.fail)})
        await user.add(fragile(2))
        await clock.advance(10)
        assert 2 == len((await gone.work()).claims)
        await clock.advance(LEASE.total_seconds() + 1)
        work = await node.work()
        assert [JobOutcome.abandoned] * 2 == [end.result.outcome for end in work.ended]
        assert [] == work.made
        assert [SchedulePaused] == [type(event) for change in work.changes for event in change.events]
        pause = (await user.get()).state.pause
        assert pause is not None
        assert pause.reason is not None
        assert "JobAbandoned" in pause.reason

    async def test_a_node_that_cannot_read_the_trigger_pauses(
        self, store: DataStore, clock: FakeClock
    ) -> None:
        """Rules B1 and S2: what a node needs to count is understood also where it does not know the trigger."""
        only_durable(store)
        user, node = User(store), Node(store)
        await user.add(fragile(1, probe_after=60, group="g", tags={"t"}))
        claim = await node.claim_one()
        await self.estrange_schedule(store, "schedule")
        await node.report([failing(claim)])
        snapshot = await user.get()
        assert snapshot.fault is not None
        assert ("g", frozenset({"t"})) == (snapshot.schedule.group, snapshot.schedule.tags)
        assert [("failure", clock.now() + seconds(60))] == [(p.kind, p.until) for p in snapshot.state.pauses]

    async def test_many_nodes_count_at_once(
        self, store: DataStore, other: DataStore, clock: FakeClock
    ) -> None:
        """Rules B1 and N1: no failure gets lost among nodes that end jobs of the same schedules at the same time."""
        user, nodes = User(store), [Node(store), Node(other, "node b")]
        keys = [f"{number}" for number in range(10)]
        await user.add(*(fragile(100, id=key) for key in keys))
        await clock.advance(90)
        claims = [(await node.advance(claim_limit=50)).claims for node in nodes]
        assert [50, 50] == [len(part) for part in claims]

        async def end(node: Node, part: Sequence[Claim]) -> None:
            for claim in part:
                done = await node.store.complete(node.name, [failing(claim)], POLICY)
                assert [True] == list(done.accepted)
                assert not done.left

        async with anyio.create_task_group() as group:
            for node, part in zip(nodes, claims, strict=True):
                group.start_soon(end, node, part)
        assert [10] * 10 == [(await user.get(key)).state.failures for key in keys]
