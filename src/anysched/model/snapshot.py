"""A schedule and what is kept about it, as they were at one moment."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import attrs

from anysched.model.policies import ScheduleStatus
from anysched.model.quick import quick
from anysched.model.schedule import Schedule
from anysched.model.state import ScheduleState
from anysched.model.trigger import Trigger


@quick
@attrs.frozen
class ScheduleSnapshot:
    """A schedule and its state as they were at one moment.

    :ivar fault: why the stored configuration cannot be used on this node, if so; ``schedule`` then has
        placeholders in place of what could not be read
    """

    schedule: Schedule
    state: ScheduleState
    fault: str | None = None

    @property
    def id(self) -> str:
        """The id of the schedule."""
        return self.schedule.id

    @property
    def task_id(self) -> str:
        """The name of its task."""
        return self.schedule.task_id

    @property
    def trigger(self) -> Trigger:
        """Its trigger."""
        return self.schedule.trigger

    @property
    def status(self) -> ScheduleStatus:
        """The first that holds of error, finished, paused and active (rule S2)."""
        return self.state.status

    @property
    def paused(self) -> bool:
        """Whether a pause exists."""
        return self.state.paused

    @property
    def next_fire_time(self) -> datetime | None:
        """Its next fire time but those that were moved; frozen while paused, None when there is none, or none yet."""
        return self.state.next_fire_time

    @property
    def waits_for(self) -> tuple[UUID, ...]:
        """The jobs whose ends it waits for before it has a next fire time (rule S9); empty if it does not."""
        return () if self.state.waiting is None else self.state.waiting.jobs

    @property
    def last_fire_time(self) -> datetime | None:
        """The latest fire time that got a job."""
        return self.state.last_fire_time
