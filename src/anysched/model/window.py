"""Spans of time in which schedules do not run (rules W1 to W6)."""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs

from anysched.model import convert
from anysched.model.policies import WindowMode
from anysched.model.trigger import Trigger


@attrs.frozen(kw_only=True)
class Window:
    """Spans of time in which fire times are skipped, or put off to the end of the span.

    :ivar id: what it is removed by
    :ivar mode: "skip" or "defer"
    :ivar trigger: where each span begins, if they recur; it has what it needs, and no anchor but ``since``
    :ivar duration: how long each of these spans is
    :ivar dates: else the spans, in order: from the first instant, inclusive, to the second, exclusive
    :ivar since: when it was added
    :ivar reason: free text
    :ivar by: who added it
    """

    id: str
    mode: WindowMode
    trigger: Trigger | None = None
    duration: timedelta | None = None
    dates: tuple[tuple[datetime, datetime], ...] = ()
    since: datetime
    reason: str | None = attrs.field(default=None, converter=convert.reason)
    by: str | None = attrs.field(default=None, converter=convert.by)
