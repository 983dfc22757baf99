"""Tasks and the options they run with (rule S7)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import attrs

from anysched.model.convert import (
    frozen_mapping,
    optional_positive_duration,
    optional_positive_int,
    positive_int,
    unless_unset,
)
from anysched.model.policies import OnAbandon
from anysched.model.unset import UNSET, UnsetType


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

    job_executor: str | UnsetType | None = UNSET
    max_running_jobs: int | UnsetType | None = attrs.field(
        default=UNSET, converter=unless_unset(optional_positive_int("max_running_jobs"))
    )
    misfire_grace_time: timedelta | UnsetType | None = attrs.field(
        default=UNSET, converter=unless_unset(optional_positive_duration("misfire_grace_time"))
    )
    on_abandon: OnAbandon | UnsetType = attrs.field(default=UNSET, converter=unless_unset(OnAbandon))
    max_attempts: int | UnsetType = attrs.field(default=UNSET, converter=unless_unset(positive_int("max_attempts")))
    metadata: Mapping[str, Any] | UnsetType = attrs.field(
        default=UNSET, converter=unless_unset(frozen_mapping("metadata"))
    )


@attrs.frozen(kw_only=True)
class TaskDefaults:
    """What a task runs with where nobody says otherwise; the fields are those of ``TaskOptions``."""

    job_executor: str | None = None
    max_running_jobs: int | None = attrs.field(default=None, converter=optional_positive_int("max_running_jobs"))
    misfire_grace_time: timedelta | None = attrs.field(
        default=None, converter=optional_positive_duration("misfire_grace_time")
    )
    on_abandon: OnAbandon = attrs.field(default=OnAbandon.retry, converter=OnAbandon)
    max_attempts: int = attrs.field(default=3, converter=positive_int("max_attempts"))
    metadata: Mapping[str, Any] = attrs.field(factory=dict, converter=frozen_mapping("metadata"))


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
