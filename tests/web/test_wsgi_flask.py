"""The example for Flask, as its users run it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from tests.web.serving import EXAMPLES, STOP_GRACE, Command, Server, gunicorn, serving, wait_until


def assert_operates(server: Server) -> None:
    """Schedules are listed, paused and resumed; an unknown one is told as such."""
    (heart,) = server.get("/schedules")
    assert ("heart", "active") == (heart["id"], heart["status"])

    paused = server.post("/schedules/heart/pause")
    assert "paused" == paused["status"]
    assert paused == server.get("/schedules")[0]

    assert "active" == server.post("/schedules/heart/unpause")["status"]
    missing = server.request("POST", "/schedules/nothing/pause")
    assert (404, {"detail": "there is no schedule with the id 'nothing'"}) == (
        missing.status_code,
        missing.json(),
    )


def press_ctrl_c(server: Server) -> None:
    """Interrupt a server and the processes it started, as a terminal does; they end in time."""
    os.killpg(server.process.pid, signal.SIGINT)
    assert 0 == server.join()
    assert "left behind" not in server.log


def test_flask(tmp_path: Path) -> None:
    """Flask under gunicorn with two workers, as its example says."""
    command = gunicorn("flask_app:app", "-w", "2", "-c", str(EXAMPLES / "gunicorn.conf.py"))
    with serving(command, tmp_path) as server:
        assert_operates(server)
        wait_until(lambda: "beat" in server.log.splitlines())
        assert server.stop() < STOP_GRACE


@pytest.mark.parametrize("options", [(), ("--debug",)], ids=["plain", "reloader"])
def test_flask_run(options: tuple[str, ...], tmp_path: Path) -> None:
    """The development server of Flask, with and without its reloader: one process runs jobs, Ctrl-C ends it."""
    command = Command(["-m", "flask", "--app", "flask_dev", "run", "--port", "{port}", *options])
    with serving(command, tmp_path) as server:
        assert_operates(server)
        wait_until(lambda: "beat" in server.log.splitlines())
        press_ctrl_c(server)
        assert 1 == server.log.count("has stopped")
