"""What the forms beyond crontab(5) mean: counted from the end, nearest weekdays, years, spread by id (rule T7)."""

from __future__ import annotations

import copy
import pickle
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from tests.unit.triggers.support import NEW_YEAR, between, first

from anysched.errors import CronSyntaxError
from anysched.model.trigger import Trigger
from anysched.testing import TriggerSuite
from anysched.triggers import CronTrigger
from anysched.triggers.cron.search import _MOST_KEYS
from anysched.wire.values import from_plain, to_plain

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def days_of_2026(trigger: CronTrigger) -> list[str]:
    """Return the days on which a trigger fires in 2026, as "Jan 31"."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    found = between(trigger, start - SECOND, start + 365 * DAY - SECOND)
    return [f"{moment:%b} {moment.day}" for moment in found]


# The first of a month of 2026 is a Thu, Sun, Sun, Wed, Fri, Mon, Wed, Sat, Tue, Thu, Sun, Tue.
@pytest.mark.parametrize(
    ("fields", "days"),
    [
        ("L 1-4 *", ["Jan 31", "Feb 28", "Mar 31", "Apr 30"]),
        ("L-3 1-4 *", ["Jan 28", "Feb 25", "Mar 28", "Apr 27"]),
        ("L-30 1-4 *", ["Jan 1", "Mar 1"]),
        ("1,L-1 2,3 *", ["Feb 1", "Feb 27", "Mar 1", "Mar 30"]),
        ("LW 1-6 *", ["Jan 30", "Feb 27", "Mar 31", "Apr 30", "May 29", "Jun 30"]),
        ("15W 1-8 *", ["Jan 15", "Feb 16", "Mar 16", "Apr 15", "May 15", "Jun 15", "Jul 15", "Aug 14"]),
        ("1W 2,8,11 *", ["Feb 2", "Aug 3", "Nov 2"]),
        ("31W 1,5 *", ["Jan 30", "May 29"]),
        ("30W 1-5 *", ["Jan 30", "Mar 30", "Apr 30", "May 29"]),
        ("29W 2,3,8 *", ["Mar 30", "Aug 28"]),
        ("L-2W 1-3 *", ["Jan 29", "Feb 26", "Mar 30"]),
        ("* 1-3 5L", ["Jan 30", "Feb 27", "Mar 27"]),
        ("* 1-3 sunL", ["Jan 25", "Feb 22", "Mar 29"]),
        ("* 1-3 fri#3", ["Jan 16", "Feb 20", "Mar 20"]),
        ("* * fri#5", ["Jan 30", "May 29", "Jul 31", "Oct 30"]),
        ("* 1,2 0#1,6L", ["Jan 4", "Jan 31", "Feb 1", "Feb 28"]),
        ("* 2 mon,fri#3", ["Feb 2", "Feb 9", "Feb 16", "Feb 20", "Feb 23"]),
        ("L 2,3 fri#1", ["Feb 6", "Feb 28", "Mar 6", "Mar 31"]),
        ("13 * +fri", ["Feb 13", "Mar 13", "Nov 13"]),
        ("1-7 1-3 +mon", ["Jan 5", "Feb 2", "Mar 2"]),
        ("L * +mon-fri", ["Mar 31", "Apr 30", "Jun 30", "Jul 31", "Aug 31", "Sep 30", "Nov 30", "Dec 31"]),
        ("28-2 1-3 *", ["Jan 1", "Jan 2", "Jan 28", "Jan 29", "Jan 30", "Jan 31", "Feb 1", "Feb 2", "Feb 28",
                        "Mar 1", "Mar 2", "Mar 28", "Mar 29", "Mar 30", "Mar 31"]),
        ("1 nov-feb *", ["Jan 1", "Feb 1", "Nov 1", "Dec 1"]),
        ("1 nov-apr/2 *", ["Jan 1", "Mar 1", "Nov 1"]),
        ("* 1 sat-mon", ["Jan 3", "Jan 4", "Jan 5", "Jan 10", "Jan 11", "Jan 12", "Jan 17", "Jan 18", "Jan 19",
                         "Jan 24", "Jan 25", "Jan 26", "Jan 31"]),
        ("20/4 1 *", ["Jan 20", "Jan 24", "Jan 28"]),
        ("* 1 fri/2", ["Jan 2", "Jan 4", "Jan 9", "Jan 11", "Jan 16", "Jan 18", "Jan 23", "Jan 25", "Jan 30"]),
    ],
)  # fmt: skip
def test_days(fields: str, days: list[str]) -> None:
    """rule T7: each form of the two day fields allows the days that it says; counting and looking back agree."""
    trigger = CronTrigger(f"0 0 {fields}", timezone="UTC")
    assert days == days_of_2026(trigger)
    before, end = NEW_YEAR - SECOND, NEW_YEAR + 365 * DAY - SECOND
    assert len(days) == trigger.count_fire_times(before, end, anchor=NEW_YEAR)
    found = between(trigger, before, end)
    assert found[-1] == trigger.last_fire_time(end, anchor=NEW_YEAR)
    assert found[0] == trigger.last_fire_time(found[0] + SECOND, anchor=NEW_YEAR)


@pytest.mark.parametrize(
    ("expression", "years"),
    [
        ("0 0 0 1 1 * 2030", [2030]),
        ("0 0 0 1 1 * 2198/1", [2198, 2199]),
        ("0 0 0 1 1 * 2027-2031/2,2150", [2027, 2029, 2031, 2150]),
        ("0 0 0 29 2 * 2026-2041", [2028, 2032, 2036, 2040]),
        ("0 0 0 L 2 +sun 2026-2060", [2027, 2032, 2038, 2049, 2055, 2060]),
        ("0 0 0 1 1 * */100", [2070, 2170]),
    ],
)
def test_years(expression: str, years: list[int]) -> None:
    """rule T7: the seventh field is the year; before and after the years there is nothing, in both directions."""
    trigger = CronTrigger(expression, timezone="Europe/Berlin")
    found = first(99, trigger, NEW_YEAR)
    assert years == [moment.astimezone(trigger.timezone).year for moment in found]
    assert trigger.next_fire_time(found[-1], anchor=NEW_YEAR) is None
    for earlier, later in pairwise(found):
        assert earlier == trigger.last_fire_time(later - SECOND, anchor=NEW_YEAR)
    assert found[-1] == trigger.last_fire_time(datetime.max.replace(tzinfo=UTC), anchor=NEW_YEAR)
    if not expression.endswith("*/100"):
        assert trigger.last_fire_time(found[0] - SECOND, anchor=NEW_YEAR) is None
    span = (found[0] - DAY, found[0] + 3 * 365 * DAY)
    counted = sum(span[0] < moment <= span[1] for moment in found)
    assert counted == trigger.count_fire_times(*span, anchor=NEW_YEAR)


def test_any_year_is_any_year() -> None:
    """rule T7: without a year field, or with ``*`` in it, the years before 1970 and after 2199 count as well."""
    for text in ("0 0 1 1 *", "0 0 0 1 1 * *"):
        trigger = CronTrigger(text, timezone="UTC")
        found = trigger.next_fire_time(datetime(2250, 6, 1, tzinfo=UTC), anchor=NEW_YEAR)
        assert datetime(2251, 1, 1, tzinfo=UTC) == found
        found = trigger.last_fire_time(datetime(1900, 6, 1, tzinfo=UTC), anchor=NEW_YEAR)
        assert datetime(1900, 1, 1, tzinfo=UTC) == found
    bounded = CronTrigger("0 0 0 1 1 * 1970-2199", timezone="UTC")
    assert bounded.next_fire_time(datetime(2250, 6, 1, tzinfo=UTC), anchor=NEW_YEAR) is None
    found = bounded.next_fire_time(datetime(1900, 6, 1, tzinfo=UTC), anchor=NEW_YEAR)
    assert datetime(1970, 1, 1, tzinfo=UTC) == found


@pytest.mark.parametrize(
    ("expression", "key", "same"),
    [
        ("H * * * *", "", "3 * * * *"),
        ("H * * * *", "backup", "14 * * * *"),
        ("H H * * *", "backup", "14 18 * * *"),
        ("H H(0-7) * * *", "report", "44 6 * * *"),
        ("H/15 * * * *", "backup", "3-48/15 * * * *"),
        ("H(0-29)/10 * * * *", "backup", "2-22/10 * * * *"),
        ("H(30-59) H(22-2) * * *", "naïve id", "32 1 * * *"),
        ("H H H * *", "backup", "14 18 13 * *"),
        ("H H 1 H *", "backup", "14 18 1 11 *"),
        ("H H * * H", "backup", "14 18 * * 2"),
        ("H H * * H(mon-fri)", "backup", "14 18 * * 3"),
        ("H * * * * *", "backup", "50 * * * * *"),
        ("*/30,H 3 * * *", "backup", "*/30,14 3 * * *"),
    ],
)
def test_spread_is_stable(expression: str, key: str, same: str) -> None:
    """rule T7: what the id of a schedule chooses is the same for ever: these are known values."""
    trigger, plain = CronTrigger(expression, "UTC"), CronTrigger(same, "UTC")
    found, after = [], NEW_YEAR
    for _ in range(5):
        after = trigger.next_fire_time(after, anchor=NEW_YEAR, key=key) or after
        found.append(after)
    assert first(5, plain, NEW_YEAR) == found
    assert found[-1] == trigger.last_fire_time(found[-1] + SECOND, anchor=NEW_YEAR, key=key)
    assert 4 == trigger.count_fire_times(found[0], found[-1], anchor=NEW_YEAR, key=key)
    assert plain.describe() == trigger.describe(key)


def test_spread_is_even() -> None:
    """rule T7: ids spread over the whole range, and each stays within it."""
    night, monthly, weekly = (
        CronTrigger(text, "UTC") for text in ("H H(22-2) * * *", "0 0 H * *", "0 0 * * H(mon-fri)")
    )
    minutes, hours, days, weekdays = Counter[int](), Counter[int](), Counter[int](), Counter[int]()
    for number in range(3000):
        key = f"schedule {number}"
        found, day, weekday = (
            trigger.next_fire_time(NEW_YEAR, anchor=NEW_YEAR, key=key) for trigger in (night, monthly, weekly)
        )
        assert found is not None
        assert day is not None
        assert weekday is not None
        minutes[found.minute] += 1
        hours[found.hour] += 1
        days[day.day] += 1
        weekdays[weekday.isoweekday()] += 1
    assert (set(range(60)), {22, 23, 0, 1, 2}) == (set(minutes), set(hours))
    assert (set(range(1, 29)), set(range(1, 6))) == (set(days), set(weekdays))
    for counts in (minutes, hours, days, weekdays):
        average = 3000 / len(counts)
        assert all(average / 2 < count < average * 1.6 for count in counts.values()), counts


def test_many_schedules_may_share_a_trigger() -> None:
    """rule T2: what was asked for other ids does not change an answer."""
    trigger = CronTrigger("H H * * *", "UTC")
    keys = [str(number) for number in range(_MOST_KEYS + 200)]
    before = [trigger.next_fire_time(NEW_YEAR, anchor=NEW_YEAR, key=key) for key in keys]
    again = [trigger.next_fire_time(NEW_YEAR, anchor=NEW_YEAR, key=key) for key in keys]
    assert before == again
    assert len(set(before)) > 600


def test_copies_say_the_same() -> None:
    """rule T2: copied or pickled, before and after it was asked, a trigger is equal and says the same."""
    for text in ("H H(22-2) L,15W * *", "0 0 22-31 * +monL", "0 0 0 1 1 * 2030-2040"):
        trigger = CronTrigger(text, "Europe/Berlin")
        size = len(pickle.dumps(trigger))
        expected = [trigger.next_fire_time(NEW_YEAR + number * DAY, anchor=NEW_YEAR) for number in range(99)]
        assert size == len(pickle.dumps(trigger))
        for other in (copy.deepcopy(trigger), pickle.loads(pickle.dumps(trigger))):
            assert (trigger, hash(trigger)) == (other, hash(other))
            found = [other.next_fire_time(NEW_YEAR + number * DAY, anchor=NEW_YEAR) for number in range(99)]
            assert expected == found


@pytest.mark.parametrize(
    ("quartz", "crontab"),
    [
        ("0 0 12 * * ?", "0 12 * * *"),
        ("0 15 10 ? * *", "15 10 * * *"),
        ("0 15 10 ? * 6L", "15 10 * * 5L"),
        ("0 15 10 ? * 6#3", "15 10 * * 5#3"),
        ("0 15 10 ? * MON-FRI", "15 10 * * 1-5"),
        ("0 15 10 ? * 2-6", "15 10 * * 1-5"),
        ("0 15 10 ? * 1,7", "15 10 * * 0,6"),
        ("0 0 0 ? * L", "0 0 * * 6"),
        ("0 0 0 ? * 5/2", "0 0 * * 4,6"),
        ("0 0 0 ? * */2", "0 0 * * */2"),
        ("0 0 0 ? * 6-2", "0 0 * * 0,1,5,6"),
        ("0 0 0 ? * H(2-6)", "0 0 * * H(1-5)"),
        ("0 0 0 ? * H", "0 0 * * H"),
        ("0 11 11 11 11 ?", "11 11 11 11 *"),
        ("0 0/5 14,18 * * ?", "0-55/5 14,18 * * *"),
        ("0 15 10 L-2 * ? 2027-2029", "0 15 10 L-2 * * 2027-2029"),
        ("30 0 0 15W * ?", "30 0 0 15W * *"),
        ("@daily", "0 0 * * *"),
    ],
)
def test_quartz(quartz: str, crontab: str) -> None:
    """rule T7: Quartz's dialect has seconds first and Sunday as 1; the canonical text is that of crontab."""
    trigger = CronTrigger(quartz, timezone="UTC", dialect="quartz")
    assert crontab == str(trigger)
    assert CronTrigger(crontab, timezone="UTC") == trigger


@pytest.mark.parametrize(
    ("expression", "column", "message"),
    [
        ("0 12 * * *", 11, "six fields, seconds first, or seven with the year last, not 5"),
        ("0 0 12 * * *", 12, "Quartz wants ? in one of the two day fields"),
        ("0 0 12 13 * 6", 13, "Quartz wants ? in one of the two day fields"),
        ("0 0 12 ? * ?", 12, "? may stand in one of the two day fields"),
        ("0 0 12 ? * 0", 12, "day of week must be from 1 to 7"),
        ("0 0 12 ? * +6", 12, "'+'"),
        ("0 0 12 ? * 8", 12, "day of week must be from 1 to 7"),
    ],
)
def test_quartz_refusals(expression: str, column: int, message: str) -> None:
    """rule T7: Quartz's dialect wants six or seven fields and one ``?``."""
    with pytest.raises(CronSyntaxError) as caught:
        CronTrigger(expression, dialect="quartz")
    assert message in str(caught.value)
    assert column == caught.value.column


@pytest.mark.parametrize(
    ("arguments", "canonical"),
    [
        ({"year": 2027}, "0 0 0 1 1 * 2027"),
        ({"year": "2027-2030/3", "month": "dec", "day": "L", "hour": 23}, "0 0 23 L 12 * 2027,2030"),
        ({"year": "*", "hour": 9}, "0 9 * * *"),
        ({"hour": "H(0-7)", "minute": "H"}, "H H(0-7) * * *"),
        ({"day_of_week": "friL", "hour": 9}, "0 9 * * 5L"),
        ({"day": "1-7", "day_of_week": "+mon"}, "0 0 1-7 * +1"),
        ({"day": "?", "day_of_week": "mon"}, "0 0 * * 1"),
        ({"hour": "22-2", "minute": "5/15"}, "5-50/15 0-2,22,23 * * *"),
        ({"day": "15W"}, "0 0 15W * *"),
        ({"day_of_week": 2, "hour": 9, "dialect": "quartz"}, "0 9 * * 1"),
        ({"day": "L", "dialect": "quartz"}, "0 0 L * *"),
        ({"month": 6, "dialect": "quartz"}, "0 0 1 6 *"),
        ({"day": "?", "day_of_week": "2#1", "dialect": "quartz"}, "0 0 * * 1#1"),
        ({"day": 13, "day_of_week": "fri", "day_match": "and"}, "0 0 13 * +5"),
        ({"day": 13, "day_of_week": "fri", "day_match": "or"}, "0 0 13 * 5"),
    ],
)
def test_fields_by_name(arguments: Any, canonical: str) -> None:
    """rule T7: fields by name take what the fields of an expression take."""
    assert canonical == str(CronTrigger(**arguments))


def test_fields_by_name_are_checked() -> None:
    """rule T7: a wrong field is told by its name and the column in its text, in every dialect."""
    with pytest.raises(CronSyntaxError, match="the number of the week must be from 1 to 5") as caught:
        CronTrigger(day_of_week="mon,fri#6")
    assert ("mon,fri#6", 9) == (caught.value.expression, caught.value.column)
    with pytest.raises(CronSyntaxError, match="day of week must be from 1 to 7"):
        CronTrigger(day_of_week=0, dialect="quartz")
    with pytest.raises(CronSyntaxError, match=r"Quartz wants \? in one of the two day fields"):
        CronTrigger(day=13, day_of_week="fri", dialect="quartz")
    with pytest.raises(CronSyntaxError, match="year must be from 1970 to 2199"):
        CronTrigger(year=1)


def test_the_two_days_may_be_joined() -> None:
    """rule T7: ``day_match`` says whether both day fields must allow a day; ``+`` says it in the text."""
    both = CronTrigger("0 0 13 * fri", "UTC", day_match="and")
    assert CronTrigger("0 0 13 * +fri", "UTC") == both == CronTrigger(str(both), "UTC", day_match="and")
    assert CronTrigger("0 0 13 * fri", "UTC") == CronTrigger("0 0 13 * fri", "UTC", day_match="or") != both
    assert CronTrigger("0 0 * * fri", "UTC") == CronTrigger("0 0 * * fri", "UTC", day_match="and")
    with pytest.raises(ValueError, match='day_match="or" contradicts'):
        CronTrigger("0 0 13 * +fri", day_match="or")
    with pytest.raises(CronSyntaxError, match="never match"):
        CronTrigger("0 0 31 4 fri", day_match="and")
    wrong: Any = "xor"
    with pytest.raises(ValueError, match="day_match must be one of 'or', 'and', not 'xor'"):
        CronTrigger("0 0 13 * fri", day_match=wrong)
    with pytest.raises(ValueError, match="dialect must be one of 'crontab', 'quartz', not 'xor'"):
        CronTrigger("0 0 13 * fri", dialect=wrong)


@pytest.mark.parametrize(
    "expression",
    ["0 0 L-3,15W,LW * +mon-fri", "H/15 H(22-2) * * 5#3,6L", "0 0 0 1 1 * 2027-2030", "0 0 13 * +5"],
)
def test_what_is_stored_is_the_canonical_text(expression: str) -> None:
    """rule N5: a stored trigger is its text, zone, bounds and policies, as earlier versions wrote them."""
    trigger = CronTrigger(expression, timezone="UTC")
    plain: Any = to_plain(trigger)
    assert {"expression", "timezone", "start_time", "end_time", "gap", "fold"} == set(plain["v"])
    assert ("cron@1", str(trigger)) == (plain["$"], plain["v"]["expression"])
    assert trigger == from_plain(plain)


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/Adak"])
def test_the_ends_of_the_calendar(zone: str) -> None:
    """rule T2: looking back at both ends of the calendar there is an answer or None, and never an error."""
    earliest, latest = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    for expression in ("59 23 * * *", "0 0 L * *", "0 0 * * 5#5", "0 0 29 2 *", "0 0 0 1 1 * 1970,2199"):
        trigger = CronTrigger(expression, timezone=zone)
        found = trigger.last_fire_time(latest, anchor=NEW_YEAR)
        assert found is not None
        assert trigger.next_fire_time(found, anchor=NEW_YEAR) is None
        assert trigger.last_fire_time(earliest, anchor=NEW_YEAR) is None
        start = trigger.next_fire_time(earliest, anchor=NEW_YEAR)
        assert start is not None
        assert trigger.last_fire_time(start - SECOND, anchor=NEW_YEAR) is None


def test_looking_back_keeps_to_start_and_end() -> None:
    """rule T3: looking back, start and end are inclusive."""
    start, end = NEW_YEAR + timedelta(hours=9), NEW_YEAR + 2 * DAY + timedelta(hours=9)
    trigger = CronTrigger("0 9 * * *", "UTC", start, end)
    assert end == trigger.last_fire_time(NEW_YEAR + 99 * DAY, anchor=NEW_YEAR)
    assert start == trigger.last_fire_time(start, anchor=NEW_YEAR)
    assert trigger.last_fire_time(start - SECOND, anchor=NEW_YEAR) is None
    open_zone = CronTrigger("0 0 * * *")
    assert open_zone.last_fire_time(NEW_YEAR, anchor=NEW_YEAR) is not None


class TestCronTriggers(TriggerSuite):
    """Rules T2 to T4 for the forms beyond crontab(5)."""

    def triggers(self) -> list[Trigger]:
        """Return one trigger of each form, in a zone whose clock jumps near the anchor."""
        texts = (
            "30 2 L,15W * *", "0 0 LW * 5#5", "*/20 22-3 28-5 * +fri-mon", "H H(0-7) * * *", "H/15 H H * *",
            "5/25 * * * sunL", "0 */30 2 * 3,10 0L 2025-2027", "0 0 29 2 +sun",
        )  # fmt: skip
        return [CronTrigger(text, "Europe/Berlin") for text in texts]
