"""The benchmarks work; what they measure is judged by nobody here."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tests.examples.running import ROOT

#: Seconds; most of them pass in waiting for what is due.
PATIENCE = 120


@pytest.mark.parametrize(("store", "backend"), [("memory", "trio"), ("sqlite", "asyncio")])
def test_short_form(store: str, backend: str) -> None:
    """Each workload runs to its end, with nothing missing, and says what it found; peers are not installed here."""
    options = ["--short", "--peers", "--stores", store, "--backend", backend]
    command = [sys.executable, "-W", "error", str(ROOT / "benchmarks" / "compare.py"), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (0, "") == (done.returncode, done.stderr), done.stdout
    headings = [
        line for line in done.stdout.splitlines() if line.endswith(("rate", "p50", "p99", "cpu", "bytes"))
    ]
    assert len(headings) == done.stdout.count("  own ") > 0
