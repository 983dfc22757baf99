"""The next runs of a schedule, told and then run (rule T11)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.engine.conftest import MakeScheduler
from tests.engine.support import START, Runs, at, since_start

from anysched import (
    AsyncScheduler,
    CatchUp,
    FireTime,
    IntervalTrigger,
    Schedule,
    ScheduleLookupError,
)
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio

EVERY_10 = IntervalTrigger(seconds=10, start_time=at(10))


def dues(told: list[FireTime]) -> list[tuple[float | None, float | None]]:
    """Return what is told as fire times and instants at which they are due."""
    return [(since_start(one.first), since_start(one.due_at)) for one in told]


IDS = ("s", "jittered", "each")
OPTIONS: tuple[dict[str, Any], ...] = ({}, {"max_jitter": 7}, {"coalesce": "all"})


async def windowed(scheduler: AsyncScheduler) -> None:
    span = IntervalTrigger(seconds=50, start_time=at(30))
    await scheduler.add_window("nothing", trigger=span, duration=15, ids=IDS)


async def put_off(scheduler: AsyncScheduler) -> None:
    span = IntervalTrigger(seconds=50, start_time=at(30))
    await scheduler.add_window("later", mode="defer", trigger=span, duration=25, ids=IDS)


async def held(scheduler: AsyncScheduler) -> None:
    await scheduler.pause_schedules(group="g", until=at(47))


async def held_for_new(scheduler: AsyncScheduler) -> None:
    await scheduler.pause_schedules(group="g", until=at(47), resume_from="now")


async def paused_all(scheduler: AsyncScheduler) -> None:
    for id in IDS:
        await scheduler.pause_schedule(id, until=at(47), missed="run_all")


async def spaced(scheduler: AsyncScheduler) -> None:
    for id in IDS:
        await scheduler.pause_schedule(id, until=at(47), missed=CatchUp(spacing=3))


async def by_name(scheduler: AsyncScheduler) -> None:
    for id in IDS:
        await scheduler.skip_fire_time(id, at(20))
        await scheduler.move_fire_time(id, at(30), to=at(78.5))
        await scheduler.move_fire_time(id, at(100), to=at(12.5))


async def nothing(scheduler: AsyncScheduler) -> None:
    """Leave the schedules as they are."""


@pytest.mark.parametrize(
    "prepare", [nothing, windowed, put_off, held, held_for_new, paused_all, spaced, by_name]
)
async def test_what_is_told_is_what_runs(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, prepare: Any
) -> None:
    """Rules T11 and G2: the next runs that are told, with jitter, windows, holds and all, are those that come."""
    logs = {id: Runs(clock) for id in IDS}
    await scheduler.add_schedules(
        Schedule(logs[id].task(id), EVERY_10, id=id, group="g", **options)
        for id, options in zip(IDS, OPTIONS, strict=True)
    )
    await prepare(scheduler)
    told = {id: await scheduler.get_fire_times(id, count=8) for id in IDS}
    for later in told.values():
        assert (8, {"planned"}) == (len(later), {one.status for one in later})
    for until in sorted({one.due_at for later in told.values() for one in later if one.due_at is not None}):
        await clock.advance(until - clock.now())
    for id, log in logs.items():
        ran = sorted(zip(log.times, log.fire_times, strict=True))
        assert [(due, found) for found, due in dues(told[id])] == ran[:8]


async def test_no_limit_but_the_count(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule T11: ``count`` counts runs; what windows leave out or put together is passed over, not counted."""
    await scheduler.add_schedule(runs.task(), IntervalTrigger(seconds=1, start_time=at(1)), id="s")
    span = IntervalTrigger(seconds=100, start_time=START)
    await scheduler.add_window("most", mode="defer", trigger=span, duration=99.5, ids=["s"])
    told = await scheduler.get_fire_times("s", count=9)
    assert [(n * 100 + 99, n * 100 + 99.5) for n in range(9)] == dues(told)[:9]
    everything = await scheduler.get_fire_times("s", count=300, limit=1)
    assert 300 == len(everything)


async def test_from_an_instant_and_up_to_one(scheduler: AsyncScheduler, runs: Runs) -> None:
    """Rule T11: ``start`` and ``end`` bound the fire times, both inclusive; a naive one is read by rule T1."""
    await scheduler.add_schedule(runs.task(), EVERY_10, id="s")
    assert [40, 50] == [due for _, due in dues(await scheduler.get_fire_times("s", at(40), count=2))]
    assert [40, 50] == [due for _, due in dues(await scheduler.get_fire_times("s", at(31), at(50), count=9))]
    naive = at(20).replace(tzinfo=None)
    assert [20] == [due for _, due in dues(await scheduler.get_fire_times("s", naive, naive, count=9))]
    assert [10] == [due for _, due in dues(await scheduler.get_fire_times("s", at(-99), count=1))]


async def test_what_does_not_run_is_not_told(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule T11: nothing is to come of a schedule that is paused without an end, or finished; and none by hand."""
    await scheduler.add_schedule(runs.task(), EVERY_10, id="s", paused=True)
    await scheduler.add_schedule(runs.task(), IntervalTrigger(seconds=1, end_time=at(3)), id="short")
    assert [] == await scheduler.get_fire_times("s", count=3)
    await scheduler.run_schedule("s")
    assert [] == await scheduler.get_fire_times("s", count=3)
    assert 4 >= len(await scheduler.get_fire_times("short", count=9))
    await clock.advance(5)
    assert [] == await scheduler.get_fire_times("short", count=9)
    assert [] != await scheduler.get_fire_times("short")


async def test_what_is_late_is_told_as_it_would_be_decided(
    make: MakeScheduler, store: Any, clock: FakeClock, runs: Runs
) -> None:
    """Rules T11 and L1: while no node looks, late fire times are told as one would decide about them; then it does."""
    tick = runs.task()
    async with make(store) as scheduler:
        await scheduler.add_schedules(
            [
                Schedule(tick, EVERY_10, id="latest"),
                Schedule(tick, EVERY_10, id="all", coalesce="all", misfire_grace_time=22),
            ]
        )
    await clock.advance(45)
    async with make(store, role="client") as scheduler:
        latest = await scheduler.get_fire_times("latest", count=3)
        assert [(40, "late"), (50, "planned"), (60, "planned")] == [
            (since_start(x.first), x.status) for x in latest
        ]
        every = await scheduler.get_fire_times("all", count=4)
        assert [30, 40, 50, 60] == [since_start(one.first) for one in every]
        assert {None} == {one.job_id for one in every}
        assert [] == runs.times
    async with make(store, tasks=[tick]):
        await clock.advance(15)
    assert sorted([40, 50, 60, 30, 40, 50, 60]) == sorted(found or 0 for found in runs.fire_times)


async def test_jobs_that_wait_are_next(make: MakeScheduler, store: Any, clock: FakeClock, runs: Runs) -> None:
    """Rule T11: a job that was made and waits for its start is the next run."""
    async with make(store, max_concurrent_jobs=1) as scheduler:
        await scheduler.add_schedule(runs.task("slow", takes=25), EVERY_10, id="s", coalesce="all")
        await clock.advance(21)
        told = await scheduler.get_fire_times("s", count=2)
        assert [(20, "queued"), (30, "planned")] == [(since_start(one.first), one.status) for one in told]


@pytest.mark.parametrize(
    ("count", "error"), [(0, ValueError), (10_001, ValueError), (1.5, TypeError), (True, TypeError)]
)
async def test_what_is_refused(
    scheduler: AsyncScheduler, runs: Runs, count: Any, error: type[Exception]
) -> None:
    """Rule T11: a count that makes no sense is refused by its name, an unknown id by the usual error."""
    await scheduler.add_schedule(runs.task(), EVERY_10, id="s")
    with pytest.raises(error, match="count must be"):
        await scheduler.get_fire_times("s", count=count)
    with pytest.raises(ValueError, match="end must not lie before start"):
        await scheduler.get_fire_times("s", at(20), at(10), count=3)
    with pytest.raises(ScheduleLookupError):
        await scheduler.get_fire_times("nothing", count=3)


async def test_a_fixed_delay_shows_one_run(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rules T11 and S9: of what is counted from the end of a run that is still to come, only that run is told."""
    await scheduler.add_schedule(runs.task(takes=3), IntervalTrigger(seconds=10), id="s", fixed_delay=True)
    await clock.advance(1)
    assert [] == await scheduler.get_fire_times("s", count=3)
    await clock.advance(4)
    assert [(13, 13)] == dues(await scheduler.get_fire_times("s", count=3))
