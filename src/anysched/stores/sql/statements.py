"""The statements of the hot paths: written once, compiled once for each database.

Parameters are given by position, in the order in which their names appear. Sets are given as the dialect wants them,
so that the text of a statement never changes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Final, Literal, cast

import sqlalchemy as sa
from sqlalchemy.engine.default import DefaultDialect

from anysched.stores.sql.dialects import Dialect, Many, Parameters
from anysched.stores.sql.schema import Tables

STATE_COLUMNS: Final = (
    "id, task_id, config_id, incarnation, revision, anchor, next_fire_time, due_at, last_fire_time, "
    "pause, error, jobs_made, skipped, skipped_exact, failures, occurrences, windows, windowed_until, backfills, "
    "waiting"
)
JOB_COLUMNS: Final = (
    "id, task_id, schedule_id, incarnation, kind, scheduled_fire_time, run_at, created_at, start_deadline, "
    "held_since, attempt, token, claimed_by, cancel_requested, job_executor, result_expiration, counted, "
    "recorded, backfill_id, awaited, payload"
)


class Statements:
    """The text of each statement, for the driver."""

    def __init__(self, tables: Tables, engine: sa.Engine, dialect: Dialect) -> None:
        quote = engine.dialect.identifier_preparer.format_table
        names = {
            name: quote(table)
            for name, table in (
                ("meta", tables.meta),
                ("tasks", tables.tasks),
                ("schedules", tables.schedules),
                ("configs", tables.configs),
                ("jobs", tables.jobs),
                ("results", tables.results),
                ("nodes", tables.nodes),
                ("holds", tables.holds),
                ("history", tables.history),
                ("audit", tables.audit),
                ("zones", tables.zones),
            )
        }

        names |= {
            "state": STATE_COLUMNS,
            "job": JOB_COLUMNS,
            "lock": dialect.lock,
            "lock_shared": dialect.lock_shared,
            "lock_unlocked": dialect.lock_unlocked,
            "lock_existence": dialect.lock_existence,
            "by_existence": dialect.by_existence,
            "by_key": dialect.by_key,
            "index_due": _index(tables.schedules, "schedules_due", engine),
            "index_ready": _index(tables.jobs, "jobs_ready", engine),
        }
        names["by_due"] = dialect.by_due.format(**names)
        kind = cast("Callable[..., DefaultDialect]", type(engine.dialect))

        def sql(text: str) -> str:
            text = text.format(**names, in_=_Set(dialect.among), not_in=_Set(dialect.not_among))
            return _compiled(" ".join(text.split()), kind, dialect.paramstyle)

        def many(text: str, rows: Parameters) -> Many:
            return Many(sql(text), tuple(rows.values()))

        def insert(table: sa.Table, columns: str, ending: str = "") -> Many:
            rows = _types(table, columns)
            return many(f"{dialect.insert(quote(table), rows)} {ending}", rows)

        def update(table: sa.Table, columns: str, keys: str, fixed: str = "") -> Many:
            rows = _types(table, columns) | _types(table, keys, "old_")
            changes = ", ".join(_equations(dialect, columns)) + fixed
            return many(dialect.update(quote(table), changes, condition(keys), rows), rows)

        def delete(table: sa.Table, keys: str) -> Many:
            rows = _types(table, keys, "old_")
            return many(dialect.delete(quote(table), condition(keys), rows), rows)

        def condition(keys: str) -> str:
            return " AND ".join(_equations(dialect, keys, "old_"))

        # What a node can fire: rule S2. Part of each statement that asks what is due, so that they agree (rule S5).
        mine = (
            "(:all_tasks = 1 OR task_id {in_.tasks})"
            " AND kinds {not_in.unknown_kinds} AND config_id {not_in.unknown_configs} AND id {not_in.unknown_states}"
        )

        # schedules
        self.due: str = sql(
            f"SELECT {{state}} FROM {{schedules}} {{by_due}} WHERE wake_at <= :now AND {mine}"
            " ORDER BY wake_at LIMIT :most {lock_unlocked}"
        )
        first = "(SELECT wake_at FROM {{schedules}} {{by_due}} WHERE wake_at IS NOT NULL {} ORDER BY wake_at LIMIT 1)"
        self.first_wakes: str = sql(f"SELECT {first.format(f'AND {mine}')}, {first.format('')}")
        self.passed_over: str = sql(
            "SELECT id, task_id, config_id, kinds, revision FROM {schedules} {by_due}"
            f" WHERE wake_at <= :now AND NOT ({mine}) ORDER BY wake_at LIMIT :most"
        )
        self.schedules_by_id: str = sql(
            "SELECT {state} FROM {schedules} {by_key} WHERE id {in_.ids} ORDER BY id {lock}"
        )
        self.unlocked_schedules_by_id: str = sql(
            "SELECT {state} FROM {schedules} {by_key} WHERE id {in_.ids} ORDER BY id {lock_unlocked}"
        )
        self.failing_schedules: str = sql("SELECT id FROM {schedules} WHERE id {in_.ids} AND failures > 0")
        self.waiting_schedules: str = sql("SELECT id, waiting FROM {schedules} WHERE waiting IS NOT NULL")
        self.existing_schedules: str = sql("SELECT id FROM {schedules} WHERE id {in_.ids}")
        self.configs: str = sql(
            "SELECT s.id, s.config_id, s.kinds, c.configuration, c.payload"
            " FROM {schedules} s LEFT JOIN {configs} c ON c.id = s.config_id WHERE s.id {in_.ids}"
        )
        self.insert_config: Many = insert(tables.configs, "id, configuration, payload")
        self.delete_config: Many = delete(tables.configs, "id")
        state = (
            "incarnation, revision, anchor, next_fire_time, due_at, wake_at, last_fire_time, pause, error, jobs_made,"
            " skipped, skipped_exact, failures, occurrences, windows, windowed_until, backfills, waiting"
        )
        configured = "task_id, config_id, kinds, group_name, tags"
        self.insert_schedule: Many = insert(tables.schedules, f"{configured}, {state}, id")
        # Rule S4: nothing is written that was decided from a state which does not stand any more.
        still = "id, incarnation, revision"
        self.update_config: Many = update(tables.schedules, configured, still)
        self.update_state: Many = update(tables.schedules, state, still)
        self.delete_schedule: Many = delete(tables.schedules, still)

        # holds: who writes them locks their revision, who adds schedules shares it (rule H4)
        self.touch_holds: str = sql("UPDATE {meta} SET number = number + 1 WHERE name = 'holds_revision'")
        self.share_holds: str = sql("SELECT number FROM {meta} WHERE name = 'holds_revision' {lock_shared}")
        self.holds: str = sql("SELECT id, record FROM {holds} ORDER BY id")
        self.insert_hold: Many = insert(tables.holds, "id, until, record")
        self.delete_hold: Many = delete(tables.holds, "id")
        self.past_hold: str = sql("SELECT id FROM {holds} WHERE until <= :now LIMIT 1")
        self.delete_past_holds: str = sql("DELETE FROM {holds} WHERE until <= :now")

        # jobs
        job = (
            "id, task_id, schedule_id, incarnation, kind, scheduled_fire_time, fire_key, run_at, ready_at, created_at,"
            " start_deadline, held_since, attempt, token, claimed_by, cancel_requested, job_executor,"
            " result_expiration, counted, recorded, backfill_id, awaited, payload"
        )
        self.insert_job: Many = insert(tables.jobs, job)
        self.insert_fired_job: Many = insert(tables.jobs, job, dialect.unless_fired)
        self.existing_jobs: str = sql("SELECT id FROM {jobs} WHERE id {in_.ids}")
        self.queued_tasks: str = sql(dialect.queued_tasks)
        self.running_tasks: str = sql("SELECT task_id FROM {jobs} WHERE claimed_by > ''")
        # Where many write, candidates are read first and locked then: others may have them.
        self.ready: str = sql(dialect.ready)
        self.lock_ready: str = sql(
            "SELECT {job} FROM {jobs} {by_key} WHERE id {in_.ids} AND ready_at <= :now ORDER BY ready_at, id"
            " LIMIT :most {lock_unlocked}"
        )
        self.claim: str = sql(
            "UPDATE {jobs} {by_key} SET claimed_by = :node, token = token + 1, ready_at = NULL WHERE id {in_.ids}"
        )
        self.claimed: str = sql(
            "SELECT id, token, claimed_by FROM {jobs} {by_key} WHERE id {in_.ids} ORDER BY id {lock}"
        )
        # In MariaDB a set of ids could be looked for in all rows, and waits for each that somebody else has locked.
        self.delete_jobs: Many = delete(tables.jobs, "id")
        self.requeue: Many = update(tables.jobs, "attempt", "id", ", claimed_by = NULL, ready_at = run_at")
        self.jobs_of_node: str = sql("SELECT {job} FROM {jobs} WHERE claimed_by = :node ORDER BY id {lock}")
        self.unlocked_jobs_of_node: str = sql(
            "SELECT {job} FROM {jobs} WHERE claimed_by = :node ORDER BY id {lock_unlocked}"
        )
        self.count_of_node: str = sql("SELECT COUNT(*) FROM {jobs} WHERE claimed_by = :node")
        self.job_by_id: str = sql("SELECT {job} FROM {jobs} WHERE id = :id {lock}")
        self.request_cancel: str = sql("UPDATE {jobs} SET cancel_requested = 1 WHERE id = :id")
        self.cancels: str = sql("SELECT id FROM {jobs} WHERE claimed_by = :node AND cancel_requested = 1")

        # jobs of schedules that no node has: all, the regular ones, those held, those of a backfill
        # COALESCE keeps SQLite from the index of ``claimed_by``, under whose NULL stand all jobs that wait.
        waiting = "schedule_id {in_.schedules} AND COALESCE(claimed_by, '') = ''"
        self.waiting: str = sql(f"SELECT {{job}} FROM {{jobs}} WHERE {waiting} ORDER BY id {{lock}}")
        self.waiting_regular: str = sql(
            f"SELECT {{job}} FROM {{jobs}} WHERE {waiting} AND kind = 'regular' ORDER BY id {{lock}}"
        )
        self.waiting_held: str = sql(
            f"SELECT {{job}} FROM {{jobs}} WHERE {waiting} AND held_since IS NOT NULL ORDER BY id {{lock}}"
        )
        self.waiting_backfill: str = sql(
            f"SELECT {{job}} FROM {{jobs}} WHERE {waiting} AND backfill_id = :backfill ORDER BY id {{lock}}"
        )
        self.hold: str = sql(
            f"UPDATE {{jobs}} SET held_since = :now, ready_at = NULL WHERE {waiting} AND kind = 'regular'"
            " AND held_since IS NULL"
        )
        # MariaDB assigns one after the other: what is read by one expression is changed after it.
        moved = (
            "CASE WHEN run_at <= held_since THEN run_at"
            " WHEN run_at < :last - (:now - held_since) THEN run_at + (:now - held_since) ELSE :last END"
        )
        self.release: str = sql(
            f"UPDATE {{jobs}} SET ready_at = {moved}, run_at = {moved}, start_deadline = CASE"
            " WHEN start_deadline < :last - (:now - held_since) THEN start_deadline + (:now - held_since)"
            " WHEN start_deadline IS NOT NULL THEN :last END, held_since = NULL"
            f" WHERE {waiting} AND held_since IS NOT NULL"
        )

        # results
        self.insert_result: Many = insert(
            tables.results, "job_id, outcome, started_at, finished_at, expires_at, return_value, exception"
        )
        self.result: str = sql(
            "SELECT outcome, started_at, finished_at, return_value, exception FROM {results}"
            " WHERE job_id = :job_id AND expires_at > :now"
        )
        self.expired: str = sql("SELECT job_id FROM {results} WHERE expires_at <= :now LIMIT :most")
        self.delete_results: Many = delete(tables.results, "job_id")

        # history and audit
        self.insert_history: Many = insert(
            tables.history, "id, incarnation, first_time, last_time, written_at, record"
        )
        self.old_history: str = sql("SELECT id FROM {history} WHERE written_at < :before LIMIT :most")
        self.long_history: str = sql(
            "SELECT incarnation FROM {history} GROUP BY incarnation HAVING COUNT(*) > :most"
        )
        self.last_of_history: str = sql(
            "SELECT last_time FROM {history} WHERE incarnation = :incarnation ORDER BY last_time DESC"
            " LIMIT 1 OFFSET :most"
        )
        self.past_history: str = sql(
            "SELECT id FROM {history} WHERE incarnation = :incarnation AND last_time <= :until LIMIT :most"
        )
        self.delete_history: Many = delete(tables.history, "id")
        self.insert_audit: Many = insert(tables.audit, "id, done_at, schedule_id, name, action, record")
        self.old_audit: str = sql("SELECT id FROM {audit} WHERE done_at < :before LIMIT :most")
        self.delete_audit: Many = delete(tables.audit, "id")

        # time zones: who writes them locks their revision
        self.touch_zones: str = sql("UPDATE {meta} SET number = number + 1 WHERE name = 'zones_revision'")
        self.zones: str = sql("SELECT name, record FROM {zones} ORDER BY name")
        self.insert_zone: Many = insert(tables.zones, "name, record")
        self.delete_zone: Many = delete(tables.zones, "name")

        # nodes
        # A node does not ask whether it has jobs itself: the index may hold many that it had.
        self.nodes: str = sql(
            "SELECT id, lease_until, CASE WHEN id <> :me THEN"
            " EXISTS (SELECT 1 FROM {jobs} WHERE claimed_by = {nodes}.id) ELSE FALSE END FROM {nodes}"
        )
        self.renew: str = sql("UPDATE {nodes} SET lease_until = :until WHERE id = :id")
        self.insert_node: str = sql("INSERT INTO {nodes} (lease_until, id) VALUES (:until, :id)")
        self.lock_node: str = sql("SELECT id FROM {nodes} {by_existence} WHERE id = :id {lock_existence}")
        self.lock_expired_node: str = sql(
            "SELECT id FROM {nodes} {by_existence} WHERE id = :id AND lease_until <= :now {lock_unlocked}"
        )
        self.delete_node: str = sql("DELETE FROM {nodes} WHERE id = :id")

        # figures
        self.count_due: str = sql("SELECT COUNT(*), MIN(wake_at) FROM {schedules} WHERE wake_at <= :now")
        self.count_ready: str = sql("SELECT COUNT(*), MIN(ready_at) FROM {jobs} WHERE ready_at <= :now")
        self.count_claimed: str = sql(
            "SELECT claimed_by, COUNT(*) FROM {jobs} WHERE claimed_by > '' GROUP BY claimed_by"
        )

        # tasks
        self.meta: str = sql(
            "SELECT name, number FROM {meta} WHERE name IN ('oldest_node', 'schema_version', 'tasks_revision')"
        )
        self.touch_tasks: str = sql("UPDATE {meta} SET number = number + 1 WHERE name = 'tasks_revision'")
        self.lock_tasks: str = sql(
            "SELECT id FROM {tasks} {by_key} WHERE id {in_.ids} ORDER BY id {lock_unlocked}"
        )
        self.tasks: str = sql(
            "SELECT id, declared, declared_metadata, configured, configured_metadata FROM {tasks} ORDER BY id"
        )
        self.insert_task: str = sql("INSERT INTO {tasks} (id) VALUES (:id)")
        self.declare_task: str = sql(
            "UPDATE {tasks} SET declared = :options, declared_metadata = :metadata WHERE id = :id"
        )
        # Metadata that is not given is not set, or could not be read here and must not get lost.
        self.configure_task: str = sql(
            "UPDATE {tasks} SET configured = :options, configured_metadata = COALESCE(:metadata,"
            " configured_metadata) WHERE id = :id"
        )


@lru_cache(maxsize=1024)
def _compiled(text: str, kind: Callable[..., DefaultDialect], paramstyle: Literal["qmark", "format"]) -> str:
    """Return a statement for the driver. Stores of one process mostly have the same statements."""
    return str(sa.text(text).compile(dialect=_dialect(kind, paramstyle)))


@cache
def _dialect(kind: Callable[..., DefaultDialect], paramstyle: Literal["qmark", "format"]) -> DefaultDialect:
    """Return what writes parameters by position."""
    return kind(paramstyle=paramstyle)


def _index(table: sa.Table, ending: str, engine: sa.Engine) -> str:
    """Return the name of an index, which begins with the prefix of the tables."""
    (name,) = (str(index.name) for index in table.indexes if str(index.name).endswith(ending))
    return engine.dialect.identifier_preparer.quote(name)


def _types(table: sa.Table, columns: str, prefix: str = "") -> dict[str, type]:
    """Return parameters for columns, and what values they take."""
    return {prefix + name: table.c[name].type.python_type for name in columns.split(", ")}


def _equations(dialect: Dialect, columns: str, prefix: str = "") -> list[str]:
    """Return ``column = parameter`` for each column."""
    return [f"{name} = {dialect.value.format(prefix + name)}" for name in columns.split(", ")]


class _Set:
    """A condition about a set, by the name of the parameter."""

    def __init__(self, condition: str) -> None:
        self._condition = condition

    def __getattr__(self, parameter: str) -> str:
        return self._condition.format(parameter)
