"""What a fire time of a cron rule costs, beside cronsim and croniter.

usage: cron.py [--zone ZONE] [--rounds N] [--steps N] [--points N] [--cold] [--short]

The three take turns on each expression. Figures are processor time in microseconds, the median of the rounds: going on
from one fire time to the next, and asking at scattered instants within 15 years, where cronsim and croniter have to
be made anew as they keep a place. Ratios are to anysched. What it learns of a zone serves all rules of a process; with
--cold it is forgotten before each run. The longest single call is always one with nothing known before.
"""

from __future__ import annotations

import argparse
import gc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import islice
from random import Random
from statistics import fmean, median
from time import process_time
from zoneinfo import ZoneInfo

from croniter import croniter
from croniter.croniter import CroniterError
from cronsim import CronSim, CronSimError

from anysched.triggers import CronTrigger
from anysched.triggers.civil import civil_of
from anysched.triggers.cron.expression import parse
from anysched.triggers.cron.reader import read_field

EXPRESSIONS = (
    "* * * * *", "*/15 * * * *", "*/5 9-17 * * mon-fri", "0 * * * *", "0 */6 * * *", "30 2 * * *", "0 0 * * *",
    "0 9 * * mon-fri", "0 3 * * sat,sun", "0 0 * * 0", "0 0 1 * *", "0 0 31 * *", "0 12 1-7 * *", "0 0 13 * 5",
    "5,35 8-18/2 * * *", "0 0 29 2 *", "59 23 31 12 *", "0 0 L * *", "0 9 * * 5#3", "15 10 LW 1,7 *",
)  # fmt: skip
#: Beyond what the others read.
OWN = (
    "0 9 15W * *",
    "0 9 L-3 * *",
    "0 9 * * friL",
    "0 0 13 * +fri",
    "0 0 29 2 +mon",
    "H H(0-7) * * *",
    "0 0 0 1 1 * 2150",
)
#: How many times the time of a fire time cronsim is to take.
AIM = 20
START = datetime(2026, 1, 1, tzinfo=UTC)
LATEST = datetime(2090, 1, 1, tzinfo=UTC)

Run = Callable[[str, list[datetime], int], tuple[float, float] | None]


def microseconds(began: float, count: int) -> float:
    """Return the processor time that each of so many took."""
    return (process_time() - began) / count * 1e6


def ours(zone: ZoneInfo, cold: bool) -> Run:
    """Return the runs of this package."""

    def run(text: str, points: list[datetime], steps: int) -> tuple[float, float]:
        if cold:
            civil_of.cache_clear()
        trigger = CronTrigger(text, timezone=zone)
        at, count, began = START, 0, process_time()
        for _ in range(steps):
            found = trigger.next_fire_time(at, anchor=START)
            count += 1
            if found is None or found > LATEST:
                break
            at = found
        iterating = microseconds(began, count)
        began = process_time()
        for point in points:
            trigger.next_fire_time(point, anchor=START)
        return iterating, microseconds(began, len(points))

    return run


def cronsim(zone: ZoneInfo) -> Run:
    """Return the runs of cronsim."""

    def run(text: str, points: list[datetime], steps: int) -> tuple[float, float] | None:
        local = [point.astimezone(zone) for point in points]
        try:
            began = process_time()
            count = sum(
                1 for moment in islice(CronSim(text, START.astimezone(zone)), steps) if moment < LATEST
            )
            iterating = microseconds(began, count)
        except CronSimError:
            return None
        began = process_time()
        for point in local:
            next(CronSim(text, point))
        return iterating, microseconds(began, len(points))

    return run


def croniter_(zone: ZoneInfo) -> Run:
    """Return the runs of croniter."""

    def run(text: str, points: list[datetime], steps: int) -> tuple[float, float] | None:
        local = [point.astimezone(zone) for point in points]
        try:
            rule = croniter(text, START.astimezone(zone), ret_type=datetime)
            began = process_time()
            count = sum(1 for _ in range(steps) if rule.get_next(datetime) < LATEST)
            iterating = microseconds(began, count)
        except CroniterError:
            return None
        began = process_time()
        for point in local:
            croniter(text, point, ret_type=datetime).get_next(datetime)
        return iterating, microseconds(began, len(points))

    return run


def worst(text: str, zone: ZoneInfo, points: list[datetime]) -> float:
    """Return the longest single call over these points; of each the best of three, all cold."""
    longest: list[float] = []
    for _ in range(3):
        took: list[float] = []
        trigger = CronTrigger(text, timezone=zone)
        for point in points:
            civil_of(zone)._calm.clear()  # as if nothing had been asked for before
            civil_of(zone)._grid.clear()
            civil_of(zone)._changes.clear()
            civil_of(zone)._layouts.clear()
            began = process_time()
            trigger.next_fire_time(point, anchor=START)
            took.append(microseconds(began, 1))
        longest = [*map(min, longest or took, took)]
    return max(longest)


def reading(text: str) -> tuple[float, float]:
    """Return how long reading an expression takes with no field known, and with its fields known."""
    cold, warm = [], []
    for _ in range(50):
        read_field.cache_clear()
        parse.cache_clear()
        began = process_time()
        parse(text)
        cold.append(microseconds(began, 1))
        parse.cache_clear()
        began = process_time()
        parse(text)
        warm.append(microseconds(began, 1))
    return median(cold), median(warm)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--zone", default="Europe/Berlin")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--points", type=int, default=300)
    parser.add_argument("--cold", action="store_true")
    parser.add_argument("--short", action="store_true", help="does it work? Nothing is judged")
    options = parser.parse_args()
    if options.short:
        options.rounds, options.steps, options.points = 1, 3, 3
    zone, random = ZoneInfo(options.zone), Random(1)
    points = [
        datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=random.randrange(15 * 365 * 86_400))
        for _ in range(options.points)
    ]
    # The hours around each change of the clock, and what lies before.
    around = [datetime(2026, month, day, tzinfo=UTC) + timedelta(hours=hour)
              for month, day in ((3, 27), (10, 23)) for hour in range(0, 96, 3)]  # fmt: skip
    runs = {"anysched": ours(zone, options.cold), "cronsim": cronsim(zone), "croniter": croniter_(zone)}
    gc.disable()
    totals: dict[str, list[tuple[float, float, float, float]]] = {name: [] for name in runs}
    print(
        f"{'':22}{'each':>9}{'cronsim':>9}{'croniter':>9} |{'scattered':>10}{'cronsim':>9}{'croniter':>9} |{'worst':>7}"
    )
    for text in (*EXPRESSIONS, *OWN):
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
        for _ in range(options.rounds):
            for name, run in runs.items():
                figures = (
                    run(text, points, options.steps) if name == "anysched" or text in EXPRESSIONS else None
                )
                found[name] += [] if figures is None else [figures]
        means = {
            name: (median(pair[0] for pair in rounds), median(pair[1] for pair in rounds))
            for name, rounds in found.items()
            if rounds
        }
        mine = means["anysched"]
        columns: list[str] = []
        for kind in (0, 1):
            columns.append(f"{mine[kind]:{9 + kind}.1f}")
            for name in ("cronsim", "croniter"):
                if name in means:
                    totals[name].append((mine[0], means[name][0], mine[1], means[name][1]))
                columns.append(f"{means[name][kind] / mine[kind]:8.1f}x" if name in means else f"{'-':>9}")
            columns.append(" |" if kind == 0 else "")
        if text in EXPRESSIONS:
            totals["anysched"].append((mine[0], mine[0], mine[1], mine[1]))
        print(f"{text:22}{''.join(columns)} |{worst(text, zone, points[:100] + around):7.0f}")
    for name, rows in totals.items():
        each, scattered = fmean(row[1] for row in rows), fmean(row[3] for row in rows)
        ratios = each / fmean(row[0] for row in rows), scattered / fmean(row[2] for row in rows)
        print(
            f"mean of {name:10} each {each:8.1f} ({ratios[0]:.1f}x), scattered {scattered:8.1f} ({ratios[1]:.1f}x)"
        )
    each = fmean(row[1] for row in totals["cronsim"]) / fmean(row[0] for row in totals["cronsim"])
    if not options.short:
        reached = "reached" if each >= AIM else "MISSED"
        print(f"aim {AIM}x of cronsim, one after the other: {each:.1f}x, {reached}")
    read = [reading(text) for text in (*EXPRESSIONS, *OWN)]
    print(
        f"reading, no field known: mean {fmean(cold for cold, _ in read):.1f}, most {max(cold for cold, _ in read):.1f}"
    )
    print(
        f"reading, fields known:   mean {fmean(warm for _, warm in read):.1f}, most {max(warm for _, warm in read):.1f}"
    )


if __name__ == "__main__":
    main()
