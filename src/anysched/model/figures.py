"""What a data store holds, in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import attrs


@attrs.frozen(kw_only=True)
class StoreFigures:
    """What a store holds at one moment, for all nodes together; instants are its own.

    :ivar now: the store's present
    :ivar due_schedules: how many schedules have come due and were not fired yet, those that no node knows included
    :ivar due_since: when the first of them came due
    :ivar queued_jobs: how many jobs could have started by now
    :ivar queued_since: when the first of them could
    :ivar running_jobs: how many jobs each node has taken, by its identity
    :ivar leases: until when these jobs are safe from other nodes; empty where jobs need no lease
    """

    now: datetime
    due_schedules: int
    due_since: datetime | None
    queued_jobs: int
    queued_since: datetime | None
    running_jobs: Mapping[str, int]
    leases: Mapping[str, datetime]
