"""Running fire times of the past once more, or for the first time (rules F1 to F4)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final, Literal
from uuid import UUID

import attrs

from anysched.model import convert
from anysched.model.policies import BackfillOrder, BackfillStatus, Reprocess
from anysched.model.trigger import Trigger

#: Rule F1: a backfill is about no more fire times than this.
MOST_FIRE_TIMES: Final = 10_000

#: Rule F2: no more jobs of one backfill wait or run at once.
MOST_RUNNING: Final = 1000

#: Why a fire time is left out: it has run, a job waits or runs for it, somebody skipped or moved it by name, or its
#: turn is still to come.
LeftOut = Literal["has_run", "live", "named", "to_come"]

#: Fire times from one to another, both included, and which are in a row.
Stretch = tuple[datetime, datetime]

NOTHING_LEFT_OUT: Final[Mapping[LeftOut, int]] = MappingProxyType({})


def _max_running(value: int) -> int:
    return convert.positive_int(value, "max_running", most=MOST_RUNNING)


@attrs.frozen(kw_only=True)
class Backfill:
    """Jobs for fire times of the past, made bit by bit.

    :ivar id: time-ordered
    :ivar schedule_id: the schedule
    :ivar start: the first instant that it is about, inclusive
    :ivar end: the last instant that it is about, inclusive
    :ivar reprocess: what becomes of fire times that have run
    :ivar order: in which order jobs are made
    :ivar max_running: how many of its jobs may wait or run at once
    :ivar trigger: the trigger of the schedule as it was when this was asked for, and stays for it
    :ivar anchor: the anchor of the schedule then
    :ivar left: fire times that have no job yet: those from one instant to another, both included, in order
    :ivar taken: those of its fire times that were missed and not dealt with, which the schedule leaves to it (rule F4)
    :ivar status: where it stands
    :ivar total: for how many fire times jobs are made in all
    :ivar made: how many jobs were made
    :ivar running: how many of its jobs have not ended; 0 once it is cancelled
    :ivar succeeded: how many of its jobs have ended well
    :ivar failed: how many of its jobs have ended in another way
    :ivar since: when it was asked for
    :ivar finished_at: when it was done or cancelled
    :ivar error: why it was cancelled, if its trigger did not work
    :ivar reason: free text
    :ivar by: who asked for it
    """

    id: UUID
    schedule_id: str
    start: datetime
    end: datetime
    reprocess: Reprocess = "none"
    order: BackfillOrder = "oldest"
    max_running: int = attrs.field(default=1, converter=_max_running)
    trigger: Trigger
    anchor: datetime
    left: tuple[Stretch, ...] = ()
    taken: tuple[Stretch, ...] = ()
    status: BackfillStatus = "running"
    total: int = 0
    made: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    since: datetime
    finished_at: datetime | None = None
    error: str | None = None
    reason: str | None = attrs.field(default=None, converter=convert.reason)
    by: str | None = attrs.field(default=None, converter=convert.by)

    @property
    def is_over(self) -> bool:
        """Whether it makes no more jobs: it is done, or was cancelled."""
        return self.status in ("done", "cancelled")

    @property
    def remaining(self) -> int:
        """For how many fire times no job was made, yet or at all."""
        return self.total - self.made

    @property
    def has_room(self) -> bool:
        """Whether the next job is to be made now (rule F2)."""
        return self.status == "running" and bool(self.left) and self.running < self.max_running


@attrs.frozen(kw_only=True)
class BackfillPlan:
    """What a backfill does, or with ``dry_run`` would do at this moment (rule F1).

    :ivar schedule_id: the schedule
    :ivar version: of the state this was told from
    :ivar fire_times: the fire times that get a job, in the order in which the jobs are made
    :ivar left_out: how many fire times of the range get none, and why: "has_run", "live" where a job waits or runs
        for them, "named" where they were skipped or moved by name, "to_come" where their turn is still to come
    :ivar unknown: of how many of ``fire_times`` it is not known whether they have run, as the history does not reach
        back to them (rule G3); they count as not run
    :ivar backfill: what was begun; None for a dry run, and where no fire time gets a job
    """

    schedule_id: str
    version: str
    fire_times: tuple[datetime, ...]
    left_out: Mapping[LeftOut, int] = NOTHING_LEFT_OUT
    unknown: int = 0
    backfill: Backfill | None = None

    @property
    def id(self) -> UUID | None:
        """The id of the backfill that was begun."""
        return None if self.backfill is None else self.backfill.id

    @property
    def total(self) -> int:
        """How many fire times get a job."""
        return len(self.fire_times)
