"""Pausing keeps rules P1 to P4 and P10 in the data store."""

from __future__ import annotations

from datetime import datetime

import anyio
import attrs
import pytest

from anysched.errors import ScheduleLookupError
from anysched.model.events import SchedulePaused
from anysched.model.pause import Pause
from anysched.model.policies import JobKind, JobOutcome, JobStatus, ScheduleStatus
from anysched.ports.store import DataStore
from anysched.testing.clock import FakeClock
from anysched.testing.store_suite.actors import Node, User, every, once, seconds
from anysched.testing.store_suite.base import StoreTests


class PausingTests(StoreTests):
    """What a pause does to a schedule and its queued jobs."""

    async def test_a_paused_schedule_makes_no_jobs(self, store: DataStore, clock: FakeClock) -> None:
        """Rules P1 and S5: no job is made, the fire time stays frozen, and the store asks for no wake-up."""
        user, node = User(store), Node(store)
        await user.add(every())
        await user.pause("schedule")
        frozen = clock.now()
        for _ in range(3):
            work = await node.work()
            assert ([], [], None, 1) == (work.changes, work.claims, work.next_wake, work.passes)
            await clock.advance(60)
        snapshot = await user.get()
        assert (frozen, ScheduleStatus.paused) == (snapshot.next_fire_time, snapshot.status)

    async def test_a_pause_wins_over_a_firing_about_to_happen(
        self, store: DataStore, other: DataStore, clock: FakeClock
    ) -> None:
        """Rule P1: once the call has returned, no node makes a job, one that was about to included."""
        user, node, late = User(store), Node(other, "node b"), Node(store)
        ids = [f"{number:02}" for number in range(20)]
        await user.add(*(every(id=id) for id in ids))
        when_returned: list[int] = []

        async def pause(id: str) -> None:
            await user.pause(id)
            when_returned.append((await user.get(id)).state.jobs_made)

        async with anyio.create_task_group() as tg:
            for id in ids[:10]:
                tg.start_soon(pause, id)
            tg.start_soon(node.advance)
            for id in ids[10:]:
                tg.start_soon(pause, id)
        await clock.advance(60)
        await late.work()
        await node.work()
        made = [snapshot.state.jobs_made for snapshot in await user.schedules()]
        assert sum(when_returned) == sum(made) == len(await user.jobs())

    async def test_pausing_what_is_not_there(self, store: DataStore) -> None:
        """Rule P2: an unknown id raises, and nothing is created."""
        user = User(store)
        await user.add(every(id="known"))
        for act in (user.pause, user.resume):
            with pytest.raises(ScheduleLookupError):
                await act("known", "unknown")
        assert ["known"] == await user.ids()
        assert not (await user.get("known")).paused

    async def test_pausing_again(self, store: DataStore, clock: FakeClock) -> None:
        """Rule P2: pausing a paused schedule changes nothing but what is given of until, reason and by."""
        user = User(store)
        await user.add(every())
        began = clock.now()
        await user.pause("schedule", reason="maintenance", by="me")
        before = await user.get()
        await clock.advance(5)
        await user.pause("schedule")
        assert before == await user.get()
        await user.pause("schedule", by="you")
        assert Pause(began, reason="maintenance", by="you") == (await user.get()).state.pause

    async def test_what_a_pause_carries(self, store: DataStore, clock: FakeClock) -> None:
        """Rule P10: since, until, reason, by, and how to go on then are kept, and told by the event."""
        user = User(store)
        now, until = clock.now(), clock.now() + seconds(3600)
        pauses = {
            "a": Pause(now),
            "b": Pause(now, until, "spring ‘cleaning’\n", "Ö", "hold", "now", "skip"),
            "c": Pause(now, datetime.max.replace(tzinfo=now.tzinfo), resume_from=until, missed="run_all"),
            "d": Pause(now, queued="discard", reason=""),
        }
        await user.add(*(every(id=id) for id in pauses))
        for id, pause in pauses.items():
            settings = attrs.asdict(pause, filter=lambda field, _: field.name != "since")
            (change,) = (await user.pause(id, **settings)).changes
            (told,) = change.events
            assert isinstance(told, SchedulePaused)
            expected = (id, now, pause.until, pause.reason, pause.by, pause.resume_from, pause.missed)
            assert expected == (
                told.schedule_id, told.since, told.until, told.reason, told.by, told.resume_from, told.missed
            )  # fmt: skip
        assert pauses == {snapshot.id: snapshot.state.pause for snapshot in await user.schedules()}

    async def test_queued_jobs_are_kept(self, store: DataStore) -> None:
        """Rule P3: by default a pause leaves queued jobs to run."""
        user, node = User(store), Node(store)
        await user.add(every())
        await node.work(claim_limit=0)
        assert [] == list((await user.pause("schedule")).ended)
        await node.claim_one()

    async def test_queued_jobs_are_held(self, store: DataStore, clock: FakeClock) -> None:
        """Rule P3: held jobs do not start and wake nobody; running and manual ones are left alone."""
        user, node = User(store), Node(store)
        await user.add(every(), every(id="other"))
        running = [claim.job.id for claim in (await node.work()).claims]
        await clock.advance(10)
        await node.work(claim_limit=0)
        manual = await user.run()
        await user.pause("schedule", queued="hold")
        (held,) = await user.jobs(status=JobStatus.held)
        assert ("schedule", JobKind.regular) == (held.schedule_id, held.kind)
        work = await node.work()
        assert held.id not in work.taken
        assert manual.id in work.taken
        assert [held.id] == [job.id for job in await user.jobs(status=JobStatus.held)]
        assert set(running) <= {job.id for job in await user.jobs(status=JobStatus.running)}
        assert (await user.get("other")).next_fire_time == work.next_wake
        await user.resume("schedule")
        assert held.id in (await node.work()).taken

    async def test_time_held_extends_deadlines(self, store: DataStore, clock: FakeClock) -> None:
        """Rule P3: a job's deadline moves by exactly the time it was held, however often the pause was changed."""
        user, node = User(store), Node(store)
        await user.add(
            once(clock.now(), id="limited", misfire_grace_time=60), once(clock.now(), id="unlimited")
        )
        made = {job.schedule_id: job for job in (await node.work(claim_limit=0)).made}
        await clock.advance(1.5)
        await user.pause("limited", "unlimited", queued="hold")
        await clock.advance(2.000001)
        await user.pause("limited", reason="longer", queued="hold")
        await clock.advance(100)
        await user.resume("limited", "unlimited")
        deadline = made["limited"].start_deadline
        assert deadline is not None
        jobs = {job.schedule_id: job for job in await user.jobs()}
        assert deadline + seconds(102.000001) == jobs["limited"].start_deadline
        assert jobs["unlimited"].start_deadline is None
        claimed = {claim.job.schedule_id: claim.job.start_deadline for claim in (await node.work()).claims}
        assert {id: job.start_deadline for id, job in jobs.items()} == claimed

    async def test_held_jobs_are_discarded_with_skip(self, store: DataStore) -> None:
        """Rule P3: a resume with missed="skip" discards what was held, with a result that says cancelled."""
        user, node = User(store), Node(store)
        await user.add(every(job_result_expiration_time=60))
        (job,) = (await node.work(claim_limit=0)).made
        await user.pause("schedule", queued="hold")
        (ended,) = (await user.resume("schedule", missed="skip")).ended
        assert (job.id, JobOutcome.cancelled) == (ended.job.id, ended.result.outcome)
        assert ended.result == await store.get_result(job.id)
        assert [] == await user.jobs()

    async def test_jobs_given_back_are_not_held(self, store: DataStore, clock: FakeClock) -> None:
        """Rule P3: what a node had when the pause came and gives back is queued; a resume ends only what was held."""
        user, node = User(store), Node(store)
        await user.add(every())
        begun = await node.claim_one()
        await clock.advance(10)
        unbegun = await node.claim_one()
        await clock.advance(10)
        (held,) = (await node.work(claim_limit=0)).made
        await user.pause("schedule", queued="hold")
        await store.give_back(node.name, [begun], attempted=True)
        await store.give_back(node.name, [unbegun])
        assert [held.id] == [job.id for job in await user.jobs(status=JobStatus.held)]
        ended = (await user.resume("schedule", missed="skip")).ended
        assert [held.id] == [end.job.id for end in ended]
        jobs = [(claim.job.id, claim.job.attempt) for claim in (await node.work()).claims]
        assert [(begun.job.id, 2), (unbegun.job.id, 1)] == jobs

    async def test_jobs_that_wait_to_be_tried_again(self, store: DataStore) -> None:
        """Rule P3: a pause holds or discards every queued job, whichever attempt, and one held before as well."""
        user, node = User(store), Node(store)
        await user.add(every(), every(id="other"))
        claims = (await node.work()).claims
        await store.give_back(node.name, claims, attempted=True)
        await user.pause("schedule", "other", queued="hold")
        assert {JobStatus.held} == {job.status for job in await user.jobs()}
        assert [] == (await node.work()).claims
        await user.resume("other")
        await user.pause("schedule", "other", queued="discard")
        assert [] == await user.jobs()

    async def test_queued_jobs_are_discarded(self, store: DataStore) -> None:
        """Rule P3: on request a pause ends the regular jobs that no node has; running and manual ones stay."""
        user, node = User(store), Node(store)
        await user.add(every(), every(id="other"))
        await node.work(claim_limit=0)
        manual = await user.run()
        (ended,) = (await user.pause("schedule", queued="discard")).ended
        assert ("schedule", JobOutcome.cancelled) == (ended.job.schedule_id, ended.result.outcome)
        assert {manual.id, *(job.id for job in await user.jobs(schedule_id="other"))} == set(
            (await node.work()).taken
        )

    async def test_paused_from_the_start(self, store: DataStore, clock: FakeClock) -> None:
        """Rule S1: a schedule can be created paused; then it is like any other paused one."""
        user, node = User(store), Node(store)
        await user.add(every(paused=True))
        await clock.advance(15)
        assert [] == (await node.work()).changes
        assert 1 == len((await user.unpause()).jobs)

    async def test_run_by_hand_while_paused(self, store: DataStore) -> None:
        """Rule P2: a paused schedule can be run by hand; its fire times do not move, and neither does its state."""
        user, node = User(store), Node(store)
        await user.add(every(misfire_grace_time=1, metadata={"a": 1}), every(id="other", paused=True))
        await user.pause("schedule")
        before = await user.get()
        job = await user.run()
        assert before == await user.get()
        claim = await node.claim_one()
        assert (job, JobKind.manual) == (claim.job, claim.job.kind)
        assert (None, None) == (job.scheduled_fire_time, job.start_deadline)

    async def test_a_paused_head_hides_nothing(self, store: DataStore, clock: FakeClock) -> None:
        """Rules S5 and P4: with an overdue paused head the next wake-up is that of the next schedule."""
        user, node = User(store), Node(store)
        await user.add(every(id="head"), once(clock.now() + seconds(3600), id="next"))
        await user.pause("head")
        await clock.advance(60)
        assert (await user.get("next")).next_fire_time == (await node.work()).next_wake
        await user.resume("head")
        assert ["head"] == [claim.job.schedule_id for claim in (await node.work()).claims]

    async def test_a_pause_is_seen_by_others(self, store: DataStore, other: DataStore) -> None:
        """Rule P1: a pause or resume through one node counts for all at once."""
        user, node = User(store), Node(other, "node b")
        await user.add(every())
        await user.pause("schedule")
        assert [] == (await node.work()).changes
        assert ["schedule"] == await User(other).ids(paused=True)
        await User(other).unpause()
        assert 1 == len(await user.jobs())
