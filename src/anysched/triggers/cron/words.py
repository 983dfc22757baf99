"""Numbers, lists and ranges as English has them, for descriptions of cron rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from anysched.triggers.cron.days import bits

#: Values at the same distance are told as steps from so many on.
_FEWEST_STEPS = 5
_FEWEST_IN_RUN = 3


def ordinal(number: int) -> str:
    """Return "1st", "2nd" and so on."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def listed(texts: Sequence[str]) -> str:
    """Return "a", "a and b", or "a, b and c"."""
    return " and ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)


def is_all(mask: int, width: int) -> bool:
    """Return whether all bits are set."""
    return mask == (1 << width) - 1


def step_of(mask: int, width: int) -> int:
    """Return n if every nth bit is set from the first and n goes on evenly into the next cycle, else 0."""
    values = [*bits(mask)]
    if len(values) < 2 or values[0]:
        return 0
    step = values[1]
    return step if width % step == 0 and values == [*range(0, width, step)] else 0


def runs_of(mask: int, width: int, wraps: bool = False) -> list[tuple[int, int]]:
    """Return the first and the last bit of each row of set bits; one may wrap around."""
    runs: list[tuple[int, int]] = []
    for bit in bits(mask):
        if runs and runs[-1][1] == bit - 1:
            runs[-1] = (runs[-1][0], bit)
        else:
            runs.append((bit, bit))
    if wraps and len(runs) > 1 and runs[0][0] == 0 and runs[-1][1] == width - 1:
        runs = [*runs[1:-1], (runs[-1][0], runs[0][1])]
    return runs


def spans(mask: int, width: int, name: Callable[[int], str], wraps: bool = False) -> list[str]:
    """Return the set bits by name, three or more in a row as "a to b"."""
    texts: list[str] = []
    for first, last in runs_of(mask, width, wraps):
        length = (last - first) % width + 1
        if length >= _FEWEST_IN_RUN:
            texts.append(f"{name(first)} to {name(last)}")
        else:
            texts += [name((first + number) % width) for number in range(length)]
    return texts


def steps(mask: int) -> tuple[int, int, int] | None:
    """Return the first, the last and the distance if there are many bits at the same distance."""
    values = [*bits(mask)]
    if len(values) < _FEWEST_STEPS:
        return None
    step = values[1] - values[0]
    even = step > 1 and values == [*range(values[0], values[-1] + 1, step)]
    return (values[0], values[-1], step) if even else None
