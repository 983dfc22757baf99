"""Fire times at a fixed distance (rules T3 to T5)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.unit.triggers.support import NEW_YEAR, at, first

from anysched.triggers import IntervalTrigger

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


def test_counts_from_the_anchor() -> None:
    """rule T3: without a start of its own the first fire time is the anchor, to the microsecond."""
    anchor = NEW_YEAR + timedelta(microseconds=123_456)
    trigger = IntervalTrigger(minutes=90)
    expected = [anchor, anchor + 1.5 * HOUR, anchor + 3 * HOUR]
    assert expected == first(3, trigger, anchor - timedelta(days=40), anchor=anchor)
    assert expected[1:] == first(2, trigger, anchor, anchor=anchor)


def test_its_own_start_wins_over_the_anchor() -> None:
    """rule T3: the first fire time is the start itself, and the anchor means nothing then."""
    trigger = IntervalTrigger(hours=1, start_time=NEW_YEAR)
    for anchor in (NEW_YEAR + timedelta(minutes=7), NEW_YEAR - timedelta(days=700)):
        assert [NEW_YEAR, NEW_YEAR + HOUR] == first(2, trigger, NEW_YEAR - SECOND, anchor=anchor)


def test_start_and_end_are_inclusive() -> None:
    """rule T3: a fire time at the end still fires, one a microsecond later does not."""
    end = NEW_YEAR + 3 * HOUR
    trigger = IntervalTrigger(hours=1, start_time=NEW_YEAR, end_time=end)
    expected = [NEW_YEAR, NEW_YEAR + HOUR, NEW_YEAR + 2 * HOUR, end]
    assert expected == first(9, trigger, NEW_YEAR - SECOND)
    shorter = IntervalTrigger(hours=1, start_time=NEW_YEAR, end_time=end - timedelta(microseconds=1))
    assert expected[:3] == first(9, shorter, NEW_YEAR - SECOND)
    single = IntervalTrigger(hours=1, start_time=NEW_YEAR, end_time=NEW_YEAR)
    assert [NEW_YEAR] == first(9, single, NEW_YEAR - SECOND)


def test_elapsed_time_across_transitions() -> None:
    """rule T5: an interval neither fires twice in a gap nor leaves a hole in a fold."""
    berlin = ZoneInfo("Europe/Berlin")
    for month, day in ((3, 29), (10, 25)):
        trigger = IntervalTrigger(hours=1, start_time=datetime(2026, month, day)).bind(berlin)
        start = at("Europe/Berlin", 2026, month, day)
        expected = [start + number * HOUR for number in range(6)]
        assert expected == first(6, trigger, start - SECOND)
    overnight = IntervalTrigger(days=1, start_time=datetime(2026, 3, 28, 9)).bind(berlin)
    shown = [moment.astimezone(berlin).hour for moment in first(2, overnight, NEW_YEAR)]
    assert [9, 10] == shown


def test_cost_does_not_depend_on_elapsed_time() -> None:
    """rule T4: a microsecond interval is asked about after eight thousand years."""
    start = datetime(1, 1, 1, tzinfo=UTC)
    trigger = IntervalTrigger(microseconds=7, start_time=start)
    after = datetime(9000, 1, 1, tzinfo=UTC)
    found = trigger.next_fire_time(after, anchor=start)
    assert found is not None
    assert timedelta(0) < found - after <= timedelta(microseconds=7)
    assert timedelta(0) == (found - start) % timedelta(microseconds=7)
    last = trigger.last_fire_time(after, anchor=start)
    assert found - timedelta(microseconds=7) == last
    count = (after - start) // timedelta(microseconds=7)
    assert count == trigger.count_fire_times(start, after, anchor=start)


def test_looking_back() -> None:
    """rule T4: the latest fire time at or before an instant, inside start and end."""
    trigger = IntervalTrigger(hours=1, start_time=NEW_YEAR, end_time=NEW_YEAR + 2.5 * HOUR)
    cases = [(-SECOND, None), (0 * SECOND, 0), (HOUR - SECOND, 0), (HOUR, 1), (30 * HOUR, 2)]
    for offset, index in cases:
        expected = None if index is None else NEW_YEAR + index * HOUR
        assert expected == trigger.last_fire_time(NEW_YEAR + offset, anchor=NEW_YEAR)


def test_counting() -> None:
    """rule L3: fire times in (after, until], inside start and end."""
    trigger = IntervalTrigger(hours=1, start_time=NEW_YEAR, end_time=NEW_YEAR + 2.5 * HOUR)
    cases = [(-9 * HOUR, -SECOND, 0), (-9 * HOUR, 0 * HOUR, 1), (0 * HOUR, HOUR, 1), (-HOUR, 99 * HOUR, 3)]
    cases += [(HOUR, HOUR, 0), (2 * HOUR, HOUR, 0), (5 * HOUR, 9 * HOUR, 0)]
    for after, until, count in cases:
        found = trigger.count_fire_times(NEW_YEAR + after, NEW_YEAR + until, anchor=NEW_YEAR)
        assert count == found, (after, until)


def test_the_end_of_the_calendar() -> None:
    """rule T2: past the last instant that a datetime can say there is nothing left."""
    last = datetime.max.replace(tzinfo=UTC)
    trigger = IntervalTrigger(days=400)
    assert trigger.next_fire_time(last - timedelta(days=1), anchor=NEW_YEAR) is None
    assert trigger.next_fire_time(last, anchor=last) is None
    assert IntervalTrigger(weeks=420_000).next_fire_time(NEW_YEAR, anchor=NEW_YEAR) is None
    assert [last] == first(2, trigger, last - SECOND, anchor=last)


def test_equal_intervals_are_equal() -> None:
    """rule S1: triggers that mean the same compare, hash and are stored the same."""
    one = IntervalTrigger(hours=1)
    for other in (IntervalTrigger(minutes=60), IntervalTrigger(seconds=3599, microseconds=1_000_000)):
        assert (one, hash(one)) == (other, hash(other))
    assert IntervalTrigger(weeks=1) == IntervalTrigger(days=7)
    assert IntervalTrigger(minutes=1.5) == IntervalTrigger(seconds=90)
    assert timedelta(hours=1) == one.interval
    assert one != IntervalTrigger(hours=1, start_time=NEW_YEAR)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "longer than nothing"),
        ({"seconds": 0}, "longer than nothing"),
        ({"microseconds": 0.2}, "longer than nothing"),
        ({"seconds": -1}, "seconds must not be negative"),
        ({"hours": 2, "minutes": -1}, "minutes must not be negative"),
        ({"days": float("nan")}, "days must not be negative"),
        ({"days": float("inf")}, "longer than a datetime can count"),
        ({"weeks": 10**12}, "longer than a datetime can count"),
        ({"hours": 1, "start_time": NEW_YEAR, "end_time": NEW_YEAR - SECOND}, "lies before start_time"),
    ],
)
def test_bad_values_are_refused(arguments: Any, message: str) -> None:
    """rule T5: an interval goes forward, and ends after it starts."""
    with pytest.raises(ValueError, match=message):
        IntervalTrigger(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seconds": "5"}, "seconds must be a number, not str"),
        ({"hours": True}, "hours must be a number, not bool"),
        ({"days": timedelta(1)}, "days must be a number, not timedelta"),
        ({"days": 1, "start_time": date(2026, 1, 1)}, "start_time must be a datetime, not date"),
        ({"days": 1, "end_time": "now"}, "end_time must be a datetime, not str"),
    ],
)
def test_bad_types_are_refused(arguments: Any, message: str) -> None:
    """rule T1: a type error names the argument."""
    with pytest.raises(TypeError, match=message):
        IntervalTrigger(**arguments)
