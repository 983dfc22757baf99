"""What daylight saving will do, told before it happens (rule T6)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from tests.unit.triggers.support import NEW_YEAR, at, between

from anysched.errors import TriggerError
from anysched.model.clock_change import ClockEffect
from anysched.triggers import (
    BusinessDayTrigger,
    CalendarIntervalTrigger,
    CronTrigger,
    DateTrigger,
    IntervalTrigger,
    RRuleTrigger,
    Weekdays,
    clock_changes,
)

BERLIN = "Europe/Berlin"
HALF_PAST_TWO = CronTrigger("30 2 * * *", timezone=BERLIN)


@pytest.mark.parametrize(
    ("policies", "spring", "autumn"),
    [
        (
            {},
            "02:30 does not exist on 2026-03-29: it fires at 03:00 (gap='after').",
            "02:30 comes twice on 2026-10-25: it fires at the first (fold='first').",
        ),
        (
            {"gap": "shift", "fold": "last"},
            "02:30 does not exist on 2026-03-29: it fires at 03:30 (gap='shift').",
            "02:30 comes twice on 2026-10-25: it fires at the last (fold='last').",
        ),
        (
            {"gap": "skip", "fold": "both"},
            "02:30 does not exist on 2026-03-29: it is left out (gap='skip').",
            "02:30 comes twice on 2026-10-25: it fires both times (fold='both').",
        ),
    ],
    ids=["left out", "shift and last", "skip and both"],
)
def test_what_policies_do(policies: Any, spring: str, autumn: str) -> None:
    """Rule T6: of each wall time that is skipped or doubled it is told what the policy does, as it then happens."""
    for trigger in (
        CronTrigger("30 2 * * *", timezone=BERLIN, **policies),
        CalendarIntervalTrigger(days=1, hour=2, minute=30, timezone=BERLIN, **policies),
        RRuleTrigger("FREQ=DAILY", datetime(2025, 7, 1, 2, 30), BERLIN, **{"gap": "after", **policies}),
        CronTrigger("30 2 * * *", timezone=BERLIN, **policies).between(NEW_YEAR) - Weekdays("mon"),
        BusinessDayTrigger(CronTrigger("30 2 * * *", timezone=BERLIN, **policies), Weekdays("wed")),
    ):
        changes = clock_changes(trigger, NEW_YEAR)
        assert [at("UTC", 2026, 3, 29, 1), at("UTC", 2026, 10, 25, 1)] == [change.at for change in changes]
        assert ["forward", "back"] == [change.direction for change in changes]
        hour = timedelta(hours=1)
        assert [(hour, 2 * hour), (2 * hour, hour)] == [
            (one.offset_before, one.offset_after) for one in changes
        ]
        for change, sentence in zip(changes, (spring, autumn), strict=True):
            (effect,) = change.effects
            assert (sentence, BERLIN) == (effect.sentence, change.timezone)
            day = change.at.replace(hour=0)
            expected = between(trigger, day - hour, day + 4 * hour)
            assert expected == list(effect.fire_times)
            near = between(
                trigger, change.at - timedelta(days=1, microseconds=1), change.at + timedelta(days=1)
            )
            assert near == list(change.fire_times)


def test_recurrence_rules() -> None:
    """Rules T6 and T9: what a rule leaves out, or has ended before, is no effect of a change of the clocks."""
    daily = "RRULE:FREQ=DAILY;UNTIL=20261025T003000Z\nEXDATE:20260329T013000Z"
    spring, autumn = clock_changes(RRuleTrigger(daily, datetime(2025, 7, 1, 2, 30), BERLIN), NEW_YEAR)
    assert () == spring.effects
    assert [at("UTC", 2026, 10, 25, 0, 30)] == [*autumn.effects[0].fire_times]
    ended = RRuleTrigger("FREQ=DAILY;UNTIL=20261024T235959Z", datetime(2025, 7, 1, 2, 30), BERLIN)
    assert () == clock_changes(ended, NEW_YEAR)[1].effects


def test_in_words() -> None:
    """Rule T6: a change of the clocks is told in a sentence, the first of many effects, and that there are more."""
    spring, autumn = clock_changes(HALF_PAST_TWO, NEW_YEAR)
    assert str(spring) == (
        "On 2026-03-29 at 02:00 the clocks of Europe/Berlin go forward to 03:00."
        " 02:30 does not exist on 2026-03-29: it fires at 03:00 (gap='after')."
    )
    assert (datetime(2026, 10, 25, 2), datetime(2026, 10, 25, 3)) == autumn.wall_times
    (none,) = clock_changes(CronTrigger("0 9 * * *", timezone=BERLIN), NEW_YEAR, count=1)
    assert str(none).endswith("go forward to 03:00. No fire time is skipped.")
    _, quiet = clock_changes(CronTrigger("0 9 * * *", timezone=BERLIN), NEW_YEAR)
    assert str(quiet).endswith("go back to 02:00. No fire time comes twice.")
    (many,) = clock_changes(CronTrigger("*/10 * * * *", timezone=BERLIN), NEW_YEAR, count=1)
    assert (6, True) == (len(many.effects), many.is_complete)
    assert str(many).endswith("02:20 does not exist on 2026-03-29: it is left out (gap='skip'). And 3 more.")
    (most,) = clock_changes(CronTrigger("*/10 * * * * *", timezone=BERLIN), NEW_YEAR, count=1)
    assert (20, False) == (len(most.effects), most.is_complete)
    assert "02:00:20 does not exist" in str(most)
    assert str(most).endswith("And more than 17 more.")


def test_a_day_that_is_skipped() -> None:
    """Rule T6: where a whole day is skipped, the sentences say on which day something fires."""
    trigger = CronTrigger("0 12 * * *", timezone="Pacific/Apia", gap="shift")
    (change,) = clock_changes(trigger, datetime(2011, 12, 1, tzinfo=UTC), count=1)
    assert "go forward to 2011-12-31 00:00." in str(change)
    assert "12:00 does not exist on 2011-12-30: it fires at 12:00 on 2011-12-31 (gap='shift')." in str(change)


def test_fire_times_near() -> None:
    """Rule T6: of very many fire times near a change the nearest are told, both before and after it."""
    for rule in ("* * * * *", "* * * * * *"):
        (change,) = clock_changes(CronTrigger(rule, timezone=BERLIN), NEW_YEAR, count=1)
        before = [one for one in change.fire_times if one < change.at]
        assert 0 < len(before) <= 100 >= len(change.fire_times) - len(before) > 0
        assert list(change.fire_times) == sorted(set(change.fire_times))


def test_combinations() -> None:
    """Rule T6: the zones of all parts count, in the order of time, but only what the whole fires is told of."""
    both = HALF_PAST_TWO | DateTrigger(datetime(2026, 3, 8, 2, 15), "America/New_York", gap="shift")
    changes = clock_changes(both, NEW_YEAR, count=3)
    assert ["America/New_York", BERLIN, BERLIN] == [change.timezone for change in changes]
    assert [
        "02:15 does not exist on 2026-03-08: it fires at 03:15 (gap='shift').",
        "02:30 does not exist on 2026-03-29: it fires at 03:00 (gap='after').",
    ] == [change.effects[0].sentence for change in changes[:2]]
    excluded = HALF_PAST_TWO - DateTrigger(at("UTC", 2026, 3, 29, 1))
    assert () == clock_changes(excluded, NEW_YEAR, count=1)[0].effects
    weekday = HALF_PAST_TWO & CronTrigger("30 2 * * mon-fri", timezone=BERLIN)
    assert () == clock_changes(weekday, NEW_YEAR, count=1)[0].effects
    assert BERLIN == clock_changes(weekday, NEW_YEAR, count=1)[0].timezone


def test_start_and_end() -> None:
    """Rules T3 and T6: what lies before the start of a trigger, or after its end, is no effect."""
    ended = CronTrigger("30 2 * * *", timezone=BERLIN, end_time=datetime(2026, 3, 1))
    assert () == clock_changes(ended, NEW_YEAR, count=1)[0].effects
    every_other = CalendarIntervalTrigger(
        days=2, hour=2, minute=30, timezone=BERLIN, start_date=date(2026, 3, 28)
    )
    assert () == clock_changes(every_other, NEW_YEAR, count=1)[0].effects
    anchored = CalendarIntervalTrigger(days=2, hour=2, minute=30, timezone=BERLIN)
    for day, number in ((27, 1), (28, 0)):
        (change,) = clock_changes(anchored, NEW_YEAR, count=1, anchor=at(BERLIN, 2026, 3, day))
        assert number == len(change.effects), day


def test_what_the_id_chooses() -> None:
    """Rule T7: what the id of a schedule chooses is told as it is chosen for this id."""
    trigger = CronTrigger("H 2 * * *", timezone=BERLIN)
    found = set[ClockEffect]()
    for key in ("a", "b"):
        (change,) = clock_changes(trigger, NEW_YEAR, count=1, key=key)
        (effect,) = change.effects
        assert effect.fire_times == (change.at,)
        found.add(effect)
    assert 2 == len(found)


@pytest.mark.parametrize(
    "trigger",
    [
        CronTrigger("0 9 * * *", timezone="Asia/Tokyo"),
        CronTrigger("0 9 * * *", timezone=UTC),
        IntervalTrigger(hours=1),
        DateTrigger(NEW_YEAR),
    ],
    ids=["no daylight saving", "UTC", "interval", "instant"],
)
def test_nothing_to_tell(trigger: Any) -> None:
    """Rule T6: where no clock is set there is nothing to tell."""
    assert [] == clock_changes(trigger, NEW_YEAR)


def test_the_end_of_the_calendar() -> None:
    """Rule T2: near the end of the calendar there is an answer, never an error."""
    for year in (9990, 9999):
        changes = clock_changes(HALF_PAST_TWO, datetime(year, 12, 1, tzinfo=UTC), count=50)
        assert all(change.at.year > year for change in changes)


@pytest.mark.parametrize(
    ("arguments", "error", "name"),
    [
        ({"count": 0}, ValueError, "count"),
        ({"count": 51}, ValueError, "count"),
        ({"count": True}, TypeError, "count"),
        ({"start": datetime(2026, 1, 1)}, ValueError, "start"),
        ({"anchor": datetime(2026, 1, 1)}, ValueError, "anchor"),
    ],
)
def test_refusals(arguments: dict[str, Any], error: type[Exception], name: str) -> None:
    """Rule T1: an argument that makes no sense is refused by its name."""
    with pytest.raises(error, match=name):
        clock_changes(**{"trigger": HALF_PAST_TWO, "start": NEW_YEAR, **arguments})


class Standing:
    """A trigger that never moves on."""

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        return NEW_YEAR


def test_a_trigger_that_does_not_work() -> None:
    """Rule T2: what a trigger does wrong comes out as a TriggerError."""
    with pytest.raises(TriggerError):
        clock_changes(HALF_PAST_TWO | Standing(), NEW_YEAR)
