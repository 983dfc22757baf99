"""What was found: printed as it comes, and as one table in the end.

usage: report.py FILE ...

Prints the table of runs that ``compare.py --json FILE`` has kept, of several parts together.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

import attrs
from rows import Row

OWN = "own"

Figures = dict[str, float]
T = TypeVar("T")


@attrs.frozen
class Outcome:
    """What was found of a row: the figures of each round, by peer, and what went wrong with whom.

    A round in which a peer failed is None.
    """

    row: Row
    found: dict[str, list[Figures | None]] = attrs.Factory(dict)
    failed: dict[str, str] = attrs.Factory(dict)

    def rounds(self, peer: str) -> list[float | None]:
        """Return the figure that is compared, of each round."""
        return [run[self.row.figure] if run is not None else None for run in self.found.get(peer, ())]

    def values(self, peer: str) -> list[float]:
        """Return the figure that is compared, of each round that worked."""
        return worked(self.rounds(peer))

    def best_peer(self) -> str | None:
        """Return the peer with the best median."""
        middle = {
            peer: median(values) for peer in self.found if peer != OWN and (values := self.values(peer))
        }
        best: Callable[..., str] = max if self.row.more_is_better else min
        return best(middle, key=middle.__getitem__) if middle else None


@attrs.frozen
class Verdict:
    """What was aimed at, and what came of it.

    :ivar reached: whether it was reached; None if that was not judged, for which ``figure`` tells the reason
    """

    aim: str
    figure: str
    reached: bool | None

    def __str__(self) -> str:
        if self.reached is None:
            return f"{self.aim}: not judged: {self.figure}"
        return f"{self.aim}: {self.figure}, {'reached' if self.reached else 'MISSED'}"


def worked(rounds: Sequence[T | None]) -> list[T]:
    """Return what there is of the rounds that worked."""
    return [one for one in rounds if one is not None]


def told(values: Sequence[float]) -> str:
    """Return the median and the spread of figures."""
    digits = 0 if median(values) >= 100 else 2
    return f"{median(values):,.{digits}f} ({min(values):,.{digits}f} to {max(values):,.{digits}f})"


def ratios(values: Sequence[float | None], bases: Sequence[float | None]) -> str:
    """Return the ratio of two medians, and its spread over the rounds in which both worked."""
    # Parts of a report may have different numbers of rounds.
    each = [value / base for value, base in zip(values, bases, strict=False) if value is not None and base]
    if not each:
        return "-"
    ratio = median(worked(values)) / median(worked(bases))
    return f"{ratio:.2f}x ({min(each):.2f} to {max(each):.2f})"


def verdicts(outcome: Outcome, first: Outcome) -> list[Verdict]:
    """Return what is judged of a row; ``first`` is the first row of its series."""
    row, peer = outcome.row, outcome.best_peer()
    judged: list[Verdict] = []
    if OWN in outcome.failed:
        judged.append(Verdict("each run works", outcome.failed[OWN], reached=False))
    if not outcome.values(OWN):
        return judged
    if row.aim is not None:
        aim = f"{row.aim}x the best peer"
        if peer is None:
            judged.append(Verdict(aim, "no peer ran", reached=None))
        else:
            judged.append(against(aim, row.aim, outcome, outcome.rounds(peer)))
    if row.grown is not None:
        if first is outcome or not first.values(OWN):
            judged.append(
                Verdict(f"{row.grown}x of the first", "the first of the series did not run", reached=None)
            )
        else:
            aim = f"{row.grown}x of {sized(first.row)}"
            judged.append(against(aim, row.grown, outcome, first.rounds(OWN)))
    if row.stall is not None:
        stall = median(run["stall"] for run in worked(outcome.found[OWN]))
        judged.append(Verdict(f"no stall above {row.stall} ms", f"{stall:.1f} ms", stall <= row.stall))
    return judged


def against(aim: str, part: float, outcome: Outcome, bases: Sequence[float | None]) -> Verdict:
    """Return whether anysched reaches such a part of other figures."""
    times = 1 if outcome.row.more_is_better else -1
    reached = times * median(outcome.values(OWN)) >= times * part * median(worked(bases))
    return Verdict(aim, ratios(outcome.rounds(OWN), bases), reached)


def sized(row: Row) -> str:
    """Return which one of its series a row is."""
    if "processes" in row.options:
        return f"{row.options['processes']} processes"
    return f"{row.options['count']:,}" if "count" in row.options else ""


def show(outcome: Outcome, first: Outcome) -> None:
    """Print the figures of a row, the ratios to the best peer and to the first of the series, and what was aimed at."""
    row, best = outcome.row, outcome.best_peer()
    print(f"\n{row.name}, {row.store} {json.dumps(row.options)}: {row.figure}")
    for peer, rounds in outcome.found.items():
        if peer in outcome.failed:
            print(f"  {peer:20} failed: {outcome.failed[peer]}")
        runs = worked(rounds)
        if not runs:
            continue
        values = outcome.rounds(peer)
        ratio = f"{ratios(values, outcome.rounds(best)):24}" if best else ""
        more = [f"{key} {told([run[key] for run in runs])}" for key in runs[0] if key != row.figure]
        if first is not outcome and first.values(peer):
            more.append(f"{ratios(values, first.rounds(peer))} of {sized(first.row)}")
        print(f"  {peer:20} {told(worked(values)):32} {ratio} {', '.join(more)}")
    for verdict in verdicts(outcome, first):
        print(f"  aim {verdict}")
    sys.stdout.flush()


def summary(outcomes: Sequence[Outcome]) -> None:
    """Print a table with a line for each row, and how many aims were missed, and how many not judged."""
    judged: list[Verdict] = []
    print(f"\n{'':48} {'figure':6} {'anysched':>10} {'best peer':>31} {'ratio':24} aims")
    for outcome in outcomes:
        row, own, peer = outcome.row, outcome.values(OWN), outcome.best_peer()
        found = verdicts(outcome, first_of(outcome, outcomes))
        judged += found
        base = outcome.values(peer) if peer else []
        others = f"{short(base)} {peer}" if peer else "-"
        name = f"{row.name}, {row.store} {sized(row)}"
        ratio = ratios(outcome.rounds(OWN), outcome.rounds(peer)) if peer else "-"
        failed = (f"{one} failed: {why}" for one, why in outcome.failed.items() if one != OWN)
        aims = "; ".join([*map(str, found), *failed])
        print(f"{name:48} {row.figure:6} {short(own):>10} {others:>31} {ratio:24} {aims}")
    missed = sum(verdict.reached is False for verdict in judged)
    unknown = sum(verdict.reached is None for verdict in judged)
    apart = f", {unknown} not judged" if unknown else ""
    print(f"{len(judged)} aims, {missed} missed{apart}" if judged else "no aims", flush=True)


def short(values: Sequence[float]) -> str:
    """Return a median."""
    if not values:
        return "failed"
    return f"{median(values):,.{0 if median(values) >= 100 else 2}f}"


def first_of(outcome: Outcome, outcomes: Sequence[Outcome]) -> Outcome:
    """Return the first row of a series."""
    series = (outcome.row.name, outcome.row.store)
    return next(one for one in outcomes if (one.row.name, one.row.store) == series)


def kept(outcomes: Sequence[Outcome]) -> str:
    """Return outcomes as JSON."""
    return json.dumps([attrs.asdict(outcome) for outcome in outcomes], indent=1)


def read(path: Path) -> list[Outcome]:
    """Return the outcomes in a file."""
    stored: list[dict[str, Any]] = json.loads(path.read_text())
    return [Outcome(Row(**one["row"]), one["found"], one["failed"]) for one in stored]


if __name__ == "__main__":
    summary([outcome for name in sys.argv[1:] for outcome in read(Path(name))])
