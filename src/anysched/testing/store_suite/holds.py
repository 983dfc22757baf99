"""Holds on sets of schedules keep rules H1 to H5 in the data store."""

from __future__ import annotations

from collections import Counter
from typing import Any

import anyio
import pytest

from anysched.errors import ConflictingHoldError, HoldLookupError, ScheduleLookupError
from anysched.model.events import HoldAdded, HoldLifted
from anysched.model.hold import Selector
from anysched.model.policies import JobStatus, ScheduleStatus
from anysched.ports.store import DataStore
from anysched.testing.clock import FakeClock
from anysched.testing.store_suite.actors import Node, User, every, seconds
from anysched.testing.store_suite.base import StoreTests

SELECTORS: list[tuple[dict[str, Any], set[str]]] = [
    ({"ids": {"a", "c"}}, {"a", "c"}),
    ({"group": "reports"}, {"a", "b"}),
    ({"tags": {"slow"}}, {"b", "c"}),
    ({"tags": {"slow", "nightly"}}, {"c"}),
    ({"group": "reports", "tags": {"slow"}}, {"b"}),
    ({"task_id": "other"}, {"d"}),
    ({"group": "nobody's"}, set()),
    ({"everything": True}, {"a", "b", "c", "d"}),
]


class HoldTests(StoreTests):
    """What a hold does to the schedules it means, and to those that come to belong to them."""

    @pytest.mark.parametrize(("selector", "meant"), SELECTORS)
    async def test_whom_a_hold_pauses(
        self, store: DataStore, clock: FakeClock, selector: dict[str, Any], meant: set[str]
    ) -> None:
        """Rules H1 and H2: all schedules that meet every condition are paused, and no other; lifting undoes it."""
        user, node = User(store), Node(store, tasks=("task", "other"))
        await user.add(
            every(id="a", group="reports"),
            every(id="b", group="reports", tags={"slow"}),
            every(id="c", tags=["nightly", "slow"]),
            every(id="d", task="other"),
        )
        hold = await user.hold(reason="deploy", by="me", **selector)
        assert [hold] == await store.get_holds()
        assert meant == set(await user.ids(paused=True))
        assert {"a", "b", "c", "d"} - meant == {job.schedule_id for job in (await node.work()).made}
        if meant:
            pause = (await user.get(min(meant))).state.pause
            assert hold.pause == pause
            assert clock.now() == hold.since
        lifted = await user.lift(hold.id)
        assert {(id, 1) for id in meant} == {(one.schedule_id, len(one.jobs)) for one in lifted}
        assert not await store.get_holds()
        assert not await user.ids(paused=True)

    async def test_whom_a_query_finds(self, store: DataStore, clock: FakeClock) -> None:
        """Rule N7: groups and tags are compared exactly, as wholes, whatever characters they have."""
        user = User(store)
        names = ("A", "a", "ab", "a%", "_", "ä", "a'; --", "é", "x y")
        await user.add(*(every(id=f"tag {name}", tags={name, "common"}) for name in names))
        await user.add(*(every(id=f"group {name}", group=name) for name in names))
        for name in names:
            assert [f"tag {name}"] == await user.ids(tags={name})
            assert [f"tag {name}"] == await user.ids(tags={name, "common"})
            assert [f"group {name}"] == await user.ids(group=name)
        assert len(names) == len(await user.ids(tags=frozenset({"common"})))
        assert [] == await user.ids(tags={"tag", "common"}) == await user.ids(group="")
        assert {"A", "common"} == (await user.get("tag A")).schedule.tags

    async def test_schedules_added_later(self, store: DataStore, other: DataStore, clock: FakeClock) -> None:
        """Rule H2: a schedule that is added while a hold means it is paused from its beginning, on every node."""
        hold = await User(store).hold(tags={"slow"})
        user = User(other)
        await user.add(every(id="a", tags={"slow"}), every(id="b"))
        assert [hold.pause] == [*(await user.get("a")).state.pauses]
        assert ["b"] == [job.schedule_id for job in (await Node(store).work()).made]
        await User(store).lift(hold.id)
        await user.add(every(id="c", tags={"slow"}))
        assert [] == await user.ids(paused=True)

    async def test_adding_while_a_hold_is_placed(
        self, store: DataStore, other: DataStore, clock: FakeClock
    ) -> None:
        """Rule H4: of schedules that are added at the very moment, none slips past the hold; nor when it is lifted."""
        user, operator = User(other), User(store)

        async def add(number: int) -> None:
            await user.add(every(id=f"{number:02}", tags={"slow"}))

        async with anyio.create_task_group() as tg:
            for number in range(8):
                tg.start_soon(add, number)
                if number == 3:
                    tg.start_soon(lambda: operator.hold(tags={"slow"}))
        assert 8 == len(await user.ids(paused=True))
        async with anyio.create_task_group() as tg:
            for number in range(8, 16):
                tg.start_soon(add, number)
                if number == 11:
                    tg.start_soon(operator.lift, "tags=slow")
        assert [] == await user.ids(paused=True)

    async def test_lifting_one_of_several(self, store: DataStore, clock: FakeClock) -> None:
        """Rule H3: a schedule stays paused while anything pauses it; what is lifted last says how it goes on."""
        user, node = User(store), Node(store)
        await user.add(every(group="reports", tags={"slow"}))
        start = clock.now()
        await user.pause("schedule", reason="mine")
        await user.hold(group="reports")
        await user.hold(tags={"slow"})
        await clock.advance(35)
        (lifted,) = await user.lift("group=reports", resume_from="now")
        assert (ScheduleStatus.paused, start, ()) == (lifted.status, lifted.next_fire_time, lifted.jobs)
        assert [None, "tags=slow"] == [pause.hold for pause in lifted.pauses]
        own = await user.unpause(resume_from="now")
        assert (ScheduleStatus.paused, ["tags=slow"]) == (own.status, [pause.hold for pause in own.pauses])
        assert [] == (await node.work()).made
        (lifted,) = await user.lift("tags=slow", missed="run_all")
        assert (ScheduleStatus.active, 4, ()) == (lifted.status, len(lifted.jobs), lifted.pauses)

    async def test_the_same_lift_twice(self, store: DataStore, clock: FakeClock) -> None:
        """Rules P2 and P8: placing a hold again keeps it, lifting it again changes nothing."""
        user = User(store)
        await user.add(every(tags={"slow"}))
        first = await user.hold(tags={"slow"}, reason="deploy")
        await clock.advance(5)
        again = await user.hold(tags={"slow"}, by="me", until=clock.now() + seconds(60))
        assert (first.since, "deploy", "me") == (again.since, again.reason, again.by)
        assert [again] == await store.get_holds()
        assert again.pause == (await user.get()).state.pause
        with pytest.raises(ConflictingHoldError, match="tags=slow"):
            await user.hold(group="reports", hold="tags=slow")
        assert 1 == len(await user.lift("tags=slow"))
        assert [] == await user.lift("tags=slow", missing_ok=True)
        with pytest.raises(HoldLookupError):
            await user.lift("tags=slow")
        assert ScheduleStatus.active is (await user.get()).status

    async def test_unknown_ids(self, store: DataStore, clock: FakeClock) -> None:
        """Rule H1: an id that does not exist is refused, and nothing is paused; unknown tags are fine."""
        user = User(store)
        await user.add(every(id="a"))
        with pytest.raises(ScheduleLookupError):
            await user.hold(ids={"a", "b"})
        assert not await store.get_holds()
        assert not await user.ids(paused=True)
        await user.hold(tags={"nobody's"})
        assert ScheduleStatus.active is (await user.get("a")).status

    async def test_a_removed_schedule_of_a_hold(self, store: DataStore, clock: FakeClock) -> None:
        """Rule H2: a hold on ids outlives its schedules: it holds what is added under them again, and can be lifted."""
        user = User(store)
        await user.add(every(id="a"), every(id="b"))
        hold = await user.hold(ids={"a", "b"})
        await user.remove("a", "b")
        await user.add(every(id="a"))
        assert ["a"] == await user.ids(paused=True)
        assert ["a"] == [result.schedule_id for result in await user.lift(hold.id)]

    async def test_a_hold_that_ends_by_itself(
        self, store: DataStore, other: DataStore, clock: FakeClock
    ) -> None:
        """Rules P10 and H3: from ``until`` on it counts as lifted, once, though nobody was awake, and is cleaned up."""
        user, nodes = User(store), [Node(store), Node(other, "node b")]
        await user.add(every(id="a", tags={"slow"}), every(id="b", tags={"slow"}))
        start = clock.now()
        await user.hold(tags={"slow"}, until=start + seconds(25), missed="run_all")
        await user.pause("b", until=start + seconds(35), resume_from="now")
        await clock.advance(58)
        made = [job for node in nodes for job in (await node.work()).made]
        at = [(job.schedule_id, job.scheduled_fire_time) for job in made]
        assert at == [("a", start + seconds(10 * step)) for step in (0, 1, 2, 5)] + [
            ("b", start + seconds(55))
        ]
        await user.add(every(id="c", tags={"slow"}))
        assert not await user.ids(paused=True)
        assert not await store.get_holds()
        assert [] == await user.lift("tags=slow", missing_ok=True)
        await store.clean_up()
        assert "tags=slow" == (await user.hold(tags={"slow"})).id

    async def test_schedules_that_change_sides(self, store: DataStore, clock: FakeClock) -> None:
        """Rule H4: a schedule declared anew is held by what means it now, and goes on where nothing does."""
        user, node = User(store), Node(store)
        await user.add(every(tags={"slow"}))
        await user.hold(tags={"slow"})
        await user.hold(group="reports")
        await user.replace(every(tags={"slow"}, group="reports"))
        held = [pause.hold for pause in (await user.get()).state.pauses]
        assert ["tags=slow", "group=reports"] == held
        await user.replace(every(group="reports"))
        assert [] == (await node.work()).made
        assert "group=reports" == getattr((await user.get()).state.pause, "hold", None)
        await user.replace(every())
        assert 1 == len((await node.work()).made)
        assert () == (await user.get()).state.pauses

    async def test_jobs_held_by_one_of_several(self, store: DataStore, clock: FakeClock) -> None:
        """Rules P3 and H3: what one hold holds stays held until the schedule goes on, and is released then."""
        user, node = User(store), Node(store)
        await user.add(every(tags={"slow"}))
        await node.work(claim_limit=0)
        await user.hold(tags={"slow"}, queued="hold")
        await user.pause("schedule")
        await user.lift("tags=slow")
        assert [JobStatus.held] == [job.status for job in await user.jobs()]
        await user.unpause(resume_from="now", missed="run_once")
        assert [JobStatus.queued] == [job.status for job in await user.jobs()]

    async def test_jobs_held_by_one_that_has_ended(self, store: DataStore, clock: FakeClock) -> None:
        """Rules P3 and H3: what was held by a hold that has ended while others pause stays held, and is released."""
        user, node = User(store), Node(store)
        await user.add(every(tags={"slow"}))
        await node.work(claim_limit=0)
        await user.pause("schedule")
        await user.hold(everything=True)
        await user.hold(tags={"slow"}, queued="hold", until=clock.now() + seconds(5))
        await clock.advance(7)
        await user.lift("everything")
        assert [JobStatus.held] == [job.status for job in await user.jobs()]
        await user.unpause()
        assert [JobStatus.queued] == [job.status for job in await user.jobs()]

    async def test_coming_back_to_a_hold(self, store: DataStore, clock: FakeClock) -> None:
        """Rule H4: a schedule that belongs to a set again is held again, whatever else paused it meanwhile."""
        user = User(store)
        await user.add(every(tags={"slow"}))
        await user.pause("schedule")
        await user.hold(tags={"slow"})
        await user.replace(every())
        assert [None] == [pause.hold for pause in (await user.get()).state.pauses]
        await user.replace(every(tags={"slow"}))
        await user.unpause()
        assert ["tags=slow"] == [pause.hold for pause in (await user.get()).state.pauses]
        await user.replace(every())
        await user.replace(every(tags={"slow"}))
        assert ["schedule"] == await user.ids(status=ScheduleStatus.paused)
        assert [] == (await Node(store).work()).made

    async def test_two_holds_on_many(self, store: DataStore, other: DataStore, clock: FakeClock) -> None:
        """Rules H2 and S4: two holds at the same moment on many schedules both pause them all, and so do lifts."""
        user, operator, count = User(store), User(other), 250
        await user.add(*(every(id=f"{number:03}", tags={"slow"}) for number in range(count)))
        async with anyio.create_task_group() as tg:
            tg.start_soon(lambda: user.hold(tags={"slow"}))
            tg.start_soon(lambda: operator.hold(everything=True))
        pausing = Counter(pause.hold for one in await user.schedules() for pause in one.state.pauses)
        assert {"tags=slow": count, "everything": count} == pausing
        async with anyio.create_task_group() as tg:
            tg.start_soon(user.lift, "tags=slow")
            tg.start_soon(operator.add, every(id="new", tags={"slow"}))
            tg.start_soon(operator.remove, "000")
        pausing = Counter(pause.hold for one in await user.schedules() for pause in one.state.pauses)
        assert {"everything": count} == pausing
        assert [] == (await Node(store).work()).made
        await operator.lift("everything", resume_from="now")
        assert count == len((await Node(other).work()).made)

    async def test_what_is_told_of_holds(self, store: DataStore, clock: FakeClock) -> None:
        """Rule H2: one event tells of the hold, before those of its schedules."""
        user = User(store)
        await user.add(every(tags={"slow"}))
        selector = Selector(tags={"slow"})
        placed = await user.place(selector, reason="deploy")
        assert placed.hold is not None
        assert (HoldAdded("tags=slow", "tags=slow", None, "deploy", None),) == placed.hold.events
        lifted = await user.lift_all("tags=slow")
        assert lifted.hold is not None
        assert (HoldLifted("tags=slow", "tags=slow"),) == lifted.hold.events
