"""Triggers of users, good and bad."""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs
from tests.engine.support import at

from anysched import register_type

SECOND = timedelta(seconds=1)


@register_type("tests.plain")
@attrs.frozen
class Plain:
    """Every second from the anchor on, and nothing but the one function that is asked for."""

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        return anchor + max(0, (after - anchor) // SECOND + 1) * SECOND


@register_type("tests.turns_bad")
@attrs.frozen
class TurnsBad:
    """Every second, until it is asked about what comes after the third; ``how`` it then goes wrong."""

    how: str = "raises"

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        if after < at(3):
            return at(1) + max(0, (after - at(1)) // SECOND + 1) * SECOND
        match self.how:
            case "raises":
                raise ZeroDivisionError("broken")
            case "raises without words":
                raise Speechless
            case "stands still":
                return at(3)
            case "goes back":
                return after - SECOND
            case "is naive":
                return datetime(2030, 1, 1)
            case "returns text":
                return "tomorrow"  # type: ignore[return-value]
        return None


@register_type("tests.bad_at_once")
@attrs.frozen
class BadAtOnce(TurnsBad):
    """Goes wrong the first time that it is asked, or the second."""

    first: datetime | None = None

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        if self.first is not None and after < self.first:
            return self.first
        return TurnsBad(self.how).next_fire_time(max(after, at(3)), anchor=anchor, key=key)


@register_type("tests.never")
@attrs.frozen
class Never:
    """Has no fire time at all."""

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        return None


class Speechless(Exception):
    """An exception that cannot even be shown."""

    def __str__(self) -> str:
        raise RuntimeError("no words")
