"""Keeping on while the store is away (rule N3)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from anysched._clock import Clock
from anysched._text import printable
from anysched.engine.wakeup import Wakeup
from anysched.errors import StoreUnavailableError
from anysched.model.events import Event, StoreRecovered, StoreUnavailable

logger: logging.Logger = logging.getLogger(__name__)

T = TypeVar("T")

FIRST_DELAY = 0.1
LONGEST_DELAY = 10.0


class StoreGuard:
    """Repeats what the engine asks of the store until the store answers, ever more slowly."""

    def __init__(self, clock: Clock, publish: Callable[[list[Event]], None]) -> None:
        self._clock = clock
        self._publish = publish
        self.error: str | None = None
        """What the store says while it does not answer, else None."""

    async def call(self, operation: Callable[[], Awaitable[T]], who: str) -> T:
        """Return what the operation returns, once it does; ``who`` holds an activity token and waits."""
        delay = FIRST_DELAY
        while True:
            try:
                result = await operation()
            except StoreUnavailableError as exc:
                self._lost(str(exc))
                await Wakeup(self._clock, who).wait(self._clock.now() + timedelta(seconds=delay))
                delay = min(delay * 2, LONGEST_DELAY)
            else:
                self._found()
                return result

    def _lost(self, error: str) -> None:
        if self.error is None:
            logger.error("the data store does not answer, trying again until it does: %s", printable(error))
            self._publish([StoreUnavailable(error)])
        self.error = error

    def _found(self) -> None:
        if self.error is not None:
            self.error = None
            logger.warning("the data store answers again")
            self._publish([StoreRecovered()])
