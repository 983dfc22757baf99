"""Running a program as a user would: in a process of its own, with warnings as errors, in an empty folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TIME_LIMIT = 30

#: What tells on stderr which threads and tasks a program leaves behind.
WATCHED = ROOT / "tests" / "web" / "watched"


def environment() -> dict[str, str]:
    """Return the environment of a program: a time zone that is not UTC shows what depends on it; its end is watched."""
    inherited = os.environ.get("PYTHONPATH")
    return {
        **os.environ,
        "PYTHONIOENCODING": "utf-8",
        "PYTHONPATH": os.pathsep.join([str(WATCHED), *([inherited] if inherited else [])]),
        "TZ": "Europe/Helsinki",
        "WATCHED_LEVEL": "WARNING",
        # A program that is pytest loads what its tests need; importing all that is installed here takes seconds.
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTEST_PLUGINS": "anyio.pytest_plugin",
    }


def run_program(*args: str | Path, folder: Path) -> str:
    """Return what a Python program printed. Fail if it does not end with exit code 0, in time, and leave nothing."""
    done = subprocess.run(
        [sys.executable, "-W", "error", *args],
        cwd=folder,
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=TIME_LIMIT,
        check=False,
    )
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert done.stderr == "", done.stderr
    return done.stdout
