"""What it takes to pause and to resume very many schedules at once, and who notices.

usage: holds.py [--count N] [--rounds N] [--databases D ...] [--trees NAME=FOLDER ...]

With more than one source tree, they take turns, and the others are compared with the first.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import anyio
import anyio.to_thread
from databases import MEMORY, Store, database, store_of

from anysched import AsyncScheduler, IntervalTrigger, Schedule, task
from anysched._clock import SystemClock
from anysched.errors import StoreUnavailableError
from anysched.testing.store_suite.actors import Node, User

#: How many schedules are added at once.
BATCH = 2000

#: How often a short thing is measured.
REPEATS = 15

#: Seconds for which the one sleeps that looks out for stalls; what it takes longer is one.
TICK = 0.002

Figures = dict[str, float]


@task(id="job")
async def job() -> None:
    """Do nothing."""


def schedule(name: str, tags: frozenset[str] = frozenset()) -> Schedule:
    """Return a schedule that is not due as long as this runs."""
    later = datetime.now(UTC) + timedelta(hours=1)
    return Schedule("job", IntervalTrigger(seconds=60, start_time=later), id=name, tags=tags)


async def measured(function: Callable[[], Awaitable[object]]) -> float:
    """Return how many seconds a call takes."""
    began = time.perf_counter()
    await function()
    return time.perf_counter() - began


async def passes(store: Store) -> float:
    """Return how long a pass takes that finds nothing to do, in milliseconds."""
    node = Node(store, "measuring", tasks=("job",))
    return 1000 * median([await measured(node.advance) for _ in range(REPEATS)])


class Beside:
    """What others do meanwhile, and how long the slowest of each took, in seconds."""

    def __init__(self, store: Store, third: Store) -> None:
        self._node = Node(store, "beside", tasks=("job",))
        self._user = User(third)  # a store does one thing after the other, and adds wait for the hold
        self._keeper = store.make_lease_keeper()
        self._added = self.refused = 0
        self.longest = dict.fromkeys(("stall", "pass", "add", "renewal"), 0.0)

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Do it all for as long as something else takes."""
        async with anyio.create_task_group() as task_group:
            task_group.start_soon(self._again, "stall", lambda: anyio.sleep(TICK), 0.0)
            task_group.start_soon(self._again, "pass", self._node.advance, 0.02)
            task_group.start_soon(self._again, "add", self._add, 0.1)
            if self._keeper is not None:
                task_group.start_soon(self._again, "renewal", self._renew, 0.1)
            await anyio.sleep(0.3)
            yield
            await anyio.sleep(0.1)
            task_group.cancel_scope.cancel()

    async def _again(self, name: str, function: Callable[[], Awaitable[object]], pause: float) -> None:
        while True:
            took = 0.0
            with anyio.CancelScope(shield=True):  # what has begun is measured to its end
                took = await measured(lambda: self._refusable(function))
            self.longest[name] = max(self.longest[name], took)
            await anyio.sleep(pause)

    async def _refusable(self, function: Callable[[], Awaitable[object]]) -> None:
        try:
            await function()
        except StoreUnavailableError:  # a database lets nobody wait longer than its limit
            self.refused += 1

    async def _add(self) -> None:
        self._added += 1
        await self._user.add(schedule(f"beside {self._added}"))

    async def _renew(self) -> None:
        keeper = self._keeper
        assert keeper is not None
        await anyio.to_thread.run_sync(lambda: keeper.renew("beside", timedelta(seconds=15)))


async def hold(url: str, count: int) -> Figures:
    """Pause and resume all schedules of a tag: first alone, then with others at work beside it."""
    store = store_of(url)
    other, third = (store, store) if url == MEMORY else (store_of(url), store_of(url))
    await other.open(SystemClock())
    await third.open(SystemClock())
    figures: Figures = {}
    try:
        async with AsyncScheduler(store, tasks=[job]) as scheduler:
            tags = frozenset({"slow"})
            for first in range(0, count, BATCH):
                numbers = range(first, min(first + BATCH, count))
                await scheduler.add_schedules([schedule(f"schedule {number}", tags) for number in numbers])
            await scheduler.add_schedule("job", IntervalTrigger(hours=1), id="another")
            figures["pass ms"] = await passes(store)
            figures["pause s"] = await measured(lambda: scheduler.pause_schedules(tags=tags))
            figures["pass paused ms"] = await passes(store)
            figures["resume s"] = await measured(lambda: scheduler.unpause_schedules(tags=tags))
            figures["pass again ms"] = await passes(store)
            beside = Beside(other, third)
            async with beside.watched():
                await scheduler.pause_schedules(tags=tags)
                await scheduler.unpause_schedules(tags=tags)
            figures["adds refused"] = beside.refused
            figures |= {f"longest {name} ms": 1000 * took for name, took in beside.longest.items() if took}
    finally:
        await other.close()
        await third.close()
    return figures


def measure(folder: str, kind: str, count: int) -> Figures:
    """Run it once, in a process of its own, on a database of its own."""
    with database(kind) as url:
        done = subprocess.run(
            [sys.executable, __file__, "--one", url, "--count", str(count)],
            env={**os.environ, "PYTHONPATH": folder} if folder else None,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=600,
        )
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def report(kind: str, runs: dict[str, list[Figures]]) -> None:
    """Print medians, spread and ratios."""
    first = next(iter(runs.values()))
    for figure in first[0]:
        base = median(run[figure] for run in first)
        for name, found in runs.items():
            values = [run[figure] for run in found]
            print(
                f"{kind:10} {figure:18} {name:10} {median(values):9,.2f}"
                f" ({min(values):,.2f} to {max(values):,.2f})  {median(values) / base if base else 1:5.2f}x",
                flush=True,
            )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--databases", nargs="+", default=["memory", "postgresql", "mariadb", "sqlite"])
    parser.add_argument("--one", metavar="URL", help="run it once here and print its figures as JSON")
    parser.add_argument("--trees", nargs="*", metavar="NAME=FOLDER", default=[])
    options = parser.parse_args()
    if options.one:
        print(json.dumps(anyio.run(hold, options.one, options.count)))
        return
    trees = dict(tree.split("=", 1) for tree in options.trees) or {"here": ""}
    trees = {name: folder and str(Path(folder).resolve()) for name, folder in trees.items()}
    for kind in options.databases:
        runs: dict[str, list[Figures]] = {name: [] for name in trees}
        for _ in range(options.rounds):
            for name, folder in trees.items():
                runs[name].append(measure(folder, kind, options.count))
        report(kind, runs)


if __name__ == "__main__":
    main()
