"""A blocking scheduler in each of several gunicorn workers, preforked ones included."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.web.serving import APPS, STOP_GRACE, Command, Server, gunicorn, serving, wait_until
from tests.web.work_log import WorkLog

CONF = ("-c", str(APPS / "wsgi_conf.py"))
READY = "/ready"
DURABLE = {"DATABASE_URL": "sqlite:///jobs.db"}
EVERY = 0.2


def workers(count: int, *options: str) -> Command:
    """gunicorn with so many workers, and a scheduler in each."""
    return gunicorn("wsgi_working:app", "-w", str(count), *CONF, *options)


def answering(server: Server, count: int = 2) -> set[int]:
    """Return the workers that answer as many slow requests at once; each serves one at a time."""
    with ThreadPoolExecutor(count) as threads:
        return {answer["pid"] for answer in threads.map(server.get, ["/slow"] * count)}


def process_of(log: WorkLog, attempt: int) -> int:
    """Return the process in which an attempt of the job was made."""
    return int((log.folder / f"pid-{attempt}").read_text())


@pytest.mark.parametrize("options", [(), ("--preload",)], ids=["forked", "preloaded"])
def test_workers_share_a_file(options: tuple[str, ...], tmp_path: Path) -> None:
    """Rules N1, S3 and P1: each worker is a node, each fire time has one run, and a pause by one holds for all."""
    log = WorkLog(tmp_path)
    with serving(workers(3, *options), tmp_path, environment=DURABLE, ready=READY) as server:
        wait_until(lambda: len(answering(server, 3)) == 3)
        log.wait_for_ticks(20)

        made = server.post("/schedules/tick-0/pause")
        time.sleep(3 * EVERY)
        assert made == server.post("/schedules/tick-0/pause")
        assert {"tick-0": "paused", "tick-1": "active", "tick-2": "active"} == server.get("/schedules")
        assert 2 <= server.post("/schedules/tick-0/unpause")["jobs"]

        log.wait_for_ticks(10)
        assert server.stop() < STOP_GRACE
    assert 3 == len({tick.schedule for tick in log.ticks})
    log.assert_each_fire_time_once(EVERY)


def test_running_jobs_are_drained(tmp_path: Path) -> None:
    """Rule J6: SIGTERM to gunicorn lets running jobs end, and makes no more."""
    log = WorkLog(tmp_path)
    with serving(workers(2), tmp_path, environment=DURABLE, ready=READY) as server:
        server.post("/jobs/one")
        log.wait_for("begin one 1")
        log.wait_for_ticks(9)
        server.send_signal(signal.SIGTERM)
        log.wait_for_silence()
        assert server.process.poll() is None
        log.let_go()
        assert 0 == server.join()
        server.assert_quiet()
    assert ["begin 1", "end 1"] == log.of("one")
    log.assert_each_fire_time_once(EVERY)


def test_reload(tmp_path: Path) -> None:
    """SIGHUP replaces the workers while jobs run: each ends where it began, no fire time is lost or doubled."""
    log = WorkLog(tmp_path)
    with serving(workers(2), tmp_path, environment=DURABLE, ready=READY) as server:
        wait_until(lambda: len(answering(server)) == 2)
        before = answering(server)
        server.post("/jobs/one")
        log.wait_for("begin one 1")
        server.send_signal(signal.SIGHUP)
        wait_until(lambda: not before & answering(server))
        log.wait_for_ticks(10)
        log.let_go()
        log.wait_for("end one 1")
        log.wait_for_ticks(10)
    assert ["begin 1", "end 1"] == log.of("one")
    log.assert_each_fire_time_once(EVERY)


def test_a_worker_is_killed(tmp_path: Path) -> None:
    """Rules J2 and J3: gunicorn replaces a dead worker, and its job is tried again when its lease has run out."""
    log = WorkLog(tmp_path)
    with serving(workers(2), tmp_path, environment={**DURABLE, "LEASE": "1"}, ready=READY) as server:
        server.post("/jobs/one")
        log.wait_for("begin one 1")
        dead = process_of(log, 1)
        os.kill(dead, signal.SIGKILL)
        log.wait_for("begin one 2")
        assert dead != process_of(log, 2)
        wait_until(lambda: len(answering(server) - {dead}) == 2)
        log.let_go()
        log.wait_for("end one 2")
        server.stop(quiet=False)  # gunicorn reports the kill
    assert ["begin 1", "begin 2", "end 2"] == log.of("one")


def test_started_before_the_fork(tmp_path: Path) -> None:
    """A scheduler that was started in the master serves no worker: each request is refused, and told why."""
    command = gunicorn("wsgi_working:app", "-w", "2", "--preload")
    environment = {**DURABLE, "START": "import"}
    with serving(command, tmp_path, environment=environment, ready=READY) as server:
        for _ in range(4):
            assert 500 == server.request("GET", "/schedules").status_code
        assert "start it in the new process" in server.log
        assert server.stop(quiet=False) < STOP_GRACE
    WorkLog(tmp_path).assert_each_fire_time_once(EVERY)


def test_memory_under_several_workers(tmp_path: Path) -> None:
    """Rule N1: where each worker has schedules of its own in memory, the log says so once, and names the remedy."""
    with serving(workers(3), tmp_path, ready=READY) as server:
        wait_until(lambda: "whose data store is in memory" in server.log)
        server.stop(quiet=False)
        assert 1 == server.log.count("whose data store is in memory")
