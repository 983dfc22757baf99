"""Cron rules given field by field."""

from __future__ import annotations

from collections.abc import Mapping

from anysched.triggers.cron.expression import DAY_OF_WEEK, FIELDS, check_field

#: How significant each field is; a day is a day, whichever way it is given.
_RANKS = {"second": 0, "minute": 1, "hour": 2, "day": 3, "day_of_week": 3, "month": 4}


def from_keywords(given: Mapping[str, int | str | None]) -> str:
    """Return the expression that fields given by name stand for.

    Of those left out, the ones less significant than the least significant one given take their lowest
    value, the others are ``*``.

    :raise CronSyntaxError: with the column in the text of the field
    """
    texts = {name: _field_text(name, value) for name, value in given.items() if value is not None}
    if not texts:
        raise ValueError("a CronTrigger needs an expression, or at least one field by name")
    least = min(_RANKS[name] for name in texts)
    for spec in FIELDS:
        if spec.name in texts:
            check_field(texts[spec.name], spec)
        else:
            lowest = _RANKS[spec.name] < least and spec is not DAY_OF_WEEK
            texts[spec.name] = str(spec.low) if lowest else "*"
    return " ".join(texts[spec.name] for spec in FIELDS)


def _field_text(name: str, value: int | str) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise TypeError(f"{name} must be a whole number or a string, not {type(value).__name__}")
    return str(value)
