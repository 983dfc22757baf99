"""The benchmarks work; what they measure is judged by nobody here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

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


def test_cron() -> None:
    """The comparison of cron rules is one of the workloads."""
    assert "mean of cronsim" in run("compare.py", "--short", "cron")


@pytest.mark.parametrize("store", ["memory", "sqlite"])
def test_growth(store: str, tmp_path: Path) -> None:
    """What things cost is measured at each size, printed with its ratio to the first, kept, and drawn."""
    kept, plots = tmp_path / "kept.json", tmp_path / "plots"
    few = ("--sizes", "100", "200", "--rounds", "1", "--repeats", "3")
    printed = run("growth.py", "--stores", store, *few, "--json", kept)
    assert f"| {store} | 100 | 200 |" in printed.splitlines()
    assert ["100", "200"] == list(json.loads(kept.read_text())["figures"][store])

    run("growth.py", "--draw", kept, "--into", plots)
    for plot in plots.iterdir():
        text = plot.read_text()
        assert text.startswith("<svg")
        assert text.count(f">{store}</text>") == 1
