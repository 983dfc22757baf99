"""Writing what was decided about schedules, in a few statements however many there are (rule S3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Literal

import attrs
import sqlalchemy as sa

from anysched.model.change import Change, QueuedFate
from anysched.model.job import Claim, EndedJob, Job
from anysched.model.passing import passing
from anysched.model.state import ScheduleState
from anysched.rules.ending import by_schedule
from anysched.rules.running import cancelled
from anysched.rules.waiting import with_ends
from anysched.stores.sql.columns import from_instant
from anysched.stores.sql.configs import Config, StoredConfig
from anysched.stores.sql.jobs import Jobs
from anysched.stores.sql.ledger import Ledger
from anysched.stores.sql.results import Results
from anysched.stores.sql.schedules import Schedules, StoredSchedule

Fate = QueuedFate | Literal["remove"]


@passing
class Decided:
    """A change, what it was decided from, and the configuration that comes with it."""

    stored: StoredSchedule | None
    change: Change
    config: StoredConfig | None = None


@attrs.frozen
class Written:
    """What was written.

    :ivar changes: without jobs for fire times that have one already
    :ivar ended: queued jobs that ended with it
    :ivar made: jobs without arguments, or with such as nobody can change, by id; what others are run with is read from
        the store, so that no job can change what the next one gets
    :ivar claims: jobs that the node took as they were made
    """

    changes: Sequence[Change]
    ended: Sequence[EndedJob]
    made: Mapping[str, Job]
    claims: Sequence[Claim] = ()


class Changes:
    """Writes changes, on the connection of a transaction."""

    def __init__(self, schedules: Schedules, jobs: Jobs, results: Results, ledger: Ledger) -> None:
        self._schedules = schedules
        self._jobs = jobs
        self._results = results
        self._ledger = ledger

    def write(
        self,
        connection: sa.Connection,
        decided: Sequence[Decided],
        present: datetime,
        *,
        taken_by: str | None = None,
    ) -> Written:
        """Write changes of different schedules.

        :param taken_by: a node that takes all jobs as they are made, which then never are in the queue
        :raise Conflict: when a schedule was changed meanwhile (rule S4)
        """
        return self.begin(connection, decided, present, taken_by=taken_by)()

    def begin(
        self,
        connection: sa.Connection,
        decided: Sequence[Decided],
        present: datetime,
        *,
        taken_by: str | None = None,
    ) -> Callable[[], Written]:
        """Do the same, and return what tells what was written: it may be on its way until then."""
        ended = self._settle_queued(connection, decided, present)
        if ended:
            ends = by_schedule(ended)
            decided = [_told(one, ends.get(one.change.schedule_id, ()), present) for one in decided]
        self._schedules.write(connection, [(one.stored, one.change, one.config) for one in decided])
        rows: list[tuple[Any, ...]] = []
        made: dict[str, Job] = {}
        jobs: list[Job] = []
        for one in decided:
            for job in one.change.jobs:
                config = None if one.stored is None else one.stored.config
                row = self._row(job, config)
                rows.append(row if taken_by is None else self._jobs.claimed(row, taken_by))
                jobs.append(job)
                if row[-1] is None or (config is not None and config.shared and row[-1] is config.payload):
                    made[row[0]] = job
        changes = [one.change for one in decided]
        self._ledger.changed(connection, changes)
        if all(one.stored is None for one in decided):  # no fire time of what is new can have a job
            self._jobs.insert(connection, rows)
            missing: Callable[[], frozenset[str]] = frozenset
        else:
            missing = self._jobs.insert_fired(connection, rows)

        @cache
        def written() -> Written:
            taken = missing()
            left = [_without(change, taken) for change in changes] if taken else changes
            if taken_by is None:
                return Written(left, ended, made)
            claims = [
                Claim(job, 1) if row[0] in made else self._jobs.first_claim(job, row[-1])
                for job, row in zip(jobs, rows, strict=True)
                if row[0] not in taken
            ]
            claims.sort(key=lambda claim: (claim.job.run_at, claim.job.id))
            return Written(left, ended, made, claims)

        return written

    def _row(self, job: Job, config: Config | None) -> tuple[Any, ...]:
        return self._jobs.encode(job) if config is None else self._jobs.encode_fired(job, config)

    def _settle_queued(
        self, connection: sa.Connection, decided: Sequence[Decided], present: datetime
    ) -> list[EndedJob]:
        """Do to jobs that waited before what the changes say (rules P3, S4 and F3)."""
        fates: dict[tuple[Fate, ...], list[str]] = {}
        ended: list[EndedJob] = []
        for one in decided:
            if one.change.dropped is not None:
                jobs = self._jobs.take_waiting_of(connection, one.change.schedule_id, one.change.dropped)
                ended += [cancelled(job, present) for job in jobs]
            wanted: tuple[Fate, ...] = ("remove",) if one.change.removed else one.change.queued
            if wanted and one.stored is not None:
                fates.setdefault(wanted, []).append(one.change.schedule_id)
        for wanted, schedules in fates.items():
            for fate in wanted:
                if fate == "hold":
                    self._jobs.hold(connection, schedules, from_instant(present))
                elif fate == "release":
                    self._jobs.release(connection, schedules, from_instant(present))
                else:
                    jobs = self._jobs.take_waiting(connection, schedules, fate)
                    ended += [cancelled(job, present) for job in jobs]
        self._results.keep(connection, ended)
        return ended


def is_due(state: ScheduleState | None, now: datetime) -> bool:
    """Return whether a schedule has to be looked at."""
    return state is not None and state.wake_at is not None and state.wake_at <= now


def _told(one: Decided, ended: Sequence[EndedJob], present: datetime) -> Decided:
    """Return a change with what comes of the jobs that end by it (rule S9)."""
    stored = None if one.stored is None else one.stored.snapshot
    change = with_ends(one.change, stored, ended, present)
    return one if change is one.change else attrs.evolve(one, change=change)


def _without(change: Change, taken: frozenset[str]) -> Change:
    left = tuple(job for job in change.jobs if job.id.hex not in taken)
    return change if len(left) == len(change.jobs) else attrs.evolve(change, jobs=left)
