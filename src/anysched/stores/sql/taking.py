"""Jobs that a node takes as they are made.

They are never in the queue, whose index does not fill with what has left it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

import sqlalchemy as sa

from anysched.errors import StoreUnavailableError
from anysched.model.job import Claim, Job
from anysched.model.task import Task
from anysched.ports.store import AdvanceRequest
from anysched.rules.taking import can_take
from anysched.stores.sql.ahead import Question, ask, ask_together
from anysched.stores.sql.columns import FIRST, from_duration, from_instant
from anysched.stores.sql.heads import Heads
from anysched.stores.sql.jobs import Jobs
from anysched.stores.sql.leases import Leases, Node


class Taking:
    """Tells whether a node may take jobs as they are made: it has room for them, and nothing waits before them.

    :param present: tells the store's present
    """

    def __init__(self, jobs: Jobs, leases: Leases, present: Callable[[], datetime]) -> None:
        self._jobs = jobs
        self._leases = leases
        self._present = present
        self._doubtful: set[str] = set()

    def questions(self, request: AdvanceRequest) -> list[Question]:
        """Return what is asked before a node takes jobs in a transaction of users, the lock on its lease first."""
        node, tasks = request.node, request.tasks
        return [self._leases.lock(node), self._leases.question(node), self._jobs.queued(tasks, FIRST)]

    def takes(
        self,
        connection: sa.Connection,
        request: AdvanceRequest,
        tasks: Mapping[str, Task],
        jobs: Sequence[Job],
        present: datetime,
        releases: Collection[str] = (),
    ) -> bool:
        """Return whether a node takes all jobs that a transaction of users is about to write, and give it its lease.

        :param releases: schedules whose held jobs go back to the queue then, before these jobs
        """
        if not _can_take(request, jobs, tasks, present):
            return False
        held = [self._jobs.held_ones(releases)] if releases else []
        ask_together(connection, [*self.questions(request), *held])
        self._leases.keep(connection, request.node)
        nodes = self._leases.nodes(connection, request.node)
        heads = Heads(self._jobs, connection, request.tasks)
        if not self._is_next(request, nodes, heads, present):
            return False
        if any(ask(connection, question) for question in held):
            return False
        self.grant(connection, request)
        return True

    def may_take(
        self,
        request: AdvanceRequest,
        nodes: Sequence[Node],
        tasks: Mapping[str, Task],
        heads: Heads,
        jobs: Sequence[Job],
        present: datetime,
    ) -> bool:
        """Return whether a node may take all of these jobs."""
        return _can_take(request, jobs, tasks, present) and self._is_next(request, nodes, heads, present)

    def _is_next(
        self, request: AdvanceRequest, nodes: Sequence[Node], heads: Heads, present: datetime
    ) -> bool:
        """Return whether nothing waits before what a node could take, and it knows of all that it has."""
        return (
            not self.is_doubtful(request.node)
            and not self._leases.has_to_notice(request.node, nodes)
            and all(head > from_instant(present) for _, head in heads.read())
        )

    def grant(self, connection: sa.Connection, request: AdvanceRequest) -> None:
        """Give a node its lease. It begins now, as the transaction may have waited: none may become shorter by it."""
        until = from_instant(self._present()) + from_duration(request.lease)
        self._leases.grant(connection, request.node, until)

    def took(self, node: str, claims: Sequence[Claim]) -> None:
        """Remember that a node has taken jobs."""
        if claims:
            self._leases.took(node, (claim.job.id for claim in claims))

    # A node whose transaction got no answer may have taken jobs without having been told.

    def is_doubtful(self, node: str) -> bool:
        """Return whether a node may have jobs that it does not know of."""
        return node in self._doubtful

    @contextmanager
    def doubting(self, request: AdvanceRequest | None) -> Generator[None]:
        """Note it when the answer to a transaction is lost, by which a node may take jobs."""
        try:
            yield
        except StoreUnavailableError:
            if request is not None and request.claim_limit:  # the answer to a commit may be what was lost
                self._doubtful.add(request.node)
            raise

    def is_told(self, node: str) -> None:
        """Note that a node knows of all its jobs."""
        self._doubtful.discard(node)


def _can_take(
    request: AdvanceRequest, jobs: Sequence[Job], tasks: Mapping[str, Task], present: datetime
) -> bool:
    def limit(name: str) -> int | None:
        return request.policy.max_running_jobs(tasks.get(name))

    return can_take(jobs, present, request.claim_limit, request.tasks, limit)
