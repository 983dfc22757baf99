"""What happened, told to whoever asked. Hints: the store is the truth (rule N2)."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

import attrs

from anysched.model.policies import (
    BackfillStatus,
    JobOutcome,
    Missed,
    PauseKind,
    ResumeFrom,
    ScheduleStatus,
    SkipReason,
    WindowMode,
)
from anysched.model.quick import quick


@attrs.frozen
class Event:
    """The base of all events."""


@attrs.frozen
class SchedulerStarted(Event):
    """A node has started."""

    identity: str


@attrs.frozen
class SchedulerStopped(Event):
    """A node has stopped; ``fault`` says why if it did not stop in order."""

    identity: str
    fault: str | None = None


@attrs.frozen
class ScheduleEvent(Event):
    """The base of events about one schedule."""

    schedule_id: str
    task_id: str


@attrs.frozen
class ScheduleAdded(ScheduleEvent):
    """A schedule was created."""

    next_fire_time: datetime | None


@attrs.frozen
class ScheduleUpdated(ScheduleEvent):
    """The configuration of a schedule was replaced."""

    next_fire_time: datetime | None


@attrs.frozen
class ScheduleRemoved(ScheduleEvent):
    """A schedule was removed."""


@quick
@attrs.frozen
class ScheduleFinished(ScheduleEvent):
    """The trigger has nothing left, or nothing outside of windows (rule W5); the schedule is kept (rule P8)."""


@attrs.frozen
class ScheduleFailed(ScheduleEvent):
    """A schedule was set aside because its trigger or its stored form failed (rule S2)."""

    error: str


@attrs.frozen
class SchedulePaused(ScheduleEvent):
    """A schedule was paused, or what pauses it changed (rule P10).

    Tells of the pause that is new; when one was lifted and others are left, of the one that ends last. ``hold`` is
    the hold that it is part of, None for a pause of the schedule's own; ``kind`` says what paused it. ``resume_from``
    and ``missed`` are what the schedule does at ``until``; ``next_fire_time`` is where it stands.
    """

    since: datetime
    until: datetime | None
    reason: str | None
    by: str | None
    resume_from: ResumeFrom
    missed: Missed
    next_fire_time: datetime | None
    hold: str | None = None
    kind: PauseKind = "manual"


@attrs.frozen
class ScheduleUnpaused(ScheduleEvent):
    """A pause ended (rules P9 and P10): which, how, and what became of the fire times that passed.

    ``hold`` is the hold that it was part of, None for a pause of the schedule's own; ``kind`` says what had paused it.
    """

    since: datetime
    until: datetime | None
    reason: str | None
    by: str | None
    resume_from: ResumeFrom
    missed: Missed
    status: ScheduleStatus
    next_fire_time: datetime | None
    jobs: tuple[UUID, ...]
    skipped: int
    skipped_exact: bool
    hold: str | None = None
    kind: PauseKind = "manual"


@attrs.frozen
class FireTimeChanged(ScheduleEvent):
    """One fire time was skipped, moved, or restored to what the trigger says (rules O1 and O4).

    ``moved_to`` is when it runs instead, if it was moved; ``next_fire_time`` is where the schedule stands now.
    """

    fire_time: datetime
    change: Literal["skipped", "moved", "restored"]
    moved_to: datetime | None
    reason: str | None
    by: str | None
    next_fire_time: datetime | None


@attrs.frozen
class FireTimeRecomputed(ScheduleEvent):
    """The next fire time of a schedule was computed anew, as the rules of its time zone have changed (rule T12).

    ``old_version`` and ``new_version`` are of the time zone database, None where they are not known;
    ``old_fire_time`` is where the schedule stood, ``next_fire_time`` where it stands now. Both are the same where only
    fire times that were skipped or moved by name have followed the wall clock.
    """

    timezone: str
    old_version: str | None
    new_version: str | None
    old_fire_time: datetime | None
    next_fire_time: datetime | None


@attrs.frozen
class BackfillChanged(ScheduleEvent):
    """A backfill was begun, paused, resumed, cancelled, or is done (rules F1 to F3).

    ``status`` tells which; ``total`` is for how many fire times it makes jobs, ``made`` how many were made,
    ``succeeded`` and ``failed`` how many of them have ended, and how.
    """

    backfill: UUID
    status: BackfillStatus
    total: int
    made: int
    succeeded: int
    failed: int
    reason: str | None
    by: str | None


@attrs.frozen
class HoldEvent(Event):
    """The base of events about one hold; ``selector`` is its selector in words (rule H2)."""

    hold: str
    selector: str


@attrs.frozen
class HoldAdded(HoldEvent):
    """Schedules were paused together, or the hold that pauses them changed."""

    until: datetime | None
    reason: str | None
    by: str | None


@attrs.frozen
class HoldLifted(HoldEvent):
    """A hold was lifted: schedules that nothing else pauses go on."""


@attrs.frozen
class WindowEvent(Event):
    """The base of events about one window; ``selector`` is its selector in words (rule W1)."""

    window: str
    selector: str


@attrs.frozen
class WindowAdded(WindowEvent):
    """Schedules do not run in the spans of a window from now on, or the window was replaced.

    ``until`` is when its last span ends, None if that is not known.
    """

    mode: WindowMode
    until: datetime | None
    reason: str | None
    by: str | None


@attrs.frozen
class WindowRemoved(WindowEvent):
    """A window was removed: what it covered and is to come runs again. ``reason`` and ``by`` are of this call."""

    reason: str | None
    by: str | None


@attrs.frozen
class StalePause(Event):
    """Something has paused schedules for longer than a node was told to find usual (rule H6); each node tells it once.

    ``hold`` is None for the pause of a single schedule; ``selector`` says in words which schedules.
    """

    hold: str | None
    selector: str
    since: datetime
    until: datetime | None
    reason: str | None
    by: str | None


@attrs.frozen
class FireTimesSkipped(ScheduleEvent):
    """Fire times got no job (rule L3). ``counts`` has one pair for each reason."""

    counts: tuple[tuple[SkipReason, int], ...]
    exact: bool


@attrs.frozen
class JobEvent(Event):
    """The base of events about one job."""

    job_id: UUID
    task_id: str
    schedule_id: str | None


@attrs.frozen
class JobAdded(JobEvent):
    """A job was written."""


@attrs.frozen
class JobAcquired(JobEvent):
    """A node took a job and is about to run it."""

    identity: str


@attrs.frozen
class JobReleased(JobEvent):
    """A job has ended, or was given back to the queue (``outcome`` is None then)."""

    outcome: JobOutcome | None


@attrs.frozen
class JobCancelRequested(JobEvent):
    """Whoever runs this job is asked to cancel it."""


@attrs.frozen
class StoreUnavailable(Event):
    """The data store does not answer; the node keeps trying (rule N3)."""

    error: str


@attrs.frozen
class StoreRecovered(Event):
    """The data store answers again."""


@attrs.frozen
class ClockJumped(Event):
    """The wall clock was set, or the machine slept (rule N4). ``seconds`` is how far, forward positive."""

    seconds: float


@attrs.frozen
class WorkChanged(Event):
    """Something that other nodes may have to act on was committed; a hint among schedulers, not for users."""

    identity: str
