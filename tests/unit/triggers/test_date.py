"""A single fire time (rules T1 and S6)."""

from __future__ import annotations

from datetime import UTC, date, timedelta, timezone
from typing import Any

import pytest
from tests.unit.triggers.support import NEW_YEAR, first

from anysched.model.trigger import is_due_when_past
from anysched.triggers import DateTrigger, IntervalTrigger

RUN_TIME = NEW_YEAR + timedelta(hours=9, microseconds=5)


def test_fires_once() -> None:
    """rule T2: the date is the only fire time, strictly after what is asked for, whatever the anchor."""
    trigger = DateTrigger(RUN_TIME)
    assert [RUN_TIME] == first(5, trigger, NEW_YEAR - timedelta(days=400))
    assert [RUN_TIME] == first(5, trigger, NEW_YEAR, anchor=RUN_TIME + timedelta(days=1))
    assert trigger.next_fire_time(RUN_TIME, anchor=NEW_YEAR) is None


def test_looking_back_and_counting() -> None:
    """rule T4: the date lies at or before itself, and is counted in (after, until]."""
    trigger = DateTrigger(RUN_TIME)
    before = RUN_TIME - timedelta(microseconds=1)
    assert RUN_TIME == trigger.last_fire_time(RUN_TIME, anchor=NEW_YEAR)
    assert trigger.last_fire_time(before, anchor=NEW_YEAR) is None
    assert 1 == trigger.count_fire_times(before, RUN_TIME, anchor=NEW_YEAR)
    assert 0 == trigger.count_fire_times(RUN_TIME, RUN_TIME + timedelta(days=1), anchor=NEW_YEAR)
    assert 0 == trigger.count_fire_times(NEW_YEAR, before, anchor=NEW_YEAR)


def test_is_due_when_past() -> None:
    """rule S6: a date that has passed is due at once; other triggers are not."""
    assert is_due_when_past(DateTrigger(RUN_TIME))
    assert not is_due_when_past(IntervalTrigger(seconds=1))


def test_aware_datetimes_are_kept_in_utc() -> None:
    """rule T1: the same instant given in another zone is the same trigger."""
    local = RUN_TIME.astimezone(timezone(timedelta(hours=-7)))
    assert DateTrigger(RUN_TIME) == DateTrigger(local)
    assert UTC is DateTrigger(local).run_time.tzinfo


@pytest.mark.parametrize("value", [date(2026, 1, 1), "2026-01-01T00:00:00Z", 0, None])
def test_other_types_are_refused(value: Any) -> None:
    """rule T1: a type error names the argument."""
    with pytest.raises(TypeError, match="run_time must be a datetime"):
        DateTrigger(value)
