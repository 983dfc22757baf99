"""Waiting, as a small class of its own."""

from __future__ import annotations

from datetime import datetime

import anyio

from anysched._clock import Clock


class Wakeup:
    """Lets one task wait for a time or a call; a call that comes between two waits is remembered.

    The task holds an activity token of the clock in the name of ``who`` whenever it does not wait here.
    """

    def __init__(self, clock: Clock, who: str) -> None:
        self.who = who
        self._clock = clock
        self._called = False
        self._event: anyio.Event | None = None

    def call(self) -> None:
        """Wake the task, or let its next wait return at once."""
        self._called = True
        if self._event is not None and not self._event.is_set():
            self._clock.hold(self.who)
            self._event.set()

    async def wait(self, until: datetime | None = None, *, poll_at: datetime | None = None) -> None:
        """Return when called, or when the clock reaches one of the instants."""
        if not self._called:
            self._event = anyio.Event()
            try:
                await self._clock.wait(self._event, until, poll_at=poll_at, who=self.who)
            finally:
                self._event = None
        self._called = False
