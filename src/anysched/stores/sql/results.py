"""Rows of results, for as long as each is kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import attrs
import sqlalchemy as sa

from anysched.errors import DeserializationError, SerializationError
from anysched.model.job import EndedJob, JobException, JobResult
from anysched.model.policies import JobOutcome
from anysched.rules.retention import expiry
from anysched.stores.sql.columns import (
    from_instant,
    from_json,
    from_optional_instant,
    to_instant,
    to_json,
    to_optional_instant,
)
from anysched.stores.sql.dialects import Dialect
from anysched.stores.sql.ledger import Ledger
from anysched.stores.sql.payloads import Payloads
from anysched.stores.sql.statements import Statements
from anysched.wire.states import exception_from_plain, exception_to_plain

Row = tuple[Any, ...]


class Results:
    """Reads and writes results, on the connection of a transaction."""

    def __init__(self, statements: Statements, dialect: Dialect, payloads: Payloads, ledger: Ledger) -> None:
        self._sql = statements
        self._ledger = ledger
        self._dialect = dialect
        self._payloads = payloads

    def encode(self, ended: EndedJob) -> tuple[EndedJob, Row | None]:
        """Return the end of a job as it is kept, and the row of its result, None if that is not kept.

        A return value that cannot be written becomes the error of the job (rule J4).
        """
        lifetime, result = ended.job.result_expiration_time, ended.result
        if not lifetime:
            return ended, None
        data = None
        try:
            data = self._payloads.dump_result(result.return_value)
        except SerializationError as exc:
            exception = JobException(SerializationError.__name__, str(exc))
            result = attrs.evolve(result, outcome=JobOutcome.error, return_value=None, exception=exception)
            ended = EndedJob(ended.job, result)
        return ended, (
            result.job_id.hex,
            result.outcome.value,
            from_optional_instant(result.started_at),
            from_instant(result.finished_at),
            from_instant(expiry(result.finished_at, lifetime)),
            data,
            None if result.exception is None else to_json(exception_to_plain(result.exception)),
        )

    def insert(
        self, connection: sa.Connection, ends: Sequence[tuple[EndedJob, Row | None]], node: str | None = None
    ) -> None:
        """Write what is kept of jobs that have ended: results, and what came of fire times.

        :param node: the node that ran them, if one did
        """
        kept = [row for _, row in ends if row is not None]
        if kept:
            self._dialect.write(connection, self._sql.insert_result, kept)
        self._ledger.ended(connection, (end for end, _ in ends), node)

    def keep(self, connection: sa.Connection, ended: Sequence[EndedJob], node: str | None = None) -> None:
        """Write what is kept of jobs that nobody reports: they ended without running, or their node is gone.

        :param node: that node
        """
        self.insert(connection, [self.encode(job) for job in ended], node)

    def find(self, connection: sa.Connection, job_id: UUID, now: int) -> JobResult | None:
        """Return a result that is still kept. :raise DeserializationError: when it cannot be read here"""
        row = connection.exec_driver_sql(self._sql.result, (job_id.hex, now)).fetchone()
        if row is None:
            return None
        outcome, started_at, finished_at, data, exception = row
        try:
            return JobResult(
                job_id,
                JobOutcome(outcome),
                to_instant(finished_at),
                to_optional_instant(started_at),
                self._payloads.load_result(data),
                None if exception is None else exception_from_plain(from_json(exception)),
            )
        except (TypeError, ValueError) as exc:
            raise DeserializationError(f"the stored result of job {job_id} is damaged: {exc}") from exc

    def expired(self, connection: sa.Connection, now: int, most: int) -> list[str]:
        """Return the ids of results that are not kept any more."""
        return list(connection.exec_driver_sql(self._sql.expired, (now, most)).scalars())

    def delete(self, connection: sa.Connection, ids: list[str]) -> None:
        """Remove results."""
        self._dialect.run_many(connection, self._sql.delete_results, [(job_id,) for job_id in ids])
