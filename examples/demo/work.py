"""The work that is scheduled: health checks, online backups, pruning, a report. All of it is real.

What a schedule passes to its task is stored in the file, so it is plain values: the folder, the address.
"""

from __future__ import annotations

import os
import sqlite3
import time
import urllib.request
from contextlib import closing
from pathlib import Path

from journal import recorded

from anysched import current_job, task

#: A backup copies so many pages at a time, and then lets others use the disk.
PAGES = 10
BREATH = 0.02
KEPT_BACKUPS = 4


def make_database(folder: Path) -> None:
    """Make the database that is backed up: the results of the checks, and ballast of about 1.3 MB."""
    with closing(sqlite3.connect(folder / "app.db")) as database, database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE checks (at REAL, status INTEGER, milliseconds REAL)")
        database.execute("CREATE TABLE ballast (bytes BLOB)")
        database.executemany("INSERT INTO ballast VALUES (?)", ((os.urandom(900),) for _ in range(1400)))


@task(id="check")
def check(folder: str, url: str) -> None:
    """Ask the service how it is, and keep what it says."""
    with recorded(Path(folder, "journal")) as said:
        began = time.monotonic()
        with urllib.request.urlopen(url, timeout=3) as answer:
            status = answer.status
        milliseconds = (time.monotonic() - began) * 1000
        with closing(sqlite3.connect(Path(folder, "app.db"), timeout=10)) as database, database:
            database.execute("INSERT INTO checks VALUES (?, ?, ?)", (time.time(), status, milliseconds))
        said.append(f"{status} in {milliseconds:.0f} ms")


@task(id="backup")
def back_up(folder: str) -> None:
    """Copy the database while others write to it. A copy gets its name when it is whole."""
    with recorded(Path(folder, "journal")) as said:
        fire_time = current_job.get().scheduled_fire_time
        assert fire_time is not None
        whole = Path(folder, "backups", f"{fire_time:%H%M%S}.db")
        whole.parent.mkdir(exist_ok=True)
        partial = whole.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        with (
            closing(sqlite3.connect(Path(folder, "app.db"), timeout=10, isolation_level=None)) as source,
            closing(sqlite3.connect(partial)) as target,
        ):
            # Within a transaction the copy is of one moment, and writers do not make it begin again.
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM checks").fetchone()
            source.backup(target, pages=PAGES, progress=lambda *_: time.sleep(BREATH))
        partial.replace(whole)
        said.append(f"{whole.name}, {whole.stat().st_size // 1024} kB")


@task(id="prune")
def prune(folder: str) -> None:
    """Delete all backups but the latest."""
    with recorded(Path(folder, "journal")) as said:
        backups = sorted(Path(folder, "backups").glob("*.db"))
        for path in backups[:-KEPT_BACKUPS]:
            path.unlink()
        said.append(f"deleted {max(0, len(backups) - KEPT_BACKUPS)} of {len(backups)}")


@task(id="report")
def report(folder: str) -> None:
    """Write down how the service did."""
    with recorded(Path(folder, "journal")) as said:
        with closing(sqlite3.connect(Path(folder, "app.db"), timeout=10)) as database:
            checks, slowest = database.execute("SELECT count(*), max(milliseconds) FROM checks").fetchone()
        Path(folder, "report.txt").write_text(f"{checks} checks, the slowest took {slowest:.0f} ms\n")
        said.append(f"{checks} checks")
