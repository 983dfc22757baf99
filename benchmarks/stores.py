"""What a database makes of a burst: through its store alone, and through a whole scheduler.

usage: stores.py [--count N] [--rounds N] [--workloads W ...] [--databases D ...] [NAME=FOLDER ...]

With more than one source tree (``NAME=src``), they take turns, and the others are compared with the first.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import anyio
import sqlalchemy as sa
from databases import database

from anysched import AsyncScheduler, IntervalTrigger, Schedule, task
from anysched._clock import SystemClock
from anysched.stores import SQLDataStore
from anysched.testing.store_suite.actors import Node, User, direct_job, every

#: Seconds from the start of adding until the schedules are due, for each thousand of them.
LEAD = 0.8

Figures = dict[str, float]


async def passes(url: str, count: int) -> Figures:
    """Due schedules, without an engine: add them all, then pass after pass, each with the ends of its jobs.

    All fire twice. The second time they are known to the process, and most of the time goes into writing.
    """
    store = SQLDataStore(url)
    await store.open(SystemClock())
    try:
        began = time.perf_counter()
        await User(store).add(*(every(3600, id=f"schedule {number}") for number in range(count)))
        figures = {"added/s": count / (time.perf_counter() - began)}
        firing, ending = await fire(store, count)
        figures["first/s"] = count / (firing + ending)
        make_due_again(url)
        firing, ending = await fire(store, count)
        figures["jobs/s"] = count / (firing + ending)
        return figures | {"fired/s": count / firing, "ended/s": count / ending}
    finally:
        await store.close()


async def fire(store: SQLDataStore, count: int) -> tuple[float, float]:
    """Fire and end so many jobs; return how many seconds each took."""
    firing, ending, done, size, node = 0.0, 0.0, 0, store.batch_size, Node(store)
    while done < count:
        began = time.perf_counter()
        claims = (await node.advance(plan_limit=size, claim_limit=size, job_limit=size)).claims
        fired = time.perf_counter()
        assert all(await node.complete(*claims))
        firing += fired - began
        ending += time.perf_counter() - fired
        done += len(claims)
    return firing, ending


def make_due_again(url: str) -> None:
    """Give all schedules their first fire time back."""
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE anysched_schedules SET next_fire_time = anchor, due_at = anchor, wake_at = anchor"
        )
    engine.dispose()


class Counter:
    """Counts jobs down; ``task`` does nothing else."""

    def __init__(self, count: int) -> None:
        self.left = count
        self.done = anyio.Event()

        @task(id="job")
        async def job() -> None:
            self.left -= 1
            if not self.left:
                self.done.set()

        self.task = job


async def burst(url: str, count: int) -> Figures:
    """Schedules that are all due at one instant, from that instant until the last job has run."""
    counter = Counter(count)
    async with AsyncScheduler(url) as scheduler:
        due = datetime.now(UTC) + timedelta(seconds=1 + LEAD * count / 1000)
        trigger = IntervalTrigger(hours=1, start_time=due)
        await scheduler.add_schedules(
            [Schedule(counter.task, trigger, id=f"schedule {number}") for number in range(count)]
        )
        early = (due - datetime.now(UTC)).total_seconds()
        assert early > 0, "adding took longer than planned"
        gc.collect()
        await counter.done.wait()
        return {"jobs/s": count / (datetime.now(UTC) - due).total_seconds()}


async def drain(url: str, count: int) -> Figures:
    """Jobs that wait when a worker starts, from its start until the last has run."""
    counter = Counter(count)
    store = SQLDataStore(url)
    await store.open(SystemClock())
    now = datetime.now(UTC)
    await store.add_jobs([direct_job(now, task="job") for _ in range(count)])
    await store.close()
    gc.collect()
    scheduler = AsyncScheduler(url, tasks=[counter.task])
    began = time.perf_counter()
    async with scheduler:
        await counter.done.wait()
        return {"jobs/s": count / (time.perf_counter() - began)}


WORKLOADS: dict[str, Callable[[str, int], Awaitable[Figures]]] = {
    "passes": passes,
    "burst": burst,
    "drain": drain,
}


def measure(folder: str, kind: str, workload: str, count: int) -> Figures:
    """Run a workload once, in a process of its own, on a database of its own."""
    with database(kind) as url:
        done = subprocess.run(
            [sys.executable, __file__, "--one", url, "--workloads", workload, "--count", str(count)],
            env={**os.environ, "PYTHONPATH": folder} if folder else None,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=600,
        )
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def report(kind: str, workload: str, runs: dict[str, list[Figures]]) -> None:
    """Print medians, spread and ratios."""
    first = next(iter(runs.values()))
    for figure in first[0]:
        base = median(run[figure] for run in first)
        for name, found in runs.items():
            values = [run[figure] for run in found]
            print(
                f"{kind:10} {workload:7} {figure:8} {name:10} {median(values):9,.0f}"
                f" ({min(values):,.0f} to {max(values):,.0f})  {median(values) / base:5.2f}x",
                flush=True,
            )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workloads", nargs="+", choices=list(WORKLOADS), default=list(WORKLOADS))
    parser.add_argument("--databases", nargs="+", default=["postgresql", "mariadb", "sqlite"])
    parser.add_argument("--one", metavar="URL", help="run one workload here and print its figures as JSON")
    parser.add_argument("--trees", nargs="*", metavar="NAME=FOLDER", default=[])
    options = parser.parse_args()
    if options.one:
        print(json.dumps(anyio.run(WORKLOADS[options.workloads[0]], options.one, options.count)))
        return
    trees = dict(tree.split("=", 1) for tree in options.trees) or {"here": ""}
    trees = {name: folder and str(Path(folder).resolve()) for name, folder in trees.items()}
    for kind in options.databases:
        for workload in options.workloads:
            runs: dict[str, list[Figures]] = {name: [] for name in trees}
            for _ in range(options.rounds):
                for name, folder in trees.items():
                    runs[name].append(measure(folder, kind, workload, options.count))
            report(kind, workload, runs)


if __name__ == "__main__":
    main()
