"""The table of all that can be asked over HTTP."""

from __future__ import annotations

from anysched.integrations._audit import AUDIT_OPERATIONS
from anysched.integrations._backfill_operations import BACKFILL_OPERATIONS
from anysched.integrations._clock_operations import CLOCK_OPERATIONS
from anysched.integrations._fire_times import FIRE_TIME_OPERATIONS
from anysched.integrations._history_operations import HISTORY_OPERATIONS
from anysched.integrations._hold_operations import HOLD_OPERATIONS
from anysched.integrations._operations import SCHEDULE_OPERATIONS, Operation
from anysched.integrations._window_operations import WINDOW_OPERATIONS

OPERATIONS: tuple[Operation, ...] = (
    *SCHEDULE_OPERATIONS,
    *FIRE_TIME_OPERATIONS,
    *HISTORY_OPERATIONS,
    *CLOCK_OPERATIONS,
    *HOLD_OPERATIONS,
    *BACKFILL_OPERATIONS,
    *WINDOW_OPERATIONS,
    *AUDIT_OPERATIONS,
)
