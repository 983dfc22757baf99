"""Agreement with plain dateutil over rules at random (rule T9).

``ANYSCHED_RRULE_CASES=5000 pytest -s tests/unit/triggers/test_rrule_oracle.py`` asks for as many rules. Where the two
are known to differ, RRuleTrigger goes by RFC 5545; the last tests show where.
"""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from random import Random
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr
from tests.unit.triggers import brute_force
from tests.unit.triggers.rrule_cases import by_dateutil, recurrence
from tests.unit.triggers.support import NEW_YEAR, first, walk

from anysched.triggers import RRuleTrigger

CASES = int(os.environ.get("ANYSCHED_RRULE_CASES", "250"))
SECOND = timedelta(seconds=1)
#: Local time in these is far from simple; each with a date near a transition.
ZONES = {
    "Europe/Berlin": (datetime(2026, 3, 28), datetime(2026, 10, 24)),
    "Australia/Lord_Howe": (datetime(2026, 4, 4), datetime(2026, 10, 3)),
    "Pacific/Apia": (datetime(2011, 12, 28),),
    "America/Havana": (datetime(2026, 3, 7), datetime(2026, 10, 31)),
}


def trigger_of(text: str, start: datetime) -> RRuleTrigger | None:
    """Return the trigger, or None for what can never match."""
    try:
        return RRuleTrigger(text, start, "UTC")
    except ValueError as exc:
        reason = str(exc)
    assert "never" in reason, (text, start)
    return None


def test_it_agrees_with_dateutil() -> None:
    """Rules L3 and T9: from anywhere, backwards and counted, a rule yields what dateutil does from its start on."""
    random, compared = Random(2026), 0
    while compared < CASES:
        text, start = recurrence(random)
        trigger = trigger_of(text, start)
        if trigger is None:
            continue
        compared += 1
        before = start.replace(tzinfo=UTC) - SECOND
        found = first(12, trigger, before)
        expected = [at.replace(tzinfo=UTC) for at in by_dateutil(text, start, len(found) + (len(found) < 12))]
        assert expected == found, (text, start)
        for earlier, later in zip([None, *found], found, strict=False):
            asked = before if earlier is None else earlier + (later - earlier) * random.random()
            assert later == trigger.next_fire_time(asked, anchor=NEW_YEAR), (text, start, asked)
            assert earlier == trigger.last_fire_time(later - SECOND, anchor=NEW_YEAR), (text, start, later)
        if found and found[-1] - found[0] < timedelta(days=1400):
            index = random.randrange(len(found))
            counted = trigger.count_fire_times(found[index], found[-1], anchor=NEW_YEAR)
            assert len(found) - index - 1 == counted, (text, start, index)


def test_the_start_may_lie_far_back() -> None:
    """Rules T4 and T9: long after the start, a rule yields what dateutil finds by walking there."""
    random = Random(9)
    for text in (
        "FREQ=DAILY;INTERVAL=9",
        "FREQ=WEEKLY;INTERVAL=3;BYDAY=MO,FR;WKST=SU",
        "FREQ=MONTHLY;INTERVAL=5;BYDAY=-1FR,2TU",
        "FREQ=MONTHLY;INTERVAL=7;BYDAY=MO,TU,WE;BYSETPOS=2,-1",
        "FREQ=YEARLY;INTERVAL=3;BYWEEKNO=9,-9;BYDAY=WE",
        "FREQ=WEEKLY;INTERVAL=5;BYDAY=MO,TU;BYHOUR=1,5;BYSETPOS=3",
        "FREQ=HOURLY;INTERVAL=11;BYDAY=MO",
        "FREQ=DAILY;COUNT=3000",
        "FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=-1;COUNT=150",
        "FREQ=WEEKLY;BYDAY=MO,TU;BYSETPOS=-1;COUNT=700",
        "FREQ=HOURLY;INTERVAL=7;BYHOUR=3,4;COUNT=900",
    ):
        start = datetime(1990, 1, 1) + timedelta(minutes=random.randrange(400_000))
        everything = [
            at.replace(tzinfo=UTC)
            for at in rrulestr(text, dtstart=start).between(start, datetime(2004, 1, 1), inc=True)
        ]
        trigger = RRuleTrigger(text, start, "UTC")
        for _ in range(25):
            index = random.randrange(1, len(everything))
            asked = everything[index] - SECOND * random.randrange(2)
            following = [at for at in everything[index : index + 2] if at > asked]
            if following:
                assert following[0] == trigger.next_fire_time(asked, anchor=NEW_YEAR), (text, start, asked)
        if "COUNT" in text:
            assert everything[-1] == trigger.last_fire_time(NEW_YEAR, anchor=NEW_YEAR), (text, start)
            assert trigger.next_fire_time(everything[-1], anchor=NEW_YEAR) is None, (text, start)


def test_it_agrees_in_zones() -> None:
    """Rules T6 and T9: under every policy, the wall times of a rule fire when the clock shows them, by brute force."""
    random = Random(6)
    rules = [
        "FREQ=DAILY",
        "FREQ=DAILY;BYHOUR=1,2,3;BYMINUTE=0,30",
        "FREQ=HOURLY;INTERVAL=5;BYMINUTE=15,45",
        "FREQ=MINUTELY;INTERVAL=40",
        "FREQ=WEEKLY;BYDAY=SA,SU;BYHOUR=0,2;BYMINUTE=0,30;COUNT=9",
        "FREQ=MONTHLY;BYDAY=-1SU,1SU,2SU;BYHOUR=0,2;BYSETPOS=1,-1",
    ]
    for _ in range(60):
        zone = random.choice(sorted(ZONES))
        near = random.choice(ZONES[zone])
        start = near - timedelta(days=random.choice((0, 2, 30)), minutes=-random.choice((0, 90, 150)))
        gap, fold = random.choice(("after", "shift", "skip")), random.choice(("first", "last", "both"))
        text, end = random.choice(rules), near + timedelta(days=4)
        trigger = RRuleTrigger(text, start, zone, gap=gap, fold=fold)  # type: ignore[arg-type]
        walls = rrulestr(text, dtstart=start).between(near - timedelta(days=2), end, inc=True)
        until = end.replace(tzinfo=UTC) - timedelta(days=2)
        begin = max(near, start).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
        expected = [
            at for at in brute_force.fire_times(walls, ZoneInfo(zone), gap, fold) if begin <= at < until
        ]
        found = list(islice(walk(trigger, begin - SECOND), 500))
        assert expected == [at for at in found if at < until], (text, zone, start, gap, fold)
        counted = trigger.count_fire_times(begin - SECOND, until - SECOND, anchor=NEW_YEAR)
        assert counted in (len(expected), None), (text, zone, start, gap, fold)
        assert counted is not None or gap == "shift", (
            "only what is moved out of a gap may be too much to count"
        )


def test_weeks_that_reach_into_another_year() -> None:
    """Rule T9: a week has the number that it has in the year with four days of it, as in ISO 8601."""
    trigger = RRuleTrigger("FREQ=YEARLY;BYWEEKNO=52;BYDAY=SU", datetime(2010, 12, 1), "UTC")
    assert [datetime(2011, 1, 2, tzinfo=UTC)] == first(1, trigger, datetime(2010, 12, 1, tzinfo=UTC))
    for number in (1, 52, 53, -1, -52, -53):
        text = f"FREQ=YEARLY;BYWEEKNO={number};BYDAY=MO,TU,WE,TH,FR,SA,SU"
        trigger = RRuleTrigger(text, datetime(2000, 1, 1), "UTC")
        found = {at.date() for at in first(60, trigger, datetime(1999, 1, 1, tzinfo=UTC))}
        for year in range(2001, max(found).year):
            for day in (date(year, 1, 1) + timedelta(days=days) for days in range(-6, 6)):
                of_year, week, _ = day.isocalendar()
                weeks = date(of_year, 12, 28).isocalendar().week
                assert (day in found) == (number in (week, week - weeks - 1)), (number, day)


def test_a_week_without_a_day_takes_that_of_the_start() -> None:
    """Rule T9: what a rule leaves open is said by its start: BYWEEKNO alone has the start's day of the week."""
    trigger = RRuleTrigger("FREQ=YEARLY;BYWEEKNO=20", datetime(1997, 5, 14, 9), "UTC")
    expected = [datetime(year, 5, day, 9, tzinfo=UTC) for year, day in ((1997, 14), (1998, 13), (1999, 19))]
    assert expected == first(3, trigger, datetime(1990, 1, 1, tzinfo=UTC))


def test_the_first_week_is_a_whole_one() -> None:
    """Rule T9: BYSETPOS chooses from the whole week in which the start lies, as it does from months and years."""
    trigger = RRuleTrigger("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=2", datetime(2026, 6, 4), "UTC")
    assert [datetime(2026, 6, 9, tzinfo=UTC)] == first(1, trigger, datetime(2026, 6, 1, tzinfo=UTC))


def test_days_with_and_without_a_number_add_up() -> None:
    """Rule T9: BYDAY is a list, whether its days have numbers or not."""
    trigger = RRuleTrigger("FREQ=MONTHLY;BYDAY=MO,1TU", datetime(2026, 6, 1), "UTC")
    expected = [datetime(2026, 6, day, tzinfo=UTC) for day in (1, 2, 8, 15, 22, 29)]
    assert expected == first(6, trigger, datetime(2026, 5, 31, 23, tzinfo=UTC))
