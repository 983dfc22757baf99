"""What came, and is to come, of the fire times of a schedule, as one list (rule G2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Final
from uuid import UUID

import attrs

from anysched.model.backfill import Stretch
from anysched.model.history import FireTime, Record, RunRecord, SkipRecord
from anysched.model.job import Job
from anysched.model.options import EffectiveOptions
from anysched.model.policies import JobKind
from anysched.model.snapshot import ScheduleSnapshot
from anysched.rules.foreseeing import foresee, times_of
from anysched.rules.outlooks import Fate, Outlook, of_skip, stretch
from anysched.rules.spans import Exclusions
from anysched.rules.stretches import taken_by
from anysched.rules.times import END, TICK, FireTimes, RemainingFireTimes

_MILLISECOND: Final = timedelta(milliseconds=1)


@attrs.frozen(kw_only=True)
class Known:
    """What is stored about one life of a schedule, as it was at one moment.

    :ivar records: what its history says about a span of time
    :ivar oldest: from which fire time on there is a history; None if there is none
    :ivar jobs: its jobs that have not ended
    :ivar has_task: whether any node has made its task known
    :ivar now: the present
    """

    snapshot: ScheduleSnapshot
    options: EffectiveOptions
    records: Sequence[Record]
    oldest: datetime | None
    jobs: Sequence[Job]
    now: datetime
    has_task: bool = True

    @property
    def added(self) -> datetime:
        """When the schedule was added: the anchor unless a resume has moved it, else to the millisecond."""
        state = self.snapshot.state
        added = made_at(state.incarnation)
        return state.anchor if timedelta(0) <= state.anchor - added < _MILLISECOND else added


def made_at(identifier: UUID) -> datetime:
    """Return when an id was made, to the millisecond."""
    return datetime(1970, 1, 1, tzinfo=UTC) + (identifier.int >> 80) * _MILLISECOND


def tell(known: Known, start: datetime, end: datetime | None, most: int) -> list[FireTime]:
    """Return fire times in the order of time; spans that reach beyond the bounds are told as they are.

    :param end: None for the next ``most`` that are to come
    :raise TriggerError: when the trigger of the schedule does not work, and it was not set aside for that
    """
    past = [_of_record(record) for record in known.records]
    ended = {one.job_id for one in past}
    past += [of_job(job) for job in known.jobs if job.id not in ended]
    outlook = Outlook(now=known.now, start=start, end=end, most=most)
    ahead = foresee(known.snapshot, known.options, outlook)
    told = chain(past, _forgotten(known, start, end), ahead)
    found = [one for one in told if one.last >= start and (end is None or one.first <= end)]
    return sorted(found, key=lambda one: (one.first, one.last, one.due_at or one.first))


def _of_record(record: Record) -> FireTime:
    return of_skip(record) if isinstance(record, SkipRecord) else _of_run(record)


def _of_run(run: RunRecord) -> FireTime:
    return FireTime(
        first=run.first,
        last=run.last,
        status="ran",
        due_at=run.run_at,
        outcome=run.outcome,
        kind=run.kind,
        job_id=run.job_id,
        attempt=run.attempt,
        started_at=run.started_at,
        finished_at=run.finished_at,
        node=run.node,
        exception=run.exception,
    )


def of_job(job: Job) -> FireTime:
    """Return a job that has not ended as it is told."""
    first = job.run_at if job.scheduled_fire_time is None else job.scheduled_fire_time
    return FireTime(
        first=first,
        last=first,
        status=job.status.value,
        due_at=job.run_at,
        kind=job.kind,
        job_id=job.id,
        attempt=job.attempt,
        cause=None if job.backfill is None else str(job.backfill),
    )


def _forgotten(known: Known, start: datetime, end: datetime | None) -> Iterable[FireTime]:
    """Return the fire times before everything that is known of: what is gone is never made up (rule G3)."""
    if known.snapshot.fault is not None or known.snapshot.state.error is not None:
        return ()
    if known.snapshot.schedule.fixed_delay:  # which ones there were depends on runs that nothing is known of
        return ()
    times, windowed_until = first_times(known), known.snapshot.state.windowed_until
    known_of = [job.scheduled_fire_time for job in known.jobs if job.kind is not JobKind.backfill]
    known_of += [known.oldest, known.snapshot.state.next_fire_time]
    if windowed_until is not None and isinstance(times, RemainingFireTimes):
        # So far windows have been dealt with: what they left out by then is as unknown as anything else.
        times = attrs.evolve(times, exclusions=Exclusions.of(taken_by(known.snapshot.state.backfills)))
        known_of.append(min(windowed_until, END - TICK) + TICK)
    until = min(
        [min(known.now, END - TICK) + TICK, *(instant for instant in known_of if instant is not None)]
    )
    if end is not None:
        until = min(until, end + TICK)
    first = times.first(max(start, known.added))
    if first is None or first >= until:
        return ()
    exact = times.anchor == known.snapshot.state.anchor
    gone = stretch(times, first, until, Fate("unknown"), _backfilled(known))
    return [attrs.evolve(one, due_at=None, exact=one.exact and exact) for one in gone]


def _backfilled(known: Known) -> Iterable[Stretch]:
    """Return the fire times of which is known that a backfill has made their jobs."""
    jobs = {job.scheduled_fire_time for job in known.jobs if job.kind is JobKind.backfill}
    jobs |= {
        record.fire_time
        for record in known.records
        if isinstance(record, RunRecord) and record.kind is JobKind.backfill
    }
    return [(found, found) for found in jobs if found is not None]


def first_times(known: Known) -> FireTimes:
    """Return the fire times as they were when the schedule was added, as far as its trigger is still the same."""
    times = times_of(known.snapshot)
    return times if times.anchor <= known.added else attrs.evolve(times, anchor=known.added)
