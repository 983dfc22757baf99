"""Reading a recurrence: rules, and the lines DTSTART, RDATE and EXDATE that may stand beside them (rule T9)."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import attrs

from anysched.errors import RRuleSyntaxError
from anysched.triggers.base import require_zone
from anysched.triggers.rrule.moments import UTC_NAME, Moment, ReadError, read_moment
from anysched.triggers.rrule.never import refuse_never
from anysched.triggers.rrule.reader import read_rule
from anysched.triggers.rrule.rule import Rule

_NAME = re.compile("[A-Za-z0-9-]+")
_PARAMETER = re.compile(';([A-Za-z0-9-]+)=(?:"([^"]*)"|([^";:]*))')
_LINES = ("DTSTART", "RRULE", "RDATE", "EXDATE")
_WIDTH = 76
#: Each rule costs some microseconds in each search, and each moment some when the text is read.
_MOST_RULES, _MOST_MOMENTS = 100, 10_000


@attrs.frozen(eq=False)
class Recurrence:
    """What a text says.

    :ivar text: the canonical text, without DTSTART
    :ivar start: DTSTART
    :ivar dates: RDATE, times that are added
    :ivar excluded: EXDATE, times that are left out
    """

    text: str
    rules: tuple[Rule, ...]
    start: Moment | None
    dates: tuple[Moment, ...]
    excluded: tuple[Moment, ...]

    def __reduce__(self) -> tuple[Callable[[str], Recurrence], tuple[str]]:
        return read, (self.text,)  # a trigger keeps the start by itself


class _Line(NamedTuple):
    """A line: its name, its parameters with their places, and where its value begins."""

    number: int
    text: str
    name: str
    parameters: dict[str, tuple[str, int]]
    value: int


@lru_cache(maxsize=1024)
def read(text: str) -> Recurrence:
    """Read a recurrence. :raise RRuleSyntaxError: naming line, column and part, for what cannot stand there"""
    lines: list[_Line] = []
    for number, content in _unfold(text):
        with _placed(number, content):
            lines.append(_split(number, content))
    names = [line.name for line in lines]
    if not {"RRULE", "RDATE"}.intersection(names):
        last = lines[-1] if lines else _Line(1, "", "", {}, 0)
        raise _refusal(
            ReadError("a rule is missing: write one such as FREQ=DAILY", len(last.text)),
            last.number,
            last.text,
        )
    start: Moment | None = None
    dates = False
    for line in lines:
        if line.name == "DTSTART":
            with _placed(line.number, line.text):
                if start is not None:
                    raise ReadError("DTSTART stands here for the second time: a recurrence has one start", 0)
                start, dates = _read_start(line)
    return _read_rest(lines, start, dates)


def _read_rest(lines: list[_Line], start: Moment | None, dates: bool) -> Recurrence:
    rules: list[Rule] = []
    moments: dict[str, set[Moment]] = {"RDATE": set(), "EXDATE": set()}
    for line in lines:
        with _placed(line.number, line.text):
            if line.name == "RRULE":
                for name, (_, position) in line.parameters.items():
                    raise ReadError(f"RRULE has no parameter {name}", position)
                rule, places = read_rule(line.text, line.value, dates=dates)
                _check_until(rule, start, dates, places)
                refuse_never(rule, places)
                rules.append(rule)
            elif line.name != "DTSTART":
                moments[line.name].update(_read_moments(line, dates))
            if len(rules) > _MOST_RULES:
                raise ReadError(f"a recurrence has at most {_MOST_RULES} rules", 0)
            if sum(map(len, moments.values())) > _MOST_MOMENTS:
                raise ReadError(f"RDATE and EXDATE have at most {_MOST_MOMENTS} moments", 0)
    rules = [rule for _, rule in sorted({str(rule): rule for rule in rules}.items())]
    ordered = {
        name: tuple(sorted(found, key=lambda at: (at.zone, at.wall))) for name, found in moments.items()
    }
    return Recurrence(_text(rules, ordered), tuple(rules), start, ordered["RDATE"], ordered["EXDATE"])


def _check_until(rule: Rule, start: Moment | None, dates: bool, places: dict[str, int]) -> None:
    """Refuse an UNTIL that is of another kind than DTSTART."""
    if rule.until is None or start is None or dates:
        return
    position = places["UNTIL"]
    if start.zone and not rule.until.zone:
        raise ReadError(f"UNTIL must be in UTC, as DTSTART has a zone: write {rule.until}Z, in UTC", position)
    if not start.zone and rule.until.zone:
        raise ReadError(
            "UNTIL is in UTC while DTSTART has no zone: leave the Z out, or give DTSTART one", position
        )


def _unfold(text: str) -> list[tuple[int, str]]:
    """Return the lines with their numbers. A line that begins with a space goes on with the one before."""
    lines: list[tuple[int, str]] = []
    for number, line in enumerate(text.rstrip().splitlines(), 1):
        if line[:1] in (" ", "\t") and lines:
            lines[-1] = (lines[-1][0], lines[-1][1] + line[1:])
        elif line.strip():
            lines.append((number, line.strip()))
    return lines


def _split(number: int, text: str) -> _Line:
    named = _NAME.match(text)
    name = "" if named is None else named.group().upper()
    if ":" not in text or (named is not None and text[named.end()] == "="):
        if named is not None and name in (*_LINES, "EXRULE"):
            raise ReadError(f"{name} needs a colon before its value", named.end())
        return _Line(number, text, "RRULE", {}, 0)
    if name == "EXRULE":
        raise ReadError(
            "EXRULE is no part of RFC 5545 any more: use EXDATE, or trigger - RRuleTrigger(...)", 0
        )
    if named is None or name not in _LINES:
        raise ReadError(f"a line begins with one of {', '.join(_LINES)}, not with {name or text[:1]!r}", 0)
    parameters: dict[str, tuple[str, int]] = {}
    position = named.end()
    while (found := _PARAMETER.match(text, position)) is not None:
        parameter = found[1].upper()
        if parameter in parameters:
            raise ReadError(
                f"{name}: the parameter {parameter} stands here for the second time", position + 1
            )
        parameters[parameter] = (found[2] if found[2] is not None else found[3], position + 1)
        position = found.end()
    if text[position] != ":":
        raise ReadError(
            f"{name}: a parameter such as ;TZID=Europe/Helsinki or a colon is expected here", position
        )
    if position + 1 == len(text):
        raise ReadError(f"{name} needs a value", position + 1)
    return _Line(number, text, name, parameters, position + 1)


def _read_start(line: _Line) -> tuple[Moment, bool]:
    zone, dates = _read_parameters(line, None)
    value = line.text[line.value :]
    if "," in value:
        raise ReadError("DTSTART is one moment, not several", line.value + value.index(","))
    return _in_zone(read_moment(value.upper(), "DTSTART", line.value, dates=dates), zone, line), dates


def _read_moments(line: _Line, dates: bool) -> list[Moment]:
    zone, _ = _read_parameters(line, dates)
    found: list[Moment] = []
    position = line.value
    for item in line.text[line.value :].split(","):
        if "/" in item:
            raise ReadError(
                f"{line.name}: a period has no meaning for fire times: write its start alone", position
            )
        moment = read_moment(item.upper(), line.name, position, dates=dates)
        found.append(_in_zone(moment, zone, line, position))
        position += len(item) + 1
    return found


def _read_parameters(line: _Line, dates: bool | None) -> tuple[str, bool]:
    """Return the zone that a line names, "" for none, and whether its values are dates; None if that is open."""
    zone, kind = "", None
    for name, (value, position) in line.parameters.items():
        if name == "TZID":
            try:
                require_zone(value)
            except ValueError as exc:
                raise ReadError(f"{line.name}: TZID: {exc}", position) from None
            zone = value
        elif name == "VALUE":
            kind = value.upper()
            if kind == "PERIOD":
                raise ReadError(
                    f"{line.name}: a period has no meaning for fire times: write its start alone", position
                )
            if kind not in ("DATE", "DATE-TIME"):
                raise ReadError(f"{line.name}: VALUE must be DATE or DATE-TIME, not {value!r}", position)
            if dates is not None and (kind == "DATE") != dates:
                raise ReadError(f"{line.name}: VALUE must be that of DTSTART", position)
        else:
            raise ReadError(f"{line.name} has no parameter {name}: write TZID or VALUE", position)
    return zone, kind == "DATE" if dates is None else dates


def _in_zone(moment: Moment, zone: str, line: _Line, position: int | None = None) -> Moment:
    if moment.zone and zone:
        at = line.value if position is None else position
        raise ReadError(f"{line.name}: a moment in UTC (Z) has no TZID: leave one of both out", at)
    return Moment(moment.wall, zone) if zone else moment


def _text(rules: list[Rule], moments: dict[str, tuple[Moment, ...]]) -> str:
    """Return the canonical text."""
    if len(rules) == 1 and not any(moments.values()):
        return str(rules[0])
    lines = [f"RRULE:{rule}" for rule in rules]
    for name, found in moments.items():
        for zone in dict.fromkeys(moment.zone for moment in found):
            of_zone = [moment for moment in found if moment.zone == zone]
            lines.append(f"{name}{_line_end(*of_zone)}")
    return "\n".join(lines)


def _line_end(*moments: Moment) -> str:
    zone = moments[0].zone
    parameter = "" if zone in ("", UTC_NAME) else f";TZID={zone}"
    return f"{parameter}:{','.join(map(str, moments))}"


class _placed:
    """Turns a ReadError into an RRuleSyntaxError that tells the line."""

    def __init__(self, number: int, text: str) -> None:
        self._number = number
        self._text = text

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        if isinstance(error, ReadError):
            raise _refusal(error, self._number, self._text) from None


def _refusal(error: ReadError, number: int, text: str) -> RRuleSyntaxError:
    shown = text
    if len(text) > 2 * _WIDTH:
        first = max(error.position - _WIDTH, 0)
        shown = f"{'...' * (first > 0)}{text[first : error.position + _WIDTH]}..."
    return RRuleSyntaxError(error.message, text=shown, line=number, column=error.position + 1)
