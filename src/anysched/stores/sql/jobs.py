"""Rows of jobs: adding, taking, giving back, ending."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Literal
from uuid import UUID

import attrs
import sqlalchemy as sa

from anysched.errors import DeserializationError
from anysched.model.job import Claim, Job
from anysched.model.policies import JobKind, JobStatus
from anysched.ports.queries import JobQuery
from anysched.stores.sql.ahead import Question, ask, write
from anysched.stores.sql.columns import (
    EPOCH,
    LAST,
    from_duration,
    from_instant,
    from_optional_instant,
    to_duration,
    to_id,
    to_instant,
    to_optional_instant,
)
from anysched.stores.sql.configs import Config
from anysched.stores.sql.dialects import Dialect, is_one_of, read
from anysched.stores.sql.payloads import NOTHING, Payloads
from anysched.stores.sql.schema import Tables
from anysched.stores.sql.statements import JOB_COLUMNS, Statements

_NO_LIMIT: Final = 1 << 31

#: Where these stand in the row of a new job; when it is ready, its token and who has claimed it follow the payload.
_RUN_AT: Final = 7
_HELD_SINCE: Final = 10
PAYLOAD: Final = 19

#: Tasks and how many of their jobs may still start; None for any number.
Room = Mapping[str, int | None]

Row = Sequence[Any]


@attrs.frozen
class StoredJob:
    """A job as it was read.

    :ivar fault: why its arguments cannot be read here, if so; the job then has none
    """

    job: Job
    token: int
    cancel_requested: bool
    fault: str | None


class Jobs:
    """Reads and writes jobs, on the connection of a transaction."""

    def __init__(self, tables: Tables, statements: Statements, dialect: Dialect, payloads: Payloads) -> None:
        self._table = tables.jobs
        self._columns = [tables.jobs.c[name] for name in JOB_COLUMNS.split(", ")]
        self._sql = statements
        self._dialect = dialect
        self._payloads = payloads

    # adding

    def encode(self, job: Job, config: Config | None = None) -> tuple[Any, ...]:
        """Return what the row of a job says whether or not a node takes it.

        :param config: of the schedule that the job is made from; its arguments are written already
        :raise SerializationError: when its arguments cannot be written
        """
        if config is not None:
            schedule = config.schedule
            if (
                job.args is schedule.args
                and job.kwargs is schedule.kwargs
                and job.metadata is schedule.metadata
            ):
                return _row(job, config.payload)
        return _row(job, self._payloads.dump(job.args, job.kwargs, job.metadata, f"job {job.id}"))

    def insert(
        self, connection: sa.Connection, rows: Sequence[tuple[Any, ...]], taken_by: str | None = None
    ) -> None:
        """Write jobs, of which ``encode`` has told the rows.

        :param taken_by: the node that takes them as they are made, if one does
        """
        if rows:
            self._dialect.write(connection, self._sql.insert_job, _complete(rows, taken_by))

    def insert_fired(
        self, connection: sa.Connection, rows: Sequence[tuple[Any, ...]], taken_by: str | None
    ) -> Callable[[], frozenset[str]]:
        """Do the same for jobs of schedules.

        :return: what tells the ids of those whose fire time has a job already (rule S3)
        """
        if not rows:
            return frozenset
        written = self._dialect.write(connection, self._sql.insert_fired_job, _complete(rows, taken_by))
        ids = [row[0] for row in rows]

        def missing() -> frozenset[str]:
            if self._dialect.counts_fired and written() == len(ids):
                return frozenset()
            return frozenset(ids).difference(self._existing(connection, ids))

        return missing

    def existing(self, connection: sa.Connection, ids: Iterable[UUID]) -> set[UUID]:
        """Return those of these jobs that are there."""
        found = self._existing(connection, [job_id.hex for job_id in ids])
        return {UUID(job_id) for job_id in found}

    def _existing(self, connection: sa.Connection, ids: Sequence[str]) -> Sequence[str]:
        if not ids:
            return ()
        return [row[0] for row in read(connection, self._sql.existing_jobs, self._dialect.set_of(ids))]

    # taking

    def first_claim(self, job: Job, payload: bytes | None) -> Claim:
        """Return the claim of such a job; what it is run with is its own, and no other job's (see ``claim``)."""
        if payload is None:
            return Claim(job, 1)
        try:
            own = self._payloads.load(payload)
        except DeserializationError as exc:
            return Claim(attrs.evolve(job, args=(), kwargs={}, metadata={}), 1, str(exc))
        return Claim(attrs.evolve(job, args=own.args, kwargs=own.kwargs, metadata=own.metadata), 1)

    def queued_tasks(self, connection: sa.Connection, tasks: Iterable[str], since: int) -> dict[str, int]:
        """Return which of these tasks have queued jobs, and when the first of each may start, from an instant on."""
        return {row[0]: row[1] for row in ask(connection, self.queued(tasks, since))}

    def queued(self, tasks: Iterable[str], since: int) -> Question:
        """Return the question of ``queued_tasks``, which can be asked ahead."""
        return self._dialect.ask_queued(self._sql.queued_tasks, list(tasks), since)

    def running(self, connection: sa.Connection) -> Counter[str]:
        """Return how many jobs of each task are running, on all nodes: counted, not kept (rule J5)."""
        return Counter(row[0] for row in read(connection, self._sql.running_tasks))

    def ready(self, connection: sa.Connection, since: int, now: int, room: Room, most: int) -> list[Row]:
        """Return rows of jobs that may start, the oldest first, of each task no more than it has room for.

        :param since: when the first of them may start
        """
        if not self._dialect.many_writers:
            return self._candidates(connection, since, now, room, most)
        asked = most
        while True:
            candidates = self._candidates(connection, since, now, room, asked)
            ids = self._dialect.set_of(row[0] for row in candidates)
            rows = read(connection, self._sql.lock_ready, ids, now, most)
            if len(rows) == most or len(candidates) < asked:
                return list(rows)
            asked *= 2  # others are taking some of these: look at more

    def _candidates(
        self, connection: sa.Connection, since: int, now: int, room: Room, most: int
    ) -> list[Row]:
        left = {name: most if free is None else min(free, most) for name, free in room.items()}
        limited = any(free < most for free in left.values())
        tasks = [name for name, free in left.items() if free]
        each = max(left.values(), default=0)
        rows = self._dialect.read_ready(
            connection, self._sql.ready, tasks, since, now, each, _NO_LIMIT if limited else most
        )
        if not limited:
            return list(rows)
        chosen: list[Row] = []
        for row in rows:
            if left[row[1]] and len(chosen) < most:
                left[row[1]] -= 1
                chosen.append(row)
        return chosen

    def claim(
        self, connection: sa.Connection, rows: Sequence[Row], node: str, made: Mapping[str, Job]
    ) -> list[Claim]:
        """Take queued jobs for a node, under a new token.

        :param made: jobs that this very transaction wrote, which need not be read
        """
        if not rows:
            return []
        ids = self._dialect.set_of(row[0] for row in rows)
        write(connection, self._sql.claim, node, ids)
        claims: list[Claim] = []
        for row in rows:
            job = made.get(row[0])
            if job is not None:
                claims.append(Claim(job, 1))
            else:
                stored = self.read(row)
                claims.append(Claim(stored.job, stored.token + 1, stored.fault))
        return claims

    # ending and giving back

    def held(self, connection: sa.Connection, node: str, claims: Iterable[Claim]) -> list[bool]:
        """Return which claims are still good: theirs is the newest token of a job that the node runs (rule J1).

        Of two claims of one job the second is not.
        """
        claims = list(claims)
        rows = ask(connection, self.claimed_ones(claims))
        tokens = {job_id: token for job_id, token, holder in rows if holder == node}
        good: list[bool] = []
        for claim in claims:
            job_id = claim.job.id.hex
            good.append(tokens.get(job_id) == claim.token)
            if good[-1]:
                del tokens[job_id]
        return good

    def claimed_ones(self, claims: Iterable[Claim]) -> Question:
        """Return the question of ``held``, which can be asked ahead."""
        return self._sql.claimed, (self._dialect.set_of([claim.job.id.hex for claim in claims]),)

    def delete(self, connection: sa.Connection, ids: Iterable[UUID]) -> None:
        """Remove jobs."""
        if rows := [(job_id.hex,) for job_id in ids]:
            self._dialect.write(connection, self._sql.delete_jobs, rows)

    def requeue(self, connection: sa.Connection, jobs: Sequence[Job]) -> None:
        """Put running jobs back into the queue."""
        if jobs:
            rows = [(job.attempt, job.id.hex) for job in jobs]
            self._dialect.write(connection, self._sql.requeue, rows)

    def request_cancel(self, connection: sa.Connection, job_id: UUID) -> None:
        """Ask the node that runs a job to cancel it."""
        connection.exec_driver_sql(self._sql.request_cancel, (job_id.hex,))

    # reading

    def find(self, connection: sa.Connection, job_id: UUID) -> Job | None:
        """Return a job."""
        row = connection.exec_driver_sql(self._sql.job_by_id, (job_id.hex,)).fetchone()
        return None if row is None else self.read(row).job

    def of_node(self, connection: sa.Connection, node: str) -> list[StoredJob]:
        """Return the jobs that a node has claimed."""
        rows = connection.exec_driver_sql(self._sql.jobs_of_node, (node,)).fetchall()
        return [self.read(row) for row in rows]

    def all_of_node(self, connection: sa.Connection, node: str) -> list[StoredJob] | None:
        """Return the jobs that a node has claimed, or None if somebody else has some of them locked."""
        rows = connection.exec_driver_sql(self._sql.unlocked_jobs_of_node, (node,)).fetchall()
        if len(rows) < connection.exec_driver_sql(self._sql.count_of_node, (node,)).scalar_one():
            return None
        return [self.read(row) for row in rows]

    def select(self, connection: sa.Connection, query: JobQuery) -> list[Job]:
        """Return the jobs that a query asks for, ordered by id."""
        column = self._table.c
        statement = sa.select(*self._columns).order_by(column.id)
        if query.ids is not None:
            statement = statement.where(is_one_of(self._dialect, (job_id.hex for job_id in query.ids)))
        if query.schedule_id is not None:
            statement = statement.where(column.schedule_id == query.schedule_id)
        if query.task_id is not None:
            statement = statement.where(column.task_id == query.task_id)
        if query.status is JobStatus.running:
            statement = statement.where(column.claimed_by.is_not(None))
        elif query.status is not None:
            held = query.status is JobStatus.held
            since = column.held_since
            statement = statement.where(
                column.claimed_by.is_(None), since.is_not(None) if held else since.is_(None)
            )
        return [self.read(row).job for row in connection.execute(statement)]

    # the jobs of schedules that have not started (rule P3)

    def hold(self, connection: sa.Connection, schedules: Iterable[str], now: int) -> None:
        """Hold regular jobs."""
        write(connection, self._sql.hold, now, self._dialect.set_of(schedules))

    def release(self, connection: sa.Connection, schedules: Iterable[str], now: int) -> None:
        """Queue what is held; the time it was held extends its deadline, and its waiting if it waits for a start."""
        later = (LAST, now, now, LAST)
        write(connection, self._sql.release, *later, *later, *later, self._dialect.set_of(schedules))

    def held_ones(self, schedules: Iterable[str]) -> Question:
        """Return the question which held jobs there are, that can be asked ahead."""
        return self._sql.waiting_held, (self._dialect.set_of(schedules),)

    def take_waiting(
        self,
        connection: sa.Connection,
        schedules: Iterable[str],
        fate: Literal["discard", "discard_held", "remove"],
    ) -> list[Job]:
        """Remove jobs that no node has, and return them: the regular ones, those held, or all."""
        statements = {
            "discard": self._sql.waiting_regular,
            "discard_held": self._sql.waiting_held,
            "remove": self._sql.waiting,
        }
        rows = connection.exec_driver_sql(statements[fate], (self._dialect.set_of(schedules),)).fetchall()
        jobs = [self.read(row).job for row in rows]
        if jobs:
            self.delete(connection, (job.id for job in jobs))
        return jobs

    def take_waiting_of(self, connection: sa.Connection, schedule: str, backfill: UUID) -> list[Job]:
        """Remove the jobs of a backfill that no node has, and return them."""
        parameters = (self._dialect.set_of([schedule]), backfill.hex)
        rows = connection.exec_driver_sql(self._sql.waiting_backfill, parameters).fetchall()
        jobs = [self.read(row).job for row in rows]
        self.delete(connection, (job.id for job in jobs))
        return jobs

    def peek(self, connection: sa.Connection, job_id: UUID) -> Job | None:
        """Return a job without locking it."""
        found = self.select(connection, JobQuery(ids=(job_id,)))
        return found[0] if found else None

    def read(self, row: Row) -> StoredJob:
        """Return the job of a row; what is damaged never fails the others."""
        (job_id, task_id, schedule_id, incarnation, kind, fire_time, run_at, created_at, start_deadline,
         held_since, attempt, token, claimed_by, cancel_requested, job_executor, result_expiration, counted,
         recorded, backfill_id, awaited, data) = row  # fmt: skip
        fault, payload = None, NOTHING
        if data is not None:
            try:
                payload = self._payloads.load(data)
            except DeserializationError as exc:
                fault = str(exc)
        if claimed_by is not None:
            status = JobStatus.running
        else:
            status = JobStatus.queued if held_since is None else JobStatus.held
        try:
            job = Job(
                to_id(job_id),
                task_id,
                to_instant(run_at),
                to_instant(created_at),
                payload.args,
                payload.kwargs,
                JobKind(kind),
                schedule_id,
                None if incarnation is None else to_id(incarnation),
                to_optional_instant(fire_time),
                to_optional_instant(start_deadline),
                attempt,
                job_executor,
                to_duration(result_expiration),
                payload.metadata,
                status,
                bool(counted),
                bool(recorded),
                None if backfill_id is None else UUID(backfill_id),
                bool(awaited),
            )
        except (TypeError, ValueError, AttributeError, OverflowError) as exc:
            fault = f"the stored job is damaged: {exc}"
            job = Job(UUID(job_id), task_id, EPOCH, EPOCH, schedule_id=schedule_id, status=status)
        return StoredJob(job, token, bool(cancel_requested), fault)


def _complete(rows: Sequence[tuple[Any, ...]], taken_by: str | None) -> list[tuple[Any, ...]]:
    """Return the rows of new jobs, with when they are ready, the token, and the node that takes them, if one does."""
    if taken_by is not None:
        return [(*row, None, 1, taken_by) for row in rows]
    return [(*row, row[_RUN_AT] if row[_HELD_SINCE] is None else None, 0, None) for row in rows]


def _row(job: Job, payload: bytes | None) -> tuple[Any, ...]:
    run_at = from_instant(job.run_at)
    fire_time = (
        run_at if job.scheduled_fire_time is job.run_at else from_optional_instant(job.scheduled_fire_time)
    )
    held = job.status is JobStatus.held
    return (
        job.id.hex,
        job.task_id,
        job.schedule_id,
        None if job.incarnation is None else job.incarnation.hex,
        job.kind.value,
        fire_time,
        fire_time if job.kind is JobKind.regular else None,
        run_at,
        from_instant(job.created_at),
        from_optional_instant(job.start_deadline),
        from_instant(job.created_at) if held else None,
        job.attempt,
        0,  # nobody asks to cancel it
        job.job_executor,
        from_duration(job.result_expiration_time),
        int(job.counted),
        int(job.recorded),
        None if job.backfill is None else job.backfill.hex,
        int(job.awaited),
        payload,
    )
