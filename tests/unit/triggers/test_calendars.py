"""Calendars of dates and weekdays, and triggers that fire on their dates or on all others (rule T10)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.unit.triggers.support import NEW_YEAR, at, first, wall

from anysched.errors import TriggerSearchError
from anysched.testing import TriggerSuite
from anysched.triggers import (
    BusinessDayOfMonthTrigger,
    BusinessDayTrigger,
    CronTrigger,
    DateSet,
    DateTrigger,
    IntervalTrigger,
    Weekdays,
)
from anysched.triggers.calendars.base import CalendarTrigger

BERLIN = "Europe/Berlin"
WEEKEND = Weekdays("sat", "sun", timezone=BERLIN)
EVE = DateSet(["2026-12-24", date(2026, 12, 31)], BERLIN)
EVERY_DAY = Weekdays("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NINE = CronTrigger("0 9 * * *", BERLIN)


class TestCalendarTriggers(TriggerSuite):
    """Triggers with calendars promise what all triggers do."""

    def triggers(self) -> list[Any]:
        """Return one of each kind, also on a day whose clock changes."""
        return [
            NINE - WEEKEND,
            CronTrigger("*/20 * * * *", BERLIN) & Weekdays("sun", timezone=BERLIN),
            IntervalTrigger(hours=7, microseconds=1) - WEEKEND,
            BusinessDayTrigger(CronTrigger("30 2 * * *", BERLIN), WEEKEND),
            BusinessDayTrigger(IntervalTrigger(hours=5), WEEKEND | EVE, "preceding"),
            BusinessDayTrigger(CronTrigger("0 0 1,30,31 * *", BERLIN), WEEKEND, "modified_following"),
            BusinessDayOfMonthTrigger(-1, WEEKEND | EVE, 17),
            BusinessDayOfMonthTrigger(2, WEEKEND, 2, 30, months=(3, 10)),
            NINE & EVE,
        ]


def test_on_the_dates_and_on_all_others() -> None:
    """Rule T10: ``-`` leaves out the fire times on dates that are covered, ``&`` all others."""
    after = at(BERLIN, 2026, 12, 23)
    assert ["23 09:00+0100", "25 09:00+0100"] == [
        wall(found, BERLIN) for found in first(2, NINE - EVE, after)
    ]
    assert ["24 09:00+0100", "31 09:00+0100"] == [
        wall(found, BERLIN) for found in first(9, NINE & EVE, after)
    ]
    assert (NINE & EVE) == (EVE & NINE)


def test_calendars_are_joined_and_taken_apart() -> None:
    """Rule T10: ``|`` covers what one of both covers, ``-`` what the second does not."""
    joined = WEEKEND | EVE
    assert all(joined.covers(date(2026, 12, day)) for day in (24, 26, 27, 31))
    assert not joined.covers(date(2026, 12, 25))
    assert not (joined - EVE).covers(date(2026, 12, 24))
    assert (joined - EVE).covers(date(2026, 12, 26))
    assert (WEEKEND | EVE | DateSet(["2027-01-01"])).calendars == (WEEKEND, EVE, DateSet(["2027-01-01"]))


def test_dates_are_those_of_the_zone() -> None:
    """Rule T10: which date an instant is on is said by the zone of the calendar."""
    kiritimati = DateSet(["2026-12-24"], "Pacific/Kiritimati")  # 14 hours ahead of UTC
    hourly = CronTrigger("0 * * * *", "UTC") & kiritimati
    found = first(30, hourly, NEW_YEAR)
    assert (24, datetime(2026, 12, 23, 10, tzinfo=UTC)) == (len(found), found[0])


def test_an_open_zone_is_the_triggers() -> None:
    """Rules T1 and T10: a calendar without a zone takes the trigger's own, else the one that the scheduler gives."""
    open_eve = DateSet(["2026-12-24"])
    one: Any = (CronTrigger("0 * * * *", BERLIN) - open_eve).bind(UTC)
    other: Any = (IntervalTrigger(hours=1) - open_eve).bind(UTC)
    nested: Any = (CronTrigger("0 * * * *", BERLIN) - EVE - open_eve).bind(UTC)
    assert (ZoneInfo(BERLIN), UTC) == (one.calendar.timezone, other.calendar.timezone)
    assert ZoneInfo(BERLIN) == nested.calendar.timezone == nested.timezone
    assert one is one.bind(ZoneInfo("Asia/Tokyo"))
    union: Any = (NINE - (EVE | Weekdays("sun"))).bind(UTC)
    assert [ZoneInfo(BERLIN)] * 2 == [calendar.timezone for calendar in union.calendar.calendars]


def test_calendars_of_two_zones_are_not_joined() -> None:
    """Rule T10: joined calendars have one zone; with two, what to write instead is said."""
    with pytest.raises(ValueError, match=r"America/New_York, Europe/Berlin.*trigger - one - other"):
        WEEKEND | DateSet(["2026-07-04"], "America/New_York")
    with pytest.raises(ValueError, match="time zones"):
        WEEKEND - DateSet(["2026-07-04"], "America/New_York")


class Counting:
    """A trigger of the user's that fires each second and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime:
        self.asked += 1
        return after.replace(microsecond=0) + timedelta(seconds=1)


@pytest.mark.parametrize("days", [1, 1000])
def test_rows_of_dates_are_jumped_over(days: int) -> None:
    """Rules T4 and T10: what it costs to come past a row of dates depends neither on its length nor on the trigger."""
    trigger = Counting()
    off = DateSet((date(2026, 1, 2) + timedelta(days=number) for number in range(days)), "UTC")
    found = (trigger - off).next_fire_time(datetime(2026, 1, 1, 23, 59, 59, tzinfo=UTC), anchor=NEW_YEAR)
    assert datetime(2026, 1, 2, tzinfo=UTC) + timedelta(days=days) == found
    assert trigger.asked == 2


def test_a_row_of_days_off_is_asked_once_a_day() -> None:
    """Rules T4 and T10: fire times that are moved are not stepped through either."""
    trigger = Counting()
    off = DateSet((date(2026, 1, 2) + timedelta(days=number) for number in range(20)), "UTC")
    after = datetime(2026, 1, 1, 23, 59, 59, tzinfo=UTC)
    found = BusinessDayTrigger(trigger, off).next_fire_time(after, anchor=NEW_YEAR)
    assert datetime(2026, 1, 22, tzinfo=UTC) == found
    assert trigger.asked <= 25


@pytest.mark.parametrize(
    "trigger",
    [
        CronTrigger("0 9 * * sun", BERLIN) - WEEKEND,
        CronTrigger("0 9 * * mon-fri", BERLIN) & WEEKEND,
        CronTrigger("0 9 24 12 *", BERLIN) - DateSet((f"{year}-12-24" for year in range(2000, 2300)), BERLIN),
        IntervalTrigger(weeks=1, start_time=datetime(2026, 1, 3, tzinfo=UTC)) - WEEKEND,
    ],
)
def test_a_search_in_vain_ends(trigger: Any) -> None:
    """Rule T10: that a trigger fires on the wrong dates only is found out, and told with both."""
    with pytest.raises(TriggerSearchError, match=r"no fire time found from .*(Weekdays|DateSet)"):
        trigger.next_fire_time(NEW_YEAR, anchor=NEW_YEAR)


def test_no_date_is_left() -> None:
    """Rule T10: where every date is covered, or none any more, there is no fire time left, and nothing is searched."""
    assert (NINE - EVERY_DAY.bind(UTC)).next_fire_time(NEW_YEAR, anchor=NEW_YEAR) is None
    assert (NINE & EVE).next_fire_time(at(BERLIN, 2027, 1, 1), anchor=NEW_YEAR) is None
    assert (DateTrigger(at(BERLIN, 2026, 12, 24, 9)) - EVE).next_fire_time(NEW_YEAR, anchor=NEW_YEAR) is None
    nothing: Any = NINE & (WEEKEND - WEEKEND)
    with pytest.raises(TriggerSearchError, match="no date found"):
        nothing.next_fire_time(NEW_YEAR, anchor=NEW_YEAR)


def test_a_date_that_the_zone_left_out() -> None:
    """Rule T10: Apia had no 30th of December 2011; to leave it out, or to ask for it, is no error."""
    hourly = CronTrigger("0 */6 * * *", "Pacific/Apia")
    gone = DateSet(["2011-12-30"], "Pacific/Apia")
    after = at("Pacific/Apia", 2011, 12, 29, 18)
    assert ["31 00:00+1400"] == [wall(found, "Pacific/Apia") for found in first(1, hourly - gone, after)]
    assert [] == first(1, hourly & gone, after)


def test_a_midnight_that_comes_twice() -> None:
    """Rule T10: where the clock goes back over midnight both parts of a date count, and it takes no search to tell."""
    zone = "America/St_Johns"  # on 2 November 2008 at 00:01 it was 23:01 of the day before again
    trigger = IntervalTrigger(seconds=1, start_time=datetime(2008, 11, 1, tzinfo=UTC))
    on: Any = trigger & DateSet(["2008-11-02"], zone)
    begin, second = datetime(2008, 11, 2, 2, 30, tzinfo=UTC), datetime(2008, 11, 2, 3, 30, tzinfo=UTC)
    assert begin == on.next_fire_time(begin - timedelta(hours=9), anchor=NEW_YEAR)
    last_of_first_part = begin + timedelta(seconds=59)
    assert second == on.next_fire_time(last_of_first_part, anchor=NEW_YEAR)
    others: Any = trigger - DateSet(["2008-11-02"], zone)
    assert last_of_first_part + timedelta(seconds=1) == others.next_fire_time(begin, anchor=NEW_YEAR)


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: DateSet([]), ValueError, "dates must not be empty"),
        (lambda: DateSet("2026-12-24"), TypeError, "dates must be a collection"),
        (lambda: DateSet(["24.12.2026"]), ValueError, r"dates\[0\] must be a date such as '2026-12-24'"),
        (lambda: DateSet([date(2026, 1, 1), datetime(2026, 1, 2)]), TypeError, r"dates\[1\] must be a date"),
        (lambda: DateSet(["2026-12-24"], "Mars"), ValueError, "timezone 'Mars' is unknown"),
        (Weekdays, ValueError, "at least one day"),
        (lambda: Weekdays("saturday"), ValueError, "days must be among 'mon'.*'saturday'"),  # type: ignore[arg-type]
        (lambda: EVE.covers(datetime(2026, 1, 1)), TypeError, "day must be a date, not datetime"),
        (lambda: CalendarTrigger(NINE, {"2026-12-24"}, True), TypeError, "did you mean DateSet"),  # type: ignore[arg-type]
        (lambda: BusinessDayTrigger("0 9 * * *", EVE), TypeError, "trigger must have a method"),  # type: ignore[arg-type]
        (lambda: BusinessDayTrigger(NINE, EVE, "next"), ValueError, "roll must be one of 'following'"),  # type: ignore[arg-type]
        (lambda: BusinessDayOfMonthTrigger(0, EVE), ValueError, "n must be 1 for the first"),
        (lambda: BusinessDayOfMonthTrigger(32, EVE), ValueError, "n must be from -31 to 31"),
        (lambda: BusinessDayOfMonthTrigger(1, EVE, months=(13,)), ValueError, "months must be from 1 to 12"),
        (lambda: BusinessDayOfMonthTrigger(1, EVE, timezone="UTC"), ValueError, "must be the same"),
        (lambda: NINE | EVE, TypeError, r"unsupported operand type\(s\) for \|"),  # type: ignore[operator]
        (lambda: EVE & WEEKEND, TypeError, r"unsupported operand type\(s\) for &"),  # type: ignore[operator]
        (lambda: EVE - NINE, TypeError, r"unsupported operand type\(s\) for -"),  # type: ignore[operator]
    ],
)
def test_what_makes_no_sense_is_refused(make: Any, error: type[Exception], said: str) -> None:
    """Rule T10: bad input is refused with the name of the argument."""
    with pytest.raises(error, match=said):
        make()


def test_how_they_are_written() -> None:
    """Rule T10: the repr of a calendar is how it is made."""
    assert "DateSet(['2026-12-24', '2026-12-31'])" == repr(
        DateSet(["2026-12-31", "2026-12-24", "2026-12-31"])
    )
    assert "timezone=zoneinfo.ZoneInfo(key='Europe/Berlin'))" in repr(EVE)
    assert Weekdays("sun", "sat") == Weekdays("sat", "sun", "sat")


class TestBusinessDays:
    """Fire times that are moved to business days."""

    @pytest.mark.parametrize(
        ("roll", "expected"),
        [
            ("following", ["01 10:00", "02 10:00", "02 10:00"]),
            ("preceding", ["29 10:00", "30 10:00", "30 10:00"]),
            ("modified_following", ["29 10:00", "30 10:00", "30 10:00"]),
        ],
    )
    def test_the_end_of_a_month(self, roll: Any, expected: list[str]) -> None:
        """Rule T10: the 30th of May, the 31st of January and the 31st of October 2026 are Saturdays."""
        trigger = BusinessDayTrigger(CronTrigger("0 10 30 5 *", "UTC"), WEEKEND.bind(UTC), roll)
        others = BusinessDayTrigger(CronTrigger("0 10 31 1,10 *", "UTC"), Weekdays("sat", "sun"), roll).bind(
            UTC
        )
        found = [*first(1, trigger, NEW_YEAR), *first(2, others, NEW_YEAR)]
        assert expected == [f"{one:%d %H:%M}" for one in found]

    def test_those_that_meet_are_one(self) -> None:
        """Rule T10: Saturday's and Sunday's come to Monday's, and are one with it."""
        moved = first(6, BusinessDayTrigger(NINE, WEEKEND), at(BERLIN, 2026, 12, 24))
        assert ["24", "25", "28", "29", "30", "31"] == [
            found.astimezone(UTC).strftime("%d") for found in moved
        ]

    def test_at_the_same_wall_time(self) -> None:
        """Rules T6 and T10: the wall time stays; where the clock skips it, it fires after the gap."""
        late = BusinessDayTrigger(
            CronTrigger("0 9 29 3 *", BERLIN), WEEKEND, "preceding"
        )  # the clock changes then
        assert ["27 09:00+0100"] == [wall(found, BERLIN) for found in first(1, late, NEW_YEAR)]
        days = DateSet((f"2026-03-{day}" for day in (28, 30, 31)), BERLIN)
        skipped = BusinessDayTrigger(CronTrigger("30 2 28 3 *", BERLIN), days)
        assert ["29 03:00+0200"] == [wall(found, BERLIN) for found in first(1, skipped, NEW_YEAR)]

    def test_no_business_day(self) -> None:
        """Rule T10: a calendar that covers everything has no fire time left; rows of more than 1,000 are an error."""
        never = BusinessDayTrigger(NINE, EVERY_DAY.bind(UTC))
        assert never.next_fire_time(NEW_YEAR, anchor=NEW_YEAR) is None
        row = DateSet(date(2026, 1, 1) + timedelta(days=number) for number in range(1100)).bind(UTC)
        with pytest.raises(TriggerSearchError, match="no business day within 1000 days of 2026-01-01"):
            BusinessDayTrigger(NINE, row).next_fire_time(NEW_YEAR, anchor=NEW_YEAR)

    def test_the_last_business_day_of_a_quarter(self) -> None:
        """Rule T10: ``months`` says which months count; those without such a day are left out."""
        trigger = BusinessDayOfMonthTrigger(-1, WEEKEND | EVE, 17, months=(12, 3, 6, 9))
        assert ["31 17:00+0200", "30 17:00+0200", "30 17:00+0200", "30 17:00+0100"] == [
            wall(found, BERLIN) for found in first(4, trigger, NEW_YEAR)
        ]
        fifth_sunday = BusinessDayOfMonthTrigger(5, Weekdays(*EVERY_DAY.days[:6]), timezone="UTC")
        assert [3, 5] == [found.month for found in first(2, fifth_sunday, NEW_YEAR)]
        with pytest.raises(TriggerSearchError, match="none of 240 months"):
            BusinessDayOfMonthTrigger(30, WEEKEND).next_fire_time(NEW_YEAR, anchor=NEW_YEAR)
