"""A list of fire times (rules T13, T1, T4 and S6)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.triggers.support import NEW_YEAR, at, first, walk

from anysched.model.brief import brief
from anysched.model.policies import ConflictPolicy
from anysched.model.schedule import Schedule
from anysched.model.trigger import is_due_when_past
from anysched.rules.adding import add
from anysched.testing import TriggerSuite
from anysched.triggers import DatesTrigger, DateTrigger, IntervalTrigger
from anysched.triggers.dates import MOST_DATES

TICK = timedelta(microseconds=1)
TIMES = [NEW_YEAR + timedelta(hours=number) for number in (9, 1, 30, 1)]


def added(trigger: DatesTrigger, now: datetime) -> datetime | None:
    """Return the first fire time of a schedule that is added."""
    schedule = Schedule("task", trigger, id="x")
    change = add(schedule, None, now, ConflictPolicy.do_nothing, lambda one, other: one == other)
    assert change.state is not None
    return change.state.next_fire_time


class TestDates(TriggerSuite):
    """Rule T13: a list of dates is a trigger like any other."""

    def triggers(self) -> list[DatesTrigger]:
        return [
            DatesTrigger(TIMES),
            DatesTrigger([self.anchor]),
            DatesTrigger(self.anchor + number * TICK for number in range(10)),
            DatesTrigger([datetime(2025, 10, 26, 2, 30), datetime(2025, 10, 26, 2, 30, fold=1), self.anchor]),
        ]


def test_in_order_each_once() -> None:
    """Rule T13: the order in which they are given does not matter, nor does a zone; what is there twice fires once."""
    trigger = DatesTrigger(TIMES)
    assert tuple(sorted(set(TIMES))) == trigger.run_times
    elsewhere = [moment.astimezone(timezone(timedelta(hours=-7))) for moment in TIMES]
    assert trigger == DatesTrigger(reversed([*elsewhere, *TIMES]))
    assert hash(trigger) == hash(DatesTrigger(elsewhere))
    assert [*trigger.run_times] == first(9, trigger, NEW_YEAR, anchor=NEW_YEAR + timedelta(days=9))


def test_naive_datetimes() -> None:
    """Rule T1: naive ones are read in the zone that is bound; what then is the same instant fires once."""
    zone = "Europe/Berlin"
    naive = [datetime(2026, 10, 25, 2, 30, fold=1), datetime(2026, 10, 25, 2, 30), datetime(2026, 1, 1, 1)]
    trigger = DatesTrigger([NEW_YEAR, *naive])
    assert 4 == len(trigger.run_times)
    bound = trigger.bind(ZoneInfo(zone))
    assert (NEW_YEAR, at(zone, 2026, 10, 25, 2, 30), at(zone, 2026, 10, 25, 2, 30, fold=1)) == bound.run_times
    assert bound is bound.bind(UTC)
    assert trigger == DatesTrigger([*reversed(naive), NEW_YEAR])


@given(st.sets(st.integers(0, 60), min_size=1), st.integers(-2, 62), st.integers(-2, 62))
def test_against_a_list(seconds: set[int], after: int, until: int) -> None:
    """Rules T2, T4 and L3: what is next, what was last and how many there are is what a list says."""
    base = NEW_YEAR
    trigger = DatesTrigger(base + timedelta(seconds=number) for number in seconds)
    since, to = base + timedelta(seconds=after), base + timedelta(seconds=until)
    later = [number for number in sorted(seconds) if number > after]
    assert [base + timedelta(seconds=number) for number in later] == list(walk(trigger, since))
    earlier = [number for number in sorted(seconds) if number <= until]
    last = trigger.last_fire_time(to, anchor=base)
    assert (base + timedelta(seconds=earlier[-1]) if earlier else None) == last
    expected = sum(after < number <= until for number in seconds)
    assert expected == trigger.count_fire_times(since, to, anchor=base)


def test_dates_that_have_passed() -> None:
    """Rules T13 and S6: those that have passed are passed over; a list that is wholly past is refused."""
    trigger = DatesTrigger(TIMES)
    assert not is_due_when_past(trigger)
    assert NEW_YEAR + timedelta(hours=9) == added(trigger, NEW_YEAR + timedelta(hours=5))
    assert NEW_YEAR + timedelta(hours=30) == added(trigger, NEW_YEAR + timedelta(hours=30))
    with pytest.raises(ValueError, match="has no fire time left"):
        added(trigger, NEW_YEAR + timedelta(hours=31))


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        ([], ValueError, "run_times must not be empty"),
        ("2026", TypeError, "run_times must be a list of datetimes, not str"),
        (NEW_YEAR, TypeError, "run_times must be a list of datetimes, not datetime"),
        ([NEW_YEAR, date(2026, 1, 1)], TypeError, r"run_times\[1\] must be a datetime, not date"),
        (
            (NEW_YEAR + timedelta(seconds=number) for number in range(MOST_DATES + 1)),
            ValueError,
            "run_times must not be more than 10,000, not 10,001",
        ),
    ],
)
def test_what_is_refused(value: Any, error: type[Exception], message: str) -> None:
    """Rule T13: what is no list of dates is refused by an error that names the argument, and the one that is wrong."""
    with pytest.raises(error, match=message):
        DatesTrigger(value)


def test_how_it_is_shown() -> None:
    """Rule N7: a long list is shown by its ends; a short one as it was made."""
    two = DatesTrigger(TIMES[:2])
    assert f"DatesTrigger([{TIMES[1]!r}, {TIMES[0]!r}])" == repr(two)
    many = DatesTrigger(NEW_YEAR + timedelta(seconds=number) for number in range(MOST_DATES))
    assert ", ...9998 more..., " in repr(many)
    assert len(repr(many)) < 250
    assert len(brief(many)) <= 200


def test_in_combinations() -> None:
    """Rule T13: dates can be added to other fire times, and taken out of them."""
    hourly = IntervalTrigger(hours=1, start_time=NEW_YEAR)
    assert [2, 3, 4, 5] == [moment.hour for moment in first(4, hourly - DatesTrigger(TIMES), NEW_YEAR)]
    both = DatesTrigger(TIMES) | DateTrigger(NEW_YEAR + timedelta(hours=2))
    assert [1, 2, 9, 6] == [moment.hour for moment in first(9, both, NEW_YEAR)]
