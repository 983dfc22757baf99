"""A blocking scheduler in each of several gunicorn workers, preforked ones included."""

from __future__ import annotations

import os
import signal
import time
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from tests.web.serving import APPS, Server, gunicorn, serving, wait_until
from tests.web.work_log import WorkLog

CONF = ("-c", str(APPS / "wsgi_conf.py"))
READY = "/ready"
DURABLE = {"DATABASE_URL": "sqlite:///jobs.db"}


def assert_each_fire_time_once(log: WorkLog, least: int = 5) -> None:
    """Nothing doubled, nothing lost."""
    assert 3 == len(log.runs)
    for runs in log.runs.values():
        assert {1} == set(runs.values())
        assert {timedelta(seconds=0.2)} == {later - earlier for earlier, later in pairwise(sorted(runs))}
        assert least <= len(runs)


def pids(server: Server) -> set[int]:
    """Return the workers that answer; each has to accept its share of the connections."""
    return {server.get("/schedules")["pid"] for _ in range(20)}


@pytest.mark.parametrize("options", [(), ("--preload",)], ids=["forked", "preloaded"])
def test_three_workers_share_a_file(options: tuple[str, ...], tmp_path: Path) -> None:
    """Rules N1 and S3: every worker is a node, each fire time has one run, and what one pauses is paused for all."""
    log = WorkLog(tmp_path)
    with serving(
        gunicorn("wsgi_working:app", "-w", "3", *CONF, *options), tmp_path, environment=DURABLE, ready=READY
    ) as server:
        wait_until(lambda: len(pids(server)) == 3)
        wait_until(lambda: len(log.lateness) > 30)

        assert {"jobs_made"} == set(server.post("/schedules/tick-0/pause"))
        for _ in range(6):
            assert {"tick-0": "paused", "tick-1": "active", "tick-2": "active"} == server.get("/schedules")[
                "status"
            ]
        paused = server.post("/schedules/tick-0/pause")
        time.sleep(0.5)
        assert paused == server.post("/schedules/tick-0/pause")
        assert 2 <= server.post("/schedules/tick-0/unpause")["skipped"]
        assert {"active"} == set(server.get("/schedules")["status"].values())
        assert server.stop() < 5
    gaps = [later - earlier for earlier, later in pairwise(sorted(log.runs.pop("tick-0")))]
