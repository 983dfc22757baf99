"""Stretches of fire times: from one instant to another, both included (rules F2 and F4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from anysched.model.backfill import Backfill, Stretch
from anysched.model.policies import SkipReason
from anysched.model.state import ScheduleState
from anysched.rules.instants import TICK
from anysched.rules.spans import Dates, Exclusion


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


def left_to(backfills: Iterable[Backfill]) -> tuple[Stretch, ...]:
    """Return the stretches of time whose fire times a schedule leaves to backfills (rule F4), in order and apart."""
    merged: list[Stretch] = []
    for first, last in sorted(stretch for backfill in backfills for stretch in backfill.taken):
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return tuple(merged)


def is_taken(state: ScheduleState, instant: datetime) -> bool:
    """Return whether a schedule leaves a fire time at an instant to a backfill."""
    return bool(state.backfills) and hold(left_to(state.backfills), instant)


def taken_by(backfills: Iterable[Backfill]) -> list[Exclusion]:
    """Return what leaves fire times to backfills out of those that a schedule goes through (rule F4).

    They are counted when their jobs are made, not when the schedule passes them.
    """
    taken = left_to(backfills)
    if not taken:
        return []
    spans = Dates([(first, last + TICK) for first, last in taken])
    return [Exclusion(spans=spans, reason=SkipReason.backfilled, blocks=False)]
