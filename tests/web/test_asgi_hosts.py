"""Hosts that start and stop the scheduler in different tasks: ``start()`` and ``stop()``."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.web.serving import APPS, Command, hypercorn, program, serving, uvicorn
from tests.web.work_log import WorkLog

SERVERS = {
    "litestar-uvicorn": uvicorn("litestar_hooks:app"),
    "litestar-hypercorn-trio": hypercorn("litestar_hooks:app", "trio"),
    "aiohttp": program(APPS / "aiohttp_runner.py"),
}


@pytest.mark.parametrize("command", list(SERVERS.values()), ids=list(SERVERS))
def test_hooks(command: Command, tmp_path: Path) -> None:
    """A scheduler that is started in one task and stopped in another runs jobs in between, and leaves nothing."""
    log = WorkLog(tmp_path)
    with serving(command, tmp_path, environment={"DATABASE_URL": "sqlite:///jobs.db"}, ready="/"):
        log.wait_for_ticks(3)
    assert "stopped" == log.lines[-1]
    log.assert_each_fire_time_once(0.1)
