"""What is done about fire times that come late (rules L1 to L4)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import anyio
import pytest
from tests.engine.conftest import MakeScheduler
from tests.engine.support import KEEP, Heard, Runs, StoreProxy, at, outcome
from tests.engine.triggers import Plain

from anysched import (
    AsyncScheduler,
    DateTrigger,
    FireTimesSkipped,
    IntervalTrigger,
    JobOutcome,
    SkipReason,
    TaskDefaults,
)
from anysched.ports.queries import JobQuery
from anysched.ports.store import DataStore
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio


async def asleep(clock: FakeClock, seconds: float) -> None:
    """Let the machine sleep: time passes, and nobody acts in between."""
    clock.jump(timedelta(seconds=seconds))
    await clock.settle()


@pytest.mark.parametrize(
    ("options", "expected", "skips"),
    [
        ({}, [90], {SkipReason.coalesced: 8}),
        ({"coalesce": "earliest"}, [10], {SkipReason.coalesced: 8}),
        ({"coalesce": "all"}, [10, 20, 30, 40, 50, 60, 70, 80, 90], {}),
        ({"misfire_grace_time": 40}, [90], {SkipReason.grace: 5, SkipReason.coalesced: 3}),
        (
            {"misfire_grace_time": 40, "coalesce": "earliest"},
            [60],
            {SkipReason.grace: 5, SkipReason.coalesced: 3},
        ),
        ({"misfire_grace_time": 40, "coalesce": "all"}, [60, 70, 80, 90], {SkipReason.grace: 5}),
        ({"misfire_grace_time": 3}, [], {SkipReason.grace: 9}),
        ({"coalesce": "all", "max_catchup": 2}, [80, 90], {SkipReason.catchup_limit: 7}),
    ],
)
async def test_grace_then_coalescing(
    scheduler: AsyncScheduler,
    clock: FakeClock,
    runs: Runs,
    heard: Heard,
    options: dict[str, Any],
    expected: list[int],
    skips: dict[SkipReason, int],
) -> None:
    """Rules L1 to L3: grace drops the latest comers first, then ``coalesce`` picks; all skips are counted and told."""
    await scheduler.add_schedule(runs.task(), IntervalTrigger(seconds=10), id="s", **options)
    await clock.advance(5)
    runs.take_fire_times()
    await asleep(clock, 90)
    assert expected == runs.take_fire_times()
    state = (await scheduler.get_schedule("s")).state
    assert (skips, True, at(100)) == (dict(state.skipped), state.skipped_exact, state.next_fire_time)
    events = heard.of(FireTimesSkipped)
    assert (1 if skips else 0) == len(events)
    assert skips == {reason: count for event in events for reason, count in event.counts}


async def test_the_default_grace_is_none(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule L1: without a grace time nothing is ever too late."""
    await scheduler.add_schedule(runs.task(), DateTrigger(at(10)), id="s")
    await clock.settle()
    await asleep(clock, 10_000_000)
    assert [10] == runs.take_fire_times()


async def test_all_fire_times_of_a_node_that_was_away(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rule L2: a node that comes back catches up, at most ``max_catchup``, more than one batch can hold."""
    async with make(store, role="client") as scheduler:
        await scheduler.add_schedule(
            runs.task(), IntervalTrigger(seconds=1), id="s", coalesce="all", max_catchup=350
        )
    await clock.advance(1000)
    async with make(store, tasks=[runs.task()]):
        await clock.advance(0.5)
        assert list(range(651, 1001)) == runs.take_fire_times()


async def test_catching_up_checks_the_pause_again(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rule L2: each batch of a catch-up is a transaction of its own: a pause after the first stops the rest."""
    proxy = StoreProxy(store)
    async with make(proxy, role="scheduler") as scheduler:
        await scheduler.add_schedule(
            runs.task(), IntervalTrigger(seconds=1), id="s", coalesce="all", max_catchup=1000
        )
        await clock.settle()
        second, go_on = anyio.Event(), anyio.Event()

        async def wait() -> None:
            if len(await store.get_jobs(JobQuery())) > 1:
                second.set()
                await go_on.wait()

        proxy.delays["advance"] = wait
        clock.jump(timedelta(seconds=500))
        await second.wait()
        await scheduler.pause_schedule("s")
        go_on.set()
        await clock.advance(100)
        snapshot = await scheduler.get_schedule("s")
        made = snapshot.state.jobs_made
        assert made == len(await scheduler.get_jobs())
        assert 1 < made < 500
        assert at(made) == snapshot.next_fire_time


async def test_counts_that_are_lower_bounds(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, heard: Heard
) -> None:
    """Rule L3: where a trigger cannot count, counts are exact up to 10,000, and marked lower bounds beyond."""
    await scheduler.add_schedule(runs.task(), Plain(), id="few", paused=True)
    await scheduler.add_schedule(runs.task(), Plain(), id="many", paused=True)
    await clock.advance(9_000)
    few = await scheduler.unpause_schedule("few")
    assert (8999 + 1, True) == (few.skipped, few.skipped_exact)
    await scheduler.pause_schedule("few")
    await clock.advance(100_000)
    many = await scheduler.unpause_schedule("many")
    assert (10_000, False) <= (many.skipped, many.skipped_exact)
    assert not (await scheduler.get_schedule("many")).state.skipped_exact


async def test_a_start_deadline(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule L4: a job that cannot start within the grace time ends as ``missed_start_deadline``."""
    tick = runs.task(takes=60, max_running_jobs=1)
    await scheduler.add_schedule(
        tick, IntervalTrigger(seconds=20), id="s", misfire_grace_time=45, job_result_expiration_time=KEEP
    )
    await clock.advance(45)
    waiting = await scheduler.get_jobs(status="queued")
    assert [at(65), at(85)] == [job.start_deadline for job in waiting]
    await scheduler.pause_schedule("s")
    await clock.advance(100)
    assert [0, 20] == runs.take_fire_times()
    assert [JobOutcome.success, JobOutcome.missed_start_deadline] == [
        await outcome(scheduler, job.id) for job in waiting
    ]


async def test_who_says_how_late(make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs) -> None:
    """Rules L1 and S7: the grace time is the schedule's, else the task's, else the default."""
    async with make(store, task_defaults=TaskDefaults(misfire_grace_time=100)) as scheduler:
        await scheduler.configure_task(runs.task("configured"), misfire_grace_time=50)
        for id, task, options in (
            ("default", runs.task("plain"), {}),
            ("task", runs.task("configured"), {}),
            ("schedule", runs.task("configured"), {"misfire_grace_time": 10}),
            ("none", runs.task("configured"), {"misfire_grace_time": None}),
        ):
            await scheduler.add_schedule(task, DateTrigger(at(5)), id=id, paused=True, **options)
        await clock.advance(5 + 30)
        for id, jobs in (("default", 1), ("task", 1), ("schedule", 0), ("none", 1)):
            assert jobs == len((await scheduler.unpause_schedule(id)).jobs), id
