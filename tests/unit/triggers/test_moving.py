"""Triggers that are shifted or bounded (rule T11)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.properties.test_triggers import calendar_intervals, crons, dates, instants, intervals
from tests.unit.triggers.support import NEW_YEAR, at, first

from anysched.model.trigger import Trigger, is_due_when_past
from anysched.triggers import BetweenTrigger, CronTrigger, DateTrigger, IntervalTrigger, ShiftedTrigger
from anysched.triggers.asking import ask_back
from anysched.triggers.base import EPOCH, LAST_INSTANT

HELSINKI = "Europe/Helsinki"
HOUR, DAY, TICK = timedelta(hours=1), timedelta(days=1), timedelta(microseconds=1)

parts = st.one_of(crons(), calendar_intervals(), intervals(), dates)
offsets = st.timedeltas(timedelta(-3), timedelta(3))


@given(parts, offsets, instants, instants)
@settings(max_examples=60, deadline=None)
def test_shifting_moves_each_fire_time(
    part: Any, offset: timedelta, after: datetime, anchor: datetime
) -> None:
    """Rule T11: what is shifted fires at the fire times of its part, so much later; found and counted likewise."""
    trigger: Any = part.shifted(offset)
    expected = [found + offset for found in first(5, part, after - offset, anchor=anchor)]
    assert expected == first(5, trigger, after, anchor=anchor)
    for number, until in enumerate([after, *expected]):
        back = ask_back(part, until - offset, anchor, "")
        assert (None if back is None else back + offset) == trigger.last_fire_time(until, anchor=anchor)
        counted = trigger.count_fire_times(after, until, anchor=anchor)
        assert counted == number or (counted is None and not isinstance(part, IntervalTrigger))


@given(parts, instants, st.timedeltas(timedelta(0), timedelta(400)), instants)
@settings(max_examples=60, deadline=None)
def test_bounds_leave_out_what_lies_beyond(
    part: Any, start: datetime, length: timedelta, anchor: datetime
) -> None:
    """Rule T11: within bounds fire the fire times of the part that lie there, both ends included."""
    end = start + length
    trigger = part.between(start, end)
    inside = [found for found in first(6, part, start - TICK, anchor=anchor) if found <= end]
    assert inside == first(6, trigger, start - DAY, anchor=anchor)
    for found in inside:
        assert found == part.between(found, found).next_fire_time(start - DAY, anchor=anchor)
        assert found == trigger.last_fire_time(found, anchor=anchor)
    back = ask_back(part, end, anchor, "")
    assert (back if back is not None and back >= start else None) == trigger.last_fire_time(
        LAST_INSTANT, anchor=anchor
    )
    number = trigger.count_fire_times(start - DAY, end, anchor=anchor)
    assert number is None or len(inside) == min(number, 6)


def test_one_bound_is_enough() -> None:
    """Rule T11: without a start or an end there is no bound on that side."""
    hourly = CronTrigger("0 * * * *", timezone="UTC")
    assert [NEW_YEAR, NEW_YEAR + HOUR] == first(9, hourly.between(None, NEW_YEAR + HOUR), NEW_YEAR - HOUR)
    assert [NEW_YEAR + 5 * HOUR] == first(1, hourly.between(NEW_YEAR + 5 * HOUR), NEW_YEAR)
    assert first(3, hourly, NEW_YEAR) == first(3, hourly.between(), NEW_YEAR)
    assert hourly.between(None, NEW_YEAR).next_fire_time(NEW_YEAR, anchor=NEW_YEAR) is None
    assert hourly.between(NEW_YEAR).last_fire_time(NEW_YEAR - TICK, anchor=NEW_YEAR) is None


def test_the_anchor_goes_to_the_part() -> None:
    """Rules T3 and T11: an interval without a start counts from the anchor, shifted or within bounds as well."""
    every, anchor = IntervalTrigger(hours=5), NEW_YEAR + HOUR
    shifted, bounded = every.shifted(HOUR / 2), every.between(NEW_YEAR + 7 * HOUR)
    assert [anchor + HOUR / 2, anchor + 5.5 * HOUR] == first(2, shifted, NEW_YEAR, anchor=anchor)
    assert [anchor + 10 * HOUR, anchor + 15 * HOUR] == first(2, bounded, NEW_YEAR, anchor=anchor)


def test_naive_bounds() -> None:
    """Rules T1 and T11: naive bounds are read in the zone of the trigger, else stay open until the trigger is bound."""
    naive = datetime(2026, 1, 1)
    own = CronTrigger("0 * * * *", timezone=HELSINKI).between(naive, naive)
    assert at(HELSINKI, 2026, 1, 1) == own.start == own.end
    assert own is own.bind(ZoneInfo("Asia/Tokyo"))
    opened = IntervalTrigger(hours=1).between(naive)
    assert naive == opened.start
    bound = opened.bind(ZoneInfo("Asia/Tokyo"))
    assert at("Asia/Tokyo", 2026, 1, 1) == bound.start
    assert bound is bound.bind(ZoneInfo(HELSINKI))
    assert ZoneInfo(HELSINKI) == own.timezone == own.shifted(HOUR).timezone
    assert opened.timezone is None
    part = CronTrigger("0 * * * *").shifted(HOUR)
    assert ShiftedTrigger(CronTrigger("0 * * * *", timezone=HELSINKI), HOUR) == part.bind(ZoneInfo(HELSINKI))


def test_what_is_refused() -> None:
    """Rule T11: what makes no sense is refused by the name of the argument."""
    every: Any = IntervalTrigger(hours=1)
    with pytest.raises(TypeError, match="offset must be a timedelta, not int"):
        every.shifted(5)
    with pytest.raises(TypeError, match="start must be a datetime, not str"):
        every.between("soon")
    with pytest.raises(TypeError, match="end must be a datetime, not int"):
        every.between(None, 5)
    with pytest.raises(ValueError, match="end must not lie before start"):
        every.between(NEW_YEAR, NEW_YEAR - TICK)
    late = every.between(datetime(2026, 1, 1, 12), NEW_YEAR + 6 * HOUR)
    with pytest.raises(ValueError, match="end must not lie before start"):
        late.bind(UTC)
    with pytest.raises(TypeError, match="trigger must have a method next_fire_time"):
        ShiftedTrigger(5, HOUR)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="trigger must have a method next_fire_time"):
        BetweenTrigger("0 * * * *", NEW_YEAR)  # type: ignore[arg-type]


def test_the_ends_of_the_calendar() -> None:
    """Rule T11: what is shifted out of the calendar is gone, and nothing runs over."""
    every = IntervalTrigger(days=1, start_time=EPOCH + DAY)
    long = timedelta(days=3_000_000)
    for trigger in (
        every.shifted(long),
        every.shifted(-long),
        every.shifted(10 * long),
        every.shifted(-10 * long),
    ):
        for moment in (EPOCH, NEW_YEAR, LAST_INSTANT):
            found = trigger.next_fire_time(moment, anchor=NEW_YEAR)
            assert found is None or found > moment
            found = trigger.last_fire_time(moment, anchor=NEW_YEAR)
            assert found is None or found <= moment
            assert trigger.count_fire_times(EPOCH, moment, anchor=NEW_YEAR) >= 0
    assert EPOCH + DAY + long == every.shifted(long).next_fire_time(NEW_YEAR, anchor=NEW_YEAR)
    assert every.shifted(long).last_fire_time(NEW_YEAR, anchor=NEW_YEAR) is None
    assert every.shifted(-long).next_fire_time(NEW_YEAR, anchor=NEW_YEAR) is None
    assert [EPOCH + DAY] == first(1, every.between(EPOCH), EPOCH)


def test_a_date_stays_one() -> None:
    """Rules S6 and T11: a shifted date that has passed is due at once as the date itself; other triggers are not."""
    past: Trigger = DateTrigger(NEW_YEAR).shifted(HOUR)
    assert is_due_when_past(past)
    assert not is_due_when_past(IntervalTrigger(hours=1).shifted(HOUR))
    assert not is_due_when_past(DateTrigger(NEW_YEAR).between(NEW_YEAR))
