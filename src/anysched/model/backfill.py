"""Running fire times of the past once more, or for the first time (rules F1 to F6)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import attrs

from anysched.model import convert
from anysched.model.policies import BackfillOrder, BackfillStatus, Reprocess
from anysched.model.trigger import Trigger


@attrs.frozen(kw_only=True)
class Backfill:
    """Jobs for fire times of the past, made bit by bit.

    :ivar id: time-ordered
    :ivar start: the first instant that it is about, inclusive
    :ivar end: the last instant that it is about, inclusive
    :ivar reprocess: what becomes of fire times that have run
    :ivar order: in which order jobs are made
    :ivar max_running: how many of its jobs may wait or run at once
    :ivar trigger: the trigger of the schedule as it was when this was asked for, and stays for it
    :ivar anchor: the anchor of the schedule then
    :ivar left: fire times that have no job yet: those from one instant to another, both included, in order
    :ivar status: where it stands
    :ivar total: for how many fire times jobs are made in all
    :ivar running: how many of its jobs have not ended
    :ivar succeeded: how many of its jobs have ended well
    :ivar failed: how many of its jobs have ended in another way
    :ivar since: when it was asked for
    :ivar finished_at: when it was done or cancelled
    :ivar reason: free text
    :ivar by: who asked for it
    """

    id: UUID
    start: datetime
    end: datetime
    reprocess: Reprocess = "none"
    order: BackfillOrder = "oldest"
    max_running: int = 1
    trigger: Trigger
    anchor: datetime
    left: tuple[tuple[datetime, datetime], ...] = ()
    status: BackfillStatus = "running"
    total: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    since: datetime
    finished_at: datetime | None = None
    reason: str | None = attrs.field(default=None, converter=convert.reason)
    by: str | None = attrs.field(default=None, converter=convert.by)
