"""What a test finds when the processes are gone: the log, the report, the file."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
from tests.crash.checker import SECOND, Due, Verdict, judge, runs_of
from tests.crash.processes import PATIENCE


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so that another process brings about."""
    with anyio.fail_after(PATIENCE):
        while not condition():  # noqa: ASYNC110  (another process sets no event)
            await anyio.sleep(0.01)


def lines(log: Path) -> list[dict[str, Any]]:
    """Return what jobs have noted."""
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []


def tally(log: Path, report: Path, every: float, *, gone: Mapping[str, float] | None = None) -> Verdict:
    """Judge the runs by the fire times that there were, from the first of each schedule to the next to come.

    :param every: seconds between two fire times of a schedule
    :param gone: when nodes were killed or cut off, in seconds since the epoch
    """
    due: set[Due] = set()
    for schedule, state in json.loads(report.read_text(encoding="utf-8")).items():
        fire_times = range(state["first"], state["next"], round(every * SECOND))
        due |= {(schedule, fire_time) for fire_time in fire_times}
        assert len(fire_times) == state["jobs_made"], schedule
        assert 0 == state["skipped"], schedule
        assert [*fire_times] == state["ran"], (schedule, "rule G1: each has one record")
    ends = {node: round(instant * SECOND) for node, instant in (gone or {}).items()}
    verdict = judge(due, runs_of(lines(log), clock_offset()), gone=ends)
    assert [] == verdict.unexpected, "jobs for what is no fire time"
    return verdict


def clock_offset() -> int:
    """Return the wall clock minus the monotonic one, in microseconds: of some readings the least disturbed one."""
    readings = [(time.monotonic_ns(), time.time_ns(), time.monotonic_ns()) for _ in range(20)]
    before, wall, after = min(readings, key=lambda reading: reading[2] - reading[0])
    return (wall - (before + after) // 2) // 1000


def check_file(path: Path) -> None:
    """Check that SQLite finds nothing wrong with a file, and that nothing is left open in it."""
    with closing(sqlite3.connect(path)) as connection:
        assert [("ok",)] == connection.execute("PRAGMA integrity_check").fetchall()
        assert [] == connection.execute("SELECT id FROM anysched_jobs").fetchall()
