"""The only place that reads the time."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Protocol

import anyio
import sniffio

#: Rule N4: no wait on the system clock lasts longer than this before the wall clock is compared again.
LONGEST_BLIND_WAIT = 60.0


#: In whose name the code that runs now holds an activity token: a job's, with all tasks it starts; else None.
activity_owner: ContextVar[str | None] = ContextVar("activity_owner", default=None)


class Clock(Protocol):
    """What tells the time and waits for it.

    A clock also counts *activity*: engine tasks hold a token while they work and give it back while they wait.
    The system clock ignores tokens; a clock for tests moves time only when none is held.
    """

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that only ever grow; for durations, and to notice that the wall clock was set."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return when this many seconds have passed on this clock."""
        ...

    async def wait(
        self,
        event: anyio.Event,
        until: datetime | None = None,
        *,
        poll_at: datetime | None = None,
        who: str = "",
    ) -> None:
        """Return when the event is set, or when this clock reaches ``until`` or ``poll_at``.

        The caller holds a token in the name of ``who``; the clock takes it for as long as the wait lasts.
        Whoever sets the event takes a token for the caller first; a clock that ends a wait by time does so itself, and
        may set the event for that, which serves one wait.
        ``poll_at`` is a look for changes that nobody announced; a clock for tests may leave out
        those that cannot find any.
        """
        ...

    def hold(self, who: str) -> None:
        """Take an activity token in the name of ``who``."""
        ...

    def release(self, who: str) -> None:
        """Give back a token taken in the name of ``who``."""
        ...

    @property
    def moved_by_hand(self) -> bool:
        """Whether time stands still between the calls of a test."""
        ...


class SystemClock:
    """The machine's own clock."""

    moved_by_hand = False
    # Each job asks three times: these are calls without a frame of Python.
    now: staticmethod[[], datetime] = staticmethod(partial(datetime.now, UTC))
    monotonic: staticmethod[[], float] = staticmethod(time.monotonic)

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)

    async def wait(
        self,
        event: anyio.Event,
        until: datetime | None = None,
        *,
        poll_at: datetime | None = None,
        who: str = "",
    ) -> None:
        if until is None and poll_at is None:
            await event.wait()
            return
        # An instant is one of the wall clock, which may be set; a poll comes after its interval all the same.
        poll_in = math.inf if poll_at is None else (poll_at - self.now()).total_seconds()
        poll_by = self.monotonic() + poll_in

        def left() -> float:
            seconds = poll_by - self.monotonic()
            return seconds if until is None else min(seconds, (until - self.now()).total_seconds())

        if sniffio.current_async_library() == "asyncio":
            await _wait_on_asyncio(event, left)
            return
        while not event.is_set() and (seconds := left()) > 0:
            with anyio.move_on_after(min(seconds, LONGEST_BLIND_WAIT)):
                await event.wait()

    def hold(self, who: str) -> None:
        pass

    def release(self, who: str) -> None:
        pass

    def __repr__(self) -> str:
        return "SystemClock()"


async def _wait_on_asyncio(event: anyio.Event, left: Callable[[], float]) -> None:
    """Wait for an event, which is set when no seconds are left: a timer costs a third of a scope that cancels."""
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle | None = None

    def ring() -> None:
        nonlocal timer
        seconds = left()
        if seconds > 0:
            timer = loop.call_later(min(seconds, LONGEST_BLIND_WAIT), ring)
        else:
            event.set()

    ring()
    try:
        await event.wait()
    finally:
        if timer is not None:
            timer.cancel()


def microseconds(duration: timedelta) -> int:
    """Return a duration as a whole number of microseconds, exactly."""
    return (duration.days * 86_400 + duration.seconds) * 1_000_000 + duration.microseconds
