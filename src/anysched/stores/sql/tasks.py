"""Rows of tasks: what code declares and what was configured, kept apart (rule S7)."""

from __future__ import annotations

import logging
from collections.abc import Collection, Container, Mapping
from typing import Any

import attrs
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from anysched._text import printable
from anysched.errors import DeserializationError
from anysched.model.task import Task, TaskOptions
from anysched.model.unset import UnsetType
from anysched.rules.options import merge_options
from anysched.stores.sql.ahead import Question, ask
from anysched.stores.sql.columns import from_json, to_json
from anysched.stores.sql.dialects import Conflict, Dialect
from anysched.stores.sql.migrations import TASKS_REVISION, check_node
from anysched.stores.sql.payloads import Payloads
from anysched.stores.sql.statements import Statements
from anysched.wire.configs import options_from_plain, options_to_plain

logger: logging.Logger = logging.getLogger(__name__)

NO_TASKS: Mapping[str, Task] = {}


class Tasks:
    """Reads and writes tasks, on the connection of a transaction.

    Every pass needs them, so they are remembered together with the revision that each write raises. The statement
    that reads it also tells whether this node may still work on these tables.

    :param version: the schema version that this node knows
    """

    def __init__(self, statements: Statements, dialect: Dialect, payloads: Payloads, version: int) -> None:
        self._sql = statements
        self._version = version
        self._dialect = dialect
        self._payloads = payloads
        self._remembered: tuple[int, Mapping[str, Task]] = (-1, NO_TASKS)
        self._told: set[str] = set()

    def all(self, connection: sa.Connection) -> Mapping[str, Task]:
        """Return all tasks by id. :raise SchemaVersionError: when the tables have become too new for this node"""
        revision = self.check_node(connection)
        if self._remembered[0] != revision:
            self._remembered = (revision, self._load(connection))
        return self._remembered[1]

    def check_node(self, connection: sa.Connection) -> int:
        """Make sure that a node of this version may still work; return the revision of tasks.

        :raise SchemaVersionError: when the tables have become too new for it
        """
        found = dict[str, int]((row[0], row[1]) for row in ask(connection, self.question))
        check_node(found, self._version)
        return found[TASKS_REVISION]

    @property
    def question(self) -> Question:
        """The question of ``check_node``, which can be asked ahead."""
        return self._sql.meta, ()

    def _load(self, connection: sa.Connection) -> Mapping[str, Task]:
        rows = connection.exec_driver_sql(self._sql.tasks).fetchall()
        return {row[0]: Task(row[0], self._read(row, 1), self._read(row, 3)) for row in rows}

    def _locked(self, connection: sa.Connection) -> Mapping[str, Task]:
        """Return all tasks, and keep others from changing them; not remembered, as this may be undone."""
        connection.exec_driver_sql(self._sql.touch_tasks)
        self.check_node(connection)
        return self._load(connection)

    def lock(self, connection: sa.Connection, ids: Collection[str], known: Container[str]) -> set[str]:
        """Lock tasks, so that no other transaction takes jobs of them until this one ends (rule J5).

        Return those that are locked: the others are somebody else's at this moment, who may have gone away in the
        middle of a transaction, so nobody waits for them.

        :param known: those that are there
        :raise Conflict: when somebody else made one of them meanwhile
        """
        if not self._dialect.many_writers or not ids:
            return set(ids)
        locked = set(connection.exec_driver_sql(self._sql.lock_tasks, (self._dialect.set_of(ids),)).scalars())
        for task_id in sorted(set(ids) - locked):
            if task_id not in known:  # nobody has declared it
                self._insert(connection, task_id)
                connection.exec_driver_sql(self._sql.touch_tasks)
                locked.add(task_id)
        return locked

    def declare(self, connection: sa.Connection, declared: Mapping[str, TaskOptions]) -> None:
        """Write what code says."""
        stored = self._locked(connection)
        for task_id, options in sorted(declared.items()):
            old = stored.get(task_id)
            if old is None or old.declared != options:
                self._write(connection, self._sql.declare_task, task_id, options, exists=old is not None)

    def configure(self, connection: sa.Connection, task_id: str, options: TaskOptions) -> Task:
        """Write the options that are set, leave the others."""
        old = self._locked(connection).get(task_id)
        task = Task(task_id) if old is None else old
        task = attrs.evolve(task, configured=merge_options(task.configured, options))
        self._write(connection, self._sql.configure_task, task_id, task.configured, exists=old is not None)
        return task

    def same(self, connection: sa.Connection, declared: Mapping[str, TaskOptions]) -> bool:
        """Return whether code says what is stored already."""
        stored = self.all(connection)
        return all(
            task_id in stored and stored[task_id].declared == declared[task_id] for task_id in declared
        )

    def forget(self) -> None:
        """Read again when asked next."""
        self._remembered = (-1, NO_TASKS)

    def _write(
        self, connection: sa.Connection, statement: str, task_id: str, options: TaskOptions, *, exists: bool
    ) -> None:
        """Write what one owner says; the columns of the other stay as they are."""
        metadata = options.metadata
        data = (
            None
            if isinstance(metadata, UnsetType)
            else self._payloads.dump_mapping(metadata, f"metadata of task {task_id!r}")
        )
        if not exists:
            self._insert(connection, task_id)
        connection.exec_driver_sql(statement, (to_json(options_to_plain(options)), data, task_id))

    def _insert(self, connection: sa.Connection, task_id: str) -> None:
        try:
            connection.exec_driver_sql(self._sql.insert_task, (task_id,))
        except IntegrityError as exc:
            raise Conflict from exc

    def _read(self, row: Any, column: int) -> TaskOptions:
        """Return options; what cannot be read here counts as not set, so that no job waits for it."""
        text, data = row[column], row[column + 1]
        options = TaskOptions()
        try:
            if text is not None:
                options = options_from_plain(from_json(text))
            if data is not None:
                options = attrs.evolve(options, metadata=self._payloads.load_mapping(data))
        except DeserializationError as exc:
            if row[0] not in self._told:
                self._told.add(row[0])
                logger.warning("options of task %s cannot be read: %s", printable(row[0]), printable(exc))
        return options
