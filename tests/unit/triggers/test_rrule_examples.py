"""The examples of RFC 5545, section 3.8.5.3, in New York: rule, start, and what it yields (rule T9)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from tests.unit.triggers.support import walk

from anysched.triggers import RRuleTrigger

ZONE = "America/New_York"


def days(first: str, count: int, step: int = 1) -> str:
    """Return so many dates in a row."""
    start = datetime.fromisoformat(first)
    return " ".join(f"{start + timedelta(days=step * index):%Y-%m-%d}" for index in range(count))


def of_months(*months: str) -> str:
    """Return dates from "1997-09 2 4 11"."""
    found: list[str] = []
    for month in months:
        name, *numbers = month.split()
        found += [f"{name}-{int(number):02}" for number in numbers]
    return " ".join(found)


def times(*shown: str) -> str:
    """Return wall times of the second of September."""
    return " ".join(f"1997-09-02T{time}" for time in shown)


#: The rule, the start (at nine o'clock), what comes first, and whether there is more.
EXAMPLES: list[tuple[str, str, str, bool]] = [
    ("FREQ=DAILY;COUNT=10", "1997-09-02", days("1997-09-02", 10), False),
    ("FREQ=DAILY;UNTIL=19971224T000000Z", "1997-09-02", days("1997-09-02", 113), False),
    ("FREQ=DAILY;INTERVAL=2", "1997-09-02", days("1997-09-02", 47, 2), True),
    ("FREQ=DAILY;INTERVAL=10;COUNT=5", "1997-09-02", days("1997-09-02", 5, 10), False),
    (
        "FREQ=YEARLY;UNTIL=20000131T140000Z;BYMONTH=1;BYDAY=SU,MO,TU,WE,TH,FR,SA",
        "1998-01-01",
        f"{days('1998-01-01', 31)} {days('1999-01-01', 31)} {days('2000-01-01', 31)}",
        False,
    ),
    (
        "FREQ=DAILY;UNTIL=20000131T140000Z;BYMONTH=1",
        "1998-01-01",
        f"{days('1998-01-01', 31)} {days('1999-01-01', 31)} {days('2000-01-01', 31)}",
        False,
    ),
    ("FREQ=WEEKLY;COUNT=10", "1997-09-02", days("1997-09-02", 10, 7), False),
    ("FREQ=WEEKLY;UNTIL=19971224T000000Z", "1997-09-02", days("1997-09-02", 17, 7), False),
    ("FREQ=WEEKLY;INTERVAL=2;WKST=SU", "1997-09-02", days("1997-09-02", 13, 14), True),
    (
        "FREQ=WEEKLY;UNTIL=19971007T000000Z;WKST=SU;BYDAY=TU,TH",
        "1997-09-02",
        of_months("1997-09 2 4 9 11 16 18 23 25 30", "1997-10 2"),
        False,
    ),
    (
        "FREQ=WEEKLY;COUNT=10;WKST=SU;BYDAY=TU,TH",
        "1997-09-02",
        of_months("1997-09 2 4 9 11 16 18 23 25 30", "1997-10 2"),
        False,
    ),
    (
        "FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=SU;BYDAY=MO,WE,FR",
        "1997-09-01",
        of_months(
            "1997-09 1 3 5 15 17 19 29",
            "1997-10 1 3 13 15 17 27 29 31",
            "1997-11 10 12 14 24 26 28",
            "1997-12 8 10 12 22",
        ),
        False,
    ),
    (
        "FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH",
        "1997-09-02",
        of_months("1997-09 2 4 16 18 30", "1997-10 2 14 16"),
        False,
    ),
    (
        "FREQ=MONTHLY;COUNT=10;BYDAY=1FR",
        "1997-09-05",
        "1997-09-05 1997-10-03 1997-11-07 1997-12-05 1998-01-02 1998-02-06 1998-03-06 1998-04-03 1998-05-01 1998-06-05",
        False,
    ),
    (
        "FREQ=MONTHLY;UNTIL=19971224T000000Z;BYDAY=1FR",
        "1997-09-05",
        "1997-09-05 1997-10-03 1997-11-07 1997-12-05",
        False,
    ),
    (
        "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU",
        "1997-09-07",
        of_months("1997-09 7 28", "1997-11 2 30", "1998-01 4 25", "1998-03 1 29", "1998-05 3 31"),
        False,
    ),
    (
        "FREQ=MONTHLY;COUNT=6;BYDAY=-2MO",
        "1997-09-22",
        "1997-09-22 1997-10-20 1997-11-17 1997-12-22 1998-01-19 1998-02-16",
        False,
    ),
    (
        "FREQ=MONTHLY;BYMONTHDAY=-3",
        "1997-09-28",
        "1997-09-28 1997-10-29 1997-11-28 1997-12-29 1998-01-29 1998-02-26",
        True,
    ),
    (
        "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=2,15",
        "1997-09-02",
        of_months("1997-09 2 15", "1997-10 2 15", "1997-11 2 15", "1997-12 2 15", "1998-01 2 15"),
        False,
    ),
    (
        "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1",
        "1997-09-30",
        of_months("1997-09 30", "1997-10 1 31", "1997-11 1 30", "1997-12 1 31", "1998-01 1 31", "1998-02 1"),
        False,
    ),
    (
        "FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15",
        "1997-09-10",
        of_months("1997-09 10 11 12 13 14 15", "1999-03 10 11 12 13"),
        False,
    ),
    (
        "FREQ=MONTHLY;INTERVAL=2;BYDAY=TU",
        "1997-09-02",
        of_months(
            "1997-09 2 9 16 23 30", "1997-11 4 11 18 25", "1998-01 6 13 20 27", "1998-03 3 10 17 24 31"
        ),
        True,
    ),
    (
        "FREQ=YEARLY;COUNT=10;BYMONTH=6,7",
        "1997-06-10",
        " ".join(f"{year}-06-10 {year}-07-10" for year in range(1997, 2002)),
        False,
    ),
    (
        "FREQ=YEARLY;INTERVAL=2;COUNT=10;BYMONTH=1,2,3",
        "1997-03-10",
        "1997-03-10 " + " ".join(f"{year}-0{month}-10" for year in (1999, 2001, 2003) for month in (1, 2, 3)),
        False,
    ),
    (
        "FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200",
        "1997-01-01",
        "1997-01-01 1997-04-10 1997-07-19 2000-01-01 2000-04-09 2000-07-18 2003-01-01 2003-04-10 2003-07-19 2006-01-01",
        False,
    ),
    ("FREQ=YEARLY;BYDAY=20MO", "1997-05-19", "1997-05-19 1998-05-18 1999-05-17", True),
    ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", "1997-05-12", "1997-05-12 1998-05-11 1999-05-17", True),
    (
        "FREQ=YEARLY;BYMONTH=3;BYDAY=TH",
        "1997-03-13",
        of_months("1997-03 13 20 27", "1998-03 5 12 19 26", "1999-03 4 11 18 25"),
        True,
    ),
    (
        "FREQ=YEARLY;BYDAY=TH;BYMONTH=6,7,8",
        "1997-06-05",
        of_months("1997-06 5 12 19 26", "1997-07 3 10 17 24 31", "1997-08 7 14 21 28", "1998-06 4 11 18 25"),
        True,
    ),
    (
        "RRULE:FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13\nEXDATE;TZID=America/New_York:19970902T090000",
        "1997-09-02",
        "1998-02-13 1998-03-13 1998-11-13 1999-08-13 2000-10-13",
        True,
    ),
    (
        "FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13",
        "1997-09-13",
        "1997-09-13 1997-10-11 1997-11-08 1997-12-13 1998-01-10 1998-02-07 1998-03-07 1998-04-11 1998-05-09 1998-06-13",
        True,
    ),
    (
        "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
        "1996-11-05",
        "1996-11-05 2000-11-07 2004-11-02",
        True,
    ),
    (
        "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3",
        "1997-09-04",
        "1997-09-04 1997-10-07 1997-11-06",
        False,
    ),
    (
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2",
        "1997-09-29",
        "1997-09-29 1997-10-30 1997-11-27 1997-12-30 1998-01-29 1998-02-26 1998-03-30",
        True,
    ),
    ("FREQ=HOURLY;INTERVAL=3;UNTIL=19970902T210000Z", "1997-09-02", times("09:00", "12:00", "15:00"), False),
    (
        "FREQ=MINUTELY;INTERVAL=15;COUNT=6",
        "1997-09-02",
        times("09:00", "09:15", "09:30", "09:45", "10:00", "10:15"),
        False,
    ),
    ("FREQ=MINUTELY;INTERVAL=90;COUNT=4", "1997-09-02", times("09:00", "10:30", "12:00", "13:30"), False),
    (
        "FREQ=DAILY;BYHOUR=9,10,11,12,13,14,15,16;BYMINUTE=0,20,40",
        "1997-09-02",
        times(*(f"{hour:02}:{minute:02}" for hour in range(9, 17) for minute in (0, 20, 40))) + " 1997-09-03",
        True,
    ),
    (
        "FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,10,11,12,13,14,15,16",
        "1997-09-02",
        times(*(f"{hour:02}:{minute:02}" for hour in range(9, 17) for minute in (0, 20, 40))) + " 1997-09-03",
        True,
    ),
    (
        "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO",
        "1997-08-05",
        of_months("1997-08 5 10 19 24"),
        False,
    ),
    (
        "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU",
        "1997-08-05",
        of_months("1997-08 5 17 19 31"),
        False,
    ),
    (
        "FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5",
        "2007-01-15",
        of_months("2007-01 15 30", "2007-02 15", "2007-03 15 30"),
        False,
    ),
]


@pytest.mark.parametrize(("rule", "start", "expected", "more"), EXAMPLES)
def test_example(rule: str, start: str, expected: str, more: bool) -> None:
    """Rule T9: what RFC 5545 says that a rule yields is what it yields, on the wall clock of its zone."""
    begun = datetime.fromisoformat(start).replace(hour=9)
    trigger = RRuleTrigger(rule, begun, ZONE)
    wanted = [(shown if "T" in shown else f"{shown}T09:00") + ":00" for shown in expected.split()]
    found = list(islice(walk(trigger, datetime(1990, 1, 1, tzinfo=UTC)), len(wanted) + 1))
    shown = [f"{at.astimezone(ZoneInfo(ZONE)):%Y-%m-%dT%H:%M:%S}" for at in found]
    assert wanted == shown[: len(wanted)]
    assert more == (len(shown) > len(wanted))
    backwards = trigger.last_fire_time(found[len(wanted) - 1], anchor=found[0])
    assert backwards == found[len(wanted) - 1]
