"""SIGINT and SIGTERM, once, twice and more, in real processes (rules J4 and J6)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from anysched import AsyncScheduler

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are sent as POSIX has them")

PROGRAM = Path(__file__).with_name("served_program.py")

#: Seconds that everything may take which should take none, on a busy machine.
SOON = 15.0

SIGINT, SIGTERM, SIGKILL = signal.SIGINT, signal.SIGTERM, signal.SIGKILL


class Program:
    """A running program."""

    def __init__(self, backend: str, job: str, how: str = "serve") -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", str(PROGRAM), backend, job, how],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []

    def wait_for(self, line: str, times: int = 1) -> None:
        """Return when the program has said something so often."""
        assert self.process.stdout is not None
        while self.lines.count(line) < times:
            said = self.process.stdout.readline()
            assert said, self.process.stderr.read() if self.process.stderr else ""
            self.lines.append(said.strip())

    def end(self) -> tuple[int, list[str], float]:
        """Return exit code, all that was said, and how many seconds the end took."""
        began = time.monotonic()
        out, _ = self.process.communicate(timeout=SOON)
        return self.process.returncode, [*self.lines, *out.split()], time.monotonic() - began


@pytest.fixture(params=["asyncio", "trio"])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def programs() -> Iterator[list[Program]]:
    """What was started, and is gone when the test is over."""
    started: list[Program] = []
    yield started
    for program in started:
        program.process.kill()
        program.process.communicate()


def start(programs: list[Program], backend: str, job: str, how: str = "serve") -> Program:
    programs.append(Program(backend, job, how))
    return programs[-1]


@pytest.mark.parametrize("number", [SIGINT, SIGTERM])
def test_one_signal_stops_in_order(programs: list[Program], backend: str, number: signal.Signals) -> None:
    """Rule J6: the first signal lets running jobs finish; the program goes on after the block, handlers restored."""
    program = start(programs, backend, "quick")
    program.wait_for("begun")
    program.process.send_signal(number)
    code, lines, _ = program.end()
    assert (0, ["begun", "ended", "stopped", "restored"]) == (code, lines)


@pytest.mark.parametrize("number", [SIGINT, SIGTERM])
def test_two_signals_stop_at_once(programs: list[Program], backend: str, number: signal.Signals) -> None:
    """Rule J6: the second signal gives running jobs no more time."""
    program = start(programs, backend, "endless")
    program.wait_for("begun")
    program.process.send_signal(number)
    time.sleep(0.2)
    assert None is program.process.poll()
    program.process.send_signal(number)
    code, lines, seconds = program.end()
    assert (0, ["begun", "cancelled", "stopped", "restored"]) == (code, lines)
    assert seconds < SOON / 2


def test_a_thread_does_not_keep_the_process(programs: list[Program], backend: str) -> None:
    """Rule J6: a job in a thread that never ends holds up neither the stop nor the end of the process."""
    program = start(programs, backend, "thread")
    program.wait_for("begun")
    program.process.send_signal(SIGTERM)
    time.sleep(0.1)
    program.process.send_signal(SIGTERM)
    code, lines, _ = program.end()
    assert (0, ["begun", "stopped", "restored"]) == (code, lines)


def test_a_blocked_event_loop(programs: list[Program], backend: str) -> None:
    """Rule J6: where a job blocks the event loop, a third signal does what it did before: it ends the process."""
    program = start(programs, backend, "blocking")
    program.wait_for("begun")
    for _ in range(3):
        time.sleep(0.1)
        program.process.send_signal(SIGTERM)
    code, lines, _ = program.end()
    assert (-SIGTERM, ["begun"]) == (code, lines)


def test_a_blocked_event_loop_and_ctrl_c(programs: list[Program], backend: str) -> None:
    """Rules J4 and J6: a third Ctrl-C fails the job that blocks the event loop, and the stop goes on."""
    program = start(programs, backend, "blocking")
    program.wait_for("begun")
    for _ in range(4 if backend == "asyncio" else 3):  # where the third one cancels the main task
        time.sleep(0.1)
        program.process.send_signal(SIGINT)
    code, lines, _ = program.end()
    assert "stopped" in lines
    assert code in (0, 130)


def test_all_schedulers_of_a_process_hear_a_signal(programs: list[Program], backend: str) -> None:
    """Rule J6: two schedulers that serve in one program both stop, and handlers are restored after the last."""
    program = start(programs, backend, "quick+endless")
    program.wait_for("begun", 2)
    program.process.send_signal(SIGTERM)
    program.wait_for("stopped")
    program.process.send_signal(SIGTERM)
    code, lines, _ = program.end()
    assert 0 == code
    assert ["begun", "begun", "ended", "stopped", "cancelled", "stopped", "restored"] == lines


def test_ctrl_c_in_a_plain_block(programs: list[Program], backend: str) -> None:
    """Rule J6: without ``run_until_stopped`` Ctrl-C is the program's own: it ends the block, and jobs are cancelled."""
    program = start(programs, backend, "endless", "block")
    program.wait_for("begun")
    program.process.send_signal(SIGINT)
    code, lines, _ = program.end()
    assert (130, ["begun", "cancelled", "stopped", "interrupted"]) == (code, lines)


def test_ctrl_c_that_hits_a_job(programs: list[Program], backend: str) -> None:
    """Rule J4: a real Ctrl-C that hits the code of a job stops the scheduler in order, and is not swallowed."""
    program = start(programs, backend, "interrupting", "block")
    code, lines, _ = program.end()
    assert (130, ["begun", "stopped", "interrupted"]) == (code, lines)


def test_killed(programs: list[Program], backend: str) -> None:
    """A process that is killed is gone: nothing in it keeps it."""
    program = start(programs, backend, "endless")
    program.wait_for("begun")
    program.process.send_signal(SIGKILL)
    assert -SIGKILL == program.end()[0]


def test_other_threads_are_not_asked_for_handlers(backend: str) -> None:
    """Rule J6: signals are handled in the main thread only; elsewhere ``run_until_stopped`` waits for stop()."""
    before = signal.getsignal(SIGINT)
    ended: list[str] = []

    async def program() -> None:
        scheduler = AsyncScheduler()
        async with scheduler, anyio.create_task_group() as task_group:
            task_group.start_soon(scheduler.run_until_stopped)
            await anyio.sleep(0.05)
            assert before is signal.getsignal(SIGINT)
            await scheduler.stop()
        ended.append(str(scheduler.state))

    thread = threading.Thread(target=lambda: anyio.run(program, backend=backend))
    thread.start()
    thread.join(SOON)
    assert ["stopped"] == ended


def test_handlers_come_back_when_it_is_cancelled(backend: str) -> None:
    """Rule J6: handlers are restored however ``run_until_stopped`` ends."""
    before = [signal.getsignal(number) for number in (SIGINT, SIGTERM)]

    async def program() -> None:
        during = [signal.getsignal(number) for number in (SIGINT, SIGTERM)]
        with anyio.move_on_after(0.1):
            async with AsyncScheduler() as scheduler, anyio.create_task_group() as task_group:
                task_group.start_soon(scheduler.run_until_stopped)
                await anyio.sleep(0.02)
                assert during != [signal.getsignal(number) for number in (SIGINT, SIGTERM)]
                await anyio.sleep_forever()
        assert during == [signal.getsignal(number) for number in (SIGINT, SIGTERM)]

    anyio.run(program, backend=backend)
    assert before == [signal.getsignal(number) for number in (SIGINT, SIGTERM)]
