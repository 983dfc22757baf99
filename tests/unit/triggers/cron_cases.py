"""Cron expressions at random: every form in every field, as the model and other programs are asked about them."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

Item = Callable[[Random], str]


def ranged(low: int, high: int, *, wraps: bool = True, steps: bool = True) -> Item:
    """Values, ranges that may wrap around, and steps."""

    def item(random: Random) -> str:
        first, last = random.randint(low, high), random.randint(low, high)
        if last < first and (not wraps or random.random() < 0.8):
            first, last = last, first
        step = f"/{random.randint(1, 13)}" if steps else ""
        texts = [str(first), str(first), f"{first}-{last}", f"{first}-{last}{step}", f"{first}{step}"]
        return random.choice(texts)

    return item


def two_of(random: Random, names: tuple[str, ...]) -> tuple[str, str]:
    """Return two names, most often in order."""
    low, high = sorted(random.sample(range(len(names)), 2))
    return (names[high], names[low]) if random.random() < 0.2 else (names[low], names[high])


def month(random: Random) -> str:
    """A month, by number or by name."""
    names = two_of(random, MONTHS)
    return random.choice([ranged(1, 12)(random), names[0], "-".join(names)])


def day(random: Random) -> str:
    """A day of the month; no range that wraps around has a step."""
    special = [
        "L",
        "LW",
        f"L-{random.randint(0, 30)}",
        f"{random.randint(1, 31)}W",
        f"L-{random.randint(0, 9)}W",
    ]
    plain = ranged(1, 31, wraps=False)(random)
    wrapping = ranged(1, 31, steps=False)(random)
    return random.choice([plain, plain, plain, wrapping, random.choice(special)])


def weekday(random: Random) -> str:
    """A day of the week, by number or by name."""
    name, other = two_of(random, WEEKDAYS)
    one = random.choice([name, str(random.randint(0, 7))])
    special = [f"{one}L", f"{one}#{random.randint(1, 5)}"]
    return random.choice([ranged(0, 7)(random), one, f"{name}-{other}", random.choice(special)])


def field(random: Random, item: Item, *, stars: float = 0.4) -> str:
    """A field: a star, a star with a step, or a list."""
    if random.random() < stars:
        return random.choice(["*", "*", f"*/{random.randint(1, 12)}"])
    return ",".join(item(random) for _ in range(random.choice([1, 1, 1, 2, 3])))


def year(random: Random) -> str:
    """A year field that is not in the past."""
    return random.choice(["*", "2020/3", "2025-2040", "2026,2028,2031", "2024-2099/4"])


def expression(random: Random) -> str:
    """An expression of five, six or seven fields with every form that there is but ``H``."""
    days = field(random, day, stars=0.5)
    weekdays = field(random, weekday, stars=0.5)
    if random.random() < 0.1:
        days, weekdays = random.choice([("?", weekdays), (days, "?")])
    if weekdays != "?" and random.random() < 0.2:
        weekdays = f"+{weekdays}"
    parts = [field(random, ranged(0, 59)), field(random, ranged(0, 23)), days, field(random, month), weekdays]
    if random.random() < 0.3:
        parts.insert(0, random.choice(["0", "*/20", "7", "5-50/15"]))
        if random.random() < 0.5:
            parts.append(year(random))
    return " ".join(parts)
