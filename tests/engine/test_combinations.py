"""Combinations that never meet: refused when they are added, set aside when they are stored (rules S2 and T11)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.engine.support import START, Heard, Runs, at

from anysched import (
    AsyncScheduler,
    CronTrigger,
    IntervalTrigger,
    Schedule,
    ScheduleFailed,
    ScheduleStatus,
    Trigger,
    TriggerSearchError,
)
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio

HELSINKI = "Europe/Helsinki"
APART = IntervalTrigger(seconds=6, start_time=START) & IntervalTrigger(seconds=6, start_time=at(1))

#: Meets every 12 seconds and then never again: one interval ends, and what goes on stays apart.
FOR_A_WHILE = IntervalTrigger(seconds=6, start_time=START) & (
    IntervalTrigger(seconds=4, start_time=START).between(None, at(50))
    | IntervalTrigger(seconds=6, start_time=at(1))
)


@pytest.mark.parametrize(
    ("trigger", "why"),
    [
        (APART, "never fire at the same instant: their fire times are always 0:00:01 apart"),
        (CronTrigger("0 0 29 2 *") & CronTrigger("0 0 28 2 *"), "no time of the clock is allowed by both"),
        (CronTrigger("0 9 * * *", HELSINKI) & CronTrigger("0 9 * * *", "Asia/Tokyo"), "no fire time found"),
        (CronTrigger("0 9 * * *") - CronTrigger("0 9 * * *"), "excludes each fire time of its own"),
        (APART | CronTrigger("0 9 * * *"), "never fire at the same instant"),
    ],
    ids=map(str, range(5)),
)
async def test_refused_when_added(scheduler: AsyncScheduler, runs: Runs, trigger: Trigger, why: str) -> None:
    """Rules S2 and T11: a combination that never fires is refused with the reason when it is added."""
    with pytest.raises(TriggerSearchError, match=why):
        await scheduler.add_schedule(runs.task(), trigger, id="s")
    with pytest.raises(TriggerSearchError, match=why):
        await scheduler.apply_schedules([Schedule(runs.task(), trigger, id="s")], owner="x")
    assert [] == await scheduler.get_schedules()
    await scheduler.add_schedule(runs.task(), CronTrigger("0 9 * * *"), id="s")
    with pytest.raises(TriggerSearchError, match=why):
        await scheduler.add_schedule(runs.task(), trigger, id="s", conflict_policy="replace")
    assert ScheduleStatus.active is (await scheduler.get_schedule("s")).status


async def test_set_aside_when_nothing_is_found_any_more(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, heard: Heard
) -> None:
    """Rules S2 and T11: a stored combination that does not meet any more is set aside with the reason; others go on."""
    steady = Runs(clock)
    await scheduler.add_schedule(
        steady.task("steady"), IntervalTrigger(seconds=3, start_time=START), id="other"
    )
    await scheduler.add_schedule(runs.task(), FOR_A_WHILE, id="s")
    await clock.advance(60)
    assert [0, 12, 24, 36] == runs.fire_times  # at 48 nothing follows
    snapshot = await scheduler.get_schedule("s")
    assert ScheduleStatus.error is snapshot.status
    assert "no fire time found in the steps" in (snapshot.state.error or "")
    (event,) = heard.of(ScheduleFailed)
    assert ("s", snapshot.state.error) == (event.schedule_id, event.error)
    assert [3.0 * n for n in range(21)] == steady.fire_times
    assert [] == await scheduler.get_fire_times("s", count=3)
    told = await scheduler.get_fire_times("s", at(49))
    assert {"missed"} >= {one.status for one in told}


async def test_rare_meetings_run(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule T11: what meets once in decades is added, told and run: leap days on Mondays."""
    trigger = CronTrigger("0 0 29 2 *", HELSINKI) & CronTrigger("0 0 * * mon", HELSINKI)
    await scheduler.add_schedule(runs.task(), trigger, id="s")
    told = await scheduler.get_fire_times("s", count=3)
    years = [one.first.astimezone(CronTrigger("@daily", HELSINKI).timezone).year for one in told]
    assert [2044, 2072, 2112] == years
    await clock.advance(told[0].first - START)
    assert [told[0].first - START] == [timedelta(seconds=found or 0) for found in runs.fire_times]


async def test_shifted_and_bounded_triggers_are_stored(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs
) -> None:
    """Rule T11: shifted and bounded triggers survive being stored, count from the anchor, and end."""
    trigger = IntervalTrigger(seconds=10).shifted(timedelta(seconds=3)).between(at(10), at(33))
    await scheduler.add_schedule(runs.task(), trigger, id="s")
    assert trigger == (await scheduler.get_schedule("s")).trigger
    await clock.advance(60)
    assert [13, 23, 33] == runs.fire_times
    assert ScheduleStatus.finished is (await scheduler.get_schedule("s")).status
