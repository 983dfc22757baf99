"""Windows keep rules W1, W4 and H4 in the data store."""

from __future__ import annotations

import anyio
import pytest

from anysched.errors import ConflictingHoldError, WindowLookupError
from anysched.model.events import WindowAdded, WindowRemoved
from anysched.model.hold import PlacedWindow, Selector
from anysched.model.policies import SkipReason
from anysched.ports.store import DataStore
from anysched.testing.clock import FakeClock
from anysched.testing.store_suite.actors import Node, User, every, seconds
from anysched.testing.store_suite.base import StoreTests
from anysched.triggers import IntervalTrigger


class WindowTests(StoreTests):
    """What a window does to the schedules it means, and to those that come to belong to them."""

    async def test_a_window_from_start_to_end(
        self, store: DataStore, other: DataStore, clock: FakeClock
    ) -> None:
        """Rules W1 and W4: all that are meant are under it, on every node; replaced or removed, no more."""
        user, node, now = User(store), Node(other), clock.now()
        await user.add(*(every(10, id=id, tags={"slow"}) for id in ("a", "b")), every(10, id="c"))
        await node.work()
        placed = await user.window("w", tags={"slow"}, dates=[(now + seconds(5), now + seconds(25))], by="me")
        assert [placed] == await other.get_windows()
        assert [] == await other.get_holds()
        assert {"a": (placed.window,), "b": (placed.window,), "c": ()} == {
            snapshot.id: snapshot.state.windows for snapshot in await User(other).schedules()
        }
        await clock.advance(10)
        assert ["c"] == [job.schedule_id for job in (await node.work()).made]
        trigger = IntervalTrigger(seconds=60, start_time=now + seconds(30))
        placed = await user.window("w", tags={"slow"}, trigger=trigger, duration=seconds(30), mode="defer")
        assert [placed] == await other.get_windows()
        await clock.advance(10)
        assert ["a", "b", "c"] == sorted(str(job.schedule_id) for job in (await node.work()).made)
        await clock.advance(15)
        assert ["c"] == [job.schedule_id for job in (await node.work()).made]
        committed = await user.remove_window("w")
        assert committed.hold is not None
        assert (WindowRemoved("w", "tags=slow", None, None),) == committed.hold.events
        assert ["a", "b"] == sorted(str(job.schedule_id) for job in (await node.work()).made)
        snapshot = await user.get("a")
        assert ({SkipReason.window: 1}, ()) == (dict(snapshot.state.skipped), snapshot.state.windows)
        assert [] == await other.get_windows()
        with pytest.raises(WindowLookupError):
            await user.remove_window("w")

    async def test_holds_and_windows_share_their_ids(self, store: DataStore, clock: FakeClock) -> None:
        """Rule W1: what has an id is a hold or a window, each is read as what it is; one that is over is dropped."""
        user, now = User(store), clock.now()
        await user.add(every(id="a"))
        hold = await user.hold(ids={"a"}, hold="h")
        window = await user.window("w", ids={"a"}, dates=[(now, now + seconds(5))])
        assert ([hold], [window]) == (await store.get_holds(), await store.get_windows())
        with pytest.raises(ConflictingHoldError, match="window 'w'"):
            await user.hold(ids={"a"}, hold="w")
        with pytest.raises(ConflictingHoldError, match="hold 'h'"):
            await user.window("h", ids={"a"}, dates=[(now, now + seconds(5))])
        await clock.advance(5)
        assert ([hold], []) == (await store.get_holds(), await store.get_windows())
        await store.clean_up()
        assert ([hold], []) == (await store.get_holds(), await store.get_windows())

    async def test_adding_while_a_window_is_placed(
        self, store: DataStore, other: DataStore, clock: FakeClock
    ) -> None:
        """Rule H4: of schedules that are added at the very moment, none slips past the window."""
        user, operator, now = User(other), User(store), clock.now()

        async def add(number: int) -> None:
            await user.add(every(10, id=f"{number:02}", tags={"slow"}))

        async with anyio.create_task_group() as tg:
            for number in range(8):
                tg.start_soon(add, number)
                if number == 3:
                    tg.start_soon(
                        lambda: operator.window("w", tags={"slow"}, dates=[(now, now + seconds(5))])
                    )
        assert [1] * 8 == [len(snapshot.state.windows) for snapshot in await user.schedules()]
        assert [] == (await Node(store).work()).made

    async def test_very_many_schedules(self, store: DataStore, clock: FakeClock) -> None:
        """Rule W1: one transaction places a window on very many schedules, and removes it from them."""
        user, now = User(store), clock.now()
        ids = [f"{number:03}" for number in range(250)]
        await user.add(*(every(10, id=id) for id in ids))
        committed = await user.cover("w", Selector(everything=True), dates=[(now, now + seconds(15))])
        assert ids == [change.schedule_id for change in committed.changes]
        assert committed.hold is not None
        assert isinstance(committed.hold.hold, PlacedWindow)
        assert (
            WindowAdded("w", "everything", "skip", now + seconds(15), None, None),
        ) == committed.hold.events
        assert {now + seconds(20)} == {snapshot.next_fire_time for snapshot in await user.schedules()}
        await user.remove_window("w")
        left = {(one.next_fire_time, one.state.skipped[SkipReason.window]) for one in await user.schedules()}
        assert {(now + seconds(10), 1)} == left  # what has come is passed
