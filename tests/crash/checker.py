"""A judge of what nodes have done: each due time wants one run, by one job, inside its window. Pure.

Instants are microseconds since the epoch, by the clock of the database's server.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, pairwise
from typing import Any

import attrs

#: What was due: the schedule, and its fire time.
Due = tuple[str, int]

SECOND = 1_000_000

#: How far apart two readings of one clock can be that were not made at the same instant.
BLUR = 2_000


@attrs.frozen
class Run:
    """One start of a job, and its end if it came to one."""

    due: Due
    job: str
    attempt: int
    node: str
    started: int
    ended: int | None = None

    def overlaps(self, other: Run) -> bool:
        """Tell whether both went on at the same time; one without an end may still do."""
        first, second = sorted([self, other], key=lambda run: run.started)
        return first.ended is None or first.ended > second.started


@attrs.frozen
class Verdict:
    """What became of the due times. A due time stands in a list as often as it happened to it.

    :ivar fire_times: how many there were
    :ivar lost: no job ran for it
    :ivar doubled: a job more than one ran for it
    :ivar repeated: a start that was not the first of its job (rule J3)
    :ivar unforced: one of these, though the node that started the job before is not gone
    :ivar early: a start before it
    :ivar late: no start until the end of its window
    :ivar overlapping: two of its runs went on at the same time
    :ivar unexpected: a run for what was not due
    :ivar lateness: seconds from each to its first start, sorted
    :ivar takeovers: seconds from the end of a node to the next start of each job that it had begun, sorted
    """

    fire_times: int
    lost: list[Due] = attrs.field(factory=list)
    doubled: list[Due] = attrs.field(factory=list)
    repeated: list[Due] = attrs.field(factory=list)
    unforced: list[Due] = attrs.field(factory=list)
    early: list[Due] = attrs.field(factory=list)
    late: list[Due] = attrs.field(factory=list)
    overlapping: list[Due] = attrs.field(factory=list)
    unexpected: list[Due] = attrs.field(factory=list)
    lateness: list[float] = attrs.field(factory=list, repr=False)
    takeovers: list[float] = attrs.field(factory=list, repr=False)


def judge(
    due: Iterable[Due],
    runs: Iterable[Run],
    *,
    window: float = math.inf,
    gone: Mapping[str, int] | None = None,
) -> Verdict:
    """Compare what was due with what has run.

    :param window: seconds in which a run has to start
    :param gone: when nodes were killed, or cut off from the database
    """
    wanted = set(due)
    expected = sorted(wanted)
    gone = gone or {}
    found: dict[Due, list[Run]] = defaultdict(list)
    for run in sorted(runs, key=lambda run: run.started):
        cut = run.ended is None and run.node in gone
        found[run.due].append(attrs.evolve(run, ended=max(run.started, gone[run.node])) if cut else run)
    verdict = Verdict(len(expected))
    verdict.unexpected.extend(key for key, its in sorted(found.items()) if key not in wanted for _ in its)
    for key in expected:
        _judge_one(verdict, key, found.get(key, []), window)
        verdict.unforced.extend(key for _ in _unforced(found.get(key, []), gone))
    verdict.lateness.sort()
    for its in found.values():
        verdict.takeovers.extend(_takeovers(its, gone))
    verdict.takeovers.sort()
    return verdict


def _judge_one(verdict: Verdict, key: Due, runs: Sequence[Run], window: float) -> None:
    """Judge one due time by its runs, which are sorted by their starts."""
    if not runs:
        verdict.lost.append(key)
        return
    starts = Counter(run.job for run in runs)
    waited = (runs[0].started - key[1]) / SECOND
    verdict.lateness.append(waited)
    verdict.doubled.extend([key] * (len(starts) - 1))
    verdict.repeated.extend([key] * (starts.total() - len(starts)))
    verdict.early.extend(key for run in runs if run.started < key[1] - BLUR)
    verdict.late.extend([key] * (waited > window))
    verdict.overlapping.extend(key for one, other in combinations(runs, 2) if one.overlaps(other))


def _unforced(runs: Sequence[Run], gone: Mapping[str, int]) -> Iterable[Run]:
    """Yield starts of jobs that a node had begun which is still there; one that is gone may wake up late."""
    last: dict[str, Run] = {}
    for run in runs:
        before = last.get(run.job)
        if before is not None and before.node not in gone and run.node not in gone:
            yield run
        last[run.job] = run


def _takeovers(runs: Sequence[Run], gone: Mapping[str, int]) -> Iterable[float]:
    for one, following in pairwise(runs):
        if one.job == following.job and following.started >= gone.get(one.node, math.inf) >= one.started:
            yield (following.started - gone[one.node]) / SECOND


def percentile(sorted_values: Sequence[float], percent: float) -> float:
    """Return the smallest value that so many percent of them do not exceed; not a number if there is none."""
    if not sorted_values:
        return math.nan
    return sorted_values[max(0, math.ceil(len(sorted_values) * percent / 100) - 1)]


def runs_of(notes: Iterable[Mapping[str, Any]], offset: int) -> list[Run]:
    """Return the runs that jobs of schedules have noted.

    :param offset: the server's clock minus the monotonic one, in microseconds; a node's own clock may be wrong
    """
    runs: list[Run] = []
    open_runs: dict[tuple[str, int, str], list[int]] = defaultdict(list)
    for note in notes:
        at = note["monotonic"] + offset
        key = (note["job"], note["attempt"], note["node"])
        if note["event"] == "start":
            open_runs[key].append(len(runs))
            runs.append(Run((note["schedule"], note["fire_time"]), *key, at))
        else:
            index = open_runs[key].pop(0)
            runs[index] = attrs.evolve(runs[index], ended=at)
    return runs
