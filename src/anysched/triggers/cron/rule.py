"""What one field of a cron expression says, and its canonical text (rule T7)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b

import attrs

from anysched.triggers.cron.days import bits
from anysched.triggers.cron.fields import lowest
from anysched.triggers.cron.specs import (
    DAY_OF_WEEK,
    MONTH,
    QUARTZ_DAY_OF_WEEK,
    SECOND,
    YEAR,
    FieldSpec,
)

_NOTHING: Mapping[str, int] = {}


@attrs.frozen
class Spread:
    """``H``: a value that the id of the schedule chooses, and those at a distance of ``step`` after it.

    :ivar values: the bits to choose from, in order
    :ivar step: the distance; as many as there are values where one is chosen
    """

    values: tuple[int, ...]
    step: int

    def chosen(self, field: str, key: str) -> int:
        """Return the mask of the values for a schedule. It is the same for ever, on every node."""
        noise = blake2b(f"{field} {key}".encode(), digest_size=8).digest()
        return self.outcome(int.from_bytes(noise, "big") * self.step >> 64)

    def outcome(self, start: int) -> int:
        """Return the mask of the values when the first chosen one is known."""
        return mask_of(self.values[start :: self.step])


@attrs.frozen(eq=False)
class FieldRule:
    """What a field allows.

    :ivar mask: the values; bit 0 is the lowest, and Sunday
    :ivar star: whether it begins with ``*``, or is ``?``
    :ivar question: whether it is ``?``
    :ivar both: whether the other day field must allow the day as well (``+``)
    :ivar spread: what the id of the schedule chooses
    :ivar text: the canonical text, without ``+``
    """

    mask: int
    star: bool = False
    question: bool = False
    both: bool = False
    from_end: int = 0
    nearest: int = 0
    nearest_end: int = 0
    nth: int = 0
    last: int = 0
    spread: Spread | None = None
    text: str = ""

    def mask_for(self, spec: FieldSpec, key: str) -> int:
        """Return the mask of the values for a schedule."""
        return self.mask if self.spread is None else self.mask | self.spread.chosen(spec.name, key)

    def outcomes(self) -> list[int]:
        """Return every mask that there is for one schedule or another."""
        if self.spread is None:
            return [self.mask]
        return [self.mask | self.spread.outcome(start) for start in range(self.spread.step)]


def mask_of(values: Iterable[int]) -> int:
    """Return the mask in which these bits are set."""
    mask = 0
    for value in values:
        mask |= 1 << value
    return mask


def field_rule(
    spec: FieldSpec,
    mask: int,
    star: bool = False,
    both: bool = False,
    special: Mapping[str, int] = _NOTHING,
    spread: Spread | None = None,
) -> FieldRule:
    """Return a rule with its canonical text; what says nothing beside the rest is left out."""
    if mask == spec.full:
        special, spread = _NOTHING, None
    # A star at the start changes the meaning of the other fields only. In the year it is any year, 2200 too.
    starred = star and spec not in (SECOND, MONTH) and (spec is not YEAR or mask == spec.full)
    text = (_starred(mask, spec) if starred else _plain(mask, spec)) if mask else ""
    if special or spread is not None:
        others = [*_day_texts(special)] + ([] if spread is None else [_spread_text(spread, spec)])
        text = ",".join([text, *others] if text else others)
    return FieldRule(mask, star, False, both, spread=spread, text=text, **special)


def _day_texts(special: Mapping[str, int]) -> Iterator[str]:
    """Yield what only the two day fields have."""
    for before in bits(special.get("from_end", 0)):
        yield f"L-{before}" if before else "L"
    for day in bits(special.get("nearest", 0)):
        yield f"{day + 1}W"
    for before in bits(special.get("nearest_end", 0)):
        yield f"L-{before}W" if before else "LW"
    for bit in bits(special.get("nth", 0)):
        yield f"{bit % 7}#{bit // 7 + 1}"
    for day in bits(special.get("last", 0)):
        yield f"{day}L"


def _shown(bit: int, spec: FieldSpec) -> int:
    """Return the number that stands for a bit; days of the week are written as crontab(5) has them."""
    return bit if spec is QUARTZ_DAY_OF_WEEK else bit - spec.bit


def _spread_text(spread: Spread, spec: FieldSpec) -> str:
    first, last = spread.values[0], spread.values[-1]
    own = (_shown(first, spec), _shown(last, spec)) == (
        _shown(0, spec),
        spec.spread_to if spec is not QUARTZ_DAY_OF_WEEK else DAY_OF_WEEK.spread_to,
    )
    step = "" if spread.step == len(spread.values) else f"/{spread.step}"
    return f"H{step}" if own else f"H({_shown(first, spec)}-{_shown(last, spec)}){step}"


def _starred(mask: int, spec: FieldSpec) -> str:
    if mask == spec.full:
        return "*"
    step = next(n for n in range(1, spec.width + 1) if not mask_of(range(0, spec.width, n)) & ~mask)
    rest = mask & ~mask_of(range(0, spec.width, step))
    return ("*" if step == 1 else f"*/{step}") + (f",{_plain(rest, spec)}" if rest else "")


def _plain(mask: int, spec: FieldSpec) -> str:
    if spec in (SECOND, MONTH) and mask == spec.full:
        return "*"
    if not mask & mask - 1:
        return str(_shown(lowest(mask), spec))
    values = [*bits(mask)]
    step = values[1] - values[0]
    if len(values) > 2 and step > 1 and values == [*range(values[0], values[-1] + 1, step)]:
        return f"{_shown(values[0], spec)}-{_shown(values[-1], spec)}/{step}"
    texts: list[str] = []
    while mask:
        first = lowest(mask)
        length = lowest(~(mask >> first))
        run = range(first, first + length)
        if length > 2:
            texts.append(f"{_shown(first, spec)}-{_shown(run[-1], spec)}")
        else:
            texts += [str(_shown(bit, spec)) for bit in run]
        mask &= ~mask_of(run)
    return ",".join(texts)
