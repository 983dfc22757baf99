"""Looking whether the rules of time zones have changed under stored schedules (rule T12)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial

import anyio.to_thread

from anysched._text import printable
from anysched.engine.guard import StoreGuard
from anysched.model.change import Change
from anysched.model.events import Event, FireTimeRecomputed
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.task import Task
from anysched.model.trigger import Trigger
from anysched.model.zone import ZoneData, ZoneRecord
from anysched.ports.queries import ScheduleQuery
from anysched.ports.store import DataStore
from anysched.rules import zones as rules

logger: logging.Logger = logging.getLogger(__name__)

#: Tells what this machine knows of a time zone.
ReadZone = Callable[[str], ZoneData | None]

#: By the name of a zone, its data before, if that is known, and now.
Changed = Mapping[str, tuple[ZoneData | None, ZoneData]]


class Zones:
    """Keeps with a durable store by which rules its fire times are computed, and has them computed anew.

    In memory nothing outlives the process, and with it the rules that it has read.

    :param plans: whether this node computes fire times by itself
    :param read: tells what this machine knows of a time zone
    :param changed: publishes events, and has the planner look again
    """

    who = "zones"

    def __init__(
        self,
        store: DataStore,
        guard: StoreGuard,
        *,
        plans: bool,
        read: ReadZone,
        changed: Callable[[list[Event]], None],
    ) -> None:
        self._store = store
        self._guard = guard
        self._plans = plans
        self._read = read
        self._changed = changed
        self._noted: frozenset[str] = frozenset()
        self._warned: frozenset[str] = frozenset()
        self._starting = plans  # until the look at the start is done, which finds what is added meanwhile

    async def run(self) -> None:
        """Look once, at the start."""
        await self._guard.call(partial(self.look, starting=True), self.who)
        self._starting = False

    async def note(self, triggers: Iterable[Trigger | None]) -> None:
        """See to it that the zones of triggers are kept, before fire times that are computed by them are stored."""
        if not self._store.durable:
            return
        names = rules.zones_of(triggers) - self._noted
        if not names:
            return
        mine = await self._data_of(names)

        def missing(stored: Mapping[str, ZoneRecord], now: datetime) -> Sequence[ZoneRecord]:
            return [ZoneRecord(data=data) for name, data in mine.items() if name not in stored]

        kept = await self._store.get_zones()
        if not mine.keys() <= kept.keys():
            kept = await self._store.transact_zones(missing)
        self._noted |= names
        differs = any(name in kept and kept[name].data.offsets != data.offsets for name, data in mine.items())
        if differs and not self._starting:
            await self._look(starting=False)

    async def look(self, *, starting: bool = False) -> None:
        """Compare what is kept of zones with what this machine knows; compute anew what differs.

        :param starting: whether this node starts just now
        """
        if self._plans and self._store.durable:
            await self._look(starting=starting)

    async def _look(self, *, starting: bool) -> None:
        stored = await self._store.get_zones()
        now = self._store.present()
        mine = await self._data_of(stored)
        self._warn(stored, mine, starting=starting)
        changed = self._differing(stored, mine, now, starting=starting)
        if changed:
            await self._compute_anew(changed)
        if self._kept(mine, starting, stored, now):
            await self._store.transact_zones(partial(self._kept, mine, starting))

    async def _data_of(self, names: Iterable[str]) -> Mapping[str, ZoneData]:
        """Return what this machine knows of zones; it takes milliseconds for each, the first time."""
        ordered = sorted(names)
        found = (
            await anyio.to_thread.run_sync(lambda: [self._read(name) for name in ordered]) if ordered else []
        )
        return {data.name: data for data in found if data is not None}

    def _kept(
        self,
        mine: Mapping[str, ZoneData],
        starting: bool,
        stored: Mapping[str, ZoneRecord],
        now: datetime,
    ) -> Sequence[ZoneRecord]:
        """Return what is kept from now on, where that is something else."""
        pairs = [(stored[name], data) for name, data in mine.items() if name in stored]
        new = [(old, rules.kept(old, data, now, starting=starting)) for old, data in pairs]
        return [record for old, record in new if record != old]

    def _differing(
        self,
        stored: Mapping[str, ZoneRecord],
        mine: Mapping[str, ZoneData],
        now: datetime,
        *,
        starting: bool,
    ) -> Changed:
        """Return the zones whose schedules have to be looked through."""
        changed: dict[str, tuple[ZoneData | None, ZoneData]] = {}
        for name, data in mine.items():
            record = stored[name]
            verdict = rules.compared(data, record.data, starting=starting)
            if verdict == "newer":
                changed[name] = (record.data, data)
            elif verdict == "same" and starting and now < (record.unsettled_until or now):
                # A node that is upgraded finds here what it has computed itself by the rules of before.
                changed[name] = (record.before, data)
        return changed

    def _warn(
        self, stored: Mapping[str, ZoneRecord], mine: Mapping[str, ZoneData], *, starting: bool
    ) -> None:
        older = frozenset(
            name
            for name, data in mine.items()
            if rules.compared(data, stored[name].data, starting=starting) == "older"
        )
        for name in sorted(older - self._warned):
            logger.warning(
                "this node has older rules of the time zone %s (%s) than the data store (%s), and computes fire"
                " times by them: update its time zone database and start it anew",
                printable(name),
                printable(mine[name].version or "of a version that is not known"),
                printable(stored[name].data.version or "of a version that is not known"),
            )
        self._warned = older

    async def _compute_anew(self, changed: Changed) -> None:
        snapshots = await self._store.get_schedules(ScheduleQuery())
        now = self._store.present()
        ids = await anyio.to_thread.run_sync(_affected, snapshots, changed, now)

        def decide(key: str, stored: ScheduleSnapshot | None, task: Task | None, now: datetime) -> Change:
            return Change(schedule_id=key) if stored is None else rules.recomputed(stored, changed, now)

        number, size = 0, self._store.batch_size
        for start in range(0, len(ids), size):
            committed = await self._store.transact_schedules(ids[start : start + size], decide)
            events = [event for change in committed.changes for event in change.events]
            number += sum(isinstance(event, FireTimeRecomputed) for event in events)
            if events:
                self._changed(events)
        if number:
            logger.info(
                "the rules of %s have changed: next fire times were computed anew, of so many schedules: %d",
                printable(", ".join(sorted(changed))),
                number,
            )


def _affected(snapshots: Sequence[ScheduleSnapshot], changed: Changed, now: datetime) -> list[str]:
    """Return the ids of schedules of which something would be computed anew."""
    return [
        snapshot.id for snapshot in snapshots if rules.recomputed(snapshot, changed, now).state is not None
    ]
