"""A node whose tables were brought to a newer version while it runs (rule N9)."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from tests.engine.conftest import MakeScheduler
from tests.engine.support import KEEP, Heard, Runs, StoreProxy, outcome
from tests.unit.stores.sql.steps import ADDITIVE, BREAKING, RENAMING

from anysched import (
    IntervalTrigger,
    JobOutcome,
    SchemaVersionError,
    StoreError,
    StoreRecovered,
    StoreUnavailable,
)
from anysched.engine import lifecycle
from anysched.ports.store import DataStore
from anysched.stores import SQLDataStore
from anysched.stores.sql import migrations
from anysched.stores.sql.steps import Step
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio

MakeStore = Callable[[str], DataStore]
TOO_OLD = SchemaVersionError(2, 1)


@pytest.fixture
def newer(make_store: MakeStore) -> Callable[[Step], DataStore]:
    """Makes a store as a later version of anysched does that has one step."""

    def make(step: Step) -> DataStore:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(migrations, "STEPS", (step,))
            return make_store("sqlite")

    return make


async def test_it_stands_still_and_says_so(
    make: MakeScheduler,
    make_store: MakeStore,
    newer: Callable[[Step], DataStore],
    clock: FakeClock,
    runs: Runs,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It makes and takes nothing more, reports the job that it runs, and tells log, event, health and callers."""
    tick = runs.task(id="tick")
    heard = Heard()
    async with make(make_store("sqlite")) as old:
        old.subscribe(heard, [StoreUnavailable, StoreRecovered])
        await old.add_schedule(tick, IntervalTrigger(seconds=10), id="s", coalesce="all")
        await clock.advance(5)
        job_id = await old.add_job(runs.task(id="long", takes=60), result_expiration_time=KEEP)
        await clock.advance(1)
        runs.take_fire_times()
        async with make(newer(BREAKING), identity="new", role="scheduler") as new:
            await clock.advance(100)
            assert [] == runs.take_fire_times()
            assert JobOutcome.success is await outcome(new, job_id)
            assert 0 == old.health.unreported_jobs
            assert (False, str(TOO_OLD)) == (old.health.ok, old.health.store_error)
            assert [StoreUnavailable(str(TOO_OLD))] == heard.events
            told = [record for record in caplog.records if record.levelno >= logging.ERROR]
            assert [(logging.CRITICAL, True)] == [
                (record.levelno, "neither makes nor takes jobs" in record.getMessage()) for record in told
            ]
            with pytest.raises(SchemaVersionError, match="upgrade anysched on this node"):
                await old.add_job(tick)
            with pytest.raises(SchemaVersionError, match="upgrade anysched on this node"):
                await old.pause_schedule("s")
            assert 10 <= len(await new.get_jobs())
        async with make(newer(BREAKING), identity="new worker", tasks=[tick]):
            await clock.advance(1)
            assert 10 <= len(runs.take_fire_times())


async def test_it_stops_in_order(
    make: MakeScheduler,
    make_store: MakeStore,
    newer: Callable[[Step], DataStore],
    clock: FakeClock,
    runs: Runs,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It can be stopped, also where its last reports are not understood any more; others pick these jobs up."""
    monkeypatch.setattr(lifecycle, "STORE_LIMIT", 0.3)
    tick = runs.task(id="tick", takes=5, on_abandon="retry")
    async with make(make_store("sqlite")) as old:
        await old.add_job(tick, result_expiration_time=KEEP)
        await clock.advance(1)
        store = newer(RENAMING)
        await store.open(clock)
        await clock.advance(10)
        assert 1 == old.health.unreported_jobs
        assert str(TOO_OLD) == old.health.store_error
        await store.close()
    assert old.health.fault is None
    assert "other nodes will pick the jobs up" in caplog.text


async def test_it_goes_on(
    make: MakeScheduler,
    make_store: MakeStore,
    newer: Callable[[Step], DataStore],
    clock: FakeClock,
    runs: Runs,
) -> None:
    """Where the step lets older nodes go on, nobody notices anything."""
    tick = runs.task(id="tick")
    async with make(make_store("sqlite"), identity="old") as old:
        await old.add_schedule(tick, IntervalTrigger(seconds=10), id="s")
        await clock.advance(5)
        async with make(newer(ADDITIVE), identity="new", tasks=[tick]) as new:
            await clock.advance(50)
            assert (True, True) == (old.health.ok, new.health.ok)
        await clock.advance(50)
    assert list(range(0, 110, 10)) == runs.take_fire_times()


async def test_it_goes_on_when_the_tables_are_as_before(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rules N3 and N9: where somebody restores the older tables from a backup, it goes on by itself, and says so."""
    proxy = StoreProxy(store)
    heard = Heard()
    async with make(proxy, cleanup_interval=7) as scheduler:
        scheduler.subscribe(heard, [StoreUnavailable, StoreRecovered])
        await scheduler.add_schedule(runs.task(), IntervalTrigger(seconds=10), id="s", coalesce="all")
        await clock.advance(5)
        proxy.fail(["advance", "clean_up"], TOO_OLD)
        await clock.advance(60)
        assert [0] == runs.take_fire_times()
        proxy.faults.clear()
        await clock.advance(15)
        assert [10, 20, 30, 40, 50, 60, 70, 80] == runs.take_fire_times()
        assert (True, None) == (scheduler.health.ok, scheduler.health.store_error)
    assert [StoreUnavailable(str(TOO_OLD)), StoreRecovered()] == heard.events


async def test_it_does_not_start(
    make: MakeScheduler, make_store: MakeStore, newer: Callable[[Step], DataStore], clock: FakeClock
) -> None:
    """An older node does not start on newer tables, and one that must not change tables not on older ones."""
    async with make(newer(ADDITIVE)):
        pass
    for store in (make_store("sqlite"), SQLDataStore("sqlite://", migrate=False)):
        with pytest.raises(
            SchemaVersionError, match=r"upgrade anysched|anysched\.stores\.migrate\(\)"
        ) as caught:
            async with make(store):
                pytest.fail("it has started")
        assert isinstance(caught.value, StoreError)
