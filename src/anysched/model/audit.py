"""Who did what to schedules, when, and why (rules A1 and A2)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import attrs

from anysched.model import convert
from anysched.model.policies import AuditAction


def _details(value: Mapping[str, Any]) -> Mapping[str, Any]:
    return convert.frozen_mapping(value, "details")


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
