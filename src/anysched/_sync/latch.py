"""A wait that neither a signal handler nor an interrupt can spoil."""

from __future__ import annotations

import threading
import time

#: Seconds without a look at signals, and at the flag: on Windows nothing can interrupt a wait.
LONGEST_WAIT = 1.0


class Latch:
    """What is set once, and waited for by any number of threads.

    A ``threading.Event`` holds a lock for moments of ``wait()``: a signal handler that waits for the same event
    then waits for ever, and an interrupt at such a moment is an error of another kind.
    """

    def __init__(self) -> None:
        self._set = False
        self._lock = threading.Lock()  # held until it is set
        self._lock.acquire()

    def is_set(self) -> bool:
        """Return whether it is set."""
        return self._set

    def set(self) -> None:
        """Wake whoever waits; for one thread at a time."""
        if not self._set:
            self._set = True
            self._lock.release()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until it is set, at most so long; return whether it is."""
        until = None if seconds is None else time.monotonic() + seconds
        while not self._set:
            left = LONGEST_WAIT if until is None else min(until - time.monotonic(), LONGEST_WAIT)
            if left <= 0:
                break
            if self._lock.acquire(timeout=left):
                self._lock.release()  # where an interrupt prevents that, others see the flag a little later
        return self._set
