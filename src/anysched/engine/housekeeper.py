"""Deleting what has expired."""

from __future__ import annotations

from datetime import timedelta

from anysched._clock import Clock
from anysched.engine.guard import StoreGuard
from anysched.engine.wakeup import Wakeup
from anysched.ports.store import DataStore


class Housekeeper:
    """Cleans up the store now and then."""

    who = "housekeeper"

    def __init__(self, clock: Clock, store: DataStore, guard: StoreGuard, interval: timedelta) -> None:
        self._clock = clock
        self._store = store
        self._guard = guard
        self._interval = interval
        self._wakeup = Wakeup(clock, self.who)

    async def run(self) -> None:
        """Clean up, for ever."""
        while True:
            # A poll, not a deadline: what has expired is never shown, so nobody waits for its deletion.
            await self._wakeup.wait(poll_at=self._clock.now() + self._interval)
            await self._guard.call(self._store.clean_up, self.who)
