"""Telling schedules how jobs of them ended, as part of what ends the jobs (rules B1 and F3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import attrs
import sqlalchemy as sa

from anysched.errors import SchemaVersionError
from anysched.model.job import EndedJob, Job
from anysched.ports.store import NodePolicy
from anysched.rules.ending import by_schedule, counts, surely_counts
from anysched.rules.running import cancelled
from anysched.stores.sql.changes import Changes, Decided, Written
from anysched.stores.sql.schedules import Schedules, StoredSchedule
from anysched.stores.sql.tasks import Tasks

NOTHING_WRITTEN = Written((), (), {})


@attrs.frozen
class Counted:
    """Schedules that are about to change because jobs of them have ended.

    :ivar ends: what ended, by the ids of the schedules
    :ivar stored: the schedules, locked
    :ivar locked_out: ids of those that somebody else has locked
    """

    ends: Mapping[str, Sequence[EndedJob]]
    stored: Mapping[str, StoredSchedule]
    locked_out: frozenset[str] = frozenset()


class Counting:
    """Counts, on the connection of a transaction that has the jobs locked.

    A success asks whether there is anything to begin anew, by their ids, and locks nothing if there is not. Jobs of
    schedules that are never paused by failures cost nothing at all. The end of a backfill's job always changes its
    schedule.
    """

    def __init__(self, schedules: Schedules, tasks: Tasks, changes: Changes) -> None:
        self._schedules = schedules
        self._tasks = tasks
        self._changes = changes

    def lock(self, connection: sa.Connection, ends: Sequence[EndedJob]) -> Counted:
        """Lock the schedules that change, passing over those that somebody else has locked.

        A node whose tables have become too new for it writes no schedule any more: it counts nothing.
        """
        counted = by_schedule(ends)
        wanted = {key for key, mine in counted.items() if any(map(surely_counts, mine))}
        wanted |= set(self._schedules.failing(connection, counted.keys() - wanted))
        if not wanted or not self._may_write(connection):
            return Counted({}, {})
        stored = self._schedules.unlocked(connection, wanted)
        missing = self._schedules.existing(connection, wanted - stored.keys())
        return Counted(counted, stored, frozenset(missing))

    def lock_first(self, connection: sa.Connection, job: Job, present: datetime) -> Counted:
        """Lock the schedule of a job that is about to be cancelled, before the job, if that counts.

        Who decides about a schedule locks it before its jobs that wait; in another order two would wait for each other.
        """
        end = cancelled(job, present)
        if job.schedule_id is None or not counts(end):
            return Counted({}, {})
        return Counted({job.schedule_id: [end]}, self._schedules.by_ids(connection, [job.schedule_id]))

    def wait(self, connection: sa.Connection, counted: Counted) -> Counted:
        """Wait until nobody else has the others locked."""
        waited = self._schedules.by_ids(connection, counted.locked_out)
        return attrs.evolve(counted, stored={**counted.stored, **waited}, locked_out=frozenset())

    def write(
        self, connection: sa.Connection, counted: Counted, policy: NodePolicy, present: datetime
    ) -> Written:
        """Decide about the schedules that are locked, and write that."""
        if not counted.stored:
            return NOTHING_WRITTEN
        tasks = self._tasks.all(connection)
        decided: list[Decided] = []
        for key, stored in sorted(counted.stored.items()):
            task = tasks.get(stored.snapshot.task_id)
            change = policy.ended(stored.snapshot, task, counted.ends[key], present)
            if change.state is not None:
                decided.append(Decided(stored, change))
        return self._changes.write(connection, decided, present) if decided else NOTHING_WRITTEN

    def _may_write(self, connection: sa.Connection) -> bool:
        try:
            self._tasks.check_node(connection)
        except SchemaVersionError:
            return False
        return True
