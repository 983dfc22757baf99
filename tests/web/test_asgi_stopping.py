"""SIGTERM and reload while jobs run, in real servers (rule J6)."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest
from tests.web.serving import APPS, Command, hypercorn, serving, uvicorn
from tests.web.work_log import WorkLog

SERVERS = {"uvicorn": uvicorn("working:app"), "hypercorn-trio": hypercorn("working:app", "trio")}

READY = "/ready"
LONG_GRACE = {"DATABASE_URL": "sqlite:///jobs.db", "GRACE": "30"}
SHORT_GRACE = {**LONG_GRACE, "GRACE": "0.2"}


@pytest.fixture(params=list(SERVERS.values()), ids=list(SERVERS))
def command(request: pytest.FixtureRequest) -> Command:
    assert isinstance(request.param, Command)
    return request.param


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_running_jobs_are_drained(command: Command, number: signal.Signals, tmp_path: Path) -> None:
    """Rule J6: SIGTERM and Ctrl-C make no more jobs and let running ones end; then the scheduler refuses calls."""
    log = WorkLog(tmp_path)
    with serving(command, tmp_path, environment=LONG_GRACE, ready=READY) as server:
        server.request("POST", "/jobs/repeatable/one")
        log.wait_for("begin one 1")
        server.send_signal(number)
        log.wait_for("stopping")
        log.wait_for_silence()
        assert server.process.poll() is None
        before = len(log.ticks)
        log.let_go()
        by_signal = command.ends_by_signal and number == signal.SIGTERM
        assert server.join() == (-number if by_signal else 0)
        server.assert_quiet()
    assert ["begin 1", "end 1"] == log.of("one")
    assert before == len(log.ticks)
    assert ["refused: the scheduler is stopped"] == [
        line.partition(": use")[0] for line in log.lines if line.startswith("refused")
    ]


def test_jobs_longer_than_the_grace(command: Command, tmp_path: Path) -> None:
    """Rules J3 and J6: what outlasts the grace is cancelled, and run again after a restart if its task allows it."""
    log = WorkLog(tmp_path)
    with serving(command, tmp_path, environment=SHORT_GRACE, ready=READY) as server:
        server.request("POST", "/jobs/repeatable/one")
        server.request("POST", "/jobs/unrepeatable/two")
        log.wait_for("begin one 1")
        log.wait_for("begin two 1")
        server.send_signal(signal.SIGTERM)
        server.join()
        server.assert_quiet()
    assert ["begin 1", "cancelled 1"] == log.of("one") == log.of("two")

    log.let_go()
    with serving(command, tmp_path, environment=SHORT_GRACE, ready=READY) as server:
        log.wait_for("end one 2")
    assert ["begin 1", "cancelled 1", "begin 2", "end 2"] == log.of("one")
    assert ["begin 1", "cancelled 1"] == log.of("two")
    log.assert_each_fire_time_once(0.1)


def test_reload(tmp_path: Path) -> None:
    """A reload stops in order as well: the new process takes up what the old one had to cancel, and nothing doubles."""
    log = WorkLog(tmp_path)
    file = tmp_path / "reloaded.py"
    shutil.copy(APPS / "working.py", file)
    command = uvicorn("reloaded:app", "--reload", "--reload-dir", str(tmp_path))
    with serving(command, tmp_path, environment=SHORT_GRACE, ready=READY) as server:
        server.request("POST", "/jobs/repeatable/one")
        log.wait_for("begin one 1")
        file.touch()
        log.wait_for("begin one 2")
        log.let_go()
        log.wait_for("end one 2")
        server.wait_ready(READY)
    assert ["begin 1", "cancelled 1", "begin 2", "end 2"] == log.of("one")
    log.assert_each_fire_time_once(0.1)
