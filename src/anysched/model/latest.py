"""The latest fire time of a trigger that is only known from before (rule T4)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta


def find_latest(
    ask: Callable[[datetime], datetime | None], until: datetime, floor: datetime, step: timedelta
) -> datetime | None:
    """Return the latest fire time in (floor, until], or None: backwards in growing steps, then bisection.

    :param ask: returns the first fire time strictly after an instant and at or before ``until``, or None
    :param step: how far to look back first; longer than nothing
    """
    low, high, found = floor, until, None  # no fire time lies after high and by until
    while step < until - floor:
        if (hit := ask(until - step)) is not None:
            low = found = hit
            break
        high, step = until - step, step * 2
    while (following := ask(low)) is not None:
        low = found = following
        middle = low + (high - low) / 2
        if low < high and (hit := ask(middle)) is not None:
            low = found = hit
        else:
            high = middle
    return found
