"""Deleting what has expired, telling of pauses that may be forgotten, looking at the rules of time zones."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial

from anysched._clock import Clock
from anysched.engine.guard import StoreGuard
from anysched.engine.stale import StalePauses
from anysched.engine.wakeup import Wakeup
from anysched.model.events import Event
from anysched.model.history import Retention
from anysched.ports.store import DataStore


class Housekeeper:
    """Looks after the store now and then.

    :param retention: how much of history and audit stays
    :param stale: tells of pauses that last long, if anybody wants that
    :param look_at_zones: sees whether the rules of time zones have changed (rule T12)
    """

    who = "housekeeper"

    def __init__(
        self,
        clock: Clock,
        store: DataStore,
        guard: StoreGuard,
        interval: timedelta,
        retention: Retention,
        stale: StalePauses | None,
        publish: Callable[[Sequence[Event]], object],
        look_at_zones: Callable[[], Awaitable[None]],
    ) -> None:
        self._clock = clock
        self._store = store
        self._guard = guard
        self._interval = interval
        self._retention = retention
        self._stale = stale
        self._publish = publish
        self._look_at_zones = look_at_zones
        self._wakeup = Wakeup(clock, self.who)

    async def run(self) -> None:
        """Clean up, for ever."""
        while True:
            # A poll, not a deadline: what has expired is never shown, so nobody waits for its deletion.
            await self._wakeup.wait(poll_at=self._clock.now() + self._interval)
            await self._guard.call(partial(self._store.clean_up, self._retention), self.who)
            await self._guard.call(self._look_at_zones, self.who)
            if self._stale is not None and (found := await self._guard.call(self._stale.look, self.who)):
                self._publish(found)
