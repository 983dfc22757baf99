"""Resuming (rules P5 to P9)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from tests.engine.support import KEEP, START, Heard, Runs, at, outcome, since_start

from anysched import (
    AsyncScheduler,
    DateTrigger,
    IntervalTrigger,
    JobOutcome,
    ScheduleFinished,
    ScheduleStatus,
    ScheduleUnpaused,
    SkipReason,
)
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio


async def paused(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, **options: object) -> None:
    """Have a schedule of every 10 s that has run at 0 and 10, is paused from 15 s, and it is 105 s now."""
    trigger = options.pop("trigger", IntervalTrigger(seconds=10))
    await scheduler.add_schedule(runs.task(), trigger, id="s", **options)  # type: ignore[arg-type]
    await clock.advance(15)
    assert [0, 10] == runs.take_fire_times()
    await scheduler.pause_schedule("s")
    await clock.advance(90)


async def test_going_on_from_where_it_stopped(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs
) -> None:
    """Rule P5: what passed is late; by the default rules one job is made, for the latest; the phase stays."""
    await paused(scheduler, clock, runs)
    result = await scheduler.unpause_schedule("s")
    await clock.settle()
    assert [100] == runs.take_fire_times()
    assert (1, 8, True, at(110)) == (
        len(result.jobs),
        result.skipped,
        result.skipped_exact,
        result.next_fire_time,
    )
    await clock.advance(10)
    assert [110] == runs.take_fire_times()


@pytest.mark.parametrize(
    ("coalesce", "grace", "expected"),
    [
        ("earliest", None, [20]),
        ("earliest", 25, [80]),
        ("all", None, [20, 30, 40, 50, 60, 70, 80, 90, 100]),
        ("all", 25, [80, 90, 100]),
        ("latest", 4, []),
    ],
)
async def test_the_lateness_rules_of_the_schedule(
    scheduler: AsyncScheduler,
    clock: FakeClock,
    runs: Runs,
    coalesce: str,
    grace: float | None,
    expected: list[int],
) -> None:
    """Rule P5: what passed meanwhile gets the lateness rules of the schedule: grace first, then coalescing."""
    await paused(scheduler, clock, runs, coalesce=coalesce, misfire_grace_time=grace)
    result = await scheduler.unpause_schedule("s")
    await clock.settle()
    assert expected == runs.take_fire_times()
    assert (len(expected), 9 - len(expected)) == (len(result.jobs), result.skipped)


@pytest.mark.parametrize(
    ("missed", "expected"),
    [("skip", []), ("run_once", [100]), ("run_all", [20, 30, 40, 50, 60, 70, 80, 90, 100])],
)
async def test_missed_overrides_the_rules_once(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, missed: str, expected: list[int]
) -> None:
    """Rule P5: ``missed`` overrides the lateness rules for this one resume, and deadlines count from now."""
    await paused(scheduler, clock, runs, misfire_grace_time=4, job_result_expiration_time=KEEP)
    result = await scheduler.unpause_schedule("s", missed=missed)  # type: ignore[arg-type]
    await clock.settle()
    assert expected == runs.take_fire_times()
    assert [JobOutcome.success] * len(expected) == [await outcome(scheduler, job) for job in result.jobs]
    await scheduler.pause_schedule("s")
    await clock.advance(50)
    await scheduler.unpause_schedule("s")
    await clock.settle()
    assert [] == runs.take_fire_times()


async def test_run_all_keeps_to_the_limit(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule L2: catching up is bounded by ``max_catchup``; the oldest are skipped and counted as such."""
    await paused(scheduler, clock, runs, max_catchup=3)
    result = await scheduler.unpause_schedule("s", missed="run_all")
    await clock.settle()
    assert [80, 90, 100] == runs.take_fire_times()
    assert 6 == result.skipped
    assert {SkipReason.catchup_limit: 6} == dict((await scheduler.get_schedule("s")).state.skipped)


async def test_beginning_anew_now(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule P6: "now" is as if it were added now: the anchor is now, and the interval begins with it."""
    await paused(scheduler, clock, runs)
    result = await scheduler.unpause_schedule("s", resume_from="now")
    assert ((), 9, at(105)) == (result.jobs, result.skipped, result.next_fire_time)
    await clock.advance(20)
    assert [105, 115, 125] == runs.take_fire_times()
    state = (await scheduler.get_schedule("s")).state
    assert (at(105), {SkipReason.paused: 9}) == (state.anchor, dict(state.skipped))


async def test_a_start_of_its_own_keeps_its_phase(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs
) -> None:
    """Rule P6: a trigger with a start of its own keeps its phase when it resumes from "now"."""
    await paused(scheduler, clock, runs, trigger=IntervalTrigger(seconds=10, start_time=START))
    await scheduler.unpause_schedule("s", resume_from="now")
    await clock.advance(20)
    assert [110, 120] == runs.take_fire_times()


async def test_now_with_run_all(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rules P5 and P6: what "now" gives up can be asked for; then it begins anew."""
    await paused(scheduler, clock, runs)
    await scheduler.unpause_schedule("s", resume_from="now", missed="run_once")
    await clock.advance(10)
    assert [100, 105, 115] == runs.take_fire_times()


async def test_resuming_from_the_past(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule P7: from a past instant, inclusive, fire times are late; earlier ones are skipped."""
    await paused(scheduler, clock, runs, coalesce="all")
    result = await scheduler.unpause_schedule("s", resume_from=at(82))
    await clock.settle()
    assert [82, 92, 102] == runs.take_fire_times()
    assert (3, 7) == (len(result.jobs), result.skipped)


async def test_resuming_from_before_it_stopped(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs
) -> None:
    """Rule P7: an instant before the frozen fire time goes on from there: nothing is run again."""
    await paused(scheduler, clock, runs, coalesce="all")
    await scheduler.unpause_schedule("s", resume_from=at(3))
    await clock.settle()
    assert [20, 30, 40, 50, 60, 70, 80, 90, 100] == runs.take_fire_times()


async def test_resuming_from_the_future(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule P7: from a future instant on; nothing fires before it, and it is not paused any more."""
    await paused(scheduler, clock, runs)
    result = await scheduler.unpause_schedule("s", resume_from=at(203))
    assert (ScheduleStatus.active, at(203), ()) == (result.status, result.next_fire_time, result.jobs)
    await clock.advance(110)
    assert [203, 213] == runs.take_fire_times()


@pytest.mark.parametrize("resume_from", [None, "now", at(1), at(10_000)])
async def test_resuming_what_is_not_paused(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, heard: Heard, resume_from: object
) -> None:
    """Rule P8: resuming a schedule that is not paused changes nothing, whatever the arguments."""
    await scheduler.add_schedule(runs.task(), DateTrigger(at(50)), id="s")
    await clock.advance(5)
    before = await scheduler.get_schedule("s")
    heard.events.clear()
    result = await scheduler.unpause_schedule("s", resume_from=resume_from, missed="run_all")  # type: ignore[arg-type]
    await clock.settle()
    assert before == await scheduler.get_schedule("s")
    assert (False, at(50), ()) == (result.changed, result.next_fire_time, result.jobs)
    assert [] == heard.events


@pytest.mark.parametrize("resume_from", ["now", at(99), at(10_000)])
async def test_nothing_is_left(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, heard: Heard, resume_from: object
) -> None:
    """Rule P8: a schedule with nothing left is finished by the resume; it is kept, and says so."""
    await scheduler.add_schedule(runs.task(), DateTrigger(at(50)), id="s", paused=True)
    await clock.advance(100)
    result = await scheduler.unpause_schedule("s", resume_from=resume_from)  # type: ignore[arg-type]
    await clock.advance(timedelta(days=2))
    assert (ScheduleStatus.finished, None, 1) == (result.status, result.next_fire_time, result.skipped)
    snapshot = await scheduler.get_schedule("s")
    assert (ScheduleStatus.finished, {SkipReason.paused: 1}) == (
        snapshot.status,
        dict(snapshot.state.skipped),
    )
    assert [ScheduleFinished("s", "tick")] == heard.of(ScheduleFinished)


@pytest.mark.parametrize("resume_from", [None, "now", at(5)])
async def test_a_finished_schedule_stays_finished(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, resume_from: object
) -> None:
    """Rule P8: resuming a finished schedule that was paused ends the pause, runs nothing, and keeps it."""
    await scheduler.add_schedule(runs.task(), DateTrigger(at(5)), id="s")
    await clock.advance(10)
    await scheduler.pause_schedule("s")
    await clock.advance(timedelta(days=2))
    result = await scheduler.unpause_schedule("s", resume_from=resume_from)  # type: ignore[arg-type]
    await clock.advance(10)
    snapshot = await scheduler.get_schedule("s")
    assert (ScheduleStatus.finished, ScheduleStatus.finished, False) == (
        result.status,
        snapshot.status,
        snapshot.paused,
    )
    assert [5] == runs.take()


async def test_a_one_shot_missed_while_paused_can_still_run(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs
) -> None:
    """Rules P5 and S6: a one-shot whose time passed while paused is late, and runs when it is resumed."""
    await scheduler.add_schedule(runs.task(), DateTrigger(at(50)), id="s", paused=True)
    await clock.advance(100)
    result = await scheduler.unpause_schedule("s")
    await clock.settle()
    assert (ScheduleStatus.finished, 1) == (result.status, len(result.jobs))
    assert [50] == runs.take_fire_times()


async def test_the_event_says_what_the_result_says(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, heard: Heard
) -> None:
    """Rule P9: the event carries what the resume reports, and how it was asked for."""
    await paused(scheduler, clock, runs)
    result = await scheduler.unpause_schedule("s", resume_from=at(62), missed="run_once")
    await clock.settle()
    (event,) = heard.of(ScheduleUnpaused)
    assert (result.schedule_id, result.status, result.next_fire_time) == (
        event.schedule_id,
        event.status,
        event.next_fire_time,
    )
    assert (result.jobs, result.skipped, result.skipped_exact) == (
        event.jobs,
        event.skipped,
        event.skipped_exact,
    )
    assert (at(15), at(62), "run_once") == (event.since, event.resume_from, event.missed)


async def test_a_year_is_not_stepped_through(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rules T4 and P6: a second's interval paused for a year resumes at once, with an exact count."""
    await scheduler.add_schedule(runs.task(), IntervalTrigger(seconds=1), id="s", paused=True)
    await clock.advance(timedelta(days=365))
    result = await scheduler.unpause_schedule("s")
    year = 365 * 86_400
    assert (year, True, 1) == (result.skipped, result.skipped_exact, len(result.jobs))
    await clock.settle()
    assert [year] == runs.take_fire_times()


async def test_the_far_future(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule P7: an instant in the far future is found without a search, and nothing fires before it."""
    await scheduler.add_schedule(runs.task(), IntervalTrigger(seconds=1), id="s", paused=True)
    far = datetime(9000, 1, 1, tzinfo=START.tzinfo)
    result = await scheduler.unpause_schedule("s", resume_from=far)
    assert far == result.next_fire_time
    await clock.advance(timedelta(days=1000))
    assert ([], since_start(far)) == (
        runs.take_fire_times(),
        since_start((await scheduler.get_schedule("s")).next_fire_time),
    )
