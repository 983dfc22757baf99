"""The pass that makes everything go on: reap, fire, claim, and say when to come again (rule S5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Final

import attrs
import sqlalchemy as sa

from anysched.model.change import Change
from anysched.model.job import Claim, Job
from anysched.model.policies import JobStatus
from anysched.model.task import Task
from anysched.ports.store import Advanced, AdvanceRequest
from anysched.stores.sql.ahead import Question
from anysched.stores.sql.changes import Changes, Decided, Written, is_due
from anysched.stores.sql.columns import FIRST, from_instant
from anysched.stores.sql.counting import Counting
from anysched.stores.sql.heads import Heads
from anysched.stores.sql.jobs import Jobs
from anysched.stores.sql.leases import Leases, Node
from anysched.stores.sql.outlook import Lookout, Outlook, gone_nodes
from anysched.stores.sql.reaping import Reaping
from anysched.stores.sql.results import Results
from anysched.stores.sql.schedules import PORTION, Mine, Schedules, Unknown
from anysched.stores.sql.session import Session
from anysched.stores.sql.suspects import Suspects
from anysched.stores.sql.taking import Taking
from anysched.stores.sql.tasks import Tasks

#: After how many microseconds to look again at work that others have locked: they have it done by then, or never.
LOOK_AGAIN: Final = 100_000


class Advancing:
    """Carries out passes, each in a thread."""

    def __init__(
        self,
        session: Session,
        schedules: Schedules,
        jobs: Jobs,
        tasks: Tasks,
        results: Results,
        leases: Leases,
        changes: Changes,
        counting: Counting,
        taking: Taking,
    ) -> None:
        self._session = session
        self._taking = taking
        self._schedules = schedules
        self._jobs = jobs
        self._tasks = tasks
        self._leases = leases
        self._changes = changes
        self._suspects = Suspects(jobs)
        self._lookout = Lookout(schedules, jobs, tasks, leases)
        self._reap = Reaping(jobs, leases, results, counting)
        self._unknown = Unknown(schedules.configs, schedules.dialect)
        self._expected: dict[str, datetime] = {}  # when each node comes to do something
        self._left: dict[str, bool] = {}  # nodes that left work behind, and whether just for want of room
        self._has_work = False  # whether this process has written something that is due

    def __call__(self, request: AdvanceRequest) -> Advanced:
        """Make a pass; a node with nothing to do only reads, and one whose time has come does not ask first."""
        expected, present = self._expected.pop(request.node, None), self._session.present
        has_work, self._has_work = self._has_work or self._left_work(request), False
        is_time = has_work or (expected is not None and expected <= present())
        if not is_time and not self._taking.is_doubtful(request.node):
            idle = self._session.read_here(
                lambda connection: self._idle(connection, request, present()), self._asks_first(request)
            )
            if idle is not None:
                return self._expect(request, idle)
        first = [self._leases.lock(request.node), *self._asks_first(request)]
        # Where something is due, that is asked for at once, by the present as far as it is known.
        known = present() if is_time and request.plan_limit else None
        if known is not None:
            first.append(self._schedules.due_at(from_instant(known), self._mine(request), request.plan_limit))
        with self._taking.doubting(request):
            advanced = self._session.write_here(
                lambda connection: self._work(connection, request, known or present()), first
            )
        if len(advanced.claims) < request.claim_limit:
            self._taking.is_told(request.node)
        self._taking.took(request.node, advanced.claims)
        return self._expect(request, advanced)

    def note_changes(self, changes: Sequence[Change], now: datetime, claims: Sequence[Claim] = ()) -> None:
        """Remember that what this process wrote is due, so that the next pass need not ask first.

        :param claims: jobs among it that a node has taken already, if any all of them
        """
        if any((change.jobs and not claims) or is_due(change.state, now) for change in changes):
            self._has_work = True

    def note_jobs(self, jobs: Sequence[Job], now: datetime) -> None:
        """The same, of jobs."""
        if any(job.run_at <= now for job in jobs):
            self._has_work = True

    def _expect(self, request: AdvanceRequest, advanced: Advanced) -> Advanced:
        if advanced.next_wake is not None:
            self._expected[request.node] = advanced.next_wake
        self._left.pop(request.node, None)
        # Jobs that wait for a limit of their task do not count.
        if advanced.more or (advanced.backlog and len(advanced.claims) == request.claim_limit):
            self._left[request.node] = not advanced.more
        return advanced

    def _left_work(self, request: AdvanceRequest) -> bool:
        """Return whether there is work that a node has left behind, and could do now."""
        needs_room = self._left.get(request.node)
        return needs_room is not None and (request.claim_limit > 0 or not needs_room)

    def _asks_first(self, request: AdvanceRequest) -> list[Question]:
        """Return what each pass asks, so that it is asked as the transaction begins."""
        first = [self._tasks.question, self._leases.question(request.node)]
        return [*first, self._jobs.queued(request.tasks, FIRST)] if request.tasks else first

    def _idle(self, connection: sa.Connection, request: AdvanceRequest, present: datetime) -> Advanced | None:
        """Return what there is to say if there is nothing to do, else None."""
        now = from_instant(present)
        mine = self._mine(request)
        heads = Heads(self._jobs, connection, request.tasks)
        nodes = self._leases.nodes(connection, request.node)
        outlook = self._lookout.look(connection, request, mine, now, nodes, heads)
        if outlook.gone or outlook.is_due(now) or outlook.room:
            return None
        self._tasks.check_node(connection)
        return Advanced(
            now=present,
            backlog=outlook.backlog,
            next_wake=outlook.next_wake(),
            unknown=self._passed_over(connection, outlook, mine, now),
        )

    def _work(self, connection: sa.Connection, request: AdvanceRequest, present: datetime) -> Advanced:
        now = from_instant(present)
        self._leases.keep(connection, request.node)
        tasks = self._tasks.all(connection)
        nodes = self._leases.nodes(connection, request.node)
        reaped = self._reap(connection, request, gone_nodes(nodes, now), tasks, present)
        ended = [*reaped.ended]
        heads = Heads(self._jobs, connection, request.tasks)
        if reaped.nodes:
            heads.changed()
        noted = self._unknown.noted
        decided = self._plan(connection, request, tasks, present) if request.plan_limit else []
        takes = self._takes_made(request, nodes, tasks, heads, decided, present)
        written = self._changes.begin(connection, decided, present, taken_by=request.node if takes else None)
        claims: Sequence[Claim] = ()
        if not takes:
            if decided:
                heads.changed()
            claims = self._untold(connection, request)
            claims = claims or self._claim(connection, request, nodes, tasks, heads, written, now)
        if takes or claims or self._has_some(request.node, nodes):
            self._taking.grant(connection, request)
        mine = self._mine(request)
        left = [node for node in nodes if node.id not in reaped.nodes]
        after = self._lookout.look(connection, request, mine, now, left, heads, tasks)
        changes, claims = written().changes, written().claims if takes else claims
        ended += written().ended
        due = after.is_due(now)
        locked = due and not changes and noted == self._unknown.noted
        elsewhere = locked or after.gone or (after.room and len(claims) < request.claim_limit)
        return Advanced(
            now=present,
            changes=[*reaped.changes, *changes],
            claims=claims,
            ended=ended,
            released=reaped.released,
            more=(due and not locked) or (after.backlog and len(claims) == request.claim_limit > 0),
            backlog=after.backlog,
            next_wake=after.next_wake(now + LOOK_AGAIN if elsewhere else None),
            unknown=self._passed_over(connection, after, mine, now),
        )

    def _has_some(self, node: str, nodes: Sequence[Node]) -> bool:
        """Return whether a node has jobs, and a lease for them."""
        return bool(self._leases.held(node)) and any(known.id == node for known in nodes)

    def _mine(self, request: AdvanceRequest) -> Mine:
        return self._unknown.mine(request.tasks, all_tasks=request.plan_all)

    def _passed_over(
        self, connection: sa.Connection, outlook: Outlook, mine: Mine, now: int
    ) -> Sequence[tuple[str, str]]:
        """Return due schedules that this node cannot fire, if it has not been told yet (rule S2)."""
        if not outlook.passes_over(now):
            return ()
        return self._unknown.tell(self._schedules.passed_over(connection, now, mine))

    def _plan(
        self, connection: sa.Connection, request: AdvanceRequest, tasks: Mapping[str, Task], present: datetime
    ) -> list[Decided]:
        """Decide about due schedules; begin no further one once enough jobs were made."""
        fire, left = request.policy.fire, request.job_limit
        decided: list[Decided] = []
        due = self._schedules.due(
            connection, from_instant(present), self._mine(request), request.plan_limit, self._unknown
        )
        while left > 0 and (portion := list(islice(due, PORTION))):
            changes: list[Change] = []
            for stored in portion:
                change = fire(stored.snapshot, tasks.get(stored.snapshot.task_id), present, left)
                changes.append(change)
                left -= len(change.jobs)
                if left <= 0:
                    break
            decided += self._changes.encode(portion, changes)
        return decided

    def _takes_made(
        self,
        request: AdvanceRequest,
        nodes: Sequence[Node],
        tasks: Mapping[str, Task],
        heads: Heads,
        decided: Sequence[Decided],
        present: datetime,
    ) -> bool:
        """Return whether a node takes all jobs as it makes them."""
        jobs = [job for one in decided for job in one.change.jobs]
        if any(one.change.queued for one in decided):
            return False
        return self._taking.may_take(request, nodes, tasks, heads, jobs, present)

    def _claim(
        self,
        connection: sa.Connection,
        request: AdvanceRequest,
        nodes: Sequence[Node],
        tasks: Mapping[str, Task],
        heads: Heads,
        written: Callable[[], Written],
        now: int,
    ) -> list[Claim]:
        """Take jobs, the oldest first, none of a task at its limit (rule J5)."""
        if not request.claim_limit or not request.tasks or self._leases.has_to_notice(request.node, nodes):
            return []
        room = {
            name: free
            for name, free, head in self._lookout.free(connection, request, tasks, heads.read(), lock=True)
            if free != 0 and head <= now
        }
        if not room:
            return []
        rows = self._suspects.ready(connection, request, tasks, room, heads.first(room), now)
        heads.took({row[1] for row in rows})
        return self._jobs.claim(connection, rows, request.node, written().made)

    def _untold(self, connection: sa.Connection, request: AdvanceRequest) -> list[Claim]:
        """Return jobs that the node has and does not know of: the answer to the commit that took them was lost."""
        if not self._taking.is_doubtful(request.node):
            return []
        told = self._leases.held(request.node)
        untold = [
            Claim(attrs.evolve(stored.job, status=JobStatus.queued), stored.token, stored.fault)
            for stored in self._jobs.of_node(connection, request.node)
            if stored.job.id not in told
        ]
        return untold[: request.claim_limit]
