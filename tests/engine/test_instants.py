"""Datetimes from users, and jitter (rules T1 and T8)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from tests.engine.conftest import MakeScheduler
from tests.engine.support import START, Runs, at, since_start

from anysched import (
    AsyncScheduler,
    CalendarIntervalTrigger,
    CronTrigger,
    DateTrigger,
    IntervalTrigger,
)
from anysched.ports.store import DataStore
from anysched.rules.times import FireTimes
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio

HELSINKI = ZoneInfo("Europe/Helsinki")
NEW_YORK = ZoneInfo("America/New_York")


async def test_naive_times_are_the_schedulers(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rule T1: a naive datetime means the trigger's own time zone, else the scheduler's."""
    nine = datetime(2025, 1, 2, 9)
    async with make(store, timezone="Europe/Helsinki") as scheduler:
        await scheduler.add_schedule(runs.task(), DateTrigger(nine), id="date")
        await scheduler.add_schedule(runs.task(), CronTrigger("0 9 * * *", start_time=nine), id="cron")
        await scheduler.add_schedule(
            runs.task(), CronTrigger("0 9 * * *", timezone=NEW_YORK, start_time=nine), id="own"
        )
        await scheduler.add_schedule(runs.task(), CalendarIntervalTrigger(days=1, hour=9), id="calendar")
        found = {s.id: s.next_fire_time for s in await scheduler.get_schedules()}
        assert HELSINKI == scheduler.timezone
    seven, fourteen = datetime(2025, 1, 2, 7, tzinfo=UTC), datetime(2025, 1, 2, 14, tzinfo=UTC)
    assert {"date": seven, "cron": seven, "own": fourteen, "calendar": START + timedelta(hours=7)} == found


async def test_what_is_bound_is_stored(
    make: MakeScheduler, make_store: Callable[[str], DataStore], clock: FakeClock, runs: Runs
) -> None:
    """Rule T1: what was left open is bound when it is added, so that a node elsewhere reads the same."""
    async with make(make_store("sqlite"), timezone=HELSINKI) as scheduler:
        await scheduler.add_schedule(runs.task(), CronTrigger("0 9 * * *"), id="s")
    async with make(make_store("sqlite"), timezone=NEW_YORK, role="client") as scheduler:
        snapshot = await scheduler.get_schedule("s")
        assert CronTrigger("0 9 * * *", timezone=HELSINKI) == snapshot.trigger
        assert START + timedelta(hours=7) == snapshot.next_fire_time


async def test_naive_arguments_of_calls(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rule T1: ``until``, ``resume_from`` and ``run_at`` may be naive, in the same zones."""
    naive = datetime(2025, 1, 3, 12)
    async with make(store, timezone=HELSINKI, role="client") as scheduler:
        await scheduler.add_schedule(runs.task(), IntervalTrigger(hours=1), id="interval", paused=True)
        cron = CronTrigger("0 * * * *", timezone=NEW_YORK)
        await scheduler.add_schedule(runs.task(), cron, id="cron", paused=True)
        expected = {
            "interval": datetime(2025, 1, 3, 10, tzinfo=UTC),
            "cron": datetime(2025, 1, 3, 17, tzinfo=UTC),
        }
        for id, instant in expected.items():
            await scheduler.pause_schedule(id, until=naive, resume_from=naive)
            pause = (await scheduler.get_schedule(id)).state.pause
            assert pause is not None
            assert (instant, instant) == (pause.until, pause.resume_from)
            assert instant == (await scheduler.unpause_schedule(id, resume_from=naive)).next_fire_time
        job_id = await scheduler.add_job(runs.task(), run_at=naive)
        assert [expected["interval"]] == [job.run_at for job in await scheduler.get_jobs([job_id])]


async def test_fold_is_honoured(make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs) -> None:
    """Rule T1: of a wall time that comes twice, ``fold`` says which is meant."""
    async with make(store, timezone=HELSINKI, role="client") as scheduler:
        for fold, hour in ((0, 0), (1, 1)):
            twice = datetime(2025, 10, 26, 3, 30, fold=fold)
            id = await scheduler.add_schedule(runs.task(), DateTrigger(twice))
            snapshot = await scheduler.get_schedule(id)
            assert datetime(2025, 10, 26, hour, 30, tzinfo=UTC) == snapshot.next_fire_time


async def test_everything_inside_is_utc(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule T1: whatever zone a datetime comes in, what is returned is aware and in UTC."""
    elsewhere = timezone(timedelta(hours=-5))
    await scheduler.add_schedule(
        runs.task(), IntervalTrigger(hours=1, start_time=START.astimezone(elsewhere)), id="s", paused=True
    )
    await scheduler.pause_schedule("s", until=at(7200).astimezone(NEW_YORK))
    state = (await scheduler.get_schedule("s")).state
    assert state.pause is not None
    for instant in (state.next_fire_time, state.due_at, state.anchor, state.pause.since, state.pause.until):
        assert instant is not None
        assert UTC is instant.tzinfo
    assert (START, at(7200)) == (state.next_fire_time, state.pause.until)


@pytest.mark.parametrize(
    ("argument", "value"),
    [("until", "tomorrow"), ("until", 5), ("resume_from", 5), ("resume_from", timedelta(1))],
)
async def test_errors_name_the_argument(
    scheduler: AsyncScheduler, runs: Runs, argument: str, value: object
) -> None:
    """Rule T1: something other than a datetime is a type error that names the argument."""
    await scheduler.add_schedule(runs.task(), IntervalTrigger(hours=1), id="s")
    with pytest.raises(TypeError, match=f"{argument} must be"):
        await scheduler.pause_schedule("s", **{"until": at(60), argument: value})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="run_at must be a datetime"):
        await scheduler.add_job(runs.task(), run_at=value)  # type: ignore[arg-type]


async def test_jitter_is_known_beforehand(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule T8: a preview shows the very instants that are used, the fire times stay nominal, none overlap."""
    trigger = IntervalTrigger(minutes=10, start_time=START)
    await scheduler.add_schedule(runs.task(), trigger, id="s", max_jitter=3600)
    schedule = (await scheduler.get_schedule("s")).schedule
    times = FireTimes.of(schedule, START)
    preview = [since_start(times.due_at(at(600 * number))) for number in range(20)]
    await clock.advance(600 * 20)
    assert preview == runs.take()
    assert [600 * number for number in range(20)] == runs.take_fire_times()
    assert 20 == len({due - 600 * number for number, due in enumerate(preview) if due is not None})
    assert all(0 <= due - 600 * number < 600 for number, due in enumerate(preview) if due is not None)


async def test_jitter_differs_between_schedules(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs
) -> None:
    """Rule T8: jitter is a hash of id and fire time: schedules of one instant are spread, on every node alike."""
    for number in range(10):
        await scheduler.add_schedule(runs.task(), DateTrigger(at(60)), id=f"{number}", max_jitter=60)
    await clock.advance(200)
    first = runs.take()
    assert 10 == len(set(first))
    assert all(60 <= time <= 120 for time in first)


async def test_lateness_counts_from_the_jittered_instant(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs
) -> None:
    """Rule T8: grace and deadlines count from ``due_at``: jitter by itself makes nothing late."""
    await scheduler.add_schedule(
        runs.task(), DateTrigger(at(60)), id="s", max_jitter=6000, misfire_grace_time=1
    )
    due = (await scheduler.get_schedule("s")).state.due_at
    assert due is not None
    assert due > at(70)
    await clock.advance_to(due)
    assert [since_start(due)] == runs.take()
