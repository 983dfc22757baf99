"""Reading and writing cron expressions as crontab(5) has them (rule T7).

Five fields - minute, hour, day of month, month, day of week - or six with the seconds first. Each is a
list of ``*``, values and ranges; a range and ``*`` may have a step. A step after a single value
(``5/15``) is not in crontab(5), and programs that accept it disagree about what it means, so it is
refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import attrs

from anysched.errors import CronSyntaxError
from anysched.triggers.cron.fields import CronFields, lowest

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


@attrs.frozen
class FieldSpec:
    """One field: its name, its bounds, and the names of its values, beginning with the lowest."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The name as a person reads it."""
        return self.name.replace("_", " ")


SECOND = FieldSpec("second", 0, 59)
MINUTE = FieldSpec("minute", 0, 59)
HOUR = FieldSpec("hour", 0, 23)
DAY_OF_MONTH = FieldSpec("day", 1, 31)
MONTH = FieldSpec("month", 1, 12, _MONTHS)
DAY_OF_WEEK = FieldSpec("day_of_week", 0, 7, _WEEKDAYS)
FIELDS = (SECOND, MINUTE, HOUR, DAY_OF_MONTH, MONTH, DAY_OF_WEEK)


@attrs.frozen
class CronExpression:
    """A cron expression that was read: its canonical text and what it allows."""

    text: str
    fields: CronFields


@lru_cache(maxsize=512)
def parse(expression: str) -> CronExpression:
    """Read a cron expression.

    :raise CronSyntaxError: where it departs from crontab(5), or can never match
    """
    stripped = expression.strip(" \t")
    if stripped.startswith("@"):
        if stripped.lower() not in _ALIASES:
            raise _refusal(
                f"{stripped} is not one of {', '.join(_ALIASES)}", expression, expression.index("@")
            )
        expression = _ALIASES[stripped.lower()]
    parts = [(match.group(), match.start()) for match in re.finditer(r"[^ \t]+", expression)]
    if len(parts) < 5:
        raise _refusal(
            f"a cron expression has five fields, or six with seconds first, not {len(parts)}",
            expression,
            len(expression),
        )
    if len(parts) > 6:
        raise _refusal("there is no field after the day of week", expression, parts[6][1])
    masks = [
        _FieldReader(expression, start, start + len(text), spec).read()
        for (text, start), spec in zip(parts, FIELDS[-len(parts) :], strict=True)
    ]
    stars = [text.startswith("*") for text, _ in parts]
    if len(parts) == 5:
        masks.insert(0, 1 << 0)
        stars.insert(0, False)
    seconds, minutes, hours, days, months, weekdays = masks
    fields = CronFields(
        seconds=seconds,
        minutes=minutes,
        hours=hours,
        days=days >> 1,
        months=months,
        weekdays=weekdays,
        either_day=not (stars[3] or stars[5]),
        wildcard=stars[1] or stars[2],
    )
    if not _can_match(fields):
        raise _refusal("no month of these has such a day, so this can never match", expression, parts[-3][1])
    return CronExpression(_canonical_text(masks, stars), fields)


def check_field(text: str, spec: FieldSpec) -> None:
    """Refuse the text of one field that crontab(5) does not allow.

    :raise CronSyntaxError: with the column in this text
    """
    _FieldReader(text, 0, len(text), spec).read()


def _refusal(message: str, expression: str, position: int) -> CronSyntaxError:
    return CronSyntaxError(message, expression=expression, column=position + 1)


def _can_match(fields: CronFields) -> bool:
    """Return whether there is such a day; each day of the year falls on each day of the week some year."""
    return fields.either_day or any(
        fields.months >> month & 1 and fields.days & ((1 << length) - 1)
        for month, length in enumerate(_LONGEST_MONTHS, start=1)
    )


class _FieldReader:
    """Reads one field, from left to right."""

    def __init__(self, expression: str, start: int, stop: int, spec: FieldSpec) -> None:
        self._expression = expression
        self._position = start
        self._stop = stop
        self._spec = spec

    def read(self) -> int:
        """Return the mask of the values that the field allows."""
        mask = self._item()
        while self._takes(","):
            mask |= self._item()
        if self._position < self._stop:
            raise self._unexpected()
        if self._spec is DAY_OF_WEEK:  # 7 is Sunday as well
            mask = (mask | mask >> 7) & 0x7F
        return mask

    def _item(self) -> int:
        """Read ``*``, a value or a range, with its step."""
        spec, start = self._spec, self._position
        if self._takes("*"):
            low, high = spec.low, spec.high
        else:
            low = high = self._value()
            if not self._takes("-"):
                if self._peek() == "/":
                    rest = self._expression[self._position : self._stop].partition(",")[0]
                    meant = f"{self._expression[start : self._position]}-{spec.high}{rest}"
                    raise self._refusal(f"a step needs * or a range before it, such as {meant}")
                return 1 << low
            high = self._range_end(low)
        step = self._step() if self._takes("/") else 1
        return sum(1 << value for value in range(low, high + 1, step))

    def _range_end(self, low: int) -> int:
        start = self._position
        high = self._value()
        if high == 0 < low and self._spec is DAY_OF_WEEK and not self._expression[start].isdigit():
            return 7  # fri-sun
        if high < low:
            raise self._refusal("a range must not end before it begins", start)
        return high

    def _value(self) -> int:
        spec, start = self._spec, self._position
        word = self._match("[A-Za-z]+")
        if word:
            if word.lower() in spec.names:
                return spec.low + spec.names.index(word.lower())
            raise self._refusal(f"{word!r} is not a {spec.label}", start)
        value = self._number()
        if not spec.low <= value <= spec.high:
            raise self._refusal(f"the {spec.label} must be from {spec.low} to {spec.high}", start)
        return value

    def _step(self) -> int:
        start = self._position
        step = self._number()
        if step == 0:
            raise self._refusal("a step must be at least 1", start)
        return step

    def _number(self) -> int:
        start = self._position
        digits = self._match("[0-9]+")
        if not digits:
            raise self._unexpected()
        if len(digits) > 9:
            raise self._refusal("this number is too large", start)
        return int(digits)

    def _match(self, pattern: str) -> str:
        found = re.compile(pattern).match(self._expression, self._position, self._stop)
        if found is None:
            return ""
        self._position = found.end()
        return found.group()

    def _peek(self) -> str:
        return self._expression[self._position] if self._position < self._stop else ""

    def _takes(self, character: str) -> bool:
        if self._peek() != character:
            return False
        self._position += 1
        return True

    def _unexpected(self) -> CronSyntaxError:
        found = self._peek()
        label = self._spec.label
        return self._refusal(
            f"{found!r} does not belong here in the {label}" if found else f"the {label} ends early"
        )

    def _refusal(self, message: str, position: int | None = None) -> CronSyntaxError:
        return _refusal(message, self._expression, self._position if position is None else position)


def _canonical_text(masks: Sequence[int], stars: Sequence[bool]) -> str:
    """Write an expression so that two with the same meaning get the same text."""
    texts = [
        # A leading star changes the meaning of these four fields only.
        _starred(mask, spec) if star and spec not in (SECOND, MONTH) else _plain(mask, spec)
        for mask, star, spec in zip(masks, stars, FIELDS, strict=True)
    ]
    return " ".join(texts[1:] if texts[0] == "0" else texts)


def _values(spec: FieldSpec, step: int = 1) -> range:
    return range(spec.low, (6 if spec is DAY_OF_WEEK else spec.high) + 1, step)


def _mask(values: Sequence[int]) -> int:
    return sum(1 << value for value in values)


def _starred(mask: int, spec: FieldSpec) -> str:
    step = next(n for n in range(1, len(_values(spec)) + 1) if not _mask(_values(spec, n)) & ~mask)
    rest = mask & ~_mask(_values(spec, step))
    return ("*" if step == 1 else f"*/{step}") + (f",{_plain(rest, spec)}" if rest else "")


def _plain(mask: int, spec: FieldSpec) -> str:
    if spec in (SECOND, MONTH) and mask == _mask(_values(spec)):
        return "*"
    values = [value for value in _values(spec) if mask >> value & 1]
    step = values[1] - values[0] if len(values) > 1 else 1
    if len(values) > 2 and step > 1 and values == [*range(values[0], values[-1] + 1, step)]:
        return f"{values[0]}-{values[-1]}/{step}"
    texts: list[str] = []
    while mask:
        first = lowest(mask)
        length = lowest(~(mask >> first))
        run = range(first, first + length)
        texts += [f"{first}-{run[-1]}"] if length > 2 else map(str, run)
        mask &= ~_mask(run)
    return ",".join(texts)
