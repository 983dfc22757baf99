"""Recurrence rules as triggers: starts, ends, zones, added and excluded times, cost (rules T1 to T6 and T9)."""

from __future__ import annotations

import copy
import pickle
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import FrameType
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.unit.triggers.support import NEW_YEAR, at, first

from anysched.errors import TriggerSearchError
from anysched.triggers import CronTrigger, RRuleTrigger
from anysched.wire.values import from_plain, to_plain

ZONE = "Europe/Berlin"
BEFORE = datetime(2000, 1, 1, tzinfo=UTC)


def calls_of(ask: Callable[[], object]) -> int:
    """Return how many functions a question calls, which says what it costs and is the same every time."""
    calls = 0

    def count(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        ask()
    finally:
        sys.setprofile(None)
    return calls


def test_without_a_start_it_counts_from_the_anchor() -> None:
    """Rules T3 and T9: the anchor is DTSTART of a rule that names none; a fraction of a second is rounded up."""
    trigger = RRuleTrigger("FREQ=DAILY;INTERVAL=2;COUNT=3", timezone=ZONE)
    anchor = datetime(2026, 6, 1, 9, 30, 15, 250_000, tzinfo=UTC)
    expected = [datetime(2026, 6, day, 9, 30, 16, tzinfo=UTC) for day in (1, 3, 5)]
    assert expected == first(9, trigger, anchor, anchor=anchor)
    assert expected == first(9, trigger, BEFORE, anchor=anchor)
    moved = anchor + timedelta(days=1)
    assert expected[0] + timedelta(days=1) == trigger.next_fire_time(anchor, anchor=moved)


def test_the_start_is_a_fire_time_if_the_rule_says_so() -> None:
    """Rule T9: the start is included when it fits the rule, and is no fire time when it does not."""
    start = datetime(2026, 6, 1, 9)
    fitting = RRuleTrigger("FREQ=WEEKLY;BYDAY=MO", start, "UTC")
    assert start.replace(tzinfo=UTC) == first(1, fitting, BEFORE)[0]
    assert start.replace(tzinfo=UTC) == fitting.last_fire_time(start.replace(tzinfo=UTC), anchor=NEW_YEAR)
    assert fitting.last_fire_time(start.replace(tzinfo=UTC) - timedelta(seconds=1), anchor=NEW_YEAR) is None
    other = RRuleTrigger("FREQ=WEEKLY;BYDAY=TU;COUNT=1", start, "UTC")
    assert [datetime(2026, 6, 2, 9, tzinfo=UTC)] == first(2, other, BEFORE)


def test_dtstart_is_the_start() -> None:
    """Rule T9: DTSTART and its TZID take the place of start_time and timezone."""
    expected = RRuleTrigger("FREQ=DAILY", datetime(2026, 6, 1, 9), ZONE)
    for line, zone in (
        ("DTSTART;TZID=Europe/Berlin:20260601T090000", None),
        ("DTSTART;TZID=Europe/Berlin:20260601T090000", ZONE),
        ("dtstart;value=date-time:20260601T090000", ZONE),
    ):
        assert expected == RRuleTrigger(f"{line}\nRRULE:FREQ=DAILY", timezone=zone)
    in_utc = RRuleTrigger("DTSTART:20260601T090000Z\nRRULE:FREQ=DAILY")
    assert RRuleTrigger("FREQ=DAILY", datetime(2026, 6, 1, 9), "UTC") == in_utc
    assert UTC == RRuleTrigger("DTSTART:20260601T090000Z\nRRULE:FREQ=DAILY", timezone=UTC).timezone
    dated = RRuleTrigger(
        "DTSTART;VALUE=DATE:20260601\nRRULE:FREQ=DAILY;UNTIL=20260604\nEXDATE;VALUE=DATE:20260602",
        timezone=ZONE,
    )
    assert [at(ZONE, 2026, 6, day) for day in (1, 3, 4)] == first(5, dated, BEFORE)


def test_one_start_and_one_zone() -> None:
    """Rule T9: a start that is given twice, or in another zone than the trigger's, is refused by name."""
    text = "DTSTART;TZID=Europe/Berlin:20260601T090000\nRRULE:FREQ=DAILY"
    wrong: Any = 5
    jump: Any = "jump"
    with pytest.raises(ValueError, match="start_time and DTSTART are the same: give one"):
        RRuleTrigger(text, datetime(2026, 6, 1, 9))
    with pytest.raises(ValueError, match="timezone UTC contradicts DTSTART, which is in Europe/Berlin"):
        RRuleTrigger(text, timezone="UTC")
    with pytest.raises(ValueError, match="contradicts DTSTART, which is in UTC"):
        RRuleTrigger("DTSTART:20260601T090000Z\nRRULE:FREQ=DAILY", timezone=ZONE)
    with pytest.raises(TypeError, match="rule must be a string, not int"):
        RRuleTrigger(wrong)
    with pytest.raises(TypeError, match="start_time must be a datetime"):
        RRuleTrigger("FREQ=DAILY", wrong)
    with pytest.raises(ValueError, match="gap must be one of 'after', 'shift', 'skip'"):
        RRuleTrigger("FREQ=DAILY", gap=jump)


def test_what_is_open_is_bound_later() -> None:
    """Rule T1: a naive start, and times without a zone, wait for the zone in which they are read."""
    open_rule = RRuleTrigger("RRULE:FREQ=DAILY\nEXDATE:20260602T090000", datetime(2026, 6, 1, 9))
    assert datetime(2026, 6, 1, 9) == open_rule.start_time
    bound = open_rule.bind(ZoneInfo(ZONE))
    assert bound == RRuleTrigger("RRULE:FREQ=DAILY\nEXDATE:20260602T090000", datetime(2026, 6, 1, 9), ZONE)
    assert bound is bound.bind(ZoneInfo("Asia/Kathmandu"))
    assert [at(ZONE, 2026, 6, day, 9) for day in (1, 3)] == first(2, bound, BEFORE)
    assert open_rule.next_fire_time(BEFORE, anchor=BEFORE) is not None


def test_until_is_included() -> None:
    """Rule T9: UNTIL is the last possible fire time, in UTC or on the clock of the trigger."""
    start = datetime(2026, 6, 1, 9)
    expected = [at(ZONE, 2026, 6, day, 9) for day in (1, 2, 3)]
    for until in ("20260603T070000Z", "20260603T090000", "20260604T065959Z", "20260604T085959"):
        trigger = RRuleTrigger(f"FREQ=DAILY;UNTIL={until}", start, ZONE)
        assert expected == first(9, trigger, BEFORE), until
        assert expected[-1] == trigger.last_fire_time(NEW_YEAR + timedelta(days=999), anchor=NEW_YEAR), until
    for until in ("20260603T065959Z", "20260603T085959"):
        assert expected[:2] == first(9, RRuleTrigger(f"FREQ=DAILY;UNTIL={until}", start, ZONE), BEFORE)


def test_rules_and_dates_add_up_and_exdates_are_left_out() -> None:
    """Rules L3 and T9: several rules and RDATE make one set, in which nothing comes twice; EXDATE goes last."""
    trigger = RRuleTrigger(
        "RRULE:FREQ=WEEKLY;BYDAY=MO\n"
        "RRULE:FREQ=MONTHLY;BYMONTHDAY=1,5\n"
        "RDATE:20260603T090000,20260605T090000\n"
        "RDATE;TZID=America/New_York:20260604T030000\n"
        "EXDATE:20260608T070000Z,20260603T090000",
        datetime(2026, 6, 1, 9),
        ZONE,
    )
    expected = [at(ZONE, 2026, 6, day, 9) for day in (1, 4, 5, 15, 22)]
    assert expected == first(5, trigger, BEFORE)
    assert expected[::-1] == [trigger.last_fire_time(found, anchor=NEW_YEAR) for found in reversed(expected)]
    assert expected[2] == trigger.last_fire_time(expected[3] - timedelta(seconds=1), anchor=NEW_YEAR)
    assert trigger.count_fire_times(BEFORE, expected[-1], anchor=NEW_YEAR) is None, "the rules may meet"
    single = RRuleTrigger(
        "RRULE:FREQ=WEEKLY;BYDAY=MO\nRDATE:20260608T090000,20260603T090000,20260604T090000\n"
        "EXDATE:20260604T090000,20260615T090000,20260616T090000",
        datetime(2026, 6, 1, 9),
        ZONE,
    )
    expected = [at(ZONE, 2026, 6, day, 9) for day in (1, 3, 8, 22)]
    assert expected == first(4, single, BEFORE)
    assert 4 == single.count_fire_times(NEW_YEAR, expected[-1], anchor=NEW_YEAR)
    assert 1 == single.count_fire_times(expected[1], expected[2], anchor=NEW_YEAR)
    only = RRuleTrigger("RDATE:20260603T090000,20250601T090000", datetime(2026, 6, 1, 9), ZONE)
    assert [at(ZONE, 2026, 6, 3, 9)] == first(5, only, BEFORE), "nothing fires before the start"


def test_the_clock_skips_and_repeats() -> None:
    """Rules T6 and T9: by default what RFC 5545 says: a skipped time moves by the gap, a repeated one fires first."""
    text = "FREQ=DAILY;BYHOUR=2;BYMINUTE=30"
    spring, autumn = at(ZONE, 2026, 3, 29), at(ZONE, 2026, 10, 25)
    daily = RRuleTrigger(text, datetime(2026, 1, 1), ZONE)
    assert (daily.gap, daily.fold) == ("shift", "first")
    assert [at(ZONE, 2026, 3, 29, 3, 30), at(ZONE, 2026, 3, 30, 2, 30)] == first(2, daily, spring)
    assert [at(ZONE, 2026, 10, 25, 2, 30), at(ZONE, 2026, 10, 26, 2, 30)] == first(2, daily, autumn)
    other = RRuleTrigger(text, datetime(2026, 1, 1), ZONE, gap="after", fold="both")
    assert [at(ZONE, 2026, 3, 29, 3)] == first(1, other, spring)
    assert [at(ZONE, 2026, 10, 25, 2, 30), at(ZONE, 2026, 10, 25, 2, 30, fold=1)] == first(2, other, autumn)
    skipping = RRuleTrigger(text, datetime(2026, 1, 1), ZONE, gap="skip", fold="last")
    assert [at(ZONE, 2026, 3, 30, 2, 30)] == first(1, skipping, spring)
    assert [at(ZONE, 2026, 10, 25, 2, 30, fold=1)] == first(1, skipping, autumn)


def test_exdates_at_a_transition() -> None:
    """Rules T6 and T9: an EXDATE is the same instants as the fire time, moved out of a gap and at both showings."""
    text = "RRULE:FREQ=DAILY\nEXDATE:20260329T023000,20261025T023000"
    for gap in ("shift", "after", "skip"):
        trigger = RRuleTrigger(text, datetime(2026, 1, 1, 2, 30), ZONE, gap=gap, fold="both")
        for eve in (at(ZONE, 2026, 3, 28, 12), at(ZONE, 2026, 10, 24, 12)):
            found = trigger.next_fire_time(eve, anchor=NEW_YEAR)
            assert found is not None
            assert found - eve > timedelta(hours=36)


def test_elapsed_time_can_be_followed() -> None:
    """Rules T6 and T9: frequencies below a day go by the wall clock, and with "skip" and "both" by elapsed time."""
    for eve in (at(ZONE, 2026, 3, 29), at(ZONE, 2026, 10, 25)):
        even = RRuleTrigger("FREQ=MINUTELY;INTERVAL=30", datetime(2026, 1, 1), ZONE, gap="skip", fold="both")
        assert [eve + timedelta(minutes=30) * step for step in range(1, 11)] == first(10, even, eve)
    plain = RRuleTrigger("FREQ=HOURLY", datetime(2026, 1, 1), ZONE)
    assert [23, 0, 2, 3] == [found.hour for found in first(4, plain, at(ZONE, 2026, 10, 25))]


def test_a_start_that_the_clock_skips() -> None:
    """Rules T6 and T9: a start that does not exist is taken with the offset before the gap, and counts from there."""
    text = "DTSTART;TZID=Europe/Berlin:20260329T023000\nRRULE:FREQ=DAILY"
    trigger = RRuleTrigger(text)
    assert trigger == RRuleTrigger("FREQ=DAILY", datetime(2026, 3, 29, 2, 30), ZONE)
    assert [at(ZONE, 2026, 3, 29, 3, 30), at(ZONE, 2026, 3, 30, 3, 30)] == first(2, trigger, BEFORE)


def test_it_can_be_stored_copied_and_combined() -> None:
    """Rules T2 and S1: it is a value under a registered name, and combines with other triggers."""
    dated = f"DTSTART;TZID={ZONE};VALUE=DATE:20260601\nRRULE:FREQ=DAILY;UNTIL=20260609"
    trigger = RRuleTrigger("FREQ=DAILY;COUNT=9\nEXDATE:20260602T090000", datetime(2026, 6, 1, 9), ZONE)
    for each in (RRuleTrigger(dated), RRuleTrigger("FREQ=DAILY", datetime(2026, 6, 1, 9)), trigger):
        plain: Any = to_plain(each)
        assert "rrule@1" == plain["$"]
        for again in (from_plain(plain), pickle.loads(pickle.dumps(each)), copy.deepcopy(each)):
            assert each == again
            assert hash(each) == hash(again)
            assert first(9, each, BEFORE) == first(9, again, BEFORE)
    combined = trigger - CronTrigger("0 9 * * sat,sun", ZONE)
    assert [1, 3, 4, 5, 8, 9] == [found.day for found in first(9, combined, BEFORE)]


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=SECONDLY",
        "FREQ=SECONDLY;INTERVAL=7;BYHOUR=3",
        "FREQ=MINUTELY;INTERVAL=15",
        "FREQ=MINUTELY;INTERVAL=7;BYDAY=MO",
        "FREQ=HOURLY;INTERVAL=5",
        "FREQ=DAILY;INTERVAL=3",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE",
        "FREQ=MONTHLY;BYDAY=-1FR",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
        "FREQ=DAILY;COUNT=100000",
        "FREQ=SECONDLY;COUNT=999999999;BYSECOND=0,30",
    ],
)
def test_cost_does_not_depend_on_the_start(text: str) -> None:
    """Rules T4 and T9: a rule that began in 1970 answers at the cost of one that began today, first call included."""
    now = datetime(2026, 6, 1, 12, 0, 30, tzinfo=UTC)
    costs: list[int] = []
    for year in (2026, 2010, 1970):
        trigger = RRuleTrigger(text, datetime(year, 1, 1, 3), ZONE)
        trigger.next_fire_time(now, anchor=now)  # zones are probed once
        costs.append(calls_of(lambda: trigger.next_fire_time(now, anchor=now)))  # noqa: B023
        costs.append(calls_of(lambda: trigger.last_fire_time(now, anchor=now)))  # noqa: B023
    assert 200 > max(costs), costs

    def make(year: int) -> object:
        trigger = RRuleTrigger(f"{text};WKST=SU", datetime(year, 1, 1, 3), ZONE)
        return trigger.next_fire_time(now, anchor=now)

    today, long_ago = calls_of(lambda: make(2026)), calls_of(lambda: make(1970))
    assert 1.2 * today + 100 > long_ago


def test_searches_are_bounded() -> None:
    """Rules T4 and T9: what matches too rarely, or counts too far, is given up, with an error that says what to do."""
    for text in (
        "FREQ=SECONDLY;INTERVAL=86399;BYHOUR=3",
        "FREQ=MINUTELY;INTERVAL=7;BYDAY=MO;COUNT=999999999",
        "FREQ=WEEKLY;BYMONTH=2;BYDAY=MO,TU;BYSETPOS=1;COUNT=999999999",
    ):
        with pytest.raises(TriggerSearchError, match="UNTIL"):
            RRuleTrigger(text, datetime(2026, 1, 1), ZONE)


def test_counts_reach_far() -> None:
    """Rules T4 and T9: the last of very many fire times is found by arithmetic."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for text, expected in (
        ("FREQ=SECONDLY;COUNT=100000000", start + timedelta(seconds=99_999_999)),
        ("FREQ=MINUTELY;INTERVAL=7;COUNT=1000000", start + timedelta(minutes=7 * 999_999)),
        ("FREQ=SECONDLY;INTERVAL=5;BYHOUR=0,1;COUNT=1440001", start + timedelta(days=1000)),
        ("FREQ=HOURLY;INTERVAL=5;BYHOUR=0;COUNT=1001", start + timedelta(days=5000)),
        ("FREQ=DAILY;BYHOUR=0,12;COUNT=20001", start + timedelta(days=10_000)),
        ("FREQ=WEEKLY;BYDAY=TH,FR;BYSETPOS=1;COUNT=10001", start + timedelta(weeks=10_000)),
    ):
        trigger = RRuleTrigger(text, start, "UTC")
        assert expected == trigger.last_fire_time(datetime(9000, 1, 1, tzinfo=UTC), anchor=start), text
        assert trigger.next_fire_time(expected, anchor=start) is None, text


def test_the_ends_of_the_calendar() -> None:
    """Rule T2: at both ends of the calendar there is an answer or None, never an error."""
    for text in (
        "FREQ=SECONDLY;INTERVAL=7",
        "FREQ=DAILY",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TU;BYSETPOS=2",
        "FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=-1",
        "FREQ=YEARLY;BYWEEKNO=1,53",
    ):
        for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
            for start in (datetime.min, datetime(2026, 1, 1), datetime(9999, 12, 20), datetime.max):
                trigger = RRuleTrigger(text, timezone=zone)
                anchor = start.replace(tzinfo=UTC)
                for asked in (datetime.min, datetime(2026, 1, 1), datetime(9999, 12, 30), datetime.max):
                    moment = asked.replace(tzinfo=UTC)
                    found = trigger.next_fire_time(moment, anchor=anchor)
                    assert found is None or found > moment
                    last = trigger.last_fire_time(moment, anchor=anchor)
                    assert last is None or anchor <= last <= moment
