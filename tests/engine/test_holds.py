"""Holds on sets of schedules, and maintenance (rules H1 to H5), through the scheduler."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from tests.engine.conftest import MakeScheduler
from tests.engine.support import KEEP, Heard, Runs, StoreProxy, at, outcome, passing

from anysched import (
    AsyncScheduler,
    ConflictingHoldError,
    Event,
    HoldAdded,
    HoldLifted,
    HoldLookupError,
    IntervalTrigger,
    JobOutcome,
    JobsStillRunning,
    ScheduleLookupError,
    SchedulePaused,
    ScheduleUnpaused,
    Selector,
    StalePause,
    StoreUnavailableError,
)
from anysched.engine import committing
from anysched.model.events import WorkChanged
from anysched.ports.store import DataStore
from anysched.testing import FakeClock
from anysched.testing.store_suite.actors import Node

pytestmark = pytest.mark.anyio

EVERY_10 = IntervalTrigger(seconds=10, start_time=at(10))


async def test_a_group_is_silenced_and_goes_on(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, heard: Heard
) -> None:
    """Rules H1 and H2: a group is paused and resumed in one call each, what is added meanwhile included."""
    job = runs.task()
    await scheduler.add_schedule(job, EVERY_10, id="a", group="reports")
    hold = await scheduler.pause_schedules(group="reports", reason="deploy", by="me")
    assert ("group=reports", Selector(group="reports"), "deploy", "me", at(0), None, "manual") == (
        hold.id, hold.selector, hold.reason, hold.by, hold.since, hold.until, hold.kind,
    )  # fmt: skip
    await scheduler.add_schedule(job, EVERY_10, id="b", group="reports", args=["b"])
    await scheduler.add_schedule(job, EVERY_10, id="c", args=["c"])
    await clock.advance(10)
    assert [("c",)] == runs.args
    assert ["a", "b"] == [
        snapshot.id for snapshot in await scheduler.get_schedules(group="reports", paused=True)
    ]
    results = await scheduler.unpause_schedules(group="reports")
    assert ["a", "b"] == [result.schedule_id for result in results]
    await clock.advance(0)
    assert [10, 10, 10] == runs.take()
    assert [HoldAdded("group=reports", "group=reports", None, "deploy", "me")] == heard.of(HoldAdded)
    assert [HoldLifted("group=reports", "group=reports")] == heard.of(HoldLifted)
    assert ["group=reports"] == [event.hold for event in heard.of(SchedulePaused)]
    assert ["group=reports"] * 2 == [event.hold for event in heard.of(ScheduleUnpaused)]


async def test_events_of_very_many(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rule H2: of a hold on very many schedules, what became of each is told to those who listen, and to them alone."""
    monkeypatch.setattr(committing, "MOST_TOLD", 2)
    published: list[Event] = []
    broker = scheduler._engine.settings.broker
    publish = broker.publish
    monkeypatch.setattr(broker, "publish", lambda events: (published.extend(events), publish(events)))
    for id in "abc":
        await scheduler.add_schedule(runs.task(), EVERY_10, id=id)
    await scheduler.pause_schedules(ids=["a", "b"])
    assert ["a", "b"] == [event.schedule_id for event in published if isinstance(event, SchedulePaused)]
    published.clear()
    await scheduler.pause_schedules(everything=True)
    assert [HoldAdded] == [type(event) for event in published if not isinstance(event, WorkChanged)]
    told: list[Event] = []
    with scheduler.subscribe(told.append, ScheduleUnpaused):
        await scheduler.unpause_schedules(ids=["a", "b"])
        await clock.advance(15)
        await scheduler.unpause_schedules(everything=True)
        await clock.advance(0)
    assert 3 == len(told)
    assert [15, 15, 15] == runs.take()


async def test_what_pauses_a_schedule_is_told(scheduler: AsyncScheduler, runs: Runs) -> None:
    """Rule H2: holds are listed by id, pauses of single schedules after them; and those of one schedule alone."""
    job = runs.task()
    await scheduler.add_schedule(job, EVERY_10, id="a", tags=["slow"])
    await scheduler.add_schedule(job, EVERY_10, id="b")
    await scheduler.pause_schedules(task=job)
    await scheduler.pause_schedules(tags=["slow"], hold="deploy 142")
    await scheduler.pause_schedule("b", reason="mine")
    ids = [hold.id for hold in await scheduler.get_holds()]
    assert ["deploy 142", "task=tick", None] == ids
    assert ["deploy 142", "task=tick"] == [hold.id for hold in await scheduler.get_holds(schedule_id="a")]
    last = (await scheduler.get_holds(schedule_id="b"))[-1]
    assert (Selector(ids={"b"}), "mine") == (last.selector, last.reason)
    with pytest.raises(ScheduleLookupError):
        await scheduler.get_holds(schedule_id="c")


@pytest.mark.parametrize(
    ("condition", "error", "text"),
    [
        ({}, ValueError, "nothing is selected"),
        ({"ids": []}, ValueError, "ids must not be empty"),
        ({"tags": ()}, ValueError, "tags must not be empty"),
        ({"tags": "slow"}, TypeError, "tags must be a sequence"),
        ({"tags": ["a\nb"]}, ValueError, "line breaks"),
        ({"ids": ["a"], "group": "x"}, ValueError, "joined with no other"),
        ({"everything": True, "tags": ["x"]}, ValueError, "joined with no other"),
        ({"everything": 1}, TypeError, "everything must be True or False"),
        ({"group": ""}, ValueError, "group must have between"),
        ({"group": 7}, TypeError, "group must be a string"),
    ],
)
async def test_selectors_that_make_no_sense(
    scheduler: AsyncScheduler, condition: dict[str, Any], error: type[Exception], text: str
) -> None:
    """Rule H1: what selects nothing, or too much by accident, is refused by pausing and by resuming."""
    for call in (scheduler.pause_schedules, scheduler.unpause_schedules):
        with pytest.raises(error, match=text):
            await call(**condition)
    with pytest.raises(error, match=text):
        async with scheduler.maintenance(**condition):
            pytest.fail("it was entered")


async def test_other_bad_input(scheduler: AsyncScheduler, runs: Runs) -> None:
    """Rules H1 to H3: unknown ids, past deadlines and holds that there are not are refused, and nothing is changed."""
    await scheduler.add_schedule(runs.task(), EVERY_10, id="a")
    with pytest.raises(ScheduleLookupError, match="'b'"):
        await scheduler.pause_schedules(ids=["a", "b"])
    with pytest.raises(ValueError, match="future"):
        await scheduler.pause_schedules(ids=["a"], until=at(0))
    with pytest.raises(HoldLookupError, match="'deploy'"):
        await scheduler.unpause_schedules(hold="deploy")
    with pytest.raises(ValueError, match="either"):
        await scheduler.unpause_schedules(ids=["a"], hold="deploy")
    with pytest.raises(ValueError, match="drain_timeout"):
        await scheduler.pause_schedules(ids=["a"], drain_timeout=3)
    with pytest.raises(ValueError, match="running must be one of"):
        await scheduler.pause_schedule("a", running="stop")  # type: ignore[arg-type]
    assert [] == await scheduler.get_holds()
    assert [] == await scheduler.unpause_schedules(tags=["nobody's"])
    await scheduler.pause_schedules(ids=["a"], hold="deploy")
    with pytest.raises(ConflictingHoldError, match="'deploy' exists already, and is about ids=a"):
        await scheduler.pause_schedules(everything=True, hold="deploy")


async def test_a_hold_until(make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs) -> None:
    """Rule P10: a hold ends once at its ``until``, on time while a node is awake, and though none was."""
    job = runs.task()
    async with make(store) as scheduler:
        await scheduler.add_schedule(job, EVERY_10, id="a", tags=["x"])
        await scheduler.pause_schedules(tags=["x"], until=at(35))
        await clock.advance(40)
        assert [30, 40] == runs.take_fire_times()
        await scheduler.pause_schedules(everything=True, until=at(75), missed="run_all")
    await clock.advance(60)
    async with make(store, tasks=[job]), make(store, tasks=[job]) as scheduler:
        await clock.advance(0)
        assert [50, 60, 70, 100] == runs.take_fire_times()
        assert [] == await scheduler.get_holds()


async def test_maintenance(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule H5: inside the block nothing starts, what was queued is held, and afterwards all goes on as chosen."""
    await scheduler.add_schedule(runs.task(), EVERY_10, id="a", tags=["non-critical"])
    async with scheduler.maintenance(tags=["non-critical"], reason="deploy 142", resume_from="now") as block:
        assert ("maintenance", at(3600), "deploy 142") == (
            block.hold.kind,
            block.hold.until,
            block.hold.reason,
        )
        await clock.advance(25)
    assert [] == runs.take() == await scheduler.get_holds()
    await clock.advance(10)
    assert [30] == runs.take()


async def test_maintenance_waits_for_running_jobs(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs
) -> None:
    """Rule H5: the block begins once the jobs have ended, or when the time for that is up, and tells which have not."""
    await scheduler.add_schedule(runs.task("short", takes=20), EVERY_10, id="short")
    await scheduler.add_schedule(runs.task("long", takes=1e6), EVERY_10, id="long")
    await clock.advance(10)
    async with passing(clock):
        began = clock.monotonic()
        async with scheduler.maintenance(everything=True, drain=60) as block:
            assert ["long"] == [job.schedule_id for job in block.running]
            assert clock.monotonic() - began >= 60
        async with scheduler.maintenance(ids=["short"], drain=1e6, resume_from="now") as block:
            assert () == block.running


async def _broken_maintenance(scheduler: AsyncScheduler, proxy: StoreProxy) -> None:
    async with scheduler.maintenance(everything=True, limit=25):
        proxy.fail(["transact_holds"], StoreUnavailableError("gone"))
        raise KeyError


async def test_maintenance_that_ends_badly(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rule H5: the hold is lifted whatever ends the block; if it cannot be, or its holder is gone, at the deadline."""
    proxy = StoreProxy(store)
    async with make(proxy) as scheduler:
        await scheduler.add_schedule(runs.task(), EVERY_10, id="a")
        with pytest.raises(KeyError):
            async with scheduler.maintenance(everything=True):
                raise KeyError
        with anyio.CancelScope() as scope:
            async with scheduler.maintenance(everything=True):
                scope.cancel()
                await anyio.lowlevel.checkpoint()
        assert [] == await scheduler.get_holds()
        with pytest.raises(StoreUnavailableError):
            async with scheduler.maintenance(everything=True, limit=25):
                proxy.fail(["transact_holds"], StoreUnavailableError("gone"))
        proxy.faults.clear()
        with pytest.raises(KeyError):
            await _broken_maintenance(scheduler, proxy)
        await clock.advance(30)
        assert [25, 30] == runs.take()


async def test_maintenance_that_somebody_ends(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs
) -> None:
    """Rule H5: an operator may lift the hold of a block that is still running, or let it last longer."""
    await scheduler.add_schedule(runs.task(), EVERY_10, id="a")
    async with scheduler.maintenance(everything=True, limit=15) as block:
        assert block.hold.id is not None
        await scheduler.pause_schedules(everything=True, hold=block.hold.id, until=at(1000))
        await clock.advance(25)
        assert [] == runs.take()
        await scheduler.unpause_schedules(hold=block.hold.id, resume_from="now")
        await clock.advance(10)
        assert [30] == runs.take()


async def test_running_jobs_are_cancelled(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule P11: a pause leaves running jobs alone, or cancels them, on every node; those of others go on."""
    job = runs.task(takes=60)
    for id in ("a", "b", "c"):
        await scheduler.add_schedule(
            job, IntervalTrigger(hours=1, start_time=at(10)), id=id, tags=["x"] if id != "c" else [],
            job_result_expiration_time=KEEP,
        )  # fmt: skip
    await clock.advance(15)
    jobs = {one.schedule_id: one.id for one in await scheduler.get_jobs()}
    await scheduler.pause_schedule("a")
    assert 3 == len(await scheduler.get_jobs())
    await scheduler.pause_schedules(tags=["x"], running="cancel")
    await clock.advance(0)
    assert ["c"] == [one.schedule_id for one in await scheduler.get_jobs()]
    assert JobOutcome.cancelled is await outcome(scheduler, jobs["a"]) is await outcome(scheduler, jobs["b"])


async def test_running_jobs_are_waited_for(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rule P11: with "drain" a pause returns when the jobs have ended, and raises when they take too long."""
    async with make(store) as worker, make(store, role="client") as client:
        await worker.add_schedule(runs.task("short", takes=60), EVERY_10, id="short")
        await worker.add_schedule(runs.task("long", takes=1e6), EVERY_10, id="long", coalesce="latest")
        await clock.advance(10)
        async with passing(clock):
            with pytest.raises(JobsStillRunning) as caught:
                await client.pause_schedule("long", running="drain", drain_timeout=5)
            assert caught.value.job_ids == tuple(job.id for job in await client.get_jobs(schedule_id="long"))
            await client.pause_schedules(ids=["short"], running="drain")
            assert ["long"] == [job.schedule_id for job in await client.get_jobs()]


async def test_pauses_that_last_long(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rule H6: pauses of sets and of single schedules that last long are listed, and told once each."""
    async with make(store, cleanup_interval=60, stale_pause_after=100) as scheduler:
        heard = Heard()
        scheduler.subscribe(heard, StalePause)
        await scheduler.add_schedule(runs.task(), EVERY_10, id="a")
        await scheduler.pause_schedules(everything=True, reason="deploy")
        await clock.advance(50)
        await scheduler.pause_schedule("a", by="me", until=at(1000))
        assert ["everything"] == [hold.id for hold in await scheduler.get_holds(longer_than=50)]
        assert [] == await scheduler.get_holds(longer_than=51)
        for _ in range(10):
            await clock.advance(60)
        assert heard.events == [
            StalePause("everything", "everything", at(0), None, "deploy", None),
            StalePause(None, "ids=a", at(50), at(1000), None, "me"),
        ]
        assert 2 == len(await scheduler.get_holds(schedule_id="a", longer_than=600))
        with pytest.raises(ValueError, match="longer_than must not be negative"):
            await scheduler.get_holds(longer_than=-1)


async def test_a_job_that_is_taken_while_one_waits(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rule P11: a job that a node takes at the very moment is waited for, be it seen as queued or as running."""
    proxy, asked = StoreProxy(store), 0

    async def take() -> None:
        nonlocal asked
        asked += 1
        if asked == 2:
            assert await Node(store, tasks=("tick",)).claim_one()

    async with make(proxy, role="client") as client:
        await client.add_schedule(runs.task(), EVERY_10, id="a")
        await client.run_schedule("a")
        proxy.delays["get_jobs"] = take
        async with passing(clock):
            with pytest.raises(JobsStillRunning):
                await client.pause_schedule("a", running="drain", drain_timeout=20)
