"""What things cost as schedules become many: from a thousand to a million, in memory, in SQLite and on PostgreSQL.

usage: growth.py [--stores S ...] [--sizes N ...] [--rounds N] [--repeats N] [--json FILE] [--plans]
       growth.py --draw FILE --into FOLDER

Each size is a process with a store of its own, filled by ``add_schedules`` in portions. They all stay, and what things
cost is measured in rounds, in one after the other, so that ratios of sizes hold on a machine that others use as well.
Times are medians; processor time is that of the process. No stored schedule is due meanwhile. ``--plans`` prints how
the database finds what is due. ``--draw`` draws plots of figures that were kept.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import random
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import anyio
import anyio.to_thread
import attrs
from databases import Store, database, store_of
from plots import draw

from anysched import AsyncScheduler, IntervalTrigger, Schedule, task
from anysched._clock import SystemClock
from anysched.stores import MemoryDataStore, SQLDataStore
from anysched.stores.sql.columns import from_instant
from anysched.stores.sql.schedules import Unknown
from anysched.testing.store_suite.actors import Node, User

#: How many schedules are added at once.
PORTION = 5_000
#: How many more are added at once to measure that, for each time that other things are measured.
MORE = 20

Figures = dict[str, float]


@task(id="job")
async def job() -> None:
    """Do nothing."""


def schedules(name: str, numbers: range, start: datetime) -> list[Schedule]:
    """Return schedules whose first fire times lie a millisecond apart."""
    step = timedelta(milliseconds=1)
    return [
        Schedule("job", IntervalTrigger(hours=10, start_time=start + number * step), id=f"{name} {number:07}")
        for number in numbers
    ]


def much_later() -> datetime:
    """Return an instant that does not come as long as this runs."""
    return datetime.now(UTC) + timedelta(hours=10)


async def measured(calls: list[Callable[[], Awaitable[object]]]) -> tuple[float, float]:
    """Return what each of these calls took: the median in milliseconds, and the mean of the processor time."""
    took: list[float] = []
    gc.collect()
    cpu = time.process_time()
    for call in calls:
        began = time.perf_counter()
        await call()
        took.append(1000 * (time.perf_counter() - began))
    return median(took), 1000 * (time.process_time() - cpu) / len(calls)


@attrs.define
class Growth:
    """A store that grows, and what is measured of it.

    :ivar stranger: another process's view of the store, which remembers nothing of what was added
    :ivar repeats: how often each thing is measured
    """

    store: Store
    scheduler: AsyncScheduler
    stranger: AsyncScheduler
    repeats: int
    stored: int = 0

    async def fill(self, size: int) -> Figures:
        """Add schedules until there are so many; return how many bytes each takes, and milliseconds."""
        if isinstance(self.store, MemoryDataStore):  # what a process takes once is not counted
            warm = schedules("warm", range(self.repeats * MORE), much_later())
            await self.scheduler.add_schedules(warm)
            await User(self.store).remove(*(one.id for one in warm))
        bare, began = self.weight(), time.perf_counter()
        while self.stored < size:
            numbers = range(self.stored, min(self.stored + PORTION, size))
            await self.scheduler.add_schedules(schedules("stored", numbers, much_later()))
            self.stored = numbers.stop
        took = time.perf_counter() - began
        return {"bytes each": (self.weight() - bare) / size, "filling ms each": 1000 * took / size}

    def some(self) -> list[str]:
        """Return ids of stored schedules, by chance."""
        numbers = random.sample(range(self.stored), min(self.repeats, self.stored))
        return [f"stored {number:07}" for number in numbers]

    async def measure(self) -> Figures:
        """Return what things cost now."""
        figures = await self.passes() | await self.adding()
        ids = self.some()
        looked, _ = await measured([lambda key=key: self.stranger.get_schedule(key) for key in ids])
        paused, _ = await measured([lambda key=key: self.scheduler.pause_schedule(key) for key in ids])
        resumed, _ = await measured([lambda key=key: self.scheduler.unpause_schedule(key) for key in ids])
        figures |= {"look up ms": looked, "pause ms": paused, "resume ms": resumed}
        health, _ = await measured([self.store.measure] * 3)
        cleaning, _ = await measured([self.store.clean_up] * 3)
        return {**figures, "health ms": health, "clean up ms": cleaning}

    async def passes(self) -> Figures:
        """Return what a pass takes that finds nothing, and one that fires one schedule, with the end of its job."""
        node = Node(self.store, "measuring", tasks=("job",))
        idle, idle_cpu = await measured([node.advance] * self.repeats)
        figures = {"pass ms": idle, "pass cpu ms": idle_cpu}
        if isinstance(self.store, SQLDataStore):
            due, _ = await measured([self.ask_due] * self.repeats)
            figures["due query ms"] = due
        start = datetime.now(UTC) + timedelta(seconds=0.3)
        due_soon = schedules("due", range(self.repeats), start)
        await self.scheduler.add_schedules(due_soon)
        await anyio.sleep((start - datetime.now(UTC)).total_seconds() + 0.2)

        async def fire() -> None:
            claims = (await node.advance(plan_limit=1, job_limit=1, claim_limit=1)).claims
            assert await node.complete(*claims) == [True]

        firing, firing_cpu = await measured([fire] * self.repeats)
        await User(self.store).remove(*(one.id for one in due_soon))
        # Its own schedules would come after all those of a task that it does not know.
        other = Node(self.store, "elsewhere", tasks=("another",))
        elsewhere, _ = await measured([other.advance] * 3)
        figures |= {"firing ms": firing, "firing cpu ms": firing_cpu}
        return {**figures, "pass among others ms": elsewhere}

    async def adding(self) -> Figures:
        """Return what adding one takes, and each of many at once; and removing one."""
        single = schedules("single", range(self.repeats), much_later())
        added, added_cpu = await measured(
            [lambda one=one: self.scheduler.add_schedules([one]) for one in single]
        )
        removed, _ = await measured(
            [lambda one=one: self.scheduler.remove_schedule(one.id) for one in single]
        )
        more = schedules("more", range(self.repeats * MORE), much_later())
        many, many_cpu = await measured([lambda: self.scheduler.add_schedules(more)])
        await User(self.store).remove(*(one.id for one in more))
        figures = {"add ms": added, "add cpu ms": added_cpu, "remove ms": removed}
        return figures | {"add at once ms": many / len(more), "add at once cpu ms": many_cpu / len(more)}

    async def ask_due(self) -> None:
        """Ask the database what is due."""
        store = self.store
        assert isinstance(store, SQLDataStore)
        text, parameters = due_query(store)
        # As a pass asks it: what transactions set is part of how the database finds it.
        store._session.write_here(lambda connection: connection.exec_driver_sql(text, parameters).fetchall())

    def weight(self) -> int:
        """Return how many bytes the store takes: of memory of the process, or on the disk."""
        if isinstance(self.store, MemoryDataStore):
            gc.collect()
            return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        sqlite = self.store._engine.dialect.name == "sqlite"
        text = (
            "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
            if sqlite
            else "SELECT pg_database_size(current_database())"
        )
        with self.store._engine.connect() as connection:
            size: int = connection.exec_driver_sql(text).scalar_one()
            return size


def due_query(store: SQLDataStore) -> tuple[str, tuple[object, ...]]:
    """Return the statement that asks what is due, as a pass asks it, and its parameters."""
    mine = Unknown(store._schedules.configs, store._dialect).mine(frozenset({"job"}), all_tasks=False)
    return store._sql.due, (from_instant(store.present()), *mine.parameters, store.batch_size)


def plan_of(store: SQLDataStore) -> str:
    """Return how the database finds what is due."""
    text, parameters = due_query(store)
    sqlite = store._engine.dialect.name == "sqlite"
    explain = "EXPLAIN QUERY PLAN" if sqlite else "EXPLAIN (ANALYZE, BUFFERS)"
    rows = store._session.write_here(
        lambda connection: connection.exec_driver_sql(f"{explain} {text}", parameters).fetchall()
    )
    return "\n".join(str(row[-1]) for row in rows)


async def serve(url: str, size: int, repeats: int) -> None:
    """Fill a store; then measure, or tell a plan, each time that a line asks for it."""
    store = store_of(url)
    other = store if isinstance(store, MemoryDataStore) else store_of(url)
    await store.open(SystemClock())
    async with (
        AsyncScheduler(store, role="client", tasks=[job]) as scheduler,
        AsyncScheduler(other, role="client", tasks=[job]) as stranger,
    ):
        growth = Growth(store, scheduler, stranger, repeats)
        figures = await growth.fill(size)
        while line := await anyio.to_thread.run_sync(sys.stdin.readline):
            if line == "measure\n":
                print(json.dumps(figures | await growth.measure()), flush=True)
            else:
                print(json.dumps(plan_of(store) if isinstance(store, SQLDataStore) else ""), flush=True)
    await store.close()


@contextmanager
def filled(kind: str, size: int, repeats: int) -> Iterator[Callable[[str], Any]]:
    """Run a process with a store of this size; lend a function that asks it for something."""
    with database(kind) as url:
        command = [sys.executable, __file__, "--one", url, "--sizes", str(size), "--repeats", str(repeats)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            asked, answers = process.stdin, process.stdout

            def ask(what: str) -> Any:
                asked.write(f"{what}\n")
                asked.flush()
                return json.loads(answers.readline())

            yield ask


def measure(kind: str, options: argparse.Namespace) -> dict[str, Figures]:
    """Return the medians of rounds, by size."""
    with ExitStack() as stack:
        asked = {
            f"{size}": stack.enter_context(filled(kind, size, options.repeats)) for size in options.sizes
        }
        for ask in asked.values():
            ask("measure")  # to warm up
        runs = [{size: ask("measure") for size, ask in asked.items()} for _ in range(options.rounds)]
        for size, ask in asked.items() if options.plans else ():
            print(f"{size}: {ask('plan')}", flush=True)
    return {
        size: {name: median(run[size][name] for run in runs) for name in figures}
        for size, figures in runs[0].items()
    }


def table(kind: str, found: dict[str, Figures]) -> str:
    """Return the figures of a store as a table in Markdown, each with its ratio to the first size."""
    sizes = list(found)
    lines = [
        f"| {kind} | " + " | ".join(f"{int(size):,}" for size in sizes) + " |",
        "|---" * (len(sizes) + 1) + "|",
    ]
    for name, base in found[sizes[0]].items():
        cells = [
            f"{shown(found[size][name])} ({found[size][name] / base if base else 1:.2f}x)" for size in sizes
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def shown(value: float) -> str:
    """Return a figure with three digits that count."""
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3 if value >= 0.1 else 4
    return f"{value:,.{digits}f}"


def main() -> None:
    """Measure and print, or draw."""
    parser = argparse.ArgumentParser()
    stores = ["memory", "sqlite", "postgresql"]
    parser.add_argument("--stores", nargs="+", default=stores, choices=stores)
    parser.add_argument("--sizes", nargs="+", type=int, default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=50, help="how often each thing is measured in a round")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="keep the figures; those of other stores stay"
    )
    parser.add_argument("--plans", action="store_true", help="print how databases find what is due")
    parser.add_argument("--draw", type=Path, metavar="FILE", help="draw figures that were kept")
    parser.add_argument("--into", type=Path, metavar="FOLDER", help="where to draw them")
    parser.add_argument("--one", metavar="URL", help="be the process of one size")
    options = parser.parse_args()
    if options.one:
        anyio.run(serve, options.one, options.sizes[0], options.repeats)
        return
    if options.draw:
        draw(json.loads(options.draw.read_text())["figures"], options.into)
        return
    kept = json.loads(options.json.read_text()) if options.json and options.json.exists() else {}
    figures: dict[str, dict[str, Figures]] = kept.get("figures", {})
    for kind in options.stores:
        figures[kind] = measure(kind, options)
        print(f"\n{table(kind, figures[kind])}", flush=True)
        if options.json:
            about = {"python": platform.python_version(), "cpus": os.cpu_count(), "rounds": options.rounds}
            options.json.write_text(json.dumps({"about": about, "figures": figures}, indent=1) + "\n")


if __name__ == "__main__":
    main()
