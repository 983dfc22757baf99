"""The decisions of one node, bound to its defaults."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

import attrs

from anysched.model.change import Change
from anysched.model.history import Retention
from anysched.model.job import EndedJob, Job
from anysched.model.options import EffectiveOptions
from anysched.model.schedule import Schedule
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.task import Task, TaskDefaults
from anysched.rules import auditing, backfilling, breaking, running, waiting
from anysched.rules.joining import joined
from anysched.rules.options import effective_options, schedule_options
from anysched.rules.pausing import after, settle_and_fire


@attrs.frozen
class Policy:
    """What ``ports.store.NodePolicy`` asks for, by the rules.

    :ivar node: the name of the node, for what is kept of what it does
    """

    defaults: TaskDefaults
    retention: Retention = attrs.field(factory=Retention, kw_only=True)
    node: str | None = attrs.field(default=None, kw_only=True)
    # Who does what no user has asked for.
    _itself: auditing.Actor | None = attrs.field(
        default=attrs.Factory(lambda self: self.actor(), takes_self=True), init=False, eq=False, repr=False
    )
    # The options of each task that was asked about last: merging them anew for each job was a tenth of a decision.
    _known: dict[str | None, tuple[Task | None, EffectiveOptions]] = attrs.field(
        factory=dict[str | None, tuple[Task | None, EffectiveOptions]], init=False, eq=False, repr=False
    )

    def actor(self, by: str | None = None, reason: str | None = None) -> auditing.Actor | None:
        """Return who does something through this node, None if nothing is kept of that (rule A2).

        :raise TypeError, ValueError: when a name or a reason is no text that can be stored
        """
        actor = auditing.Actor(self.node, by, reason)
        return None if self.retention.audit is None else actor

    def options(self, schedule: Schedule | None, task: Task | None) -> EffectiveOptions:
        """Return the options of a schedule's jobs, or of a task's."""
        name = None if task is None else task.id
        known = self._known.get(name)
        if known is None or known[0] is not task:
            recorded = self.retention.history is not None
            known = task, effective_options(None, task, self.defaults, recorded=recorded)
            self._known[name] = known
        return known[1] if schedule is None else schedule_options(schedule, known[1])

    def fire(self, snapshot: ScheduleSnapshot, task: Task | None, now: datetime, limit: int) -> Change:
        """Decide what a schedule that has come due does."""
        options = self.options(snapshot.schedule, task)
        change = settle_and_fire(snapshot, options, now, limit)
        if snapshot.state.backfills:
            change = joined(change, backfilling.go_on(after(snapshot, change), options, now))
        return auditing.noted_itself(change, now, self._itself) if change.events else change

    def at_once(
        self,
        change: Change,
        stored: ScheduleSnapshot | None,
        known: Collection[str],
        task: Callable[[str], Task | None],
        now: datetime,
        limit: int,
    ) -> Change:
        """Return a decision of users with what the schedule does as it comes due by it, as far as this node fires it.

        What cannot be read here is left to a pass, which may be that of another node (rule S2).

        :param known: the tasks that the node can run
        :param task: tells what is stored of a task
        """
        state, schedule = change.state, change.schedule
        if schedule is None and stored is not None and stored.fault is None:
            schedule = stored.schedule
        if state is None or schedule is None or schedule.task_id not in known:
            return change
        wake_at = state.wake_at
        if wake_at is None or wake_at > now:
            return change
        fired = self.fire(ScheduleSnapshot(schedule, state), task(schedule.task_id), now, limit)
        return joined(change, fired)

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
        return auditing.noted_itself(change, now, self._itself)

    def max_running_jobs(self, task: Task | None) -> int | None:
        """Tell how many jobs of a task may run at once."""
        return self.options(None, task).max_running_jobs
