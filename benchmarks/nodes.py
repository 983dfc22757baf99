"""Several nodes on one database server, each a process of its own.

usage: nodes.py [--database NAME] spread   [--schedules N] [--window SECONDS] [--processes N ...] [--rounds N]
       nodes.py [--database NAME] pauses   [--times N]
       nodes.py [--database NAME] reaction [--times N] [--backend asyncio|trio]
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median, quantiles

import anyio
from databases import database

from anysched import AsyncScheduler, DateTrigger, IntervalTrigger, Schedule, current_job, task

#: Seconds for processes to start, and for everything to be run.
PATIENCE = 120

#: Seconds from the start of adding until the first schedule is due, besides 1 for each 500.
LEAD = 3.0

LOG: list[int] = []  # the open file that jobs are noted in


@task(id="noted")
async def noted() -> None:
    """Note which job ran, and when, in one line."""
    job = current_job.get()
    words = job.schedule_id, job.scheduled_fire_time, job.created_at, datetime.now(UTC)
    os.write(LOG[0], "\t".join(str(word) for word in words).encode() + b"\n")


async def serve(url: str, log: Path, poll_interval: float) -> None:
    """Be a node, until the process is told to end."""
    LOG.append(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT))
    async with AsyncScheduler(url, tasks=[noted], poll_interval=poll_interval) as scheduler:
        os.write(LOG[0], b"up\n")
        await scheduler.run_until_stopped()


def lines(log: Path) -> list[list[str]]:
    """What nodes have noted, as words."""
    return [line.split("\t") for line in log.read_text().splitlines()] if log.exists() else []


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Return when a condition holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited too long: {what}")
        time.sleep(0.05)


@contextmanager
def nodes(url: str, log: Path, count: int, poll_interval: float = 5) -> Iterator[None]:
    """Run nodes, and end them."""
    command = [sys.executable, __file__, "node", url, str(log), str(poll_interval)]
    running = [subprocess.Popen(command) for _ in range(count)]
    try:
        wait_until(lambda: sum(words == ["up"] for words in lines(log)) == count, "for nodes to start")
        yield
    finally:
        for process in running:
            process.send_signal(signal.SIGTERM)
        for process in running:
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()


# many schedules, several processes


async def add_spread(url: str, schedules: int, window: float) -> datetime:
    """Add schedules whose first fire times are spread over a window; return when it begins."""
    async with AsyncScheduler(url, role="client") as client:
        start = datetime.now(UTC) + timedelta(seconds=LEAD + schedules / 500)
        await client.add_schedules(
            Schedule(
                "noted",
                IntervalTrigger(days=1, start_time=start + timedelta(seconds=window * number / schedules)),
                id=f"schedule {number}",
            )
            for number in range(schedules)
        )
        assert datetime.now(UTC) < start, "adding took longer than planned"
        return start


def spread_once(
    kind: str, processes: int, schedules: int, window: float
) -> tuple[float, list[float], int, int]:
    """Return seconds until all have run, how late each was in ms, how many ran twice, and how many never."""
    with tempfile.TemporaryDirectory() as folder, database(kind) as url:
        log = Path(folder) / "log"
        with nodes(url, log, processes):
            start = anyio.run(add_spread, url, schedules, window)
            wait_until(lambda: len(lines(log)) >= schedules + processes, "for all to run")
            time.sleep(1)  # for what runs twice
        runs = [words for words in lines(log) if len(words) > 1]
    counted = Counter((words[0], words[1]) for words in runs)
    took = (max(datetime.fromisoformat(words[3]) for words in runs) - start).total_seconds()
    late = [
        (datetime.fromisoformat(words[3]) - datetime.fromisoformat(words[1])).total_seconds() * 1000
        for words in runs
    ]
    return took, late, sum(counted.values()) - len(counted), schedules - len(counted)


def spread(kind: str, options: argparse.Namespace) -> None:
    """Print what becomes of many schedules with each number of processes."""
    found: dict[int, list[tuple[float, list[float], int, int]]] = {count: [] for count in options.processes}
    for _ in range(options.rounds):
        for count in options.processes:
            found[count].append(spread_once(kind, count, options.schedules, options.window))
    base = median(run[0] for run in next(iter(found.values())))
    print(f"{options.schedules} schedules due within {options.window} s, {options.rounds} rounds, medians")
    for count, runs in found.items():
        took, late = median(run[0] for run in runs), [value for run in runs for value in run[1]]
        print(
            f"{count} processes: all have run after {took:6.2f} s ({took / base:4.2f}x),"
            f" {options.schedules / took:6,.0f} jobs/s, late p50 {median(late):7.1f} ms,"
            f" p99 {quantiles(late, n=100)[98]:7.1f} ms, doubled {sum(run[2] for run in runs)},"
            f" lost {sum(run[3] for run in runs)}",
            flush=True,
        )


# pausing on one node what another one fires


async def toggle(url: str, times: int) -> tuple[list[tuple[datetime, datetime]], int, int]:
    """Pause and resume a schedule that is always due.

    Return the spans for which it was surely paused, how many jobs were made in them, and how many outside.
    """
    spans: list[tuple[datetime, datetime]] = []
    during = before = 0
    async with AsyncScheduler(url, role="client") as client:

        async def made() -> int:
            return (await client.get_schedule("toggled")).state.jobs_made

        await client.add_schedule("noted", IntervalTrigger(microseconds=1000), id="toggled")
        for _ in range(times):
            deadline = time.monotonic() + PATIENCE
            while await made() == before:
                assert time.monotonic() < deadline, "nobody fires"
            await anyio.sleep(random.uniform(0, 0.008))
            await client.pause_schedule("toggled")
            paused_at = datetime.now(UTC)
            before = await made()
            await anyio.sleep(random.uniform(0, 0.004))
            during += await made() - before
            spans.append((paused_at, datetime.now(UTC)))
            await client.unpause_schedule("toggled", missed="skip")
        await client.pause_schedule("toggled")
    return spans, during, before


def pauses(kind: str, options: argparse.Namespace) -> None:
    """Print how many jobs a node made of a schedule that another one had paused."""
    with tempfile.TemporaryDirectory() as folder, database(kind) as url:
        log = Path(folder) / "log"
        with nodes(url, log, 1, poll_interval=0.002):
            began = time.monotonic()
            spans, during, made = anyio.run(toggle, url, options.times)
            took = time.monotonic() - began
        created = sorted(datetime.fromisoformat(words[2]) for words in lines(log) if len(words) > 1)
    inside = sum(any(start < instant < end for instant in created) for start, end in spans)
    print(
        f"paused {len(spans)} times in {took:.0f} s: {made} jobs made, after a pause was acknowledged {during};"
        f" of {len(created)} jobs that ran, created meanwhile {inside}"
    )


# reaction


async def react(url: str, times: int) -> dict[str, list[tuple[float, float]]]:
    """Return milliseconds from call, and from its return, to the start of the job."""
    started = anyio.Event()
    start_at = 0.0

    @task(id="reacting")
    async def reacting() -> None:
        nonlocal start_at
        start_at = time.perf_counter()
        started.set()

    found: dict[str, list[tuple[float, float]]] = {"add_schedule": [], "unpause_schedule": []}
    async with AsyncScheduler(url, tasks=[reacting]) as scheduler:

        async def measure(name: str, call: Callable[[], Awaitable[object]]) -> None:
            nonlocal started
            started = anyio.Event()
            await anyio.sleep(0.02)
            began = time.perf_counter()
            await call()
            returned = time.perf_counter()
            await started.wait()
            found[name].append(((start_at - began) * 1000, (start_at - returned) * 1000))

        for number in range(times):
            key, trigger = f"added {number}", DateTrigger(datetime.now(UTC))
            await measure("add_schedule", partial(scheduler.add_schedule, "reacting", trigger, id=key))
            key, trigger = f"overdue {number}", DateTrigger(datetime.now(UTC))
            await scheduler.add_schedule("reacting", trigger, id=key, paused=True)
            await measure("unpause_schedule", partial(scheduler.unpause_schedule, key))
    return found


def reaction(kind: str, options: argparse.Namespace) -> None:
    """Print how long a sleeping scheduler takes to start a job that has become due by a call."""
    with database(kind) as url:
        found = anyio.run(react, url, options.times, backend=options.backend)
    for name, times in found.items():
        for what, values in zip(("call", "return"), zip(*times, strict=True), strict=True):
            print(
                f"{name:17} to start of job, from {what:6}: p50 {median(values):5.2f} ms,"
                f" p99 {quantiles(values, n=100)[98]:5.2f} ms"
            )


def main() -> None:
    """Measure and print."""
    if sys.argv[1:2] == ["node"]:
        anyio.run(serve, sys.argv[2], Path(sys.argv[3]), float(sys.argv[4]))
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("--database", default="postgresql", choices=["postgresql", "mariadb", "sqlite"])
    workloads = parser.add_subparsers(required=True)
    one = workloads.add_parser("spread")
    one.set_defaults(run=spread)
    one.add_argument("--schedules", type=int, default=5000)
    one.add_argument("--window", type=float, default=10)
    one.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4])
    one.add_argument("--rounds", type=int, default=3)
    one = workloads.add_parser("pauses")
    one.set_defaults(run=pauses)
    one.add_argument("--times", type=int, default=10_000)
    one = workloads.add_parser("reaction")
    one.set_defaults(run=reaction)
    one.add_argument("--times", type=int, default=300)
    one.add_argument("--backend", default="asyncio", choices=["asyncio", "trio"])
    options = parser.parse_args()
    options.run(options.database, options)


if __name__ == "__main__":
    main()
