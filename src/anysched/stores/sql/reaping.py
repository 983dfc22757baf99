"""Taking over the jobs of nodes that are gone (rules J2 and J3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import attrs
import sqlalchemy as sa

from anysched.model.change import Change
from anysched.model.job import EndedJob, Job
from anysched.model.task import Task
from anysched.ports.store import AdvanceRequest
from anysched.rules.running import abandoned, cancelled, next_attempt
from anysched.stores.sql.columns import from_instant
from anysched.stores.sql.counting import Counting
from anysched.stores.sql.jobs import Jobs
from anysched.stores.sql.leases import Leases, Node
from anysched.stores.sql.results import Results


@attrs.frozen
class Reaped:
    """What became of the jobs of nodes that are gone.

    :ivar nodes: those whose jobs were taken
    :ivar ended: jobs that are not started again
    :ivar released: jobs that are in the queue again
    :ivar changes: of schedules whose jobs were counted (rules B1 and F3)
    """

    nodes: set[str] = attrs.Factory(set[str])
    ended: list[EndedJob] = attrs.Factory(list[EndedJob])
    released: list[Job] = attrs.Factory(list[Job])
    changes: list[Change] = attrs.Factory(list[Change])


class Reaping:
    """Takes jobs over, on the connection of a transaction."""

    def __init__(self, jobs: Jobs, leases: Leases, results: Results, counting: Counting) -> None:
        self._jobs = jobs
        self._leases = leases
        self._results = results
        self._counting = counting

    def __call__(
        self,
        connection: sa.Connection,
        request: AdvanceRequest,
        gone: Iterable[Node],
        tasks: Mapping[str, Task],
        present: datetime,
    ) -> Reaped:
        """Take the jobs of each node, unless it has renewed its lease, or somebody else is at it."""
        reaped, now = Reaped(), from_instant(present)
        for node in gone:
            if self._leases.take_over(connection, node.id, now):
                self._reap(connection, request, node, tasks, present, reaped)
        return reaped

    def _reap(
        self,
        connection: sa.Connection,
        request: AdvanceRequest,
        node: Node,
        tasks: Mapping[str, Task],
        present: datetime,
        reaped: Reaped,
    ) -> None:
        """Take the jobs of a node: back into the queue, or to their end.

        Not where its last transaction has some of them locked, or schedules whose failures they are: it will end, or
        be ended. A node loses all of its jobs at once, or none: with its lease it would keep what it has not lost, and
        not notice the rest.
        """
        found = self._jobs.all_of_node(connection, node.id)
        if found is None:
            return
        back: list[Job] = []
        over: list[EndedJob] = []
        for stored in found:
            if stored.cancel_requested:
                over.append(cancelled(stored.job, present))
            elif request.policy.retries(stored.job, tasks.get(stored.job.task_id)):
                back.append(next_attempt(stored.job))
            else:
                over.append(abandoned(stored.job, present))
        counted = self._counting.lock(connection, over)
        if counted.locked_out:
            return
        self._jobs.requeue(connection, back)
        self._jobs.delete(connection, (end.job.id for end in over))
        self._results.keep(connection, over, node.id)
        written = self._counting.write(connection, counted, request.policy, present)
        self._leases.drop(connection, node.id)
        reaped.nodes.add(node.id)
        reaped.released.extend(back)
        reaped.ended.extend([*over, *written.ended])
        reaped.changes.extend(written.changes)
