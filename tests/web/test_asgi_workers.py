"""Several worker processes of one server, on one database (rules N1 and S3)."""

from __future__ import annotations

from pathlib import Path

from tests.web.serving import serving, uvicorn
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
