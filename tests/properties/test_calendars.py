"""Calendars and business days against the plainest way: every fire time is looked at, day by day (rule T10)."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from anysched.errors import TriggerSearchError
from anysched.model.trigger import Trigger
from anysched.triggers import (
    BusinessDayOfMonthTrigger,
    BusinessDayTrigger,
    Calendar,
    CalendarIntervalTrigger,
    CronTrigger,
    DateSet,
    IntervalTrigger,
    OrTrigger,
    Weekdays,
)
from anysched.wire.values import from_plain, to_plain

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "America/Havana",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Kiritimati",
)
NAMES: tuple[Any, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
RESOLUTION = timedelta(microseconds=1)
ONE_DAY = timedelta(days=1)

#: Days near transitions of these zones, Apia's skipped day and a midnight that St. John's had twice among them, and
#: ends of months.
starts = st.sampled_from(
    [
        date(2008, 10, 31),
        date(2011, 12, 27),
        date(2018, 11, 1),
        date(2018, 2, 15),
        date(2026, 3, 27),
        date(2026, 4, 3),
        date(2026, 10, 23),
        date(2026, 10, 30),
        date(2026, 3, 5),
    ]
)
crons = st.builds(
    lambda minute, hour, rest, zone, gap, fold: CronTrigger(
        f"{minute} {hour} {rest}", timezone=zone, gap=gap, fold=fold
    ),
    st.sampled_from(["0", "30", "*/20"]),
    st.sampled_from(["0", "2", "1-3", "*/6", "23", "*"]),
    st.sampled_from(["* * *", "* * 0,6", "28-31 * *", "*/3 * *"]),
    st.sampled_from(ZONES),
    st.sampled_from([None, "after", "shift", "skip"]),
    st.sampled_from([None, "first", "last", "both"]),
)
intervals = st.builds(
    lambda hours, minutes, micros: IntervalTrigger(hours=hours, minutes=minutes, microseconds=micros),
    st.integers(1, 90),
    st.integers(0, 59),
    st.sampled_from([0, 1]),
)
triggers: st.SearchStrategy[Trigger] = st.one_of(crons, intervals, st.builds(OrTrigger, crons, intervals))


@st.composite
def calendars(draw: st.DrawFn, start: date) -> Calendar:
    """Weekends, rows of dates, and what comes of joining them; some dates of the span are never covered."""
    offsets = draw(st.sets(st.integers(-10, 25), min_size=1, max_size=14))
    dates = DateSet(start + timedelta(days=offset) for offset in offsets)
    weekend = Weekdays(*draw(st.sampled_from([("sat", "sun"), ("fri", "sat"), ("sun",), NAMES[:5]])))
    other = DateSet(
        start + timedelta(days=offset) for offset in draw(st.sets(st.integers(-5, 20), min_size=1))
    )
    made: Calendar = draw(
        st.sampled_from([dates, weekend, weekend | dates, weekend - dates, (dates | weekend) - other])
    )
    return made.bind(ZoneInfo(draw(st.sampled_from(ZONES))))


@st.composite
def questions(draw: st.DrawFn) -> tuple[Trigger, Calendar, datetime]:
    """A trigger, a calendar, and an instant."""
    start = draw(starts)
    after = datetime(start.year, start.month, start.day, tzinfo=UTC) + draw(
        st.timedeltas(timedelta(0), timedelta(days=8))
    )
    return draw(triggers), draw(calendars(start)), after


def all_fire_times(trigger: Trigger, start: datetime, end: datetime) -> list[datetime]:
    """Return every fire time of a trigger in a span; it counts from the first of January 2010."""
    found: list[datetime] = []
    after: datetime | None = start
    while after is not None and after <= end:
        after = trigger.next_fire_time(after, anchor=datetime(2010, 1, 1, tzinfo=UTC))
        if after is not None:
            found.append(after)
    return found


def local_date(instant: datetime, calendar: Calendar) -> date:
    return instant.astimezone(calendar.timezone).date()


def moved(instant: datetime, calendar: Calendar, roll: str) -> datetime:
    """Return where a fire time is moved to, one day at a time."""
    zone = calendar.timezone
    day = shown = local_date(instant, calendar)
    if not calendar.covers(day):
        return instant

    def off(day: date) -> bool:
        return calendar.covers(day)

    following = day
    while off(following):
        following += ONE_DAY
    preceding = day
    while off(preceding):
        preceding -= ONE_DAY
    back = roll == "preceding" or (roll == "modified_following" and following.month != shown.month)
    day = preceding if back else following
    wall = datetime.combine(day, instant.astimezone(zone).time().replace(tzinfo=None, fold=0))
    found = wall.replace(tzinfo=zone).astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == wall:
        return found
    # The clock skips it: look for the instant from which on it shows something later.
    low, high = found - timedelta(days=2), found + timedelta(days=2)
    while high - low > RESOLUTION:
        middle = low + (high - low) // 2
        if middle.astimezone(zone).replace(tzinfo=None) < wall:
            low = middle
        else:
            high = middle
    return high


@settings(max_examples=60)
@given(questions(), st.booleans())
def test_only_on_the_dates_or_on_all_others(
    question: tuple[Trigger, Calendar, datetime], covered: bool
) -> None:
    """Rule T10: a trigger with a calendar has those of its fire times that are on the right dates, and no others."""
    trigger, calendar, after = question
    end = after + timedelta(days=12)
    expected = [
        instant
        for instant in all_fire_times(trigger, after, end)
        if calendar.covers(local_date(instant, calendar)) is covered and instant <= end
    ]
    limited: Trigger = trigger & calendar if covered else trigger - calendar
    assert expected == all_fire_times_up_to(limited, after, end, len(expected) + 1)


def all_fire_times_up_to(trigger: Trigger, start: datetime, end: datetime, most: int) -> list[datetime]:
    """Return fire times of a trigger in a span, and no more of them than a few."""
    found: list[datetime] = []
    after: datetime | None = start
    while len(found) < most:
        assert after is not None
        try:
            after = trigger.next_fire_time(after, anchor=datetime(2010, 1, 1, tzinfo=UTC))
        except TriggerSearchError:  # there is none for years
            break
        if after is None or after > end:
            break
        found.append(after)
    return found


@settings(max_examples=50)
@given(questions(), st.sampled_from(["following", "preceding", "modified_following"]))
def test_moved_to_business_days(question: tuple[Trigger, Calendar, datetime], roll: Any) -> None:
    """Rule T10: each fire time on a day off is moved as is said, at its wall time, and none is lost or doubled."""
    trigger, calendar, after = question
    end, reach = after + timedelta(days=10), timedelta(days=45)
    every = all_fire_times(trigger, after - reach, end + reach)
    expected = sorted({at for instant in every if after < (at := moved(instant, calendar, roll)) <= end})
    found = all_fire_times_up_to(
        BusinessDayTrigger(trigger, calendar, roll=roll), after, end, len(expected) + 1
    )
    assert expected == found


@settings(max_examples=60)
@given(
    starts.flatmap(lambda start: st.tuples(st.just(start), calendars(start))),
    st.sampled_from([-23, -3, -2, -1, 1, 2, 5, 22]),
    st.integers(0, 23),
)
def test_business_days_of_months(start: tuple[date, Calendar], n: int, hour: int) -> None:
    """Rule T10: the n-th business day of a month is the n-th of its dates that the calendar does not cover."""
    first, calendar = start
    expected: list[date] = []
    for month in range(first.year * 12 + first.month, first.year * 12 + first.month + 4):
        begin = date(month // 12, month % 12 + 1, 1)
        days = [begin + timedelta(days=number) for number in range(31)]
        business = [day for day in days if day.month == begin.month and not calendar.covers(day)]
        if len(business) >= abs(n):
            expected.append(business[n - 1 if n > 0 else n])
    trigger = BusinessDayOfMonthTrigger(n, calendar, hour)
    after = datetime(first.year + first.month // 12, first.month % 12 + 1, 1, tzinfo=calendar.timezone)
    instant: datetime | None = after.astimezone(UTC) - RESOLUTION
    for day in expected:
        assert instant is not None
        instant = trigger.next_fire_time(instant, anchor=after)
        assert instant is not None
        assert day == local_date(instant, calendar)


@settings(max_examples=40)
@given(questions(), st.sampled_from(["following", "preceding", "modified_following"]))
def test_stored_and_read_again(question: tuple[Trigger, Calendar, datetime], roll: Any) -> None:
    """Rule T10: calendars and what is made of them are stored by value, and equal ones are stored alike."""
    trigger, calendar, _ = question
    for made in (
        CronTrigger("0 0 * * *", timezone="UTC") - calendar,
        BusinessDayTrigger(trigger, calendar, roll),
        BusinessDayOfMonthTrigger(-1, calendar, 9),
        CalendarIntervalTrigger(days=1, timezone="UTC") & calendar,
    ):
        plain = json.dumps(to_plain(made), sort_keys=True)
        again = from_plain(json.loads(plain))
        assert made == again
        assert hash(made) == hash(again)
        assert plain == json.dumps(to_plain(again), sort_keys=True)
