"""Cron triggers beside their expression: start and end, counting, the end of the calendar (rules T2 to T5)."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.unit.triggers.support import NEW_YEAR, at, between, first

from anysched.triggers import CronTrigger

ZONE = "Europe/Berlin"
DAY = timedelta(days=1)


def test_wall_time_of_its_zone() -> None:
    """rule T5: nine in the morning stays nine in the morning, on weekdays."""
    trigger = CronTrigger("0 9 * * mon-fri", timezone=ZONE)
    expected = [at(ZONE, 2026, 3, 27, 9), at(ZONE, 2026, 3, 30, 9)]
    assert expected == first(2, trigger, at(ZONE, 2026, 3, 27))


def test_strictly_after_and_on_whole_seconds() -> None:
    """rule T2: the first fire time strictly after an instant; fractions of a second are never carried on."""
    trigger = CronTrigger("* * * * * *", timezone="UTC")
    second = timedelta(seconds=1)
    assert NEW_YEAR + second == trigger.next_fire_time(NEW_YEAR, anchor=NEW_YEAR)
    half = NEW_YEAR + second / 2
    assert NEW_YEAR + second == trigger.next_fire_time(half, anchor=half)
    assert NEW_YEAR == trigger.next_fire_time(NEW_YEAR - timedelta(microseconds=1), anchor=NEW_YEAR)


def test_the_anchor_means_nothing() -> None:
    """rule T3: a cron rule names instants by itself."""
    trigger = CronTrigger("0 9 * * *", timezone="UTC")
    for anchor in (NEW_YEAR - 999 * DAY, NEW_YEAR + 999 * DAY):
        assert NEW_YEAR + timedelta(hours=9) == trigger.next_fire_time(NEW_YEAR, anchor=anchor)


def test_start_and_end_are_inclusive() -> None:
    """rule T3: fire times at the start and at the end are fire times; a fraction after the start is rounded up."""
    start, end = NEW_YEAR + timedelta(hours=9), NEW_YEAR + 2 * DAY + timedelta(hours=9)
    trigger = CronTrigger("0 9 * * *", "UTC", start, end)
    assert [start, start + DAY, end] == first(9, trigger, NEW_YEAR - 99 * DAY)
    later = CronTrigger("0 9 * * *", timezone="UTC", start_time=start + timedelta(microseconds=1))
    assert [start + DAY] == first(1, later, NEW_YEAR - 99 * DAY)
    sooner = CronTrigger("0 9 * * *", timezone="UTC", end_time=end - timedelta(microseconds=1))
    assert [start, start + DAY] == first(9, sooner, NEW_YEAR)
    assert 3 == trigger.count_fire_times(NEW_YEAR - 99 * DAY, NEW_YEAR + 99 * DAY, anchor=NEW_YEAR)
    assert 2 == sooner.count_fire_times(NEW_YEAR, NEW_YEAR + 99 * DAY, anchor=NEW_YEAR)


@pytest.mark.parametrize("expression", ["*/7 9-17 * * mon-fri", "*/20 30 2 * * *", "0 0 31 * *", "@hourly"])
@pytest.mark.parametrize("zone", ["UTC", ZONE, "Australia/Lord_Howe", "Pacific/Apia"])
def test_counting(expression: str, zone: str) -> None:
    """rule L3: counting (after, until] agrees with stepping, by the microsecond, over a year of transitions."""
    trigger = CronTrigger(expression, timezone=zone)
    start, end = datetime(2011, 3, 1, tzinfo=UTC), datetime(2012, 2, 1, tzinfo=UTC)
    found = between(trigger, start, end)
    assert len(found) == trigger.count_fire_times(start, end, anchor=start)
    for low, high in ((3, 9), (0, len(found) // 2), (len(found) // 3, len(found) - 1)):
        if high >= len(found):
            continue
        count = trigger.count_fire_times(found[low], found[high], anchor=start)
        assert high - low == count
        before = [moment - timedelta(microseconds=1) for moment in (found[low], found[high])]
        assert high - low == trigger.count_fire_times(*before, anchor=start)
    assert 0 == trigger.count_fire_times(end, start, anchor=start)


def test_counting_far_is_left_to_others() -> None:
    """rule L3: a span for which counting would take long gets no answer instead of a wrong one."""
    trigger = CronTrigger("* * * * * *", timezone=ZONE)
    assert trigger.count_fire_times(NEW_YEAR, NEW_YEAR + 9_999 * DAY, anchor=NEW_YEAR) is None
    assert 365 * 86_400 == trigger.count_fire_times(NEW_YEAR, NEW_YEAR + 365 * DAY, anchor=NEW_YEAR)
    shifted = CronTrigger("* * * * *", timezone=ZONE, gap="shift")
    assert shifted.count_fire_times(NEW_YEAR, NEW_YEAR + 200 * DAY, anchor=NEW_YEAR) is None


def test_the_ends_of_the_calendar() -> None:
    """rule T2: at both ends of the calendar there is an answer or None, in any zone, and never an error."""
    earliest, latest = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    for zone in ("UTC", "Pacific/Kiritimati", "America/Adak"):
        trigger = CronTrigger("59 23 * * *", timezone=zone)
        assert trigger.next_fire_time(latest, anchor=latest) is None
        assert first(9, trigger, latest - 3 * DAY)[-1] > latest - DAY
        assert first(1, trigger, earliest)[0] < earliest + 2 * DAY
        count = trigger.count_fire_times(latest - 3 * DAY, latest, anchor=latest)
        assert len(first(9, trigger, latest - 3 * DAY)) == count
        assert 1 <= (trigger.count_fire_times(earliest, earliest + 2 * DAY, anchor=earliest) or 0) <= 2
    endless = CronTrigger("* * * * * *", timezone="UTC", start_time=latest, end_time=latest)
    assert endless.next_fire_time(NEW_YEAR, anchor=NEW_YEAR) is None


def test_value_semantics() -> None:
    """rule T2: equal by value, hashable, immutable, and the same after a copy or a pickle."""
    trigger = CronTrigger("0 9 * * *", timezone=ZONE, start_time=NEW_YEAR)
    again = CronTrigger(hour="9", timezone=ZONE, start_time=NEW_YEAR, gap="after", fold="first")
    assert (trigger, hash(trigger)) == (again, hash(again))
    assert trigger != CronTrigger("0 9 * * *", timezone="Europe/Paris", start_time=NEW_YEAR)
    assert trigger != CronTrigger("0 9 * * *", timezone=ZONE, start_time=NEW_YEAR, fold="both")
    trigger.next_fire_time(NEW_YEAR, anchor=NEW_YEAR)
    for other in (copy.copy(trigger), copy.deepcopy(trigger), pickle.loads(pickle.dumps(trigger))):
        assert trigger == other
        assert first(3, trigger, NEW_YEAR) == first(3, other, NEW_YEAR)
    writable: Any = trigger
    with pytest.raises(AttributeError):
        writable.expression = "* * * * *"


def test_bad_arguments_are_refused() -> None:
    """rule T1: a wrong argument is named."""
    with pytest.raises(ValueError, match="lies before start_time"):
        CronTrigger("* * * * *", start_time=NEW_YEAR, end_time=NEW_YEAR - DAY)
    wrong: Any = "tomorrow"
    with pytest.raises(TypeError, match="start_time must be a datetime, not str"):
        CronTrigger("* * * * *", start_time=wrong)
    with pytest.raises(ValueError, match="gap must be one of"):
        CronTrigger("* * * * *", gap=wrong)
    with pytest.raises(ValueError, match="after must be aware"):
        CronTrigger("* * * * *").next_fire_time(datetime(2026, 1, 1), anchor=NEW_YEAR)
