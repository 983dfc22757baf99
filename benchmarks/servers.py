"""Serve one SQLite file with gunicorn and uvicorn workers at the same time, and count what becomes of each fire time.

usage: servers.py [--workers N] [--schedules N] [--seconds N]

Needs gunicorn, uvicorn and Starlette. Each worker of either server runs a scheduler; all declare the same schedules,
one fire time a second each.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median, quantiles

import anyio
import attrs

from anysched import AsyncScheduler

HERE = Path(__file__).parent

#: Seconds for all workers to start, and for a server to stop.
PATIENCE = 60


@attrs.frozen
class Run:
    """One run: its fire time, how late it was in seconds, and where it was."""

    schedule: str
    fire_time: datetime
    late: float
    server: str


def commands(workers: int) -> dict[str, list[str]]:
    """How to start the servers, with the same number of workers each, on ports that the system chooses."""
    return {
        "gunicorn": [
            "-m",
            "gunicorn",
            "-w",
            f"{workers}",
            "-b",
            "127.0.0.1:0",
            "-c",
            "python:served",
            "served:wsgi",
        ],
        "uvicorn": ["-m", "uvicorn", "--workers", f"{workers}", "--port", "0", "served:asgi"],
    }


def start(name: str, command: list[str], folder: Path, schedules: int) -> subprocess.Popen[bytes]:
    """Start a server; what it says goes to a file."""
    path = os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path, "SERVER": name, "SCHEDULES": str(schedules)}
    with (folder / f"{name}.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, *command], cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT
        )


def wait_until(condition: Callable[[], bool]) -> None:
    """Return when a condition holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the workers do not start")
        time.sleep(0.1)


def notes(folder: Path) -> list[list[str]]:
    """What the workers have noted, as words."""
    file = folder / "runs.txt"
    return [line.split() for line in file.read_text().splitlines()] if file.exists() else []


def serve(folder: Path, workers: int, schedules: int, seconds: float) -> float:
    """Let both servers work for a while; return how many seconds they needed to stop."""
    servers = [start(name, command, folder, schedules) for name, command in commands(workers).items()]
    try:
        wait_until(lambda: sum(words[0] == "up" for words in notes(folder)) == 2 * workers)
        time.sleep(seconds)
        began = time.monotonic()
        for server in servers:
            server.terminate()
        for server in servers:
            server.wait(PATIENCE)
        return time.monotonic() - began
    finally:
        for server in servers:
            server.kill()


async def fire_times(folder: Path) -> tuple[set[tuple[str, datetime]], int]:
    """Return the fire times that have had their turn, by the file; and how many jobs are left in it, not run yet."""
    async with AsyncScheduler(f"sqlite:///{folder / 'schedules.db'}", role="client") as client:
        had: set[tuple[str, datetime]] = set()
        for schedule in await client.get_schedules():
            last, anchor = schedule.state.last_fire_time, schedule.state.anchor
            assert last is not None
            for second in range(round((last - anchor).total_seconds()) + 1):
                had.add((schedule.id, anchor + timedelta(seconds=second)))
        return had, len(await client.get_jobs())


def report(folder: Path, stopped_in: float) -> None:
    """Print what became of each fire time."""
    runs = [
        Run(words[1], datetime.fromisoformat(words[2]), float(words[3]), words[4])
        for words in notes(folder)
        if words[0] == "run"
    ]
    had, left = anyio.run(fire_times, folder)
    counted = Counter((run.schedule, run.fire_time) for run in runs)
    late = sorted(run.late * 1000 for run in runs)
    logs = "".join(log.read_text() for log in folder.glob("*.log"))
    doubled = sum(count - 1 for count in counted.values())
    print(
        f"fire times {len(had)}, runs {len(runs)}, doubled {doubled}, lost {len(had - set(counted)) - left}"
    )
    print(f"queued at the end {left}, runs of no fire time {len(set(counted) - had)}")
    print(
        f"late: p50 {median(late):.1f} ms, p99 {quantiles(late, n=100)[98]:.1f} ms, at most {late[-1]:.1f} ms"
    )
    print("runs by server:", dict(Counter(run.server for run in runs)))
    complaints = len(re.findall(r"Traceback|Warning|WARNING|ERROR|does not answer", logs))
    print(f"complaints in the logs: {complaints}; stopped in {stopped_in:.1f} s")


def main() -> None:
    """Serve, then count."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int, default=4, help="of each server")
    parser.add_argument("--schedules", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        stopped_in = serve(Path(name), options.workers, options.schedules, options.seconds)
        report(Path(name), stopped_in)


if __name__ == "__main__":
    main()
