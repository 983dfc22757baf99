"""Resuming keeps rules P5 to P10 in the data store."""

from __future__ import annotations

from anysched.model.events import ScheduleFinished, ScheduleUnpaused
from anysched.model.policies import (
    CatchUp,
    CoalescePolicy,
    JobOutcome,
    JobStatus,
    MissedWord,
    ScheduleStatus,
    SkipReason,
)
from anysched.model.schedule import Schedule
from anysched.ports.store import DataStore
from anysched.testing.clock import FakeClock
from anysched.testing.store_suite.actors import Node, User, every, seconds
from anysched.testing.store_suite.base import StoreTests
from anysched.triggers import IntervalTrigger


class ResumingTests(StoreTests):
    """Ends of pauses, asked for and planned."""

    async def test_resuming_gives_lateness_its_say(self, store: DataStore, clock: FakeClock) -> None:
        """Rules P5 and P9: jobs, skips and the new fire time are written and reported in one transaction."""
        user, node = User(store), Node(store)
        policies = {"latest": 1, "earliest": 1, "all": 6}
        await user.add(*(every(id=id, coalesce=CoalescePolicy(id)) for id in policies))
        began = clock.now()
        await user.pause(*policies)
        await clock.advance(55)
        for id, number in policies.items():
            report = await user.unpause(id)
            snapshot, jobs = await user.get(id), await user.jobs(schedule_id=id)
            assert (True, ScheduleStatus.active) == (report.changed, report.status)
            assert began + seconds(60) == report.next_fire_time == snapshot.next_fire_time
            assert set(report.jobs) == {job.id for job in jobs}
            assert number == len(jobs) == snapshot.state.jobs_made
            skipped = 6 - number
            assert (skipped, True) == (report.skipped, report.skipped_exact)
            assert skipped == sum(snapshot.state.skipped.values())
        fired = {id: [job.scheduled_fire_time for job in await user.jobs(schedule_id=id)] for id in policies}
        assert [began + seconds(50)] == fired["latest"]
        assert [began] == fired["earliest"]
        assert {began + seconds(10 * step) for step in range(6)} == set(fired["all"])
        assert 8 == len((await node.work()).claims)

    async def test_missed_is_for_this_one_resume(self, store: DataStore, clock: FakeClock) -> None:
        """Rule P5: skip, run_once and run_all override the schedule's rules; deadlines then count from now."""
        user = User(store)
        ids: list[MissedWord] = ["skip", "run_once", "run_all"]
        await user.add(*(every(id=id, misfire_grace_time=1, max_catchup=4) for id in ids))
        began = clock.now()
        await user.pause(*ids)
        await clock.advance(55)
        made = {id: await user.unpause(id, missed=id) for id in ids}
        assert [(0, 6), (1, 5), (4, 2)] == [(len(made[id].jobs), made[id].skipped) for id in ids]
        jobs = {id: await user.jobs(schedule_id=id) for id in ids}
        assert [began + seconds(50)] == [job.scheduled_fire_time for job in jobs["run_once"]]
        fire_times = {job.scheduled_fire_time for job in jobs["run_all"]}
        assert {began + seconds(step) for step in (20, 30, 40, 50)} == fire_times
        assert {clock.now() + seconds(1)} == {
            job.start_deadline for job in jobs["run_once"] + jobs["run_all"]
        }
        counts = {id: dict((await user.get(id)).state.skipped) for id in ids}
        assert {SkipReason.paused: 6} == counts["skip"]
        assert {SkipReason.catchup_limit: 2} == counts["run_all"]

    async def test_a_spaced_backlog(self, store: DataStore, clock: FakeClock) -> None:
        """Rules P5 and S5: the jobs of a backlog are taken one by one, so far apart as asked; others count."""
        user, node = User(store), Node(store)
        await user.add(every(misfire_grace_time=5))
        began = clock.now()
        await user.pause("schedule")
        await clock.advance(55)
        now = clock.now()
        report = await user.unpause(missed=CatchUp(max_jobs=4, max_age=45, spacing=60))
        assert tuple(now + seconds(60 * number) for number in range(4)) == report.start_times
        jobs = {job.id: job for job in await user.jobs()}
        assert [
            (began + seconds(20 + 10 * number), now + seconds(60 * number + 5)) for number in range(4)
        ] == [(jobs[id].scheduled_fire_time, jobs[id].start_deadline) for id in report.jobs]
        counts = {SkipReason.paused: 1, SkipReason.catchup_limit: 1}
        assert (2, counts) == (report.skipped, dict((await user.get()).state.skipped))
        for number, id in enumerate(report.jobs):
            await clock.advance_to(now + seconds(60 * number))
            work = await node.work(plan_limit=0)
            assert [id] == work.taken
            following = None if id == report.jobs[-1] else now + seconds(60 * number + 60)
            assert (following, False) == (work.next_wake, work.backlog)

    async def test_a_pause_with_an_end_and_a_spaced_backlog(self, store: DataStore, clock: FakeClock) -> None:
        """Rules P3, P5 and P10: it is spaced from when a node sees the end, and another hold puts it off as a whole."""
        user, node = User(store), Node(store)
        await user.add(every(misfire_grace_time=5))
        until, missed = clock.now() + seconds(25), CatchUp("all", max_jobs=9, max_age=3600.5, spacing=60)
        await user.pause("schedule", until=until, resume_from="now", missed=missed)
        pause = (await user.get()).state.pause
        assert pause is not None
        assert missed == pause.missed
        await clock.advance_to(until + seconds(7))
        now = clock.now()
        made = [
            job for job in (await node.work(claim_limit=1)).made if job.start_deadline != until + seconds(5)
        ]
        assert [now + seconds(60 * number) for number in range(3)] == [job.run_at for job in made]
        assert [made[0].id] == [job.id for job in await user.jobs(status=JobStatus.running)]
        await clock.advance(20)
        await user.pause("schedule", queued="hold")
        await clock.advance(100.000001)
        await user.resume("schedule", missed=CatchUp("latest", max_age=0.000001))
        put_off = {job.id: job for job in await user.jobs(status=JobStatus.queued)}
        for number in (1, 2):
            start = now + seconds(60 * number + 100.000001)
            job = put_off.pop(made[number].id)
            assert (start, start + seconds(5)) == (job.run_at, job.start_deadline)
            await clock.advance_to(start - seconds(0.000001))
            assert job.id not in (await node.work(plan_limit=0)).taken
            await clock.advance(0.000001)
            assert job.id in (await node.work(plan_limit=0)).taken

    async def test_resuming_from_elsewhere(self, store: DataStore, clock: FakeClock) -> None:
        """Rules P6 and P7: from now, from an instant in the past, from one in the future."""
        user, node = User(store), Node(store)
        ids = ["now", "past", "future"]
        await user.add(*(every(id=id, coalesce=CoalescePolicy.all) for id in ids))
        began = clock.now()
        await user.pause(*ids)
        await clock.advance(55)
        now = await user.unpause("now", resume_from="now")
        assert ((), clock.now(), 6) == (now.jobs, now.next_fire_time, now.skipped)
        assert clock.now() == (await user.get("now")).state.anchor
        past = await user.unpause("past", resume_from=began + seconds(33))
        assert (3, began + seconds(63), 4) == (len(past.jobs), past.next_fire_time, past.skipped)
        future = await user.unpause("future", resume_from=began + seconds(100))
        assert ((), began + seconds(100)) == (future.jobs, future.next_fire_time)
        work = await node.work()
        assert ["now"] == [job.schedule_id for job in work.made]
        assert began + seconds(63) == work.next_wake

    async def test_resuming_what_is_not_paused(self, store: DataStore, clock: FakeClock) -> None:
        """Rule P8: changes nothing, whatever the arguments, and says so."""
        user = User(store)
        await user.add(every())
        await clock.advance(55)
        before = await user.get()
        report = await user.unpause(resume_from="now", missed="run_all")
        assert (False, (), ScheduleStatus.active) == (report.changed, report.jobs, report.status)
        assert before == await user.get()
        assert [] == await user.jobs()

    async def test_resuming_what_has_nothing_left(self, store: DataStore, clock: FakeClock) -> None:
        """Rule P8: the schedule is finished, is kept, and says so."""
        user, node = User(store), Node(store)
        trigger = IntervalTrigger(seconds=10, end_time=clock.now() + seconds(30))
        await user.add(Schedule("task", trigger, id="schedule", paused=True))
        await clock.advance(60)
        (change,) = (await user.resume("schedule", missed="skip")).changes
        assert change.unpaused is not None
        assert (ScheduleStatus.finished, None) == (change.unpaused.status, change.unpaused.next_fire_time)
        assert [ScheduleFinished] == [
            type(event) for event in change.events if type(event) is ScheduleFinished
        ]
        assert ["schedule"] == await user.ids(status=ScheduleStatus.finished)
        assert (1, None) == ((await node.work()).passes, (await node.work()).next_wake)

    async def test_a_pause_with_an_end(self, store: DataStore, clock: FakeClock) -> None:
        """Rule P10: from ``until`` on the pause counts as ended as of then, whenever a node first sees it."""
        user, node = User(store), Node(store)
        await user.add(every(misfire_grace_time=4), every(id="now", misfire_grace_time=4))
        began = clock.now()
        until = began + seconds(25)
        await user.pause("schedule", until=until)
        await user.pause("now", until=until, resume_from="now")
        work = await node.work()
        assert ([], until) == (work.changes, work.next_wake)
        await clock.advance_to(until + seconds(7))
        work = await node.work()
        fired = {job.schedule_id: job.scheduled_fire_time for job in work.made}
        assert {"schedule": began + seconds(30)} == fired
        events = [event for change in work.changes for event in change.events]
        told = {event.schedule_id: event for event in events if isinstance(event, ScheduleUnpaused)}
        assert {"schedule", "now"} == set(told)
        assert (until, "now") == (told["now"].until, told["now"].resume_from)
        snapshot = await user.get("now")
        assert (until, until + seconds(10)) == (snapshot.state.anchor, snapshot.next_fire_time)
        assert until + seconds(10) == work.next_wake

    async def test_a_pause_until_the_schedule_is_due(self, store: DataStore, clock: FakeClock) -> None:
        """Rules P10 and S3: a pause that ends at the very instant of the next fire time lets it fire once."""
        user, node = User(store), Node(store)
        await user.add(every(id="a"))
        await node.work()
        due_at = clock.now() + seconds(10)
        await user.pause("a", until=due_at)
        await clock.advance(10)
        made = [*(await node.work()).made, *(await node.work()).made]
        assert [due_at] == [job.scheduled_fire_time for job in made]

    async def test_held_jobs_and_another_pause(self, store: DataStore, clock: FakeClock) -> None:
        """Rules P3 and P10: once a pause is over, another one first ends its hold, then holds what is queued now."""
        user, node = User(store), Node(store)
        await user.add(every(misfire_grace_time=60), every(id="skips", misfire_grace_time=60))
        claims = (await node.work()).claims
        await clock.advance(10)
        made = {job.schedule_id: job for job in (await node.work(claim_limit=0)).made}
        until = clock.now() + seconds(20)
        await user.pause("schedule", until=until, queued="hold")
        await user.pause("skips", until=until, queued="hold", missed="skip")
        await store.give_back(node.name, claims)
        await clock.advance(30)
        committed = await user.pause("schedule", "skips", queued="hold")
        assert [made["skips"].id] == [end.job.id for end in committed.ended]
        held = {job.id: job for job in await user.jobs()}
        assert {made["schedule"].id, *(claim.job.id for claim in claims)} == held.keys()
        assert {JobStatus.held} == {job.status for job in held.values()}
        deadline = made["schedule"].start_deadline
        assert deadline is not None
        assert deadline + seconds(30) == held[made["schedule"].id].start_deadline

    async def test_a_pause_with_an_end_and_held_jobs(self, store: DataStore, clock: FakeClock) -> None:
        """Rules P3 and P10: at its end held jobs are released, or discarded and told of by the node's pass."""
        user, node = User(store), Node(store)
        await user.add(every(600, id="release"), every(600, id="discard"))
        made = {job.schedule_id: job for job in (await node.work(claim_limit=0)).made}
        until = clock.now() + seconds(60)
        await user.pause("release", until=until, queued="hold")
        await user.pause("discard", until=until, queued="hold", missed="skip")
        await clock.advance(60)
        work = await node.work()
        assert [made["release"].id] == work.taken
        assert [(made["discard"].id, JobOutcome.cancelled)] == [
            (ended.job.id, ended.result.outcome) for ended in work.ended
        ]
