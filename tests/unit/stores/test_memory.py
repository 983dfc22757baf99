"""What the memory store relies on."""

from __future__ import annotations

import pytest
from tests.unit.rules.support import Every, added

from anysched.model.change import Change
from anysched.stores._memory_schedules import ScheduleTable


def test_each_write_writes_a_state() -> None:
    """rule S4: a configuration is never written without a state, by which it is told whether a schedule has changed."""
    table, one = ScheduleTable(), added(Every())
    table.write(Change(schedule_id=one.id, schedule=one.schedule, state=one.state))
    assert table.is_still(one.id, one)
    with pytest.raises(AssertionError):
        table.write(Change(schedule_id=one.id, schedule=one.schedule))
