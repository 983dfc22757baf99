"""Jobs in processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from tests.unit.executors import jobs

from anysched.errors import SchedulerStateError, SerializationError, WorkerProcessError
from anysched.executors import ProcessJobExecutor, process_executor
from anysched.executors.worker_process import WorkerProcess
from anysched.ports.executor import JobExecutor

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(os.name != "posix", reason="the jobs use signals")]


@pytest.fixture(scope="module")
async def executor(anyio_backend: str) -> AsyncIterator[ProcessJobExecutor]:
    """An executor with two processes, which the tests of an event loop share as far as they survive."""
    made = ProcessJobExecutor(max_workers=2)
    port: JobExecutor = made
    await port.start()
    yield made
    await port.stop()


async def file_written(path: Path) -> str:
    """Wait for a job to write its file."""
    while not (text := content(path)):  # noqa: ASYNC110  (another process writes it)
        await anyio.sleep(0.01)
    return text


def kill(pid: int) -> None:
    """Kill a child process, wait until it is dead, and leave the rest to its parent."""
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def content(path: Path) -> str:
    """Return what is in a file, if there is one."""
    return path.read_text() if path.exists() else ""


async def test_runs_in_a_process(executor: ProcessJobExecutor) -> None:
    """A function runs in another process, which then waits for the next one."""
    assert 3 == await executor.run(jobs.add, [1], {"b": 2})
    first, second = await executor.run(jobs.pid, (), {}), await executor.run(jobs.pid, (), {})
    assert first == second != os.getpid()


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3), StopAsyncIteration()], ids=repr)
async def test_errors_are_handed_over(executor: ProcessJobExecutor, error: BaseException) -> None:
    """Rule J4: what a job raises arrives, with its traceback as a note, and the process goes on."""
    before = await executor.run(jobs.pid, (), {})
    with pytest.raises(type(error)) as caught:
        await executor.run(jobs.fail, [error], {})
    assert error.args == caught.value.args
    assert "in fail\n    raise error" in caught.value.__notes__[0]
    assert before == await executor.run(jobs.pid, (), {})


async def test_errors_that_cannot_be_handed_over(executor: ProcessJobExecutor) -> None:
    """Rule J4: an exception that pickle cannot read back is told by type and message; so is an interrupt."""
    with pytest.raises(WorkerProcessError, match=r"TwoArguments: leftright") as caught:
        await executor.run(jobs.fail_unreadably, (), {})
    assert "in fail_unreadably" in caught.value.__notes__[0]
    with pytest.raises(WorkerProcessError, match="KeyboardInterrupt"):
        await executor.run(jobs.fail, [KeyboardInterrupt()], {})
    with pytest.raises(RuntimeError, match="StopIteration"):
        await executor.run(jobs.fail, [StopIteration()], {})


@pytest.mark.parametrize(
    ("func", "args", "error", "message"),
    [
        (lambda: None, [], SerializationError, "imported by its name"),
        (jobs.add, [lambda: None], SerializationError, "arguments that can be pickled"),
        (jobs.return_unpicklable, [], SerializationError, "function that the job returned cannot be pickled"),
        (jobs.return_unreadable, [], SerializationError, "cannot be read back"),
        (jobs.return_awaitable, [], TypeError, "async executor"),
    ],
    ids=["function", "argument", "unpicklable", "unreadable", "awaitable"],
)
async def test_what_cannot_be_pickled(
    executor: ProcessJobExecutor,
    func: Callable[..., Any],
    args: list[Any],
    error: type[Exception],
    message: str,
) -> None:
    """What cannot go to the process or come back from it is a clear error of that job."""
    with pytest.raises(error, match=message):
        await executor.run(func, args, {})


@pytest.mark.parametrize(
    ("func", "message"), [(jobs.crash, "exit code 7"), (jobs.segfault, "signal 11")], ids=["exit", "signal"]
)
async def test_a_crash_is_that_jobs_failure(
    executor: ProcessJobExecutor, func: Callable[..., Any], message: str
) -> None:
    """A process that dies fails the job that it ran; the next one gets another process."""
    with pytest.raises(WorkerProcessError, match=message):
        await executor.run(func, (), {})
    assert 3 == await executor.run(jobs.add, [1], {"b": 2})


async def test_a_death_between_jobs(executor: ProcessJobExecutor) -> None:
    """A process that died while it had nothing to do fails no job."""
    pid = await executor.run(jobs.pid, (), {})
    kill(pid)
    assert pid != await executor.run(jobs.pid, (), {})


async def test_a_child_that_outlives_the_crash(executor: ProcessJobExecutor, tmp_path: Path) -> None:
    """A crash is noticed though a child of the process keeps its pipe open."""
    path = tmp_path / "pid"
    try:
        with pytest.raises(WorkerProcessError, match="exit code 8"):
            await executor.run(jobs.leave_a_child_and_crash, [str(path)], {})
    finally:
        os.kill(int(content(path)), signal.SIGKILL)


async def test_a_cancelled_job_is_killed(executor: ProcessJobExecutor, tmp_path: Path) -> None:
    """A cancellation kills the process, and both places are free again."""
    paths = [tmp_path / name for name in "ab"]
    async with anyio.create_task_group() as group:
        for path in paths:
            group.start_soon(executor.run, jobs.hang, [str(path)], {})
        pids = [int(await file_written(path)) for path in paths]
        group.cancel_scope.cancel()
    results: list[int] = []

    async def run() -> None:
        results.append(await executor.run(jobs.pid, (), {}))

    async with anyio.create_task_group() as group:
        group.start_soon(run)
        group.start_soon(run)
    assert not set(pids) & set(results)
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_cancelled_while_a_process_starts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A cancellation does not wait for a process to start; the job never runs, the process serves the next."""
    entered, opened = threading.Event(), threading.Event()
    started: list[WorkerProcess] = []

    def start_slowly() -> WorkerProcess:
        entered.set()
        opened.wait()
        started.append(WorkerProcess())
        return started[-1]

    monkeypatch.setattr(process_executor, "WorkerProcess", start_slowly)
    fresh = ProcessJobExecutor(max_workers=1)
    await fresh.start()
    async with anyio.create_task_group() as group:
        group.start_soon(fresh.run, jobs.hang, [str(tmp_path / "pid")], {})
        while not entered.is_set():
            await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()
    opened.set()
    assert 3 == await fresh.run(jobs.add, [1], {"b": 2})
    assert 1 == len(started)
    assert "" == content(tmp_path / "pid")
    await fresh.stop()


async def test_states(executor: ProcessJobExecutor) -> None:
    """Starting twice and running without starting are clear errors; stopping twice is harmless."""
    with pytest.raises(SchedulerStateError, match="in use"):
        await executor.start()
    fresh = ProcessJobExecutor()
    with pytest.raises(SchedulerStateError, match="not started"):
        await fresh.run(jobs.pid, (), {})
    await fresh.start()
    await fresh.stop()
    await fresh.stop()
    with pytest.raises(SchedulerStateError, match="not started"):
        await fresh.run(jobs.pid, (), {})


async def test_standard_streams_are_the_jobs_own(executor: ProcessJobExecutor) -> None:
    """A job, and programs that it starts, may read and write the standard streams as they like."""
    assert 0 == await executor.run(jobs.be_noisy, (), {})


async def test_processes_of_a_job(executor: ProcessJobExecutor) -> None:
    """A job may use multiprocessing itself."""
    assert [1, 2] == await executor.run(jobs.use_a_child_process, (), {})


async def test_ctrl_c_is_not_for_workers(executor: ProcessJobExecutor) -> None:
    """Rule J6: Ctrl-C reaches all processes of a terminal; running jobs get their grace all the same."""
    assert "went on" == await executor.run(jobs.interrupt_itself, (), {})


@pytest.mark.parametrize(
    ("func", "reason"),
    [
        (jobs.add, None),
        (jobs.coroutine, "coroutine function"),
        (lambda: None, "importable by its name"),
        (jobs.Unreadable().__reduce__, None),
    ],
    ids=["function", "async", "lambda", "method"],
)
def test_accepts(func: Callable[..., Any], reason: str | None) -> None:
    """A function that cannot run in a process is refused before it is tried."""
    refusal = ProcessJobExecutor().accepts(func)
    assert reason is None if refusal is None else reason is not None and reason in refusal


def test_limits_are_checked() -> None:
    """The number of processes is a whole number from 1."""
    with pytest.raises(ValueError, match="max_workers"):
        ProcessJobExecutor(0)


ORPHAN = """
import sys, anyio
from anysched.executors import ProcessJobExecutor
from tests.unit.executors import jobs
async def main():
    executor = ProcessJobExecutor()
    await executor.start()
    await executor.run(jobs.hang, sys.argv[2:], {})
if __name__ == '__main__': anyio.run(main, backend=sys.argv[1])
"""


async def test_a_process_ends_with_its_scheduler(anyio_backend: str, tmp_path: Path) -> None:
    """Rule J2: when a node is killed, what its processes run ends too, as another node starts it again."""
    path = tmp_path / "pid"
    async with await anyio.open_process([sys.executable, "-c", ORPHAN, anyio_backend, str(path)]) as program:
        pid = int(await file_written(path))
        program.kill()
    with anyio.fail_after(30):
        while is_running(pid):  # noqa: ASYNC110  (it is another process)
            await anyio.sleep(0.01)


def is_running(pid: int) -> bool:
    """Return whether there is such a process, be it nobody's child any more."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return not content(Path(f"/proc/{pid}/stat")).rpartition(")")[2].startswith(" Z")


SCRIPT = """
import sys, anyio
from anysched.executors import ProcessJobExecutor
def job():
    return __name__
async def main():
    executor = ProcessJobExecutor()
    await executor.start()
    try:
        print(await executor.run(job, (), {}))
    finally:
        await executor.stop()
"""


@pytest.mark.parametrize(
    ("last", "code", "said"),
    [
        ("if __name__ == '__main__': anyio.run(main, backend=sys.argv[1])", 0, ""),
        ("anyio.run(main, backend=sys.argv[1])", 1, 'if __name__ == "__main__":'),
    ],
    ids=["guarded", "unguarded"],
)
def test_scripts(anyio_backend: str, tmp_path: Path, last: str, code: int, said: str) -> None:
    """A function of a script runs in a process; without the guard, both sides say what is missing."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT + last)
    ended = subprocess.run(
        [sys.executable, str(script), anyio_backend], capture_output=True, text=True, timeout=60, check=False
    )
    assert (code, "__mp_main__\n" if code == 0 else "") == (ended.returncode, ended.stdout)
    assert said in ended.stderr
    assert said == "" or "WorkerProcessError" in ended.stderr
