"""Expressions at random, right and wrong: read back, told in words, refused, and compared with the model (rule T7)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.triggers.brute_force import allows_day
from tests.unit.triggers.cron_cases import MONTHS, WEEKDAYS, day, expression, field, weekday
from tests.unit.triggers.support import NEW_YEAR, first

from anysched.errors import CronSyntaxError
from anysched.triggers import CronTrigger

randoms = st.integers(0, 2**40).map(Random)
SPREADS = ("H", "H/15", "h(2-20)", "H(3-11)/4", "H,5")
CHARACTERS = "0123456789*/-,?#+() LWHlwh\tjanfrisumot\n٣."


def spread(random: Random, text: str) -> str:
    """Put ``H`` into some fields of an expression."""
    parts = text.split()
    for index in range(len(parts)):
        if random.random() < 0.2 and len(parts) < 7:
            parts[index] = random.choice(SPREADS)
    return " ".join(parts)


def trigger_of(text: str) -> CronTrigger | None:
    """Return the trigger, or None for what is refused at a column of the text or just after it."""
    try:
        return CronTrigger(text, timezone="UTC")
    except CronSyntaxError as exc:
        place = exc.expression, exc.column
    assert text == place[0]
    assert 1 <= place[1] <= len(text) + 1
    return None


@given(randoms)
def test_canonical_text_reads_back(random: Random) -> None:
    """rule T7: whatever is read, its canonical text reads back as an equal trigger that fires the same."""
    text = spread(random, expression(random))
    trigger = trigger_of(text)
    if trigger is None:
        return
    again = CronTrigger(str(trigger), timezone="UTC")
    assert (trigger, hash(trigger), str(trigger)) == (again, hash(again), str(again))
    assert trigger.describe() == again.describe()
    fire_times = [
        [other.next_fire_time(NEW_YEAR, anchor=NEW_YEAR, key=key) for key in ("", "a", "b")]
        for other in (trigger, again)
    ]
    assert fire_times[0] == fire_times[1]


@given(randoms)
def test_mutations_are_read_or_refused(random: Random) -> None:
    """rule T7: an expression with mistakes is read as something canonical, or refused within its text."""
    text = [*spread(random, expression(random))]
    for _ in range(random.randint(1, 4)):
        at = random.randint(0, len(text))
        kind = random.choice(["insert", "remove", "replace", "swap", "repeat", "name"])
        if kind == "insert":
            text.insert(at, random.choice(CHARACTERS))
        elif kind == "name":
            text.insert(at, random.choice([*WEEKDAYS, *MONTHS, "LW", "H(", "#6", "L-"]))
        elif kind == "repeat":
            text[at:at] = text[at : at + random.randint(1, 5)]
        elif at < len(text):
            text[at : at + 1] = {
                "remove": [],
                "replace": [random.choice(CHARACTERS)],
                "swap": [*reversed(text[at : at + 1])],
            }[kind]
    trigger = trigger_of("".join(text))
    if trigger is not None:
        assert trigger == CronTrigger(str(trigger), timezone="UTC")
        assert trigger.describe()


@given(randoms)
def test_days_agree_with_the_model(random: Random) -> None:
    """rule T7: the two day fields allow the days that a look at the calendar finds, as far as three years on."""
    days, weekdays = field(random, day, stars=0.5), field(random, weekday, stars=0.5)
    weekdays = f"+{weekdays}" if random.random() < 0.3 else weekdays
    numbers = weekdays
    for number, name in enumerate(WEEKDAYS):
        numbers = numbers.replace(name, str(number))
    start = datetime(random.randint(1971, 2190), random.randint(1, 12), 1, tzinfo=UTC)
    trigger = trigger_of(f"0 0 {days} * {weekdays}")
    every_day = (start + timedelta(days=number) for number in range(3 * 365))
    expected = (moment for moment in every_day if allows_day(days, numbers, moment.date()))
    five = [moment for moment, _ in zip(expected, range(5), strict=False)]
    if trigger is None:
        assert [] == five
        return
    before = start - timedelta(seconds=1)
    assert five == first(5, trigger, before)[: len(five)]
    if five:
        assert len(five) == trigger.count_fire_times(before, five[-1], anchor=start)
        assert five[-1] == trigger.last_fire_time(five[-1] + timedelta(hours=1), anchor=start)


@pytest.mark.parametrize(
    "text", ["1," * 2000 + "1 * * * *", "*" * 4000, "H" * 4000, "L-" * 2000, "1-" * 2000, "((" * 2000]
)
def test_long_texts_are_read_or_refused(text: str) -> None:
    """rule T7: no length makes reading slow."""
    trigger = trigger_of(text)
    assert trigger is None or trigger == CronTrigger("1 * * * *", timezone="UTC")
