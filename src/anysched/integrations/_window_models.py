"""What the HTTP interface takes and answers about windows."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from anysched import PlacedWindow
from anysched.integrations._answers import Document, text_of
from anysched.integrations._hold_models import MOST_NAMED, SelectorBody, SelectorDocument, selector_document
from anysched.integrations._requests import AskedBody, Id, Instant, Query
from anysched.integrations._words import WindowMode

Pair = Annotated[list[Instant], Field(min_length=2, max_length=2)]


class WindowsQuery(Query):
    """Which windows to list."""

    schedule_id: Id | None = None
    """Only what means this schedule."""


class WindowRequest(SelectorBody, AskedBody):
    """When which schedules do not run: at times that recur, by `cron` and `duration`, or at `dates`."""

    id: Id
    """What it is removed by; given again, it replaces what there is."""
    mode: WindowMode = "skip"
    """Whether fire times in a span are left out, or put off to its end."""
    cron: str | None = None
    """When each span begins, as a cron expression."""
    duration: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Seconds: how long each span is that `cron` begins."""
    dates: list[Pair] = Field(default=[], max_length=MOST_NAMED)
    """From when to when, the second exclusive."""
    timezone: str | None = None
    """The time zone of `cron`; by default the scheduler's."""
    allow_overlap: bool = False
    """Let it overlap with other windows of the same schedules."""


class RemoveWindowRequest(AskedBody):
    """Which window to remove."""

    id: Id
    """The id of the window."""


class WindowDocument(Document):
    """When which schedules do not run."""

    id: str
    selector: SelectorDocument
    mode: WindowMode
    trigger: str | None
    """What begins each span, in words of Python; null for dates."""
    duration: float | None
    """Seconds: how long each of these spans is."""
    dates: list[list[datetime]]
    """Else the spans, from when to when."""
    since: datetime
    until: datetime | None
    """When the last span ends; null if that is not known."""
    reason: str | None
    by: str | None


class WindowList(Document):
    """Windows by id."""

    windows: list[WindowDocument]


def window_document(placed: PlacedWindow) -> WindowDocument:
    """Return a window as it is shown."""
    window = placed.window
    return WindowDocument(
        id=placed.id,
        selector=selector_document(placed.selector),
        mode=window.mode,
        trigger=None if window.trigger is None else text_of(window.trigger),
        duration=None if window.duration is None else window.duration.total_seconds(),
        dates=[list(pair) for pair in window.dates],
        since=placed.since,
        until=placed.until,
        reason=placed.reason,
        by=placed.by,
    )
