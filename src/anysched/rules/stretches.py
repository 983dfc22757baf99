"""Stretches of fire times: from one instant to another, both included (rules F2 and F4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from anysched.model.backfill import Stretch
from anysched.rules.times import TICK


class Gathering:
    """Puts fire times together that are in a row."""

    def __init__(self) -> None:
        self.found: list[Stretch] = []
        self._goes_on = False

    def add(self, fire_time: datetime, belongs: bool) -> None:
        """Take the next fire time, which belongs to a stretch or not."""
        if belongs and self._goes_on:
            self.found[-1] = (self.found[-1][0], fire_time)
        elif belongs:
            self.found.append((fire_time, fire_time))
        self._goes_on = belongs


def ahead(stretches: Iterable[Stretch], cursor: datetime | None) -> tuple[Stretch, ...]:
    """Return those stretches that a schedule has not passed."""
    return tuple(one for one in stretches if cursor is not None and one[1] >= cursor)


def hold(stretches: Iterable[Stretch], instant: datetime) -> bool:
    """Return whether an instant lies in one of them."""
    return any(first <= instant <= last for first, last in stretches)


def common(some: Iterable[Stretch], others: Sequence[Stretch]) -> tuple[Stretch, ...]:
    """Return what lies in both, in order."""
    found = [(max(a, c), min(b, d)) for a, b in some for c, d in others]
    return tuple(sorted((first, last) for first, last in found if first <= last))


def without(some: Iterable[Stretch], others: Iterable[Stretch]) -> tuple[Stretch, ...]:
    """Return what lies in the first and not in the others."""
    left = list(some)
    for start, end in others:
        cut: list[Stretch] = []
        for first, last in left:
            before, behind = (first, min(last, start - TICK)), (max(first, end + TICK), last)
            cut += [piece for piece in (before, behind) if piece[0] <= piece[1]]
        left = cut
    return tuple(left)
