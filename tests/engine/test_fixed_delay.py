"""Schedules that count from the end of their last run (rule S9), through the public API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from tests.engine.conftest import MakeScheduler
from tests.engine.support import Heard, Runs, at, dies_with_jobs

from anysched import (
    AsyncScheduler,
    CronTrigger,
    IntervalTrigger,
    JobOutcome,
    Schedule,
    ScheduleFinished,
    ScheduleStatus,
    task,
)
from anysched.model.waiting import Waiting
from anysched.ports.store import DataStore
from anysched.stores import MemoryDataStore
from anysched.testing import FakeClock
from anysched.testing.store_suite.actors import User

pytestmark = pytest.mark.anyio

FIVE_MINUTES = IntervalTrigger(minutes=5)


async def test_five_minutes_lie_between(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, heard: Heard
) -> None:
    """Rule S9: exactly the interval lies between the end of one run and the start of the next, failures included."""
    ends = iter(["well", "badly", "well", "well"])

    @task(id="tick")
    async def tick() -> None:
        runs.times.append((clock.now() - at(0)).total_seconds())
        await clock.sleep(70)
        if next(ends) == "badly":
            raise ValueError

    await scheduler.add_schedule(tick, FIVE_MINUTES, id="s", fixed_delay=True)
    await clock.advance(1130)
    assert [0, 370, 740, 1110] == runs.take()
    snapshot = await scheduler.get_schedule("s")
    assert (ScheduleStatus.active, None, 4) == (
        snapshot.status,
        snapshot.next_fire_time,
        snapshot.state.jobs_made,
    )
    (running,) = await scheduler.get_jobs(schedule_id="s")
    assert (running.id,) == snapshot.waits_for
    assert f"from the end of its job {running.id}" in await scheduler.explain("s")
    await clock.advance(50)
    assert at(1480) == (await scheduler.get_schedule("s")).next_fire_time
    told = await scheduler.get_fire_times("s")
    assert [(at(number), status) for number, status in
            ((0, "ran"), (370, "ran"), (740, "ran"), (1110, "ran"), (1480, "planned"))] == [
        (one.first, one.status) for one in told]  # fmt: skip
    assert [JobOutcome.success, JobOutcome.error, JobOutcome.success, JobOutcome.success] == [
        one.outcome for one in told[:-1]
    ]


async def test_a_wall_clock(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule S9: a run that takes longer than an hour is followed by the next full hour, and none in between is late."""
    await scheduler.add_schedule(runs.task(takes=5400), CronTrigger("0 * * * *"), id="s", fixed_delay=True)
    await clock.advance(5 * 3600)
    assert [0, 7200, 14400] == runs.take()
    assert {} == (await scheduler.get_schedule("s")).state.skipped


async def test_pausing_and_running_by_hand(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rules S9, P1 and P5: the end sets the fire time under a pause; a run by hand moves nothing."""
    await scheduler.add_schedule(runs.task(takes=20), FIVE_MINUTES, id="s", fixed_delay=True)
    await clock.advance(10)
    await scheduler.pause_schedule("s")
    assert ScheduleStatus.paused is (await scheduler.get_schedule("s")).status
    await clock.advance(100)
    assert at(320) == (await scheduler.get_schedule("s")).next_fire_time
    await scheduler.run_schedule("s")
    await clock.advance(100)
    assert at(320) == (await scheduler.get_schedule("s")).next_fire_time
    await clock.advance(300)
    result = await scheduler.unpause_schedule("s", resume_from="now")
    assert (at(510), 1) == (result.next_fire_time, result.skipped)
    await clock.advance(300)
    assert [0, 110, 510] == runs.take()
    result = await scheduler.unpause_schedule("s")
    assert not result.changed


@pytest.mark.parametrize("queued", ["hold", "discard"])
async def test_a_job_that_waits_when_it_is_paused(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, queued: Any
) -> None:
    """Rules S9 and P3: a held job goes on being waited for; one that is discarded has ended, and the rest follows."""
    tick = runs.task(takes=40)
    await scheduler.configure_task(tick, max_running_jobs=1)
    await scheduler.add_job(tick)
    await scheduler.add_schedule(tick, FIVE_MINUTES, id="s", fixed_delay=True)
    await clock.advance(10)
    await scheduler.pause_schedule("s", queued=queued)
    snapshot = await scheduler.get_schedule("s")
    assert (None if queued == "hold" else at(310)) == snapshot.next_fire_time
    await clock.advance(90)
    await scheduler.unpause_schedule("s")
    await clock.advance(100)
    assert ([0, 100] if queued == "hold" else [0]) == runs.take()
    assert at(440 if queued == "hold" else 310) == (await scheduler.get_schedule("s")).next_fire_time


async def test_cancelling(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule S9: a job that is cancelled while it runs has ended; the schedule goes on from there."""
    await scheduler.add_schedule(runs.task(takes=1000), FIVE_MINUTES, id="s", fixed_delay=True)
    await clock.advance(60)
    (job,) = (await scheduler.get_schedule("s")).waits_for
    await scheduler.cancel_job(job)
    await clock.advance(1)
    assert at(360) == (await scheduler.get_schedule("s")).next_fire_time


async def test_the_last_run(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, heard: Heard) -> None:
    """Rules S9 and S2: a schedule whose trigger has nothing left finishes when its last run has ended, not before."""
    trigger = IntervalTrigger(minutes=5, start_time=at(0), end_time=at(100))
    await scheduler.add_schedule(runs.task(takes=50), trigger, id="s", fixed_delay=True)
    await clock.advance(49)
    assert ScheduleStatus.active is (await scheduler.get_schedule("s")).status
    assert [] == heard.of(ScheduleFinished)
    await clock.advance(2)
    assert ScheduleStatus.finished is (await scheduler.get_schedule("s")).status
    assert 1 == len(heard.of(ScheduleFinished))


async def test_declaring(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rules S9 and S8: the setting is configuration like any other; without it a schedule waits no more."""
    tick = runs.task(takes=100)
    await scheduler.apply_schedules([Schedule(tick, FIVE_MINUTES, id="s", fixed_delay=True)], owner="me")
    await clock.advance(10)
    result = await scheduler.apply_schedules([Schedule(tick, FIVE_MINUTES, id="s")], owner="me")
    (diff,) = result.changed
    assert {"fixed_delay": ("True", "False")} == dict(diff.fields)
    snapshot = await scheduler.get_schedule("s")
    assert ((), at(300)) == (snapshot.waits_for, snapshot.next_fire_time)


async def test_two_nodes(make: MakeScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rules S9, P4 and N2: who plans is told of the end of a job that another node ran, and does not wait to poll."""
    store, tick = MemoryDataStore(), runs.task(takes=10)
    async with (
        make(store, role="scheduler", poll_interval=1000) as planner,
        make(store, role="worker", poll_interval=1000, tasks=[tick]),
    ):
        await planner.add_schedule("tick", IntervalTrigger(seconds=5), id="s", fixed_delay=True)
        await clock.advance(44)
    assert [0, 15, 30] == runs.take()


async def test_a_node_that_died(
    make: MakeScheduler, make_store: Callable[[str], DataStore], clock: FakeClock, runs: Runs
) -> None:
    """Rules S9 and J2: a schedule whose job died with its node waits for the next attempt, and counts from its end."""
    tick = runs.task(takes=30)
    async with make(make_store("sqlite"), role="scheduler") as client:
        await client.add_schedule(tick, FIVE_MINUTES, id="s", fixed_delay=True)
        await clock.advance(5)
    (claim,) = await dies_with_jobs(make_store("sqlite"), clock)
    async with make(make_store("sqlite"), tasks=[tick]) as scheduler:
        await clock.advance(20)
        assert (claim.job.id,) == (await scheduler.get_schedule("s")).waits_for
        await clock.advance(60)
        (began,) = runs.take()
        assert at(began + 330) == (await scheduler.get_schedule("s")).next_fire_time


async def test_a_job_that_is_gone(
    scheduler: AsyncScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rule S9: a schedule that waits for a job which is nowhere goes on once the node has cleaned up."""
    await scheduler.add_schedule(runs.task(), FIVE_MINUTES, id="s", fixed_delay=True)
    await clock.advance(1)
    await User(store).write_state("s", next_fire_time=None, due_at=None, waiting=Waiting(jobs=(UUID(int=7),)))
    await clock.advance(899)
    assert at(900 + 300) == (await scheduler.get_schedule("s")).next_fire_time
    await clock.advance(301)
    assert [0, 1200] == runs.take()
