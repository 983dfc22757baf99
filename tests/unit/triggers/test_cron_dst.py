"""Cron and calendar intervals where the clock jumps, against a model that looks at every minute (rule T6)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise, product
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.unit.triggers.brute_force import allows, fire_times, instants, minutes
from tests.unit.triggers.support import at, between, wall

from anysched.triggers import CalendarIntervalTrigger, CronTrigger

GAPS = ("after", "shift", "skip")
FOLDS = ("first", "last", "both")

#: A day with a transition in each: an hour by night and at midnight, half an hour, two hours, a whole day.
TRANSITIONS = {
    "Berlin, spring": ("Europe/Berlin", datetime(2026, 3, 29)),
    "Berlin, autumn": ("Europe/Berlin", datetime(2026, 10, 25)),
    "New York, autumn": ("America/New_York", datetime(2026, 11, 1)),
    "Sao Paulo, midnight is skipped": ("America/Sao_Paulo", datetime(2018, 11, 4)),
    "Havana, midnight comes twice": ("America/Havana", datetime(2026, 11, 1)),
    "Lord Howe, half an hour forward": ("Australia/Lord_Howe", datetime(2026, 10, 4)),
    "Lord Howe, half an hour back": ("Australia/Lord_Howe", datetime(2026, 4, 5)),
    "Troll, two hours forward": ("Antarctica/Troll", datetime(2026, 3, 29)),
    "Troll, two hours back": ("Antarctica/Troll", datetime(2026, 10, 25)),
    "Apia, a day is skipped": ("Pacific/Apia", datetime(2011, 12, 30)),
    "Juneau, a day comes twice": ("America/Juneau", datetime(1867, 10, 18)),
}
FIXED = ("30 2 * * *", "0 0 * * *", "15,45 1-3 * * *", "0 12 30 12 *", "5 0-23/2 * * 0")
WILDCARD = ("*/20 * * * *", "0 * * * *", "0 */2 * * *", "30 * * * 0,5")
#: Forms beyond crontab(5); the days on which the clock jumps are among those they allow.
BEYOND = (
    "30 2 * * 0L,0#1,0#5,4#3,5#3,5L",
    "0 0 L-2,L-1,1W,4,17W,LW * *",
    "5/25 22-3 28-5 * +5-1",
    "*/20 * ? 10-4 0L,0#1,5",
    "59/7 23/2,0 13/1,1W * 5#3 1970/1",
)


@cache
def allowed(expression: str, start: datetime) -> list[datetime]:
    """Return the wall times that an expression allows in seven days, three of them before ``start``."""
    walls = minutes(start - timedelta(days=3), 7)
    return [moment for moment in walls if allows(expression, moment)]


@pytest.mark.parametrize("name", TRANSITIONS)
@pytest.mark.parametrize("expression", FIXED + WILDCARD)
def test_every_policy_agrees_with_the_model(name: str, expression: str) -> None:
    """rule T6: at every kind of transition each of the nine policies means what it says; counting agrees."""
    key, day = TRANSITIONS[name]
    zone = ZoneInfo(key)
    after = (day - timedelta(days=1, minutes=1)).replace(tzinfo=UTC)
    until = (day + timedelta(days=2)).replace(tzinfo=UTC)
    for gap, fold in product(GAPS, FOLDS):
        policies: Any = {"gap": gap, "fold": fold}
        trigger = CronTrigger(expression, timezone=zone, **policies)
        model = fire_times(allowed(expression, day), zone, gap, fold)
        expected = [instant for instant in model if after < instant <= until]
        assert expected == between(trigger, after, until), (gap, fold)
        count = trigger.count_fire_times(after, until, anchor=after)
        assert count in {len(expected), None if gap == "shift" else len(expected)}


@pytest.mark.parametrize("name", TRANSITIONS)
@pytest.mark.parametrize("expression", BEYOND)
def test_forms_beyond_crontab_agree_with_the_model(name: str, expression: str) -> None:
    """rules T6 and T7: these forms mean the same under each of the nine policies, forward, backward and counted."""
    key, day = TRANSITIONS[name]
    walls = allowed(expression, day)
    zone, text = ZoneInfo(key), expression if expression.count(" ") == 4 else f"0 {expression}"
    after = (day - timedelta(days=1, minutes=1)).replace(tzinfo=UTC)
    until = (day + timedelta(days=2)).replace(tzinfo=UTC)
    for gap, fold in product(GAPS, FOLDS):
        policies: Any = {"gap": gap, "fold": fold}
        trigger = CronTrigger(text, timezone=zone, **policies)
        model = fire_times(walls, zone, gap, fold)
        expected = [instant for instant in model if after < instant <= until]
        assert expected == between(trigger, after, until), (gap, fold)
        assert expected[::-1] == back_to(trigger, until, after), (gap, fold)
        count = trigger.count_fire_times(after, until, anchor=after)
        assert count in {len(expected), None if gap == "shift" else len(expected)}


@pytest.mark.parametrize("name", TRANSITIONS)
@pytest.mark.parametrize("expression", ["30 2 * * *", "0 0 * * *", "0,50 * * * *"])
def test_looking_back_finds_the_same(name: str, expression: str) -> None:
    """rule T4: from behind each of the nine policies finds what it finds from before, at every transition."""
    key, day = TRANSITIONS[name]
    after, until = day.replace(tzinfo=UTC) - timedelta(days=3), day.replace(tzinfo=UTC) + timedelta(days=3)
    for gap, fold in product(GAPS, FOLDS):
        policies: Any = {"gap": gap, "fold": fold}
        trigger = CronTrigger(expression, timezone=key, **policies)
        expected = between(trigger, after, until)
        assert expected[::-1] == back_to(trigger, until, after), (gap, fold)
        assert expected == [trigger.last_fire_time(instant, anchor=after) for instant in expected]


def back_to(trigger: CronTrigger, until: datetime, after: datetime) -> list[datetime]:
    """Return the fire times in (after, until], the last one first."""
    found: list[datetime] = []
    latest = trigger.last_fire_time(until, anchor=until)
    while latest is not None and latest > after:
        found.append(latest)
        latest = trigger.last_fire_time(latest - timedelta(microseconds=1), anchor=until)
    return found


@pytest.mark.parametrize("name", TRANSITIONS)
def test_left_out_policies(name: str) -> None:
    """rule T6: fixed times default to "after" and "first", wildcard rules follow elapsed time."""
    key, day = TRANSITIONS[name]
    after, until = day.replace(tzinfo=UTC) - timedelta(days=1), day.replace(tzinfo=UTC) + timedelta(days=2)
    for expression in FIXED:
        explicit = CronTrigger(expression, timezone=key, gap="after", fold="first")
        assert between(explicit, after, until) == between(CronTrigger(expression, timezone=key), after, until)
    for expression in WILDCARD:
        explicit = CronTrigger(expression, timezone=key, gap="skip", fold="both")
        assert between(explicit, after, until) == between(CronTrigger(expression, timezone=key), after, until)


@pytest.mark.parametrize("key", ["Europe/Berlin", "America/New_York", "America/Havana", "Pacific/Apia"])
def test_a_wildcard_rule_follows_elapsed_time(key: str) -> None:
    """rule T6: "every ten minutes" neither skips nor doubles, whatever the wall clock does."""
    start = datetime(2011, 1, 1, tzinfo=UTC)
    found = between(CronTrigger("*/10 * * * *", timezone=key), start, start + timedelta(days=365))
    assert {timedelta(minutes=10)} == {later - earlier for earlier, later in pairwise(found)}


@pytest.mark.parametrize(
    ("gap", "expected"),
    [("after", ["29 03:00+0200"]), ("shift", ["29 03:30+0200"]), ("skip", [])],
)
def test_half_past_two_in_the_gap(gap: Any, expected: list[str]) -> None:
    """rule T6: what becomes of 02:30 on the night on which it does not exist."""
    day = at("Europe/Berlin", 2026, 3, 29)
    trigger = CronTrigger("30 2 * * *", timezone="Europe/Berlin", gap=gap)
    found = between(trigger, day, day + timedelta(hours=20))
    assert expected == [wall(instant, "Europe/Berlin") for instant in found]


@pytest.mark.parametrize(
    ("fold", "expected"),
    [
        ("first", ["25 02:30+0200"]),
        ("last", ["25 02:30+0100"]),
        ("both", ["25 02:30+0200", "25 02:30+0100"]),
    ],
)
def test_half_past_two_in_the_fold(fold: Any, expected: list[str]) -> None:
    """rule T6: what becomes of 02:30 on the night on which it comes twice."""
    day = at("Europe/Berlin", 2026, 10, 25)
    trigger = CronTrigger("30 2 * * *", timezone="Europe/Berlin", fold=fold)
    found = between(trigger, day, day + timedelta(hours=20))
    assert expected == [wall(instant, "Europe/Berlin") for instant in found]


def test_an_explicit_policy_wins_over_the_wildcard_rule() -> None:
    """rule T6: "every half hour" with fold="first" is silent in the second pass, gap="after" joins at its end."""
    autumn = at("Europe/Berlin", 2026, 10, 25, 2)
    trigger = CronTrigger("*/30 * * * *", timezone="Europe/Berlin", gap="after", fold="first")
    found = between(trigger, autumn - timedelta(seconds=1), autumn + timedelta(hours=2))
    assert ["25 02:00+0200", "25 02:30+0200", "25 03:00+0100"] == [wall(i, "Europe/Berlin") for i in found]
    noon = CronTrigger("0 */12 * * *", timezone="Pacific/Apia", gap="after")
    day = at("Pacific/Apia", 2011, 12, 29, 12)
    expected = [day, at("Pacific/Apia", 2011, 12, 31), at("Pacific/Apia", 2011, 12, 31, 12)]
    assert expected == between(noon, day - timedelta(seconds=1), day + timedelta(hours=24))


def test_the_day_after_a_gap_is_not_lost() -> None:
    """rule T6: midnight fires every day of the month in which the clock goes forward."""
    start = at("Europe/Berlin", 2026, 3, 1)
    found = between(CronTrigger("0 0 * * *", timezone="Europe/Berlin"), start, start + timedelta(days=40))
    assert 40 == len(found)


def test_the_only_real_two_o_clock_is_kept() -> None:
    """rule T6: where half an hour comes twice, 02:00 comes once, and a wildcard rule fires then."""
    day = at("Australia/Lord_Howe", 2026, 4, 5)
    found = between(CronTrigger("0 */2 * * *", timezone="Australia/Lord_Howe"), day, day + timedelta(hours=5))
    assert ["05 02:00+1030", "05 04:00+1030"] == [wall(instant, "Australia/Lord_Howe") for instant in found]


def test_seconds_around_a_gap() -> None:
    """rule T6: the seconds of a minute in the gap fire once, at its end, or are shifted one by one."""
    day = at("Europe/Berlin", 2026, 3, 29)
    after = CronTrigger("*/20 30 2 * * *", timezone="Europe/Berlin")
    assert [at("Europe/Berlin", 2026, 3, 29, 3)] == between(after, day, day + timedelta(hours=5))
    shift = CronTrigger("*/20 30 2 * * *", timezone="Europe/Berlin", gap="shift")
    half_past = at("Europe/Berlin", 2026, 3, 29, 3, 30)
    expected = [half_past + timedelta(seconds=second) for second in (0, 20, 40)]
    assert expected == between(shift, day, day + timedelta(hours=5))


@pytest.mark.parametrize("name", TRANSITIONS)
@pytest.mark.parametrize("hour", [0, 2, 12, 23])
def test_calendar_intervals_agree_with_the_model(name: str, hour: int) -> None:
    """rule T6: the policies mean the same on calendar intervals."""
    key, day = TRANSITIONS[name]
    zone = ZoneInfo(key)
    after, until = day.replace(tzinfo=UTC) - timedelta(days=1), day.replace(tzinfo=UTC) + timedelta(days=2)
    walls = [day + timedelta(days=number, hours=hour, minutes=30) for number in range(-3, 4)]
    for gap, fold in product(GAPS, FOLDS):
        policies: Any = {"gap": gap, "fold": fold}
        trigger = CalendarIntervalTrigger(
            days=1, hour=hour, minute=30, start_date=walls[0].date(), timezone=zone, **policies
        )
        model = {instant for moment in walls for instant in instants(moment, zone, gap, fold)}
        expected = sorted(instant for instant in model if after < instant <= until)
        assert expected == between(trigger, after, until), (gap, fold)
