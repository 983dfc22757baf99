"""What was missed, spaced and bounded (rules P3 and P5)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.engine.support import KEEP, Runs, at, outcome

from anysched import AsyncScheduler, CatchUp, IntervalTrigger, JobOutcome, SkipReason
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio

MINUTE, HOUR = 60, 3600


def hourly(number: int) -> IntervalTrigger:
    """Return a trigger that fires each hour, so many times."""
    return IntervalTrigger(hours=1, start_time=at(0), end_time=at((number - 1) * HOUR))


@pytest.mark.parametrize("by_itself", [False, True])
async def test_one_a_minute(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, by_itself: bool) -> None:
    """Rules P5 and P10: a backlog of a hundred that is spaced by a minute runs one a minute, in order."""
    missed = CatchUp(spacing=timedelta(minutes=1))
    await scheduler.add_schedule(runs.task(), hourly(100), id="s", paused=True)
    if by_itself:
        await scheduler.pause_schedule("s", until=at(100 * HOUR), missed=missed)
    await clock.advance_to(at(100 * HOUR))
    if not by_itself:
        preview = await scheduler.preview_unpause("s", missed=missed)
        result = await scheduler.unpause_schedule("s", missed=missed)
        assert preview.start_times == result.start_times
        assert (100, 0) == (len(result.jobs), result.skipped)
        assert (at(100 * HOUR), at(100 * HOUR + 99 * MINUTE)) == (
            result.start_times[0],
            result.start_times[-1],
        )
    await clock.settle()
    assert [100 * HOUR] == runs.take()
    await clock.advance(98 * MINUTE + 59)
    assert [100 * HOUR + number * MINUTE for number in range(1, 99)] == runs.take()
    await clock.advance(HOUR)
    assert [100 * HOUR + 99 * MINUTE] == runs.take()
    assert [number * HOUR for number in range(100)] == runs.take_fire_times()


async def test_the_schedule_goes_on_meanwhile(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs
) -> None:
    """Rule P5: only the backlog is spaced; the schedule goes on at its own fire times."""
    await scheduler.add_schedule(runs.task(), IntervalTrigger(seconds=50), id="s", paused=True)
    await clock.advance(125)
    result = await scheduler.unpause_schedule("s", missed=CatchUp(max_jobs=2, spacing=60))
    assert 1 == result.skipped
    assert {SkipReason.catchup_limit: 1} == dict((await scheduler.get_schedule("s")).state.skipped)
    await clock.advance(80)
    assert [(125, 50), (150, 150), (185, 100), (200, 200)] == [
        *zip(runs.take(), runs.take_fire_times(), strict=True)
    ]


async def test_deadlines_and_limits(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rules P5, L4 and J5: a deadline counts from the job's own start; a task at its limit can make it too late."""
    slow = runs.task(takes=90, max_running_jobs=1, misfire_grace_time=45)
    await scheduler.add_schedule(slow, hourly(4), id="s", paused=True, job_result_expiration_time=KEEP)
    await clock.advance_to(at(10 * HOUR))
    result = await scheduler.unpause_schedule("s", missed=CatchUp(spacing=60))
    await clock.advance(HOUR)
    assert [10 * HOUR, 10 * HOUR + 90, 10 * HOUR + 180] == runs.take()
    late, success = JobOutcome.missed_start_deadline, JobOutcome.success
    assert [success, success, late, success] == [await outcome(scheduler, id) for id in result.jobs]


async def test_another_pause_holds_the_rest(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule P3: the part of a backlog that has not started is held, and goes on at the same distances."""
    await scheduler.add_schedule(runs.task(misfire_grace_time=5), hourly(50), id="s", paused=True)
    start = 10.5 * HOUR
    await clock.advance_to(at(start))
    await scheduler.unpause_schedule("s", missed=CatchUp(max_jobs=5, spacing=60))
    await clock.advance(70)
    assert [start, start + 60] == runs.take()
    await scheduler.pause_schedule("s", queued="hold")
    await clock.advance(2 * HOUR)
    assert [] == runs.take()
    await scheduler.unpause_schedule("s", missed=CatchUp("latest", max_age=1))
    await clock.advance(600)
    start += 2 * HOUR
    assert [start + 120, start + 180, start + 240] == runs.take()


async def test_another_pause_discards_the_rest(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs
) -> None:
    """Rule P3: the part of a backlog that has not started is discarded, or runs while the schedule is paused."""
    for id in ("keep", "discard"):
        await scheduler.add_schedule(runs.task(), hourly(50), id=id, args=[id], paused=True)
    await clock.advance_to(at(10.5 * HOUR))
    for id in ("keep", "discard"):
        await scheduler.unpause_schedule(id, missed=CatchUp(max_jobs=3, spacing=60))
    await clock.settle()
    for id in ("keep", "discard"):
        await scheduler.pause_schedule(id, queued=id)  # type: ignore[arg-type]
    await clock.advance(HOUR)
    assert [("discard",), ("keep",), ("keep",), ("keep",)] == sorted(runs.args)


async def test_several_schedules_that_a_hold_has_paused(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs
) -> None:
    """Rules P5 and H3: each schedule spaces its own backlog; a pause that ends by itself knows how."""
    for id in ("a", "b"):
        await scheduler.add_schedule(runs.task(), hourly(5), id=id)
    await clock.settle()
    end = at(9.5 * HOUR)
    await scheduler.pause_schedules(everything=True, until=end, missed=CatchUp(max_jobs=2, spacing=60))
    assert [0, 0] == runs.take()
    await clock.advance_to(end)
    await clock.advance(HOUR)
    assert [9.5 * HOUR] * 2 + [9.5 * HOUR + 60] * 2 == runs.take()
    assert {SkipReason.catchup_limit: 2} == dict((await scheduler.get_schedule("b")).state.skipped)
