"""Grids of instants: what they have in common, and that fire times lie on them (rule T11)."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.properties.test_triggers import calendar_intervals, crons, dates, instants, intervals
from tests.unit.triggers.support import NEW_YEAR, first

from anysched.model.trigger import Trigger
from anysched.triggers import BetweenTrigger, CronTrigger, ShiftedTrigger
from anysched.triggers.asking import grid_of
from anysched.triggers.base import EPOCH, LAST_INSTANT, RESOLUTION
from anysched.triggers.grid import EVERYWHERE, WHOLE_MINUTES, Grid, microseconds

grids = st.builds(Grid.at, st.integers(0, 40), st.integers(0, 12))
REACH = 300


def members(grid: Grid) -> set[int]:
    """Return the instants of a grid up to some number, by looking at each."""
    return {n for n in range(REACH) if n == grid.start or (grid.step and (n - grid.start) % grid.step == 0)}


@given(grids, grids)
def test_common_instants(one: Grid, other: Grid) -> None:
    """Rule T11: two grids share what the Chinese remainder theorem says, or nothing."""
    common = one.common(other)
    assert members(one) & members(other) == (set() if common is None else members(common))
    assert common == other.common(one)


@given(grids, grids)
def test_unions(one: Grid, other: Grid) -> None:
    """Rule T11: the union of two grids has the instants of both, and a coarser grid does not."""
    union = one.union(other)
    assert union.covers(one)
    assert union.covers(other)
    assert members(one) | members(other) <= members(union)
    for step in range(union.step + 1, 13) if union.step else ():
        assert not (members(one) | members(other)) <= members(Grid.at(one.start, step))


@given(grids, grids)
def test_covering(one: Grid, other: Grid) -> None:
    """Rule T11: one grid covers another when it has all of its instants."""
    assert one.covers(other) == (members(other) <= members(one))


@given(grids, st.integers(0, 60), st.integers(-30, 30))
def test_asking_a_grid(grid: Grid, moment: int, by: int) -> None:
    """Rule T11: a grid is asked as a trigger is; shifted, it is so much later."""
    after = EPOCH + moment * RESOLUTION
    later = [n for n in sorted(members(grid)) if n > moment]
    found = grid.next_fire_time(after)
    assert (later[0] if later else None) == (None if found is None else microseconds(found))
    earlier = [n for n in sorted(members(grid)) if n <= moment]
    found = grid.last_fire_time(after)
    assert (earlier[-1] if earlier else None) == (None if found is None else microseconds(found))
    if grid.start + by >= 0:
        moved = {n + by for n in range(REACH + 31) if n in members(grid)}
        assert {n for n in moved if 0 <= n < 200} >= {
            n for n in members(grid.shifted(by)) if max(by, 0) <= n < 200
        }


def test_the_ends_of_the_calendar() -> None:
    """Rule T11: beyond the first and the last instant there is none."""
    assert Grid(0, 10**6).next_fire_time(LAST_INSTANT) is None
    assert EVERYWHERE.next_fire_time(LAST_INSTANT - RESOLUTION) == LAST_INSTANT
    assert Grid(5, 10).last_fire_time(EPOCH) is None
    assert EPOCH == EVERYWHERE.last_fire_time(EPOCH)


plain = st.one_of(crons(), calendar_intervals(), intervals(), dates)
offsets = st.timedeltas(timedelta(-3), timedelta(3))
built: st.SearchStrategy[Trigger] = st.one_of(
    plain,
    st.builds(ShiftedTrigger, plain, offsets),
    st.builds(BetweenTrigger, plain, st.just(NEW_YEAR)),
    st.builds(lambda a, b: a | b, plain, plain),
    st.builds(lambda a, b: a - b, plain, dates),
)


@given(built, instants, instants)
def test_fire_times_lie_on_the_grid(trigger: Trigger, after: datetime, anchor: datetime) -> None:
    """Rule T11: all fire times after an instant lie on the grid that a trigger tells, whatever its zone does."""
    grid = grid_of(trigger, after, anchor, "x")
    for found in first(6, trigger, after, anchor=anchor):
        assert found == grid.next_fire_time(found - RESOLUTION), (grid, found)


@pytest.mark.parametrize(
    ("expression", "zone", "gap", "start", "step"),
    [
        ("0 9 * * *", "UTC", None, 9 * 3600, 86_400),
        ("0 9 * * *", "Etc/GMT-2", None, 7 * 3600, 86_400),
        ("*/15 * * * *", "UTC", None, 0, 900),
        ("0,20 9,12 * * *", "UTC", None, 9 * 3600, 1200),
        ("30 0 9 * * *", "Europe/Helsinki", "skip", 30, 60),
        ("30 0 9 * * *", "Europe/Helsinki", "after", 0, 30),
        ("*/20 * * * * *", "Europe/Helsinki", None, 0, 20),
    ],
)
def test_grids_of_cron_rules(expression: str, zone: str, gap: str, start: int, step: int) -> None:
    """Rule T11: a cron rule lies on the steps between its times of day, or between its seconds where offsets change."""
    trigger = CronTrigger(expression, timezone=zone, gap=gap)  # type: ignore[arg-type]
    found = trigger.grid(NEW_YEAR, anchor=NEW_YEAR)
    assert Grid.at(start * 10**6, step * 10**6) == found
    before = trigger.grid(datetime(1920, 1, 1, tzinfo=UTC), anchor=NEW_YEAR)
    assert found == before if zone != "Europe/Helsinki" else before == Grid(0, 10**6)


def test_zones_change_on_whole_minutes() -> None:
    """Rule T11: since 1973 all offsets and transitions of the time zone database are whole minutes."""
    since, minute = WHOLE_MINUTES.timestamp(), timedelta(minutes=1)
    read: Any = import_module("zoneinfo._zoneinfo").ZoneInfo.no_cache
    for key in sorted(zoneinfo.available_timezones()):
        zone = read(key)
        after, offset = zone._tz_after, None
        for at, kind in zip(zone._trans_utc, zone._ttinfos, strict=True):
            if at >= since and kind.utcoff != offset:
                assert not at % 60, (key, at)
            offset = kind.utcoff
            assert at < since or not offset % minute, (key, at)
        assert not zoneinfo.ZoneInfo(key).utcoffset(WHOLE_MINUTES) % minute, key
        for kind in (after.std, after.dst) if hasattr(after, "std") else (after,):
            assert not kind.utcoff % minute, key
