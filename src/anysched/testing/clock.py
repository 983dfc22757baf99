"""A clock that stands still until a test moves it, and then waits for everybody who woke up."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import count

import anyio
import anyio.lowlevel
import attrs

from anysched._clock import activity_owner
from anysched._text import printable
from anysched.errors import AnyschedError
from anysched.model.convert import Seconds, duration, utc

_END = datetime.max.replace(tzinfo=UTC)

#: What a test has just started or cancelled holds no token yet: so often it may run before the clock looks.
_FIRST_STEPS = 5

_LONGEST_SLEEP = 8e13  # seconds; longer than the calendar, and what a timedelta can say


class ClockStuckError(AnyschedError):
    """Somebody is still at work, and the clock moves on only when everybody waits for it: see ``busy``."""

    def __init__(self, busy: Iterable[str], timeout: float) -> None:
        self.busy: tuple[str, ...] = tuple(sorted(busy))
        super().__init__(
            f"the clock cannot move on: after {timeout:g} real seconds still at work: "
            f"{', '.join(map(printable, self.busy))}. "
            "Under a FakeClock, whatever was started must end or wait in clock.sleep()"
        )


@attrs.define(eq=False)
class _Sleeper:
    """Somebody who waits."""

    who: str
    event: anyio.Event
    until: datetime | None = None
    poll_at: datetime | None = None
    poll_interval: timedelta = timedelta(0)
    poller: int = 0
    is_duration: bool = False
    cancelled: bool = False

    @property
    def waits(self) -> bool:
        """Whether it is still to be woken."""
        return not (self.cancelled or self.event.is_set())


class FakeClock:
    """Drives a whole scheduler from a test: time passes in ``advance`` only, and at once.

    Whoever works holds an activity token. The clock goes from one wake-up to the next, and goes on only when
    no token is held: whatever was started has ended, or waits in ``sleep``.

    Looks for changes that nobody announced (``poll_at``) are left out where they cannot find any: each waiter
    gets one after every start of an advance and every call of ``changed``, and where several of one name wait,
    as the planners of two schedulers do, after every wake-up by time. So time in which nothing happens costs
    nothing, however long it is.

    All but ``now`` and ``monotonic`` is for the thread of the event loop.

    :param start: the first instant, aware
    :param timeout: how many real seconds everybody has to come to rest after each wake-up
    """

    moved_by_hand = True

    def __init__(self, start: datetime = datetime(2025, 1, 1, tzinfo=UTC), *, timeout: float = 5) -> None:
        self._start = self._now = utc(start, "start")
        self._timeout = timeout
        self._jumped = timedelta(0)
        self._held: Counter[str] = Counter()
        self._asleep: Counter[str] = Counter()  # how many tasks of each job sleep
        self._busy: set[str] = set()
        self._rest: anyio.Event | None = None  # set when the last token is given back
        self._deadlines: list[tuple[datetime, int, _Sleeper]] = []  # a heap; waits that ended are passed over
        self._timed = 0  # how many of those in the heap still wait
        self._sequence = count()
        self._polling: dict[_Sleeper, None] = {}
        self._looked: set[int] = set()  # ids of the tasks that have polled since the last change
        self._moving = anyio.ResourceGuard("moving this clock")

    def __repr__(self) -> str:
        return f"<FakeClock: {self._now.isoformat()}>"

    def now(self) -> datetime:
        """Return the present instant, in UTC."""
        return self._now

    def monotonic(self) -> float:
        """Return how many seconds have passed; setting the clock does not count."""
        return (self._now - self._start - self._jumped).total_seconds()

    # for tests

    async def advance(self, by: Seconds) -> None:
        """Let a timedelta or a number of seconds pass, walking through every wake-up on the way.

        :raise ClockStuckError: when somebody does not come to rest
        """
        await self.advance_to(_later(self._now, duration(by, "by")))

    async def advance_to(self, instant: datetime) -> None:
        """Let time pass until an aware instant, inclusive.

        :raise ValueError: when it lies in the past
        :raise ClockStuckError: when somebody does not come to rest
        """
        target = utc(instant, "instant")
        if target < self._now:
            raise ValueError(f"it is {self._now} already: time only passes forward, jump() sets the clock")
        with self._moving:
            await self.settle()
            self.changed()  # the test may have written to the store
            while (wakeup := self._next_wakeup()) is not None and wakeup <= target:
                self._now = max(self._now, wakeup)
                self._wake()
                await self._until_rest()
            self._now = max(self._now, target)

    async def settle(self) -> None:
        """Return when nobody is at work any more. No time passes.

        :raise ClockStuckError: when somebody does not come to rest
        """
        for _ in range(_FIRST_STEPS):
            await anyio.lowlevel.checkpoint()
        await self._until_rest()

    def jump(self, by: timedelta) -> None:
        """Set the clock, forward or backward, as an operator does: no time passes (rule N4).

        Who waits for an instant that has come is woken, with nothing in between. Sleeps for a number of
        seconds and intervals of polling are neither shortened nor prolonged.
        """
        self._now += by
        self._jumped += by
        for _, _, sleeper in self._deadlines:
            if sleeper.is_duration and sleeper.until is not None:
                sleeper.until = _later(sleeper.until, by)
        for sleeper in self._polling:
            if sleeper.poll_at is not None:
                sleeper.poll_at = _later(sleeper.poll_at, by)
        self._rebuild()
        self._wake()
        self.changed()

    def changed(self) -> None:
        """Say that there may be something to find: whoever polls looks once more, when its time comes."""
        self._looked.clear()
        self._catch_up(self._polling)

    def _changed_by_others(self) -> None:
        """Do the same for those who are not alone: who is, would be looking for changes of its own making."""
        names = Counter(sleeper.who for sleeper in self._polling)
        others = [sleeper for sleeper in self._polling if names[sleeper.who] > 1]
        self._looked.difference_update(sleeper.poller for sleeper in others)
        self._catch_up(others)

    def _catch_up(self, sleepers: Iterable[_Sleeper]) -> None:
        for sleeper in sleepers:
            if sleeper.poll_at is not None and sleeper.poll_at < self._now:  # after polls that were left out
                missed = -((sleeper.poll_at - self._now) // sleeper.poll_interval)
                sleeper.poll_at = _later(sleeper.poll_at, sleeper.poll_interval * missed)

    # for schedulers and jobs

    def hold(self, who: str) -> None:
        """Take an activity token in the name of ``who``."""
        self._held[who] += 1
        self._count(who)

    def release(self, who: str) -> None:
        """Give back a token. :raise RuntimeError: when ``who`` holds none"""
        if not self._held[who]:
            raise RuntimeError(f"{who!r} gives back an activity token that it does not hold")
        _decrement(self._held, who)
        self._count(who)

    async def sleep(self, seconds: float) -> None:
        """Return when this many seconds have passed."""
        length = timedelta(seconds=min(max(seconds, 0), _LONGEST_SLEEP))
        await self._sleep(_later(self._now, length), is_duration=True)

    async def sleep_until(self, instant: datetime) -> None:
        """Return when an aware instant has come."""
        await self._sleep(utc(instant, "instant"), is_duration=False)

    async def wait(
        self,
        event: anyio.Event,
        until: datetime | None = None,
        *,
        poll_at: datetime | None = None,
        who: str = "",
    ) -> None:
        """Return when the event is set, or when an instant has come; ``who`` gives its token for so long."""
        come = any(instant is not None and instant <= self._now for instant in (until, poll_at))
        if come or event.is_set():
            await anyio.lowlevel.checkpoint()  # a caller who never waits must not hold up the event loop
            return
        sleeper = _Sleeper(who, event, until)
        if poll_at is not None:
            sleeper.poll_at, sleeper.poll_interval = poll_at, poll_at - self._now
            sleeper.poller = anyio.get_current_task().id
        self.release(who)
        await self._wait(sleeper)

    # how it works

    def _count(self, who: str) -> None:
        """Keep track of who is busy: a token counts for nothing while at least one task of its job sleeps."""
        if self._held[who] > (who in self._asleep):
            self._busy.add(who)
            return
        self._busy.discard(who)
        if not self._busy and self._rest is not None:
            self._rest.set()

    async def _sleep(self, until: datetime, *, is_duration: bool) -> None:
        if until <= self._now:
            await anyio.lowlevel.checkpoint()
            return
        owner = activity_owner.get()
        # Woken, a sleeper has a token of its own until it is back at work: so the clock stands still
        # until its next await even where others of its job still sleep, or where there is no job.
        woken = f"{owner or 'the test'}, just woken"
        if owner is not None:
            self._asleep[owner] += 1
            self._count(owner)
        try:
            await self._wait(_Sleeper(woken, anyio.Event(), until, is_duration=is_duration))
        finally:
            if owner is not None:
                _decrement(self._asleep, owner)
                self._count(owner)
            self.release(woken)

    async def _wait(self, sleeper: _Sleeper) -> None:
        """Wait for the event of a sleeper; whoever sets it takes a token in the sleeper's name first."""
        if sleeper.until is not None:
            heapq.heappush(self._deadlines, (sleeper.until, next(self._sequence), sleeper))
            self._timed += 1
        if sleeper.poll_at is not None:
            self._polling[sleeper] = None
        try:
            await sleeper.event.wait()
        finally:
            if not sleeper.event.is_set():
                sleeper.cancelled = True
                self.hold(sleeper.who)
            self._polling.pop(sleeper, None)
            if sleeper.until is not None:
                self._timed -= 1
                if len(self._deadlines) > 2 * self._timed + 64:
                    self._rebuild()

    async def _until_rest(self) -> None:
        if not self._busy:
            return
        with anyio.move_on_after(self._timeout):
            while self._busy:
                if self._rest is None or self._rest.is_set():
                    self._rest = anyio.Event()
                await self._rest.wait()
        if self._busy:
            raise ClockStuckError(self._busy, self._timeout)

    def _next_wakeup(self) -> datetime | None:
        while self._deadlines and not self._deadlines[0][2].waits:
            heapq.heappop(self._deadlines)
        first = self._deadlines[0][0] if self._deadlines else None
        for sleeper in self._polling:
            poll_at = sleeper.poll_at
            if (
                poll_at is not None
                and sleeper.poller not in self._looked
                and (first is None or poll_at < first)
            ):
                first = poll_at
        return first

    def _wake(self) -> None:
        """Wake everybody whose time has come, and take their tokens for them."""
        has_changed = False
        while self._deadlines and self._deadlines[0][0] <= self._now:
            has_changed |= self._wake_one(heapq.heappop(self._deadlines)[2])
        for sleeper in self._polling:
            poll_at = sleeper.poll_at
            if poll_at is not None and poll_at <= self._now and sleeper.poller not in self._looked:
                self._looked.add(sleeper.poller)
                self._wake_one(sleeper)
        if has_changed:
            self._changed_by_others()

    def _wake_one(self, sleeper: _Sleeper) -> bool:
        """Wake a sleeper unless it is awake; return whether it was not."""
        if not sleeper.waits:
            return False
        self.hold(sleeper.who)
        sleeper.event.set()
        return True

    def _rebuild(self) -> None:
        """Build the heap anew from those who still wait."""
        waiting = [entry[2] for entry in sorted(self._deadlines, key=lambda e: e[1]) if entry[2].waits]
        self._deadlines = [(s.until, next(self._sequence), s) for s in waiting if s.until is not None]
        heapq.heapify(self._deadlines)


def _later(instant: datetime, by: timedelta) -> datetime:
    """Return instant + by, or the end of the calendar."""
    try:
        return instant + by
    except OverflowError:
        return _END


def _decrement(counter: Counter[str], key: str) -> None:
    counter[key] -= 1
    if not counter[key]:
        del counter[key]
