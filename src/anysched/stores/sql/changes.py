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
from anysched.stores.sql.jobs import PAYLOAD, Jobs
from anysched.stores.sql.ledger import Ledger
from anysched.stores.sql.results import Results
from anysched.stores.sql.schedules import Schedules, StoredSchedule

Fate = QueuedFate | Literal["remove"]

Row = tuple[Any, ...]


@passing
class Decided:
    """A change, what it was decided from, and the configuration that comes with it.

    :ivar rows: what is written of it, if that is no more than where the schedule stands and jobs; ``stored`` is None
        then, as nobody needs it: a pass decides about hundreds of schedules, and keeps few objects of each
    """

    stored: StoredSchedule | None
    change: Change
    config: StoredConfig | None = None
    rows: tuple[Row, ...] = ()


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

    def encode(self, stored: Sequence[StoredSchedule], changes: Sequence[Change]) -> list[Decided]:
        """Return changes with their rows where these are all that is needed to write it, as of most firings."""
        return [self._encode(one, change) for one, change in zip(stored, changes, strict=False)]

    def _encode(self, stored: StoredSchedule, change: Change) -> Decided:
        if change.state is None or change.queued or change.dropped is not None or change.removed:
            return Decided(stored, change)
        moved = self._schedules.moved(stored, change.state)
        if moved is None:
            return Decided(stored, change)
        rows = [moved]
        for job in change.jobs:
            rows.append(row := self._jobs.encode(job, stored.config))
            if not _is_fixed(row, stored.config):
                return Decided(stored, change)
        return Decided(None, change, None, tuple(rows))

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
        moved = [one.rows[0] for one in decided if one.rows]
        self._schedules.write(
            connection, [(one.stored, one.change, one.config) for one in decided if not one.rows], moved
        )
        rows: list[Row] = []
        made: dict[str, Job] = {}
        own: dict[str, bytes] = {}  # what other jobs are run with
        for one in decided:
            config = None if one.stored is None else one.stored.config
            mine = one.rows[1:] or [self._jobs.encode(job, config) for job in one.change.jobs]
            for job, row in zip(one.change.jobs, mine, strict=True):
                if one.rows or _is_fixed(row, config):
                    made[row[0]] = job
                else:
                    own[row[0]] = row[PAYLOAD]
            rows += mine
        changes = [one.change for one in decided]
        self._ledger.changed(connection, changes)
        if all(one.stored is None and not one.rows for one in decided):
            # No fire time of what is new can have a job.
            self._jobs.insert(connection, rows, taken_by)
            missing: Callable[[], frozenset[str]] = frozenset[str]
        else:
            missing = self._jobs.insert_fired(connection, rows, taken_by)

        @cache
        def written() -> Written:
            taken = missing()
            left = [_without(change, taken) for change in changes] if taken else changes
            if taken_by is None:
                return Written(left, ended, made)
            claims = [
                self._jobs.first_claim(job, own[job.id.hex]) if own and job.id.hex in own else Claim(job, 1)
                for change in left
                for job in change.jobs
            ]
            claims.sort(key=lambda claim: (claim.job.run_at, claim.job.id.int))
            return Written(left, ended, made, claims)

        return written

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


def _is_fixed(row: Row, config: Config | None) -> bool:
    """Return whether no job can change what a job of this row is run with."""
    payload = row[PAYLOAD]
    return payload is None or (config is not None and config.shared and payload is config.payload)


def _without(change: Change, taken: frozenset[str]) -> Change:
    left = tuple(job for job in change.jobs if job.id.hex not in taken)
    return change if len(left) == len(change.jobs) else attrs.evolve(change, jobs=left)
