"""Keeping on while the store is away, or not for nodes like this one any more (rules N3 and N9)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from anysched._clock import Clock
from anysched._text import printable
from anysched.engine.wakeup import Wakeup
from anysched.errors import SchemaVersionError, StoreError, StoreUnavailableError
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
        self._errors: dict[str, str] = {}  # of those who wait: reading may succeed where writing fails

    @property
    def error(self) -> str | None:
        """What the store says while it does not answer, else None."""
        return next(iter(self._errors.values()), None)

    async def call(self, operation: Callable[[], Awaitable[T]], who: str) -> T:
        """Return what the operation returns, once it does; ``who`` holds an activity token and waits."""
        delay = FIRST_DELAY
        while True:
            try:
                result = await operation()
            except (StoreUnavailableError, SchemaVersionError) as exc:
                self._lost(who, exc)
            except BaseException:
                self._errors.pop(who, None)
                raise
            else:
                self._found(who)
                return result
            again_at = self._clock.now() + timedelta(seconds=delay)
            await Wakeup(self._clock, who).wait(
                again_at, poll_at=again_at
            )  # though the wall clock is set back
            delay = min(delay * 2, LONGEST_DELAY)

    def _lost(self, who: str, exc: StoreError) -> None:
        error = str(exc)
        new = error not in self._errors.values() if isinstance(exc, SchemaVersionError) else not self._errors
        if new:
            if isinstance(exc, SchemaVersionError):
                logger.critical("this node neither makes nor takes jobs any more: %s", printable(error))
            else:
                logger.error(
                    "the data store does not answer, trying again until it does: %s", printable(error)
                )
            self._publish([StoreUnavailable(error)])
        self._errors[who] = error

    def _found(self, who: str) -> None:
        if self._errors.pop(who, None) is not None and not self._errors:
            logger.warning("the data store answers again")
            self._publish([StoreRecovered()])
