"""Schedules as users write them, and what the scheduler keeps about them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

import attrs

from anysched.model import convert
from anysched.model.backfill import Backfill
from anysched.model.naming import callable_name
from anysched.model.occurrence import Occurrence
from anysched.model.policies import (
    MOST_CATCHUP,
    CoalescePolicy,
    Missed,
    PauseKind,
    Queued,
    ResumeFrom,
    ScheduleStatus,
    SkipReason,
)
from anysched.model.quick import quick
from anysched.model.trigger import Trigger, require_trigger
from anysched.model.unset import UNSET, UnsetType
from anysched.model.waiting import Waiting
from anysched.model.window import Window

NOTHING_SKIPPED: Mapping[SkipReason, int] = MappingProxyType({})


def _task_reference(value: Callable[..., Any] | str) -> Callable[..., Any] | str:
    if isinstance(value, str):
        return convert.identifier(value, "the task id")
    if callable(value):
        return value
    raise TypeError(f"a task must be a callable or the id of one, not {type(value).__name__}")


def _id(value: str) -> str:
    return convert.identifier(value, "id")


def _args(value: Iterable[Any]) -> tuple[Any, ...]:
    return convert.frozen_sequence(value, "args")


def _kwargs(value: Mapping[str, Any]) -> Mapping[str, Any]:
    return convert.frozen_mapping(value, "kwargs")


def _coalesce(value: CoalescePolicy | str) -> CoalescePolicy:
    return value if isinstance(value, CoalescePolicy) else CoalescePolicy(value)


def _paused(value: bool) -> bool:
    return convert.boolean(value, "paused")


def _max_catchup(value: int) -> int:
    return convert.positive_int(value, "max_catchup", most=MOST_CATCHUP)


def _pause_after_failures(value: int | None) -> int | None:
    return None if value is None else convert.positive_int(value, "pause_after_failures")


def _probe_after(value: convert.Seconds | None) -> timedelta | None:
    return None if value is None else convert.positive_duration(value, "probe_after")


def _fixed_delay(value: bool) -> bool:
    return convert.boolean(value, "fixed_delay")


def _max_jitter(value: convert.Seconds | None) -> timedelta | None:
    return None if value is None else convert.positive_duration(value, "max_jitter")


def _expiration(value: convert.Seconds) -> timedelta:
    return convert.duration(value, "job_result_expiration_time")


def _skipped(value: Mapping[SkipReason, int]) -> Mapping[SkipReason, int]:
    return value if isinstance(value, MappingProxyType) else MappingProxyType(dict(value))


@attrs.frozen
class Schedule:
    """Configuration: which task, when, with what. Written by users only.

    :ivar func_or_task_id: the callable, or the id of a task
    :ivar trigger: when to run it
    :ivar id: unique; an own one is made up when none is given
    :ivar args: positional arguments
    :ivar kwargs: keyword arguments
    :ivar paused: whether it is paused when it is created; later pauses are state, not configuration (rule S1)
    :ivar coalesce: which of several late fire times get a job
    :ivar misfire_grace_time: how late a job may start; None for no limit, unset for what the task says
    :ivar max_catchup: how many late fire times get a job in one pass under ``coalesce="all"``, at most 10,000
    :ivar max_jitter: how far each fire time is delayed at most, by a hash of id and fire time (rule T8)
    :ivar job_executor: name of the job executor; unset for what the task says
    :ivar job_result_expiration_time: how long results are kept
    :ivar metadata: anything that can be serialized
    :ivar group: the group it belongs to, if any, for those who pause or read whole groups
    :ivar tags: words to select it by
    :ivar owner: the program that declares it, as ``apply_schedules`` writes it (rule S8); None for nobody, and in what
        replaces a schedule for the owner that it has
    :ivar pause_after_failures: after how many failed jobs in a row it is paused (rule B1); None for never
    :ivar probe_after: how long that pause lasts (rule B3); None for until somebody resumes it
    :ivar fixed_delay: whether its trigger counts from the end of the last run (rule S9); not with ``coalesce="all"``
    """

    func_or_task_id: Callable[..., Any] | str = attrs.field(converter=_task_reference)
    trigger: Trigger = attrs.field(converter=require_trigger)
    id: str = attrs.field(kw_only=True, converter=_id)
    args: tuple[Any, ...] = attrs.field(kw_only=True, default=(), converter=_args)
    kwargs: Mapping[str, Any] = attrs.field(kw_only=True, default=convert.EMPTY_MAPPING, converter=_kwargs)
    paused: bool = attrs.field(kw_only=True, default=False, converter=_paused)
    coalesce: CoalescePolicy = attrs.field(kw_only=True, default=CoalescePolicy.latest, converter=_coalesce)
    misfire_grace_time: timedelta | UnsetType | None = attrs.field(
        kw_only=True, default=UNSET, converter=convert.misfire_grace_time
    )
    max_catchup: int = attrs.field(kw_only=True, default=100, converter=_max_catchup)
    max_jitter: timedelta | None = attrs.field(kw_only=True, default=None, converter=_max_jitter)
    job_executor: str | UnsetType | None = attrs.field(
        kw_only=True, default=UNSET, converter=convert.job_executor
    )
    job_result_expiration_time: timedelta = attrs.field(
        kw_only=True, default=convert.NO_TIME, converter=_expiration
    )
    metadata: Mapping[str, Any] = attrs.field(
        kw_only=True, default=convert.EMPTY_MAPPING, converter=convert.metadata
    )
    group: str | None = attrs.field(kw_only=True, default=None, converter=convert.group)
    tags: frozenset[str] = attrs.field(kw_only=True, default=convert.NO_NAMES, converter=convert.tags)
    owner: str | None = attrs.field(kw_only=True, default=None, converter=convert.owner)
    pause_after_failures: int | None = attrs.field(
        kw_only=True, default=None, converter=_pause_after_failures
    )
    probe_after: timedelta | None = attrs.field(kw_only=True, default=None, converter=_probe_after)
    fixed_delay: bool = attrs.field(kw_only=True, default=False, converter=_fixed_delay)

    def __attrs_post_init__(self) -> None:
        if self.probe_after is not None and self.pause_after_failures is None:
            raise ValueError("probe_after says how long a pause lasts: give `pause_after_failures` as well")
        if self.fixed_delay and self.coalesce is CoalescePolicy.all:
            raise ValueError(
                "fixed_delay counts from the end of the last run, so that no two are due at a time: coalesce must be"
                " 'latest' or 'earliest'"
            )

    def resolved(self, task_id: str, trigger: Trigger) -> Schedule:
        """Return this with the task by name, and a trigger that is bound; written out, as very many may be added."""
        return Schedule(
            task_id,
            trigger,
            id=self.id,
            args=self.args,
            kwargs=self.kwargs,
            paused=self.paused,
            coalesce=self.coalesce,
            misfire_grace_time=self.misfire_grace_time,
            max_catchup=self.max_catchup,
            max_jitter=self.max_jitter,
            job_executor=self.job_executor,
            job_result_expiration_time=self.job_result_expiration_time,
            metadata=self.metadata,
            group=self.group,
            tags=self.tags,
            owner=self.owner,
            pause_after_failures=self.pause_after_failures,
            probe_after=self.probe_after,
            fixed_delay=self.fixed_delay,
        )

    @property
    def task_id(self) -> str:
        """The name of the task."""
        reference = self.func_or_task_id
        return reference if isinstance(reference, str) else callable_name(reference)


@attrs.frozen
class Pause:
    """Why a schedule does not run, and how it will go on (rules P2, P10 and H2).

    :ivar since: when it was paused
    :ivar until: from when on it counts as resumed; None for an open end
    :ivar reason: free text
    :ivar by: who paused it
    :ivar queued: what became of the jobs that were queued; some may be held only under "hold"
    :ivar resume_from: where to go on at ``until``
    :ivar missed: what to do then about the fire times that passed
    :ivar hold: the id of the hold that pauses it with others; None for a pause of its own
    :ivar kind: what paused it: a person, maintenance, failures
    """

    since: datetime
    until: datetime | None = None
    reason: str | None = attrs.field(default=None, converter=convert.reason)
    by: str | None = attrs.field(default=None, converter=convert.by)
    queued: Queued = "keep"
    resume_from: ResumeFrom = None
    missed: Missed = "policy"
    hold: str | None = None
    kind: PauseKind = "manual"

    def is_over(self, now: datetime) -> bool:
        """Return whether it has ended by itself (rule P10)."""
        return self.until is not None and self.until <= now


@quick
@attrs.frozen(kw_only=True)
class ScheduleState:
    """What the scheduler keeps about a schedule. Written by the scheduler only.

    :ivar incarnation: made anew by each add of a new schedule (rule S3)
    :ivar revision: grows with every write (rule S4)
    :ivar anchor: the start of a trigger that names none of its own (rule T3)
    :ivar next_fire_time: the cursor; None when the trigger has nothing left, or the schedule waits (rule S9)
    :ivar due_at: the cursor with its jitter (rule T8)
    :ivar last_fire_time: the latest fire time that got a job
    :ivar pauses: what pauses it: its own pause, holds on sets of schedules that it belongs to; empty unless paused
    :ivar error: why the schedule was set aside (rule S2)
    :ivar jobs_made: how many regular jobs were made
    :ivar skipped: how many fire times got no job, by reason (rule L3)
    :ivar skipped_exact: False when a count in ``skipped`` is only a lower bound
    :ivar failures: how many regular jobs in a row have failed; counted with ``pause_after_failures`` (rule B1)
    :ivar occurrences: fire times that were skipped or moved by name, in order; ``next_fire_time`` is none of them
    :ivar windows: the windows that mean the schedule, and those that did not long ago, while fire times that were in
        them are not dealt with (rule W4)
    :ivar windowed_until: up to when, inclusive, fire times in windows are counted as skipped; None without windows
    :ivar backfills: those that are not over, and the latest that are, in the order in which they were asked for
    :ivar waiting: the jobs whose ends it waits for before it has a next fire time (rule S9); None if it does not
    """

    incarnation: UUID
    revision: int
    anchor: datetime
    next_fire_time: datetime | None
    due_at: datetime | None
    last_fire_time: datetime | None = None
    pauses: tuple[Pause, ...] = ()
    error: str | None = None
    jobs_made: int = 0
    skipped: Mapping[SkipReason, int] = attrs.field(default=NOTHING_SKIPPED, converter=_skipped)
    skipped_exact: bool = True
    failures: int = 0
    occurrences: tuple[Occurrence, ...] = ()
    windows: tuple[Window, ...] = ()
    windowed_until: datetime | None = None
    backfills: tuple[Backfill, ...] = ()
    waiting: Waiting | None = None

    @property
    def version(self) -> str:
        """Tells this state from every other that the schedule, or one of the same id, ever had (rule S4)."""
        return f"{self.incarnation.hex}.{self.revision}"

    @property
    def paused(self) -> bool:
        """Whether a pause exists."""
        return bool(self.pauses)

    @property
    def pause(self) -> Pause | None:
        """The pause that ends last, of those without an end the latest: the schedule goes on when, and as, it says.

        None unless paused (rule H3).
        """
        last: Pause | None = None
        for pause in self.pauses:
            if last is None or pause.until is None or (last.until is not None and last.until <= pause.until):
                last = pause
        return last

    def with_pauses(self, pauses: tuple[Pause, ...]) -> ScheduleState:
        """Return the next state, in which only this is different; written out, as very many may be paused at once."""
        return ScheduleState(
            incarnation=self.incarnation,
            revision=self.revision + 1,
            anchor=self.anchor,
            next_fire_time=self.next_fire_time,
            due_at=self.due_at,
            last_fire_time=self.last_fire_time,
            pauses=pauses,
            error=self.error,
            jobs_made=self.jobs_made,
            skipped=self.skipped,
            skipped_exact=self.skipped_exact,
            failures=self.failures,
            occurrences=self.occurrences,
            windows=self.windows,
            windowed_until=self.windowed_until,
            backfills=self.backfills,
            waiting=self.waiting,
        )

    @property
    def status(self) -> ScheduleStatus:
        """The first that holds of error, finished, paused and active (rule S2)."""
        if self.error is not None:
            return ScheduleStatus.error
        if self._has_nothing_left:
            return ScheduleStatus.finished
        return ScheduleStatus.paused if self.pauses else ScheduleStatus.active

    @property
    def wake_at(self) -> datetime | None:
        """The next instant at which there is something to decide: the one definition of "due" (rule S5).

        A schedule whose backfill has a job to make, or whose wait is over, is looked at at once, unless it is set
        aside; otherwise when there is something to decide about its fire times.
        """
        if (
            not (self.pauses or self.occurrences or self.backfills)
            and self.waiting is None
            and self.error is None
        ):
            return self.due_at  # as most are
        if self.waiting is not None and self.waiting.is_over and self.error is None:
            return self.waiting.ended_at
        if self.backfills and self.error is None:
            since = [backfill.since for backfill in self.backfills if backfill.has_room]
            if since:
                return min(since)
        return self.turn_at

    @property
    def turn_at(self) -> datetime | None:
        """The next instant at which there is something to decide about fire times.

        An active schedule is looked at when its fire time, or one that was moved, is due, a paused one when its
        pause ends, any other never; nor is one that waits for the end of a job, unless it is paused.
        """
        if not self.pauses and not self.occurrences and self.waiting is None and self.error is None:
            return self.due_at  # as most are: it is asked for several times at each firing
        if self.error is not None or self._has_nothing_left:
            return None
        if (pause := self.pause) is not None:
            return pause.until
        if self.waiting is not None:
            return None
        return self._first_due() if self.occurrences else self.due_at

    @property
    def _has_nothing_left(self) -> bool:
        return self.next_fire_time is None and not self.occurrences and self.waiting is None

    def _first_due(self) -> datetime | None:
        cursor = self.next_fire_time
        instants = [occurrence.wakes_at(cursor) for occurrence in self.occurrences]
        if cursor is not None:
            instants.append(self.due_at)
        return min((instant for instant in instants if instant is not None), default=None)


@quick
@attrs.frozen
class ScheduleSnapshot:
    """A schedule and its state as they were at one moment.

    :ivar fault: why the stored configuration cannot be used on this node, if so; ``schedule`` then has
        placeholders in place of what could not be read
    """

    schedule: Schedule
    state: ScheduleState
    fault: str | None = None

    @property
    def id(self) -> str:
        """The id of the schedule."""
        return self.schedule.id

    @property
    def task_id(self) -> str:
        """The name of its task."""
        return self.schedule.task_id

    @property
    def trigger(self) -> Trigger:
        """Its trigger."""
        return self.schedule.trigger

    @property
    def status(self) -> ScheduleStatus:
        """The first that holds of error, finished, paused and active (rule S2)."""
        return self.state.status

    @property
    def paused(self) -> bool:
        """Whether a pause exists."""
        return self.state.paused

    @property
    def next_fire_time(self) -> datetime | None:
        """Its next fire time but those that were moved; frozen while paused, None when there is none, or none yet."""
        return self.state.next_fire_time

    @property
    def waits_for(self) -> tuple[UUID, ...]:
        """The jobs whose ends it waits for before it has a next fire time (rule S9); empty if it does not."""
        return () if self.state.waiting is None else self.state.waiting.jobs

    @property
    def last_fire_time(self) -> datetime | None:
        """The latest fire time that got a job."""
        return self.state.last_fire_time
