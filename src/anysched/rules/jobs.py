"""Making jobs from schedules."""

from __future__ import annotations

from datetime import datetime

import attrs

from anysched.model.backfill import Backfill
from anysched.model.ids import new_id
from anysched.model.job import Job
from anysched.model.options import EffectiveOptions
from anysched.model.policies import JobKind
from anysched.model.quick import maker
from anysched.model.snapshot import ScheduleSnapshot
from anysched.rules.instants import later

_new_job = maker(Job)


def regular_job(
    snapshot: ScheduleSnapshot,
    options: EffectiveOptions,
    fire_time: datetime,
    due_at: datetime,
    now: datetime,
    *,
    run_at: datetime | None = None,
    deadline_from: datetime | None = None,
) -> Job:
    """Return the job of a fire time.

    It starts when it was due, or from ``run_at`` on. Its start deadline counts from when it was due, or from
    ``deadline_from`` (rule L4).

    :param due_at: the fire time with its jitter
    """
    grace = options.misfire_grace_time
    deadline = None if grace is None else later(deadline_from or due_at, grace)
    return _job(snapshot, options, now, JobKind.regular, run_at or due_at, fire_time, deadline)


def manual_job(snapshot: ScheduleSnapshot, options: EffectiveOptions, now: datetime) -> Job:
    """Return a job that somebody asked for by hand (rule S3): it has no fire time and no deadline."""
    return _job(snapshot, options, now, JobKind.manual, now)


def backfill_job(
    snapshot: ScheduleSnapshot,
    options: EffectiveOptions,
    backfill: Backfill,
    fire_time: datetime,
    now: datetime,
) -> Job:
    """Return a job of a backfill (rule F2): it has a fire time and no deadline, and its end counts."""
    job = _job(snapshot, options, now, JobKind.backfill, now, fire_time)
    return attrs.evolve(job, counted=True, backfill=backfill.id)


def _job(
    snapshot: ScheduleSnapshot,
    options: EffectiveOptions,
    now: datetime,
    kind: JobKind,
    run_at: datetime,
    fire_time: datetime | None = None,
    deadline: datetime | None = None,
) -> Job:
    schedule, is_regular = snapshot.schedule, kind is JobKind.regular
    return _new_job(
        new_id(now),
        schedule.task_id,
        run_at,
        now,
        schedule.args,
        schedule.kwargs,
        kind,
        schedule.id,
        snapshot.state.incarnation,
        fire_time,
        deadline,
        1,
        options.job_executor,
        schedule.job_result_expiration_time,
        schedule.metadata,
        counted=is_regular and schedule.pause_after_failures is not None,
        recorded=options.recorded,
        awaited=is_regular and schedule.fixed_delay,
    )
