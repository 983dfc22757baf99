"""What there is to do, now and later (rule S5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

import attrs
import sqlalchemy as sa

from anysched.model.task import Task
from anysched.ports.store import AdvanceRequest
from anysched.stores.sql.columns import to_instant
from anysched.stores.sql.heads import Heads
from anysched.stores.sql.jobs import Jobs, Room
from anysched.stores.sql.leases import Leases, Node
from anysched.stores.sql.schedules import Mine, Schedules
from anysched.stores.sql.tasks import Tasks


@attrs.frozen
class Outlook:
    """What there is to do, now and later: asked before a pass to see whether to write at all, and after it.

    :ivar gone: other nodes that have jobs and whose lease has run out
    :ivar first_wake: when the first schedule has to be looked at
    :ivar first_of_all: the same, of schedules that this node cannot fire, too
    :ivar room: tasks with queued jobs that could start now, and how many of each
    :ivar backlog: jobs that this node could run wait for capacity or for a limit of their task
    :ivar later: other instants at which there will be something to do
    """

    gone: Sequence[Node]
    first_wake: int | None
    first_of_all: int | None
    room: Room
    backlog: bool
    later: Sequence[int]

    def is_due(self, now: int) -> bool:
        """Return whether a schedule has to be looked at."""
        return self.first_wake is not None and self.first_wake <= now

    def passes_over(self, now: int) -> bool:
        """Return whether schedules are due, and none of them is for this node."""
        return self.first_of_all is not None and self.first_of_all <= now and not self.is_due(now)

    def next_wake(self, look_again: int | None = None) -> datetime | None:
        """Return the first instant at which there will be something to do.

        :param look_again: when to look what has become of work that others have locked, and not before
        """
        wakes = [*self.later] if self.first_wake is None else [*self.later, self.first_wake]
        if look_again is not None:
            wakes = [look_again, *(max(wake, look_again) for wake in wakes)]
        return to_instant(min(wakes)) if wakes else None


class Lookout:
    """Looks at what there is to do, on the connection of a transaction."""

    def __init__(self, schedules: Schedules, jobs: Jobs, tasks: Tasks, leases: Leases) -> None:
        self._schedules = schedules
        self._jobs = jobs
        self._tasks = tasks
        self._leases = leases

    def look(
        self,
        connection: sa.Connection,
        request: AdvanceRequest,
        mine: Mine,
        now: int,
        nodes: Sequence[Node],
        heads: Heads,
        tasks: Mapping[str, Task] | None = None,
    ) -> Outlook:
        """Return what there is to do for a node, by the same conditions that select work (rule S5)."""
        gone = gone_nodes(nodes, now)
        later = [node.lease_until for node in nodes if node.has_jobs and node not in gone]
        plans = request.plan_limit > 0
        queued = heads.read(*([self._schedules.wakes(mine)] if plans else []))
        first_wakes = self._schedules.first_wakes(connection, mine) if plans else (None, None)
        room: dict[str, int | None] = {}
        backlog = False
        if queued:
            takes = request.claim_limit > 0 and not self._leases.has_to_notice(request.node, nodes)
            known = self._tasks.all(connection) if tasks is None else tasks
            for name, free, head in self.free(connection, request, known, queued):
                backlog = backlog or head <= now or free == 0
                if takes and free != 0:
                    if head <= now:
                        room[name] = free
                    else:
                        later.append(head)
        return Outlook(gone, *first_wakes, room, backlog, later)

    def free(
        self,
        connection: sa.Connection,
        request: AdvanceRequest,
        tasks: Mapping[str, Task],
        queued: Sequence[tuple[str, int]],
        *,
        lock: bool = False,
    ) -> list[tuple[str, int | None, int]]:
        """Return tasks with queued jobs: how many may start, and when the first can (rule J5).

        :param lock: let nobody else take jobs of a task with a limit until this transaction ends; those of which
            somebody else takes jobs now are left out
        """
        limits = {name: request.policy.max_running_jobs(tasks.get(name)) for name, _ in queued}
        if lock:
            limited = [name for name, limit in limits.items() if limit is not None]
            elsewhere = set(limited) - self._tasks.lock(connection, limited, tasks)
            queued = [(name, head) for name, head in queued if name not in elsewhere]
        running = self._jobs.running(connection) if any(limits.values()) else Counter[str]()
        free: list[tuple[str, int | None, int]] = []
        for name, head in queued:
            limit = limits[name]
            free.append((name, None if limit is None else max(0, limit - running[name]), head))
        return free


def gone_nodes(nodes: Sequence[Node], now: int) -> list[Node]:
    """Return the other nodes whose lease has run out, and who have jobs that somebody else must take (rule J2)."""
    return [node for node in nodes if node.has_jobs and node.lease_until <= now]
