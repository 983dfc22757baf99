"""Who did what to schedules, when, and why (rules A1 and A2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, Final
from uuid import UUID

import attrs

from anysched.model import convert
from anysched.model.brief import LONGEST, brief
from anysched.model.policies import AuditAction, ScheduleStatus
from anysched.model.trigger import Trigger, holds_only, parts_of, refuses_changes

_SMALL: Final = frozenset({type(None), bool, int, float, date, datetime, timedelta})


class Addition(Mapping[str, Any]):
    """The details of an addition, as text that is made when it is read: very many are added, and few are asked about.

    So adding takes a quarter less where the trigger is kept, and the entry has a quarter of the size.
    """

    __slots__ = ("next_fire_time", "status", "task", "trigger")

    def __init__(
        self, task: str, trigger: Trigger, status: ScheduleStatus, next_fire_time: datetime | None
    ) -> None:
        self.task: str = task
        # Text at once, where the trigger may be larger than its text, or change: an entry may outlive its schedule.
        self.trigger: Trigger | str = trigger if _is_small(trigger) else brief(trigger)
        self.status: ScheduleStatus = status
        self.next_fire_time: datetime | None = next_fire_time

    def told(self) -> dict[str, str]:
        """Return the same as a dictionary, at once."""
        trigger, at = self.trigger, self.next_fire_time
        told = {
            "task": self.task,
            "trigger": trigger if isinstance(trigger, str) else brief(trigger),
            "status": str(self.status),
        }
        if at is not None:
            told["next_fire_time"] = at.isoformat()
        return told

    def __getitem__(self, name: str) -> str:
        return self.told()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.told())

    def __len__(self) -> int:
        return len(self.told())

    def __repr__(self) -> str:
        return repr(self.told())


def _is_small(trigger: Trigger) -> bool:
    """Return whether a trigger cannot change, and holds nothing but a zone, and values of a small size."""
    if not refuses_changes(trigger):
        return False
    if holds_only(trigger, _SMALL, derived=True):
        return True
    for value in parts_of(trigger, derived=True):
        if value.__class__ is tuple:
            if len(value) > 2 or not all(part.__class__ in _SMALL for part in value):
                return False
        elif value.__class__ is str:
            if len(value) > LONGEST:
                return False
        elif value.__class__ not in _SMALL and not isinstance(value, tzinfo):
            return False
    return True


def _details(value: Mapping[str, Any]) -> Mapping[str, Any]:
    return value if value.__class__ is Addition else convert.frozen_mapping(value, "details")


@attrs.frozen(kw_only=True)
class AuditEntry:
    """One thing that was done.

    :ivar id: time-ordered
    :ivar at: when
    :ivar action: what
    :ivar schedule_id: the schedule that it was done to; None if it was done to a set of them
    :ivar name: the id of the hold, window or backfill that it is about, if any
    :ivar by: who did it, as the call said
    :ivar reason: why, as the call said
    :ivar node: the scheduler through which it was done
    :ivar details: more about it by name: text, numbers, lists of text
    """

    id: UUID
    at: datetime
    action: AuditAction
    schedule_id: str | None = None
    name: str | None = None
    by: str | None = None
    reason: str | None = None
    node: str | None = None
    details: Mapping[str, Any] = attrs.field(default=convert.EMPTY_MAPPING, converter=_details)
