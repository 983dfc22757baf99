"""When the rules of a time zone change under stored schedules (rule T12)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from tests.engine.conftest import MakeScheduler
from tests.engine.support import START, Heard, Runs, StoreProxy
from tests.zone_files import LAND, Database, database, tzif, utc

from anysched import AsyncScheduler, CronTrigger, DateTrigger, FireTimeRecomputed, ScheduleStatus
from anysched.model.change import Change
from anysched.model.zone import ZoneData, ZoneRecord
from anysched.ports.store import DataStore
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

#: Clocks two hours ahead for ever; then it was decided that from the next day on it is three.
CALM = tzif(2 * 3600)
MOVED = tzif(2 * 3600, [(START + DAY, 3 * 3600)])


@pytest.fixture
def zones(tmp_path: Path) -> Iterator[Database]:
    """A time zone database of the test's own, in its first version."""
    with database(tmp_path / "zoneinfo") as zones:
        zones.write("2026a", CALM)
        yield zones


@pytest.fixture
def new_store(make_store: Callable[[str], DataStore]) -> Callable[[], DataStore]:
    """Makes stores on one file, as processes of their own would have them."""
    return lambda: make_store("sqlite")


def at_six() -> CronTrigger:
    """Return a trigger that fires at six in the morning."""
    return CronTrigger("0 6 * * *", timezone=LAND)


async def next_of(scheduler: AsyncScheduler, id: str = "s") -> datetime | None:
    """Return the next fire time of a schedule."""
    return (await scheduler.get_schedule(id)).next_fire_time


async def test_a_node_that_starts_with_new_rules(
    make: MakeScheduler, new_store: Callable[[], DataStore], zones: Database, runs: Runs, clock: FakeClock
) -> None:
    """Rule T12: after a restart with new rules the next fire time is the same wall time, and an event says so, once."""
    tick = runs.task()
    async with make(new_store()) as scheduler:
        await scheduler.add_schedule(tick, at_six(), id="s")
        await clock.advance(4 * 3600)  # six o'clock: it runs, and stands at the next day
        assert [4 * 3600] == runs.take()
        assert utc(2025, 1, 2, 4) == await next_of(scheduler)
    zones.write("2026b", MOVED)
    heard = Heard()
    scheduler = make(new_store(), tasks=[tick])
    scheduler.subscribe(heard)
    async with scheduler:
        await clock.advance(0)
        told = FireTimeRecomputed("s", "tick", LAND, "2026a", "2026b", utc(2025, 1, 2, 4), utc(2025, 1, 2, 3))
        assert [told] == heard.of(FireTimeRecomputed)
        assert utc(2025, 1, 2, 3) == await next_of(scheduler)
        await clock.advance_to(utc(2025, 1, 2, 5))
        assert [27 * 3600] == runs.take()
    async with make(new_store(), tasks=[tick]) as again:
        again.subscribe(heard)
        await clock.advance(0)
        assert utc(2025, 1, 3, 3) == await next_of(again)
    assert [told] == heard.of(FireTimeRecomputed)


async def test_two_nodes_that_start_at_once(
    make: MakeScheduler, new_store: Callable[[], DataStore], zones: Database, runs: Runs, clock: FakeClock
) -> None:
    """Rule T12: of nodes that find a change, one computes each schedule anew, and each fire time runs once."""
    tick = runs.task()
    async with make(new_store()) as scheduler:
        for number in range(5):
            await scheduler.add_schedule(tick, at_six(), id=f"s{number}")
        await clock.advance(4 * 3600)
        runs.take()
    zones.write("2026b", MOVED)
    first, second = make(new_store(), tasks=[tick]), make(new_store(), tasks=[tick])
    heard = Heard(), Heard()
    first.subscribe(heard[0])
    second.subscribe(heard[1])
    async with first, second:
        await clock.advance_to(utc(2025, 1, 2, 5))
        assert [27 * 3600] * 5 == runs.take()
    told = [event.schedule_id for one in heard for event in one.of(FireTimeRecomputed)]
    assert [f"s{number}" for number in range(5)] == sorted(told)


async def test_nothing_has_changed(
    make: MakeScheduler, new_store: Callable[[], DataStore], zones: Database, runs: Runs, clock: FakeClock
) -> None:
    """Rule T12: where nothing has changed, a start reads what is kept of zones, once, and no schedule."""
    async with make(new_store()) as scheduler:
        await scheduler.add_schedule(runs.task(), at_six(), id="s")
    store = StoreProxy(new_store())
    zones.write("2026b", CALM)  # a new version that says nothing new of this zone
    async with make(store) as scheduler:  # type: ignore[arg-type]
        await clock.advance(0)
        asked = {name: store.calls.get(name, 0) for name in ("get_zones", "transact_zones", "get_schedules")}
        assert {"get_zones": 1, "transact_zones": 1, "get_schedules": 0} == asked
        assert "2026b" == (await store.get_zones())[LAND].data.version
    store = StoreProxy(new_store())
    async with make(store):  # type: ignore[arg-type]
        await clock.advance(0)
        assert ({"get_zones": 1}, 0) == (
            {name: number for name, number in store.calls.items() if "zones" in name},
            store.calls.get("get_schedules", 0),
        )


async def test_a_node_with_older_rules(
    make: MakeScheduler,
    new_store: Callable[[], DataStore],
    zones: Database,
    runs: Runs,
    clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Rule T12: a node with older rules says so and changes nothing; once it has new ones, what it left is mended."""
    tick, store = runs.task(), new_store()
    zones.write("2026b", MOVED)
    async with make(store) as scheduler:
        await scheduler.add_schedule(tick, at_six(), id="s")
    zones.write("2026a", CALM)
    heard = Heard()
    with caplog.at_level(logging.WARNING, "anysched.engine.zones"):
        async with make(new_store(), tasks=[tick]) as older:
            older.subscribe(heard)
            await clock.advance(2 * 3600)  # several times it looks again, and warns once
            (warning,) = (one.getMessage() for one in caplog.records)
            assert f"older rules of the time zone {LAND} (2026a) than the data store (2026b)" in warning
            assert utc(2025, 1, 1, 4) == await next_of(older)
            await clock.advance(2 * 3600)
            assert utc(2025, 1, 2, 4) == await next_of(older)  # by its own rules
    assert [] == heard.of(FireTimeRecomputed)
    zones.write("2026b", MOVED)
    async with make(new_store(), tasks=[tick]) as newer:
        newer.subscribe(heard)
        await clock.advance(0)
        assert utc(2025, 1, 2, 3) == await next_of(newer)
    (told,) = heard.of(FireTimeRecomputed)
    assert ("2026b", utc(2025, 1, 2, 4)) == (told.new_version, told.old_fire_time)


async def test_rules_of_no_known_version(
    make: MakeScheduler, new_store: Callable[[], DataStore], zones: Database, runs: Runs, clock: FakeClock
) -> None:
    """Rule T12: where no version is known, the node that started last has the newer rules, and keeps them."""
    zones.write(None, CALM)
    tick, read = runs.task(), list[str]()
    calm, moved = make(new_store(), tasks=[tick]), make(new_store(), tasks=[tick])

    def knows(scheduler: AsyncScheduler, offset: int) -> None:
        data = ZoneData(name=LAND, version=None, offsets=((0, offset),))
        scheduler._engine.zones._read = lambda name: read.append(name) or data

    knows(calm, 7200)
    knows(moved, 10800)
    kept: list[Any] = []
    async with calm:
        await calm.add_schedule(tick, at_six(), id="s")
        async with moved:
            for _ in range(4):
                await clock.advance(1000)  # both look again
                kept.append((await new_kept(moved)).data.offsets[0][1])
    assert [10800] * 4 == kept
    assert len(read) > 4


async def new_kept(scheduler: AsyncScheduler) -> ZoneRecord:
    """Return what the store of a scheduler keeps of the zone."""
    return (await scheduler._engine.settings.store.get_zones())[LAND]


async def test_paused_schedules(
    make: MakeScheduler, new_store: Callable[[], DataStore], zones: Database, runs: Runs, clock: FakeClock
) -> None:
    """Rules T12 and P1: what a paused schedule has missed stays, what it has before it is computed anew."""
    tick = runs.task()
    async with make(new_store()) as scheduler:
        await scheduler.add_schedule(tick, at_six(), id="missed", paused=True)
        await clock.advance(5 * 3600)
        await scheduler.add_schedule(tick, at_six(), id="ahead", paused=True)
    zones.write("2026b", MOVED)
    heard = Heard()
    scheduler = make(new_store(), tasks=[tick])
    scheduler.subscribe(heard)
    async with scheduler:
        await clock.advance(0)
        assert ["ahead"] == [event.schedule_id for event in heard.of(FireTimeRecomputed)]
        assert utc(2025, 1, 1, 4) == await next_of(scheduler, "missed")
        assert utc(2025, 1, 2, 3) == await next_of(scheduler, "ahead")
        assert ScheduleStatus.paused is (await scheduler.get_schedule("ahead")).status
        await clock.advance(3 * 24 * 3600)
        assert [] == runs.take()


async def test_zones_in_windows_and_combinations(
    make: MakeScheduler, new_store: Callable[[], DataStore], zones: Database, runs: Runs, clock: FakeClock
) -> None:
    """Rule T12: a zone counts wherever it stands: in a part of a combination, or in a window of the schedule."""
    tick = runs.task()
    either = CronTrigger("0 12 5 * *", timezone="UTC") | at_six()
    async with make(new_store()) as scheduler:
        await scheduler.add_schedule(tick, either, id="either")
        await scheduler.add_schedule(tick, CronTrigger("30 * * * *", timezone="UTC"), id="covered")
        await scheduler.add_window(
            "nights", ids=["covered"], trigger=CronTrigger("0 0 * * *", timezone=LAND), duration=8 * HOUR
        )
        assert utc(2025, 1, 1, 6, 30) == await next_of(scheduler, "covered")
        await clock.advance(23 * 3600)
        assert utc(2025, 1, 2, 6, 30) == await next_of(scheduler, "covered")
    zones.write("2026b", MOVED)
    async with make(new_store(), tasks=[tick]) as scheduler:
        await clock.advance(0)
        assert utc(2025, 1, 2, 3) == await next_of(scheduler, "either")
        # The night began at 22:00 UTC by the old offset, which still holds then.
        assert utc(2025, 1, 2, 6, 30) == await next_of(scheduler, "covered")
    zones.write("2026c", tzif(3 * 3600))
    async with make(new_store(), tasks=[tick]) as scheduler:
        await clock.advance(0)
        assert utc(2025, 1, 2, 5, 30) == await next_of(scheduler, "covered")


async def test_a_zone_that_another_node_knows_better(
    make: MakeScheduler, new_store: Callable[[], DataStore], zones: Database, runs: Runs, clock: FakeClock
) -> None:
    """Rule T12: a running node that first uses a zone of which it has newer rules computes it anew then."""
    tick, heard = runs.task(), Heard()
    newer, older = make(new_store(), tasks=[tick]), make(new_store(), tasks=[tick])
    data = ZoneData(name=LAND, version="2025z", offsets=((0, 3600),))
    older._engine.zones._read = lambda name: data
    newer.subscribe(heard)
    async with newer, older:
        await clock.advance(0)
        await older.add_schedule(tick, at_six(), id="s")
        state = (await older.get_schedule("s")).state
        assert data == (await new_kept(older)).data
        wrong = attrs.evolve(
            state, next_fire_time=utc(2025, 1, 1, 5), due_at=utc(2025, 1, 1, 5), revision=state.revision + 1
        )
        await older._engine.settings.store.transact_schedules(
            ["s"], lambda key, *_: Change(schedule_id=key, state=wrong)
        )
        await newer.add_schedule(tick, at_six(), id="t")
        assert ["s"] == [event.schedule_id for event in heard.of(FireTimeRecomputed)]
        assert utc(2025, 1, 1, 4) == await next_of(newer, "s") == await next_of(newer, "t")
        assert "2026a" == (await new_kept(newer)).data.version


async def test_dates_on_the_wall_clock(
    make: MakeScheduler, new_store: Callable[[], DataStore], zones: Database, runs: Runs, clock: FakeClock
) -> None:
    """Rules T12 and S6: a date given as wall time follows the rules, and is late if it has passed; an instant stays."""
    tick = runs.task()
    async with make(new_store(), timezone=LAND) as scheduler:
        await scheduler.add_schedule(tick, DateTrigger(datetime(2025, 1, 3, 6)), id="ahead")
        await scheduler.add_schedule(tick, DateTrigger(datetime(2025, 1, 2, 6), LAND), id="passed")
        await scheduler.add_schedule(tick, DateTrigger(utc(2025, 1, 3, 4)), id="instant")
        await clock.advance_to(utc(2025, 1, 2, 3, 30))
    zones.write("2026b", MOVED)
    heard = Heard()
    scheduler = make(new_store(), tasks=[tick])
    scheduler.subscribe(heard)
    async with scheduler:
        await clock.advance(0)
        assert ["ahead", "passed"] == [event.schedule_id for event in heard.of(FireTimeRecomputed)]
        assert ([27.5 * 3600], [27 * 3600]) == (runs.take(), runs.take_fire_times())
        assert utc(2025, 1, 3, 3) == await next_of(scheduler, "ahead")
        assert utc(2025, 1, 3, 4) == await next_of(scheduler, "instant")


async def test_a_client_with_older_rules(
    make: MakeScheduler,
    new_store: Callable[[], DataStore],
    zones: Database,
    runs: Runs,
    clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Rule T12: a client that adds schedules by older rules says so, and what it added is mended by who starts next."""
    tick, heard = runs.task(), Heard()
    zones.write("2026b", tzif(3 * 3600))
    async with make(new_store()) as scheduler:
        await scheduler.add_schedule(tick, at_six(), id="s")
    await clock.advance(26 * 3600)  # it is settled since long
    zones.write("2026a", CALM)
    with caplog.at_level(logging.WARNING, "anysched.engine.zones"):
        async with make(new_store(), role="client") as client:
            await client.add_schedule("tick", at_six(), id="t")
            assert utc(2025, 1, 2, 4) == await next_of(client, "t")
    assert 1 == len(caplog.records)
    zones.write("2026b", tzif(3 * 3600))
    scheduler = make(new_store(), tasks=[tick])
    scheduler.subscribe(heard)
    async with scheduler:
        await clock.advance(0)
        assert ["t"] == [event.schedule_id for event in heard.of(FireTimeRecomputed)]
        assert utc(2025, 1, 2, 3) == await next_of(scheduler, "t")
