"""Triggers on the wall clock against the model of ``brute_force``, around transitions of any zone (rule T6).

    PYTHONPATH=src python -m tests.unit.triggers.all_zones

looks at all transitions from 1970 to 2040, and those of some later years up to 2199, of every zone of the time zone
database, which takes minutes; it prints how many there were and what disagreed. Names that stand for the same zone
are looked at once.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import attrs
from tests.unit.triggers.brute_force import MINUTE, fire_times, instants
from tests.unit.triggers.support import between

from anysched.model.trigger import Trigger
from anysched.triggers import CalendarIntervalTrigger, CronTrigger, DateTrigger

DAY = timedelta(days=1)
STEP = timedelta(hours=12)
YEARS = (1970, 2040)
LATER_YEARS = (2050, 2077, 2100, 2150, 2199)
GAPS = ("after", "shift", "skip")
FOLDS = ("first", "last", "both")
EVERY = 30


@attrs.frozen
class Transition:
    """An instant at which the clocks of a zone are set.

    :ivar at: the first instant at which they show something else
    :ivar before: how far they were ahead of UTC
    :ivar after: how far they are ahead from then on
    """

    zone: ZoneInfo
    at: datetime
    before: timedelta
    after: timedelta

    @property
    def walls(self) -> list[datetime]:
        """Some wall times: the first, the last and others that are skipped or shown twice, and those beside them."""
        shown = self.at.replace(tzinfo=None)
        first, last = sorted((shown + self.before, shown + self.after))
        around = (first - MINUTE, first, first + (last - first) / 2, last - MINUTE, last, last + MINUTE)
        return sorted({wall.replace(second=0, microsecond=0) for wall in around})


def offset(zone: ZoneInfo, instant: datetime) -> timedelta:
    """Return how far the clocks of a zone are ahead of UTC at an instant."""
    found = instant.astimezone(zone).utcoffset()
    assert found is not None
    return found


def transitions(zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[Transition]:
    """Yield the transitions between two instants, by looking twice a day."""
    at = start
    before = offset(zone, at)
    while at < end:
        following = at + STEP
        after = offset(zone, following)
        if after != before:
            yield Transition(zone, found(zone, at, following), before, after)
        at, before = following, after


def found(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """Return the first second between two instants at which the clocks show something else than at the first."""
    before = offset(zone, low)
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        low, high = (middle, high) if offset(zone, middle) == before else (low, middle)
    return high


def checks(one: Transition) -> Iterator[tuple[Trigger, datetime, datetime, list[datetime]]]:
    """Yield triggers, the time to look at, and the fire times of the model there."""
    after, until = one.at - 2 * DAY, one.at + 2 * DAY
    zone = one.zone
    skips = one.after > one.before
    for index, wall in enumerate(one.walls):
        for turn in range(3):
            # What does not matter at this transition is another one each time.
            gap = GAPS[turn] if skips else GAPS[(turn + index) % 3]
            fold = FOLDS[turn] if not skips else FOLDS[(turn + index) % 3]
            policies: Any = {"gap": gap, "fold": fold}
            days = [wall + DAY * number for number in range(-4, 5)]
            model = [at for at in fire_times(days, zone, gap, fold) if after < at <= until]
            rule = f"{wall.minute} {wall.hour} * * *"
            yield CronTrigger(rule, timezone=zone, **policies), after, until, model
            daily = CalendarIntervalTrigger(
                days=1,
                hour=wall.hour,
                minute=wall.minute,
                start_date=days[0].date(),
                timezone=zone,
                **policies,
            )
            yield daily, after, until, model
            single = sorted(set(instants(wall, zone, gap, fold)))
            if single:
                yield DateTrigger(wall, zone, **policies), after - 2 * DAY, until + 2 * DAY, single
    near = timedelta(hours=4)
    size = abs(one.after - one.before) + near
    start = (one.at.replace(tzinfo=None) + min(one.before, one.after) - size).replace(minute=0, second=0)
    many = [start + MINUTE * number for number in range(0, int(2 * size / MINUTE) + 60, EVERY)]
    for gap, fold in zip(GAPS, FOLDS, strict=True):
        policies = {"gap": gap, "fold": fold}
        model = [at for at in fire_times(many, zone, gap, fold) if one.at - near < at <= one.at + near]
        trigger = CronTrigger(f"*/{EVERY} * * * *", timezone=zone, **policies)
        yield trigger, one.at - near, one.at + near, model


def disagreements(one: Transition) -> tuple[int, list[str]]:
    """Return how many comparisons there were around a transition, and what did not agree."""
    number, wrong = 0, list[str]()
    for trigger, after, until, model in checks(one):
        number += 1
        got = between(trigger, after, until, anchor=after)
        if got != model or any(earlier >= later for earlier, later in pairwise(got)):
            wrong.append(f"{one.zone.key} {one.at} {trigger!r}: {got} instead of {model}")
        if isinstance(trigger, (CronTrigger, DateTrigger)):
            count = trigger.count_fire_times(after, until, anchor=after)
            last = trigger.last_fire_time(until, anchor=after)
            if count not in (None, len(model)) or (model and last != model[-1]):
                wrong.append(f"{one.zone.key} {one.at} {trigger!r}: counted {count}, the last {last}")
    return number, wrong


def of_zone(name: str) -> list[Transition]:
    """Return the transitions of a zone that are looked at."""
    zone = ZoneInfo(name)
    spans = [YEARS, *((year, year + 1) for year in LATER_YEARS)]
    return [
        one
        for first, end in spans
        for one in transitions(zone, datetime(first, 1, 1, tzinfo=UTC), datetime(end, 1, 1, tzinfo=UTC))
    ]


def main(arguments: Sequence[str]) -> int:
    """Look at all zones, or those that are named."""
    began = time.perf_counter()
    seen: set[tuple[tuple[datetime, timedelta], ...]] = set()
    zones = number = comparisons = faults = 0
    for name in arguments or sorted(available_timezones()):
        zones += 1
        found_here = of_zone(name)
        same = tuple((one.at, one.after) for one in found_here)
        if same in seen:
            continue
        seen.add(same)
        for one in found_here:
            number += 1
            compared, wrong = disagreements(one)
            comparisons += compared
            faults += len(wrong)
            for line in wrong[:3]:
                print(line, flush=True)
    print(
        f"{zones} zones, {len(seen)} of them different, {number} transitions, {comparisons} comparisons,"
        f" {faults} disagreements, {time.perf_counter() - began:.0f} s"
    )
    return min(faults, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
