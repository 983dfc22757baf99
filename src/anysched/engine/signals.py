"""SIGINT and SIGTERM, for all schedulers that serve in this process (rule J6)."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

WATCHED = (signal.SIGINT, signal.SIGTERM)

#: The first signal stops in order, the second at once. One more goes to the handlers that were there before,
#: as something does not end, or blocks the event loop.
PATIENCE = 2


class Signals:
    """Calls everybody who listens. The handlers that were there come back when nobody listens any more.

    For the main thread only, as signal handlers are.
    """

    def __init__(self) -> None:
        self._listeners: list[Callable[[], object]] = []
        self._former: dict[int, Any] = {}
        self._arrived = 0

    def listen(self, listener: Callable[[], object]) -> Callable[[], None]:
        """Call a function, from within the handler, for each signal; return what ends that."""
        self._listeners.append(listener)  # before the handlers are there: no signal may find nobody
        if len(self._listeners) == 1:
            self._arrived = 0
            self._former = {number: signal.signal(number, self._handle) for number in WATCHED}

        def leave() -> None:
            self._listeners.remove(listener)
            if not self._listeners:
                self._restore()

        return leave

    def _restore(self) -> None:
        for number, handler in self._former.items():
            # A handler that was not set from Python cannot be set again from Python.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._former = {}

    def _handle(self, number: int, _: FrameType | None) -> None:
        self._arrived += 1
        if self._arrived > PATIENCE:
            self._restore()
            signal.raise_signal(number)
        else:
            for listener in self._listeners:
                listener()


signals: Signals = Signals()
