"""Due schedules fire as rules S3, S5, L1 to L4 and J5 say, each fire time once."""

from __future__ import annotations

from datetime import timedelta

from anysched.model.events import FireTimesSkipped, ScheduleFinished
from anysched.model.policies import CoalescePolicy, JobKind, JobStatus, ScheduleStatus, SkipReason
from anysched.model.schedule import Schedule
from anysched.ports.store import DataStore
from anysched.testing.clock import FakeClock
from anysched.testing.store_suite.actors import Node, User, every, once, seconds
from anysched.testing.store_suite.base import StoreTests
from anysched.triggers import IntervalTrigger

TICK = timedelta(microseconds=1)


class FiringTests(StoreTests):
    """Schedules come due, and ``advance`` makes their jobs."""

    async def test_a_fire_time_becomes_a_job(self, store: DataStore, clock: FakeClock) -> None:
        """Rule S3: the job carries all that the schedule says, and the state moves on with it."""
        user, node = User(store), Node(store)
        schedule = every(
            args=(1, "two"),
            kwargs={"x": 3.5},
            misfire_grace_time=5,
            job_executor="thread",
            job_result_expiration_time=60,
            metadata={"team": "ops"},
        )
        await user.add(schedule)
        advanced = await node.advance(claim_limit=0)
        (change,) = advanced.changes
        (job,) = await user.jobs()
        snapshot = await user.get()
        now = clock.now()
        assert (job,) == change.jobs
        assert ("task", (1, "two"), {"x": 3.5}, "thread") == (
            job.task_id,
            job.args,
            dict(job.kwargs),
            job.job_executor,
        )
        assert (JobKind.regular, "schedule", 1) == (job.kind, job.schedule_id, job.attempt)
        assert (now, now, now, now + seconds(5)) == (
            job.run_at, job.created_at, job.scheduled_fire_time, job.start_deadline
        )  # fmt: skip
        assert (seconds(60), {"team": "ops"}) == (job.result_expiration_time, dict(job.metadata))
        assert (JobStatus.queued, snapshot.state.incarnation) == (job.status, job.incarnation)
        assert change.state == snapshot.state
        assert (now, now + seconds(10), 1, 2) == (
            snapshot.last_fire_time, snapshot.next_fire_time, snapshot.state.jobs_made, snapshot.state.revision
        )  # fmt: skip
        assert now == advanced.now

    async def test_not_a_microsecond_early(self, store: DataStore, clock: FakeClock) -> None:
        """Rule S5: a schedule is due at its instant and not before; until then the store asks to be woken then."""
        user, node = User(store), Node(store)
        due = clock.now() + seconds(7.000003)
        await user.add(once(due))
        await clock.advance_to(due - TICK)
        work = await node.work()
        assert ([], due, False) == (work.changes, work.next_wake, work.backlog)
        await clock.advance_to(due)
        work = await node.work()
        assert [due] == [job.scheduled_fire_time for job in work.made]
        assert work.next_wake is None

    async def test_jitter_delays_the_job(self, store: DataStore, clock: FakeClock) -> None:
        """Rule T8: with jitter a schedule is due at ``due_at``; the fire time stays what it is."""
        user, node = User(store), Node(store)
        await user.add(once(clock.now() + seconds(60), max_jitter=3600))
        state = (await user.get()).state
        assert state.due_at is not None
        assert state.next_fire_time is not None
        assert state.next_fire_time < state.due_at
        await clock.advance_to(state.due_at - TICK)
        assert ([], state.due_at) == ((await node.work()).changes, (await node.work()).next_wake)
        await clock.advance_to(state.due_at)
        (job,) = (await node.work()).made
        assert (state.next_fire_time, state.due_at) == (job.scheduled_fire_time, job.run_at)

    async def test_lateness(self, store: DataStore, clock: FakeClock) -> None:
        """Rules L1 and L3: late fire times are dropped and coalesced as the schedule says, and counted by reason."""
        user, node = User(store), Node(store)
        await user.add(
            every(id="latest"),
            every(id="earliest", coalesce=CoalescePolicy.earliest, misfire_grace_time=25),
            every(id="all", coalesce=CoalescePolicy.all, max_catchup=4),
            every(id="grace", misfire_grace_time=4),
        )
        began = clock.now()
        await clock.advance(55)
        changes = {change.schedule_id: change for change in (await node.work()).changes}
        fired = {
            id: [(job.scheduled_fire_time or began) - began for job in change.jobs]
            for id, change in changes.items()
        }
        assert {
            "latest": [seconds(50)],
            "earliest": [seconds(30)],
            "all": [seconds(20), seconds(30), seconds(40), seconds(50)],
            "grace": [],
        } == fired
        skipped = {
            "latest": {SkipReason.coalesced: 5},
            "earliest": {SkipReason.grace: 3, SkipReason.coalesced: 2},
            "all": {SkipReason.catchup_limit: 2},
            "grace": {SkipReason.grace: 6},
        }
        assert skipped == {snapshot.id: dict(snapshot.state.skipped) for snapshot in await user.schedules()}
        assert {began + seconds(60)} == {snapshot.next_fire_time for snapshot in await user.schedules()}
        for id, counts in skipped.items():
            assert (FireTimesSkipped(id, "task", tuple(counts.items()), True),) == changes[id].events

    async def test_a_year_behind(self, store: DataStore, clock: FakeClock) -> None:
        """Rule T4: a one-second interval that was asleep for a year fires once and goes on."""
        user, node = User(store), Node(store)
        await user.add(every(1))
        clock.jump(timedelta(days=365))
        work = await node.work()
        assert [clock.now()] == [job.scheduled_fire_time for job in work.made]
        assert {SkipReason.coalesced: 365 * 86_400} == dict((await user.get()).state.skipped)

    async def test_the_clock_is_set_back(self, store: DataStore, clock: FakeClock) -> None:
        """Rule N4: after the clock was set back nothing is repeated; fire times wait for the clock."""
        user, node = User(store), Node(store)
        await user.add(every())
        began = clock.now()
        await clock.advance(100)
        await node.work()
        clock.jump(-seconds(60))
        for at in (40, 70, 109):
            await clock.advance_to(began + seconds(at))
            work = await node.work()
            assert ([], began + seconds(110)) == (work.changes, work.next_wake)
        await clock.advance_to(began + seconds(110))
        assert [clock.now()] == [job.scheduled_fire_time for job in (await node.work()).made]

    async def test_finishing(self, store: DataStore, clock: FakeClock) -> None:
        """Rule P8: a schedule whose trigger has nothing left is finished, is kept, and wakes nobody."""
        user, node = User(store), Node(store)
        trigger = IntervalTrigger(seconds=10, end_time=clock.now() + seconds(10))
        await user.add(Schedule("task", trigger, id="schedule"))
        await node.work()
        await clock.advance(10)
        work = await node.work()
        assert [(ScheduleFinished("schedule", "task"),)] == [change.events for change in work.changes]
        assert (1, None) == (len(work.made), work.next_wake)
        assert (ScheduleStatus.finished, None) == (
            (await user.get()).status,
            (await user.get()).next_fire_time,
        )
        await clock.advance(60)
        assert (1, []) == ((await node.work()).passes, (await node.work()).changes)
