from __future__ import annotations

from anysched import IntervalTrigger, Scheduler


def declare(scheduler: Scheduler) -> None:
    """Called at each start of `manage.py runscheduler`; "replace" leaves pauses as they are."""
    scheduler.add_schedule("beat", IntervalTrigger(seconds=1), id="heart", conflict_policy="replace")
