"""What a scheduler offers about events."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from anysched._scheduler.base import Base, current, topic
from anysched.engine.subscriptions import Subscription, concrete, next_event
from anysched.model.events import Event
from anysched.model.policies import RunState


@topic
class EventMethods(Base):
    """Subscribing to events and waiting for them."""

    def subscribe(
        self,
        callback: Callable[[Any], Awaitable[object] | object],
        event_types: type[Event] | Iterable[type[Event]] | None = None,
        *,
        one_shot: bool = False,
    ) -> Subscription:
        """Call a function, or await a coroutine function, with each event, in order, one at a time.

        What it raises is logged. It may be called before the scheduler starts.

        :param event_types: only events of these types, or of types that derive from them; by default all
        :param one_shot: unsubscribe after the first event
        """
        if not callable(callback):
            raise TypeError(f"callback must be callable, not {callback!r}")
        if self.state is not RunState.created:
            self._require_running()
        token = current.set(self)  # the task that calls back sees it
        try:
            return self._engine.subscribe(callback, concrete(event_types), one_shot=one_shot)
        finally:
            current.reset(token)

    async def get_next_event(self, event_types: type[Event] | Iterable[type[Event]]) -> Event:
        """Wait for the next event of one of these types, and return it.

        :raise SchedulerStateError: when the scheduler stops first
        """
        self._require_running()
        return await next_event(self._engine.settings.broker, concrete(event_types), self.identity)
