"""Searches of combinations: what never meets is found out, what meets seldom is found (rule T11)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.unit.triggers.support import NEW_YEAR, at, first

from anysched.errors import TriggerSearchError
from anysched.model.trigger import BackwardTrigger, Trigger
from anysched.triggers import (
    AndTrigger,
    CalendarIntervalTrigger,
    CronTrigger,
    DateTrigger,
    IntervalTrigger,
    OrTrigger,
    RRuleTrigger,
    asking,
)
from anysched.triggers.asking import BUDGET, searching

HELSINKI, NEW_YORK = "Europe/Helsinki", "America/New_York"
SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)


def cron(expression: str, zone: str = "UTC", gap: str | None = None) -> CronTrigger:
    return CronTrigger(expression, timezone=zone, gap=gap)  # type: ignore[arg-type]


def every(start: datetime | None = NEW_YEAR, **units: float) -> IntervalTrigger:
    return IntervalTrigger(start_time=start, **units)  # type: ignore[arg-type]


@attrs.frozen
class Own:
    """A trigger of a user's own, of which nothing is known: another one as it is."""

    trigger: Trigger

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        return self.trigger.next_fire_time(after, anchor=anchor, key=key)


APART = "never fire at the same instant: their fire times are always"
UNSHOWN = "never fire at the same instant: no time of the clock"

#: What never meets, and is told so by arithmetic.
PROVEN: list[tuple[Trigger, str]] = [
    (every(seconds=7) & every(NEW_YEAR + SECOND, seconds=7), f"{APART} 0:00:01 apart.* multiples of 0:00:07"),
    (every(seconds=86_398) & every(NEW_YEAR + SECOND, days=1), f"{APART} 0:00:01 .* multiples of 0:00:02"),
    (
        every(NEW_YEAR + timedelta(microseconds=5), seconds=1) & cron("* * * * * *", HELSINKI),
        f"{APART} 0:00:00.000005",
    ),
    (cron("* * * * *", HELSINKI) & cron("30 * * * * *", NEW_YORK), f"{APART} 0:00:30"),
    (cron("0 0 29 2 *") & cron("0 1 28 2 *"), f"{APART} 1:00:00"),
    (cron("0 0 29 2 *") & cron("0 0 28 2 *"), UNSHOWN),
    (cron("0 0 */2 * *") & cron("0 0 2-30/2 * *"), UNSHOWN),
    (cron("0 0 0 1 1 * 2030/2") & cron("0 0 0 1 1 * 2031/2"), UNSHOWN),
    (cron("0 9 * * *", HELSINKI, "skip") & cron("5 9 * * *", HELSINKI, "skip"), UNSHOWN),
    (
        cron("* * * * *", HELSINKI).shifted(7 * SECOND) & cron("* * * * *", NEW_YORK).shifted(-8 * SECOND),
        f"{APART} 0:00:45",
    ),
    ((cron("7 * * * *") | cron("22 * * * *")) & cron("0,15 * * * *"), f"{APART} 0:07:00"),
    (AndTrigger(every(seconds=6), every(NEW_YEAR + SECOND, seconds=10), every(seconds=15)), APART),
    (cron("* * * * *") - cron("* * * * *"), "excludes each fire time of its own"),
]

#: What never meets, or not soon, and is given up.
GIVEN_UP: list[Trigger] = [
    cron("0 0 29 2 *", HELSINKI) & cron("0 1 28 2 *", HELSINKI),
    cron("0 0 * * *", HELSINKI) & cron("30 0 * * *", NEW_YORK),
    cron("30 3 * 3 sunL", HELSINKI) & cron("30 0 * * *", NEW_YORK),
    cron("* * * * *", HELSINKI, "after") & cron("30 * * * * *", NEW_YORK, "after"),
    every(weeks=1) & cron("0 0 * * mon"),
    every(seconds=86_399) & cron("0 12 * * *", HELSINKI),
    (cron("5 * * * * *") | cron("10 * * * * *")) & cron("0 * * * *"),
    cron("*/2 * * * *") - cron("* * * * *"),
    cron("*/2 * * * *", HELSINKI) - cron("* * * * *", NEW_YORK),
    (cron("* * * * *") - cron("1-59 * * * *")) & cron("30 * * * *"),
    (cron("* * * * * *", HELSINKI) - cron("*/2 * * * * *", HELSINKI)) & cron("0 * * * *"),
    CalendarIntervalTrigger(months=1, hour=3, start_date=date(2024, 2, 29), timezone=HELSINKI)
    & CalendarIntervalTrigger(months=12, hour=4, start_date=date(2024, 2, 29), timezone=HELSINKI),
    AndTrigger(
        *(
            cron(f"0 {hour} {hour + 1} * *", zone)
            for hour, zone in enumerate((HELSINKI, NEW_YORK, "Asia/Tokyo"))
        )
    ),
    OrTrigger(*(cron(f"{n} 0 1 1 *", HELSINKI) for n in range(40)))
    & OrTrigger(*(cron(f"{n} 1 1 1 *", NEW_YORK) for n in range(40))),
    OrTrigger(*(cron("0 0 1 1 *", HELSINKI) & cron(f"{n} 1 1 1 *", NEW_YORK) for n in range(40))),
    (cron("0 9 * * *", HELSINKI).shifted(7 * MINUTE) & cron("0 9 * * *", NEW_YORK)).between(NEW_YEAR),
    AndTrigger(Own(every(NEW_YEAR + timedelta(microseconds=1), seconds=1)), cron("30 9 * * *", HELSINKI))
    - cron("0 9 * * *"),
]


@pytest.mark.parametrize(("trigger", "why"), PROVEN, ids=map(str, range(len(PROVEN))))
def test_what_never_meets_is_told_with_the_reason(trigger: Trigger, why: str) -> None:
    """Rule T11: grids of fire times, and the fields of cron rules, prove that parts never meet."""
    with pytest.raises(TriggerSearchError, match=why):
        trigger.next_fire_time(NEW_YEAR, anchor=NEW_YEAR)


def spent(trigger: Trigger, way: str) -> int:
    """Return what a search in vain takes from its budget."""
    ask: Callable[..., datetime | None] = getattr(trigger, way)
    with searching(trigger):
        search = asking._search.get()  # pyright: ignore[reportPrivateUsage]
        assert search is not None
        with contextlib.suppress(TriggerSearchError):
            assert ask(NEW_YEAR, anchor=NEW_YEAR) is None
        return BUDGET - search.left


def test_what_is_rare_is_charged_by_the_day() -> None:
    """Rule T11: a single question that has to look at thousands of days spends much more than one that has not."""
    rare = RRuleTrigger("FREQ=MINUTELY;INTERVAL=7919;BYHOUR=9;BYMINUTE=0", datetime(2025, 1, 1, 9), HELSINKI)
    with searching(rare):
        search = asking._search.get()  # pyright: ignore[reportPrivateUsage]
        assert search is not None
        assert rare.next_fire_time(NEW_YEAR, anchor=NEW_YEAR) is not None
        assert BUDGET - search.left > 1_000


@pytest.mark.parametrize("trigger", GIVEN_UP, ids=map(str, range(len(GIVEN_UP))))
def test_no_search_goes_on_for_ever(trigger: Trigger) -> None:
    """Rule T11: a search spends no more than its budget, whatever is nested in it, and always as much."""
    for way in ("next_fire_time", "last_fire_time"):
        found = spent(trigger, way)
        assert found == spent(trigger, way)
        assert found < BUDGET + 5_000
    with pytest.raises(TriggerSearchError, match="no fire time found in"):
        trigger.next_fire_time(NEW_YEAR, anchor=NEW_YEAR)


def test_how_far_a_search_goes() -> None:
    """Rule T11: what two cron rules in zones with transitions have in common within 500 fire times of each is found."""
    midnight, never = cron("0 0 * * *", HELSINKI), cron("30 0 * * *", NEW_YORK)
    for day, is_found in ((499, True), (1_500, False)):
        meeting = at(HELSINKI, 2026, 1, 1) + day * DAY
        meeting = meeting.astimezone(ZoneInfo(HELSINKI)).replace(hour=0).astimezone(UTC)
        trigger = midnight & (never | DateTrigger(meeting))
        if is_found:
            assert meeting == trigger.next_fire_time(NEW_YEAR, anchor=NEW_YEAR)
            assert meeting == trigger.last_fire_time(meeting + 499 * DAY, anchor=NEW_YEAR)
        else:
            with pytest.raises(TriggerSearchError, match="no fire time found"):
                trigger.next_fire_time(NEW_YEAR, anchor=NEW_YEAR)


def test_triggers_of_ones_own_are_asked_few_times() -> None:
    """Rule T11: a part that may be slow is asked 1,000 times at most, wherever it stands in a combination."""
    asked = 0

    class Slow:
        def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
            nonlocal asked
            asked += 1
            return after + SECOND

    noon = cron("0 12 * * *")
    for trigger in (
        noon & Slow(),
        noon - (noon & Slow()),
        (noon & Slow()).between(NEW_YEAR),
        every(seconds=1) - Slow(),
    ):
        asked = 0
        with contextlib.suppress(TriggerSearchError):
            trigger.next_fire_time(NEW_YEAR + timedelta(microseconds=1), anchor=NEW_YEAR)
        assert 0 < asked <= 1_000
    with pytest.raises(TriggerSearchError, match="no fire time found in the steps"):
        (noon & Slow()).next_fire_time(NEW_YEAR + timedelta(microseconds=1), anchor=NEW_YEAR)


def test_a_rule_that_the_clock_never_shows() -> None:
    """Rule T11: a cron rule of which a transition takes every time away is found out too."""
    in_the_gap = cron("30 3 * 3 sunL", HELSINKI, "skip")
    for trigger in (
        in_the_gap,
        in_the_gap | cron("0 9 * * *"),
        in_the_gap & cron("30 * * * *"),
        in_the_gap.shifted(DAY),
    ):
        with pytest.raises(TriggerSearchError, match="the clock never shows what the rule allows"):
            trigger.next_fire_time(NEW_YEAR, anchor=NEW_YEAR)
    assert at(HELSINKI, 1980, 3, 30, 3, 30) == in_the_gap.last_fire_time(
        at(HELSINKI, 1981, 1, 1), anchor=NEW_YEAR
    )
    later = cron("30 3 * 3 sunL", HELSINKI)
    assert 300 == len(first(300, later, NEW_YEAR))


def test_meetings_that_have_ended() -> None:
    """Rule T11: where a part has nothing left, or is a single date, there is nothing left, and that is no error."""
    ended = every(seconds=7).between(None, NEW_YEAR + DAY) & every(NEW_YEAR + SECOND, seconds=7)
    with pytest.raises(TriggerSearchError, match=APART):
        ended.next_fire_time(NEW_YEAR, anchor=NEW_YEAR)
    assert ended.next_fire_time(NEW_YEAR + DAY, anchor=NEW_YEAR) is None
    odd = DateTrigger(NEW_YEAR + timedelta(microseconds=1))
    assert (odd & cron("* * * * * *")).next_fire_time(NEW_YEAR, anchor=NEW_YEAR) is None
    assert (odd - odd).next_fire_time(NEW_YEAR, anchor=NEW_YEAR) is None
    assert NEW_YEAR + MINUTE == ((odd & cron("* * * * * *")) | cron("* * * * *")).next_fire_time(
        NEW_YEAR, anchor=NEW_YEAR
    )


@pytest.mark.parametrize("zone", ["UTC", HELSINKI])
def test_leap_days_on_mondays(zone: str) -> None:
    """Rule T11: what meets once in 28 years is found, all along four centuries."""
    trigger = cron("0 0 29 2 *", zone) & cron("0 0 * * mon", zone)
    leap = [
        date(year, 2, 29) for year in range(2026, 2400) if year % 4 == 0 and (year % 100 or year % 400 == 0)
    ]
    expected = [at(zone, day.year, 2, 29) for day in leap if day.isoweekday() == 1]
    assert expected == first(len(expected), trigger, NEW_YEAR)
    assert expected[::-1] == [*backwards(trigger, at(zone, 2399, 1, 1), NEW_YEAR)]


def backwards(trigger: AndTrigger, until: datetime, floor: datetime) -> list[datetime]:
    """Return the fire times back to an instant, the latest first."""
    found = trigger.last_fire_time(until, anchor=NEW_YEAR)
    told: list[datetime] = []
    while found is not None and found >= floor:
        told.append(found)
        found = trigger.last_fire_time(found - timedelta(microseconds=1), anchor=NEW_YEAR)
    return told


def test_intervals_meet_where_arithmetic_says() -> None:
    """Rule T11: intervals of any length meet at once, however seldom; with cron rules in a fixed zone likewise."""
    noon = NEW_YEAR + DAY / 2
    rare = every(seconds=86_399) & every(noon, days=1)
    assert NEW_YEAR + 43_200 * 86_399 * SECOND == rare.next_fire_time(NEW_YEAR, anchor=NEW_YEAR)
    assert (rare.triggers[0] & cron("0 12 * * *")).next_fire_time(
        NEW_YEAR, anchor=NEW_YEAR
    ) == rare.next_fire_time(NEW_YEAR, anchor=NEW_YEAR)
    long = every(microseconds=86_399_999_999) & every(noon, days=1)  # not before the calendar ends
    assert long.next_fire_time(NEW_YEAR, anchor=NEW_YEAR) is None
    assert NEW_YEAR + 43_200 * 86_399 * SECOND == rare.last_fire_time(at("UTC", 2300, 1, 1), anchor=NEW_YEAR)


@given(
    st.lists(
        st.tuples(st.sampled_from([1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 15]), st.integers(0, 60)),
        min_size=2,
        max_size=4,
    ),
    st.integers(-5, 400),
)
@settings(max_examples=50, deadline=None)
def test_intervals_against_brute_force(parts: list[tuple[int, int]], moment: int) -> None:
    """Rule T11: what intervals have in common is what a look at each second finds."""
    trigger = AndTrigger(*(every(NEW_YEAR + start * SECOND, seconds=step) for step, start in parts))
    meeting = [n for n in range(900) if all(n >= start and (n - start) % step == 0 for step, start in parts)]
    after = NEW_YEAR + moment * SECOND
    later = [n for n in meeting if n > moment]
    if not meeting:
        with pytest.raises(TriggerSearchError, match="never fire at the same instant"):
            trigger.next_fire_time(after, anchor=NEW_YEAR)
        return
    if later:
        assert NEW_YEAR + later[0] * SECOND == trigger.next_fire_time(after, anchor=NEW_YEAR)
    earlier = [n for n in meeting if n <= moment]
    expected = NEW_YEAR + earlier[-1] * SECOND if earlier else None
    assert expected == trigger.last_fire_time(after, anchor=NEW_YEAR)


minutes = st.sampled_from(["*", "*/5", "0", "0,30", "7-50/9", "*/2"])
hours = st.sampled_from(["*", "*/3", "1-4", "22-2", "12"])
days = st.sampled_from(["* * *", "* * mon-fri", "*/2 * *", "28-2 * *", "* 3,10 sun"])
rules = st.builds(
    lambda minute, hour, day, zone, gap: cron(f"{minute} {hour} {day}", zone, gap),
    minutes,
    hours,
    days,
    st.sampled_from(["UTC", HELSINKI, NEW_YORK]),
    st.sampled_from([None, "after", "skip", "shift"]),
)
parts = st.one_of(
    rules,
    rules,
    st.builds(
        lambda n, start: every(NEW_YEAR + start * MINUTE, minutes=n), st.integers(1, 90), st.integers(0, 99)
    ),
)
SPAN = timedelta(days=4)
spans = st.sampled_from(
    [datetime(2026, 3, 27), datetime(2026, 10, 23), datetime(2026, 10, 30), datetime(2026, 7, 31)]
)


def listed(trigger: Trigger, after: datetime, until: datetime) -> list[datetime]:
    """Return the fire times in (after, until], as far as a search finds any."""
    told: list[datetime] = []
    try:
        while (found := trigger.next_fire_time(after, anchor=NEW_YEAR)) is not None and found <= until:
            told.append(found)
            after = found
    except TriggerSearchError:
        pass
    return told


@given(parts, parts, st.sampled_from(["|", "&", "-"]), spans)
@settings(max_examples=40, deadline=None)
@example(every(minutes=1), cron("* * * * mon-fri", HELSINKI), "-", datetime(2026, 3, 27))
@example(cron("30 3 * * *", HELSINKI), cron("15 3 * * *", HELSINKI), "&", datetime(2026, 3, 27))
@example(cron("* * * * *", HELSINKI), cron("* 1-4 * * *", NEW_YORK, "shift"), "-", datetime(2026, 10, 30))
def test_combinations_of_two_against_sets(
    one: Trigger, other: Trigger, operator: str, start: datetime
) -> None:
    """Rules T2 and T11: unions, intersections and differences are those of sets, around transitions too."""
    start = start.replace(tzinfo=UTC)
    until = start + SPAN
    first_set, second_set = set(listed(one, start, until)), set(listed(other, start, until))
    combined: dict[str, Trigger] = {"|": one | other, "&": one & other, "-": one - other}  # type: ignore[operator]
    sets = {"|": first_set | second_set, "&": first_set & second_set, "-": first_set - second_set}
    trigger, expected = combined[operator], sorted(sets[operator])
    assert expected == listed(trigger, start, until)
    if (
        isinstance(trigger, OrTrigger)
        and (number := trigger.count_fire_times(start, until, anchor=NEW_YEAR)) is not None
    ):
        assert len(expected) == number
    for earlier, later in pairwise(expected[-20:]):
        assert isinstance(trigger, BackwardTrigger)
        assert later == trigger.last_fire_time(later, anchor=NEW_YEAR)
        assert earlier == trigger.last_fire_time(later - timedelta(microseconds=1), anchor=NEW_YEAR)


def test_long_rows_of_excluded_fire_times() -> None:
    """Rule T11: a row of excluded fire times is passed over by counting, where what excludes can count."""
    friday, saturday = at(HELSINKI, 2026, 1, 2), at(HELSINKI, 2026, 1, 3)
    weekend = cron("* * * * * *", HELSINKI) - cron("* * * * * mon-fri", HELSINKI)
    assert saturday == weekend.next_fire_time(friday, anchor=NEW_YEAR)
    assert at(HELSINKI, 2026, 1, 12) - SECOND == weekend.last_fire_time(
        at(HELSINKI, 2026, 1, 16, 22), anchor=NEW_YEAR
    )
    holiday = every(seconds=10) - cron("* * * * * *").between(NEW_YEAR, NEW_YEAR + 100 * DAY)
    assert NEW_YEAR + 100 * DAY + 10 * SECOND == holiday.next_fire_time(NEW_YEAR, anchor=NEW_YEAR)
    one_left = cron("* * * * *") - cron("* * * * *").between(NEW_YEAR, NEW_YEAR + 9 * DAY) - cron("0 * * * *")
    assert NEW_YEAR + 9 * DAY + MINUTE == one_left.next_fire_time(NEW_YEAR, anchor=NEW_YEAR)
    holes = every(minutes=1) - (cron("0-29 * * * *") | cron("31-59 * * * *"))
    assert NEW_YEAR + 30 * MINUTE == holes.next_fire_time(NEW_YEAR, anchor=NEW_YEAR)
