"""The choices that users make, by name."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum
from typing import Literal, NoReturn

import attrs

from anysched.model import convert

#: Rule L2: no user setting makes one pass write more jobs than this for one schedule.
MOST_CATCHUP = 10_000


class _Named(Enum):
    """An enum whose members print as, and are made from, their own names."""

    def __str__(self) -> str:
        return str(self._value_)  # of all enums; `value` takes three times as long

    @classmethod
    def _missing_(cls, value: object) -> NoReturn:
        choices = ", ".join(repr(member.value) for member in cls)
        raise ValueError(f"{cls.__name__} must be one of {choices}, not {value!r}")


class CoalescePolicy(_Named):
    """Which of several late fire times get a job (rule L1)."""

    latest = "latest"
    earliest = "earliest"
    all = "all"


class ConflictPolicy(_Named):
    """What adding a schedule does when its id exists (rule S1)."""

    do_nothing = "do_nothing"
    replace = "replace"
    exception = "exception"


class OnAbandon(_Named):
    """What becomes of a job whose node died or lost its lease (rule J3)."""

    retry = "retry"
    fail = "fail"


class SchedulerRole(_Named):
    """What a node does: make jobs from schedules, run jobs, both, or neither."""

    both = "both"
    scheduler = "scheduler"
    worker = "worker"
    client = "client"

    @property
    def plans(self) -> bool:
        """Whether the node makes jobs from schedules."""
        return self in (SchedulerRole.both, SchedulerRole.scheduler)

    @property
    def works(self) -> bool:
        """Whether the node runs jobs."""
        return self in (SchedulerRole.both, SchedulerRole.worker)


class RunState(_Named):
    """Where a scheduler is between being made and having stopped."""

    created = "created"
    starting = "starting"
    started = "started"
    stopping = "stopping"
    stopped = "stopped"


class ScheduleStatus(_Named):
    """What a schedule is doing; the first that holds, in this order (rule S2)."""

    error = "error"
    finished = "finished"
    paused = "paused"
    active = "active"


class JobStatus(_Named):
    """Where a job is before it has a result."""

    queued = "queued"
    held = "held"
    running = "running"


class JobKind(_Named):
    """Who asked for a job: a fire time, a person for a schedule (``run_schedule``, ``backfill``), or ``add_job``."""

    regular = "regular"
    manual = "manual"
    direct = "direct"
    backfill = "backfill"


class JobOutcome(_Named):
    """How a job ended (rule J4)."""

    success = "success"
    error = "error"
    missed_start_deadline = "missed_start_deadline"
    cancelled = "cancelled"
    abandoned = "abandoned"


class SkipReason(_Named):
    """Why a fire time got no job (rule L3)."""

    grace = "grace"
    """Later than ``misfire_grace_time`` allows."""
    coalesced = "coalesced"
    """Another late fire time stands for it."""
    catchup_limit = "catchup_limit"
    """More were late than ``max_catchup`` allows."""
    paused = "paused"
    """Given up by the way a pause was ended."""
    requested = "requested"
    """Skipped by ``skip_fire_time``."""
    window = "window"
    """In a window that skips."""
    backfilled = "backfilled"
    """Missed, and left to a backfill, which makes its job unless it is cancelled."""


class AuditAction(_Named):
    """What was done (rule A1)."""

    schedule_added = "schedule_added"
    schedule_edited = "schedule_edited"
    schedule_removed = "schedule_removed"
    schedule_paused = "schedule_paused"
    schedule_resumed = "schedule_resumed"
    schedule_run = "schedule_run"
    fire_time_skipped = "fire_time_skipped"
    fire_time_moved = "fire_time_moved"
    fire_time_restored = "fire_time_restored"
    hold_placed = "hold_placed"
    hold_lifted = "hold_lifted"
    window_added = "window_added"
    window_removed = "window_removed"
    backfill_started = "backfill_started"
    backfill_paused = "backfill_paused"
    backfill_resumed = "backfill_resumed"
    backfill_cancelled = "backfill_cancelled"


def _max_jobs(value: int | None) -> int | None:
    return None if value is None else convert.positive_int(value, "max_jobs", most=MOST_CATCHUP)


def _max_age(value: convert.Seconds | None) -> timedelta | None:
    return None if value is None else convert.positive_duration(value, "max_age")


def _spacing(value: convert.Seconds | None) -> timedelta | None:
    return None if value is None else convert.positive_duration(value, "spacing")


@attrs.frozen
class CatchUp:
    """Which of the fire times that a pause made a schedule miss get a job, and when those start (rule P5).

    Durations are timedeltas or numbers of seconds, longer than nothing.

    :ivar coalesce: "latest" or "earliest" makes one job, for that fire time; "all" one for each
    :ivar max_jobs: how many jobs "all" makes at most, for the latest: from 1 to 10,000; None for the ``max_catchup``
        of the schedule
    :ivar max_age: fire times that were due longer than this before the resume are given up; None for no limit
    :ivar spacing: the first job of "all" starts at once, each other so much after the one before; None lets all
        start at once
    :raise ValueError, TypeError: naming the argument that makes no sense; so is a bound or a spacing of one job
    """

    coalesce: CoalescePolicy = attrs.field(default=CoalescePolicy.all, converter=CoalescePolicy)
    max_jobs: int | None = attrs.field(kw_only=True, default=None, converter=_max_jobs)
    max_age: timedelta | None = attrs.field(kw_only=True, default=None, converter=_max_age)
    spacing: timedelta | None = attrs.field(kw_only=True, default=None, converter=_spacing)

    def __attrs_post_init__(self) -> None:
        for name, value in (("max_jobs", self.max_jobs), ("spacing", self.spacing)):
            if value is not None and self.coalesce is not CoalescePolicy.all:
                raise ValueError(f"{name} is for coalesce='all': '{self.coalesce}' makes one job")


MissedWord = Literal["policy", "skip", "run_once", "run_all"]
Missed = MissedWord | CatchUp
PauseKind = Literal["manual", "maintenance", "failure"]
Running = Literal["leave", "cancel", "drain"]
Queued = Literal["keep", "hold", "discard"]
ResumeFrom = datetime | Literal["now"] | None
NamedFireTime = datetime | Literal["next"]
WindowMode = Literal["skip", "defer"]
Reprocess = Literal["none", "failed", "all"]
BackfillOrder = Literal["oldest", "newest"]
BackfillStatus = Literal["running", "paused", "done", "cancelled"]
FireTimeStatus = Literal[
    "ran", "running", "queued", "held", "skipped", "missed", "late", "planned", "paused", "unknown"
]
