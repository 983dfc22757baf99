"""Jobs end in results, which are kept for as long as was asked (rules J1 and J4)."""

from __future__ import annotations

from datetime import timedelta

import attrs

from anysched.model.job import Claim, JobResult
from anysched.model.policies import JobOutcome
from anysched.ports.store import Completion, DataStore
from anysched.testing.clock import FakeClock
from anysched.testing.store_suite.actors import FAILURE, POLICY, Node, User, direct_job, every, seconds
from anysched.testing.store_suite.base import StoreTests, only_durable
from anysched.testing.store_suite.values import VALUES, same

MINUTE = seconds(60)


class ResultTests(StoreTests):
    """Results of jobs."""

    async def _claims(self, store: DataStore, clock: FakeClock, number: int, keep: timedelta) -> list[Claim]:
        await store.add_jobs([direct_job(clock.now(), result_expiration_time=keep) for _ in range(number)])
        return (await Node(store).work()).claims

    async def test_a_result_is_kept_for_its_time(self, store: DataStore, clock: FakeClock) -> None:
        """A result can be read until its time is over, from when the job finished; then it is cleaned up."""
        node = Node(store)
        (claim,) = await self._claims(store, clock, 1, MINUTE)
        await clock.advance(30.5)
        assert await store.get_result(claim.job.id) is None
        assert [True] == await node.complete(claim, value={"answer": 42})
        expected = JobResult(claim.job.id, JobOutcome.success, clock.now(), clock.now(), {"answer": 42})
        await clock.advance(59.999999)
        assert expected == await store.get_result(claim.job.id)
        assert 0 == await store.clean_up()
        await clock.advance(0.000001)
        assert await store.get_result(claim.job.id) is None
        assert await store.clean_up() >= 1
        assert 0 == await store.clean_up()
        assert await store.get_result(claim.job.id) is None

    async def test_a_result_nobody_asked_for(self, store: DataStore, clock: FakeClock) -> None:
        """Without an expiration time nothing is kept; the longest one there is keeps it to the end."""
        (none,) = await self._claims(store, clock, 1, timedelta(0))
        (long,) = await self._claims(store, clock, 1, timedelta.max)
        assert [True, True] == await Node(store).complete(none, long)
        assert await store.get_result(none.job.id) is None
        clock.jump(timedelta(days=365 * 7000))
        await store.clean_up()
        assert await store.get_result(long.job.id) is not None

    async def test_every_outcome(self, store: DataStore, clock: FakeClock) -> None:
        """Rule J4: however a job ended, its result says so, with the exception as text, and when it ran."""
        claims = await self._claims(store, clock, 2 * len(JobOutcome), MINUTE)
        later, results = clock.now() + seconds(2.000001), list[JobResult]()
        for claim, outcome in zip(claims, [*JobOutcome, *JobOutcome], strict=True):
            results.append(JobResult(claim.job.id, outcome, later))
            if len(results) > len(JobOutcome):
                started_at = clock.now() + seconds(1.000001)
                results[-1] = attrs.evolve(results[-1], started_at=started_at, exception=FAILURE)
        completions = [Completion(claim, result) for claim, result in zip(claims, results, strict=True)]
        assert [True] * len(claims) == await Node(store).report(completions)
        assert results == [await store.get_result(claim.job.id) for claim in claims]
        assert [] == await User(store).jobs()

    async def test_ending_twice(self, store: DataStore, clock: FakeClock) -> None:
        """Rule J1: a job ends once; what comes later changes nothing, within one call too."""
        node = Node(store)
        first, second = await self._claims(store, clock, 2, MINUTE)
        assert [True, False, True] == await node.complete(first, first, second, value=1)
        assert [False, False] == await node.complete(second, first, value=2)
        for claim in (first, second):
            result = await store.get_result(claim.job.id)
            assert result is not None
            assert 1 == result.return_value

    async def test_ending_what_is_not_there(self, store: DataStore, clock: FakeClock) -> None:
        """Rule J1: a job that is gone, or never was, is told as such, in its place among the others."""
        node = Node(store)
        claims = await self._claims(store, clock, 3, timedelta(0))
        await node.complete(claims[1])
        never = Claim(direct_job(clock.now()), 1)
        assert [True, False, False, True] == await node.complete(claims[0], claims[1], never, claims[2])

    async def test_results_of_jobs_that_never_ran(self, store: DataStore, clock: FakeClock) -> None:
        """Jobs that are cancelled while queued, or end with their schedule, have results like others."""
        user, node = User(store), Node(store)
        await user.add(every(id="removed", job_result_expiration_time=60))
        await node.work(claim_limit=0)
        direct = direct_job(clock.now(), result_expiration_time=MINUTE)
        await store.add_jobs([direct])
        await store.cancel_job(direct.id, POLICY)
        (ended,) = (await user.remove("removed")).ended
        for job_id in (direct.id, ended.job.id):
            expected = JobResult(job_id, JobOutcome.cancelled, clock.now())
            assert expected == await store.get_result(job_id)

    async def test_return_values(self, store: DataStore, clock: FakeClock) -> None:
        """What a job returned is read back equal and of the same type, whatever it is."""
        node = Node(store)
        claims = await self._claims(store, clock, len(VALUES), MINUTE)
        for claim, value in zip(claims, VALUES, strict=True):
            assert [True] == await node.complete(claim, value=value)
            result = await store.get_result(claim.job.id)
            assert result is not None
            assert same(value, result.return_value)

    async def test_return_values_that_cannot_be_written(self, store: DataStore, clock: FakeClock) -> None:
        """Rule J4: the job ends with outcome ``error`` that says why; others in the same call are not harmed."""
        only_durable(store)
        node = Node(store)
        good, bad, unwanted = await self._claims(store, clock, 3, MINUTE)
        now = clock.now()
        values = {good.job.id: 1, bad.job.id: object(), unwanted.job.id: 2}
        completions = [
            Completion(claim, JobResult(claim.job.id, JobOutcome.success, now, now, values[claim.job.id]))
            for claim in (good, bad, unwanted)
        ]
        assert [True, True, True] == await node.report(completions)
        result = await store.get_result(bad.job.id)
        assert result is not None
        assert (JobOutcome.error, None) == (result.outcome, result.return_value)
        assert result.exception is not None
        assert "SerializationError" == result.exception.type
        assert "object" in result.exception.message
        result = await store.get_result(good.job.id)
        assert result is not None
        assert (JobOutcome.success, 1) == (result.outcome, result.return_value)
        assert [] == await User(store).jobs()

    async def test_many_results(self, store: DataStore, clock: FakeClock) -> None:
        """A thousand results are written in one call, each its own, and cleaned up when their time is over."""
        claims = await self._claims(store, clock, 1000, MINUTE)
        now = clock.now()
        results = {
            claim.job.id: JobResult(claim.job.id, JobOutcome.success, now, now, number)
            for number, claim in enumerate(claims)
        }
        completions = [Completion(claim, results[claim.job.id]) for claim in claims]
        assert [True] * 1000 == await Node(store).report(completions)
        for claim in claims[::50]:
            assert results[claim.job.id] == await store.get_result(claim.job.id)
        await clock.advance(60)
        assert await store.clean_up() >= 1000
