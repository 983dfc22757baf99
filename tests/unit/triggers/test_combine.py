"""Union, intersection and difference of fire times (rules T2 and T3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from tests.unit.triggers.support import NEW_YEAR, between, first

from anysched.errors import AnyschedError, TriggerError, TriggerSearchError
from anysched.model.trigger import Trigger
from anysched.triggers import AndTrigger, CronTrigger, DateTrigger, ExceptTrigger, IntervalTrigger, OrTrigger

HOUR = timedelta(hours=1)


def cron(expression: str) -> CronTrigger:
    """Return a cron trigger in UTC."""
    return CronTrigger(expression, timezone="UTC")


@attrs.frozen
class Listed:
    """A trigger of a user's own: a list of offsets in hours from the new year."""

    hours: tuple[float, ...]

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        """Return the first of them after an instant."""
        moments = [NEW_YEAR + hour * HOUR for hour in self.hours]
        return next((moment for moment in moments if moment > after), None)


@attrs.frozen
class Answer:
    """A trigger that always gives the same answer."""

    value: Any

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        """Return it."""
        return self.value  # type: ignore[no-any-return]


def hours(trigger: Trigger, count: int = 9) -> list[float]:
    """Return the next fire times in hours from the new year."""
    return [(moment - NEW_YEAR) / HOUR for moment in first(count, trigger, NEW_YEAR - HOUR)]


def test_union() -> None:
    """rule T2: ``a | b`` fires whenever one of them does, once where both do."""
    assert [0, 1, 2, 3, 5, 8] == hours(Listed((0, 2, 3, 8)) | OrTrigger(Listed((1, 2, 3)), Listed((5,))))
    assert [1, 2] == hours(OrTrigger(Listed((1, 2))))


def test_intersection() -> None:
    """rule T2: ``a & b`` fires when both do, and ends with the first of them."""
    assert [2, 3] == hours(AndTrigger(Listed((0, 2, 3, 8)), Listed((1, 2, 3)), Listed((2, 2.5, 3, 9))))
    assert [4, 8] == hours(AndTrigger(Listed((4, 8))))
    friday_13 = cron("0 0 13 * *") & cron("0 0 * * fri")
    found = first(3, friday_13, NEW_YEAR)
    assert [(2026, 2), (2026, 3), (2026, 11)] == [(moment.year, moment.month) for moment in found]


def test_difference() -> None:
    """rule T2: ``a - b`` fires when a does and b does not."""
    assert [0, 8] == hours(ExceptTrigger(Listed((0, 2, 3, 8)), Listed((1, 2, 3))))
    found = between(cron("0 9 * * *") - cron("0 9 24-26 12 *"), NEW_YEAR, NEW_YEAR + timedelta(days=365))
    assert 362 == len(found)


def test_long_exclusions() -> None:
    """rule T4: every minute, except on weekdays: the five days between are passed over."""
    weekend = IntervalTrigger(minutes=1, start_time=NEW_YEAR) - cron("* * * * mon-fri")
    friday, saturday = datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC)
    assert saturday == weekend.next_fire_time(friday, anchor=NEW_YEAR)
    monday = datetime(2026, 1, 5, tzinfo=UTC)
    assert datetime(2026, 1, 10, tzinfo=UTC) == weekend.next_fire_time(monday, anchor=NEW_YEAR)


def test_operators_take_any_trigger() -> None:
    """rule T2: either side may be an object of the user's own; anything else is refused."""
    own = Listed((0, 1))
    mine = cron("0 0 * * *")
    assert OrTrigger(mine, own) == mine | own
    assert OrTrigger(own, mine) == own | mine
    assert AndTrigger(mine, own) == mine & own
    assert AndTrigger(own, mine) == own & mine
    assert ExceptTrigger(mine, own) == mine - own
    assert ExceptTrigger(own, mine) == own - mine
    wrong: Any = "0 0 * * *"
    for operator in ("__or__", "__ror__", "__and__", "__rand__", "__sub__", "__rsub__"):
        assert NotImplemented is getattr(mine, operator)(wrong)
    with pytest.raises(TypeError, match="unsupported operand"):
        mine | wrong
    with pytest.raises(TypeError, match=r"triggers\[1\] must have a method next_fire_time"):
        OrTrigger(mine, wrong)
    with pytest.raises(TypeError, match=r"triggers\[0\] must have"):
        AndTrigger(wrong)
    wrong = CronTrigger
    with pytest.raises(TypeError, match="excluded must have a method next_fire_time"):
        ExceptTrigger(mine, wrong)
    with pytest.raises(TypeError, match="trigger must have a method next_fire_time"):
        ExceptTrigger(wrong, mine)


def test_nested_combinations_are_flat() -> None:
    """rule S1: however it is put together, the same combination is equal and stored the same."""
    a, b, c = cron("0 1 * * *"), cron("0 2 * * *"), cron("0 3 * * *")
    assert OrTrigger(a, b, c) == (a | b) | c == a | (b | c)
    assert AndTrigger(a, b, c) == (a & b) & c == a & (b & c)
    assert (AndTrigger(a, b), c) == ((a & b) | c).triggers
    assert hash(OrTrigger(a, b, c)) == hash((a | b) | c)


@pytest.mark.parametrize("combination", [OrTrigger, AndTrigger])
def test_nothing_to_combine_is_refused(combination: type[OrTrigger] | type[AndTrigger]) -> None:
    """rule T2: an empty combination has no fire times."""
    with pytest.raises(ValueError, match="needs at least one trigger"):
        combination()


def test_the_anchor_reaches_the_parts_that_need_it() -> None:
    """rule T3: parts with a start of their own ignore the anchor."""
    combined = IntervalTrigger(hours=2, start_time=NEW_YEAR) & IntervalTrigger(hours=3)
    anchor = NEW_YEAR + HOUR
    expected = [NEW_YEAR + 4 * HOUR, NEW_YEAR + 10 * HOUR]
    assert expected == first(2, combined, NEW_YEAR, anchor=anchor)


def test_the_key_reaches_the_parts() -> None:
    """rule T2: the key of the schedule is passed on."""
    seen: list[str] = []

    class Spy:
        def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
            seen.append(key)
            return None if after > NEW_YEAR else NEW_YEAR + HOUR

    for trigger in (OrTrigger(Spy()), AndTrigger(Spy(), Spy()), ExceptTrigger(Spy(), Spy())):
        trigger.next_fire_time(NEW_YEAR, anchor=NEW_YEAR, key="mine")
    assert {"mine"} == set(seen)


@pytest.mark.parametrize(
    "trigger",
    [
        IntervalTrigger(seconds=7, start_time=NEW_YEAR)
        & IntervalTrigger(seconds=7, start_time=NEW_YEAR + timedelta(seconds=1)),
        cron("0 0 29 2 *") & cron("0 1 28 2 *"),
        cron("* * * * *") - cron("* * * * *"),
        (cron("0 * * * *") & cron("30 * * * *")) | cron("0 0 1 1 *"),
        (cron("0 * * * *") & cron("0,30 * * * *")) - cron("0 * * * *"),
        (cron("* * * * *") - cron("1-59 * * * *")) & cron("30 * * * *"),
    ],
    ids=str,
)
def test_a_search_that_finds_nothing_ends(trigger: Trigger) -> None:
    """rule T4: parts that never meet end in a clear error, also when one search sits within another."""
    with pytest.raises(
        TriggerSearchError, match=r"no fire time found in|never fire at the same instant|excludes each"
    ) as caught:
        trigger.next_fire_time(NEW_YEAR, anchor=NEW_YEAR)
    assert isinstance(caught.value, AnyschedError)


def test_a_search_within_a_search_shares_its_steps() -> None:
    """rule T4: the work of nested searches is added up, not multiplied; a later search has all its steps again."""
    asked = 0

    class Counted:
        def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
            nonlocal asked
            asked += 1
            return cron("* * * * *").next_fire_time(after, anchor=anchor)

    inner = ExceptTrigger(Counted(), cron("1-59 * * * *"))
    for _ in range(2):
        asked = 0
        with pytest.raises(TriggerSearchError):
            AndTrigger(inner, cron("30 * * * *")).next_fire_time(NEW_YEAR, anchor=NEW_YEAR)
        assert 500 < asked < 5_000


def test_parts_that_end() -> None:
    """rule T2: None from a part ends an intersection and a difference, and is passed over by a union."""
    ended, lasting = DateTrigger(NEW_YEAR), cron("0 * * * *")
    assert NEW_YEAR + HOUR == (ended | lasting).next_fire_time(NEW_YEAR, anchor=NEW_YEAR)
    assert (ended & lasting).next_fire_time(NEW_YEAR, anchor=NEW_YEAR) is None
    assert (lasting & ended).next_fire_time(NEW_YEAR, anchor=NEW_YEAR) is None
    assert (ended - lasting).next_fire_time(NEW_YEAR - HOUR, anchor=NEW_YEAR) is None
    assert NEW_YEAR + HOUR == (lasting - ended).next_fire_time(NEW_YEAR - HOUR / 2, anchor=NEW_YEAR)
    assert (ended | ended).next_fire_time(NEW_YEAR, anchor=NEW_YEAR) is None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (NEW_YEAR.replace(tzinfo=None), "must return an aware datetime or None"),
        ("soon", "must return an aware datetime or None"),
        (NEW_YEAR, "must return an instant after"),
        (NEW_YEAR - HOUR, "must return an instant after"),
    ],
)
def test_parts_that_misbehave(value: Any, message: str) -> None:
    """rule T2: what a part returns is checked before it is believed, so that no search runs in a circle."""
    part = Answer(value)
    for trigger in (OrTrigger(part), AndTrigger(part, part), ExceptTrigger(part, cron("0 * * * *"))):
        with pytest.raises(TriggerError, match=message):
            trigger.next_fire_time(NEW_YEAR, anchor=NEW_YEAR)
