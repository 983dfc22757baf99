"""Who has the last word on a task's options (rule S7)."""

from __future__ import annotations

from typing import Any, TypeVar

import attrs

from anysched.model.options import EffectiveOptions
from anysched.model.schedule import Schedule
from anysched.model.task import Task, TaskDefaults, TaskOptions
from anysched.model.unset import UNSET, UnsetType

T = TypeVar("T")

_NOTHING = TaskOptions()


def effective_options(
    schedule: Schedule | None, task: Task | None, defaults: TaskDefaults, *, recorded: bool = True
) -> EffectiveOptions:
    """Return, field by field, what the schedule says, else what was configured, declared, or is the default.

    :param recorded: whether the node writes what comes of fire times (rule G1)
    """
    return with_schedule(schedule, options_of_task(task, defaults, recorded=recorded))


def with_schedule(schedule: Schedule | None, options: EffectiveOptions) -> EffectiveOptions:
    """Return the options of a schedule's jobs, which are those of its task where it says nothing else."""
    if schedule is None or (schedule.job_executor is UNSET and schedule.misfire_grace_time is UNSET):
        return options
    return attrs.evolve(
        options,
        job_executor=first_set(schedule.job_executor, UNSET, options.job_executor),
        misfire_grace_time=first_set(schedule.misfire_grace_time, UNSET, options.misfire_grace_time),
    )


def options_of_task(task: Task | None, defaults: TaskDefaults, *, recorded: bool = True) -> EffectiveOptions:
    """Return, field by field, what was configured, else declared, else is the default."""
    configured, declared = (_NOTHING, _NOTHING) if task is None else (task.configured, task.declared)
    return EffectiveOptions(
        job_executor=first_set(configured.job_executor, declared.job_executor, defaults.job_executor),
        max_running_jobs=first_set(
            configured.max_running_jobs, declared.max_running_jobs, defaults.max_running_jobs
        ),
        misfire_grace_time=first_set(
            configured.misfire_grace_time, declared.misfire_grace_time, defaults.misfire_grace_time
        ),
        on_abandon=first_set(configured.on_abandon, declared.on_abandon, defaults.on_abandon),
        max_attempts=first_set(configured.max_attempts, declared.max_attempts, defaults.max_attempts),
        metadata=first_set(configured.metadata, declared.metadata, defaults.metadata),
        recorded=recorded,
    )


def first_set(first: T | UnsetType, second: T | UnsetType, default: T) -> T:
    """Return the first of two values that is set, else the default."""
    if first is not UNSET:
        return first
    return second if second is not UNSET else default


def merge_options(old: TaskOptions, new: TaskOptions) -> TaskOptions:
    """Return ``old`` with every field that is set in ``new`` replaced."""
    changes: dict[str, Any] = {
        field.name: value
        for field in attrs.fields(TaskOptions)
        if (value := getattr(new, field.name)) is not UNSET
    }
    return attrs.evolve(old, **changes)
