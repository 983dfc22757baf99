"""Tasks and the options they run with (rule S7)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import attrs

from anysched.model import convert
from anysched.model.policies import OnAbandon
from anysched.model.unset import UNSET, UnsetType


def _on_abandon(value: OnAbandon | str | UnsetType) -> OnAbandon | UnsetType:
    return value if isinstance(value, UnsetType) else OnAbandon(value)


def _metadata(value: Mapping[str, Any] | UnsetType) -> Mapping[str, Any] | UnsetType:
    return value if isinstance(value, UnsetType) else convert.metadata(value)


@attrs.frozen(kw_only=True)
class TaskOptions:
    """What one owner says about a task; what it leaves unset is for the next owner to say.

    :ivar job_executor: name of the job executor; None chooses by the kind of function
    :ivar max_running_jobs: how many jobs of the task may run at once on all nodes together; None for no limit
    :ivar misfire_grace_time: how late a job may start; None for no limit
    :ivar on_abandon: what becomes of a job whose node died
    :ivar max_attempts: how often a job may be started in all
    :ivar metadata: anything that can be serialized
    """

    job_executor: str | UnsetType | None = attrs.field(default=UNSET, converter=convert.job_executor)
    max_running_jobs: int | UnsetType | None = attrs.field(default=UNSET, converter=convert.max_running_jobs)
    misfire_grace_time: timedelta | UnsetType | None = attrs.field(
        default=UNSET, converter=convert.misfire_grace_time
    )
    on_abandon: OnAbandon | UnsetType = attrs.field(default=UNSET, converter=_on_abandon)
    max_attempts: int | UnsetType = attrs.field(default=UNSET, converter=convert.max_attempts)
    metadata: Mapping[str, Any] | UnsetType = attrs.field(default=UNSET, converter=_metadata)


@attrs.frozen(kw_only=True)
class TaskDefaults:
    """What a task runs with where nobody says otherwise; the fields are those of ``TaskOptions``."""

    job_executor: str | None = attrs.field(default=None, converter=convert.optional_executor)
    max_running_jobs: int | None = attrs.field(default=None, converter=convert.optional_limit)
    misfire_grace_time: timedelta | None = attrs.field(default=None, converter=convert.optional_grace)
    on_abandon: OnAbandon = attrs.field(default=OnAbandon.retry, converter=OnAbandon)
    max_attempts: int = attrs.field(default=3, converter=convert.attempts)
    metadata: Mapping[str, Any] = attrs.field(default=convert.EMPTY_MAPPING, converter=convert.metadata)


@attrs.frozen
class Task:
    """A named callable as the data store knows it: its name, and who said what about it.

    :ivar id: the name
    :ivar declared: options written down in code; the last node to start wins
    :ivar configured: options set with ``configure_task``
    """

    id: str
    declared: TaskOptions = TaskOptions()
    configured: TaskOptions = TaskOptions()
