"""What holds for one job after all owners were heard (rule S7)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import attrs

from anysched.model.policies import OnAbandon


@attrs.frozen(kw_only=True)
class EffectiveOptions:
    """The options of a task, or of a schedule's jobs, with nothing left open.

    :ivar recorded: whether this node writes what comes of fire times (rule G1)
    """

    job_executor: str | None
    max_running_jobs: int | None
    misfire_grace_time: timedelta | None
    on_abandon: OnAbandon
    max_attempts: int
    metadata: Mapping[str, Any]
    recorded: bool = True
