"""Skipping, moving and restoring single fire times (rules O1 to O6)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import anyio
import pytest
from tests.engine.conftest import MakeScheduler
from tests.engine.support import Heard, Runs, StoreProxy, at

from anysched import (
    AsyncScheduler,
    CronTrigger,
    DateTrigger,
    FireTimeChanged,
    FireTimesSkipped,
    IntervalTrigger,
    Occurrence,
    ScheduleChangedError,
    ScheduleLookupError,
    ScheduleStatus,
    SkipReason,
)
from anysched.ports.store import DataStore
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio

EVERY_10 = IntervalTrigger(seconds=10, start_time=at(10))


async def test_skipping_the_next_run(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, heard: Heard
) -> None:
    """Rules O1 and O2: the next fire time gets no job and is counted; the others and the configuration stay."""
    await scheduler.add_schedule(runs.task(), EVERY_10, id="s")
    before = await scheduler.get_schedule("s")
    assert at(10) == await scheduler.skip_fire_time("s", reason="holiday", by="ana")
    snapshot = await scheduler.get_schedule("s")
    assert (at(20), before.schedule) == (snapshot.next_fire_time, snapshot.schedule)
    assert (Occurrence(fire_time=at(10), reason="holiday", by="ana"),) == snapshot.state.occurrences
    await clock.advance(35)
    assert [20, 30] == runs.take()
    snapshot = await scheduler.get_schedule("s")
    assert ({SkipReason.requested: 1}, ()) == (snapshot.state.skipped, snapshot.state.occurrences)
    changed = FireTimeChanged("s", "tick", at(10), "skipped", None, "holiday", "ana", at(20))
    counted = FireTimesSkipped("s", "tick", ((SkipReason.requested, 1),), exact=True)
    assert [changed, counted] == heard.of(FireTimeChanged, FireTimesSkipped)


@pytest.mark.parametrize(("to", "expected"), [(3, [(3, 10), (20, 20)]), (27, [(20, 20), (27, 10)])])
async def test_moving_the_next_run(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, to: int, expected: list[tuple[int, int]]
) -> None:
    """Rules O2 and P4: a fire time runs at another instant, for which a sleeping node wakes, under its nominal one."""
    await scheduler.add_schedule(runs.task(), EVERY_10, id="s")
    await clock.advance(1)
    assert at(10) == await scheduler.move_fire_time("s", to=at(to))
    await clock.advance(28)
    assert expected == list(zip(runs.take(), runs.take_fire_times(), strict=True))
    snapshot = await scheduler.get_schedule("s")
    assert ((), at(20)) == (snapshot.state.occurrences, snapshot.last_fire_time)


async def test_taking_it_back(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, heard: Heard) -> None:
    """Rule O4: a fire time that was moved, and one that was skipped, run again as the trigger says."""
    await scheduler.add_schedule(runs.task(), EVERY_10, id="s")
    await scheduler.move_fire_time("s", at(20), to=at(5))
    await scheduler.skip_fire_time("s", at(30))
    await scheduler.restore_fire_time("s", at(20))
    await scheduler.restore_fire_time("s", at(30))
    await clock.advance(30)
    assert [10, 20, 30] == runs.take()
    changes = ["moved", "skipped", "restored", "restored"]
    assert changes == [event.change for event in heard.of(FireTimeChanged)]


async def test_a_skip_wins_over_a_pass_that_is_about_to_fire(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rules O1 and S4: once the call returns no job is made, though a pass that found the schedule due is under way."""
    proxy = StoreProxy(store)
    async with make(proxy) as scheduler:
        await scheduler.add_schedule(runs.task(), EVERY_10, id="s")
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
            assert at(10) == await scheduler.skip_fire_time("s")
            go_on.set()
        assert [] == runs.take()
        assert {SkipReason.requested: 1} == (await scheduler.get_schedule("s")).state.skipped


async def test_a_pause_stops_what_was_moved(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rules O5 and P1: a moved fire time makes no job while its schedule is paused, and is late at the resume."""
    await scheduler.add_schedule(runs.task(), EVERY_10, id="s", coalesce="all")
    await scheduler.move_fire_time("s", to=at(15))
    await scheduler.skip_fire_time("s", at(40))
    await scheduler.pause_schedule("s")
    await clock.advance(25)
    assert [] == runs.take()
    preview = await scheduler.preview_unpause("s")
    assert [at(10), at(20)] == sorted(preview.fire_times)
    assert [at(40)] == [occurrence.fire_time for occurrence in preview.occurrences]
    await scheduler.unpause_schedule("s")
    await clock.advance(20)
    assert [10, 20, 30] == sorted(runs.take_fire_times(), key=lambda time: time or 0)


async def test_a_schedule_of_one_fire_time(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule O6: a schedule whose one fire time is moved is finished after that; skipped, when its time has come."""
    for id in ("moved", "skipped"):
        await scheduler.add_schedule(runs.task(), DateTrigger(at(10)), id=id)
    await scheduler.move_fire_time("moved", to=at(40))
    await scheduler.skip_fire_time("skipped")
    await clock.advance(20)
    statuses = {one.id: one.status for one in await scheduler.get_schedules()}
    assert {"moved": ScheduleStatus.active, "skipped": ScheduleStatus.finished} == statuses
    await clock.advance(20)
    assert [40] == runs.take()
    assert ["moved", "skipped"] == [one.id for one in await scheduler.get_schedules(status="finished")]


async def test_restarting_a_program_keeps_what_was_asked(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rules O6 and S1: a program that declares its schedules anew at each start takes back no skip and no move."""
    for _ in range(2):
        async with make(store) as scheduler:
            await scheduler.add_schedule(runs.task(), EVERY_10, id="s", conflict_policy="replace")
            if not (await scheduler.get_schedule("s")).state.occurrences:
                await scheduler.skip_fire_time("s")
                await scheduler.move_fire_time("s", at(20), to=at(15))
    async with make(store) as scheduler:
        await scheduler.add_schedule(runs.task(), EVERY_10, id="s", conflict_policy="replace")
        await clock.advance(30)
    assert [15, 30] == runs.take()


async def test_wall_times(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rules O1 and T1: a naive datetime is a time on the wall clock of the trigger."""
    trigger = CronTrigger("0 9 * * *", timezone="Europe/Berlin")
    await scheduler.add_schedule(runs.task(), trigger, id="s")
    named = await scheduler.move_fire_time("s", datetime(2025, 1, 2, 9), to=datetime(2025, 1, 1, 22, 30))
    assert at(32 * 3600) == named
    (occurrence,) = (await scheduler.get_schedule("s")).state.occurrences
    assert (at(32 * 3600), at(21.5 * 3600)) == (occurrence.fire_time, occurrence.moved_to)
    await scheduler.restore_fire_time("s", datetime(2025, 1, 2, 9))
    assert () == (await scheduler.get_schedule("s")).state.occurrences


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda s: s.skip_fire_time("s", "last"), ValueError, "fire_time must be 'next' or a datetime"),
        (lambda s: s.skip_fire_time("s", 10), TypeError, "fire_time must be 'next' or a datetime, not int"),
        (lambda s: s.skip_fire_time("s", None), TypeError, "fire_time must be 'next'"),
        (lambda s: s.skip_fire_time("s", at(11)), ValueError, "no fire time .* the nearest: .*:10.*:20"),
        (lambda s: s.skip_fire_time("s", reason=5), TypeError, "reason must be a string"),
        (lambda s: s.skip_fire_time("s", by="\0"), ValueError, "by must not contain a null character"),
        (lambda s: s.move_fire_time("s", to="noon"), TypeError, "to must be a datetime"),
        (lambda s: s.move_fire_time("s", to=at(30)), ValueError, "to must not be a fire time"),
        (lambda s: s.move_fire_time("s", to=at(0)), ValueError, "to must lie in the future"),
        (lambda s: s.restore_fire_time("s", "next"), TypeError, "fire_time must be a datetime"),
        (lambda s: s.restore_fire_time("s", at(10)), ValueError, "has not skipped or moved"),
        (lambda s: s.restore_fire_time("s", at(10), version=1), TypeError, "version must be a string"),
        (lambda s: s.skip_fire_time("s", version="x.1"), ScheduleChangedError, "'s'"),
        (lambda s: s.move_fire_time("nobody", to=at(5)), ScheduleLookupError, "'nobody'"),
    ],
)
async def test_bad_input(
    scheduler: AsyncScheduler,
    runs: Runs,
    call: Callable[[AsyncScheduler], Any],
    error: type[Exception],
    message: str,
) -> None:
    """Rule O1: what names no fire time, or no instant that is free, is refused, and nothing changes."""
    await scheduler.add_schedule(runs.task(), EVERY_10, id="s")
    with pytest.raises(error, match=message):
        await call(scheduler)
    assert 1 == (await scheduler.get_schedule("s")).state.revision


async def test_a_year_of_skips_costs_little(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule T4: named fire times make nothing slow: a year of missed ones is counted without stepping through them."""
    await scheduler.add_schedule(runs.task(), EVERY_10, id="s", paused=True)
    for number in range(1, 51):
        await scheduler.skip_fire_time("s", at(1000 * number))
    await clock.advance(timedelta(days=365))
    result = await scheduler.unpause_schedule("s", missed="skip")
    assert (365 * 8640 - 1, True) == (result.skipped, result.skipped_exact)
