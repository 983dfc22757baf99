"""Agreement with cronsim and croniter over expressions at random (rule T7).

``ANYSCHED_CRON_CASES=100000 pytest -s tests/unit/triggers/test_cron_oracles.py`` asks for as many of each. Where they
differ, one of the rules below must say why.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from random import Random
from zoneinfo import ZoneInfo

from croniter import croniter
from croniter.croniter import CroniterError
from cronsim import CronSim, CronSimError
from tests.unit.triggers.cron_cases import MONTHS, WEEKDAYS, expression, field, ranged
from tests.unit.triggers.support import first

from anysched.errors import CronSyntaxError
from anysched.triggers import CronTrigger

CASES = int(os.environ.get("ANYSCHED_CRON_CASES", "600"))
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe")
SECOND = timedelta(seconds=1)

#: What both say: the fire times after an instant, and the last one before it. None: refused, or nothing found.
Answer = list[datetime] | None
Reason = Callable[[list[str]], bool]


def fields_of(text: str, zone: str) -> list[str]:
    """Return the seven fields, in small letters, and the zone; the year is empty when there is none."""
    parts = text.lower().split()
    parts = ["0", *parts] if len(parts) == 5 else parts
    return [*parts, *([""] if len(parts) == 6 else []), zone]


def has(pattern: str, *indexes: int) -> Reason:
    """Return whether one of these fields has a form."""
    return lambda parts: any(re.search(pattern, parts[index]) for index in indexes)


def wraps(parts: list[str]) -> bool:
    """Return whether a range goes on from the highest value to the lowest."""
    names = {name: str(number) for names in (WEEKDAYS, MONTHS) for number, name in enumerate(names)}
    for part in parts[:7]:
        for found in re.finditer(r"(\w+)-(\w+)", part):
            low, high = (names.get(end, end) for end in found.groups())
            if not (low.isdigit() and high.isdigit()) or int(high) < int(low):
                return True
    return False


def both_days(parts: list[str]) -> bool:
    """Return whether both day fields are restricted, and one of them to more than plain values."""
    return not {parts[3], parts[5]} & {"*", "?"} and bool(re.search("[lw#]", parts[3] + parts[5]))


#: What cronsim does otherwise.
CRONSIM: dict[str, Reason] = {
    "asked while the clock shows times for the second time, it answers with the first, in the past": lambda parts: (
        parts[-1] == "past"
    ),
    "it has no year field": lambda parts: bool(parts[6]),
    "it has no ranges that wrap around": wraps,
    "it has no ?": has(r"\?", 3, 5),
    "it has no +": has(r"\+", 5),
    "it has no W and no L-3": has(r"\dw|l-", 3),
    "it has no L after a name": has("[a-z]l", 5),
    "it reads 5-5/2 as 5/2": has(r"\b(\w+)-\1/", 0, 1, 2, 3, 4, 5),
    "it reads 0-0/2 and mon-mon/2 alike": has(r"\b(\w+)-\1", 5),
    "it goes on by whole hours where the clock moved by half an hour": lambda parts: (
        parts[7] == "Australia/Lord_Howe" and "*" in parts[1][0] + parts[2][0]
    ),
    "it gives up after fifty years": has("29|30|31|l|5#5|#5", 3, 5),
}

#: What croniter does otherwise.
CRONITER: dict[str, Reason] = {
    "it has no LW and no L-3": has("lw|l-", 3),
    "it wants W alone": lambda parts: "w" in parts[3] and "," in parts[3],
    "it takes the last day where there is no 29W to 31W": has("(29|30|31)w", 3),
    "it reads 5-5 as the whole field": has(r"\b(\w+)-\1", 0, 1, 2, 3, 4, 5),
    "it joins L, W and # with the other day field by and": both_days,
    "it refuses # and L beside plain values": lambda parts: (
        "," in parts[5] and bool(re.search("[l#]", parts[5]))
    ),
    "its week ends with Saturday": has("7|/", 5),
    "it counts steps otherwise where a range wraps around": lambda parts: (
        wraps(parts) and any(re.search(r"-\w+/", part) for part in parts)
    ),
    "its years end with 2099": lambda parts: parts[6] not in ("", "*"),
    "it gives up after fifty years": has("29|30|31|l|5#5|#5", 3, 5),
}


def ours(text: str, after: datetime, zone: str) -> tuple[Answer, datetime | None]:
    """Return what this package says."""
    try:
        trigger = CronTrigger(text, timezone=zone)
    except CronSyntaxError as exc:
        if "never match" in str(exc):
            return None, None
        raise
    return first(3, trigger, after) or None, trigger.last_fire_time(after - SECOND, anchor=after)


def cronsim_says(text: str, after: datetime, zone: str) -> tuple[Answer, datetime | None]:
    """Return what cronsim says; near a gap it repeats the first instant after it."""
    try:
        local = after.astimezone(ZoneInfo(zone)) if zone != "UTC" else after
        found = sorted({moment.astimezone(UTC) for moment in islice(CronSim(text, local), 6)})[:3]
        last = next(CronSim(text, after, reverse=True), None) if zone == "UTC" else None
    except CronSimError:
        return None, None
    return found or None, last


def croniter_says(text: str, after: datetime, zone: str) -> tuple[Answer, datetime | None]:
    """Return what croniter says; ``friL`` and ``+`` are told as it wants them."""
    parts = text.lower().split()
    index = 4 if len(parts) == 5 else 5
    parts[index] = re.sub(r"\b(sun|mon|tue|wed|thu|fri|sat|\d)l\b", _last_weekday, parts[index])
    options = {"second_at_beginning": True, "implement_cron_bug": True, "day_or": "+" not in parts[index]}
    parts[index] = parts[index].strip("+")
    try:
        found = [
            *islice(croniter(" ".join(parts), after, ret_type=datetime, **options).all_next(datetime), 3)
        ]
        last = croniter(" ".join(parts), after, ret_type=datetime, **options).get_prev(datetime)
    except CroniterError:
        return None, None
    return found or None, last


def _last_weekday(found: re.Match[str]) -> str:
    name = found.group(1)
    return f"l{WEEKDAYS.index(name) if name in WEEKDAYS else int(name) % 7}"


def differences(
    says: Callable[[str, datetime, str], tuple[Answer, datetime | None]],
    reasons: dict[str, Reason],
    cases: Iterator[tuple[str, datetime, str]],
) -> tuple[Counter[str], list[object]]:
    """Return how often they agree and why they do not, and what no reason explains."""
    counts, unexplained = Counter[str](), list[object]()
    for text, after, zone in cases:
        mine, theirs = ours(text, after, zone), says(text, after, zone)
        if zone != "UTC":
            mine = (mine[0], None)
        if mine == theirs:
            counts["agree"] += 1
            continue
        parts = fields_of(text, zone)
        if theirs[0] is not None and theirs[0][0] <= after:
            parts.append("past")
        why = [reason for reason, holds in reasons.items() if holds(parts)]
        if why:
            counts[why[0]] += 1
        else:
            unexplained.append((text, after.isoformat(), zone, mine, theirs))
    if CASES > 10_000:
        print(says.__name__, *counts.most_common(), sep="\n  ")
    return counts, unexplained


def moment(random: Random) -> datetime:
    """A moment at a whole second."""
    return datetime(2020, 1, 1, tzinfo=UTC) + SECOND * random.randrange(60 * 365 * 86_400)


def near_transition(random: Random) -> datetime:
    """A moment within two days of a change of the clock in one of the zones."""
    days = [(2026, 3, 8), (2026, 3, 29), (2026, 4, 5), (2026, 10, 4), (2026, 10, 25), (2026, 11, 1)]
    return datetime(*random.choice(days), tzinfo=UTC) + SECOND * random.randrange(-2 * 86_400, 86_400)


def plain(random: Random) -> str:
    """An expression of five fields as crontab(5) has it."""
    bounds = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
    return " ".join(field(random, ranged(*ends, wraps=False)) for ends in bounds)


def test_cronsim_in_utc() -> None:
    """rule T7: forward and backward, cronsim agrees wherever it knows the form."""
    random = Random(1)
    cases = ((expression(random), moment(random), "UTC") for _ in range(CASES))
    counts, unexplained = differences(cronsim_says, CRONSIM, cases)
    assert [] == unexplained
    assert counts["agree"] > CASES * 0.3


def test_cronsim_around_transitions() -> None:
    """rule T6: on the days on which the clock jumps, cronsim agrees on all that crontab(5) has."""
    random = Random(2)
    cases = ((plain(random), near_transition(random), random.choice(ZONES)) for _ in range(CASES))
    counts, unexplained = differences(cronsim_says, CRONSIM, cases)
    assert [] == unexplained
    assert counts["agree"] > CASES * 0.5


def test_croniter_in_utc() -> None:
    """rule T7: forward and backward, croniter agrees wherever it knows the form and reads it alike."""
    random = Random(3)
    cases = ((expression(random), moment(random), "UTC") for _ in range(CASES))
    counts, unexplained = differences(croniter_says, CRONITER, cases)
    assert [] == unexplained
    assert counts["agree"] > CASES * 0.3
