"""Fire times at a wall time every so many days or months (rules T3 and T5; for T6 see test_cron_dst)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from dateutil.relativedelta import relativedelta
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.unit.triggers.support import NEW_YEAR, at, first

from anysched.triggers import CalendarIntervalTrigger

ZONE = "Europe/Berlin"
BEFORE = datetime(2000, 1, 1, tzinfo=UTC)


def dates(trigger: CalendarIntervalTrigger, count: int, after: datetime = BEFORE) -> list[str]:
    """Return the UTC dates of the next fire times."""
    return [moment.date().isoformat() for moment in first(count, trigger, after)]


def monthly(start: date, **arguments: Any) -> CalendarIntervalTrigger:
    """Return a trigger that fires at midnight in UTC."""
    return CalendarIntervalTrigger(start_date=start, timezone="UTC", **arguments)


def test_months_do_not_drift() -> None:
    """rule T5: each date is counted from the start, so the 31st comes back after a short month."""
    start = date(2026, 1, 31)
    skipped = ["2026-01-31", "2026-03-31", "2026-05-31", "2026-07-31", "2026-08-31"]
    assert skipped == dates(monthly(start, months=1), 5)
    clipped = ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"]
    assert clipped == dates(monthly(start, months=1, day="clip"), 5)
    assert ["2026-01-31", "2026-07-31"] == dates(monthly(start, months=3), 2)


def test_leap_days() -> None:
    """rule T5: a yearly 29th of February fires in leap years, or on the 28th in the others."""
    start = date(2096, 2, 29)
    assert ["2096-02-29", "2104-02-29", "2108-02-29"] == dates(monthly(start, years=1), 3)
    expected = ["2096-02-29", "2097-02-28", "2098-02-28", "2099-02-28", "2100-02-28"]
    assert expected == dates(monthly(start, years=1, day="clip"), 5)
    assert ["2000-02-29", "2400-02-29"] == dates(monthly(date(2000, 2, 29), years=100), 2)


def test_months_and_days_together() -> None:
    """rule T5: of each step the months are counted first, then the days."""
    trigger = monthly(date(2026, 1, 31), months=1, days=1, day="clip")
    assert ["2026-01-31", "2026-03-01", "2026-04-02", "2026-05-03"] == dates(trigger, 4)
    trigger = monthly(date(2026, 1, 1), weeks=2, days=1)
    assert ["2026-01-01", "2026-01-16", "2026-01-31"] == dates(trigger, 3)


def test_wall_time_is_kept_across_transitions() -> None:
    """rule T5: nine o'clock stays nine o'clock."""
    trigger = CalendarIntervalTrigger(days=1, hour=9, start_date=date(2026, 3, 28), timezone=ZONE)
    expected = [at(ZONE, 2026, 3, day, 9) for day in (28, 29, 30)]
    assert expected == first(3, trigger, BEFORE)
    assert [timedelta(hours=23), timedelta(hours=24)] == [
        expected[1] - expected[0],
        expected[2] - expected[1],
    ]


def test_counts_from_the_date_of_the_anchor() -> None:
    """rule T3: without a start date, dates count from the anchor's date in the zone, and none is before it."""
    anchor = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)  # the first of February in Berlin
    late = CalendarIntervalTrigger(months=1, hour=6, timezone=ZONE)
    expected = [at(ZONE, 2026, 2, 1, 6), at(ZONE, 2026, 3, 1, 6)]
    assert expected == first(2, late, BEFORE, anchor=anchor)
    early = CalendarIntervalTrigger(months=1, minute=15, timezone=ZONE)
    assert at(ZONE, 2026, 3, 1, 0, 15) == early.next_fire_time(BEFORE, anchor=anchor)
    same = CalendarIntervalTrigger(months=1, minute=30, timezone=ZONE)
    assert anchor == same.next_fire_time(BEFORE, anchor=anchor)
    assert at(ZONE, 2026, 3, 1, 0, 30) == same.next_fire_time(
        BEFORE, anchor=anchor + timedelta(microseconds=1)
    )


def test_its_own_start_wins_over_the_anchor() -> None:
    """rule T3: a start date keeps its phase, and the dates before the anchor are fire times too."""
    trigger = CalendarIntervalTrigger(days=2, start_date=date(2026, 1, 1), timezone="UTC")
    assert ["2026-01-01", "2026-01-03"] == dates(trigger, 2)
    assert ["2026-03-02"] == dates(trigger, 1, after=datetime(2026, 2, 28, 1, tzinfo=UTC))


def test_start_and_end_are_inclusive() -> None:
    """rule T3: the end date itself still fires, also when a gap moves it into the next day."""
    trigger = monthly(date(2026, 1, 1), months=1, end_date=date(2026, 3, 1))
    assert ["2026-01-01", "2026-02-01", "2026-03-01"] == dates(trigger, 9)
    gap = CalendarIntervalTrigger(
        days=1, start_date=date(2018, 11, 4), end_date=date(2018, 11, 4), timezone="America/Sao_Paulo"
    )
    assert [at("America/Sao_Paulo", 2018, 11, 4, 1)] == first(2, gap, BEFORE)
    until = CalendarIntervalTrigger(days=1, hour=23, end_date=date(2026, 1, 1), timezone="UTC")
    assert [NEW_YEAR + timedelta(hours=23)] == first(2, until, BEFORE)


def test_cost_does_not_depend_on_elapsed_time() -> None:
    """rule T4: the five millionth date is found as fast as the first."""
    trigger = monthly(date(1, 1, 1), days=1)
    expected = [datetime(9000, 1, 2, tzinfo=UTC)]
    assert expected == first(1, trigger, datetime(9000, 1, 1, 5, tzinfo=UTC))
    trigger = monthly(date(1, 1, 31), months=1, days=1, day="clip")
    after = datetime(4000, 1, 1, tzinfo=UTC)
    found = first(2, trigger, after)
    assert all(after < moment < after + timedelta(days=64) for moment in found)


def test_the_end_of_the_calendar() -> None:
    """rule T2: past the last date there is nothing left, whatever the interval and the zone."""
    last = datetime.max.replace(tzinfo=UTC)
    for zone in ("UTC", "Pacific/Kiritimati", "America/Adak"):
        trigger = CalendarIntervalTrigger(days=1, hour=23, minute=59, timezone=zone)
        found = first(9, trigger, last - timedelta(days=3))
        assert 2 <= len(found) <= 3
        assert trigger.next_fire_time(last, anchor=last) is None
    assert [NEW_YEAR] == first(2, monthly(NEW_YEAR.date(), days=10**30), BEFORE)
    assert [NEW_YEAR] == first(2, monthly(NEW_YEAR.date(), months=10**30), BEFORE)
    yearly = CalendarIntervalTrigger(years=1, timezone="America/Adak")
    assert yearly.next_fire_time(datetime.min.replace(tzinfo=UTC), anchor=NEW_YEAR) is not None


@settings(max_examples=100)
@given(
    st.dates(date(1890, 1, 1), date(2400, 1, 1)),
    st.integers(0, 40),
    st.integers(0, 40),
    st.sampled_from(["skip", "clip"]),
    st.integers(0, 60),
)
def test_dateutil_agrees(start: date, months: int, days: int, day: Any, passed: int) -> None:
    """Rule T5: each date is what dateutil's relativedelta makes of the start; "skip" leaves out what it had to clip."""
    assume(months or days)
    trigger = monthly(start, months=months, days=days, day=day)
    expected: list[datetime] = []
    for number in range(passed, passed + 40):
        month = start + relativedelta(months=months * number)
        if day == "clip" or month.day == start.day:
            found = month + relativedelta(days=days * number)
            expected.append(datetime(found.year, found.month, found.day, tzinfo=UTC))
    if expected:
        assert expected == first(len(expected), trigger, expected[0] - timedelta(microseconds=1))
        assert expected[0] == datetime(start.year, start.month, start.day, tzinfo=UTC) or passed


def test_equal_intervals_are_equal() -> None:
    """rule S1: triggers that mean the same compare, hash and are stored the same."""
    one = CalendarIntervalTrigger(years=1, weeks=1)
    other = CalendarIntervalTrigger(months=12, days=7, gap="after", fold="first")
    assert (one, hash(one)) == (other, hash(other))
    assert one != CalendarIntervalTrigger(years=1, weeks=1, gap="skip")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "longer than nothing"),
        ({"days": 0, "hour": 5}, "longer than nothing"),
        ({"months": -1}, "months must be at least 0, not -1"),
        ({"days": 1, "hour": 24}, "hour must be from 0 to 23, not 24"),
        ({"days": 1, "minute": 60}, "minute must be from 0 to 59, not 60"),
        ({"days": 1, "second": -1}, "second must be from 0 to 59, not -1"),
        ({"days": 1, "day": "last"}, "day must be one of 'skip', 'clip', not 'last'"),
        ({"days": 1, "gap": "before"}, "gap must be one of 'after', 'shift', 'skip', not 'before'"),
        ({"days": 1, "fold": "second"}, "fold must be one of 'first', 'last', 'both', not 'second'"),
        ({"days": 1, "start_date": date(2026, 2, 1), "end_date": date(2026, 1, 1)}, "lies before start_date"),
    ],
)
def test_bad_values_are_refused(arguments: Any, message: str) -> None:
    """rule T5: an interval goes forward, at a wall time that there is."""
    with pytest.raises(ValueError, match=message):
        CalendarIntervalTrigger(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"days": 1.0}, "days must be a whole number, not float"),
        ({"months": True}, "months must be a whole number, not bool"),
        ({"days": 1, "hour": "9"}, "hour must be a whole number, not str"),
        ({"days": 1, "start_date": NEW_YEAR}, "start_date must be a date, not datetime"),
        ({"days": 1, "end_date": "2026-01-01"}, "end_date must be a date, not str"),
        ({"days": 1, "gap": 1}, "gap must be a string, not int"),
        ({"days": 1, "fold": 1}, "fold must be a string, not int"),
        ({"days": 1, "day": None}, "day must be a string, not NoneType"),
    ],
)
def test_bad_types_are_refused(arguments: Any, message: str) -> None:
    """rule T1: a type error names the argument."""
    with pytest.raises(TypeError, match=message):
        CalendarIntervalTrigger(**arguments)
