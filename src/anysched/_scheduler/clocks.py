"""What a scheduler tells of the clocks of time zones."""

from __future__ import annotations

from functools import partial

import anyio.to_thread

from anysched._scheduler.base import Base, topic
from anysched.errors import DeserializationError
from anysched.model import convert
from anysched.model.clock_change import ClockChange
from anysched.triggers.preview import MOST_CHANGES, clock_changes


@topic
class ClockMethods(Base):
    """What daylight saving will do to schedules (rule T6)."""

    async def preview_clock_changes(self, id: str, *, count: int = 2) -> list[ClockChange]:
        """Tell what happens to a schedule where the clocks of its time zones are set next (rule T6).

        Speaks of the trigger alone: pauses, windows, and fire times that were skipped or moved are left aside. Nothing
        is changed.

        :param count: how many changes of the clocks at most, from 1 to 50
        :return: in the order of time; empty where its zones have no daylight saving in the next ten years
        :raise ScheduleLookupError: when there is no such schedule
        :raise TypeError, ValueError: naming the argument that makes no sense
        :raise TriggerError: when its trigger does not work
        :raise DeserializationError: when the schedule cannot be read on this node
        """
        self._require_running()
        convert.positive_int(count, "count", most=MOST_CHANGES)
        snapshot = await self._schedules.get_one(id)
        if snapshot.fault is not None:
            raise DeserializationError(f"schedule {id!r} cannot be read on this node: {snapshot.fault}")
        ask = partial(clock_changes, count=count, anchor=snapshot.state.anchor, key=id)
        start = self._engine.settings.store.present()
        return await anyio.to_thread.run_sync(ask, snapshot.trigger, start)
