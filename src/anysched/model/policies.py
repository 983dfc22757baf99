"""The choices that users make, by name."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Literal, NoReturn


class _Named(Enum):
    """An enum whose members print as, and are made from, their own names."""

    def __str__(self) -> str:
        return str(self.value)

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
    """Who asked for a job: a fire time, a person for a schedule (``run_schedule``), or ``add_job``."""

    regular = "regular"
    manual = "manual"
    direct = "direct"


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


Missed = Literal["policy", "skip", "run_once", "run_all"]
PauseKind = Literal["manual", "maintenance", "failure"]
Running = Literal["leave", "cancel", "drain"]
Queued = Literal["keep", "hold", "discard"]
ResumeFrom = datetime | Literal["now"] | None
NamedFireTime = datetime | Literal["next"]
