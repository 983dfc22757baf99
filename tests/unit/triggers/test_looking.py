"""What a trigger yields: ahead, back, and how often (rule T11)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import pytest
import tzlocal
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.properties.test_triggers import instants, simple, triggers
from tests.unit.triggers.support import NEW_YEAR, at, first

from anysched.errors import TriggerError, TriggerSearchError
from anysched.model.trigger import Trigger
from anysched.triggers import (
    CalendarIntervalTrigger,
    CronTrigger,
    DateTrigger,
    IntervalTrigger,
    count_fire_times_of,
    fire_times_of,
    previous_fire_time_of,
)
from anysched.triggers.base import EPOCH, LAST_INSTANT

HELSINKI = "Europe/Helsinki"
HOUR, DAY, TICK = timedelta(hours=1), timedelta(days=1), timedelta(microseconds=1)


@attrs.frozen
class Own:
    """A trigger of a user's own: instants, and nothing else."""

    moments: tuple[datetime, ...]

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        """Return the first of them after an instant."""
        return next((moment for moment in self.moments if moment > after), None)


@given(triggers, instants, st.timedeltas(timedelta(0), timedelta(60)), instants, st.integers(0, 20))
@settings(max_examples=60, deadline=None)
def test_looking_agrees_with_stepping(
    trigger: Any, start: datetime, length: timedelta, anchor: datetime, most: int
) -> None:
    """Rule T11: ``fire_times``, ``count`` and ``previous_fire_time`` tell what stepping through a span finds."""
    stepped = first(200, trigger, start - TICK, anchor=anchor)
    end = min(start + length, stepped[-1]) if len(stepped) == 200 else start + length
    expected = [found for found in stepped if found <= end]
    assert expected == [*trigger.fire_times(start, end, anchor=anchor)]
    assert expected[:most] == [*trigger.fire_times(start, end, count=most, anchor=anchor)]
    assert stepped[:most] == [*trigger.fire_times(start, count=most, anchor=anchor)]
    assert len(expected) == trigger.count(start, end, anchor=anchor)
    for index, found in enumerate(expected[-3:], len(expected) - len(expected[-3:])):
        previous = trigger.previous_fire_time(found, anchor=anchor)
        assert previous == (expected[index - 1] if index else previous)
        assert previous is None or previous < found
        assert found == trigger.previous_fire_time(found + TICK, anchor=anchor)


@given(simple, instants, instants)
@settings(max_examples=60, deadline=None)
def test_the_previous_fire_time_is_the_latest(trigger: Any, before: datetime, anchor: datetime) -> None:
    """Rules T4 and T11: nothing fires between the previous fire time and the instant."""
    previous = trigger.previous_fire_time(before, anchor=anchor)
    following = trigger.next_fire_time(previous or EPOCH, anchor=anchor)
    assert previous is None or previous < before
    assert following is None or following >= before


moments = st.lists(
    st.builds(lambda n: NEW_YEAR + n * HOUR, st.integers(-10_000_000, 1000) | st.integers(0, 50)),
    max_size=30,
    unique=True,
)


@given(moments, st.integers(-100, 1100))
def test_triggers_of_ones_own(given_moments: list[datetime], hour: int) -> None:
    """Rule T11: any object that yields fire times is looked at alike, by functions."""
    listed = sorted(given_moments)
    trigger, moment = Own(tuple(listed)), NEW_YEAR + hour * HOUR
    index = bisect_left(listed, moment)
    assert (listed[index - 1] if index else None) == previous_fire_time_of(trigger, moment)
    assert listed[index:] == [*fire_times_of(trigger, moment)]
    assert len([found for found in listed[index:] if found <= moment + 9 * HOUR]) == count_fire_times_of(
        trigger, moment, moment + 9 * HOUR
    )


def test_fire_times_are_yielded_as_they_are_asked_for() -> None:
    """Rule T11: nothing is looked for before it is asked for, so that there may be no end."""
    asked: list[datetime] = []

    class Spy:
        def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
            asked.append(after)
            return after + HOUR

    found = fire_times_of(Spy(), NEW_YEAR)
    assert [] == asked
    assert [NEW_YEAR + HOUR - TICK, NEW_YEAR + 2 * HOUR - TICK] == [*islice(found, 2)]
    assert 2 == len(asked)
    assert [] == [*fire_times_of(Spy(), NEW_YEAR, count=0)]
    assert 2 == len(asked)


def test_both_ends_are_inclusive() -> None:
    """Rule T11: a fire time at the start and one at the end belong to the span."""
    hourly = CronTrigger("0 * * * *", timezone="UTC")
    assert [NEW_YEAR, NEW_YEAR + HOUR] == [*hourly.fire_times(NEW_YEAR, NEW_YEAR + HOUR)]
    assert 2 == hourly.count(NEW_YEAR, NEW_YEAR + HOUR)
    assert NEW_YEAR - HOUR == hourly.previous_fire_time(NEW_YEAR)
    assert 1 == DateTrigger(NEW_YEAR).count(NEW_YEAR, NEW_YEAR)


def test_the_anchor_is_the_start_unless_it_is_given() -> None:
    """Rules T3 and T11: what has no start of its own counts from ``start``, or from the anchor that is given."""
    every = IntervalTrigger(hours=5)
    assert [NEW_YEAR, NEW_YEAR + 5 * HOUR] == [*every.fire_times(NEW_YEAR, count=2)]
    assert [NEW_YEAR + 4 * HOUR] == [*every.fire_times(NEW_YEAR, count=1, anchor=NEW_YEAR - HOUR)]
    assert every.previous_fire_time(NEW_YEAR) is None
    assert NEW_YEAR - HOUR == every.previous_fire_time(NEW_YEAR, anchor=NEW_YEAR - 6 * HOUR)
    assert 3 == every.count(NEW_YEAR, NEW_YEAR + 10 * HOUR)
    assert 2 == every.count(NEW_YEAR, NEW_YEAR + 10 * HOUR, anchor=NEW_YEAR - HOUR)


def test_the_key_chooses_what_is_spread() -> None:
    """Rules T7 and T11: with the id of a schedule, ``H`` is what it is for that schedule."""
    spread = CronTrigger("H H * * *", timezone="UTC")
    for key in ("a", "b"):
        (found,) = spread.fire_times(NEW_YEAR, count=1, key=key)
        assert found == spread.next_fire_time(NEW_YEAR - TICK, anchor=NEW_YEAR, key=key)
        assert found == spread.previous_fire_time(found + TICK, key=key)
        assert 1 == spread.count(NEW_YEAR, NEW_YEAR + DAY - TICK, key=key)


def test_naive_datetimes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules T1 and T11: naive datetimes are read in the trigger's zone, or in the machine's where it has none."""
    monkeypatch.setattr(tzlocal, "get_localzone", lambda: ZoneInfo("Asia/Tokyo"))
    naive = datetime(2026, 1, 1)
    own = CronTrigger("0 0 * * *", timezone=HELSINKI)
    assert [at(HELSINKI, 2026, 1, 1), at(HELSINKI, 2026, 1, 2)] == [*own.fire_times(naive, naive + DAY)]
    assert at(HELSINKI, 2025, 12, 31) == own.previous_fire_time(naive)
    assert 2 == own.count(naive, naive + DAY)
    for opened in (
        CronTrigger("0 0 * * *"),
        CalendarIntervalTrigger(days=1),
        IntervalTrigger(days=1),
        DateTrigger(naive),
    ):
        assert [at("Asia/Tokyo", 2026, 1, 1)] == [*opened.fire_times(naive, naive + HOUR)]
    assert all(found.tzinfo is UTC for found in own.fire_times(naive, count=3))
    assert at(HELSINKI, 2026, 1, 1) == next(own.fire_times(NEW_YEAR - DAY, anchor=naive))


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda trigger: trigger.fire_times("now"), TypeError, "start must be a datetime, not str"),
        (lambda trigger: trigger.fire_times(NEW_YEAR, 5), TypeError, "end must be a datetime, not int"),
        (lambda trigger: trigger.fire_times(NEW_YEAR, NEW_YEAR - TICK), ValueError, "end must not lie before start"),
        (lambda trigger: trigger.fire_times(NEW_YEAR, count=-1), ValueError, "count must be at least 0"),
        (lambda trigger: trigger.fire_times(NEW_YEAR, count=1.5), TypeError, "count must be a whole number"),
        (lambda trigger: trigger.fire_times(NEW_YEAR, anchor="now"), TypeError, "anchor must be a datetime"),
        (lambda trigger: trigger.previous_fire_time(None), TypeError, "before must be a datetime"),
        (lambda trigger: trigger.count(NEW_YEAR, NEW_YEAR - TICK), ValueError, "end must not lie before start"),
        (lambda trigger: fire_times_of("daily", NEW_YEAR), TypeError, "trigger must have a method next_fire_time"),
    ],
    ids=map(str, range(9)),
)  # fmt: skip
def test_what_is_refused(ask: Callable[[Any], Any], error: type[Exception], message: str) -> None:
    """Rule T11: what makes no sense is refused at once, by the name of the argument, not when it is iterated over."""
    with pytest.raises(error, match=message):
        ask(IntervalTrigger(hours=1))


def test_wrong_answers_are_not_believed() -> None:
    """Rules T2 and T11: a trigger that stands still is an error, and no endless loop."""

    class Still:
        def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
            return NEW_YEAR

    with pytest.raises(TriggerError, match="must return an instant after"):
        [*fire_times_of(Still(), NEW_YEAR)]
    with pytest.raises(TriggerError, match="must return an instant after"):
        previous_fire_time_of(Still(), NEW_YEAR + HOUR)


def test_what_never_fires_is_told() -> None:
    """Rule T11: looking at parts that never meet ends with the reason."""
    apart: Any = CronTrigger("0 9 * * *", timezone="UTC") & CronTrigger("0 10 * * *", timezone="UTC")
    for look in (
        lambda: [*apart.fire_times(NEW_YEAR)],
        lambda: apart.previous_fire_time(NEW_YEAR),
        lambda: apart.count(NEW_YEAR, NEW_YEAR + DAY),
    ):
        with pytest.raises(TriggerSearchError, match="never fire at the same instant"):
            look()


def test_the_ends_of_the_calendar() -> None:
    """Rule T11: at both ends of the calendar there is an answer or none, never an error."""
    daily: Trigger
    for daily in (
        CronTrigger("0 0 * * *", timezone="UTC"),
        IntervalTrigger(days=1, start_time=EPOCH),
        Own((NEW_YEAR,)),
    ):
        assert previous_fire_time_of(daily, EPOCH) is None
        assert [] == [*fire_times_of(daily, LAST_INSTANT)]
        assert 0 == count_fire_times_of(daily, LAST_INSTANT, LAST_INSTANT)
        assert count_fire_times_of(daily, EPOCH, EPOCH + DAY) <= 2


def test_counting_takes_no_steps_where_the_trigger_counts() -> None:
    """Rules T11 and L3: what counts is not stepped through, in a combination of parts that never meet either."""
    micro = IntervalTrigger(microseconds=1, start_time=NEW_YEAR)
    assert 86_400 * 10**6 * 365 + 1 == micro.count(NEW_YEAR, NEW_YEAR + 365 * DAY)
    odd = CronTrigger("* * * * * *", timezone="UTC") | IntervalTrigger(seconds=1, start_time=NEW_YEAR + TICK)
    assert 2 * 86_400 * 365 == odd.between(NEW_YEAR, NEW_YEAR + 365 * DAY - TICK).shifted(HOUR).count(
        NEW_YEAR, NEW_YEAR + 500 * DAY
    )
