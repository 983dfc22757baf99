"""The statements of the hot paths: written once, compiled once for each database.

Parameters are given by position, in the order in which their names appear. Sets are given as the dialect wants them,
so that the text of a statement never changes.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from anysched.stores.sql.dialects import Dialect, Many
from anysched.stores.sql.schema import Tables
from anysched.stores.sql.writer import Writer

STATE_COLUMNS: Final = (
    "id, task_id, config_id, incarnation, revision, anchor, next_fire_time, due_at, last_fire_time, "
    "pause, error, jobs_made, skipped, skipped_exact, failures, occurrences, windows, windowed_until, backfills, "
    "waiting, kinds"
)
JOB_COLUMNS: Final = (
    "id, task_id, schedule_id, incarnation, kind, scheduled_fire_time, run_at, created_at, start_deadline, "
    "held_since, attempt, token, claimed_by, cancel_requested, job_executor, result_expiration, counted, "
    "recorded, backfill_id, awaited, payload"
)

#: What a node can fire: rule S2. Part of each statement that asks what is due, so that they agree (rule S5).
_MINE: Final = (
    "(:all_tasks = 1 OR task_id {in_.tasks})"
    " AND kinds {not_in.unknown_kinds} AND config_id {not_in.unknown_configs} AND id {not_in.unknown_states}"
)


class Statements:
    """The text of each statement, for the driver."""

    def __init__(self, tables: Tables, engine: sa.Engine, dialect: Dialect) -> None:
        write = Writer(tables, engine, dialect, {"state": STATE_COLUMNS, "job": JOB_COLUMNS})
        for part in (
            self._schedules,
            self._holds,
            self._jobs,
            self._waiting_jobs,
            self._results,
            self._history,
            self._zones,
            self._nodes,
            self._figures,
            self._tasks,
        ):
            part(write, tables)

    def _schedules(self, write: Writer, tables: Tables) -> None:
        """Schedules, and their configurations."""
        self.due: str = write.sql(
            f"SELECT {{state}} FROM {{schedules}} {{by_due}} WHERE wake_at <= :now AND {_MINE}"
            " ORDER BY wake_at LIMIT :most {lock_unlocked}"
        )
        first = "(SELECT wake_at FROM {{schedules}} {{by_due}} WHERE wake_at IS NOT NULL {} ORDER BY wake_at LIMIT 1)"
        self.first_wakes: str = write.sql(f"SELECT {first.format(f'AND {_MINE}')}, {first.format('')}")
        self.passed_over: str = write.sql(
            "SELECT id, task_id, config_id, kinds, revision FROM {schedules} {by_due}"
            f" WHERE wake_at <= :now AND NOT ({_MINE}) ORDER BY wake_at LIMIT :most"
        )
        self.schedules_by_id: str = write.sql(
            "SELECT {state} FROM {schedules} {by_key} WHERE id {in_.ids} ORDER BY id {lock}"
        )
        self.unlocked_schedules_by_id: str = write.sql(
            "SELECT {state} FROM {schedules} {by_key} WHERE id {in_.ids} ORDER BY id {lock_unlocked}"
        )
        self.failing_schedules: str = write.sql(
            "SELECT id FROM {schedules} WHERE id {in_.ids} AND failures > 0"
        )
        self.waiting_schedules: str = write.sql(
            "SELECT id, waiting FROM {schedules} WHERE waiting IS NOT NULL"
        )
        self.existing_schedules: str = write.sql("SELECT id FROM {schedules} WHERE id {in_.ids}")
        self.configs: str = write.sql("SELECT id, configuration, payload FROM {configs} WHERE id {in_.ids}")
        self.insert_config: Many = write.insert(tables.configs, "id, configuration, payload")
        self.delete_config: Many = write.delete(tables.configs, "id")
        state = (
            "incarnation, revision, anchor, next_fire_time, due_at, wake_at, last_fire_time, pause, error, jobs_made,"
            " skipped, skipped_exact, failures, occurrences, windows, windowed_until, backfills, waiting"
        )
        configured = "task_id, config_id, kinds, group_name, tags"
        self.insert_schedule: Many = write.insert(tables.schedules, f"{configured}, {state}, id")
        # Rule S4: nothing is written that was decided from a state which does not stand any more.
        still = "id, incarnation, revision"
        self.update_config: Many = write.update(tables.schedules, configured, still)
        self.update_state: Many = write.update(tables.schedules, state, still)
        moved = "revision, next_fire_time, due_at, wake_at, last_fire_time, jobs_made"
        self.update_moved: Many = write.update(tables.schedules, moved, still)
        self.delete_schedule: Many = write.delete(tables.schedules, still)

    def _holds(self, write: Writer, tables: Tables) -> None:
        """Who writes holds locks their revision, who adds schedules shares it (rule H4)."""
        self.touch_holds: str = write.sql(
            "UPDATE {meta} SET number = number + 1 WHERE name = 'holds_revision'"
        )
        self.share_holds: str = write.sql(
            "SELECT number FROM {meta} WHERE name = 'holds_revision' {lock_shared}"
        )
        self.holds: str = write.sql("SELECT id, record FROM {holds} ORDER BY id")
        self.insert_hold: Many = write.insert(tables.holds, "id, until, record")
        self.delete_hold: Many = write.delete(tables.holds, "id")
        self.past_hold: str = write.sql("SELECT id FROM {holds} WHERE until <= :now LIMIT 1")
        self.delete_past_holds: str = write.sql("DELETE FROM {holds} WHERE until <= :now")

    def _jobs(self, write: Writer, tables: Tables) -> None:
        """Jobs, and the taking of them."""
        job = (
            "id, task_id, schedule_id, incarnation, kind, scheduled_fire_time, fire_key, run_at, created_at,"
            " start_deadline, held_since, attempt, cancel_requested, job_executor, result_expiration, counted,"
            " recorded, backfill_id, awaited, payload, ready_at, token, claimed_by"
        )
        self.insert_job: Many = write.insert(tables.jobs, job)
        self.insert_fired_job: Many = write.insert(tables.jobs, job, write.dialect.unless_fired)
        self.existing_jobs: str = write.sql("SELECT id FROM {jobs} WHERE id {in_.ids}")
        self.queued_tasks: str = write.sql(write.dialect.queued_tasks)
        self.running_tasks: str = write.sql("SELECT task_id FROM {jobs} WHERE claimed_by > ''")
        # Where many write, candidates are read first and locked then: others may have them.
        self.ready: str = write.sql(write.dialect.ready)
        self.lock_ready: str = write.sql(
            "SELECT {job} FROM {jobs} {by_key} WHERE id {in_.ids} AND ready_at <= :now ORDER BY ready_at, id"
            " LIMIT :most {lock_unlocked}"
        )
        self.claim: str = write.sql(
            "UPDATE {jobs} {by_key} SET claimed_by = :node, token = token + 1, ready_at = NULL WHERE id {in_.ids}"
        )
        self.claimed: str = write.sql(
            "SELECT id, token, claimed_by FROM {jobs} {by_key} WHERE id {in_.ids} ORDER BY id {lock}"
        )
        # In MariaDB a set of ids could be looked for in all rows, and waits for each that somebody else has locked.
        self.delete_jobs: Many = write.delete(tables.jobs, "id")
        self.requeue: Many = write.update(
            tables.jobs, "attempt", "id", ", claimed_by = NULL, ready_at = run_at"
        )
        self.jobs_of_node: str = write.sql(
            "SELECT {job} FROM {jobs} WHERE claimed_by = :node ORDER BY id {lock}"
        )
        self.unlocked_jobs_of_node: str = write.sql(
            "SELECT {job} FROM {jobs} WHERE claimed_by = :node ORDER BY id {lock_unlocked}"
        )
        self.count_of_node: str = write.sql("SELECT COUNT(*) FROM {jobs} WHERE claimed_by = :node")
        self.job_by_id: str = write.sql("SELECT {job} FROM {jobs} WHERE id = :id {lock}")
        self.request_cancel: str = write.sql("UPDATE {jobs} SET cancel_requested = 1 WHERE id = :id")
        self.cancels: str = write.sql(
            "SELECT id FROM {jobs} WHERE claimed_by = :node AND cancel_requested = 1"
        )

    def _waiting_jobs(self, write: Writer, _: Tables) -> None:
        """Jobs of schedules that no node has: all, the regular ones, those held, those of a backfill."""
        # COALESCE keeps SQLite from the index of ``claimed_by``, under whose NULL stand all jobs that wait.
        waiting = "schedule_id {in_.schedules} AND COALESCE(claimed_by, '') = ''"
        self.waiting: str = write.sql(f"SELECT {{job}} FROM {{jobs}} WHERE {waiting} ORDER BY id {{lock}}")
        self.waiting_regular: str = write.sql(
            f"SELECT {{job}} FROM {{jobs}} WHERE {waiting} AND kind = 'regular' ORDER BY id {{lock}}"
        )
        self.waiting_held: str = write.sql(
            f"SELECT {{job}} FROM {{jobs}} WHERE {waiting} AND held_since IS NOT NULL ORDER BY id {{lock}}"
        )
        self.waiting_backfill: str = write.sql(
            f"SELECT {{job}} FROM {{jobs}} WHERE {waiting} AND backfill_id = :backfill ORDER BY id {{lock}}"
        )
        self.hold: str = write.sql(
            f"UPDATE {{jobs}} SET held_since = :now, ready_at = NULL WHERE {waiting} AND kind = 'regular'"
            " AND held_since IS NULL"
        )
        # MariaDB assigns one after the other: what is read by one expression is changed after it.
        moved = (
            "CASE WHEN run_at <= held_since THEN run_at"
            " WHEN run_at < :last - (:now - held_since) THEN run_at + (:now - held_since) ELSE :last END"
        )
        self.release: str = write.sql(
            f"UPDATE {{jobs}} SET ready_at = {moved}, run_at = {moved}, start_deadline = CASE"
            " WHEN start_deadline < :last - (:now - held_since) THEN start_deadline + (:now - held_since)"
            " WHEN start_deadline IS NOT NULL THEN :last END, held_since = NULL"
            f" WHERE {waiting} AND held_since IS NOT NULL"
        )

    def _results(self, write: Writer, tables: Tables) -> None:
        """Results."""
        self.insert_result: Many = write.insert(
            tables.results, "job_id, outcome, started_at, finished_at, expires_at, return_value, exception"
        )
        self.result: str = write.sql(
            "SELECT outcome, started_at, finished_at, return_value, exception FROM {results}"
            " WHERE job_id = :job_id AND expires_at > :now"
        )
        self.expired: str = write.sql("SELECT job_id FROM {results} WHERE expires_at <= :now LIMIT :most")
        self.delete_results: Many = write.delete(tables.results, "job_id")

    def _history(self, write: Writer, tables: Tables) -> None:
        """History and audit."""
        self.insert_history: Many = write.insert(
            tables.history, "id, incarnation, first_time, last_time, written_at, record"
        )
        self.old_history: str = write.sql("SELECT id FROM {history} WHERE written_at < :before LIMIT :most")
        self.long_history: str = write.sql(
            "SELECT incarnation FROM {history} GROUP BY incarnation HAVING COUNT(*) > :most"
        )
        self.last_of_history: str = write.sql(
            "SELECT last_time FROM {history} WHERE incarnation = :incarnation ORDER BY last_time DESC"
            " LIMIT 1 OFFSET :most"
        )
        self.past_history: str = write.sql(
            "SELECT id FROM {history} WHERE incarnation = :incarnation AND last_time <= :until LIMIT :most"
        )
        self.delete_history: Many = write.delete(tables.history, "id")
        self.insert_audit: Many = write.insert(tables.audit, "id, done_at, schedule_id, name, action, record")
        self.old_audit: str = write.sql("SELECT id FROM {audit} WHERE done_at < :before LIMIT :most")
        self.delete_audit: Many = write.delete(tables.audit, "id")

    def _zones(self, write: Writer, tables: Tables) -> None:
        """Who writes time zones locks their revision (rule T12)."""
        self.touch_zones: str = write.sql(
            "UPDATE {meta} SET number = number + 1 WHERE name = 'zones_revision'"
        )
        self.zones: str = write.sql("SELECT name, record FROM {zones} ORDER BY name")
        self.insert_zone: Many = write.insert(tables.zones, "name, record")
        self.delete_zone: Many = write.delete(tables.zones, "name")

    def _nodes(self, write: Writer, _: Tables) -> None:
        """Nodes and their leases."""
        # A node does not ask whether it has jobs itself: the index may hold many that it had.
        self.nodes: str = write.sql(
            "SELECT id, lease_until, CASE WHEN id <> :me THEN"
            " EXISTS (SELECT 1 FROM {jobs} WHERE claimed_by = {nodes}.id) ELSE FALSE END FROM {nodes}"
        )
        self.renew: str = write.sql("UPDATE {nodes} SET lease_until = :until WHERE id = :id")
        self.grant: str = write.sql(
            f"INSERT INTO {{nodes}} (lease_until, id) VALUES (:until, :id) {write.dialect.or_renew}"
        )
        self.lock_node: str = write.sql(
            "SELECT id FROM {nodes} {by_existence} WHERE id = :id {lock_existence}"
        )
        self.lock_expired_node: str = write.sql(
            "SELECT id FROM {nodes} {by_existence} WHERE id = :id AND lease_until <= :now {lock_unlocked}"
        )
        self.delete_node: str = write.sql("DELETE FROM {nodes} WHERE id = :id")

    def _figures(self, write: Writer, _: Tables) -> None:
        """What is told of a store as a whole."""
        self.count_due: str = write.sql(
            "SELECT COUNT(*), MIN(wake_at) FROM {schedules} WHERE wake_at <= :now"
        )
        self.count_ready: str = write.sql("SELECT COUNT(*), MIN(ready_at) FROM {jobs} WHERE ready_at <= :now")
        self.count_claimed: str = write.sql(
            "SELECT claimed_by, COUNT(*) FROM {jobs} WHERE claimed_by > '' GROUP BY claimed_by"
        )

    def _tasks(self, write: Writer, _: Tables) -> None:
        """Tasks."""
        self.meta: str = write.sql(
            "SELECT name, number FROM {meta} WHERE name IN ('oldest_node', 'schema_version', 'tasks_revision')"
        )
        self.touch_tasks: str = write.sql(
            "UPDATE {meta} SET number = number + 1 WHERE name = 'tasks_revision'"
        )
        self.lock_tasks: str = write.sql(
            "SELECT id FROM {tasks} {by_key} WHERE id {in_.ids} ORDER BY id {lock_unlocked}"
        )
        self.tasks: str = write.sql(
            "SELECT id, declared, declared_metadata, configured, configured_metadata FROM {tasks} ORDER BY id"
        )
        self.insert_task: str = write.sql("INSERT INTO {tasks} (id) VALUES (:id)")
        self.declare_task: str = write.sql(
            "UPDATE {tasks} SET declared = :options, declared_metadata = :metadata WHERE id = :id"
        )
        # Metadata that is not given is not set, or could not be read here and must not get lost.
        self.configure_task: str = write.sql(
            "UPDATE {tasks} SET configured = :options, configured_metadata = COALESCE(:metadata,"
            " configured_metadata) WHERE id = :id"
        )
