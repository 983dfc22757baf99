"""Rows of history and audit."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from anysched.errors import DeserializationError
from anysched.model.audit import AuditEntry
from anysched.model.change import Change
from anysched.model.history import Record, Retention, RunRecord
from anysched.model.ids import new_id
from anysched.model.job import EndedJob
from anysched.ports.queries import AuditQuery, HistoryQuery
from anysched.rules.ledger import run_of
from anysched.stores.sql.columns import FIRST, from_duration, from_instant, from_json, to_json
from anysched.stores.sql.dialects import Dialect
from anysched.stores.sql.schema import Tables
from anysched.stores.sql.statements import Statements
from anysched.wire.ledger import (
    entry_from_plain,
    entry_to_plain,
    record_from_plain,
    run_to_text,
    skip_to_plain,
)

logger: logging.Logger = logging.getLogger(__name__)

Row = tuple[Any, ...]
Find = Callable[[sa.Connection], list[str]]
Delete = Callable[[sa.Connection, list[str]], object]


class Ledger:
    """Writes and reads what came of fire times, and who did what, on the connection of a transaction."""

    def __init__(self, tables: Tables, statements: Statements, dialect: Dialect) -> None:
        self._history = tables.history.c
        self._audit = tables.audit.c
        self._sql = statements
        self._dialect = dialect

    def ended(self, connection: sa.Connection, ends: Iterable[EndedJob], node: str | None = None) -> None:
        """Write what came of the fire times of jobs that have ended.

        :param node: the node that ran them, if one did
        """
        self._insert(
            connection, [_history_row(run) for end in ends if (run := run_of(end, node)) is not None]
        )

    def changed(self, connection: sa.Connection, changes: Iterable[Change]) -> None:
        """Write what changes say of fire times without a job, and of who asked for them."""
        skips: list[Row] = []
        entries: list[AuditEntry] = []
        for change in changes:
            if change.skips:
                skips += map(_history_row, change.skips)
            if change.audit:
                entries += change.audit
        self._insert(connection, skips)
        self.note(connection, entries)

    def _insert(self, connection: sa.Connection, rows: Sequence[Row]) -> None:
        if rows:
            self._dialect.write(connection, self._sql.insert_history, rows)

    def note(self, connection: sa.Connection, entries: Iterable[AuditEntry]) -> None:
        """Write what was done."""
        if rows := [_audit_row(entry) for entry in entries]:
            self._dialect.write(connection, self._sql.insert_audit, rows)

    def history(self, connection: sa.Connection, query: HistoryQuery) -> list[Record]:
        """Return what a query asks for, ordered by the last fire time; what is damaged is left out."""
        column = self._history
        order = (column.last_time, column.id)
        statement = sa.select(column.id, column.record).where(column.incarnation == query.incarnation.hex)
        if query.start is not None:
            statement = statement.where(column.last_time >= from_instant(query.start))
        if query.end is not None:
            statement = statement.where(column.first_time <= from_instant(query.end))
        statement = statement.order_by(*(one.desc() for one in order) if query.latest else order)
        rows = connection.execute(statement.limit(query.most)).fetchall()
        found = [record for row in rows if (record := _record(*row)) is not None]
        return found[::-1] if query.latest else found

    def audit(self, connection: sa.Connection, query: AuditQuery) -> list[AuditEntry]:
        """Return what a query asks for, the latest first; what is damaged is left out."""
        column = self._audit
        statement = sa.select(column.id, column.record)
        for wanted, value in (
            (column.schedule_id, query.schedule_id),
            (column.name, query.name),
            (column.action, None if query.action is None else query.action.value),
        ):
            if value is not None:
                statement = statement.where(wanted == value)
        if query.since is not None:
            statement = statement.where(column.done_at >= from_instant(query.since))
        if query.before is not None:
            statement = statement.where(column.id < query.before.hex)
        rows = connection.execute(statement.order_by(column.id.desc()).limit(query.most)).fetchall()
        return [entry for row in rows if (entry := _entry(*row)) is not None]

    def outdated(self, retention: Retention, now: int, most: int) -> list[tuple[Find, Delete]]:
        """Return what finds some of what is older than it is kept, and what deletes it."""

        def find(statement: str, lifetime: timedelta | None) -> Find:
            before = now + 1 if lifetime is None else max(FIRST, now - from_duration(lifetime))
            return lambda connection: self._ids(connection, statement, before, most)

        return [
            (find(self._sql.old_history, retention.history), self.delete_history),
            (find(self._sql.old_audit, retention.audit), self._delete_audit),
        ]

    def too_long(self, connection: sa.Connection, retention: Retention, most: int) -> list[Find]:
        """Return, for each life of a schedule with more records than are kept, what finds some of the others."""

        def find(incarnation: str, until: int) -> Find:
            return lambda connection: self._ids(connection, self._sql.past_history, incarnation, until, most)

        found: list[Find] = []
        for life in connection.exec_driver_sql(self._sql.long_history, (retention.most,)).scalars().all():
            until = connection.exec_driver_sql(self._sql.last_of_history, (life, retention.most)).scalar()
            if until is not None:
                found.append(find(life, until))
        return found

    def delete_history(self, connection: sa.Connection, ids: Iterable[str]) -> None:
        """Delete records."""
        self._dialect.run_many(connection, self._sql.delete_history, [(key,) for key in ids])

    def _delete_audit(self, connection: sa.Connection, ids: Iterable[str]) -> None:
        self._dialect.run_many(connection, self._sql.delete_audit, [(key,) for key in ids])

    def _ids(self, connection: sa.Connection, statement: str, *parameters: object) -> list[str]:
        return list(connection.exec_driver_sql(statement, parameters).scalars())


def _history_row(record: Record) -> Row:
    life = record.incarnation.hex
    if isinstance(record, RunRecord):
        first, finished_at = from_instant(record.first), from_instant(record.finished_at)
        return (record.job_id.hex, life, first, first, finished_at, run_to_text(record))
    first, last, at = map(from_instant, (record.first, record.last, record.at))
    return (new_id(record.at).hex, life, first, last, at, to_json(skip_to_plain(record)))


def _audit_row(entry: AuditEntry) -> Row:
    plain = entry_to_plain(entry)
    return (entry.id.hex, plain["at"], entry.schedule_id, entry.name, plain["action"], to_json(plain))


def _record(key: str, text: str) -> Record | None:
    try:
        return record_from_plain(from_json(text), UUID(key))
    except (DeserializationError, ValueError) as exc:
        logger.warning("the record %s of the history cannot be read: %s", key, exc)
        return None


def _entry(key: str, text: str) -> AuditEntry | None:
    try:
        return entry_from_plain(from_json(text), UUID(key))
    except (DeserializationError, ValueError) as exc:
        logger.warning("the entry %s of the audit cannot be read: %s", key, exc)
        return None
