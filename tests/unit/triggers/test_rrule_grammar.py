"""What a recurrence may say, and how everything else is refused (rule T9)."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.triggers.rrule_cases import recurrence
from tests.unit.triggers.support import NEW_YEAR, first

from anysched.errors import RRuleSyntaxError, TriggerError
from anysched.triggers import RRuleTrigger

START = "DTSTART;TZID=Europe/Berlin:20260101T090000\n"
CHARACTERS = "0123456789-+,;:=\n TZUNTILFREQBYDAYMO٣\x00"

#: The rule, what is said of it, and where.
REFUSED: list[tuple[str, str, int]] = [
    ("", "a rule is missing", 1),
    ("DAILY", "'DAILY' is not a part of a rule: write one of FREQ, UNTIL", 1),
    ("FREQ", "FREQ needs a value", 5),
    ("FREQ=", "FREQ needs a value", 6),
    ("FREQ=FORTNIGHTLY", "FREQ must be one of YEARLY, MONTHLY, WEEKLY, DAILY, HOURLY, MINUTELY, SECONDLY", 6),
    ("INTERVAL=2", "FREQ is missing", 1),
    ("FREQ=DAILY;", "a part such as BYDAY=MO is missing here", 12),
    ("FREQ=DAILY;;COUNT=2", "a part such as BYDAY=MO is missing here", 12),
    ("FREQ=DAILY; COUNT=2", "nothing stands between parts but a semicolon", 12),
    ("FREQ=DAILY;FREQ=DAILY", "FREQ stands here for the second time", 12),
    ("FREQ=DAILY;BYHOUR=1;BYHOUR=2", "BYHOUR stands here for the second time", 21),
    ("FREQ=DAILY;BYEASTER=0", "Easter is not part of RFC 5545", 12),
    ("FREQ=DAILY;BYWEEKDAY=MO", "did you mean BYDAY?", 12),
    ("FREQ=DAILY;RSCALE=HEBREW", "other calendars", 12),
    ("FREQ=DAILY;DTSTART=20260101T000000", "stands on a line of its own", 12),
    ("FREQ=DAILY;INTERVAL=0", "INTERVAL must be from 1 to 999999999, not 0", 21),
    ("FREQ=DAILY;INTERVAL=-1", "INTERVAL: '-1' is not a number from 1", 21),
    ("FREQ=DAILY;INTERVAL=1.5", "INTERVAL: '1.5' is not a number", 21),
    ("FREQ=DAILY;INTERVAL=٣", "INTERVAL: '٣' is not a number", 21),
    ("FREQ=DAILY;INTERVAL=99999999999999999999", "is not a number from 1 to 999999999", 21),
    ("FREQ=DAILY;COUNT=0", "COUNT must be from 1", 18),
    ("FREQ=DAILY;COUNT=two", "COUNT: 'TWO' is not a number", 18),
    ("FREQ=DAILY;COUNT=3;UNTIL=20260601T000000Z", "COUNT and UNTIL exclude each other", 20),
    ("FREQ=DAILY;UNTIL=20260601", "a date alone goes with DTSTART;VALUE=DATE only", 18),
    ("FREQ=DAILY;UNTIL=tomorrow", "UNTIL: 'TOMORROW' is not a date with time", 18),
    ("FREQ=DAILY;UNTIL=20260631T000000Z", "UNTIL: there is no '20260631T000000Z'", 18),
    ("FREQ=DAILY;UNTIL=20260601T250000Z", "UNTIL: there is no", 18),
    ("FREQ=DAILY;UNTIL=2026-06-01T00:00:00Z", "is not a date with time such as 20250704T090000", 18),
    ("FREQ=DAILY;BYSECOND=61", "BYSECOND must be from 0 to 60, not 61", 21),
    ("FREQ=DAILY;BYMINUTE=5,60", "BYMINUTE must be from 0 to 59, not 60", 23),
    ("FREQ=DAILY;BYHOUR=24", "BYHOUR must be from 0 to 23, not 24", 19),
    ("FREQ=DAILY;BYHOUR=-1", "BYHOUR: '-1' is not a number from 0 to 23", 19),
    ("FREQ=DAILY;BYHOUR=1,,2", "BYHOUR: '' is not a number", 21),
    (
        "FREQ=MONTHLY;BYMONTHDAY=0",
        "BYMONTHDAY must be from 1 to 31, or from -31 to -1 counted from the end",
        25,
    ),
    ("FREQ=MONTHLY;BYMONTHDAY=-32", "BYMONTHDAY must be from 1 to 31", 25),
    ("FREQ=YEARLY;BYYEARDAY=367", "BYYEARDAY must be from 1 to 366", 23),
    ("FREQ=YEARLY;BYWEEKNO=54", "BYWEEKNO must be from 1 to 53", 22),
    ("FREQ=YEARLY;BYMONTH=13", "BYMONTH must be from 1 to 12, not 13", 21),
    ("FREQ=YEARLY;BYMONTH=JAN", "BYMONTH: 'JAN' is not a number", 21),
    ("FREQ=WEEKLY;BYDAY=MON", "BYDAY: 'MON' is not a day of the week: write one of MO, TU", 19),
    ("FREQ=WEEKLY;BYDAY=MO,", "BYDAY: '' is not a day of the week", 22),
    ("FREQ=MONTHLY;BYDAY=0MO", "the number of a day must be from 1 to 53", 20),
    ("FREQ=MONTHLY;BYDAY=+MO", "BYDAY: '+MO' is not a day of the week", 20),
    ("FREQ=MONTHLY;BYDAY=MO(+1)", "is not a day of the week", 20),
    ("FREQ=WEEKLY;BYDAY=1MO", "a day with a number goes with FREQ=MONTHLY and FREQ=YEARLY only", 13),
    ("FREQ=YEARLY;BYWEEKNO=3;BYDAY=1MO", "does not go with BYWEEKNO", 24),
    ("FREQ=MONTHLY;BYWEEKNO=3", "BYWEEKNO goes with FREQ=YEARLY only", 14),
    ("FREQ=DAILY;BYYEARDAY=3", "BYYEARDAY does not go with FREQ=DAILY", 12),
    ("FREQ=WEEKLY;BYMONTHDAY=3", "BYMONTHDAY does not go with FREQ=WEEKLY", 13),
    ("FREQ=MONTHLY;BYSETPOS=1", "BYSETPOS chooses from what another part such as BYDAY says", 14),
    ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=0", "BYSETPOS must be from 1 to 366", 32),
    ("FREQ=WEEKLY;WKST=8", "WKST must be one of MO", 18),
    (
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "no day of any year fits BYMONTH and BYMONTHDAY, so this can never",
        13,
    ),
    ("FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30", "never match", 15),
    ("FREQ=YEARLY;BYYEARDAY=1;BYMONTH=3", "fits BYMONTH and BYYEARDAY", 13),
    ("FREQ=MONTHLY;BYDAY=6MO", "no day of any year fits BYDAY", 14),
    ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=6", "BYSETPOS asks for more than there ever is", 23),
    ("FREQ=WEEKLY;BYDAY=MO,TU;BYSETPOS=3,-3", "BYSETPOS asks for more", 25),
    ("FREQ=DAILY;BYHOUR=3;BYSETPOS=2", "BYSETPOS asks for more", 21),
    ("FREQ=SECONDLY;BYSECOND=3;BYSETPOS=2", "BYSETPOS asks for more", 26),
    ("EXRULE:FREQ=DAILY", "EXRULE is no part of RFC 5545 any more: use EXDATE", 1),
    ("RULE:FREQ=DAILY", "a line begins with one of DTSTART, RRULE, RDATE, EXDATE, not with 'RULE'", 1),
    (":FREQ=DAILY", "a line begins with one of", 1),
    ("RRULE:", "RRULE needs a value", 7),
    ("RRULE", "RRULE needs a colon", 6),
    ("RRULE;X=1:FREQ=DAILY", "RRULE has no parameter X", 7),
    ("RRULE FREQ=DAILY:1", "a parameter such as ;TZID=Europe/Helsinki or a colon is expected", 6),
    ("DTSTART:20260101T090000", "a rule is missing", 24),
    ("EXDATE:20260101T090000", "a rule is missing", 23),
    ("RDATE:20260101T090000,x", "RDATE: 'X' is not a date with time", 23),
    ("RDATE:20260101T090000/PT1H", "a period has no meaning for fire times", 7),
    ("RDATE;VALUE=PERIOD:20260101T090000/PT1H", "a period has no meaning for fire times", 7),
    ("RDATE;VALUE=TEXT:x", "VALUE must be DATE or DATE-TIME, not 'TEXT'", 7),
    ("RDATE;VALUE=DATE:20260101", "VALUE must be that of DTSTART", 7),
    ("RDATE;TZID=Mars/Olympus:20260101T090000", "TZID: timezone 'Mars/Olympus' is unknown", 7),
    ("RDATE;TZID=Europe/Berlin:20260101T090000Z", "a moment in UTC (Z) has no TZID", 26),
    ("RDATE;TZID=UTC;TZID=UTC:20260101T090000", "the parameter TZID stands here for the second time", 16),
    ("RDATE;SCALE=1:20260101T090000", "RDATE has no parameter SCALE: write TZID or VALUE", 7),
]
#: The same on the second line, after DTSTART.
REFUSED_AFTER_START: list[tuple[str, str, str, int]] = [
    (START, "FREQ=DAILY;UNTIL=20260601T000000", "UNTIL must be in UTC, as DTSTART has a zone", 12),
    (
        "DTSTART:20260101T090000\n",
        "FREQ=DAILY;UNTIL=20260601T000000Z",
        "UNTIL is in UTC while DTSTART has no zone",
        12,
    ),
    (START, "FREQ=DAILY;UNTIL=20260601", "a date alone goes with DTSTART;VALUE=DATE only", 18),
    (
        "DTSTART;VALUE=DATE:20260101\n",
        "FREQ=DAILY;UNTIL=20260601T000000Z",
        "UNTIL must be a date such as",
        18,
    ),
    (START, "DTSTART:20260101T090000", "DTSTART stands here for the second time", 1),
    (START, "FREQ=DAILY;BYHOUR=99", "BYHOUR must be from 0 to 23", 19),
]


@pytest.mark.parametrize(("text", "reason", "column"), REFUSED)
def test_refused(text: str, reason: str, column: int) -> None:
    """Rule T9: what cannot stand there, or can never match, is refused by name and place, with what may stand there."""
    with pytest.raises(RRuleSyntaxError) as caught:
        RRuleTrigger(text)
    assert reason in str(caught.value)
    assert (1, column, text) == (caught.value.line, caught.value.column, caught.value.text)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(("start", "text", "reason", "column"), REFUSED_AFTER_START)
def test_refused_beside_a_start(start: str, text: str, reason: str, column: int) -> None:
    """Rule T9: UNTIL is of the kind that DTSTART is; an error names the line."""
    with pytest.raises(RRuleSyntaxError) as caught:
        RRuleTrigger(f"{start}{text}\nRRULE:FREQ=DAILY")
    assert reason in str(caught.value)
    assert f"(line 2, column {column} of {text!r})" in str(caught.value)
    assert (2, column, text) == (caught.value.line, caught.value.column, caught.value.text)


def test_long_lines_are_shown_in_part() -> None:
    """Rule T9: an error in a long line shows what stands around it."""
    with pytest.raises(RRuleSyntaxError) as caught:
        RRuleTrigger("FREQ=DAILY\nEXDATE:" + "20260101T090000," * 500 + "never," + "20260101T090000," * 500)
    assert (2, 8008) == (caught.value.line, caught.value.column)
    assert 400 > len(str(caught.value))
    assert ",never," in str(caught.value)


def test_lists_have_an_end() -> None:
    """Rule T9: what a text may hold is bounded, so that reading and searching it are."""
    with pytest.raises(RRuleSyntaxError, match="at most 10000 moments"):
        RRuleTrigger(
            "FREQ=DAILY\nEXDATE:"
            + ",".join(f"2{number:03}0101T{hour:02}0000" for number in range(600) for hour in range(17))
        )
    with pytest.raises(RRuleSyntaxError, match="at most 100 rules"):
        RRuleTrigger("FREQ=DAILY\n" * 101)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("freq=daily", "FREQ=DAILY"),
        ("RRULE:FREQ=DAILY;INTERVAL=1;WKST=MO", "FREQ=DAILY"),
        ("WKST=SU;BYDAY=FR,MO,MO;FREQ=WEEKLY;INTERVAL=02", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR;WKST=SU"),
        ("FREQ=MONTHLY;BYDAY=+1MO,-1FR", "FREQ=MONTHLY;BYDAY=-1FR,1MO"),
        ("FREQ=DAILY;BYSECOND=60,59", "FREQ=DAILY;BYSECOND=59"),
        ("FREQ=DAILY;UNTIL=20260601T000060Z", "FREQ=DAILY;UNTIL=20260601T000059Z"),
        ("\r\nRRULE:FREQ=DAILY\r\nRRULE:FREQ=\r\n DAILY\r\n", "FREQ=DAILY"),
        (
            'FREQ=DAILY\nEXDATE;TZID="Europe/Berlin":20260102T000000\nexdate;tzid=UTC:20260102T000000',
            "RRULE:FREQ=DAILY\nEXDATE;TZID=Europe/Berlin:20260102T000000\nEXDATE:20260102T000000Z",
        ),
        (
            "RDATE:20260103T000000,20260102T000000Z,20260102T000000Z",
            "RDATE:20260103T000000\nRDATE:20260102T000000Z",
        ),
    ],
)
def test_canonical_text(text: str, canonical: str) -> None:
    """Rule T9: texts that say the same have one canonical text, which reads back as an equal trigger."""
    trigger = RRuleTrigger(text)
    assert (canonical, canonical) == (str(trigger), trigger.rule)
    assert trigger == RRuleTrigger(str(trigger))


@settings(max_examples=60)
@given(st.integers(0, 2**40))
def test_canonical_text_reads_back(seed: int) -> None:
    """Rule T9: whatever is read, its canonical text reads back as an equal trigger that fires the same."""
    text, start = recurrence(Random(seed))
    try:
        trigger = RRuleTrigger(text, start, "UTC")
    except ValueError:
        return
    again = RRuleTrigger(str(trigger), start, "UTC")
    assert (trigger, hash(trigger), str(trigger)) == (again, hash(again), str(again))
    begun = start.replace(tzinfo=UTC)
    assert first(3, trigger, begun) == first(3, again, begun)


@settings(max_examples=150)
@given(st.integers(0, 2**40))
def test_what_is_mutated_is_read_or_refused(seed: int) -> None:
    """Rule T9: a text that was mutated is read, or refused: at a place in it, if it is wrong by itself."""
    random = Random(seed)
    text, start = recurrence(random)
    if random.random() < 0.5:
        text = f"{START}RRULE:{text}\nEXDATE:20260102T090000,20260103T090000Z\nRDATE;VALUE=DATE-TIME:20260104T000000"
    for _ in range(random.randint(1, 3)):
        place = random.randrange(len(text) + 1)
        text = (
            text[:place]
            + random.choice(("", random.choice(CHARACTERS)))
            + text[place + random.randrange(3) :]
        )
    has_start = "DTSTART" in text
    try:
        trigger = RRuleTrigger(text, None if has_start else start, None if has_start else "UTC")
    except RRuleSyntaxError as exc:
        refusal = exc
    except (ValueError, TriggerError):  # of what is well written: the start does not go with it
        return
    else:
        found = trigger.next_fire_time(NEW_YEAR, anchor=NEW_YEAR)
        assert found is None or found > NEW_YEAR
        return
    assert 1 <= refusal.line <= len(text.splitlines()) + 1
    assert 1 <= refusal.column <= len(text) + 1


def test_a_rule_that_says_nothing_of_the_start_is_checked_with_it() -> None:
    """Rule T9: what can never match because of the start is refused when both are known."""
    start = datetime(2026, 1, 31)
    for text in (
        "FREQ=YEARLY;BYMONTH=2,4,6,9,11",
        "FREQ=MONTHLY;INTERVAL=12;BYMONTH=2",
        "FREQ=DAILY;INTERVAL=7;BYDAY=FR",
        "FREQ=HOURLY;INTERVAL=2;BYHOUR=3",
        "FREQ=MINUTELY;INTERVAL=54;BYMINUTE=17;COUNT=5",
        "FREQ=HOURLY;INTERVAL=7;BYDAY=TH;BYHOUR=4",
        "FREQ=SECONDLY;INTERVAL=2;BYSECOND=3",
        "FREQ=YEARLY;INTERVAL=4;BYMONTH=2;BYMONTHDAY=29",
    ):
        RRuleTrigger(text)
        RRuleTrigger(text, start)
        with pytest.raises(ValueError, match="this never matches before the year 10000"):
            RRuleTrigger(text, start, "UTC")
