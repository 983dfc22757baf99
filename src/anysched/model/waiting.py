"""What a schedule with a fixed delay waits for before it has a next fire time (rule S9)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import attrs


@attrs.frozen(kw_only=True)
class Waiting:
    """Jobs whose ends a schedule waits for, or the last of those ends.

    :ivar jobs: the jobs that have not ended; empty once all have
    :ivar ended_at: when the last of those ended that have; None for none
    """

    jobs: tuple[UUID, ...]
    ended_at: datetime | None = None

    @property
    def is_over(self) -> bool:
        """Whether all have ended, and only the next fire time has to be found, by a node that can read the schedule."""
        return not self.jobs
