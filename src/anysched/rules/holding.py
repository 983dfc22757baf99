"""Placing and lifting holds on sets of schedules (rules H1 to H5)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import attrs

from anysched.errors import ConflictingHoldError, HoldLookupError
from anysched.model.change import HoldChange
from anysched.model.events import HoldAdded, HoldLifted
from anysched.model.hold import Hold, Placed, Selector
from anysched.model.pause import Pause
from anysched.rules.pausing import check, replaced

Holds = Mapping[str, Placed]


def place(holds: Holds, selector: Selector, wanted: Pause, now: datetime) -> HoldChange:
    """Decide about ``pause_schedules``; each schedule is then paused as ``wanted`` says (rule H2).

    On a hold that exists, what is given of ``until``, ``reason`` and ``by`` is replaced, as of a pause (rule P2).

    :param wanted: with the id of the hold
    :raise ValueError: when it would be over before it begins, or says how to end but not when
    :raise ConflictingHoldError: when the hold exists and is about other schedules, or a window has its id
    """
    check(wanted, now)
    assert wanted.hold is not None
    old = holds.get(wanted.hold)
    if old is None or old.is_over(now):
        new = Hold(selector, attrs.evolve(wanted, since=now))
    elif not isinstance(old, Hold):
        raise ConflictingHoldError(wanted.hold, str(old.selector), "window")
    elif old.selector != selector:
        raise ConflictingHoldError(wanted.hold, str(old.selector))
    else:
        new = Hold(selector, replaced(old.pause, wanted))
    event = HoldAdded(wanted.hold, str(selector), until=new.until, reason=new.reason, by=new.by)
    return HoldChange(selector=selector, hold_id=wanted.hold, hold=new, events=(event,))


def lift(holds: Holds, hold_id: str, now: datetime) -> HoldChange | None:
    """Decide about ``unpause_schedules``; None when there is no such hold, or none any more (rule P8)."""
    old = holds.get(hold_id)
    if not isinstance(old, Hold) or old.is_over(now):
        return None
    return HoldChange(
        selector=old.selector, hold_id=hold_id, hold=None, events=(HoldLifted(hold_id, str(old.selector)),)
    )


def lift_existing(holds: Holds, hold_id: str, now: datetime) -> HoldChange:
    """The same for a hold that must exist. :raise HoldLookupError: when it does not"""
    change = lift(holds, hold_id, now)
    if change is None:
        raise HoldLookupError(hold_id)
    return change
