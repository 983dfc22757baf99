"""The searches of combinations: where parts meet, and where one fires without another (rule T11)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import combinations
from math import gcd

from anysched.errors import TriggerSearchError
from anysched.model.brief import brief
from anysched.model.trigger import CountingTrigger, Trigger
from anysched.triggers.asking import Searched, ask, ask_back, cost_of, grid_of, spend
from anysched.triggers.base import EPOCH, LAST_INSTANT, RESOLUTION
from anysched.triggers.grid import WHOLE_MINUTES, Grid

#: After so many steps without a meeting it is worth asking whether there can be one.
_PATIENCE = 32
#: After so many excluded fire times in a row it is worth asking how long the row is.
_ROW = 8
_COUNT_COST, _COUNT_COST_PER_DAY = 20, 2
_LONGEST = (LAST_INSTANT - EPOCH) // RESOLUTION

_Ask = Callable[[Trigger, datetime], datetime | None]


def first_meeting(parts: Sequence[Trigger], after: datetime, anchor: datetime, key: str) -> datetime | None:
    """Return the first instant strictly after one at which all parts fire, or None when a part has none left.

    :raise TriggerSearchError: when they never meet, or not within the budget
    """

    def at_or_after(part: Trigger, instant: datetime) -> datetime | None:
        return ask(part, instant - RESOLUTION, anchor, key)

    if after >= LAST_INSTANT:
        return None
    grids = [grid_of(part, after, anchor, key) for part in parts]
    return _meeting(parts, grids, after + RESOLUTION, key, at_or_after)


def last_meeting(parts: Sequence[Trigger], until: datetime, anchor: datetime, key: str) -> datetime | None:
    """Return the latest instant at or before one at which all parts fire, or None when there is none before.

    :raise TriggerSearchError: when they never meet, or not within the budget
    """

    def at_or_before(part: Trigger, instant: datetime) -> datetime | None:
        return ask_back(part, instant, anchor, key)

    for floor in (WHOLE_MINUTES, EPOCH):
        if until > floor:
            grids = [grid_of(part, floor, anchor, key) for part in parts]
            found = _meeting(parts, grids, until, key, at_or_before)
            if found is not None and found > floor:
                return found
            until = floor
    return None


def _meeting(
    parts: Sequence[Trigger], grids: Sequence[Grid], start: datetime, key: str, ask_for: _Ask
) -> datetime | None:
    """Ask in turn, each for what it has from the candidate on, until all agree.

    The grid of all parts is one more to be asked, where it leaves out more than each part alone.
    """
    meeting = _common(grids)
    if meeting is None:
        # A date, or a part that has ended, only has nothing left.
        if all(grid.step for grid in grids) and all(ask_for(part, start) is not None for part in parts):
            raise TriggerSearchError(_why_never(parts, grids))
        return None
    members = [*parts] if meeting in grids else [meeting, *parts]
    costs = [cost_of(member) + 2 for member in members]
    candidate: datetime | None = start
    agreed = turn = 0
    while agreed < len(members):
        index = turn % len(members)
        spend(costs[index])
        if candidate is None:
            return None
        found = ask_for(members[index], candidate)
        agreed = agreed + 1 if found == candidate else 1
        candidate, turn = found, turn + 1
        if turn == _PATIENCE * len(members):
            _require_chance(parts, key)
    return candidate


def _common(grids: Sequence[Grid]) -> Grid | None:
    """Return the instants of all grids, or None when there are none."""
    meeting: Grid | None = grids[0]
    for grid in grids[1:]:
        meeting = None if meeting is None else meeting.common(grid)
    return meeting


def _why_never(parts: Sequence[Trigger], grids: Sequence[Grid]) -> str:
    for (one, grid), (other, others) in combinations(zip(parts, grids, strict=True), 2):
        if grid.common(others) is None:
            shared = gcd(grid.step, others.step)
            apart = abs(others.start - grid.start)
            distance = timedelta(microseconds=apart % shared if shared else apart)
            turns = f", give or take multiples of {timedelta(microseconds=shared)}" if shared else ""
            return f"{_never(one, other)}: their fire times are always {distance} apart{turns}"
    return f"{_never(*parts)}: there is no instant at which all of them could"


def _never(*parts: Trigger) -> str:
    return f"{' and '.join(map(brief, parts))} never fire at the same instant"


def _require_chance(parts: Sequence[Trigger], key: str) -> None:
    for one, other in combinations(parts, 2):
        if isinstance(one, Searched) and one.never_meets(other, key):
            raise TriggerSearchError(f"{_never(one, other)}: no time of the clock is allowed by both")


def first_without(
    trigger: Trigger, excluded: Trigger, after: datetime, anchor: datetime, key: str
) -> datetime | None:
    """Return the first fire time strictly after an instant at which another trigger does not fire, or None.

    :raise TriggerSearchError: when all are excluded, or none that is not is found within the budget
    """
    found = ask(trigger, after, anchor, key)
    if found is not None and trigger == excluded:
        _require_date(trigger, after, anchor, key)
        return None
    cost, row = cost_of(trigger) + cost_of(excluded) + 4, 0
    while found is not None and ask(excluded, found - RESOLUTION, anchor, key) == found:
        spend(cost)
        row += 1
        if row % _ROW == 0:
            found = _end_of_row(trigger, excluded, found, anchor, key)
        found = ask(trigger, found, anchor, key)
    return found


def last_without(
    trigger: Trigger, excluded: Trigger, until: datetime, anchor: datetime, key: str
) -> datetime | None:
    """Return the latest fire time at or before an instant at which another trigger does not fire, or None.

    :raise TriggerSearchError: as ``first_without``
    """
    found = ask_back(trigger, until, anchor, key)
    if found is not None and trigger == excluded:
        _require_date(trigger, EPOCH, anchor, key)
        return None
    cost, row = cost_of(trigger) + cost_of(excluded) + 4, 0
    while found is not None and ask(excluded, found - RESOLUTION, anchor, key) == found:
        spend(cost)
        row += 1
        if row % _ROW == 0:
            found = _start_of_row(trigger, excluded, found, anchor, key)
        found = ask_back(trigger, found - RESOLUTION, anchor, key)
    return found


def _require_date(trigger: Trigger, after: datetime, anchor: datetime, key: str) -> None:
    """Refuse a trigger without itself. :raise TriggerSearchError: unless it is a single date"""
    if grid_of(trigger, after, anchor, key).step:
        raise TriggerSearchError(f"{brief(trigger)} excludes each fire time of its own")


def _end_of_row(trigger: Trigger, excluded: Trigger, found: datetime, anchor: datetime, key: str) -> datetime:
    """Return an instant up to which all fire times of a trigger are excluded: from one that is, on.

    What is excluded fires at each instant of its grid as long as there are as many fire times as instants. If the
    other trigger fires only on that grid, it has no fire time then that is not excluded.
    """
    grid = _shared_grid(trigger, excluded, found - RESOLUTION, anchor, key)
    if grid is None or not isinstance(excluded, CountingTrigger):
        return found
    instants = 2 * _ROW
    while (span := _span(grid, instants)) < LAST_INSTANT - found:
        spend(_COUNT_COST + _COUNT_COST_PER_DAY * span.days)
        if excluded.count_fire_times(found, found + span, anchor=anchor, key=key) != instants:
            break
        found += span
        instants *= 2
    return found


def _start_of_row(
    trigger: Trigger, excluded: Trigger, found: datetime, anchor: datetime, key: str
) -> datetime:
    """Return an instant from which on all fire times are excluded, up to one that is: see ``_end_of_row``."""
    grid = _shared_grid(trigger, excluded, WHOLE_MINUTES, anchor, key)
    if grid is None or not isinstance(excluded, CountingTrigger):
        return found
    instants = 2 * _ROW
    while (span := _span(grid, instants)) < found - WHOLE_MINUTES:
        spend(_COUNT_COST + _COUNT_COST_PER_DAY * span.days)
        if excluded.count_fire_times(found - span, found, anchor=anchor, key=key) != instants:
            break
        found -= span - _span(grid, 1)
        instants *= 2
    return found


def _shared_grid(
    trigger: Trigger, excluded: Trigger, after: datetime, anchor: datetime, key: str
) -> Grid | None:
    """Return the grid of what is excluded after an instant, if what fires then lies on it as well."""
    grid = grid_of(excluded, after, anchor, key)
    return grid if grid.step and grid.covers(grid_of(trigger, after, anchor, key)) else None


def _span(grid: Grid, instants: int) -> timedelta:
    """Return how much time so many instants of a grid take."""
    microseconds = grid.step * instants
    return timedelta(microseconds=microseconds) if microseconds < _LONGEST else timedelta.max
