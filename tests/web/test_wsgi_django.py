"""Django sites: the command that runs the jobs, and web processes that operate."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.web.serving import EXAMPLES, Server, gunicorn, program, serving, wait_until
from tests.web.test_wsgi_flask import assert_operates, press_ctrl_c
from tests.web.work_log import WorkLog

from anysched import Scheduler

SITE = EXAMPLES / "django_site"
EXAMPLE = {"DATABASE_URL": "sqlite:///jobs.db"}
WORKING = {"DJANGO_SETTINGS_MODULE": "django_working"}


@contextmanager
def runscheduler(folder: Path, environment: dict[str, str], *options: str) -> Iterator[Server]:
    """Run the command, and stop it at the end unless the block did."""
    command = Server(program(SITE / "manage.py", "runscheduler", *options), folder, environment)
    try:
        yield command
        if command.process.returncode is None:
            command.stop()
    except BaseException:
        print(command.log)
        raise
    finally:
        command.kill()


def beats(command: Server) -> int:
    """Return how often the job of the example was run."""
    return command.log.splitlines().count("beat")


def test_web_processes_operate(tmp_path: Path) -> None:
    """What a preforked worker pauses is paused for the command, though the master has a scheduler of its own."""
    served = gunicorn("django_preloaded", "-w", "2", "--preload", "--pythonpath", str(SITE))
    with runscheduler(tmp_path, EXAMPLE) as command:
        wait_until(lambda: beats(command))
        with serving(served, tmp_path, environment=EXAMPLE) as server:
            assert_operates(server)
            server.post("/schedules/heart/pause")
            made = server.get("/schedules")[0]["jobs_made"]
            wait_until(lambda: beats(command) == made)
            assert server.stop() < 5
            assert 0 == beats(server)
        assert command.stop() < 5
    assert made == beats(command)


def test_runserver(tmp_path: Path) -> None:
    """``runserver`` with its reloader, two processes, runs no jobs and ends with Ctrl-C."""
    command = program(SITE / "manage.py", "runserver", "{port}")
    with runscheduler(tmp_path, EXAMPLE), serving(command, tmp_path, environment=EXAMPLE) as server:
        wait_until(lambda: server.get("/schedules"))
        assert_operates(server)
        press_ctrl_c(server)
        assert 0 == beats(server)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_running_jobs_are_drained(number: signal.Signals, tmp_path: Path) -> None:
    """Rule J6: a signal lets running jobs of the command end, and no more are made."""
    log = WorkLog(tmp_path)
    with runscheduler(tmp_path, WORKING) as command:
        log.wait_for_ticks(9)
        with Scheduler(f"sqlite:///{tmp_path / 'jobs.db'}", role="client") as operator:
            operator.add_job("work", args=["one"])
        log.wait_for("begin one 1")
        command.send_signal(number)
        log.wait_for_silence()
        assert command.process.poll() is None
        log.let_go()
        assert 0 == command.join()
        command.assert_quiet()
    assert ["begin 1", "end 1"] == log.of("one")
    log.assert_each_fire_time_once(0.2)


def test_mistakes(tmp_path: Path) -> None:
    """A command that cannot run ends at once, with a sentence and no traceback."""
    with runscheduler(tmp_path, {"DATABASE_URL": "sqlite:///missing/jobs.db"}) as command:
        assert 1 == command.join()
        assert command.log.startswith("CommandError: sqlite:///missing/jobs.db")
        assert "Traceback" not in command.log
