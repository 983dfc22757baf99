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
from anysched.rules import auditing, backfilling, breaking, running, waiting
from anysched.rules.joining import joined
from anysched.rules.options import effective_options
from anysched.rules.pausing import after, settle_and_fire


def _nobody(policy: Policy) -> auditing.Actor:
    return auditing.Actor(policy.node)


@attrs.frozen
class Policy:
    """What ``ports.store.NodePolicy`` asks for, by the rules.

    :ivar node: the name of the node, for what is kept of what it does
    """

    defaults: TaskDefaults
    retention: Retention = attrs.field(factory=Retention, kw_only=True)
    node: str | None = attrs.field(default=None, kw_only=True)
    _nobody: auditing.Actor = attrs.field(  # is asked for whenever jobs end
        init=False, repr=False, eq=False, default=attrs.Factory(_nobody, takes_self=True)
    )

    def actor(self, by: str | None = None, reason: str | None = None) -> auditing.Actor | None:
        """Return who does something through this node, None if nothing is kept of that (rule A2).

        :raise TypeError, ValueError: when a name or a reason is no text that can be stored
        """
        nobody = by is None and reason is None
        actor = self._nobody if nobody else auditing.Actor(self.node, by, reason)
        return None if self.retention.audit is None else actor

    def options(self, schedule: Schedule | None, task: Task | None) -> EffectiveOptions:
        """Return the options of a schedule's jobs, or of a task's."""
        recorded = self.retention.history is not None
        return effective_options(schedule, task, self.defaults, recorded=recorded)

    def fire(self, snapshot: ScheduleSnapshot, task: Task | None, now: datetime, limit: int) -> Change:
        """Decide what a schedule that has come due does."""
        options = self.options(snapshot.schedule, task)
        change = settle_and_fire(snapshot, options, now, limit)
        if snapshot.state.backfills:
            change = joined(change, backfilling.go_on(after(snapshot, change), options, now))
        return auditing.noted_itself(change, now, self.actor()) if change.events else change

    def retries(self, job: Job, task: Task | None) -> bool:
        """Decide whether a job whose node is gone is started again."""
        return running.retries(job, self.options(None, task))

    def ended(
        self, snapshot: ScheduleSnapshot, task: Task | None, ends: Sequence[EndedJob], now: datetime
    ) -> Change:
        """Decide what becomes of a schedule when jobs of it have ended."""
        options = self.options(snapshot.schedule, task)
        change = waiting.ended(snapshot, ends, now)
        change = joined(change, breaking.ended(after(snapshot, change), options, ends, now))
        if snapshot.state.backfills:
            change = joined(change, backfilling.ended(after(snapshot, change), options, ends, now))
        return auditing.noted_itself(change, now, self.actor())

    def max_running_jobs(self, task: Task | None) -> int | None:
        """Tell how many jobs of a task may run at once."""
        return self.options(None, task).max_running_jobs
