"""Pausing (rules P1 to P4)."""

from __future__ import annotations

from datetime import timedelta

import anyio
import pytest
from tests.engine.conftest import MakeScheduler
from tests.engine.support import KEEP, Heard, Runs, StoreProxy, at, outcome, since_start

from anysched import (
    AsyncScheduler,
    DateTrigger,
    IntervalTrigger,
    JobOutcome,
    ScheduleLookupError,
    ScheduleStatus,
)
from anysched.ports.store import DataStore
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio

EVERY_10 = IntervalTrigger(seconds=10)


async def test_a_paused_schedule_makes_no_jobs(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs
) -> None:
    """Rule P1: no job is made while paused, and the next fire time stays frozen."""
    await scheduler.add_schedule(runs.task(), EVERY_10, id="s")
    await clock.advance(25)
    assert [0, 10, 20] == runs.take()
    await scheduler.pause_schedule("s")
    await clock.advance(timedelta(days=1))
    assert [] == runs.take()
    snapshot = await scheduler.get_schedule("s")
    assert (at(30), ScheduleStatus.paused, True) == (
        snapshot.next_fire_time,
        snapshot.status,
        snapshot.paused,
    )


async def test_a_pause_wins_over_a_pass_that_is_about_to_fire(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rule P1: once the call returns no job is made, though a pass that found the schedule due is under way."""
    proxy = StoreProxy(store)
    async with make(proxy) as scheduler:
        await scheduler.add_schedule(runs.task(), IntervalTrigger(seconds=10, start_time=at(10)), id="s")
        await clock.advance(5)
        about_to, go_on = anyio.Event(), anyio.Event()

        async def wait() -> None:
            about_to.set()
            await go_on.wait()

        proxy.delays["advance"] = wait
        async with anyio.create_task_group() as task_group:
            task_group.start_soon(clock.advance, 10)
            await about_to.wait()
            assert at(10) == clock.now()
            await scheduler.pause_schedule("s")
            go_on.set()
        assert [] == runs.take()
        assert [] == await scheduler.get_jobs()
        assert at(10) == (await scheduler.get_schedule("s")).next_fire_time


async def test_a_pause_stops_what_waits_for_its_jitter(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs
) -> None:
    """Rule T8: the job is made only when its jitter has passed, so that a pause in between still stops it."""
    trigger = IntervalTrigger(hours=1, start_time=at(3600))
    await scheduler.add_schedule(runs.task(), trigger, id="s", max_jitter=1800)
    due = since_start((await scheduler.get_schedule("s")).state.due_at)
    assert due is not None
    assert due > 3600
    await clock.advance((3600 + due) / 2)
    await scheduler.pause_schedule("s")
    await clock.advance(7200)
    assert [] == runs.take()


async def test_pausing_again_changes_nothing(
    scheduler: AsyncScheduler, clock: FakeClock, heard: Heard
) -> None:
    """Rule P2: pausing a paused schedule changes nothing and tells nothing."""
    await scheduler.add_schedule(pausing_task, EVERY_10, id="s")
    await scheduler.pause_schedule("s", reason="maintenance", by="ana", until=at(500))
    before = await scheduler.get_schedule("s")
    await clock.advance(60)
    heard.events.clear()
    await scheduler.pause_schedule("s")
    await clock.settle()
    assert before == await scheduler.get_schedule("s")
    assert [] == heard.events


async def test_what_is_given_again_is_replaced(scheduler: AsyncScheduler, clock: FakeClock) -> None:
    """Rule P2: pausing again replaces ``until``, ``reason`` and ``by`` where they are given; it is one pause."""
    await scheduler.add_schedule(pausing_task, EVERY_10, id="s")
    await scheduler.pause_schedule("s", reason="maintenance", by="ana", until=at(500))
    await clock.advance(60)
    await scheduler.pause_schedule("s", by="bo")
    await scheduler.pause_schedule("s", until=at(900))
    pause = (await scheduler.get_schedule("s")).state.pause
    assert pause is not None
    assert ("maintenance", "bo", at(900), at(0)) == (pause.reason, pause.by, pause.until, pause.since)


async def test_pausing_what_does_not_exist(scheduler: AsyncScheduler) -> None:
    """Rule P2: an unknown id is refused by every call, and nothing is created."""
    for call in (
        scheduler.pause_schedule,
        scheduler.unpause_schedule,
        scheduler.get_schedule,
        scheduler.remove_schedule,
        scheduler.run_schedule,
    ):
        with pytest.raises(ScheduleLookupError, match="'nobody'"):
            await call("nobody")
    assert [] == await scheduler.get_schedules()


async def test_what_can_be_done_while_paused(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule P2: a paused schedule can be edited, run by hand and removed, and stays paused meanwhile."""
    await scheduler.add_schedule(runs.task(), EVERY_10, id="s", args=["old"], paused=True)
    await scheduler.add_schedule(runs.task(), EVERY_10, id="s", args=["new"], conflict_policy="replace")
    await clock.advance(60)
    await scheduler.run_schedule("s")
    await clock.settle()
    assert [("new",)] == runs.args
    assert (await scheduler.get_schedule("s")).paused
    await scheduler.remove_schedule("s")
    assert [] == await scheduler.get_schedules()


async def test_a_finished_schedule_can_be_paused(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs
) -> None:
    """Rule P2: a finished schedule can be paused; being finished is said first (rule S2)."""
    await scheduler.add_schedule(runs.task(), DateTrigger(at(5)), id="s")
    await clock.advance(10)
    await scheduler.pause_schedule("s")
    snapshot = await scheduler.get_schedule("s")
    assert (ScheduleStatus.finished, True) == (snapshot.status, snapshot.paused)


async def test_running_jobs_go_on(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule P3: a pause leaves running jobs alone."""
    await scheduler.add_schedule(
        runs.task(takes=30), DateTrigger(at(0)), id="s", job_result_expiration_time=KEEP
    )
    await clock.advance(10)
    (job,) = await scheduler.get_jobs(status="running")
    await scheduler.pause_schedule("s", queued="discard")
    await clock.advance(60)
    assert JobOutcome.success is await outcome(scheduler, job.id)


async def busy(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, **options: object) -> None:
    """Have a schedule with one running job, from 0 s to 95 s, and queued ones for 10 s, 20 s and 30 s."""
    tick = runs.task(takes=95, max_running_jobs=1)
    await scheduler.add_schedule(tick, EVERY_10, id="s", job_result_expiration_time=KEEP, **options)  # type: ignore[arg-type]
    await clock.advance(35)
    assert [0] == runs.take()
    assert 3 == len(await scheduler.get_jobs(status="queued"))


async def test_queued_jobs_are_kept(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule P3: with ``queued="keep"``, the default, jobs that wait already run in their turn."""
    await busy(scheduler, clock, runs)
    await scheduler.pause_schedule("s")
    await clock.advance(1000)
    assert [95, 190, 285] == runs.take()


async def test_queued_jobs_are_discarded(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule P3: with ``queued="discard"`` jobs that wait end as cancelled, each one of them told."""
    await busy(scheduler, clock, runs)
    waiting = await scheduler.get_jobs(status="queued")
    await scheduler.pause_schedule("s", queued="discard")
    assert [] == await scheduler.get_jobs(status="queued")
    assert [JobOutcome.cancelled] * 3 == [await outcome(scheduler, job.id) for job in waiting]
    await clock.advance(1000)
    assert [] == runs.take()


async def test_queued_jobs_are_held(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule P3: with ``queued="hold"`` jobs that wait do so until the resume; ``missed="skip"`` discards them then."""
    await busy(scheduler, clock, runs)
    waiting = [job.id for job in await scheduler.get_jobs(status="queued")]
    await scheduler.pause_schedule("s", queued="hold")
    await clock.advance(600)
    assert waiting == [job.id for job in await scheduler.get_jobs(status="held")]
    assert [] == runs.take()
    await scheduler.unpause_schedule("s", missed="skip")
    assert [JobOutcome.cancelled] * 3 == [await outcome(scheduler, job_id) for job_id in waiting]
    await clock.advance(1)
    assert [] == runs.take()


async def test_a_resume_releases_held_jobs(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule P3: the time that jobs were held extends their deadlines, so that a resume runs them."""
    await busy(scheduler, clock, runs, misfire_grace_time=200)
    waiting = await scheduler.get_jobs(status="queued")
    assert [at(210), at(220), at(230)] == [job.start_deadline for job in waiting]
    await scheduler.pause_schedule("s", queued="hold")
    await clock.advance(600)
    await scheduler.unpause_schedule("s")
    released = await scheduler.get_jobs([job.id for job in waiting])
    assert [at(810), at(820), at(830)] == [job.start_deadline for job in released]
    await scheduler.pause_schedule("s")
    await clock.advance(1000)
    assert [635, 730, 825] == runs.take()


async def test_pausing_the_head_lets_the_loop_sleep(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rule P4: when the first schedule is paused, the next wake-up is that of the second."""
    async with make(store) as scheduler:
        await scheduler.add_schedule(runs.task("a"), IntervalTrigger(seconds=10), id="a")
        await scheduler.add_schedule(runs.task("b"), IntervalTrigger(hours=1), id="b")
        await clock.settle()
        assert at(10) == scheduler.health.next_wake
        await scheduler.pause_schedule("a")
        await clock.settle()
        assert at(3600) == scheduler.health.next_wake
        await scheduler.unpause_schedule("a")
        await clock.settle()
        assert at(10) == scheduler.health.next_wake


async def test_resuming_an_overdue_schedule_runs_it_now(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs
) -> None:
    """Rule P4: an overdue schedule runs as soon as it is resumed, without any time passing."""
    await scheduler.add_schedule(
        runs.task(), IntervalTrigger(hours=1, start_time=at(3600)), id="s", paused=True
    )
    await clock.advance(4000)
    await scheduler.unpause_schedule("s")
    await clock.settle()
    assert [4000] == runs.take()


async def pausing_task() -> None:
    """Do nothing."""
