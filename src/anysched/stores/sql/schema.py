"""The tables. What changes here needs a step in ``migrations``, too, and a database in ``tests/.../released``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

import attrs
import sqlalchemy as sa
from sqlalchemy.dialects.mysql import LONGBLOB
from sqlalchemy.schema import SchemaItem
from sqlalchemy.sql.elements import quoted_name

from anysched.stores.sql.dialect_mariadb import exact_text

_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")

#: So that with the longest name after it, an identifier stays within 63 characters, which every database takes.
_LONGEST_PREFIX: Final = 32

#: Ids and names: compared and ordered by their bytes, on every database (rule N7).
_Exact = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
Id: sa.types.TypeEngine[str] = _Exact.with_variant(exact_text(32), "mysql", "mariadb")
Name: sa.types.TypeEngine[str] = _Exact.with_variant(exact_text(500), "mysql", "mariadb")
#: What is kept and never looked for.
Text: sa.types.TypeEngine[str] = sa.Text().with_variant(exact_text(), "mysql", "mariadb")
Bytes: sa.types.TypeEngine[bytes] = sa.LargeBinary().with_variant(LONGBLOB(), "mysql", "mariadb")
#: Rows of SQLite live in the index of their key, which saves one search for each.
TABLE_OPTIONS: Final[dict[str, Any]] = {
    "sqlite_with_rowid": False,
    "mysql_engine": "InnoDB",
    "mysql_row_format": "DYNAMIC",
    "mariadb_engine": "InnoDB",
    "mariadb_row_format": "DYNAMIC",
}

Instant = sa.BigInteger
Duration = sa.BigInteger


@attrs.frozen
class Tables:
    """The tables of one store; their names begin with a prefix of the user's choice."""

    metadata: sa.MetaData
    meta: sa.Table
    tasks: sa.Table
    schedules: sa.Table
    configs: sa.Table
    jobs: sa.Table
    results: sa.Table
    nodes: sa.Table
    holds: sa.Table
    history: sa.Table
    audit: sa.Table
    zones: sa.Table

    @property
    def prefix(self) -> str:
        """What the names begin with."""
        return self.meta.name.removesuffix("meta")


def checked_schema(name: str | None) -> str | None:
    """Return the name of a schema. :raise TypeError, ValueError: unless it is a plain SQL identifier (rule N7)"""
    if name is not None:
        _check(name, "schema", allow_empty=False)
    return name


def checked_prefix(prefix: str) -> str:
    """Return a table prefix. :raise TypeError, ValueError: unless it is a plain SQL identifier (rule N7)"""
    _check(prefix, "table_prefix", allow_empty=True)
    if len(prefix) > _LONGEST_PREFIX:
        raise ValueError(f"table_prefix must have at most {_LONGEST_PREFIX} characters, not {len(prefix)}")
    return prefix


def _check(value: str, name: str, *, allow_empty: bool) -> None:
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, not {type(value).__name__}")
    if not _IDENTIFIER.fullmatch(value) and not (allow_empty and value == ""):
        raise ValueError(
            f"{name} must consist of letters, digits and _, and not begin with a digit: {value!r}"
        )


def _in_mariadb(*_: object, dialect: sa.Dialect, **__: object) -> bool:
    return dialect.name in {"mysql", "mariadb"}


def _elsewhere(*_: object, dialect: sa.Dialect, **__: object) -> bool:
    return not _in_mariadb(dialect=dialect)


@lru_cache(maxsize=16)
def make_tables(schema: str | None, prefix: str) -> Tables:
    """Return the tables as this version has them. Stores share them: nobody changes them."""
    make = _Maker(schema, prefix)
    return Tables(
        metadata=make.metadata,
        meta=make.meta(),
        tasks=make.tasks(),
        schedules=make.schedules(),
        configs=make.configs(),
        jobs=make.jobs(),
        results=make.results(),
        nodes=make.nodes(),
        holds=make.holds(),
        history=make.history(),
        audit=make.audit(),
        zones=make.zones(),
    )


class _Maker:
    """Makes the tables of one schema and prefix, each as this version has it."""

    def __init__(self, schema: str | None, prefix: str) -> None:
        self.metadata = sa.MetaData(schema=None if schema is None else quoted_name(schema, quote=True))
        self._prefix = prefix

    def table(self, name: str, *items: SchemaItem) -> sa.Table:
        return sa.Table(self._name(name), self.metadata, *items, **TABLE_OPTIONS)

    def index(self, name: str, *columns: str, unique: bool = False, sparse: str | None = None) -> sa.Index:
        # Nobody looks for rows without a value here, so they stay out of it where a database can do that.
        given = None if sparse is None else sa.text(f"{sparse} IS NOT NULL")
        lengths = {"claimed_by": 200} if len(columns) == 2 and columns[0] == "claimed_by" else None
        return sa.Index(
            self._name(name),
            *columns,
            unique=unique,
            postgresql_where=given,
            mysql_length=lengths,
            mariadb_length=lengths,
        )

    def _name(self, name: str) -> quoted_name:
        return quoted_name(self._prefix + name, quote=True)

    def _waiting(self) -> Iterator[sa.Index]:
        # For the few that wait, looked for now and then; the text itself is too long for an index (rule S9).
        given = sa.text("waiting IS NOT NULL")
        few = sa.Index(self._name("schedules_waiting"), "id", sqlite_where=given, postgresql_where=given)
        yield few.ddl_if(callable_=_elsewhere)
        first = {"waiting": 1}
        all_of_them = sa.Index(
            self._name("schedules_waits"), "waiting", mysql_length=first, mariadb_length=first
        )
        yield all_of_them.ddl_if(callable_=_in_mariadb)

    def meta(self) -> sa.Table:
        return self.table(
            "meta",
            sa.Column("name", Name, primary_key=True),
            sa.Column("number", sa.BigInteger, nullable=False),
        )

    def tasks(self) -> sa.Table:
        return self.table(
            "tasks",
            sa.Column("id", Name, primary_key=True),
            sa.Column("declared", Text),
            sa.Column("declared_metadata", Bytes),
            sa.Column("configured", Text),
            sa.Column("configured_metadata", Bytes),
        )

    def schedules(self) -> sa.Table:
        return self.table(
            "schedules",
            sa.Column("id", Name, primary_key=True),
            sa.Column("task_id", Name, nullable=False),
            sa.Column("config_id", Id, nullable=False),
            sa.Column("kinds", Text, nullable=False),  # the registered types that the trigger consists of
            sa.Column("incarnation", Id, nullable=False),
            sa.Column("revision", sa.BigInteger, nullable=False),
            sa.Column("anchor", Instant, nullable=False),
            sa.Column("next_fire_time", Instant),
            sa.Column("due_at", Instant),
            sa.Column("wake_at", Instant),  # rule S5: the one definition of being due is wake_at <= now
            sa.Column("last_fire_time", Instant),
            sa.Column("pause", Text),
            sa.Column("error", Text),
            sa.Column("jobs_made", sa.BigInteger, nullable=False),
            sa.Column("skipped", Text),
            sa.Column("skipped_exact", sa.SmallInteger, nullable=False),
            sa.Column("failures", sa.BigInteger, nullable=False),
            sa.Column("occurrences", Text),
            sa.Column("windows", Text),
            sa.Column("windowed_until", Instant),
            sa.Column("backfills", Text),
            sa.Column("waiting", Text),
            sa.Column("group_name", Name),
            sa.Column("tags", Text),  # each between line breaks
            self.index("schedules_due", "wake_at", "task_id", sparse="wake_at"),
            *self._waiting(),
        )

    def configs(self) -> sa.Table:
        # Apart, because a firing rewrites the row of a schedule. Never updated: a new configuration has a new id.
        return self.table(
            "configs",
            sa.Column("id", Id, primary_key=True),
            sa.Column("configuration", Text, nullable=False),
            sa.Column("payload", Bytes),
        )

    def jobs(self) -> sa.Table:
        return self.table(
            "jobs",
            sa.Column("id", Id, primary_key=True),
            sa.Column("task_id", Name, nullable=False),
            sa.Column("schedule_id", Name),
            sa.Column("incarnation", Id),
            sa.Column("kind", Name, nullable=False),
            sa.Column("scheduled_fire_time", Instant),
            sa.Column("fire_key", Instant),  # rule S3: the fire time of a regular job
            sa.Column("run_at", Instant, nullable=False),
            sa.Column("ready_at", Instant),  # ``run_at`` of a queued job; the one condition for taking it
            sa.Column("created_at", Instant, nullable=False),
            sa.Column("start_deadline", Instant),
            sa.Column("held_since", Instant),
            sa.Column("attempt", sa.Integer, nullable=False),
            sa.Column("token", sa.BigInteger, nullable=False),
            sa.Column("claimed_by", Name),
            sa.Column("cancel_requested", sa.SmallInteger, nullable=False),
            sa.Column("job_executor", Name),
            sa.Column("result_expiration", Duration, nullable=False),
            sa.Column("counted", sa.SmallInteger, nullable=False),  # rules B1 and F3
            sa.Column("recorded", sa.SmallInteger, nullable=False),  # rule G1
            sa.Column("backfill_id", Id),  # rule F3
            sa.Column("awaited", sa.SmallInteger, nullable=False),  # rule S9
            sa.Column("payload", Bytes),
            self.index("jobs_fire", "incarnation", "fire_key", unique=True),
            self.index("jobs_ready", "task_id", "ready_at", "id", sparse="ready_at"),
            self.index("jobs_running", "claimed_by", "task_id", sparse="claimed_by"),
            self.index("jobs_schedule", "schedule_id", sparse="schedule_id"),
        )

    def results(self) -> sa.Table:
        return self.table(
            "results",
            sa.Column("job_id", Id, primary_key=True),
            sa.Column("outcome", Text, nullable=False),
            sa.Column("started_at", Instant),
            sa.Column("finished_at", Instant, nullable=False),
            sa.Column("expires_at", Instant, nullable=False),
            sa.Column("return_value", Bytes),
            sa.Column("exception", Text),
            self.index("results_expiry", "expires_at"),
        )

    def nodes(self) -> sa.Table:
        return self.table(
            "nodes",
            sa.Column("id", Name, primary_key=True),
            sa.Column("lease_until", Instant, nullable=False),
            # In MariaDB and MySQL, who locks an entry of this index leaves the lease to its renewal.
            sa.Index("nodes_existence", "id").ddl_if(callable_=_in_mariadb),
        )

    def holds(self) -> sa.Table:
        return self.table(
            "holds",
            sa.Column("id", Name, primary_key=True),
            sa.Column("until", Instant),
            sa.Column("record", Text, nullable=False),
        )

    def history(self) -> sa.Table:
        # Never updated. A life of a schedule has its records in the order of their fire times.
        return self.table(
            "history",
            sa.Column("id", Id, primary_key=True),
            sa.Column("incarnation", Id, nullable=False),
            sa.Column("first_time", Instant, nullable=False),
            sa.Column("last_time", Instant, nullable=False),
            sa.Column("written_at", Instant, nullable=False),
            sa.Column("record", Text, nullable=False),
            self.index("history_times", "incarnation", "last_time"),
            self.index("history_age", "written_at"),
        )

    def audit(self) -> sa.Table:
        return self.table(
            "audit",
            sa.Column("id", Id, primary_key=True),
            sa.Column("done_at", Instant, nullable=False),
            sa.Column("schedule_id", Name),
            sa.Column("name", Name),
            sa.Column("action", Name, nullable=False),
            sa.Column("record", Text, nullable=False),
            self.index("audit_age", "done_at"),
            self.index("audit_schedule", "schedule_id", "id", sparse="schedule_id"),
        )

    def zones(self) -> sa.Table:
        return self.table(
            "zones",
            sa.Column("name", Name, primary_key=True),
            sa.Column("record", Text, nullable=False),
        )
