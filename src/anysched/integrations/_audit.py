"""What can be asked about who did what."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Field, JsonValue

from anysched import AsyncScheduler, AuditEntry
from anysched.integrations._answers import Document
from anysched.integrations._operations import Operation
from anysched.integrations._requests import MOST_PER_PAGE, Id, Instant, Query
from anysched.integrations._words import Action


class AuditQuery(Query):
    """What to list of that which was done; conditions that are given must all hold."""

    schedule_id: Id | None = None
    """Only what was done to this schedule by itself."""
    name: Id | None = None
    """Only what was done about the hold, window or backfill of this id."""
    action: Action | None = None
    """Only this."""
    since: Instant | None = None
    """Only from this instant on."""
    limit: int = Field(default=100, ge=1, le=MOST_PER_PAGE)
    """How many entries to answer at most."""
    before: UUID | None = None
    """Only what is older than the entry of this id: `next` of the page before."""


class EntryDocument(Document):
    """One thing that was done."""

    id: UUID
    at: datetime
    action: Action
    schedule_id: str | None
    """Null for what was done to a set of schedules."""
    name: str | None
    """The id of the hold, window or backfill that it is about."""
    by: str | None
    """Who did it; null for the scheduler itself, or for somebody who did not say."""
    reason: str | None
    node: str | None
    """The scheduler through which it was done."""
    details: dict[str, JsonValue]
    """More about it, by name: text, numbers, lists of text."""


class AuditPage(Document):
    """Some of what was done, the latest first."""

    entries: list[EntryDocument]
    next: UUID | None
    """To be passed as `before` for the next page; null on the last one."""


async def list_audit(scheduler: AsyncScheduler, query: AuditQuery) -> AuditPage:
    """List who did what, the latest first."""
    found = await scheduler.get_audit(
        schedule_id=query.schedule_id,
        name=query.name,
        action=query.action,
        since=query.since,
        before=query.before,
        limit=query.limit + 1,
    )
    page = found[: query.limit]
    return AuditPage(
        entries=[_entry_document(entry) for entry in page],
        next=page[-1].id if len(found) > len(page) else None,
    )


def _entry_document(entry: AuditEntry) -> EntryDocument:
    told = {name: getattr(entry, name) for name in EntryDocument.model_fields}
    return EntryDocument.model_validate({**told, "action": str(entry.action), "details": dict(entry.details)})


AUDIT_OPERATIONS: tuple[Operation, ...] = (
    Operation(run=list_audit, method="GET", changes=False, path="/audit", query=AuditQuery, answer=AuditPage),
)
