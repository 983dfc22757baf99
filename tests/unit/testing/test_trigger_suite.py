"""The suite for triggers passes those that keep their promises, and finds those that do not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import attrs
import pytest

from anysched.errors import SerializationError
from anysched.model.trigger import Trigger
from anysched.testing import TriggerSuite
from anysched.testing.store_suite.odd import PlainTrigger
from anysched.triggers import (
    CalendarIntervalTrigger,
    CronTrigger,
    DateTrigger,
    IntervalTrigger,
    RRuleTrigger,
    ShiftedTrigger,
)
from anysched.wire.registry import register_type

ANCHOR = TriggerSuite.anchor


class TestBuiltInTriggers(TriggerSuite):
    """Those that come with the package, around a change to summer time."""

    def triggers(self) -> Iterable[Trigger]:
        berlin = "Europe/Berlin"
        hourly = CronTrigger("0 * * * *", timezone=berlin)
        ended = IntervalTrigger(hours=7, end_time=ANCHOR + timedelta(days=2))
        return [
            PlainTrigger(),
            DateTrigger(ANCHOR),
            DateTrigger(datetime(1990, 1, 1, tzinfo=UTC)),
            IntervalTrigger(minutes=7),
            IntervalTrigger(microseconds=1),
            ended,
            IntervalTrigger(days=300_000),
            CalendarIntervalTrigger(months=1, day="clip", hour=2, minute=30, timezone=berlin),
            hourly,
            CronTrigger("*/10 30 2 * * *", timezone=berlin),
            CronTrigger("30 2 29 2 *", timezone=berlin),
            RRuleTrigger("FREQ=MONTHLY;BYDAY=-1SU,1MO;BYHOUR=2;BYMINUTE=30", timezone=berlin),
            RRuleTrigger("FREQ=HOURLY;INTERVAL=5;COUNT=50\nEXDATE:20250330T012234Z", timezone=berlin),
            hourly | ended,
            hourly & CronTrigger("0 */2 * * *", timezone=berlin),
            hourly - CronTrigger("0 3 * * *", timezone=berlin),
            CronTrigger("* * * * *", timezone=berlin) - hourly,
            hourly & IntervalTrigger(hours=5, start_time=datetime(2025, 3, 1, tzinfo=UTC)),
            CronTrigger("30 2 * * *", timezone=berlin).shifted(timedelta(hours=-1)),
            (hourly | ended).between(ANCHOR - timedelta(days=1), ANCHOR + timedelta(days=1)),
            ShiftedTrigger(PlainTrigger(), timedelta(seconds=1)),
        ]


HOUR = timedelta(hours=1)


@attrs.define
class Sabotaged:
    """An hourly trigger that breaks at most one promise."""

    how: str
    asked: int = 0
    bound: bool = False

    def bind(self, timezone: tzinfo) -> Sabotaged:
        if self.how == "binds itself":
            self.bound = True
        return attrs.evolve(self, bound=self.how != "binds anew" or not self.bound)

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> Any:
        self.asked += self.how == "remembers"
        index = max((after - anchor) // HOUR + 1, 0)
        if self.how == "underflows":
            after -= HOUR
        if self.how == "stands still":
            index = min(index, 5)
        if self.how == "skips" and (after - anchor) % HOUR:
            index += 1
        if self.how == "ends twice" and 5 <= index < 200:
            return None
        if anchor.year + index // 8000 > 9990 and self.how != "overflows":
            return None
        found = anchor + index * HOUR
        if self.how == "wall time":
            return found + (after.utcoffset() or timedelta(0)) % HOUR
        return found.astimezone(UTC).replace(tzinfo=None) if self.how == "naive" else found.astimezone(UTC)

    def last_fire_time(self, until: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        if until < anchor and self.how != "first":
            return None
        return anchor + ((until - anchor) // HOUR - (self.how == "last")) * HOUR

    def count_fire_times(self, after: datetime, until: datetime, *, anchor: datetime, key: str = "") -> int:
        begun = max((after - anchor) // HOUR, -1)
        return max((until - anchor) // HOUR - begun, 0) + (self.how == "count")


SUITE = {
    "stands still": TriggerSuite.test_fire_times_grow,
    "naive": TriggerSuite.test_fire_times_grow,
    "remembers": TriggerSuite.test_same_question_same_answer,
    "skips": TriggerSuite.test_no_fire_time_is_passed_over,
    "binds itself": TriggerSuite.test_binding,
    "binds anew": TriggerSuite.test_binding,
    "underflows": TriggerSuite.test_the_beginning_of_the_calendar,
    "first": TriggerSuite.test_the_beginning_of_the_calendar,
    "ends twice": TriggerSuite.test_the_end_is_final,
    "overflows": TriggerSuite.test_the_end_of_the_calendar,
    "wall time": TriggerSuite.test_instants_are_instants,
    "last": TriggerSuite.test_last_fire_time_agrees,
    "count": TriggerSuite.test_count_fire_times_agrees,
    "unregistered": TriggerSuite.test_it_can_be_stored,
}


class SabotagedSuite(TriggerSuite):
    """Not collected: its name does not begin with Test."""

    durable = False

    def __init__(self, how: str) -> None:
        self.how = how

    def triggers(self) -> Iterable[Trigger]:
        return [Sabotaged(self.how)]


@pytest.mark.parametrize(("how", "test"), SUITE.items(), ids=SUITE)
def test_broken_promises_are_found(how: str, test: Callable[[TriggerSuite], None]) -> None:
    """Each test of the suite passes a sound trigger, and fails one that breaks the promise it is about."""
    test(SabotagedSuite("sound"))
    suite = SabotagedSuite(how)
    suite.durable = how == "unregistered"
    with pytest.raises((AssertionError, OverflowError, SerializationError)):
        test(suite)


class HashedByItself(PlainTrigger):
    """Equal ones have different hashes."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HashedByItself)

    __hash__ = object.__hash__


@register_type("tests.written-anew")
class WrittenAnew(HashedByItself):
    """Is written in another way each time, though equal."""

    written = 0

    def __anysched_fields__(self) -> dict[str, Any]:
        WrittenAnew.written += 1
        return {"written": WrittenAnew.written}

    @classmethod
    def __anysched_build__(cls, fields: dict[str, Any]) -> WrittenAnew:
        return cls()


@pytest.mark.parametrize(
    ("trigger", "test", "message"),
    [
        (HashedByItself(), TriggerSuite.test_same_question_same_answer, "has another hash"),
        (WrittenAnew(), TriggerSuite.test_it_can_be_stored, "is written in several ways"),
    ],
)
def test_values_that_are_none(trigger: Trigger, test: Callable[[TriggerSuite], None], message: str) -> None:
    """Rules T2 and N5: equal triggers have one hash, and one form in a store."""

    class Suite(TriggerSuite):
        def triggers(self) -> Iterable[Trigger]:
            return [trigger]

    with pytest.raises(AssertionError, match=message):
        test(Suite())
