"""Reading one recurrence rule, part by part, and refusing what cannot stand there (rule T9)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from anysched.triggers.rrule.moments import ReadError, read_moment
from anysched.triggers.rrule.rule import DAILY, FREQUENCIES, MONTHLY, WEEKDAYS, WEEKLY, YEARLY, Rule

_WEEKDAY = re.compile("([+-]?)([0-9]{0,2})([A-Z]{2})")
_MOST = 999_999_999
#: The lists of numbers: the field of Rule, the lowest value, the highest, and whether they may count from the end.
_LISTS: dict[str, tuple[str, int, int, bool]] = {
    "BYSECOND": ("seconds", 0, 60, False),
    "BYMINUTE": ("minutes", 0, 59, False),
    "BYHOUR": ("hours", 0, 23, False),
    "BYMONTHDAY": ("month_days", 1, 31, True),
    "BYYEARDAY": ("year_days", 1, 366, True),
    "BYWEEKNO": ("week_numbers", 1, 53, True),
    "BYMONTH": ("months", 1, 12, False),
    "BYSETPOS": ("positions", 1, 366, True),
}
_NAMES = ("FREQ", "UNTIL", "COUNT", "INTERVAL", *_LISTS, "BYDAY", "WKST")


def read_rule(text: str, offset: int, *, dates: bool = False) -> tuple[Rule, dict[str, int]]:
    """Read a rule. Return it, and where its parts begin.

    :param text: the whole line
    :param offset: where the rule begins in it
    :param dates: whether UNTIL is to be a date
    :raise ReadError: for what cannot stand there
    """
    places: dict[str, int] = {}
    fields: dict[str, Any] = {}
    position = offset
    for part in text[offset:].split(";"):
        name, equals, value = part.partition("=")
        name = name.upper()
        if name not in _NAMES:
            raise ReadError(_unknown(part, name), position)
        if not equals or not value:
            raise ReadError(f"{name} needs a value: write {name}=...", position + len(part))
        if name in places:
            raise ReadError(f"{name} stands here for the second time: a part may be given once", position)
        places[name] = position
        _read_part(name, value.upper(), position + len(name) + 1, fields, dates)
        position += len(part) + 1
    if "FREQ" not in places:
        raise ReadError("FREQ is missing: a rule says FREQ=DAILY or another frequency", offset)
    rule = Rule(**fields)
    _check(rule, places)
    return rule, places


def _unknown(part: str, name: str) -> str:
    if not part:
        return (
            "a part such as BYDAY=MO is missing here: one semicolon stands between parts, none after the last"
        )
    if re.search(r"\s", part):
        return f"{part!r} is not a part of a rule: nothing stands between parts but a semicolon, lines end by a newline"
    hints = {
        "BYEASTER": "; Easter is not part of RFC 5545",
        "RSCALE": "; other calendars (RFC 7529) are not known here",
        "SKIP": "; other calendars (RFC 7529) are not known here",
        "BYWEEKDAY": "; did you mean BYDAY?",
        "DTSTART": "; DTSTART:... stands on a line of its own",
    }
    return f"{name!r} is not a part of a rule: write one of {', '.join(_NAMES)}{hints.get(name, '')}"


def _read_part(name: str, value: str, position: int, fields: dict[str, Any], dates: bool) -> None:
    if name == "FREQ":
        fields["frequency"] = _one_of(name, value, FREQUENCIES, position)
    elif name == "WKST":
        fields["week_start"] = _one_of(name, value, WEEKDAYS, position)
    elif name == "UNTIL":
        fields["until"] = read_moment(value, name, position, dates=dates)
    elif name in ("COUNT", "INTERVAL"):
        fields[name.lower()] = _number(name, value, 1, _MOST, False, position)
    elif name == "BYDAY":
        fields["weekdays"] = _listed(value, position, _weekday)
    else:
        field, low, high, signed = _LISTS[name]
        values = _listed(value, position, lambda item, at: _number(name, item, low, high, signed, at))
        if name == "BYSECOND":  # a leap second is the second before it
            values = tuple(sorted({min(second, 59) for second in values}))
        fields[field] = values


def _one_of(name: str, value: str, names: tuple[str, ...], position: int) -> int:
    if value not in names:
        raise ReadError(f"{name} must be one of {', '.join(names)}, not {value!r}", position)
    return names.index(value)


def _listed(value: str, position: int, read: Callable[[str, int], Any]) -> tuple[Any, ...]:
    found: set[Any] = set()
    for item in value.split(","):
        found.add(read(item, position))
        position += len(item) + 1
    return tuple(sorted(found))


def _number(name: str, text: str, low: int, high: int, signed: bool, position: int) -> int:
    bounds = f"from {low} to {high}" + (f", or from -{high} to -{low} counted from the end" if signed else "")
    digits = text[1:] if signed and text[:1] in ("+", "-") else text
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 9):
        raise ReadError(f"{name}: {text!r} is not a number {bounds}", position)
    number = int(digits)
    if not low <= number <= high:
        raise ReadError(f"{name} must be {bounds}, not {text}", position)
    return -number if text[0] == "-" else number


def _weekday(text: str, position: int) -> tuple[int, int]:
    match = _WEEKDAY.fullmatch(text)
    if match is None or match[3] not in WEEKDAYS or (match[1] and not match[2]):
        raise ReadError(
            f"BYDAY: {text!r} is not a day of the week: write one of {', '.join(WEEKDAYS)}, with a number before it "
            "for one of a month or year, such as 2MO or -1FR",
            position,
        )
    ordinal = int(match[2]) if match[2] else 0
    if match[2] and not 1 <= ordinal <= 53:
        raise ReadError(
            f"BYDAY: the number of a day must be from 1 to 53, with or without a sign, not {match[2]}",
            position,
        )
    return (-ordinal if match[1] == "-" else ordinal), WEEKDAYS.index(match[3])


def _check(rule: Rule, places: dict[str, int]) -> None:
    """Refuse parts that RFC 5545 does not let stand together."""
    frequency, name = rule.frequency, FREQUENCIES[rule.frequency]
    if rule.count is not None and rule.until is not None:
        raise ReadError(
            "COUNT and UNTIL exclude each other: give one end", max(places["COUNT"], places["UNTIL"])
        )
    if rule.week_numbers and frequency != YEARLY:
        raise ReadError(f"BYWEEKNO goes with FREQ=YEARLY only, not with {name}", places["BYWEEKNO"])
    if rule.year_days and frequency in (MONTHLY, WEEKLY, DAILY):
        raise ReadError(f"BYYEARDAY does not go with FREQ={name}: use FREQ=YEARLY", places["BYYEARDAY"])
    if rule.month_days and frequency == WEEKLY:
        raise ReadError("BYMONTHDAY does not go with FREQ=WEEKLY: use FREQ=MONTHLY", places["BYMONTHDAY"])
    if any(ordinal for ordinal, _ in rule.weekdays):
        if frequency > MONTHLY:
            raise ReadError(
                f"BYDAY: a day with a number goes with FREQ=MONTHLY and FREQ=YEARLY only, not with {name}",
                places["BYDAY"],
            )
        if rule.week_numbers:
            raise ReadError("BYDAY: a day with a number does not go with BYWEEKNO", places["BYDAY"])
    others = (name for name in places if name.startswith("BY") and name != "BYSETPOS")
    if rule.positions and next(others, None) is None:
        raise ReadError(
            "BYSETPOS chooses from what another part such as BYDAY says: give one", places["BYSETPOS"]
        )
