"""Jobs on their last attempt, one of which may be what ends the nodes that run it (rule J3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import sqlalchemy as sa

from anysched.model.job import Job
from anysched.model.task import Task
from anysched.ports.store import AdvanceRequest
from anysched.stores.sql.jobs import Jobs, Room, Row
from anysched.stores.sql.statements import JOB_COLUMNS

ATTEMPT: Final = JOB_COLUMNS.split(", ").index("attempt")


class Suspects:
    """Chooses the jobs that a node takes.

    All jobs of a node that ends lose an attempt, though only one of them ended it. They would stay together, and be
    abandoned together: so of those that have only one attempt left, a node runs no two at a time.
    """

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    def ready(
        self,
        connection: sa.Connection,
        request: AdvanceRequest,
        tasks: Mapping[str, Task],
        room: Room,
        since: int,
        now: int,
    ) -> list[Row]:
        """Return rows of jobs that may start on this node, the oldest first.

        :param since: when the first of them may start
        """
        asked = request.claim_limit
        while True:
            rows = self._jobs.ready(connection, since, now, room, asked)
            suspects = [row for row in rows if self._is_one(row, request, tasks)]
            spared = suspects if suspects and self._has_one(connection, request, tasks) else suspects[1:]
            taken = [row for row in rows if row not in spared][: request.claim_limit]
            if len(taken) == request.claim_limit or len(rows) < asked:
                return taken
            asked += len(spared)  # what is behind them does not wait for them

    def _is_one(self, row: Row, request: AdvanceRequest, tasks: Mapping[str, Task]) -> bool:
        return row[ATTEMPT] > 1 and is_last(self._jobs.read(row).job, request, tasks)

    def _has_one(self, connection: sa.Connection, request: AdvanceRequest, tasks: Mapping[str, Task]) -> bool:
        mine = self._jobs.of_node(connection, request.node)
        return any(is_last(stored.job, request, tasks) for stored in mine)


def is_last(job: Job, request: AdvanceRequest, tasks: Mapping[str, Task]) -> bool:
    """Return whether a job was left behind so often that it is not started again after this attempt."""
    return job.attempt > 1 and not request.policy.retries(job, tasks.get(job.task_id))
