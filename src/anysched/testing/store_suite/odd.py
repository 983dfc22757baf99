"""Triggers that do less than others, or the wrong thing."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import attrs

from anysched.wire.registry import register_type


@register_type("anysched.testing.Plain")
@attrs.frozen
class PlainTrigger:
    """Fires every so many seconds, and offers nothing but ``next_fire_time``."""

    seconds: float = 10

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        if after < anchor:
            return anchor
        step = timedelta(seconds=self.seconds)
        try:
            return anchor + ((after - anchor) // step + 1) * step
        except OverflowError:
            return None


@register_type("anysched.testing.Breaking")
@attrs.frozen
class BreakingTrigger(PlainTrigger):
    """Does the wrong thing from ``breaks_at`` on."""

    how: str = attrs.field(kw_only=True)
    breaks_at: datetime = attrs.field(kw_only=True)

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> Any:
        found = super().next_fire_time(after, anchor=anchor, key=key)
        if after < self.breaks_at:
            return found
        if self.how == "raises":
            raise ZeroDivisionError("broken\nby design")
        return {
            "stands still": after,
            "goes back": anchor,
            "is naive": after.replace(tzinfo=None),
            "lies": "soon",
        }[self.how]


WAYS_TO_BREAK = ("raises", "stands still", "goes back", "is naive", "lies")


@attrs.frozen
class UnregisteredTrigger(PlainTrigger):
    """A trigger that stored data cannot name."""
