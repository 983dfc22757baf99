"""Django sites: the command that runs the jobs, and web processes that operate."""

from __future__ import annotations

import shlex
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.examples.pages import blocks_of, check_output, write_files
from tests.examples.running import run_program
from tests.examples.test_hosts import answers, command_of
from tests.web.serving import EXAMPLES, ROOT, STOP_GRACE, Server, gunicorn, program, serving, wait_until
from tests.web.test_wsgi_flask import assert_operates, press_ctrl_c
from tests.web.work_log import WorkLog

from anysched import Scheduler

SITE = EXAMPLES / "django_site"
EXAMPLE = {"DATABASE_URL": "sqlite:///jobs.db"}
WORKING = {"DJANGO_SETTINGS_MODULE": "django_working"}


@contextmanager
def runscheduler(
    folder: Path, environment: dict[str, str], manage: Path = SITE / "manage.py"
) -> Iterator[Server]:
    """Run the command, and stop it at the end unless the block did."""
    command = Server(program(manage, "runscheduler"), folder, environment)
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
            assert server.stop() < STOP_GRACE
            assert 0 == beats(server)
        assert command.stop() < STOP_GRACE
    assert made == beats(command)


def test_the_page(tmp_path: Path) -> None:
    """What the page about Django shows: the command runs, gunicorn serves, requests and commands are answered."""
    page = ROOT / "docs" / "howto" / "hosts" / "django.md"
    write_files(page, tmp_path)
    shutil.copy(SITE / "manage.py", tmp_path)  # as startproject makes it
    shown = {block.code.split()[0]: block for block in blocks_of(page) if block.info == "sh" and block.output}
    (served,) = [block for block in blocks_of(page) if block.code.startswith("gunicorn")]
    with runscheduler(tmp_path, {}, tmp_path / "manage.py") as command:
        wait_until(lambda: "starts" in command.log)
        with serving(command_of(served.code), tmp_path, ready="/") as server:
            check_output(page, shown["curl"], answers(server, shown["curl"]))
        lines = shown["python"].code.splitlines()
        printed = [run_program(*shlex.split(line)[1:], folder=tmp_path) for line in lines]
        check_output(page, shown["python"], "".join(printed))


def test_runserver(tmp_path: Path) -> None:
    """``runserver`` with its reloader, two processes, runs no jobs and ends with Ctrl-C."""
    command = program(SITE / "manage.py", "runserver", "{port}")
    with runscheduler(tmp_path, EXAMPLE), serving(command, tmp_path, environment=EXAMPLE) as server:
        wait_until(lambda: server.get("/schedules"))
        assert_operates(server)
        press_ctrl_c(server)
        assert 0 == beats(server)


def test_running_jobs_are_drained(tmp_path: Path) -> None:
    """Rule J6: SIGTERM lets running jobs of the command end, and no more are made."""
    log = WorkLog(tmp_path)
    with runscheduler(tmp_path, WORKING) as command:
        log.wait_for_ticks(9)
        with Scheduler(f"sqlite:///{tmp_path / 'jobs.db'}", role="client") as operator:
            operator.add_job("work", args=["one"])
        log.wait_for("begin one 1")
        command.send_signal(signal.SIGTERM)
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
