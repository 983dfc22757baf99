"""The store's present (rule N6)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from anysched._clock import Clock
from anysched.stores.sql.columns import to_instant

#: By how much two clocks may drift apart, as a part of the time that passes.
DRIFT: Final = 1e-4


class ServerTime:
    """A server's present, as can be told between two of its answers; never ahead of it, unless it was set back.

    When an answer is here, the server's clock shows at least what it says; when the question was put, it showed at
    most that. What earlier answers have shown is kept for as long as it lies between the two.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._bound: tuple[float, float] | None = (
            None  # server's seconds ahead of monotonic ones, and known when
        )

    def told(self, number: int, asked_at: float, answered_at: float) -> None:
        """Note an instant that the server has told, between two monotonic times."""
        seconds = number / 1_000_000
        low, high = seconds - answered_at, seconds - asked_at
        kept = self._kept(answered_at)
        self._bound = (low if kept is None or not low <= kept <= high else kept), answered_at

    def _kept(self, at: float) -> float | None:
        if self._bound is None:
            return None
        ahead, known_at = self._bound
        return ahead - DRIFT * (at - known_at)

    def now(self) -> datetime:
        """Return the server's present; the clock's, before the server has told anything."""
        at = self._clock.monotonic()
        ahead = self._kept(at)
        return self._clock.now() if ahead is None else to_instant(int((ahead + at) * 1_000_000))
