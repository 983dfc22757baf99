"""Cron rules given field by field."""

from __future__ import annotations

from collections.abc import Mapping

from anysched.triggers.cron.expression import check_field
from anysched.triggers.cron.specs import CronDialect, fields_of

#: How significant each field is; a day is a day, whichever way it is given.
_RANKS = {"second": 0, "minute": 1, "hour": 2, "day": 3, "day_of_week": 3, "month": 4, "year": 5}


def from_keywords(given: Mapping[str, int | str | None], dialect: CronDialect) -> str:
    """Return the expression that fields given by name stand for.

    Of those left out, the ones less significant than the least significant one given take their lowest
    value, the others are ``*``. In Quartz's dialect a day field that is left out is ``?``.

    :raise CronSyntaxError: with the column in the text of the field
    """
    texts = {name: _field_text(name, value) for name, value in given.items() if value is not None}
    if not texts:
        raise ValueError("a CronTrigger needs an expression, or at least one field by name")
    least = min(_RANKS[name] for name in texts)
    named = frozenset(texts)
    for spec in fields_of(dialect):
        name = spec.name
        if name in named:
            check_field(texts[name], spec)
        elif name == "day_of_week":
            texts[name] = "?" if dialect == "quartz" and texts["day"] != "?" else "*"
        elif name == "day" and dialect == "quartz" and texts.get("day_of_week", "?") != "?":
            texts[name] = "?"
        else:
            texts[name] = str(spec.low) if _RANKS[name] < least else "*"
    names = [spec.name for spec in fields_of(dialect)]
    return " ".join(texts[name] for name in (names if "year" in named else names[:-1]))


def _field_text(name: str, value: int | str) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise TypeError(f"{name} must be a whole number or a string, not {type(value).__name__}")
    return str(value)
