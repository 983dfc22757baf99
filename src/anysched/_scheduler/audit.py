"""What a scheduler offers about who did what."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from anysched._scheduler.base import Base, topic
from anysched.engine.instants import aware
from anysched.model import convert
from anysched.model.audit import AuditEntry
from anysched.model.policies import AuditAction
from anysched.ports.queries import AuditQuery

#: How many entries one call returns at most.
MOST_ENTRIES: Final = 10_000


@topic
class AuditMethods(Base):
    """Reading who paused, resumed, changed and removed what (rules A1 and A2)."""

    async def get_audit(
        self,
        *,
        schedule_id: str | None = None,
        name: str | None = None,
        action: AuditAction | str | None = None,
        since: datetime | None = None,
        before: UUID | None = None,
        limit: int = 100,
    ) -> list[AuditEntry]:
        """Return who did what, the latest first; conditions that are given must all hold (rules A1 and A2).

        Entries outlive the schedules, holds, windows and backfills that they tell of, and are kept as ``retention=``
        says. What a hold did to its schedules is one entry, of the hold, which has no ``schedule_id``.

        :param schedule_id: only what was done to this schedule by itself
        :param name: only what was done about the hold, window or backfill of this id
        :param action: only this, as "schedule_paused"
        :param since: only from this instant on; without a zone, in the scheduler's
        :param before: only what is older than the entry of this id: that of the last one read, to read on
        :param limit: how many entries at most: from 1 to 10,000
        """
        self._require_running()
        if before is not None and not isinstance(before, UUID):
            raise TypeError(f"before must be the id of an entry, not {type(before).__name__}")
        query = AuditQuery(
            schedule_id=None if schedule_id is None else convert.identifier(schedule_id, "schedule_id"),
            name=None if name is None else convert.identifier(name, "name"),
            action=None if action is None else AuditAction(action),
            since=None if since is None else aware(since, self._timezone, "since"),
            before=before,
            most=convert.positive_int(limit, "limit", most=MOST_ENTRIES),
        )
        return await self._engine.settings.store.get_audit(query)
