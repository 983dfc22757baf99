"""The decisions of one node, bound to its defaults."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import attrs

from anysched.model.change import Change
from anysched.model.history import Retention
from anysched.model.job import EndedJob, Job
from anysched.model.options import EffectiveOptions
from anysched.model.schedule import Schedule, ScheduleSnapshot
from anysched.model.task import Task, TaskDefaults
from anysched.rules import backfilling, breaking, running
from anysched.rules.joining import joined
from anysched.rules.options import effective_options
from anysched.rules.pausing import after, settle_and_fire


@attrs.frozen
class Policy:
    """What ``ports.store.NodePolicy`` asks for, by the rules."""

    defaults: TaskDefaults
    retention: Retention = attrs.field(factory=Retention, kw_only=True)

    def options(self, schedule: Schedule | None, task: Task | None) -> EffectiveOptions:
        """Return the options of a schedule's jobs, or of a task's."""
        recorded = self.retention.history is not None
        return effective_options(schedule, task, self.defaults, recorded=recorded)

    def fire(self, snapshot: ScheduleSnapshot, task: Task | None, now: datetime, limit: int) -> Change:
        """Decide what a schedule that has come due does."""
        options = self.options(snapshot.schedule, task)
        change = settle_and_fire(snapshot, options, now, limit)
        if not snapshot.state.backfills:
            return change
        return joined(change, backfilling.go_on(after(snapshot, change), options, now))

    def retries(self, job: Job, task: Task | None) -> bool:
        """Decide whether a job whose node is gone is started again."""
        return running.retries(job, self.options(None, task))

    def ended(
        self, snapshot: ScheduleSnapshot, task: Task | None, ends: Sequence[EndedJob], now: datetime
    ) -> Change:
        """Decide what becomes of a schedule when jobs of it have ended."""
        options = self.options(snapshot.schedule, task)
        change = breaking.ended(snapshot, options, ends, now)
        if not snapshot.state.backfills:
            return change
        return joined(change, backfilling.ended(after(snapshot, change), options, ends, now))

    def max_running_jobs(self, task: Task | None) -> int | None:
        """Tell how many jobs of a task may run at once."""
        return self.options(None, task).max_running_jobs
