"""What the HTTP interface takes and answers about holds on sets of schedules."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from anysched import Hold, Selector
from anysched.integrations._answers import Document, UnpauseDocument
from anysched.integrations._requests import Body, Id, Instant, InstantOrNow, Missed, Query
from anysched.integrations._words import Kind, Queued

#: How many ids or tags one request may name.
MOST_NAMED = 1000


class HoldsQuery(Query):
    """Which holds to list."""

    schedule_id: Id | None = None
    """Only what pauses this schedule."""


class SelectorBody(Body):
    """Which schedules are meant; conditions that are given must all hold."""

    ids: list[Id] | None = Field(default=None, max_length=MOST_NAMED)
    """These schedules, which must exist; joined with no other condition."""
    group: Id | None = None
    """Schedules of this group."""
    tags: list[Id] | None = Field(default=None, max_length=MOST_NAMED)
    """Schedules that carry all of these tags."""
    task_id: Id | None = None
    """Schedules of this task."""
    everything: bool = False
    """All schedules; joined with no other condition."""

    @property
    def conditions(self) -> dict[str, Any]:
        """The arguments of a scheduler's methods that say the same."""
        return {
            "ids": self.ids,
            "group": self.group,
            "tags": self.tags,
            "task": self.task_id,
            "everything": self.everything,
        }


class HoldBody(SelectorBody):
    """Which hold is meant: by its id, or by its conditions."""

    hold: Id | None = None
    """The id of the hold; by default made from the conditions."""

    @property
    def conditions(self) -> dict[str, Any]:
        """The arguments of a scheduler's methods that say the same."""
        return {**super().conditions, "hold": self.hold}


class HoldRequest(HoldBody):
    """Which schedules to pause, and how."""

    until: Instant | None = None
    """From when on the hold counts as lifted."""
    reason: str | None = None
    """Free text, shown with the hold."""
    by: str | None = None
    """Who pauses; where the server knows that, it may be left out and cannot be another."""
    queued: Queued = "keep"
    """What becomes of jobs that have not started."""
    running: Literal["leave", "cancel"] = "leave"
    """What becomes of jobs that are running."""
    resume_from: InstantOrNow | None = None
    """Where to go on at `until`."""
    missed: Missed = "policy"
    """What to do at `until` about the fire times that passed."""


class LiftRequest(HoldBody):
    """Which hold to lift, by its id or by its conditions, and how to go on."""

    resume_from: InstantOrNow | None = None
    """Where to go on: at the frozen fire time if left out, anew with `now`, or from an instant."""
    missed: Missed = "policy"
    """What to do about the fire times that passed."""


class SelectorDocument(Document):
    """Which schedules are meant."""

    ids: list[str] | None
    group: str | None
    tags: list[str] | None
    task_id: str | None
    everything: bool


class HoldDocument(Document):
    """Why schedules do not run."""

    id: str | None
    """What it is lifted by; null for the pause of a single schedule."""
    selector: SelectorDocument
    since: datetime
    until: datetime | None
    reason: str | None
    by: str | None
    kind: Kind


class HoldList(Document):
    """What pauses schedules: holds by id, then pauses of single schedules."""

    holds: list[HoldDocument]


class LiftDocument(Document):
    """What lifting a hold did."""

    schedules: list[UnpauseDocument]
    """What became of each schedule that it had paused, ordered by id."""


def hold_document(hold: Hold) -> HoldDocument:
    """Return a hold as it is shown."""
    return HoldDocument(
        id=hold.id,
        selector=selector_document(hold.selector),
        since=hold.since,
        until=hold.until,
        reason=hold.reason,
        by=hold.by,
        kind=hold.kind,
    )


def selector_document(selector: Selector) -> SelectorDocument:
    """Return as it is shown which schedules are meant."""
    return SelectorDocument(
        ids=None if selector.ids is None else sorted(selector.ids),
        group=selector.group,
        tags=None if selector.tags is None else sorted(selector.tags),
        task_id=selector.task_id,
        everything=selector.everything,
    )
