"""The judge finds each kind of wrong, and nothing where all is well."""

from __future__ import annotations

import math
from typing import Any

import attrs
import pytest
from tests.crash.checker import BLUR, SECOND, Run, Verdict, judge, percentile, runs_of

DUE = [("a", 10 * SECOND), ("a", 11 * SECOND), ("b", 10 * SECOND)]
KINDS = ["lost", "doubled", "repeated", "early", "late", "overlapping", "unexpected"]


def run(due: tuple[str, int], after: float = 0.1, lasts: float | None = 0.5, **others: Any) -> Run:
    """Return a run that starts so many seconds after what was due, and goes on for so long."""
    started = due[1] + round(after * SECOND)
    ended = None if lasts is None else started + round(lasts * SECOND)
    others = {"job": f"job of {due}", "attempt": 1, "node": "one", **others}
    return Run(due, started=started, ended=ended, **others)


def wrongs(verdict: Verdict) -> dict[str, Any]:
    """Return what is wrong."""
    return {kind: found for kind in KINDS if (found := getattr(verdict, kind))}


GOOD = [run(due) for due in DUE]
FIRST = DUE[0]


def test_all_is_well() -> None:
    """One run for each due time, inside its window: nothing is wrong."""
    verdict = judge(DUE, GOOD, window=0.2)
    assert {} == wrongs(verdict)
    assert (3, [0.1] * 3) == (verdict.fire_times, verdict.lateness)


def test_lost() -> None:
    """A due time without any run is lost; a run of another one makes up for nothing."""
    assert {"lost": [FIRST]} == wrongs(judge(DUE, GOOD[1:]))
    others = [run(DUE[1]), run(DUE[1], 0.7), run(DUE[2])]
    assert {"lost": [FIRST], "repeated": [DUE[1]]} == wrongs(judge(DUE, others))


def test_doubled() -> None:
    """Two jobs for one due time are one too many, though they run one after the other; so is a third."""
    second, third = run(FIRST, 1, job="another"), run(FIRST, 2, job="a third")
    assert {"doubled": [FIRST]} == wrongs(judge(DUE, [*GOOD, second]))
    assert {"doubled": [FIRST] * 2} == wrongs(judge(DUE, [*GOOD, second, third]))


def test_repeated() -> None:
    """Each start of a job after its first is a repetition, with the same number of the attempt or another."""
    again = [run(FIRST, 1, attempt=2, node="two"), run(FIRST, 2, attempt=2, node="two")]
    assert {"repeated": [FIRST] * 2} == wrongs(judge(DUE, [*GOOD, *again]))


def test_unforced() -> None:
    """A repetition is forced by the end of the node that had started the job, and by no other one's."""
    again = [run(FIRST, 1, node="two"), run(FIRST, 2, node="three")]
    runs = [*GOOD, *again]
    assert [FIRST] * 2 == judge(DUE, runs).unforced
    assert [FIRST] == judge(DUE, runs, gone={"one": FIRST[1] + SECOND}).unforced
    assert [] == judge(DUE, runs, gone={"one": FIRST[1] + SECOND, "two": FIRST[1] + SECOND}).unforced
    assert [] == judge(DUE, GOOD).unforced


def test_early() -> None:
    """A start before the due time is early, by more than clocks blur."""
    blurred = run(FIRST, -BLUR / SECOND)
    assert {} == wrongs(judge(DUE, [blurred, *GOOD[1:]]))
    verdict = judge(DUE, [run(FIRST, -2 * BLUR / SECOND), *GOOD[1:]])
    assert {"early": [FIRST]} == wrongs(verdict)
    assert verdict.lateness[0] < 0
    assert {"early": [FIRST], "repeated": [FIRST]} == wrongs(judge(DUE, [run(FIRST, -1), *GOOD]))


def test_late() -> None:
    """A first start after the window is late; a second one may come later."""
    assert {"late": [FIRST]} == wrongs(judge(DUE, [run(FIRST, 0.3), *GOOD[1:]], window=0.2))
    assert {"repeated": [FIRST]} == wrongs(judge(DUE, [*GOOD, run(FIRST, 5)], window=0.2))


def test_overlapping() -> None:
    """Two runs for one due time at the same time overlap, of one job or of two."""
    again = run(FIRST, 0.4, attempt=2)
    assert {"repeated": [FIRST], "overlapping": [FIRST]} == wrongs(judge(DUE, [*GOOD, again]))
    another = run(FIRST, 0.4, job="another")
    assert {"doubled": [FIRST], "overlapping": [FIRST]} == wrongs(judge(DUE, [another, *GOOD]))
    touching = run(FIRST, 0.6, attempt=2)
    assert {"repeated": [FIRST]} == wrongs(judge(DUE, [*GOOD, touching]))


def test_no_end() -> None:
    """A run without an end goes on for ever, unless its node is known to be gone."""
    endless = [run(FIRST, lasts=None), run(FIRST, 5, attempt=2, node="two"), *GOOD[1:]]
    assert {"repeated": [FIRST], "overlapping": [FIRST]} == wrongs(judge(DUE, endless))
    gone = {"one": FIRST[1] + 2 * SECOND}
    verdict = judge(DUE, endless, gone=gone)
    assert {"repeated": [FIRST]} == wrongs(verdict)
    assert [3.0] == verdict.takeovers
    late_death = {"one": FIRST[1] + 6 * SECOND}
    verdict = judge(DUE, endless, gone=late_death)
    assert {"repeated": [FIRST], "overlapping": [FIRST]} == wrongs(verdict)
    assert [] == verdict.takeovers


def test_unexpected() -> None:
    """A run for what was not due is told as such."""
    stranger = ("a", 12 * SECOND)
    assert {"unexpected": [stranger]} == wrongs(judge(DUE, [*GOOD, run(stranger)]))


def test_runs_of() -> None:
    """Starts and ends are put together by job, attempt and node; a wrong clock of a node changes nothing."""
    note = {"schedule": "a", "fire_time": FIRST[1], "job": "x", "attempt": 1, "node": "one", "wall": 77}
    notes = [
        note | {"event": "start", "monotonic": 1_000},
        note | {"event": "start", "monotonic": 2_000, "attempt": 2, "node": "two"},
        note | {"event": "end", "monotonic": 3_000, "attempt": 2, "node": "two"},
        note | {"event": "start", "monotonic": 4_000},
        note | {"event": "end", "monotonic": 5_000},
    ]
    first = Run(FIRST, "x", 1, "one", started=101_000, ended=105_000)
    second = Run(FIRST, "x", 2, "two", started=102_000, ended=103_000)
    assert [first, second, attrs.evolve(first, started=104_000, ended=None)] == runs_of(notes, 100_000)


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([1.0], 50, 1.0),
        ([1.0, 2.0], 50, 1.0),
        ([1.0, 2.0, 3.0], 50, 2.0),
        ([*map(float, range(1, 101))], 99, 99.0),
    ],
)
def test_percentile(values: list[float], percent: float, expected: float) -> None:
    """A percentile is one of the values; that of none is not a number."""
    assert expected == percentile(values, percent)
    assert math.isnan(percentile([], percent))
