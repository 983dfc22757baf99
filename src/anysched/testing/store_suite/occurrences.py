"""Fire times that were skipped or moved by name keep rules O1 to O6 in the data store."""

from __future__ import annotations

import pytest

from anysched.model.policies import ScheduleStatus, SkipReason
from anysched.ports.store import DataStore
from anysched.testing.clock import FakeClock
from anysched.testing.store_suite.actors import Node, User, every, once, seconds
from anysched.testing.store_suite.base import StoreTests


class OccurrenceTests(StoreTests):
    """What becomes of fire times that somebody has named."""

    async def test_named_fire_times_in_a_store(
        self, store: DataStore, other: DataStore, clock: FakeClock
    ) -> None:
        """Rules O2 and S5: a moved fire time wakes its schedule, and has its one job then; a skipped one has none."""
        began, user, node = clock.now(), User(store), Node(other)
        await user.add(every(10))
        await node.work()
        await user.name(to=began + seconds(25), reason="why", by="who")
        await user.name(began + seconds(20))
        kept = (await user.get()).state
        assert kept == (await User(other).get()).state
        assert [began + seconds(10), began + seconds(20)] == [one.fire_time for one in kept.occurrences]
        made: list[tuple[float, float]] = []
        for _ in range(4):
            work = await node.work()
            made += [
                ((job.scheduled_fire_time - began).total_seconds(), (job.run_at - began).total_seconds())
                for job in work.made
                if job.scheduled_fire_time is not None
            ]
            assert work.next_wake is not None
            await clock.advance_to(work.next_wake)
        assert [(10, 25), (30, 30)] == made
        state = (await user.get()).state
        assert ((), {SkipReason.requested: 1}) == (state.occurrences, state.skipped)
        assert began + seconds(30) == state.last_fire_time

    async def test_a_named_fire_time_that_is_the_last(self, store: DataStore, clock: FakeClock) -> None:
        """Rule O6: a schedule is finished when the last fire time is, moved or skipped; queries say so."""
        began, user, node = clock.now(), User(store), Node(store)
        await user.add(once(began + seconds(10), id="moved"), once(began + seconds(10), id="skipped"))
        await user.name(id="moved", to=began + seconds(30))
        await user.name(id="skipped")
        assert ["moved", "skipped"] == await user.ids(status=ScheduleStatus.active)
        assert began + seconds(10) == (await node.work()).next_wake
        await clock.advance_to(began + seconds(10))
        assert began + seconds(30) == (await node.work()).next_wake
        assert ["skipped"] == await user.ids(status=ScheduleStatus.finished)
        await clock.advance_to(began + seconds(30))
        work = await node.work()
        assert ([began + seconds(10)], None) == (
            [job.scheduled_fire_time for job in work.made],
            work.next_wake,
        )
        assert ["moved", "skipped"] == await user.ids(status=ScheduleStatus.finished)
        assert [] == await user.ids(status=ScheduleStatus.active)

    async def test_what_ran_before_its_time_runs_once(self, store: DataStore, clock: FakeClock) -> None:
        """Rules O6 and S3: what was moved forward and has run gets no second job, under no trigger."""
        began, user, node = clock.now(), User(store), Node(store)
        await user.add(every(10))
        await node.work()
        await user.name(began + seconds(30), to=began + seconds(5))
        await clock.advance_to(began + seconds(5))
        assert [began + seconds(30)] == [job.scheduled_fire_time for job in (await node.work()).made]
        with pytest.raises(ValueError, match="has its job already"):
            await user.name(began + seconds(30), restore=True)
        await user.replace(every(15))
        for expected in (15, 45):
            assert began + seconds(expected) == (await user.get()).next_fire_time
            await clock.advance_to(began + seconds(expected))
            assert [clock.now()] == [job.scheduled_fire_time for job in (await node.work()).made]

    async def test_a_restored_fire_time_in_a_store(self, store: DataStore, clock: FakeClock) -> None:
        """Rule O4: a fire time that was restored is due as if nothing had been asked for."""
        began, user, node = clock.now(), User(store), Node(store)
        await user.add(every(10))
        await node.work()
        before = (await user.get()).state
        await user.name()
        assert began + seconds(20) == (await user.get()).next_fire_time
        await user.name(began + seconds(10), restore=True)
        after = (await user.get()).state
        assert (before.next_fire_time, before.due_at, ()) == (
            after.next_fire_time,
            after.due_at,
            after.occurrences,
        )
        await clock.advance_to(began + seconds(10))
        assert [clock.now()] == [job.scheduled_fire_time for job in (await node.work()).made]
