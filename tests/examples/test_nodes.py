"""The examples of several nodes on one PostgreSQL: they do what they are there to show."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from tests.examples.running import ROOT, TIME_LIMIT
from tests.services import postgresql_schema
from tests.web.serving import serving, uvicorn, wait_until

from anysched import Scheduler

EXAMPLES = ROOT / "examples" / "nodes"


@pytest.fixture
def database() -> Iterator[str]:
    """The URL of a place for these examples alone."""
    with postgresql_schema() as (engine, schema):
        url = engine.url.set(drivername="postgresql", query={"options": f"-csearch_path={schema}"})
        yield url.render_as_string(hide_password=False)


@contextmanager
def node(role: str, database: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run one process of the example; unless it was killed it ends well, by Ctrl-C, and has said nothing odd."""
    errors = log.with_suffix(".errors")
    with log.open("ab") as out, errors.open("ab") as err:
        process = subprocess.Popen(
            [sys.executable, "-W", "error", EXAMPLES / "apart.py", role],
            env={**os.environ, "DATABASE_URL": database},
            stdout=out,
            stderr=err,
        )
    try:
        yield process
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            assert 0 == process.wait(TIME_LIMIT), errors.read_text()
            assert "" == errors.read_text()
    finally:
        process.kill()
        process.wait()


def operate(database: str, *deed: str) -> str:
    """Return what the example prints for an operator."""
    return subprocess.run(
        [sys.executable, "-W", "error", EXAMPLES / "apart.py", *deed],
        env={**os.environ, "DATABASE_URL": database},
        capture_output=True,
        encoding="utf-8",
        timeout=TIME_LIMIT,
        check=True,
    ).stdout


def is_at_rest(database: str) -> bool:
    """Tell whether no report waits or is made."""
    with Scheduler(database, role="client") as client:
        store = client.check_health().store
    return store is not None and not store.queued_jobs and not store.running_jobs


def test_apart(database: str, tmp_path: Path) -> None:
    """Workers run what the scheduler makes, each report once; a pause holds for all.

    What a worker was at when it was killed is made again by another (rule J3).
    """
    log = tmp_path / "log"

    def reports() -> list[str]:
        return [line.partition(" by ")[0] for line in log.read_text(encoding="utf-8").splitlines()]

    with ExitStack() as stack:
        scheduler = stack.enter_context(node("scheduler", database, tmp_path / "scheduler"))
        first, _ = (stack.enter_context(node("worker", database, log)) for _ in range(2))
        wait_until(lambda: len(reports()) > 4, TIME_LIMIT)
        first.kill()
        first.wait(TIME_LIMIT)
        before = reports()
        seen = len(before)
        wait_until(lambda: len(reports()) > seen + 4, TIME_LIMIT)
        operate(database, "pause", "ana")
        assert re.search(
            r"report north: paused by ana\nreport south: paused by ana\n", operate(database, "show")
        )
        wait_until(lambda: is_at_rest(database), TIME_LIMIT)
        assert operate(database, "show").endswith("queued 0, running {}\n")
        done = reports()
        assert re.search(r"report north: \d+ left out\n", operate(database, "resume"))
        wait_until(lambda: len(reports()) > len(done) + 2, TIME_LIMIT)
        assert scheduler.poll() is None
    again = [report for report, times in Counter(reports()).items() if times > 1]
    assert len(again) <= 2  # there were two schedules, of which it may have had a job each
    assert set(again) <= set(before)


def test_web(database: str, tmp_path: Path) -> None:
    """Of two web workers one runs each fire time, both are ready, and a pause that one is asked for holds for both."""
    command = uvicorn("web:app", "--app-dir", str(EXAMPLES), "--workers", "2")
    with serving(command, tmp_path, environment={"DATABASE_URL": database}, ready="/ready") as server:
        wait_until(lambda: server.log.count("digest of") > 5, TIME_LIMIT)
        answer = server.get("/ready")
        assert [] == answer["problems"]
        assert server.post("/digest/pause").startswith("paused by process ")
    runs = re.findall(r"digest of (.+) by process", server.log)
    assert len(set(runs)) == len(runs)


def test_a_wrong_command() -> None:
    """Who asks for something else is told what there is."""
    done = subprocess.run(
        [sys.executable, EXAMPLES / "apart.py", "nonsense"],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert 1 == done.returncode
    assert "python apart.py worker" in done.stderr
