"""Values and names that are hard to keep, and a comparison that minds types."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2**63, -(2**200), 0.1, -0.0, 1e300, math.inf, math.nan,
    "", "text", "ß 😀 \n\t\x7f\u2028", "nul \0 inside", "'\"\\%_", "x" * 100_000,
    b"", b"\0\xff" * 500,
    [], [1, [2, [3]]], (), (1, (2,)), {}, {"a": {"b": None}}, {1: "int", "1": "str", (1, 2): "tuple"},
    set[Any](), {1, "a"}, frozenset({1}),
    datetime.fromisoformat("2025-01-01"), datetime(2025, 1, 1, 0, 0, 0, 1, UTC),
    datetime.fromisoformat("9999-12-31T23:59:59.999999"), datetime.fromisoformat("0001-01-01"),
    datetime(2025, 10, 26, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=1),
    datetime(2025, 1, 1, tzinfo=timezone(timedelta(hours=5, minutes=45))),
    date(1970, 1, 1), time(12, 30, 0, 1), timedelta.max, timedelta(microseconds=-1),
    Decimal("1.10"), UUID(int=1), ZoneInfo("Asia/Kathmandu"),
)  # fmt: skip


def same(left: Any, right: Any) -> bool:
    """Return whether two values are equal and of the same types, all the way down."""
    return left is right or exactly(left) == exactly(right)


def exactly(value: Any) -> Any:
    """Return a value in a form that is equal only for values of the same types."""
    cls = value.__class__
    if issubclass(cls, dict):
        return cls.__name__, [(exactly(key), exactly(item)) for key, item in value.items()]
    if issubclass(cls, (set, frozenset)):
        return cls.__name__, sorted(repr(exactly(item)) for item in value)
    if issubclass(cls, (list, tuple)):
        return cls.__name__, [exactly(item) for item in value]
    return cls.__name__, repr(value)


#: Ids that break what is not quoted, folded, cut or compared with care (rule N7).
HARD_IDS = (
    "a", "A", "ä", "a\u0308", "Ä", "ß", "SS", "ı", "i", "I", "İ", "a ", " a", "a\t", "a\n", "a\r\n", "\u200b",
    "'", '"', "''", "a'b", 'a"b', "`a`", "a\\", "a\\'b", "a%", "%", "_", "%s", "%(a)s", ":a", "$1", "?", "{}",
    "{0}", "[a]", "a;--", "/*", "*/", "a,b", "(a)", "null", "NULL", "0", "00", "1e0", "😀", "\uffff", "\x7f",
    "x" * 500, "ß" * 500, "😀" * 500, "x" * 499 + "y",
)  # fmt: skip
