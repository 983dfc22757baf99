"""What cron expressions mean, and which are refused (rule T7)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest
from croniter import croniter
from cronsim import CronSim
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.triggers.support import NEW_YEAR, between, first

from anysched.errors import AnyschedError, CronSyntaxError
from anysched.triggers import CronTrigger

ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


def item(low: int, high: int) -> st.SearchStrategy[str]:
    """Values, and ranges with and without a step."""
    value = st.integers(low, high)
    # Not from a value to itself: the oracles read those as something else.
    pair = st.lists(value, min_size=2, max_size=2, unique=True).map(sorted)
    span = pair.map(lambda ends: f"{ends[0]}-{ends[1]}")
    step = st.integers(1, 12)
    return st.one_of(value.map(str), span, st.builds("{}/{}".format, span, step))


def field(low: int, high: int, *, star: bool = True) -> st.SearchStrategy[str]:
    """One field of an expression."""
    lists = st.lists(item(low, high), min_size=1, max_size=3).map(",".join)
    return st.one_of(st.just("*"), st.integers(1, 12).map("*/{}".format), lists) if star else lists


def expressions(*, star_days: bool = True) -> st.SearchStrategy[str]:
    """Expressions of five fields, some of which can never match."""
    day = st.one_of(st.just("*"), field(1, 31, star=star_days))
    weekday = st.one_of(st.just("*"), field(0, 7, star=star_days))
    return st.tuples(field(0, 59), field(0, 23), day, field(1, 12), weekday).map(" ".join)


moments = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)).map(
    lambda moment: moment.replace(tzinfo=UTC)
)


def trigger_of(expression: str, zone: str = "UTC") -> CronTrigger | None:
    """Return the trigger, or None for an expression that can never match."""
    try:
        return CronTrigger(expression, timezone=zone)
    except CronSyntaxError as exc:
        if "never match" in str(exc):
            return None
        raise


@given(expressions(), moments)
def test_agrees_with_cronsim(expression: str, after: datetime) -> None:
    """rule T7: the same fire times as an independent implementation of Debian's cron."""
    trigger = trigger_of(expression)
    if trigger is not None:
        assert list(islice(CronSim(expression, after), 3)) == first(3, trigger, after)


@given(expressions(), st.sampled_from(["Europe/Berlin", "America/New_York"]), st.data())
def test_agrees_with_cronsim_around_transitions(expression: str, zone: str, data: st.DataObject) -> None:
    """rule T6: by default the same fire times as Debian's cron on the days on which the clock jumps."""
    day = data.draw(st.sampled_from([(2026, 3, 8), (2026, 3, 29), (2026, 10, 25), (2026, 11, 1)]))
    after = datetime(*day, tzinfo=UTC) - timedelta(minutes=data.draw(st.integers(-1500, 1500)))
    trigger = trigger_of(expression, zone)
    if trigger is None:
        return
    assert trigger.timezone is not None
    expected = (found.astimezone(UTC) for found in CronSim(expression, after.astimezone(trigger.timezone)))
    # It repeats the first instant after a gap when several times in the gap mean it.
    assert sorted(set(islice(expected, 4)))[:2] == first(2, trigger, after)


@given(expressions(star_days=False), moments)
def test_agrees_with_croniter(expression: str, after: datetime) -> None:
    """rule T7: the same fire times as croniter, where the two days are restricted by values or not at all."""
    trigger = trigger_of(expression)
    if trigger is not None:
        reference = croniter(expression, after)
        assert [reference.get_next(datetime) for _ in range(3)] == first(3, trigger, after)


@given(expressions(), st.sampled_from(["0", "*", "*/15", "5-50/7", "1,2,3,30"]))
def test_canonical_text_means_the_same(expression: str, seconds: str) -> None:
    """rule T7: the canonical text reads back as an equal trigger."""
    trigger = trigger_of(f"{seconds} {expression}")
    if trigger is not None:
        again = CronTrigger(str(trigger), timezone="UTC")
        assert (trigger, str(trigger)) == (again, str(again))
        assert first(5, trigger, NEW_YEAR) == first(5, again, NEW_YEAR)


@pytest.mark.parametrize(
    ("expression", "canonical"),
    [
        ("0 9 * * MON-Fri", "0 9 * * 1-5"),
        ("  00\t09 * jan,FEB  sun ", "0 9 * 1,2 0"),
        ("0 0 0 * * 7", "0 0 * * 0"),
        ("*/15 0 9 * * *", "0-45/15 0 9 * * *"),
        ("0,15,30,45 * * * *", "0-45/15 * * * *"),
        ("*/15 * * * *", "*/15 * * * *"),
        ("0-59 0-23 1-31 1-12 0-7", "0-59 0-23 1-31 * 0-6"),
        ("*/1 */1 */1 */1 */1", "* * * * *"),
        ("0 0 1-5/2 * 1-5/2", "0 0 1-5/2 * 1-5/2"),
        ("3-3/2 1-1 * * *", "3 1 * * *"),
        ("0 0 * * fri-sun", "0 0 * * 0,5,6"),
        ("0 0 * * 5-7", "0 0 * * 0,5,6"),
        ("*/20,5 0 * * *", "*/20,5 0 * * *"),
        ("*/90 0 * * *", "*/60 0 * * *"),
        ("* * * * * *", "* * * * * *"),
        ("1,2 3,4,5,9 * * *", "1,2 3-5,9 * * *"),
        *ALIASES.items(),
        (" @Hourly", "0 * * * *"),
        ("5/15 * * * *", "5-50/15 * * * *"),
        ("1-30/7 5/9 * * mon/2", "1-29/7 5-23/9 * * 0,1,3,5"),
        ("58/5 23/2 31/2 12/2 sat/2", "58 23 31 12 6"),
        ("22-2 22-2 28-3 nov-feb fri-mon", "0-2,22-59 0-2,22,23 1-3,28-31 1,2,11,12 0,1,5,6"),
        ("50-10/7 * * * *", "4,50,57 * * * *"),
        ("0 20-4/4 * oct-mar/2 sat-thu/2", "0 0,4,20 * 2,10,12 1,3,6"),
        ("0 0 * * 7-2", "0 0 * * 0-2"),
        ("0 0 * * 6-0", "0 0 * * 0,6"),
        ("0 0 * * 7-7", "0 0 * * 0"),
        ("0 0 l,lw,15w,L-3,1,l-0,L-2w * *", "0 0 1,L,L-3,15W,LW,L-2W * *"),
        ("0 0 1-31,L,15W * *", "0 0 1-31 * *"),
        ("0 0 * * FRIl,5L,Fri#3,7#1,mon", "0 0 * * 1,0#1,5#3,5L"),
        ("0 0 ? * 5", "0 0 * * 5"),
        ("0 0 5 * ?", "0 0 5 * *"),
        ("0 0 13 * +fri", "0 0 13 * +5"),
        ("0 0 * * +fri", "0 0 * * 5"),
        ("0 0 */2 * +fri", "0 0 */2 * 5"),
        ("0 0 13 * +*/2", "0 0 13 * */2"),
        ("0 0 12 * * * *", "0 12 * * *"),
        ("0 0 12 * * * */1", "0 12 * * *"),
        ("0 0 12 * * * */100", "0 0 12 * * * 1970-2170/100"),
        ("0 0 12 * * * 1970-2199", "0 0 12 * * * 1970-2199"),
        ("0 0 12 * * * 2030,2027-2028", "0 0 12 * * * 2027,2028,2030"),
        ("h h(0-23) H(1-28) H(jan-dec) H(sun-sat)", "H H H H H"),
        ("H/15 H(22-2) * * H(mon-fri)", "H/15 H(22-2) * * H(1-5)"),
        ("H(0-29)/10,45 H/40 H(1-31) * *", "45,H(0-29)/10 H H(1-31) * *"),
        ("H(5-5) H/1 * * H(5-7)", "5 0-23 * * H(5-0)"),
        ("*/20,H * * * *", "*/20,H * * * *"),
    ],
)
def test_canonical_text(expression: str, canonical: str) -> None:
    """rule T7: expressions that mean the same are written, compared and hashed the same."""
    trigger = CronTrigger(expression)
    assert canonical == str(trigger) == trigger.expression
    assert CronTrigger(canonical) == trigger
    assert hash(CronTrigger(canonical)) == hash(trigger)


@pytest.mark.parametrize(
    ("expression", "days"),
    [
        ("0 0 * * 0", [4, 11, 18, 25]),
        ("0 0 * * 7", [4, 11, 18, 25]),
        ("0 0 * * 5-7", [2, 3, 4, 9, 10, 11, 16, 17, 18, 23, 24, 25, 30, 31]),
        ("0 0 * * 0-7", [*range(1, 32)]),
        ("0 0 * * 1-5/2", [2, 5, 7, 9, 12, 14, 16, 19, 21, 23, 26, 28, 30]),
        ("0 0 * * 1-7/2", [2, 4, 5, 7, 9, 11, 12, 14, 16, 18, 19, 21, 23, 25, 26, 28, 30]),
        ("0 0 * * */2", [1, 3, 4, 6, 8, 10, 11, 13, 15, 17, 18, 20, 22, 24, 25, 27, 29, 31]),
        ("0 0 13 * 5", [2, 9, 13, 16, 23, 30]),
        ("0 0 13 * *", [13]),
        ("0 0 */10 * 4", [1]),
        ("0 0 1-31/8 * */2", [1, 17, 25]),
        ("0 0 1-31/8 * 6", [1, 3, 9, 10, 17, 24, 25, 31]),
    ],
)
def test_days(expression: str, days: list[int]) -> None:
    """rule T7: Sunday is 0 and 7, steps are kept, two restricted days are OR-ed, unless one begins with a star."""
    trigger = CronTrigger(expression, timezone="UTC")  # the first is a Thursday
    found = between(trigger, datetime(2025, 12, 31, 12, tzinfo=UTC), datetime(2026, 1, 31, tzinfo=UTC))
    assert days == [moment.day for moment in found]


@pytest.mark.parametrize(
    ("expression", "column", "message"),
    [
        ("", 1, "five fields"),
        ("* * * *", 8, "five fields"),
        ("0 0 * * * * 2027 *", 18, "no field after the year"),
        ("60 * * * *", 1, "minute must be from 0 to 59"),
        ("* 24 * * *", 3, "hour must be from 0 to 23"),
        ("* * 0 * *", 5, "day must be from 1 to 31"),
        ("* * 1,32 * *", 7, "day must be from 1 to 31"),
        ("* * * 13 *", 7, "month must be from 1 to 12"),
        ("* * * * 8", 9, "day of week must be from 0 to 7"),
        ("61 * * * * *", 1, "second must be from 0 to 59"),
        ("0 0 0 1 1 * 1969", 13, "year must be from 1970 to 2199"),
        ("0 0 0 1 1 * 2200", 13, "year must be from 1970 to 2199"),
        ("*/0 * * * *", 3, "a step must be at least 1"),
        ("*/ * * * *", 3, "minute ends early: a number of at least 1 must follow"),
        ("1- * * * *", 3, "minute ends early: *, a number from 0 to 59 or H must follow"),
        ("1,,2 * * * *", 3, "',' does not belong here in the minute: write *, a number from 0 to 59 or H"),
        (",1 * * * *", 1, "','"),
        ("1, * * * *", 3, "ends early"),
        ("0 0 0 1 1 * 2030-2027", 18, "a range of the year must not end before it begins"),
        ("0 0 28-3/2 * *", 9, "a step cannot go on over the end of a month"),
        ("0 0 H(28-3)/2 * *", 12, "a step cannot go on over the end of a month"),
        ("-5 * * * *", 1, "'-'"),
        ("+5 * * * *", 1, "'+'"),
        ("* * +5 * *", 5, "'+'"),
        ("* * * * 1,+5", 11, "'+'"),
        (
            "1.5 * * * *",
            2,
            "'.' does not belong here in the minute: write -, /, a comma or the end of the field",
        ),
        ("1_0 * * * *", 2, "'_'"),
        ("٣ * * * *", 1, "'٣'"),
        ("*5 * * * *", 2, "'5' does not belong here in the minute: write /, a comma or the end of the field"),
        ("** * * * *", 2, "'*'"),
        ("*-5 * * * *", 2, "'-'"),
        ("1-5-7 * * * *", 4, "'-'"),
        ("*/2/3 * * * *", 4, "'/' does not belong here in the minute: write a comma or the end of the field"),
        ("1-9/2-3 * * * *", 6, "'-'"),
        ("1/2-3 * * * *", 4, "'-'"),
        ("99999999999999999999 * * * *", 1, "too large"),
        ("jan * * * *", 1, "'jan' is not a minute: write *, a number from 0 to 59 or H"),
        ("* * * january *", 7, "'january' is not a month"),
        (
            "* * * mon *",
            7,
            "'mon' is not a month: write *, a number from 1 to 12, a name from jan to dec or H",
        ),
        ("* * * julL *", 7, "'julL' is not a month"),
        ("* * * * monday", 9, "'monday' is not a day of week"),
        ("* * * * lastfoo", 9, "'lastfoo'"),
        ("* * * JAN-2// *", 13, "'/'"),
        ("L * * * *", 1, "'L' is not a minute"),
        ("0 0 * * L", 9, "'L' is not a day of week"),
        ("0 0 * L *", 7, "'L' is not a month"),
        ("0 0 L5 * *", 6, "'5'"),
        ("0 0 5L * *", 6, "'L' does not belong here in the day: write W, -, /, a comma or the end"),
        ("0 0 L- * *", 7, "day ends early: a number from 0 to 30 must follow"),
        ("0 0 L-31 * *", 7, "the days before the last one must be from 0 to 30"),
        ("0 0 L/2 * *", 6, "'/'"),
        ("0 0 1-L * *", 7, "'L' is not a day"),
        ("0 0 W * *", 5, "'W' is not a day"),
        ("0 0 32W * *", 5, "day must be from 1 to 31"),
        ("0 0 1-5W * *", 8, "'W'"),
        ("0 0 15W/2 * *", 8, "'/'"),
        ("0 15W * * *", 5, "'W' does not belong here in the hour"),
        (
            "0 0 * * 5W",
            10,
            "'W' does not belong here in the day of week: write L, #, -, /, a comma or the end",
        ),
        ("0 0 * * 5#", 11, "day of week ends early: a number from 1 to 5 must follow"),
        ("0 0 * * 5#0", 11, "the number of the week must be from 1 to 5"),
        ("0 0 * * 5#6", 11, "the number of the week must be from 1 to 5"),
        ("0 0 * * fri#L", 13, "'L'"),
        ("0 0 * * 1-5#2", 12, "'#'"),
        ("0 0 * * *#2", 10, "'#'"),
        ("0 0 * * 5#2/2", 12, "'/'"),
        ("0 0 1#2 * *", 6, "'#'"),
        ("0 0 * * 5L/2", 11, "'/'"),
        ("? 0 * * *", 1, "'?'"),
        ("0 0 ?,5 * *", 6, "? stands alone in the day"),
        ("0 0 5,? * *", 7, "? stands alone in the day: write nothing beside it"),
        ("0 0 ?/2 * *", 6, "? stands alone in the day"),
        ("0 0 ? * ?", 9, "? may stand in one of the two day fields: write * here"),
        ("0 0 0 1 1 * H", 13, "'H' is not a year"),
        ("H,H * * * *", 3, "H may stand only once in a field"),
        ("H( * * * *", 3, "minute ends early"),
        ("H(5 * * * *", 4, "minute ends early: - must follow"),
        ("H(0-29 * * * *", 7, "minute ends early: ) must follow"),
        ("H(0-60) * * * *", 5, "minute must be from 0 to 59"),
        ("H() * * * *", 3, "')'"),
        ("H-5 * * * *", 2, "'-'"),
        ("H/0 * * * *", 3, "a step must be at least 1"),
        ("0 0 * * *\n", 10, "'\\n'"),
        ("0\u00a00 * * * *", 2, "'\\xa0'"),
        ("* " * 2049, 4097, "at most 4096 characters"),
        ("@reboot", 1, "@reboot is not one of"),
        (" @every 5m", 2, "@every 5m is not one of"),
        ("@", 1, "is not one of"),
        ("0 0 30 2 *", 5, "never match"),
        ("0 0 31 4,6,9,11 *", 5, "never match"),
        ("0 0 0 30,31 feb */2", 7, "never match"),
        ("0 0 30W 2 *", 5, "never match"),
        ("0 0 L-29 2 *", 5, "never match"),
        ("0 0 31W 4,6 *", 5, "never match"),
        ("0 0 1-7 * +fri#2", 5, "never match"),
        ("0 0 8-31 * +mon#1", 5, "never match"),
        ("0 0 */16 * 5#2", 5, "never match"),
        ("0 0 0 29 2 * 2025", 7, "never match"),
        ("0 0 0 13 1 +fri 2027", 7, "never match"),
        ("0 0 0 30 2 fri#5 2025", 7, "never match"),
        ("0 0 0 29 2 +mon 2024,2028", 7, "never match"),
        ("0 0 H(1-31) 2 *", 5, "H may choose a day that no month of these has"),
        ("0 0 31 H *", 5, "H may choose a day that no month of these has"),
    ],
)
def test_refusals(expression: str, column: int, message: str) -> None:
    """rule T7: anything else is refused, with the column it stands in."""
    with pytest.raises(CronSyntaxError) as caught:
        CronTrigger(expression)
    assert message in str(caught.value)
    assert (expression, column) == (caught.value.expression, caught.value.column)
    assert isinstance(caught.value, AnyschedError)
    assert isinstance(caught.value, ValueError)


@given(st.text(st.sampled_from("0123456789*/-, @LW#?H()+monjafri\t"), max_size=25))
def test_any_text_is_read_or_refused(expression: str) -> None:
    """rule T7: no text ends in another error, and the column lies in the expression or just after it."""
    column = 1
    try:
        CronTrigger(expression)
    except CronSyntaxError as exc:
        column = exc.column
    assert 1 <= column <= len(expression) + 1


@pytest.mark.parametrize(
    ("fields", "canonical"),
    [
        ({"hour": 9, "minute": 30}, "30 9 * * *"),
        ({"hour": 9}, "0 9 * * *"),
        ({"hour": "*/2"}, "0 */2 * * *"),
        ({"minute": 30}, "30 * * * *"),
        ({"minute": 0}, "0 * * * *"),
        ({"second": 15}, "15 * * * * *"),
        ({"second": "*/10", "hour": 3}, "0-50/10 * 3 * * *"),
        ({"day": 1}, "0 0 1 * *"),
        ({"day_of_week": "mon-fri"}, "0 0 * * 1-5"),
        ({"day_of_week": "mon", "hour": 9}, "0 9 * * 1"),
        ({"day": 13, "day_of_week": "fri"}, "0 0 13 * 5"),
        ({"month": "jun"}, "0 0 1 6 *"),
        ({"month": 6, "day_of_week": 0}, "0 0 * 6 0"),
        ({"month": 6, "minute": 5}, "5 * * 6 *"),
        ({"month": 1, "day": 2, "hour": 3, "minute": 4, "second": 5, "day_of_week": "*"}, "5 4 3 2 1 *"),
    ],
)
def test_fields_by_name(fields: Any, canonical: str) -> None:
    """rule T7: a field left out takes its lowest value below the least significant one given, else ``*``."""
    assert canonical == str(CronTrigger(**fields))


def test_fields_by_name_are_checked() -> None:
    """rule T7: a wrong field is told by its name and the column in its text."""
    with pytest.raises(CronSyntaxError, match="hour must be from 0 to 23") as caught:
        CronTrigger(hour="9,24")
    assert ("9,24", 3) == (caught.value.expression, caught.value.column)
    with pytest.raises(CronSyntaxError, match="' ' does not belong here in the minute"):
        CronTrigger(minute="5 *")
    with pytest.raises(CronSyntaxError, match="minute ends early"):
        CronTrigger(minute="")
    with pytest.raises(CronSyntaxError, match="never match"):
        CronTrigger(month=2, day=30)
    with pytest.raises(ValueError, match="not both"):
        CronTrigger("* * * * *", hour=9)
    with pytest.raises(ValueError, match="needs an expression"):
        CronTrigger()
    wrong: Any = True
    with pytest.raises(TypeError, match="hour must be a whole number or a string, not bool"):
        CronTrigger(hour=wrong)
    wrong = 5
    with pytest.raises(TypeError, match="expression must be a string, not int"):
        CronTrigger(wrong)


def test_rare_days_are_found() -> None:
    """rule T4: the 29th of February is found across 2100, and none is looked for past the year 9999."""
    trigger = CronTrigger("0 0 29 2 *", timezone="Europe/Berlin")
    found = first(3, trigger, datetime(2093, 1, 1, tzinfo=UTC))
    assert [2096, 2104, 2108] == [moment.year for moment in found]
    assert trigger.next_fire_time(datetime(9997, 1, 1, tzinfo=UTC), anchor=NEW_YEAR) is None
    sunday = CronTrigger("0 0 29 2 */7", timezone="UTC")
    assert datetime(2032, 2, 29, tzinfo=UTC) == sunday.next_fire_time(NEW_YEAR, anchor=NEW_YEAR)


def test_a_month_with_enough_days_is_enough() -> None:
    """rule T7: an expression is refused only when none of its months has one of its days."""
    trigger = CronTrigger("0 0 31 1,2,4 *", timezone="UTC")
    assert [1, 1] == [moment.month for moment in first(2, trigger, NEW_YEAR)]
    either = CronTrigger("0 0 31 2 5", timezone="UTC")
    assert datetime(2026, 2, 6, tzinfo=UTC) == either.next_fire_time(NEW_YEAR, anchor=NEW_YEAR)
