"""Everything that pauses schedules, and what of it somebody may have forgotten (rule H6)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from anysched.model.events import StalePause
from anysched.model.hold import Hold, Selector
from anysched.model.snapshot import ScheduleSnapshot
from anysched.ports.queries import ScheduleQuery
from anysched.ports.store import DataStore


def own_pauses(snapshots: Iterable[ScheduleSnapshot], now: datetime) -> list[Hold]:
    """Return the pauses that schedules have for themselves and that are not over, each as a hold of one."""
    return [
        Hold(Selector(ids={snapshot.id}), pause)
        for snapshot in snapshots
        for pause in snapshot.state.pauses
        if pause.hold is None and not pause.is_over(now)
    ]


async def all_holds(store: DataStore) -> list[Hold]:
    """Return the holds that are not over, then the pauses of single schedules, each in the order of their ids."""
    return await store.get_holds() + own_pauses(
        await store.get_schedules(ScheduleQuery(paused=True)), store.present()
    )


def lasting(holds: Iterable[Hold], longer_than: timedelta, now: datetime) -> list[Hold]:
    """Return the holds that were placed at least so long ago."""
    return [hold for hold in holds if now - hold.since >= longer_than]


class StalePauses:
    """Tells once of each pause that lasts long."""

    def __init__(self, store: DataStore, longer_than: timedelta) -> None:
        self._store = store
        self._longer_than = longer_than
        self._told: frozenset[tuple[Selector, str | None, datetime]] = frozenset()

    async def look(self) -> Sequence[StalePause]:
        """Return events about what was not told yet."""
        stale = lasting(await all_holds(self._store), self._longer_than, self._store.present())
        by_key = {(hold.selector, hold.id, hold.since): hold for hold in stale}
        fresh = [hold for key, hold in by_key.items() if key not in self._told]
        self._told = frozenset(by_key)
        return [
            StalePause(hold.id, str(hold.selector), hold.since, hold.until, hold.reason, hold.by)
            for hold in fresh
        ]
