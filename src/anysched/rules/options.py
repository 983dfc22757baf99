"""Who has the last word on a task's options (rule S7)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, TypeVar

import attrs

from anysched.model.options import EffectiveOptions
from anysched.model.schedule import Schedule
from anysched.model.task import Task, TaskDefaults, TaskOptions
from anysched.model.unset import UnsetType

T = TypeVar("T")


def first_set(values: Iterable[T | UnsetType], default: T) -> T:
    """Return the first value that is set, else the default."""
    return next((value for value in values if not isinstance(value, UnsetType)), default)


def effective_options(
    schedule: Schedule | None, task: Task | None, defaults: TaskDefaults
) -> EffectiveOptions:
    """Return, field by field, what the schedule says, else what was configured, declared, or is the default."""
    if task is None or (task.configured is _NOTHING and task.declared is _NOTHING):
        owners: tuple[TaskOptions, ...] = ()
    else:
        owners = (task.configured, task.declared)
    executors: list[str | UnsetType | None] = [owner.job_executor for owner in owners]
    graces: list[timedelta | UnsetType | None] = [owner.misfire_grace_time for owner in owners]
    if schedule is not None:
        executors.insert(0, schedule.job_executor)
        graces.insert(0, schedule.misfire_grace_time)
    return EffectiveOptions(
        job_executor=first_set(executors, defaults.job_executor),
        max_running_jobs=first_set([owner.max_running_jobs for owner in owners], defaults.max_running_jobs),
        misfire_grace_time=first_set(graces, defaults.misfire_grace_time),
        on_abandon=first_set([owner.on_abandon for owner in owners], defaults.on_abandon),
        max_attempts=first_set([owner.max_attempts for owner in owners], defaults.max_attempts),
        metadata=first_set([owner.metadata for owner in owners], defaults.metadata),
    )


def merge_options(old: TaskOptions, new: TaskOptions) -> TaskOptions:
    """Return ``old`` with every field that is set in ``new`` replaced."""
    changes: dict[str, Any] = {
        field.name: value
        for field in attrs.fields(TaskOptions)
        if not isinstance(value := getattr(new, field.name), UnsetType)
    }
    return attrs.evolve(old, **changes)


_NOTHING = TaskOptions()
