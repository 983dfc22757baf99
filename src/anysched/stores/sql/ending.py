"""How jobs leave the hands of a node: ended, given back, cancelled."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from typing import Literal
from uuid import UUID

import sqlalchemy as sa

from anysched.model.job import Claim, EndedJob
from anysched.model.policies import JobStatus
from anysched.ports.store import Committed, Completed, Completion, NodePolicy
from anysched.rules.ending import counts
from anysched.rules.running import cancelled, next_attempt
from anysched.stores.sql.counting import Counting
from anysched.stores.sql.jobs import Jobs
from anysched.stores.sql.leases import Leases
from anysched.stores.sql.results import Results
from anysched.stores.sql.session import Session
from anysched.stores.sql.tasks import Tasks


class Ending:
    """Carries out what ``JobStore`` says about jobs that were taken, each in a thread.

    What has begun may end, and a lease may be renewed, also where the tables have become too new for this node.
    """

    def __init__(
        self,
        session: Session,
        jobs: Jobs,
        tasks: Tasks,
        results: Results,
        leases: Leases,
        counting: Counting,
    ) -> None:
        self._session = session
        self._jobs = jobs
        self._tasks = tasks
        self._results = results
        self._leases = leases
        self._counting = counting

    def complete(self, node: str, completions: Sequence[Completion], policy: NodePolicy) -> Completed:
        """End jobs whose token is still the newest (rule J1), and count those that count (rules B1 and F3).

        Where somebody else has schedules locked, the ends of their jobs are left for a transaction of their own,
        which waits: a node that went away in the middle of one holds up no other job.
        """
        claims = [one.claim for one in completions]
        encoded = [self._results.encode(EndedJob(one.claim.job, one.result)) for one in completions]

        def work(connection: sa.Connection) -> Completed:
            good = self._jobs.held(connection, node, claims)
            counted = self._counting.lock(connection, [end for end, _ in compress(encoded, good)])
            late = [
                ok and counts(end) and end.job.schedule_id in counted.locked_out
                for (end, _), ok in zip(encoded, good, strict=True)
            ]
            if any(late) and late == good:
                counted, late = self._counting.wait(connection, counted), [False] * len(late)
            good = [ok and not is_late for ok, is_late in zip(good, late, strict=True)]
            now = list(compress(encoded, good))
            self._jobs.delete(connection, [end.job.id for end, _ in now])
            self._results.insert(connection, now, node)
            written = self._counting.write(connection, counted, policy, self._session.present())
            return Completed(
                accepted=good,
                left=list(compress(completions, late)),
                changes=written.changes,
                ended=written.ended,
            )

        done = self._session.write_here(work, [self._jobs.claimed_ones(claims)])
        left = {one.claim.job.id for one in done.left}
        self._leases.let_go(node, [claim.job.id for claim in claims if claim.job.id not in left])
        return done

    def give_back(self, node: str, claims: Sequence[Claim], *, attempted: bool) -> None:
        """Queue claimed jobs again."""

        def work(connection: sa.Connection) -> None:
            good = self._jobs.held(connection, node, claims)
            jobs = [claim.job for claim, ok in zip(claims, good, strict=True) if ok]
            self._jobs.requeue(connection, [next_attempt(job) for job in jobs] if attempted else jobs)

        self._session.write_here(work, [self._jobs.claimed_ones(claims)])
        self._leases.let_go(node, [claim.job.id for claim in claims])

    def cancel(self, job_id: UUID, policy: NodePolicy) -> Committed | Literal["requested"] | None:
        """End a queued job; ask the node that runs it to cancel."""

        def work(connection: sa.Connection) -> Committed | Literal["requested"] | None:
            self._tasks.check_node(connection)
            present = self._session.present()
            seen = self._jobs.peek(connection, job_id)
            if seen is None:
                return None
            counted = self._counting.lock_first(connection, seen, present)
            job = self._jobs.find(connection, job_id)
            if job is None:
                return None
            if job.status is JobStatus.running:
                self._jobs.request_cancel(connection, job_id)
                return "requested"
            ended = cancelled(job, present)
            self._jobs.delete(connection, [job_id])
            self._results.keep(connection, [ended])
            written = self._counting.write(connection, counted, policy, present)
            return Committed(written.changes, [ended, *written.ended])

        return self._session.write_here(work)
