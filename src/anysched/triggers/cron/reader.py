"""Reading one field of a cron expression, from left to right (rule T7)."""

from __future__ import annotations

import re
from functools import lru_cache

import attrs

from anysched.triggers.cron.rule import FieldRule, Spread, field_rule, mask_of
from anysched.triggers.cron.specs import DAY_OF_MONTH, DAY_OF_WEEK, QUARTZ_DAY_OF_WEEK, FieldSpec

_WORD = re.compile("[A-Za-z]+")
#: The usual fields are ``*`` and one number.
_NUMBER = re.compile("[0-9]{1,4}")
_DIGITS = re.compile("[0-9]+")
#: The most days that there are before the last one of a month.
_MOST_BEFORE = 30
_WEEKS = 5


class FieldError(Exception):
    """A field that is refused: why, and where in its text."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


@lru_cache(maxsize=2048)
def read_field(text: str, spec: FieldSpec) -> FieldRule:
    """Read one field. :raise FieldError: for what cannot stand there"""
    if text == "*":
        return field_rule(spec, spec.full, star=True)
    if _NUMBER.fullmatch(text) and spec.low <= (value := int(text)) <= spec.high:
        bit = value + spec.bit
        return field_rule(spec, 1 << (bit % 7 if spec.cycle == 7 else bit))
    return _FieldReader(text, spec).read()


class _FieldReader:
    """Reads a field; what it has read is kept in masks."""

    def __init__(self, text: str, spec: FieldSpec) -> None:
        self._text = text
        self._position = 0
        self._spec = spec
        self._is_weekday = spec is DAY_OF_WEEK or spec is QUARTZ_DAY_OF_WEEK
        self._wraps = False
        self._mask = 0
        self._special: dict[str, int] = {}
        self._spread: Spread | None = None

    def read(self) -> FieldRule:
        """Return what the whole field allows."""
        text, spec = self._text, self._spec
        if text.startswith("?") and "?" in spec.specials:
            if len(text) > 1:
                raise self._refusal(f"? stands alone in the {spec.label}: write nothing beside it", 1)
            return attrs.evolve(field_rule(spec, spec.full, star=True), question=True)
        both = spec is DAY_OF_WEEK and self._takes("+")
        star = self._peek() == "*"
        while True:
            expected = self._item()
            if self._position == len(text):
                break
            if not self._takes(","):
                raise self._unexpected(f"{expected}a comma or the end of the field")
        return field_rule(spec, self._mask, star, both, self._special, self._spread)

    def _item(self) -> str:
        """Read ``*``, a value, a range or a special form; return what else might have followed."""
        spec = self._spec
        self._wraps = False
        if self._takes("*"):
            return self._add_stepped(range(spec.width))
        if spec.specials and self._reads_special():
            return ""
        low = self._value()
        if self._peek() in "LlWw#" and self._reads_ending(low):
            return ""
        if self._takes("-"):
            return self._add_stepped(self._range(low))
        if self._takes("/"):
            self._mask |= mask_of(self._bits(low, spec.high)[:: self._step()])
            return ""
        self._mask |= 1 << self._bit(low)
        return f"{spec.endings}-, /, "

    def _add_stepped(self, values: range | list[int]) -> str:
        if self._takes("/"):
            self._mask |= mask_of(values[:: self._step()])
            return ""
        self._mask |= mask_of(values)
        return "/, "

    def _reads_special(self) -> bool:
        """Read ``H``, or an ``L`` that stands by itself, when they stand here."""
        word = _WORD.match(self._text, self._position)
        name = word.group().lower() if word is not None else ""
        if name == "h":
            self._position += 1
            self._read_spread()
        elif name == "l" and self._spec is QUARTZ_DAY_OF_WEEK:
            self._position += 1
            self._mask |= 1 << 6
        elif name in ("l", "lw") and self._spec is DAY_OF_MONTH:
            self._position += len(name)
            before = 0
            if name == "l" and self._takes("-"):
                before = self._number("the days before the last one", 0, _MOST_BEFORE)
                name += "w" * (self._takes("W") or self._takes("w"))
            self._put("nearest_end" if name == "lw" else "from_end", before)
        else:
            return False
        return True

    def _reads_ending(self, value: int) -> bool:
        """Read what makes a value a special one: ``15W``, ``5L`` or ``5#3``."""
        ending = self._peek().lower()
        if ending == "w" and self._spec is DAY_OF_MONTH:
            self._position += 1
            self._put("nearest", self._bit(value))
        elif ending == "l" and self._is_weekday:
            self._position += 1
            self._put("last", self._bit(value))
        elif ending == "#" and self._is_weekday:
            self._position += 1
            week = self._number("the number of the week", 1, _WEEKS)
            self._put("nth", 7 * (week - 1) + self._bit(value))
        else:
            return False
        return True

    def _read_spread(self) -> None:
        """Read what follows ``H``: a range in parentheses and a step."""
        spec = self._spec
        if self._spread is not None:
            raise self._refusal("H may stand only once in a field", self._position - 1)
        values = self._bits(spec.low, spec.spread_to)
        if self._takes("("):
            low = self._value()
            if not self._takes("-"):
                raise self._unexpected("-")
            values = self._range(low)
            if not self._takes(")"):
                raise self._unexpected(")")
        step = min(self._step(), len(values)) if self._takes("/") else len(values)
        if len(values) == 1:
            self._mask |= 1 << values[0]
        elif step == 1:
            self._mask |= mask_of(values)
        else:
            self._spread = Spread(tuple(values), step)

    def _range(self, low: int) -> list[int]:
        """Read the end of a range; return its bits. It may go on from the highest value to the lowest."""
        spec, start = self._spec, self._position
        high = self._value()
        if high >= low:
            return self._bits(low, high)
        if not spec.cycle:
            raise self._refusal(f"a range of the {spec.label} must not end before it begins", start)
        self._wraps = True  # from 7, which is Sunday, there is nothing before the lowest
        return self._bits(low, spec.low + spec.cycle - 1) + self._bits(spec.low, high)

    def _bits(self, low: int, high: int) -> list[int]:
        bits = range(low + self._spec.bit, high + self._spec.bit + 1)
        return [bit % 7 for bit in bits] if self._is_weekday else [*bits]

    def _bit(self, value: int) -> int:
        bit = value + self._spec.bit
        return bit % 7 if self._is_weekday else bit

    def _put(self, name: str, bit: int) -> None:
        self._special[name] = self._special.get(name, 0) | 1 << bit

    def _value(self) -> int:
        spec, start = self._spec, self._position
        found = _WORD.match(self._text, start)
        if found is None:
            return self._number(f"the {spec.label}", spec.low, spec.high, self._starts())
        word = found.group()
        name = word.lower()
        if self._is_weekday and name.endswith("l") and name[:-1] in spec.names:
            name = name[:-1]  # friL
        if name not in spec.names:
            raise self._refusal(f"{word!r} is not a {spec.label}: write {self._starts()}")
        self._position = start + len(name)
        return spec.low + spec.names.index(name)

    def _step(self) -> int:
        if self._wraps and self._spec is DAY_OF_MONTH:
            message = (
                "a step cannot go on over the end of a month, as months differ in length: write two ranges"
            )
            raise self._refusal(message, self._position - 1)
        return self._number("a step", 1, None)

    def _number(self, what: str, low: int, high: int | None, expected: str = "") -> int:
        found = _DIGITS.match(self._text, self._position)
        if found is None:
            bounds = f"from {low} to {high}" if high is not None else f"of at least {low}"
            raise self._unexpected(expected or f"a number {bounds}")
        if len(found.group()) > 9:
            raise self._refusal("this number is too large")
        value = int(found.group())
        if high is None and value < low:
            raise self._refusal(f"{what} must be at least {low}")
        if high is not None and not low <= value <= high:
            raise self._refusal(f"{what} must be from {low} to {high}")
        self._position = found.end()
        return value

    def _starts(self) -> str:
        """Return what may stand at the start of an item."""
        spec = self._spec
        return f"*, {spec.values}{spec.specials}"

    def _peek(self) -> str:
        return self._text[self._position : self._position + 1] or " "

    def _takes(self, character: str) -> bool:
        if self._peek() != character:
            return False
        self._position += 1
        return True

    def _unexpected(self, expected: str) -> FieldError:
        label = self._spec.label
        if self._peek() == "?" and "?" in self._spec.specials:
            return self._refusal(f"? stands alone in the {label}: write nothing beside it")
        if self._position == len(self._text):
            return self._refusal(f"the {label} ends early: {expected} must follow")
        return self._refusal(f"{self._peek()!r} does not belong here in the {label}: write {expected}")

    def _refusal(self, message: str, position: int | None = None) -> FieldError:
        return FieldError(message, self._position if position is None else position)
