"""What a test finds when the processes are gone: the log, the report, the file."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import attrs
from tests.crash.processes import PATIENCE


@attrs.frozen
class Tally:
    """What became of the fire times.

    :ivar fire_times: how many there were
    :ivar lost: those that no job ran for
    :ivar doubled: those that more than one job ran for
    :ivar repeated: how many starts were not the first one of their job (rule J3)
    """

    fire_times: int
    lost: list[tuple[str, int]]
    doubled: list[tuple[str, int]]
    repeated: int


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so that another process brings about."""
    with anyio.fail_after(PATIENCE):
        while not condition():  # noqa: ASYNC110  (another process sets no event)
            await anyio.sleep(0.01)


def lines(log: Path) -> list[dict[str, Any]]:
    """Return what jobs have noted."""
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []


def tally(log: Path, report: Path, every: float) -> Tally:
    """Compare the runs with the fire times that there were, from the first of each schedule to the next to come."""
    jobs: dict[tuple[str, int], set[str]] = {}
    starts: Counter[str] = Counter()
    for line in lines(log):
        jobs.setdefault((line["schedule"], line["fire_time"]), set()).add(line["job"])
        starts[line["job"]] += 1
    expected: set[tuple[str, int]] = set()
    for schedule, state in json.loads(report.read_text(encoding="utf-8")).items():
        fire_times = range(state["first"], state["next"], round(every * 1_000_000))
        expected |= {(schedule, fire_time) for fire_time in fire_times}
        assert len(fire_times) == state["jobs_made"], schedule
        assert 0 == state["skipped"], schedule
    assert set() == jobs.keys() - expected, "jobs for what is no fire time"
    return Tally(
        fire_times=len(expected),
        lost=sorted(expected - jobs.keys()),
        doubled=sorted(key for key, ids in jobs.items() if len(ids) > 1),
        repeated=starts.total() - len(starts),
    )


def check_file(path: Path) -> None:
    """Check that SQLite finds nothing wrong with a file, and that nothing is left open in it."""
    with closing(sqlite3.connect(path)) as connection:
        assert [("ok",)] == connection.execute("PRAGMA integrity_check").fetchall()
        assert [] == connection.execute("SELECT id FROM anysched_jobs").fetchall()
