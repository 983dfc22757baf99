"""Spans of time in which schedules do not run (rules W1 to W5)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, cast, get_args

import attrs

from anysched.model import convert
from anysched.model.policies import WindowMode
from anysched.model.trigger import Trigger, require_trigger


def _mode(value: WindowMode) -> WindowMode:
    if value not in get_args(WindowMode):
        choices = ", ".join(map(repr, get_args(WindowMode)))
        raise ValueError(f"mode must be one of {choices}, not {value!r}")
    return value


def _trigger(value: Trigger | None) -> Trigger | None:
    return None if value is None else require_trigger(value)


def _duration(value: convert.Seconds | None) -> timedelta | None:
    return None if value is None else convert.positive_duration(value, "duration")


def _dates(value: Iterable[Iterable[datetime]]) -> tuple[tuple[datetime, datetime], ...]:
    """Return spans in order. :raise ValueError: for one that is empty or inverted, or overlaps with another"""
    spans = sorted(_pair(one) for one in convert.frozen_sequence(value, "dates"))
    for start, end in spans:
        if start >= end:
            raise ValueError(f"dates must end after they begin: from {start} to {end}")
    for (_, end), (start, _) in pairwise(spans):
        if start < end:
            raise ValueError(f"dates must not overlap: one ends at {end}, another begins at {start}")
    return tuple(spans)


def _pair(value: Any) -> tuple[datetime, datetime]:
    pair: tuple[Any, ...] = convert.frozen_sequence(value, "each of dates")
    if len(pair) != 2:
        raise ValueError(f"each of dates must be a pair, from when to when: {pair!r}")
    return cast("tuple[datetime, datetime]", tuple(convert.utc(one, "each of dates") for one in pair))


@attrs.frozen(kw_only=True)
class Window:
    """Spans of time in which fire times are skipped, or put off to the end of the span.

    :ivar id: what it is removed by
    :ivar mode: "skip" or "defer"
    :ivar trigger: where each span begins, if they recur; it has what it needs, and no anchor but ``since``
    :ivar duration: how long each of these spans is
    :ivar dates: else the spans, in order: from the first instant, inclusive, to the second, exclusive
    :ivar since: when it was added, or its spans changed; it covers nothing before (rule W4)
    :ivar reason: free text
    :ivar by: who added it
    :ivar covers_from: where this is later, it covers nothing before; as of a schedule that it came to mean later
    :ivar until: from when on it covers nothing, as its last span is over, or it was removed; None if that is not known
    """

    id: str
    mode: WindowMode = attrs.field(converter=_mode)
    trigger: Trigger | None = attrs.field(default=None, converter=_trigger)
    duration: timedelta | None = attrs.field(default=None, converter=_duration)
    dates: tuple[tuple[datetime, datetime], ...] = attrs.field(default=(), converter=_dates)
    since: datetime
    reason: str | None = attrs.field(default=None, converter=convert.reason)
    by: str | None = attrs.field(default=None, converter=convert.by)
    covers_from: datetime | None = None
    until: datetime | None = None

    def __attrs_post_init__(self) -> None:
        if self.trigger is None and not self.dates:
            raise ValueError(
                "a window has either a trigger, where its spans begin, or dates: give one of them"
            )
        if self.trigger is not None and self.dates:
            raise ValueError("a window has either a trigger, where its spans begin, or dates: give only one")
        if self.trigger is not None and self.duration is None:
            raise ValueError("duration says how long each span is that the trigger begins: give it")
        if self.dates and self.duration is not None:
            raise ValueError("duration is for a trigger: dates say when they end")

    def is_over(self, now: datetime) -> bool:
        """Return whether it covers nothing from an instant on."""
        return self.until is not None and self.until <= now

    def goes_on_as(self, other: Window) -> bool:
        """Return whether another one is the same, but for who added it and why."""
        return (self.id, self.since) == (other.id, other.since) and self.does_as(other)

    def does_as(self, other: Window) -> bool:
        """Return whether another one does the same to fire times."""
        return (self.mode, self.trigger, self.duration, self.dates) == (
            other.mode, other.trigger, other.duration, other.dates
        )  # fmt: skip
