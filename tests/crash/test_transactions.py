"""A process that dies between two statements of a transaction leaves the old state (rules S3 and S4)."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.crash.operations import CREATE, OPERATIONS
from tests.crash.processes import Processes

#: What is different each time, though nothing else is.
RANDOM = ("incarnation", "config_id", "job_id", "id")


def content(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return what a file holds, without made-up ids, and check that SQLite finds nothing wrong with it."""
    with closing(sqlite3.connect(path)) as connection:
        assert [("ok",)] == connection.execute("PRAGMA integrity_check").fetchall()
        tables = [
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if not name.startswith("sqlite_")
        ]
        found: dict[str, list[tuple[Any, ...]]] = {}
        for table in tables:
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            kept = [name for name in columns if name not in RANDOM] or ["1"]
            rows = connection.execute(f"SELECT {', '.join(kept)} FROM {table}").fetchall()
            found[table] = sorted(rows, key=repr)
        return found


@pytest.mark.parametrize("operation", [CREATE, *OPERATIONS])
def test_death_in_a_transaction(processes: Processes, operation: str, tmp_path: Path) -> None:
    """rules S3 and S9: wherever a process dies, all of what it was about to write is there, or nothing."""
    prepared = tmp_path / "prepared.db"
    processes.start("prepare", path=str(prepared), operation=operation).join()
    before = content(prepared)
    found: list[dict[str, Any]] = []
    completed = False
    while not completed:
        path = tmp_path / f"{len(found)}.db"
        shutil.copy(prepared, path)
        child = processes.start("operate", path=str(path), operation=operation, deadly=len(found))
        completed = child.ended_well()
        found.append(content(path))
    after = found[-1]
    assert before != after
    assert len(found) >= 4
    turning_point = found.index(after)
    assert [before] * turning_point + [after] * (len(found) - turning_point) == found
    assert turning_point >= 3
