"""Several worker processes of one server, on one database (rules N1 and S3)."""

from __future__ import annotations

import re
from pathlib import Path

from tests.web.serving import serving, uvicorn, wait_until
from tests.web.work_log import WorkLog


def test_workers_that_share_a_file(tmp_path: Path) -> None:
    """Rules N1 and S3: four workers on one SQLite file run each fire time once."""
    log = WorkLog(tmp_path)
    environment = {"DATABASE_URL": "sqlite:///jobs.db", "EVERY": "0.5", "SCHEDULES": "4"}
    command = uvicorn("working:app", "--workers", "4")
    with serving(command, tmp_path, environment=environment, ready="/ready") as server:
        log.wait_for_ticks(20)
    assert 4 == server.log.count("has stopped")
    log.assert_each_fire_time_once(0.5)


def test_workers_with_memory_of_their_own(tmp_path: Path) -> None:
    """Rule N1: without a durable store each worker runs each fire time, and the log says so once, with the remedy."""
    log = WorkLog(tmp_path)
    command = uvicorn("working:app", "--workers", "2")
    with serving(command, tmp_path, ready="/ready", quiet=False) as server:
        wait_until(lambda: len({tick.process for tick in log.ticks}) == 2)
        wait_until(lambda: "WARNING anysched" in server.log)
        log.wait_for_ticks(20)
    (warning,) = re.findall(r"^WARNING anysched.*", server.log, re.MULTILINE)
    assert "every process runs every job" in warning
    assert "sqlite:///" in warning
