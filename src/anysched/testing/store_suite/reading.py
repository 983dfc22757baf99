"""What is stored of a schedule comes back exactly as it was (rules S2, S7, T1 and N7)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs

from anysched.model.occurrence import Occurrence
from anysched.model.pause import Pause
from anysched.model.policies import (
    CoalescePolicy,
    ScheduleStatus,
    SkipReason,
)
from anysched.model.schedule import Schedule
from anysched.model.unset import UNSET
from anysched.ports.store import DataStore
from anysched.testing.clock import FakeClock
from anysched.testing.store_suite.actors import Node, User, every, once, seconds
from anysched.testing.store_suite.base import StoreTests
from anysched.testing.store_suite.values import HARD_IDS
from anysched.triggers import CronTrigger


class ReadingTests(StoreTests):
    """Reading schedules and their states."""

    async def test_what_was_added_is_read_back(self, store: DataStore, clock: FakeClock) -> None:
        """Rule S6: a new schedule has the state that adding gives it, and every setting it was given."""
        user = User(store)
        schedule = Schedule(
            "a task",
            CronTrigger("*/5 9-17 * * mon-fri", timezone="Europe/Helsinki"),
            id="a schedule",
            args=(1, "two", None),
            kwargs={"x": [1.5, True]},
            coalesce=CoalescePolicy.all,
            misfire_grace_time=seconds(90.25),
            max_catchup=7,
            max_jitter=seconds(3),
            job_executor="an executor",
            job_result_expiration_time=timedelta(days=3, microseconds=1),
            metadata={"team": "ops"},
            owner="a program: ‘ß’",
        )
        (change,) = await user.add(schedule)
        snapshot = await user.get("a schedule")
        assert schedule == snapshot.schedule
        assert change.state == snapshot.state
        assert (1, clock.now()) == (snapshot.state.revision, snapshot.state.anchor)
        assert datetime(2025, 1, 1, 7, tzinfo=UTC) == snapshot.next_fire_time
        assert snapshot.fault is None

    async def test_unset_and_none_are_kept_apart(self, store: DataStore) -> None:
        """Rule S7: a setting that is left to the task's owner is not the same as None."""
        user = User(store)
        schedules = [
            every(id=f"{grace}/{executor}", misfire_grace_time=grace, job_executor=executor)
            for grace in (UNSET, None, seconds(1))
            for executor in (UNSET, None, "thread")
        ]
        await user.add(*schedules)
        expected = sorted(schedules, key=lambda schedule: schedule.id)
        assert expected == [snapshot.schedule for snapshot in await user.schedules()]

    async def test_every_field_of_state_is_kept(self, store: DataStore) -> None:
        """Rule S2: everything that the scheduler keeps about a schedule comes back as it was written."""
        user = User(store)
        await user.add(every())
        early, late = datetime(1970, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
        written_fields: list[dict[str, Any]] = [
            {"next_fire_time": early, "due_at": early + timedelta(microseconds=1), "last_fire_time": early},
            {"next_fire_time": late, "due_at": late, "anchor": late, "last_fire_time": late},
            {"anchor": datetime(1, 1, 1, tzinfo=UTC), "jobs_made": 2**40, "error": "broken: ‘ß’ 😀"},
            {"skipped": {reason: 2**40 + i for i, reason in enumerate(SkipReason)}, "skipped_exact": False},
            {"pauses": (Pause(late, early, "why\n", "who", "hold", late, "run_all"),), "error": None},
            {"pauses": (Pause(early, resume_from="now", missed="skip", kind="failure"),), "skipped": {}},
            {"pauses": (Pause(early), Pause(late, late, hold="‘h’", kind="maintenance")), "failures": 2**40},
            {
                "occurrences": (
                    Occurrence(fire_time=early, moved_to=late, reason="why\n", by="‘ß’ 😀"),
                    Occurrence(fire_time=late, settled=True),
                )
            },
            {"occurrences": ()},
            {"next_fire_time": None, "due_at": None, "pauses": ()},
        ]
        for fields in written_fields:
            written = await user.write_state(**fields)
            assert written == (await user.get()).state

    async def test_schedule_queries(self, store: DataStore, clock: FakeClock) -> None:
        """Conditions are joined with AND; None leaves one out; an empty set matches nothing; ids order."""
        user = User(store)
        await user.add(
            every(id="active", task="t1"),
            every(id="paused", task="t1", paused=True),
            every(id="both", task="t2", paused=True),
            every(id="broken", task="t2"),
            once(clock.now(), id="finished", task="t2"),
        )
        await user.write_state("broken", error="it broke")
        await user.write_state("both", error="it broke")
        await Node(store, tasks=["t2"]).work()
        assert ["active", "both", "broken", "finished", "paused"] == await user.ids()
        assert ["active", "both"] == await user.ids(ids=["both", "active", "both", "none such"])
        assert [] == await user.ids(ids=set())
        assert [] == await user.ids(ids={"none such"})
        assert ["both", "paused"] == await user.ids(paused=True)
        assert ["active", "broken", "finished"] == await user.ids(paused=False)
        assert ["both", "broken"] == await user.ids(status=ScheduleStatus.error)
        assert ["finished"] == await user.ids(status=ScheduleStatus.finished)
        assert ["paused"] == await user.ids(status=ScheduleStatus.paused)
        assert ["active"] == await user.ids(status=ScheduleStatus.active)
        assert ["active", "paused"] == await user.ids(task_id="t1")
        assert [] == await user.ids(task_id="t3")
        assert ["both"] == await user.ids(ids={"both", "active"}, paused=True, task_id="t2")
        assert [] == await user.ids(ids={"both"}, paused=True, status=ScheduleStatus.paused)

    async def test_ids_are_data(self, store: DataStore) -> None:
        """Rule N7: whatever can be an id is found, changed and removed by it exactly, and orders by code point."""
        user = User(store)
        await user.add(*(every(id=id, task=id) for id in HARD_IDS))
        assert sorted(HARD_IDS) == await user.ids()
        for id in HARD_IDS:
            await user.pause(id, reason=id, by=id)
            snapshot = await user.get(id)
            assert (id, id) == (snapshot.id, snapshot.task_id)
            assert snapshot.state.pause is not None
            assert (id, id) == (snapshot.state.pause.reason, snapshot.state.pause.by)
            assert [id] == await user.ids(task_id=id)
            assert [id] == await user.ids(paused=True)
            await user.unpause(id)
        for id in HARD_IDS[::2]:
            await user.remove(id)
        assert sorted(HARD_IDS[1::2]) == await user.ids()

    async def test_instants_are_exact(self, store: DataStore, clock: FakeClock) -> None:
        """Rule T1: instants keep their microseconds, from 1970 to 9999, and come back aware and in UTC."""
        instants = [
            datetime(1970, 1, 1, tzinfo=UTC),
            datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
            datetime(2038, 1, 19, 3, 14, 8, 999_999, tzinfo=UTC),
            datetime.max.replace(tzinfo=UTC),
        ]
        user = User(store)
        await user.add(*(once(instant, id=str(number)) for number, instant in enumerate(instants)))
        states = [snapshot.state for snapshot in await user.schedules()]
        assert instants == [state.next_fire_time for state in states] == [state.due_at for state in states]
        assert {UTC} == {state.due_at.tzinfo for state in states if state.due_at}
        assert instants[2] == (await Node(store).work()).next_wake
        jobs = sorted(await user.jobs(), key=lambda job: job.run_at)
        assert instants[:2] == [job.scheduled_fire_time for job in jobs] == [job.run_at for job in jobs]

    async def test_snapshots_are_not_live(self, store: DataStore, clock: FakeClock) -> None:
        """What was read does not change by what happens later, and changing the list changes nothing stored."""
        user = User(store)
        await user.add(every())
        listed = await user.schedules()
        before = attrs.evolve(listed[0])
        await user.pause("schedule")
        await user.replace(every(20))
        assert before == listed[0]
        listed.clear()
        assert 1 == len(await user.schedules())

    async def test_a_thousand_schedules(self, store: DataStore) -> None:
        """A transaction takes as many schedules as it is given; so does a query with ids."""
        user = User(store)
        ids = [f"{number:04}" for number in range(1000)]
        await user.add(*(every(id=id) for id in ids))
        assert ids == await user.ids()
        assert ids[::2] == await user.ids(
            ids=[*ids[::2], *(f"none such {number}" for number in range(40_000))]
        )
        assert 1000 == len((await user.pause(*ids)).changes)
        assert ids == await user.ids(paused=True)
        await user.remove(*ids[1:])
        assert ids[:1] == await user.ids()
