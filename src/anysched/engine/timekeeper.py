"""Comparing clocks: the node's own with itself, and with that of the store (rules N4 and N6)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from anysched._clock import Clock
from anysched.model.events import ClockJumped, Event
from anysched.ports.store import DataStore

logger: logging.Logger = logging.getLogger(__name__)

#: A difference between wall clock and monotonic time that is told as a jump, in seconds.
JUMP = 1.0

#: A difference between the clocks of node and store that is told, in seconds.
SKEW = 1.0


class Timekeeper:
    """Turns instants of the store into waits on the node's clock, and tells what is wrong with that clock."""

    def __init__(self, clock: Clock, store: DataStore, publish: Callable[[list[Event]], None]) -> None:
        self._clock = clock
        self._store = store
        self._publish = publish
        self._offset: float | None = None
        self._skewed = False

    def alarms(self, wake: datetime | None, poll_interval: timedelta) -> tuple[datetime | None, datetime]:
        """Return until when to wait, and when to come back though nothing has happened, both by the node's clock.

        Where the store has a time of its own, only how long to wait matters, however the node's clock is set.
        """
        now = self._clock.now()
        poll_at = now + poll_interval
        if wake is None or not self._store.keeps_time:
            return wake, poll_at
        left = wake - self._store.present()
        return None, poll_at if left >= poll_interval else now + left

    def check(self) -> None:
        """Say so if the wall clock was set or the machine slept, or if the clock is not that of the store."""
        offset = self._clock.now().timestamp() - self._clock.monotonic()
        jump = 0.0 if self._offset is None else offset - self._offset
        self._offset = offset
        if abs(jump) > JUMP:
            logger.warning("the wall clock jumped by %+.1f s", jump)
            self._publish([ClockJumped(jump)])
        skew = self.skew
        if abs(skew) > SKEW and not self._skewed:
            logger.warning(
                "the clock of this node is %.1f s %s that of the data store, by which everything goes",
                abs(skew), "ahead of" if skew > 0 else "behind",
            )  # fmt: skip
        self._skewed = abs(skew) > (SKEW / 2 if self._skewed else SKEW)

    @property
    def skew(self) -> float:
        """By how many seconds the node's clock is ahead of the store's."""
        if not self._store.keeps_time:
            return 0.0
        return (self._clock.now() - self._store.present()).total_seconds()
