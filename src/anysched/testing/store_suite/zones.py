"""What a store keeps of time zones, and schedules whose zone has changed (rule T12)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import anyio
import attrs
import pytest

from anysched.model.change import Change
from anysched.model.events import FireTimeRecomputed
from anysched.model.policies import CoalescePolicy
from anysched.model.schedule import Schedule
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.task import Task
from anysched.model.zone import ZoneData, ZoneRecord
from anysched.ports.store import DataStore
from anysched.rules.zones import recomputed
from anysched.testing.clock import FakeClock
from anysched.testing.store_suite.actors import Node, User
from anysched.testing.store_suite.base import StoreTests
from anysched.triggers import CronTrigger

HOUR = timedelta(hours=1)

#: A zone without daylight saving, as it is, and as data that nobody ever had might have told it.
TOKYO = ZoneData(name="Asia/Tokyo", version="2026b", offsets=((1_577_836_800, 9 * 3600),))
WRONG = attrs.evolve(TOKYO, version="2026a", offsets=((1_577_836_800, 10 * 3600),))


class ZoneTests(StoreTests):
    """By which rules fire times are computed, and what happens when those change."""

    async def test_what_is_kept_of_zones(self, store: DataStore, other: DataStore, clock: FakeClock) -> None:
        """Rule T12: what one node writes about zones is what all others read; of zones not named it stays."""
        record = ZoneRecord(data=TOKYO, before=WRONG, unsettled_until=clock.now() + HOUR)
        short = ZoneRecord(data=ZoneData(name="UTC", version=None, offsets=((0, 0),)))
        seen: list[tuple[Mapping[str, ZoneRecord], datetime]] = []

        def decide(stored: Mapping[str, ZoneRecord], now: datetime) -> Sequence[ZoneRecord]:
            seen.append((dict(stored), now))
            return [record] if len(seen) == 1 else [short]

        assert {} == await store.get_zones()
        assert {"Asia/Tokyo": record} == await store.transact_zones(decide)
        both = {"Asia/Tokyo": record, "UTC": short}
        assert both == await other.transact_zones(decide)
        assert both == await store.get_zones() == await other.get_zones()
        assert [({}, clock.now()), ({"Asia/Tokyo": record}, clock.now())] == seen
        assert both == await store.transact_zones(lambda _, __: [])

    async def test_what_a_decision_about_zones_raises(self, store: DataStore) -> None:
        """Rule T12: a decision about zones that raises writes nothing."""

        def decide(stored: Mapping[str, ZoneRecord], now: datetime) -> Sequence[ZoneRecord]:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await store.transact_zones(decide)
        assert {} == await store.get_zones()

    async def test_zones_that_many_find_missing(self, store: DataStore, other: DataStore) -> None:
        """Rule T12: of nodes that find a zone missing at the same time, one writes it, and the others see that."""
        written: list[str] = []

        async def write(store: DataStore, version: str) -> None:
            def missing(stored: Mapping[str, ZoneRecord], now: datetime) -> Sequence[ZoneRecord]:
                return [] if stored else [ZoneRecord(data=attrs.evolve(TOKYO, version=version))]

            kept = await store.transact_zones(missing)
            written.append(str(kept["Asia/Tokyo"].data.version))

        async with anyio.create_task_group() as task_group:
            for number in range(4):
                task_group.start_soon(write, (store, other)[number % 2], f"{number}")
        assert 1 == len(set(written))

    async def test_fire_times_are_computed_anew_once(
        self, store: DataStore, other: DataStore, clock: FakeClock
    ) -> None:
        """Rule T12: of nodes that find a change one moves each next fire time, by one event, and it runs once."""
        user = User(store)
        trigger = CronTrigger("0 * * * *", timezone="Asia/Tokyo")
        daily = CronTrigger(f"0 {(clock.now() + 5 * HOUR + 9 * HOUR).hour} * * *", timezone="Asia/Tokyo")
        await user.add(
            Schedule("task", daily, id="daily", coalesce=CoalescePolicy.all),
            Schedule("task", trigger, id="hourly"),
        )
        right = {snapshot.id: snapshot.next_fire_time for snapshot in await user.schedules()}
        daily_right = right["daily"]
        assert daily_right is not None
        await user.write_state("daily", next_fire_time=daily_right - HOUR, due_at=daily_right - HOUR)
        events: list[FireTimeRecomputed] = []

        async def look(store: DataStore) -> None:
            def decide(key: str, stored: ScheduleSnapshot | None, _: Task | None, now: datetime) -> Change:
                assert stored is not None
                return recomputed(stored, {"Asia/Tokyo": (WRONG, TOKYO)}, now)

            committed = await store.transact_schedules(["daily", "hourly"], decide)
            for change in committed.changes:
                events.extend(event for event in change.events if isinstance(event, FireTimeRecomputed))

        async with anyio.create_task_group() as task_group:
            for one in (store, other, store, other):
                task_group.start_soon(look, one)
        told = FireTimeRecomputed(
            "daily", "task", "Asia/Tokyo", "2026a", "2026b", daily_right - HOUR, daily_right
        )
        assert [told] == events
        assert right == {one.id: one.next_fire_time for one in await User(other).schedules()}
        node = Node(other)
        made: list[datetime | None] = []
        for _ in range(8):
            work = await node.work()
            made += [job.scheduled_fire_time for job in work.made if job.schedule_id == "daily"]
            await clock.advance(3600)
        assert [daily_right] == made
