"""Which ends of jobs their schedules are asked about (rules B1, F3 and S9)."""

from __future__ import annotations

from collections.abc import Iterable

from anysched.model.job import EndedJob, Job
from anysched.rules import breaking


def may_count(job: Job) -> bool:
    """Return whether there is any end of a job that ``counts``."""
    return job.awaited or job.counted


def counts(end: EndedJob) -> bool:
    """Return whether the end of a job may change its schedule: that of a backfill, or of one that is awaited, always.

    Others do as rule B1 says.
    """
    return end.job.awaited or breaking.counts(end) or is_of_backfill(end)


def surely_counts(end: EndedJob) -> bool:
    """Return whether it changes the schedule whatever that looks like; a success does so only after failures."""
    return end.job.awaited or is_of_backfill(end) or (breaking.counts(end) and breaking.is_failure(end))


def is_of_backfill(end: EndedJob) -> bool:
    """Return whether a job was made by a backfill."""
    return end.job.counted and end.job.backfill is not None


def by_schedule(ends: Iterable[EndedJob]) -> dict[str, list[EndedJob]]:
    """Return the ends that count, by the ids of their schedules."""
    found: dict[str, list[EndedJob]] = {}
    for end in ends:
        if counts(end) and end.job.schedule_id is not None:
            found.setdefault(end.job.schedule_id, []).append(end)
    return found
