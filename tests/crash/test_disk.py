"""The file cannot be written for a while, or is no database: a clear error, and nothing lost (rule N3)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from anysched import (
    AsyncScheduler,
    IntervalTrigger,
    JobOutcome,
    SchedulerFaultError,
    StoreError,
    StoreRecovered,
    StoreUnavailable,
    StoreUnavailableError,
    current_job,
    task,
)
from anysched.stores import SQLDataStore
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio

START = datetime(2025, 1, 1, tzinfo=UTC)

#: More than fits into what is left of a page.
BULK = "x" * 20_000

NO_LIMIT = 1 << 30


@task(id="nothing")
async def nothing() -> None:
    """Do nothing."""


class Disk:
    """A file that can become impossible to write."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.engine = sa.create_engine(f"sqlite:///{path}?timeout=0.01")
        self._settings = ["PRAGMA query_only = OFF", f"PRAGMA max_page_count = {NO_LIMIT}"]
        self._lock = sqlite3.connect(path, isolation_level=None)
        sa.event.listen(self.engine, "checkout", self._set_up)

    def close(self) -> None:
        """Let go of the file."""
        self._lock.close()
        self.engine.dispose()

    def _set_up(self, connection: Any, _: Any, __: Any) -> None:
        for setting in self._settings:
            connection.execute(setting)

    def fill(self) -> None:
        """Leave no room for anything more."""
        self._settings[1] = "PRAGMA max_page_count = 1"  # that is, as many as there are
        self._lock.execute("CREATE TABLE others (data)")
        self._lock.execute(self._settings[1])
        with suppress(sqlite3.OperationalError):
            while True:
                self._lock.execute("INSERT INTO others VALUES (zeroblob(3000))")

    def empty(self) -> None:
        """Make room."""
        self._settings[1] = f"PRAGMA max_page_count = {NO_LIMIT}"
        self._lock.execute("DROP TABLE others")

    def protect(self) -> None:
        """Forbid writing."""
        self._settings[0] = "PRAGMA query_only = ON"

    def allow(self) -> None:
        """Allow writing again."""
        self._settings[0] = "PRAGMA query_only = OFF"

    def lock(self) -> None:
        """Begin a write and keep it."""
        self._lock.execute("BEGIN IMMEDIATE")

    def unlock(self) -> None:
        """End it."""
        self._lock.execute("COMMIT")


FAULTS: dict[str, tuple[Callable[[Disk], None], Callable[[Disk], None], str]] = {
    "full": (Disk.fill, Disk.empty, "the disk is full"),
    "read-only": (Disk.protect, Disk.allow, "may not be written"),
    "locked": (Disk.lock, Disk.unlock, "locked for too long"),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_away_for_a_while(fault: str, tmp_path: Path) -> None:
    """rule N3: the node says so, tries again, goes on by itself; what was due meanwhile is made up for, once."""
    breaks, mends, complaint = FAULTS[fault]
    clock = FakeClock(START)
    disk = Disk(tmp_path / "jobs.db")
    fired: list[float] = []
    said: list[type] = []

    @task(id="tick")
    async def tick(_: str) -> None:
        fire_time = current_job.get().scheduled_fire_time
        assert fire_time is not None
        fired.append((fire_time - START).total_seconds())

    @task(id="long")
    async def long() -> str:
        await clock.sleep(5)
        return "done"

    async with AsyncScheduler(
        SQLDataStore(disk.engine), clock=clock, timezone=UTC, tasks=[long]
    ) as scheduler:
        scheduler.subscribe(lambda event: said.append(type(event)), [StoreUnavailable, StoreRecovered])
        await scheduler.configure_task("tick", func=tick)
        await scheduler.add_schedule(
            "tick", IntervalTrigger(seconds=1), id="a", args=[BULK], coalesce="all", max_catchup=1000
        )
        await clock.advance(3)
        job_id = await scheduler.add_job(long, result_expiration_time=timedelta(days=1))
        await clock.advance(0)
        breaks(disk)
        await clock.advance(20)
        assert (StoreUnavailable, StoreUnavailable) == (said[0], said[-1])
        assert complaint in (scheduler.health.store_error or "")
        assert not scheduler.health.ok
        with pytest.raises(StoreUnavailableError, match=complaint):
            await scheduler.add_job("tick", args=[BULK])
        assert [0, 1, 2, 3] == fired
        mends(disk)
        await clock.advance(11)
        assert StoreRecovered is said[-1]
        assert scheduler.health.ok
        assert list(range(35)) == fired
        state = (await scheduler.get_schedule("a")).state
        assert (35, {}) == (state.jobs_made, dict(state.skipped))
        result = await scheduler.get_job_result(job_id, wait=False)
        assert result is not None
        assert (JobOutcome.success, "done") == (result.outcome, result.return_value)
    disk.close()


async def test_not_a_database(tmp_path: Path) -> None:
    """A file that is something else is refused with a clear error, and left as it is."""
    path = tmp_path / "letter.txt"
    path.write_text("Dear reader, " * 1000)
    with pytest.raises(StoreError, match="the file is not an SQLite database"):
        async with AsyncScheduler(f"sqlite:///{path}", timezone=UTC):
            pass
    assert "Dear reader, " * 1000 == path.read_text()


async def test_damaged_file(tmp_path: Path) -> None:
    """A file whose pages were overwritten is refused with a clear error."""
    path = tmp_path / "jobs.db"
    async with AsyncScheduler(f"sqlite:///{path}", timezone=UTC):
        pass
    intact = path.read_bytes()
    path.write_bytes(intact[:4096] + b"\xff" * (len(intact) - 4096))
    with pytest.raises(StoreError, match="the file is damaged"):
        async with AsyncScheduler(f"sqlite:///{path}", timezone=UTC):
            pass


def drop_a_table(path: Path) -> None:
    """Do what no other program should."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE anysched_schedules")


async def test_emptied_while_in_use(tmp_path: Path) -> None:
    """rule J6: a database that is not what it was ends the scheduler with one clear error."""
    path = tmp_path / "jobs.db"
    clock = FakeClock(START)
    with pytest.raises(SchedulerFaultError, match="no such table") as raised:  # noqa: PT012  (all of it)
        async with AsyncScheduler(f"sqlite:///{path}", clock=clock, timezone=UTC):
            drop_a_table(path)
            await clock.advance(3600)
    assert isinstance(raised.value.__cause__, StoreError)


@pytest.mark.parametrize("place", ["missing/jobs.db", "folder"])
async def test_no_such_place(place: str, tmp_path: Path) -> None:
    """rule N3: a file that cannot be opened is said to be so, at the start."""
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreUnavailableError, match="cannot be opened"):
        async with AsyncScheduler(f"sqlite:///{tmp_path}/{place}", timezone=UTC):
            pass


async def test_read_only_file(tmp_path: Path) -> None:
    """rule N3: a file that may only be read is said to be so, and stays as it is."""
    path = tmp_path / "jobs.db"
    url = f"sqlite:///file:{path}?mode=ro&uri=true"
    with pytest.raises(StoreUnavailableError, match="cannot be opened"):
        async with AsyncScheduler(url, timezone=UTC):
            pass
    async with AsyncScheduler(f"sqlite:///{path}", timezone=UTC):
        pass
    with pytest.raises(StoreUnavailableError, match="may not be written"):
        async with AsyncScheduler(url, timezone=UTC) as scheduler:
            await scheduler.add_job(nothing)
