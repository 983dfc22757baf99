"""Whole programs: how they end, what a Ctrl-C does, and what a fork does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and forks are those of POSIX")

PROGRAM = Path(__file__).with_name("program.py")

#: Seconds that everything may take which should take none, on a busy machine.
SOON = 20.0

ENDS_IN_ORDER = ["begun", "done", "job: success", "stopped"]


class Program:
    """A running program; warnings are errors in it, and what it says goes to files."""

    def __init__(self, folder: Path, *args: str) -> None:
        self._said, self._errors = folder / "said", folder / "errors"
        with self._said.open("w") as said, self._errors.open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "error", str(PROGRAM), *args], stdout=said, stderr=errors
            )

    def wait_for(self, line: str) -> None:
        """Return when the program has said something."""
        deadline = time.monotonic() + SOON
        while line not in self._said.read_text().splitlines():
            assert time.monotonic() < deadline, self._errors.read_text()
            time.sleep(0.01)

    def interrupt(self, number: signal.Signals = signal.SIGINT) -> None:
        """Send a signal, as Ctrl-C does."""
        self.process.send_signal(number)

    def end(self, exit_code: int = 0) -> list[str]:
        """Return all that was said by a program that ends quietly."""
        lines, errors, code = self.end_in_any_way()
        assert (exit_code, "") == (code, errors)
        return lines

    def end_in_any_way(self) -> tuple[list[str], str, int]:
        """Return what was said, standard error, and the exit code."""
        code = self.process.wait(SOON)
        return self._said.read_text().splitlines(), self._errors.read_text(), code


class Start:
    """Starts programs, which are gone when the test is over."""

    def __init__(self, folder: Path) -> None:
        self.programs: list[Program] = []
        self._folder = folder

    def __call__(self, what: str, backend: str, *, durable: bool = False) -> Program:
        store = f"sqlite:///{self._folder}/jobs.db" if durable else ""
        folder = self._folder / what
        folder.mkdir()
        self.programs.append(Program(folder, what, backend, store))
        return self.programs[-1]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    start = Start(tmp_path)
    yield start
    for program in start.programs:
        program.process.kill()
        program.process.wait()


@pytest.mark.parametrize("durable", [False, True], ids=["memory", "sqlite"])
def test_the_end_of_a_program(start: Start, backend: str, durable: bool) -> None:
    """Rule J6: a scheduler that runs when the main thread ends is stopped in order, with nothing to complain of."""
    assert ENDS_IN_ORDER == start("busy", backend, durable=durable).end()


def test_other_ends_of_a_program(start: Start) -> None:
    """It makes no difference whether it just ends, leaves with a code or on a signal, fails, or is another's child."""
    idle, leaves = start("idle", "trio"), start("leaves", "asyncio")
    fails, child = start("fails", "trio"), start("has_a_child", "asyncio", durable=True)
    terminated = start("terminated", "trio")
    terminated.wait_for("begun")
    terminated.interrupt(signal.SIGTERM)

    assert ENDS_IN_ORDER == terminated.end()
    assert ["stopped"] == idle.end()
    assert ENDS_IN_ORDER == leaves.end(3)
    assert [*ENDS_IN_ORDER, "0"] == child.end()
    lines, errors, code = fails.end_in_any_way()
    assert (ENDS_IN_ORDER, 1) == (lines, code)
    assert 1 == errors.count("Traceback")
    assert errors.endswith("LookupError: the program failed\n")


def test_a_thread_that_outlives_the_main_thread(start: Start, backend: str) -> None:
    """The scheduler stops when the main thread ends, also when other threads go on; then none can start."""
    stopped, why, why_no_other = start("goes_on", backend).end()
    assert ("stopped", True) == (stopped, why.startswith("the scheduler is stopped"))
    assert why_no_other == "the program is ending: a scheduler cannot be started any more"


def test_a_job_that_never_ends(start: Start, backend: str) -> None:
    """A job in a thread that goes on cannot keep the program from ending."""
    began = time.monotonic()
    lines = start("hangs", backend).end()
    assert time.monotonic() - began < SOON
    assert ["begun", "job: abandoned", "stopped"] == lines


def test_interrupted_anywhere_in_the_block(start: Start, backend: str) -> None:
    """A Ctrl-C leaves the block, and the block stops in order: the job may end."""
    program = start("sleeps", backend)
    program.wait_for("ready")
    program.interrupt()
    assert ["begun", "ready", "done", "job: success", "stopped", "interrupted"] == program.end()


def test_interrupted_in_a_call(start: Start, backend: str) -> None:
    """A Ctrl-C in a blocking call cancels it, and leaves the block."""
    program = start("waits", backend)
    program.wait_for("begun")
    program.interrupt()
    assert ["ready", "begun", "cancelled", "job: None", "stopped", "interrupted"] == program.end()


def test_interrupted_while_it_stops(start: Start, backend: str) -> None:
    """A Ctrl-C while the block is left means at once: no more grace."""
    program = start("is_patient", backend)
    program.wait_for("ready")
    time.sleep(0.1)
    program.interrupt()
    assert ["begun", "ready", "cancelled", "job: None", "stopped", "interrupted"] == program.end()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serving(start: Start, backend: str, number: signal.Signals) -> None:
    """run_until_stopped() in the main thread stops in order on a signal, and then returns."""
    program = start("serves", backend)
    program.wait_for("ready")
    program.interrupt(number)
    assert sorted([*ENDS_IN_ORDER, "ready", "served"]) == sorted(program.end())  # it may be ready late


def test_serving_and_two_signals(start: Start, backend: str) -> None:
    """The second signal means at once."""
    program = start("serves_long", backend)
    program.wait_for("ready")
    program.interrupt(signal.SIGTERM)
    time.sleep(0.1)
    program.interrupt(signal.SIGTERM)
    assert ["begun", "ready", "cancelled", "job: None", "stopped", "served"] == program.end()


def test_forks(start: Start, backend: str) -> None:
    """In the child what runs in the parent is refused; what was only made starts there, under a name of its own."""
    lines = start("forks", backend, durable=True).end()
    refused = [line for line in lines if "threads do not survive a fork: start it in the new process" in line]
    assert 3 == len(refused)
    assert sorted([*refused, *ENDS_IN_ORDER, "child: 3", "differ: True"]) == sorted(lines)
