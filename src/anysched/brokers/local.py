"""Events within one process and one event loop."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar
from weakref import WeakKeyDictionary

from anysched.model.events import Event
from anysched.ports.broker import Listener

logger: logging.Logger = logging.getLogger(__name__)


class LocalEventBroker:
    """Hands events to the listeners at once, in the order of publication."""

    _shared: ClassVar[WeakKeyDictionary[object, LocalEventBroker]] = WeakKeyDictionary()

    def __init__(self) -> None:
        self._listeners: dict[int, tuple[Listener, frozenset[type[Event]]]] = {}
        self._wanted: Counter[type[Event]] = Counter()
        self._next_key = 0

    @classmethod
    def shared_by(cls, owner: object) -> LocalEventBroker:
        """Return the one broker of an object: schedulers on one data store object hear each other."""
        return cls._shared.setdefault(owner, cls())

    @property
    def error(self) -> str | None:
        """None: there is nobody far away."""
        return None

    async def start(self) -> None:
        """Nothing to get ready."""

    async def stop(self) -> None:
        """Nothing to let go."""

    def publish(self, events: Sequence[Event]) -> None:
        """Hand events on, in order."""
        for listener, types in list(self._listeners.values()):
            wanted = [event for event in events if type(event) in types]
            if wanted:
                try:
                    listener(wanted)
                except Exception:  # rule N2: telling about a change never fails it
                    logger.exception("an event listener raised")

    def subscribe(self, listener: Listener, types: Iterable[type[Event]]) -> Callable[[], None]:
        """Call ``listener`` with the events of these types until the returned function is called."""
        self._next_key += 1
        key, wanted = self._next_key, frozenset(types)
        self._listeners[key] = (listener, wanted)
        self._wanted.update(wanted)

        def unsubscribe() -> None:
            if self._listeners.pop(key, None) is not None:
                self._wanted.subtract(wanted)

        return unsubscribe

    def wants(self, event_type: type[Event]) -> bool:
        """Tell whether anybody listens to a type."""
        return self._wanted[event_type] > 0
