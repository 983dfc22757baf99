"""The benchmarks work; what they measure is judged by nobody here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.examples.running import ROOT

#: Seconds; most of them pass in waiting for what is due.
PATIENCE = 110

RATES = ("burst", "drain", "add", "pause")
TIMES = ("reaction", "precision", "idle")


def run(script: str, *options: str | Path) -> str:
    """Return what a benchmark printed. Fail if it does not end well, or complains."""
    command = [sys.executable, "-W", "error", str(ROOT / "benchmarks" / script), *map(str, options)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (0, "") == (done.returncode, done.stderr), done.stdout
    return done.stdout


@pytest.mark.parametrize("workloads", [RATES, TIMES], ids=["rates", "times"])
@pytest.mark.parametrize(("store", "backend"), [("memory", "trio"), ("sqlite", "asyncio")])
def test_short_form(store: str, backend: str, workloads: tuple[str, ...], tmp_path: Path) -> None:
    """Each workload runs to its end, with nothing missing, and says what it found; peers are not installed here."""
    kept = tmp_path / "kept.json"
    options = ("--short", "--peers", "--stores", store, "--backend", backend, "--json", kept)
    printed = run("compare.py", *options, *workloads)
    headings = [
        line for line in printed.splitlines() if line.endswith(("rate", "p50", "p99", "cpu", "bytes"))
    ]
    assert len(headings) == printed.count("  own ") == len(json.loads(kept.read_text())) > 0
    assert printed.endswith(run("report.py", kept))


def judged(kept: Path, *outcomes: dict[str, Any]) -> list[str]:
    """Return the table of a report without its heading, and the line that counts aims."""
    plain = {"workload": "idle", "store": "memory", "peers": ["other"], "figure": "cpu", "aim": None}
    rows = [{"name": "idle", **plain, **one["row"]} for one in outcomes]
    pairs = zip(outcomes, rows, strict=True)
    kept.write_text(json.dumps([{"failed": {}, **one, "row": row} for one, row in pairs]))
    return run("report.py", kept).splitlines()[2:]


def test_only_rounds_in_which_both_worked_are_paired(tmp_path: Path) -> None:
    """A peer that failed in a round is not compared with what others did in another one; the table names it."""
    found = {"own": [{"cpu": 2.0}, {"cpu": 3.0}], "other": [None, {"cpu": 6.0}]}
    row, count = judged(
        tmp_path / "kept.json",
        {"row": {"aim": 0.5, "options": {"count": 10}}, "found": found, "failed": {"other": "1 missing"}},
    )
    assert "0.5x the best peer: 0.42x (0.50 to 0.50), reached; other failed: 1 missing" in row
    assert count == "1 aims, 0 missed"


def test_what_has_nothing_to_be_compared_with_is_not_judged(tmp_path: Path) -> None:
    """No aim is reached by itself, none is left out; one that is not judged is counted apart."""
    row, count = judged(
        tmp_path / "kept.json",
        {"row": {"aim": 0.5, "grown": 1.25, "options": {"count": 10}}, "found": {"own": [{"cpu": 2.0}]}},
    )
    assert "0.5x the best peer: not judged: no peer ran" in row
    assert "1.25x of the first: not judged: the first of the series did not run" in row
    assert count == "2 aims, 0 missed, 2 not judged"


def test_growth_is_judged_by_the_first_of_a_series(tmp_path: Path) -> None:
    """The first row of a series is what others are judged by; a run of ours that failed is a missed aim."""
    first, second, count = judged(
        tmp_path / "kept.json",
        {"row": {"options": {"count": 10}}, "found": {"own": [{"cpu": 2.0}]}},
        {
            "row": {"grown": 1.25, "options": {"count": 1_000}},
            "found": {"own": [None, {"cpu": 3.0}]},
            "failed": {"own": "1 missing"},
        },
    )
    assert "aim" not in first
    assert "each run works: 1 missing, MISSED; 1.25x of 10: " in second
    assert second.endswith("MISSED")
    assert count == "2 aims, 2 missed"


def test_a_run_without_all_of_its_jobs_failed() -> None:
    """Whoever loses jobs, or runs them twice, did not do the work that is compared."""
    program = "import compare, json, sys; print(*map(compare.checked, json.loads(sys.argv[1])), sep='\\n')"
    runs = [
        {"rate": 1.0, "missing": 0, "doubled": 0},
        {"rate": 1.0, "missing": 1},
        {"rate": 1.0, "missing": 1, "doubled": 2},
    ]
    command = [sys.executable, "-c", program, json.dumps(runs)]
    done = subprocess.run(
        command, cwd=ROOT / "benchmarks", capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    assert [f"{runs[0]}", "1 missing", "1 missing, 2 doubled"] == done.stdout.splitlines()


def test_cron() -> None:
    """The comparison of cron rules is one of the workloads."""
    assert "mean of cronsim" in run("compare.py", "--short", "cron")


def test_growth(tmp_path: Path) -> None:
    """What things cost is measured at each size, printed with its ratio to the first, kept, and drawn."""
    kept, plots, stores = tmp_path / "kept.json", tmp_path / "plots", ("memory", "sqlite")
    few = ("--sizes", "100", "200", "--rounds", "1", "--repeats", "3")
    printed = run("growth.py", "--stores", *stores, *few, "--json", kept).splitlines()
    figures = json.loads(kept.read_text())["figures"]
    for store in stores:
        assert f"| {store} | 100 | 200 |" in printed
        assert ["100", "200"] == list(figures[store])

    run("growth.py", "--draw", kept, "--into", plots)
    drawn = [plot.read_text() for plot in plots.iterdir()]
    for text in drawn:
        assert text.startswith("<svg")
    for store in stores:
        assert {1} == {text.count(f">{store}</text>") for text in drawn}
