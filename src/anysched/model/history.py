"""The ledger: what came of the fire times of a schedule, kept for a while (rules G1 to G3)."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import attrs

from anysched.model import convert
from anysched.model.job import JobException
from anysched.model.policies import FireTimeStatus, JobKind, JobOutcome, SkipReason
from anysched.model.quick import quick


def _history(value: convert.Seconds | None) -> timedelta | None:
    return None if value is None else convert.positive_duration(value, "history")


def _most(value: int) -> int:
    return convert.positive_int(value, "most", most=1_000_000)


def _audit(value: convert.Seconds | None) -> timedelta | None:
    return None if value is None else convert.positive_duration(value, "audit")


@attrs.frozen(kw_only=True)
class Retention:
    """How long is kept what became of fire times, and who did what (rules G3 and A2).

    Durations are timedeltas or numbers of seconds, longer than nothing.

    :ivar history: how long runs and skipped fire times are kept; None writes none of them
    :ivar most: how many runs and spans of skipped fire times are kept of each schedule, the latest
    :ivar audit: how long is kept who paused, resumed, changed or removed what; None writes nothing of it
    """

    history: timedelta | None = attrs.field(default=timedelta(days=30), converter=_history)
    most: int = attrs.field(default=200, converter=_most)
    audit: timedelta | None = attrs.field(default=timedelta(days=365), converter=_audit)


@quick
@attrs.frozen
class RunRecord:
    """A job of a schedule that has ended.

    :ivar job_id: the job
    :ivar schedule_id: the schedule
    :ivar incarnation: which incarnation of it (rule S3)
    :ivar kind: who asked for the job
    :ivar fire_time: the nominal fire time; None for a job that was made by hand
    :ivar run_at: not before when it was to start
    :ivar outcome: how it ended
    :ivar finished_at: when it ended
    :ivar started_at: when it started; None if it never did
    :ivar attempt: which attempt this was
    :ivar node: the node that ran it; None if none did
    :ivar exception: what it raised, without the traceback, and with no more than the beginning of a long message
    """

    job_id: UUID
    schedule_id: str
    incarnation: UUID
    kind: JobKind
    fire_time: datetime | None
    run_at: datetime
    outcome: JobOutcome
    finished_at: datetime
    started_at: datetime | None = None
    attempt: int = 1
    node: str | None = None
    exception: JobException | None = None

    @property
    def first(self) -> datetime:
        """The fire time, or when the job was to start where there is none."""
        return self.run_at if self.fire_time is None else self.fire_time

    @property
    def last(self) -> datetime:
        """The same: a run is for one fire time."""
        return self.first

    @property
    def at(self) -> datetime:
        """When this was written."""
        return self.finished_at


@attrs.frozen(kw_only=True)
class SkipRecord:
    """Fire times in a row that got no job, for one reason (rule L3).

    :ivar schedule_id: the schedule
    :ivar incarnation: which incarnation of it (rule S3)
    :ivar reason: why
    :ivar first: the first of them
    :ivar last: the last of them
    :ivar number: how many they are
    :ivar exact: False when ``number`` is only a lower bound
    :ivar at: when that was decided
    :ivar into: the fire time that stands for them, if they were coalesced
    :ivar cause: the id of the hold, window or backfill that is the reason, if one is
    :ivar why: what was given as the reason of the pause, window or change, in free text
    :ivar by: who had asked for it
    """

    schedule_id: str
    incarnation: UUID
    reason: SkipReason
    first: datetime
    last: datetime
    number: int
    exact: bool
    at: datetime
    into: datetime | None = None
    cause: str | None = None
    why: str | None = None
    by: str | None = None


Record = RunRecord | SkipRecord


@attrs.frozen(kw_only=True)
class FireTime:
    """What came, or is to come, of a fire time, or of several in a row with one fate (rule G2).

    What ``status`` says: "ran", a job has ended, also one that never started; "running", "queued" and "held", it has
    a job; "skipped", it got none, or will get none, as somebody said so by name, or a window does; "missed", it has
    passed while the schedule was paused or set aside, and nothing is decided about it; "late", it is due, and a node
    is about to look; "planned", it is to come, or a backfill is to make its job; "paused", it is to come, and will not
    run; "unknown", it has passed, and what came of it is not kept.

    :ivar first: the fire time, or the first of them, as the trigger says it; when a job by hand was to start
    :ivar last: the last of them; the same as ``first`` if it is one
    :ivar number: how many they are
    :ivar exact: False when ``number`` is only a lower bound
    :ivar status: see above
    :ivar due_at: when it was or is due, with jitter, moved, or put off; None for several, while paused, and where a
        backfill is to make the job
    :ivar outcome: how its job ended
    :ivar reason: why it got no job
    :ivar kind: who asked for the job; None where there is none, and none is left to a backfill
    :ivar job_id: the job
    :ivar attempt: which attempt that was, is, or will be; None without a job
    :ivar started_at: when the job started
    :ivar finished_at: when the job ended, or it was decided that there is none
    :ivar node: the node that ran the job
    :ivar exception: what it raised, without the traceback, and with no more than the beginning of a long message
    :ivar into: the fire time that stands for it, if it was coalesced
    :ivar cause: the id of the hold, window or backfill that is the reason, if one is
    :ivar why: what was given as the reason, in free text
    :ivar by: who had asked for it
    """

    first: datetime
    last: datetime
    number: int = 1
    exact: bool = True
    status: FireTimeStatus
    due_at: datetime | None = None
    outcome: JobOutcome | None = None
    reason: SkipReason | None = None
    kind: JobKind | None = None
    job_id: UUID | None = None
    attempt: int | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    node: str | None = None
    exception: JobException | None = None
    into: datetime | None = None
    cause: str | None = None
    why: str | None = None
    by: str | None = None
