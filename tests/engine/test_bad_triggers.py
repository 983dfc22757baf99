"""Triggers of users that go wrong (rule S2)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.engine.conftest import MakeScheduler
from tests.engine.support import Heard, Runs, at
from tests.engine.triggers import BadAtOnce, Never, TurnsBad

from anysched import (
    AsyncScheduler,
    CronTrigger,
    IntervalTrigger,
    Schedule,
    ScheduleFailed,
    ScheduleStatus,
    SerializationError,
    TriggerError,
)
from anysched.ports.store import DataStore
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio

WAYS = {
    "raises": "raised ZeroDivisionError: broken",
    "raises without words": "raised Speechless",
    "stands still": "did not move forward",
    "goes back": "did not move forward",
    "is naive": "must return an aware datetime",
    "returns text": "must return an aware datetime",
}


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("first", [None, at(100)])
async def test_refused_when_added(
    scheduler: AsyncScheduler, runs: Runs, how: str, first: datetime | None
) -> None:
    """Rule S2: a trigger that goes wrong at its first or second fire time is refused when it is added."""
    with pytest.raises(TriggerError, match=WAYS[how]):
        await scheduler.add_schedule(runs.task(), BadAtOnce(how, first), id="s")
    assert [] == await scheduler.get_schedules()


@pytest.mark.parametrize("how", WAYS)
async def test_set_aside_when_it_turns_bad(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, heard: Heard, how: str
) -> None:
    """Rule S2: a schedule whose trigger goes wrong later gets status ``error``, an event, and harms no other."""
    await scheduler.add_schedules(
        [
            Schedule(runs.task("a"), IntervalTrigger(seconds=1), id="before"),
            Schedule(runs.task("b"), TurnsBad(how), id="bad"),
            Schedule(runs.task("c"), IntervalTrigger(seconds=1), id="behind"),
        ]
    )
    await clock.advance(10)
    snapshot = await scheduler.get_schedule("bad")
    assert ScheduleStatus.error is snapshot.status
    assert WAYS[how] in (snapshot.state.error or "")
    (event,) = heard.of(ScheduleFailed)
    assert ("bad", snapshot.state.error) == (event.schedule_id, event.error)
    for id in ("before", "behind"):
        healthy = await scheduler.get_schedule(id)
        assert (ScheduleStatus.active, at(11), 11) == (
            healthy.status,
            healthy.next_fire_time,
            healthy.state.jobs_made,
        )


async def test_an_error_is_cleared_by_a_replacement(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs
) -> None:
    """Rule S1: a replacement clears the error, and the schedule goes on; its counters survive."""
    await scheduler.add_schedule(runs.task(), TurnsBad(), id="s")
    await clock.advance(10)
    assert ScheduleStatus.error is (await scheduler.get_schedule("s")).status
    made = (await scheduler.get_schedule("s")).state.jobs_made
    await scheduler.add_schedule(
        runs.task(), IntervalTrigger(seconds=5, start_time=at(0)), id="s", conflict_policy="replace"
    )
    await clock.advance(10)
    snapshot = await scheduler.get_schedule("s")
    assert (ScheduleStatus.active, made + 3, at(25)) == (
        snapshot.status,
        snapshot.state.jobs_made,
        snapshot.next_fire_time,
    )


async def test_what_can_be_done_with_one_in_error(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs
) -> None:
    """Rule S2: a schedule in error can be paused, resumed, run by hand and removed; ``error`` is said first."""
    await scheduler.add_schedule(runs.task(), TurnsBad(), id="s")
    await clock.advance(10)
    runs.take()
    await scheduler.pause_schedule("s")
    snapshot = await scheduler.get_schedule("s")
    assert (ScheduleStatus.error, True) == (snapshot.status, snapshot.paused)
    assert ["s"] == [found.id for found in await scheduler.get_schedules(status="error")]
    await scheduler.run_schedule("s")
    await clock.settle()
    assert [10] == runs.take()
    result = await scheduler.unpause_schedule("s")
    assert ScheduleStatus.error is result.status
    await scheduler.remove_schedule("s")
    assert [] == await scheduler.get_schedules()


async def test_a_trigger_that_breaks_in_a_resume(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, heard: Heard
) -> None:
    """Rules S2 and P9: when the trigger breaks while a resume is decided, the resume reports the error."""
    await scheduler.add_schedule(runs.task(), TurnsBad(), id="s", paused=True)
    await clock.advance(10)
    result = await scheduler.unpause_schedule("s")
    assert (ScheduleStatus.error, ()) == (result.status, result.jobs)
    await clock.settle()
    assert 1 == len(heard.of(ScheduleFailed))


@pytest.mark.parametrize(
    ("trigger", "message"),
    [
        (Never(), "no fire time left"),
        (IntervalTrigger(seconds=1, end_time=datetime(2024, 1, 1, tzinfo=UTC)), "no fire time left"),
    ],
)
async def test_a_trigger_without_fire_times(
    scheduler: AsyncScheduler, runs: Runs, trigger: Any, message: str
) -> None:
    """Rule S6: a trigger that has no fire time is refused."""
    with pytest.raises(ValueError, match=message):
        await scheduler.add_schedule(runs.task(), trigger, id="s")


def test_a_trigger_that_can_never_match() -> None:
    """Rule T7: a cron expression that can never match is refused as such, without a long search."""
    with pytest.raises(ValueError, match="30"):
        CronTrigger("0 0 30 2 *")


@pytest.mark.parametrize("trigger", [None, "* * * * *", IntervalTrigger, object(), timedelta(1)])
async def test_something_that_is_no_trigger(scheduler: AsyncScheduler, runs: Runs, trigger: Any) -> None:
    """Rule T2: what has no function for the next fire time is refused with a type error that says so."""
    with pytest.raises(TypeError, match="next_fire_time"):
        await scheduler.add_schedule(runs.task(), trigger, id="s")


async def test_a_type_that_is_not_registered(
    make: MakeScheduler, make_store: Callable[[str], DataStore], clock: FakeClock, runs: Runs
) -> None:
    """Rule N5: a trigger whose class is not registered works in memory; a durable store refuses it and says why."""

    class Unregistered:
        def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
            return after + timedelta(seconds=1)

    async with make(make_store("memory")) as scheduler:
        await scheduler.add_schedule(runs.task(), Unregistered(), id="s")
        await clock.advance(2)
        assert runs.take()
    async with make(make_store("sqlite")) as scheduler:
        with pytest.raises(SerializationError, match="not registered"):
            await scheduler.add_schedule(runs.task(), Unregistered(), id="s")
