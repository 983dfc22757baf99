"""Telling users what happened: in order, one event at a time, never in the way of the engine."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from inspect import isawaitable
from types import TracebackType
from typing import Any, Self

import anyio

from anysched._clock import Clock
from anysched._spawn import loop_caller
from anysched.engine.cancelling import is_cancelled, is_natively_cancelled, undo_native_cancellation
from anysched.engine.wakeup import Wakeup
from anysched.errors import SchedulerStateError
from anysched.model import events as all_events
from anysched.model.events import Event, SchedulerStopped, WorkChanged
from anysched.ports.broker import EventBroker

logger: logging.Logger = logging.getLogger(__name__)

#: Events that may wait for one slow callback; the oldest are dropped and counted when there are more.
LONGEST_QUEUE = 10_000

#: Seconds that a callback has for the last events when the scheduler stops.
LAST_CALL = 1.0

Callback = Callable[[Any], Awaitable[object] | object]


def concrete(types: Iterable[type[Event]] | type[Event] | None) -> frozenset[type[Event]]:
    """Return the event types asked for, each base class as all that derive from it; None means every type."""
    if types is None:
        types = Event
    asked: Iterable[object] = types if isinstance(types, Iterable) else (types,)
    wanted: tuple[type[Event], ...] = ()
    for kind in asked:
        if not (isinstance(kind, type) and issubclass(kind, Event)):
            raise TypeError(f"event_types must be types of events, not {kind!r}")
        wanted += (kind,)
    every = [kind for kind in vars(all_events).values() if isinstance(kind, type) and issubclass(kind, Event)]
    return frozenset(kind for kind in every if issubclass(kind, wanted) and kind is not WorkChanged)


class Subscription:
    """A callback that is told of events until it is unsubscribed; also a context manager.

    :ivar active: whether it still is told
    :ivar dropped: how many events were lost because the callback was too slow
    """

    def __init__(
        self,
        clock: Clock,
        broker: EventBroker,
        callback: Callback,
        types: frozenset[type[Event]],
        one_shot: bool,
    ) -> None:
        self._callback = callback
        self._one_shot = one_shot
        self._queue: deque[Event] = deque()
        self.who: str = f"subscription {callback!r}"
        self._wakeup = Wakeup(clock, self.who)
        self._telling = anyio.Lock()
        self.active: bool = True
        self.dropped: int = 0
        self._home: tuple[int, Callable[..., None]] | None = None  # the thread it runs in, and the way there
        self._leave_broker = broker.subscribe(self._hear, types)

    def unsubscribe(self) -> None:
        """Tell no more; for any thread, and harmless when called again."""
        self.active = False
        if self._home is None or self._home[0] == threading.get_ident():
            self._leave()
        else:
            with suppress(RuntimeError):  # an event loop that has ended tells nobody
                self._home[1](self._leave)

    def _leave(self) -> None:
        self._leave_broker()
        self._queue.clear()
        self._wakeup.call()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.unsubscribe()

    def _hear(self, events: Sequence[Event]) -> None:
        self._queue.extend(events[:1] if self._one_shot else events)
        if self._one_shot:
            self._leave_broker()
        while len(self._queue) > LONGEST_QUEUE:
            self._queue.popleft()
            self.dropped += 1
        self._wakeup.call()

    async def run(self) -> None:
        """Tell, until unsubscribed."""
        self._home = threading.get_ident(), loop_caller()
        while self.active:
            await self._wakeup.wait()
            await self._tell()

    async def finish(self) -> None:
        """Tell what is still waiting to be told, then no more."""
        with anyio.move_on_after(LAST_CALL):
            await self._tell()
        self.unsubscribe()

    async def _tell(self) -> None:
        async with self._telling:
            while self.active and self._queue:
                await self._call(self._queue.popleft())
                if self._one_shot:
                    self.active = False

    async def _call(self, event: Event) -> None:
        try:
            result = self._callback(event)
            if isawaitable(result):
                await result
        except BaseException as exc:
            cancelled = isinstance(exc, anyio.get_cancelled_exc_class()) and is_cancelled()
            if cancelled or isinstance(exc, KeyboardInterrupt):
                raise
            logger.exception("a subscriber raised on %s", type(event).__name__)
        if is_natively_cancelled():
            await undo_native_cancellation()


async def next_event(broker: EventBroker, types: frozenset[type[Event]], node: str) -> Event:
    """Return the next event of one of these types.

    :raise SchedulerStateError: when this node stops first
    """
    heard: list[Event] = []
    arrived = anyio.Event()

    def hear(events: Sequence[Event]) -> None:
        heard.extend(event for event in events if type(event) in types or is_end_of(node, event))
        if heard:
            arrived.set()

    leave = broker.subscribe(hear, {*types, SchedulerStopped})
    try:
        await arrived.wait()
    finally:
        leave()
    if type(heard[0]) not in types:
        raise SchedulerStateError("the scheduler has stopped before such an event came")
    return heard[0]


def is_end_of(node: str, event: Event) -> bool:
    """Return whether an event tells that a node has stopped."""
    return isinstance(event, SchedulerStopped) and event.identity == node
