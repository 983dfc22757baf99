"""Rows of schedules: which are due, what they say, what becomes of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final
from uuid import UUID

import attrs
import sqlalchemy as sa

from anysched.errors import DeserializationError
from anysched.model.change import Change
from anysched.model.hold import Selector
from anysched.model.policies import ScheduleStatus
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.state import ScheduleState
from anysched.ports.queries import ScheduleQuery
from anysched.stores.sql.ahead import Question, ask
from anysched.stores.sql.columns import from_json
from anysched.stores.sql.configs import Config, Configs, StoredConfig
from anysched.stores.sql.dialects import Dialect, is_one_of, read
from anysched.stores.sql.schema import Tables
from anysched.stores.sql.statements import STATE_COLUMNS, Statements
from anysched.stores.sql.states import States, moved, strange_in
from anysched.wire.states import waiting_from_plain

#: How many schedules that this node cannot handle are looked at in one pass.
MOST_PASSED_OVER: Final = 1000

#: How many schedules are read together, decided about together, and so on. Doing everything for one after the other
#: takes a quarter more time, as the processor then forgets its way through the code; doing each thing for hundreds
#: keeps so many objects that Python's garbage collector goes through all there are.
PORTION: Final = 50

_KINDS: Final = STATE_COLUMNS.split(", ").index("kinds")


@attrs.frozen
class StoredSchedule:
    """A schedule as it was read, with what is needed to write it back only if it still stands (rule S4)."""

    snapshot: ScheduleSnapshot
    config: Config
    config_id: str
    incarnation: Any
    revision: Any


@attrs.frozen
class Mine:
    """Which schedules a node can fire: the part of a statement's parameters that says so (rule S2)."""

    all_tasks: int
    tasks: object
    unknown_kinds: object
    unknown_configs: object
    unknown_states: object

    @property
    def parameters(self) -> tuple[Any, ...]:
        unknown = (self.unknown_kinds, self.unknown_configs, self.unknown_states)
        return (self.all_tasks, self.tasks, *unknown)


class Unknown:
    """What this process could not read, because it does not know a type or version; and what it has told."""

    def __init__(self, configs: Configs, dialect: Dialect) -> None:
        self._configs = configs
        self._dialect = dialect
        self._known = configs.known
        self._kinds: dict[str, str] = {}
        self._ids: dict[str, str] = {}
        self._states: dict[
            str, tuple[int, str]
        ] = {}  # by the id of the schedule: its revision, and what it is
        self._told: set[str] = set()
        self.noted: int = 0  # how often something was noted

    def mine(self, tasks: frozenset[str], *, all_tasks: bool) -> Mine:
        """Return which schedules can be fired here."""
        if (self._kinds or self._ids or self._states) and self._configs.known != self._known:
            self._known = self._configs.known  # types were registered meanwhile: try again
            self._kinds.clear()
            self._ids.clear()
            self._states.clear()
        set_of = self._dialect.set_of
        sets = (set_of(one) for one in (tasks, self._kinds, self._ids, self._states))
        return Mine(int(all_tasks), *sets)

    def note(self, config_id: str, kinds: str, what: str) -> None:
        """Remember that a configuration cannot be read here: all of its kind, or, if it is not the trigger, itself."""
        self.noted += 1
        if self._configs.knows(kinds):
            self._ids[config_id] = what
        else:
            self._kinds[kinds] = what

    def note_state(self, schedule_id: str, revision: int, what: str) -> None:
        """Remember that the state of a schedule cannot be read here, until it is another one."""
        self.noted += 1
        self._states[schedule_id] = (revision, what)

    def tell(self, rows: Iterable[Sequence[Any]]) -> list[tuple[str, str]]:
        """Return what has not been told yet about schedules: id, task, config id, kinds, revision."""
        fresh: list[tuple[str, str]] = []
        for schedule_id, task_id, config_id, kinds, revision in rows:
            noted, strange = self._states.get(schedule_id, (revision, None))
            if noted != revision:
                del self._states[schedule_id]  # the next pass looks
            elif schedule_id not in self._told:
                self._told.add(schedule_id)
                what = self._kinds.get(kinds) or self._ids.get(config_id) or strange
                fresh.append((schedule_id, what or f"task {task_id!r}"))
        return fresh


class Schedules:
    """Reads and writes schedules, on the connection of a transaction."""

    def __init__(self, tables: Tables, statements: Statements, dialect: Dialect, configs: Configs) -> None:
        self._table = tables.schedules
        self._columns = [tables.schedules.c[name] for name in STATE_COLUMNS.split(", ")]
        self._sql = statements
        self.dialect = dialect
        self.configs = configs
        self._states = States(configs.registry)

    # reading

    def by_ids(self, connection: sa.Connection, ids: Iterable[str]) -> dict[str, StoredSchedule]:
        """Return the schedules with these ids."""
        rows = ask(connection, self.about(ids))
        return {stored.snapshot.id: stored for stored in self._read(connection, rows)}

    def about(self, ids: Iterable[str]) -> Question:
        """Return the question of ``by_ids``, which can be asked ahead."""
        return self._sql.schedules_by_id, (self.dialect.set_of(ids),)

    def unlocked(self, connection: sa.Connection, ids: Iterable[str]) -> dict[str, StoredSchedule]:
        """Return those of the schedules with these ids that nobody else has locked."""
        rows = read(connection, self._sql.unlocked_schedules_by_id, self.dialect.set_of(ids))
        return {stored.snapshot.id: stored for stored in self._read(connection, rows)}

    def failing(self, connection: sa.Connection, ids: Collection[str]) -> list[str]:
        """Return those of these ids whose schedules have failures counted."""
        return self._select_ids(connection, self._sql.failing_schedules, ids)

    def existing(self, connection: sa.Connection, ids: Collection[str]) -> list[str]:
        """Return those of these ids that are there."""
        return self._select_ids(connection, self._sql.existing_schedules, ids)

    def waits(self, connection: sa.Connection) -> dict[str, tuple[UUID, ...]]:
        """Return which schedules wait for the ends of jobs, and for which; not where that is damaged."""
        found: dict[str, tuple[UUID, ...]] = {}
        for key, text in connection.exec_driver_sql(self._sql.waiting_schedules).fetchall():
            with suppress(DeserializationError):
                found[key] = waiting_from_plain(from_json(text)).jobs
        return found

    def _select_ids(self, connection: sa.Connection, statement: str, ids: Collection[str]) -> list[str]:
        if not ids:
            return []
        return [row[0] for row in read(connection, statement, self.dialect.set_of(ids))]

    def due(
        self, connection: sa.Connection, now: int, mine: Mine, most: int, unknown: Unknown
    ) -> Iterator[StoredSchedule]:
        """Yield schedules that a node has to look at, in the order of their time."""
        return self._read(connection, ask(connection, self.due_at(now, mine, most)), unknown)

    def due_at(self, now: int, mine: Mine, most: int) -> Question:
        """Return the question of ``due``, which can be asked ahead."""
        return self._sql.due, (now, *mine.parameters, most)

    def first_wakes(self, connection: sa.Connection, mine: Mine) -> tuple[int | None, int | None]:
        """Return when the first schedule has to be looked at here, and by any node.

        The condition is the same as in ``due`` (rule S5).
        """
        ((here, anywhere),) = ask(connection, self.wakes(mine))
        return here, anywhere

    def wakes(self, mine: Mine) -> Question:
        """Return the question of ``first_wakes``, which can be asked with others."""
        return self._sql.first_wakes, mine.parameters

    def passed_over(self, connection: sa.Connection, now: int, mine: Mine) -> Sequence[Sequence[Any]]:
        """Return due schedules that are not for this node: id, task, config id, kinds, revision."""
        parameters = (now, *mine.parameters, MOST_PASSED_OVER)
        return connection.exec_driver_sql(self._sql.passed_over, parameters).fetchall()

    def select(self, connection: sa.Connection, query: ScheduleQuery) -> list[ScheduleSnapshot]:
        """Return the snapshots that a query asks for, ordered by id.

        The owner has no column: it is looked for in the configurations, which are read once and remembered.
        """
        column = self._table.c
        statement = sa.select(*self._columns).order_by(column.id)
        if query.paused is not None:
            statement = statement.where(column.pause.is_not(None) if query.paused else column.pause.is_(None))
        if query.task_id is not None:
            statement = statement.where(column.task_id == query.task_id)
        if query.backfilled is not None:
            known = column.backfills
            statement = statement.where(known.is_not(None) if query.backfilled else known.is_(None))
        statement = statement.where(*self._carries(query.group, query.tags))
        if query.status is not None:
            statement = statement.where(*self._has_status(query.status))
        if query.ids is not None:
            statement = statement.where(is_one_of(self.dialect, query.ids))
        rows = connection.execute(statement).fetchall()
        found = [stored.snapshot for stored in self._read(connection, rows)]
        if query.owner is None:
            return found
        return [snapshot for snapshot in found if snapshot.schedule.owner == query.owner]

    def meant_by(self, connection: sa.Connection, selector: Selector) -> list[str]:
        """Return the ids of the schedules that a selector means, in order."""
        if selector.ids is not None:
            return sorted(selector.ids)
        column = self._table.c
        statement = sa.select(column.id).order_by(column.id)
        if selector.task_id is not None:
            statement = statement.where(column.task_id == selector.task_id)
        statement = statement.where(*self._carries(selector.group, selector.tags))
        return list(connection.execute(statement).scalars())

    def _carries(self, group: str | None, tags: Iterable[str] | None) -> list[sa.ColumnElement[bool]]:
        """Return the conditions for a group, and for tags that are all there."""
        column = self._table.c
        conditions = [] if group is None else [column.group_name == group]
        position = getattr(sa.func, self.dialect.position)
        return conditions + [position(column.tags, f"\n{tag}\n") > 0 for tag in sorted(tags or ())]

    def _has_status(self, status: ScheduleStatus) -> list[sa.ColumnElement[bool]]:
        """Return the conditions for a status: the first that holds of error, finished, paused, active (rule S2)."""
        column = self._table.c
        if status is ScheduleStatus.error:
            return [column.error.is_not(None)]
        nothing_left = sa.and_(
            column.next_fire_time.is_(None), column.occurrences.is_(None), column.waiting.is_(None)
        )
        if status is ScheduleStatus.finished:
            return [column.error.is_(None), nothing_left]
        paused = column.pause.is_not(None) if status is ScheduleStatus.paused else column.pause.is_(None)
        return [column.error.is_(None), sa.not_(nothing_left), paused]

    def _read(
        self, connection: sa.Connection, rows: Sequence[Sequence[Any]], unknown: Unknown | None = None
    ) -> Iterator[StoredSchedule]:
        """Yield schedules; with ``unknown``, those that this node does not understand are noted there instead."""
        known = [self.configs.find(row[2]) for row in rows]
        missing = [row[2] for row, config in zip(rows, known, strict=True) if config is None]
        fetched: dict[str, Sequence[Any]] = {}
        if missing:
            found = read(connection, self._sql.configs, self.dialect.set_of(missing))
            fetched = {row[0]: row for row in found}
        for begin in range(0, len(known), PORTION):
            portion = rows[begin : begin + PORTION]
            configs = [
                config
                or self.configs.decode(
                    fetched.get(row[2], (row[2], None, None)), row[0], row[1], fires=unknown is not None
                )
                for row, config in zip(portion, known[begin:], strict=False)
            ]
            states = [self._states.read(row) for row in portion]
            for row, config, (state, fault) in zip(portion, configs, states, strict=True):
                if unknown is not None and config.unknown is not None:
                    unknown.note(row[2], row[_KINDS], config.unknown)
                    continue
                strange = strange_in(state)
                if unknown is not None and strange is not None:
                    unknown.note_state(row[0], row[4], strange)
                    continue
                snapshot = ScheduleSnapshot(config.schedule, state, config.fault or fault or strange)
                yield StoredSchedule(snapshot, config, row[2], row[3], row[4])

    # writing

    def moved(self, stored: StoredSchedule, state: ScheduleState) -> tuple[Any, ...] | None:
        """Return what is written of a schedule of which nothing is different but where it stands, else None."""
        if stored.snapshot.fault is not None:  # what was damaged stands in the row as it was
            return None
        columns = moved(stored.snapshot.state, state)
        return (
            None if columns is None else (*columns, stored.snapshot.id, stored.incarnation, stored.revision)
        )

    def write(
        self,
        connection: sa.Connection,
        changes: Iterable[tuple[StoredSchedule | None, Change, StoredConfig | None]],
        known_moves: Iterable[tuple[Any, ...]] = (),
    ) -> None:
        """Write the configurations and states of changes, or remove the schedules.

        :param known_moves: rows that ``moved`` has told already
        :raise Conflict: when a schedule is not any more what the change was decided from (rule S4); with PostgreSQL
            that is told when the transaction goes on
        """
        inserts: list[tuple[Any, ...]] = []
        new_configs: list[tuple[Any, ...]] = []
        old_configs: list[tuple[Any, ...]] = []
        config_updates: list[tuple[Any, ...]] = []
        state_updates: list[tuple[Any, ...]] = []
        moves = [*known_moves]
        deletes: list[tuple[Any, ...]] = []
        for stored, change, config in changes:
            if config is not None:
                new_configs.append((config.id, config.text, config.payload))
            if stored is None:
                if config is not None:
                    assert change.state is not None
                    inserts.append((*config.columns, *self._states.row(change.state), change.schedule_id))
                continue
            key = (change.schedule_id, stored.incarnation, stored.revision)
            if change.removed or config is not None:
                old_configs.append((stored.config_id,))
            if change.removed:
                deletes.append(key)
                continue
            if config is not None:
                config_updates.append((*config.columns, *key))
            if change.state is not None:
                row = self.moved(stored, change.state)
                if row is None:
                    state_updates.append((*self._states.row(change.state), *key))
                else:
                    moves.append(row)
        sql = self._sql
        for statement, rows, guarded in (
            (sql.insert_config, new_configs, False),
            (sql.insert_schedule, inserts, True),  # somebody else may have added it meanwhile
            (sql.update_config, config_updates, True),
            (sql.update_state, state_updates, True),
            (sql.update_moved, moves, True),
            (sql.delete_schedule, deletes, True),
            (sql.delete_config, old_configs, False),
        ):
            if rows:
                self.dialect.write(connection, statement, rows, guarded=guarded)
