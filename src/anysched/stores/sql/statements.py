"""The statements of the hot paths: written once, compiled once for each database.

Parameters are given by position, in the order in which their names appear. Sets are given as the dialect wants them,
so that the text of a statement never changes.
"""

from __future__ import annotations

from typing import Final, cast

import sqlalchemy as sa
from sqlalchemy.engine.default import DefaultDialect

from anysched.stores.sql.dialects import Dialect
from anysched.stores.sql.schema import Tables

STATE_COLUMNS: Final = (
    "id, task_id, config_id, incarnation, revision, anchor, next_fire_time, due_at, last_fire_time, "
    "pause, error, jobs_made, skipped, skipped_exact"
)
JOB_COLUMNS: Final = (
    "id, task_id, schedule_id, incarnation, kind, scheduled_fire_time, run_at, created_at, start_deadline, "
    "held_since, attempt, token, claimed_by, cancel_requested, job_executor, result_expiration, payload"
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
            )
        }

        names |= {
            "state": STATE_COLUMNS,
            "job": JOB_COLUMNS,
            "lock": dialect.lock,
            "lock_unlocked": dialect.lock_unlocked,
            "lock_existence": dialect.lock_existence,
            "by_existence": dialect.by_existence,
            "by_key": dialect.by_key,
        }
        by_position = cast("type[DefaultDialect]", type(engine.dialect))(paramstyle=dialect.paramstyle)

        def sql(text: str) -> str:
            text = text.format(**names, in_=_Set(dialect.among), not_in=_Set(dialect.not_among))
            return str(sa.text(" ".join(text.split())).compile(dialect=by_position))

        # What a node can fire: rule S2. Part of each statement that asks what is due, so that they agree (rule S5).
        mine = (
            "(:all_tasks = 1 OR task_id {in_.tasks})"
            " AND kinds {not_in.unknown_kinds} AND config_id {not_in.unknown_configs}"
        )

        # schedules
        self.due: str = sql(
            f"SELECT {{state}} FROM {{schedules}} WHERE wake_at <= :now AND {mine}"
            " ORDER BY wake_at LIMIT :most {lock_unlocked}"
        )
        self.first_wake: str = sql(
            f"SELECT wake_at FROM {{schedules}} WHERE wake_at IS NOT NULL AND {mine} ORDER BY wake_at LIMIT 1"
        )
        self.passed_over: str = sql(
            "SELECT id, task_id, config_id, kinds FROM {schedules}"
            f" WHERE wake_at <= :now AND NOT ({mine}) ORDER BY wake_at LIMIT :most"
        )
        self.schedules_by_id: str = sql(
            "SELECT {state} FROM {schedules} {by_key} WHERE id {in_.ids} ORDER BY id {lock}"
        )
        self.configs: str = sql(
            "SELECT s.id, s.config_id, s.kinds, c.configuration, c.payload"
            " FROM {schedules} s LEFT JOIN {configs} c ON c.id = s.config_id WHERE s.id {in_.ids}"
        )
        self.insert_config: str = sql(
            "INSERT INTO {configs} (id, configuration, payload) VALUES (:id, :configuration, :payload)"
        )
        self.delete_config: str = sql("DELETE FROM {configs} WHERE id = :id")
        self.insert_schedule: str = sql(
            "INSERT INTO {schedules} (task_id, config_id, kinds, incarnation, revision, anchor, next_fire_time, due_at,"
            " wake_at, last_fire_time, pause, error, jobs_made, skipped, skipped_exact, id) VALUES (:task_id,"
            " :config_id, :kinds, :incarnation, :revision, :anchor, :next_fire_time, :due_at, :wake_at,"
            " :last_fire_time, :pause, :error, :jobs_made, :skipped, :skipped_exact, :id)"
        )
        # Rule S4: nothing is written that was decided from a state which does not stand any more.
        still = "id = :id AND incarnation = :old_incarnation AND revision = :old_revision"
        self.update_config: str = sql(
            f"UPDATE {{schedules}} SET task_id = :task_id, config_id = :config_id, kinds = :kinds WHERE {still}"
        )
        self.update_state: str = sql(
            "UPDATE {schedules} SET incarnation = :incarnation, revision = :revision, anchor = :anchor,"
            " next_fire_time = :next_fire_time, due_at = :due_at, wake_at = :wake_at,"
            " last_fire_time = :last_fire_time, pause = :pause, error = :error,"
            f" jobs_made = :jobs_made, skipped = :skipped, skipped_exact = :skipped_exact WHERE {still}"
        )
        self.delete_schedule: str = sql(f"DELETE FROM {{schedules}} WHERE {still}")

        # jobs
        insert_job = (
            "INSERT INTO {jobs} (id, task_id, schedule_id, incarnation, kind, scheduled_fire_time, fire_key, run_at,"
            " ready_at, created_at, start_deadline, held_since, attempt, token, cancel_requested, job_executor,"
            " result_expiration, payload) VALUES (:id, :task_id, :schedule_id, :incarnation, :kind,"
            " :scheduled_fire_time, :fire_key, :run_at, :ready_at, :created_at, :start_deadline, :held_since,"
            " :attempt, :token, :cancel_requested, :job_executor, :result_expiration, :payload)"
        )
        self.insert_job: str = sql(insert_job)
        self.insert_fired_job: str = sql(f"{insert_job} {dialect.unless_fired}")
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
        self.delete_jobs: str = sql("DELETE FROM {jobs} WHERE id {in_.ids}")
        self.requeue: str = sql(
            "UPDATE {jobs} SET claimed_by = NULL, ready_at = run_at, attempt = :attempt WHERE id = :id"
        )
        self.jobs_of_node: str = sql("SELECT {job} FROM {jobs} WHERE claimed_by = :node ORDER BY id {lock}")
        self.job_by_id: str = sql("SELECT {job} FROM {jobs} WHERE id = :id {lock}")
        self.request_cancel: str = sql("UPDATE {jobs} SET cancel_requested = 1 WHERE id = :id")
        self.cancels: str = sql("SELECT id FROM {jobs} WHERE claimed_by = :node AND cancel_requested = 1")

        # jobs of schedules that no node has: all, the regular ones, those held
        # COALESCE keeps SQLite from the index of ``claimed_by``, under whose NULL stand all jobs that wait.
        waiting = "schedule_id {in_.schedules} AND COALESCE(claimed_by, '') = ''"
        self.waiting: str = sql(f"SELECT {{job}} FROM {{jobs}} WHERE {waiting} ORDER BY id {{lock}}")
        self.waiting_regular: str = sql(
            f"SELECT {{job}} FROM {{jobs}} WHERE {waiting} AND kind = 'regular' ORDER BY id {{lock}}"
        )
        self.waiting_held: str = sql(
            f"SELECT {{job}} FROM {{jobs}} WHERE {waiting} AND held_since IS NOT NULL ORDER BY id {{lock}}"
        )
        self.hold: str = sql(
            f"UPDATE {{jobs}} SET held_since = :now, ready_at = NULL WHERE {waiting} AND kind = 'regular'"
            " AND held_since IS NULL"
        )
        # MariaDB assigns one after the other: what is read by one expression is changed after it.
        self.release: str = sql(
            "UPDATE {jobs} SET ready_at = run_at, start_deadline = CASE"
            " WHEN start_deadline < :last - (:now - held_since) THEN start_deadline + (:now - held_since)"
            " WHEN start_deadline IS NOT NULL THEN :last END, held_since = NULL"
            f" WHERE {waiting} AND held_since IS NOT NULL"
        )

        # results
        self.insert_result: str = sql(
            "INSERT INTO {results} (job_id, outcome, started_at, finished_at, expires_at, return_value, exception)"
            " VALUES (:job_id, :outcome, :started_at, :finished_at, :expires_at, :return_value, :exception)"
        )
        self.result: str = sql(
            "SELECT outcome, started_at, finished_at, return_value, exception FROM {results}"
            " WHERE job_id = :job_id AND expires_at > :now"
        )
        self.expired: str = sql("SELECT job_id FROM {results} WHERE expires_at <= :now LIMIT :most")
        self.delete_results: str = sql("DELETE FROM {results} WHERE job_id {in_.ids}")

        # nodes
        self.nodes: str = sql(
            "SELECT id, lease_until, EXISTS (SELECT 1 FROM {jobs} WHERE claimed_by = {nodes}.id) FROM {nodes}"
        )
        self.renew: str = sql("UPDATE {nodes} SET lease_until = :until WHERE id = :id")
        self.insert_node: str = sql("INSERT INTO {nodes} (lease_until, id) VALUES (:until, :id)")
        self.lock_node: str = sql("SELECT id FROM {nodes} {by_existence} WHERE id = :id {lock_existence}")
        self.lock_expired_node: str = sql(
            "SELECT id FROM {nodes} {by_existence} WHERE id = :id AND lease_until <= :now {lock_unlocked}"
        )
        self.delete_node: str = sql("DELETE FROM {nodes} WHERE id = :id")

        # tasks
        self.meta: str = sql(
            "SELECT name, number FROM {meta} WHERE name IN ('oldest_node', 'schema_version', 'tasks_revision')"
        )
        self.touch_tasks: str = sql("UPDATE {meta} SET number = number + 1 WHERE name = 'tasks_revision'")
        self.lock_tasks: str = sql("SELECT id FROM {tasks} {by_key} WHERE id {in_.ids} ORDER BY id {lock}")
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


class _Set:
    """A condition about a set, by the name of the parameter."""

    def __init__(self, condition: str) -> None:
        self._condition = condition

    def __getattr__(self, parameter: str) -> str:
        return self._condition.format(parameter)
