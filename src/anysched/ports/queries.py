"""What can be read of a store, and which of it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import attrs

from anysched.model.policies import AuditAction, JobStatus, ScheduleStatus


@attrs.frozen(kw_only=True)
class ScheduleQuery:
    """Which schedules to read; conditions are joined with AND, None leaves one out, an empty set matches nothing.

    :ivar backfilled: whether their states know of backfills
    """

    ids: Collection[str] | None = None
    paused: bool | None = None
    status: ScheduleStatus | None = None
    task_id: str | None = None
    group: str | None = None
    tags: frozenset[str] | None = None
    owner: str | None = None
    backfilled: bool | None = None


@attrs.frozen(kw_only=True)
class JobQuery:
    """Which jobs to read; conditions are joined with AND, None leaves one out, an empty set matches nothing."""

    ids: Collection[UUID] | None = None
    schedule_id: str | None = None
    task_id: str | None = None
    status: JobStatus | None = None


@attrs.frozen(kw_only=True)
class HistoryQuery:
    """Which of what came of the fire times of one life of a schedule to read.

    :ivar incarnation: the life (rule S3)
    :ivar start: nothing that was over before this instant; None for everything
    :ivar end: nothing that came after this instant; None for everything
    :ivar most: how many records at most
    :ivar latest: whether those are the latest, or the first
    """

    incarnation: UUID
    start: datetime | None = None
    end: datetime | None = None
    most: int = 1000
    latest: bool = False


@attrs.frozen(kw_only=True)
class AuditQuery:
    """Which of what was done to read, the latest; conditions are joined with AND, None leaves one out.

    :ivar name: the id of a hold, window or backfill
    :ivar since: from this instant on
    :ivar before: the id of an entry: only those that are older, to read on
    :ivar most: how many entries at most
    """

    schedule_id: str | None = None
    name: str | None = None
    action: AuditAction | None = None
    since: datetime | None = None
    before: UUID | None = None
    most: int = 1000
