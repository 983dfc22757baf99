"""The next runs of a schedule: what is to come, without all that will not run (rules G2 and T11)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import attrs

from anysched.errors import TriggerError
from anysched.model.history import FireTime
from anysched.model.job import Job
from anysched.model.policies import JobKind, JobStatus
from anysched.model.snapshot import ScheduleSnapshot
from anysched.rules.foreseeing import foresee
from anysched.rules.outlooks import Outlook
from anysched.rules.pausing import after, settle_and_fire
from anysched.rules.telling import Known, of_job
from anysched.rules.times import BEGINNING

#: So many fire times that will not run are passed over for each run that is asked for.
_PASSED_OVER: Final = 64


def upcoming(known: Known, start: datetime | None, end: datetime | None, count: int) -> list[FireTime]:
    """Tell of the next runs, in the order in which they are due: of jobs that wait, and of those that will be made.

    What is late is told as a node would decide about it now. Told is what runs as things stand: nothing of what a pause
    without an end holds back, of what windows leave out, or of what was skipped by name; and nothing that was asked for
    by hand or belongs to a backfill.

    :param start: only fire times from this instant on; None for all that have not run
    :param end: only fire times up to this instant; None for no end
    :raise TriggerError: when the trigger of the schedule does not work, and it was not set aside for that
    """
    first = BEGINNING if start is None else start
    runs = [of_job(job) for job in known.jobs if _waits(job)]
    snapshot = known.snapshot
    if snapshot.fault is None and snapshot.state.error is None:
        change = settle_and_fire(snapshot, known.options, known.now, snapshot.schedule.max_catchup)
        runs += [told for job in change.jobs for told in _late(job)]
        snapshot = after(snapshot, change)
        if snapshot.state.error is not None:
            raise TriggerError(snapshot.state.error)
        runs += _ahead(known, snapshot, Outlook(now=known.now, start=first, end=end, most=count))
    told = [one for one in runs if one.first >= first and (end is None or one.first <= end)]
    return sorted(told, key=lambda one: (one.due_at or one.first, one.first))[:count]


def _ahead(known: Known, snapshot: ScheduleSnapshot, outlook: Outlook) -> list[FireTime]:
    """Tell of the runs that no job was made for: of more fire times, as long as too few of these will run."""
    count, before = outlook.most, -1
    while True:
        told = foresee(snapshot, known.options, outlook)
        runs = [one for one in told if one.status == "planned" and one.kind is None]
        if len(runs) >= count or len(told) == before or outlook.most >= count * _PASSED_OVER:
            return runs
        before, outlook = len(told), attrs.evolve(outlook, most=outlook.most * 2)


def _waits(job: Job) -> bool:
    return job.kind is JobKind.regular and job.status is JobStatus.queued


def _late(job: Job) -> list[FireTime]:
    """Tell of a fire time that a node would make a job of now."""
    found = job.scheduled_fire_time
    return [] if found is None else [FireTime(first=found, last=found, status="late", due_at=job.run_at)]
