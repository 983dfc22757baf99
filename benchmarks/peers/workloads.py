"""The workloads, in terms of what any scheduler can do. This runs in the environments of peers: anyio must do."""

from __future__ import annotations

import gc
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles

import anyio
import anyio.lowlevel

#: Seconds after which a run is given up; what has run until then is told.
PATIENCE = 120.0

#: Seconds for which nothing happens before something is measured.
QUIET = 0.3

RUN = str(Path(__file__).with_name("run.py"))

Figures = dict[str, float]


class Work:
    """What all jobs do: note when they start, and count."""

    def __init__(self) -> None:
        self.starts: list[float] = []
        self.log: int | None = None  # the open file in which processes note what they ran, for ``nodes``
        self._wanted = 0
        self._done = anyio.Event()

    async def job(self) -> None:
        """Do nothing, as a coroutine."""
        self.plain()

    def plain(self) -> None:
        """Do nothing, as a function."""
        self.starts.append(time.time())
        if len(self.starts) == self._wanted:
            self._done.set()

    def noted(self, name: object) -> None:
        """Do nothing, as a function that knows which job it is."""
        self.plain()
        if self.log is not None:
            os.write(self.log, f"{name} {self.starts[-1]}\n".encode())

    def expect(self, count: int) -> None:
        """Begin to count."""
        self.starts, self._wanted, self._done = [], count, anyio.Event()

    async def wait(self) -> None:
        """Return when as many as expected have run, or it takes too long."""
        with anyio.move_on_after(PATIENCE):
            await self._done.wait()


class Peer:
    """A scheduler to be measured: what it cannot do raises ``NotImplementedError``.

    :ivar joins: whether it is one process of several, and the tables are there
    :ivar backend: the event loop that it runs on
    """

    def __init__(self, url: str | None, work: Work, *, joins: bool = False, backend: str = "asyncio") -> None:
        self.url = url
        self.job = work
        self.joins = joins
        self.backend = backend

    async def open(self) -> None:
        """Connect, and make tables; nothing is fired or run yet."""
        raise NotImplementedError

    async def begin(self) -> None:
        """Fire and run from now on."""
        raise NotImplementedError

    async def close(self) -> None:
        """End."""

    async def add_every(self, count: int, seconds: float, first: datetime) -> None:
        """Add schedules, one call for each."""
        raise NotImplementedError

    async def add_every_at_once(self, count: int, seconds: float, first: datetime) -> None:
        """Add schedules as fast as it can."""
        raise NotImplementedError

    async def add_at(self, count: int, when: datetime) -> None:
        """Add schedules that are due once, as fast as it can."""
        raise NotImplementedError

    async def enqueue(self, count: int) -> None:
        """Add jobs that are to run as soon as possible, as fast as it can."""
        raise NotImplementedError

    async def add_paused(self, name: str) -> None:
        """Add a schedule that is overdue, paused."""
        raise NotImplementedError

    async def unpause(self, name: str) -> None:
        """Resume it from where it stopped."""
        raise NotImplementedError

    async def add_tagged(self, count: int, seconds: float, first: datetime) -> None:
        """Add schedules with one tag as fast as it can."""
        raise NotImplementedError

    async def pause_tagged(self) -> None:
        """Pause all that have the tag."""
        raise NotImplementedError

    async def unpause_tagged(self) -> None:
        """Resume them."""
        raise NotImplementedError


@asynccontextmanager
async def watched() -> AsyncIterator[list[float]]:
    """Note the longest time for which a task that only yields did not get its turn, in milliseconds."""
    longest = [0.0]

    async def watch() -> None:
        last = time.perf_counter()
        while True:
            await anyio.lowlevel.checkpoint()
            now = time.perf_counter()
            longest[0], last = max(longest[0], (now - last) * 1000), now

    async with anyio.create_task_group() as tg:
        tg.start_soon(watch)
        yield longest
        await anyio.lowlevel.checkpoint()
        tg.cancel_scope.cancel()


def _resident() -> int:
    """Return how many bytes of memory this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def add(peer: Peer, work: Work, *, count: int, bulk: bool = False) -> Figures:
    """Schedules that will be due much later: how many can be added a second, and bytes of memory for each."""
    add = peer.add_every_at_once if bulk else peer.add_every
    gc.collect()
    before, began = _resident(), time.perf_counter()
    await add(count, 3600, datetime.now(UTC) + timedelta(hours=1))
    took = time.perf_counter() - began
    gc.collect()
    return {"rate": count / took, "bytes": (_resident() - before) / count}


async def pause(peer: Peer, work: Work, *, count: int) -> Figures:
    """Very many schedules of one tag: how many are paused a second, how many resumed, and the longest stall."""
    await peer.add_tagged(count, 3600, datetime.now(UTC) + timedelta(hours=10))
    await peer.begin()
    await anyio.sleep(QUIET)
    gc.collect()
    async with watched() as stall:
        began = time.perf_counter()
        await peer.pause_tagged()
        paused = time.perf_counter()
        await peer.unpause_tagged()
        resumed = time.perf_counter()
    return {"rate": count / (paused - began), "resumed": count / (resumed - paused), "stall": stall[0]}


async def after_adding(peer: Peer, count: int) -> datetime:
    """Return an instant until which so many schedules can be added.

    A few that are due much later are added, and tell how fast that goes; they stay.
    """
    few, began = max(20, count // 50), time.perf_counter()
    await peer.add_at(few, datetime.now(UTC) + timedelta(days=1))
    took = (time.perf_counter() - began) / few * count
    return datetime.now(UTC) + timedelta(seconds=1.5 + 2 * took)


async def burst(peer: Peer, work: Work, *, count: int) -> Figures:
    """Schedules that are all due at one instant: jobs a second from then on, and the longest stall of the loop."""
    work.expect(count)
    due = await after_adding(peer, count)
    await peer.add_at(count, due)
    await peer.begin()
    ahead = (due - datetime.now(UTC)).total_seconds()
    if ahead < QUIET:
        raise RuntimeError(f"only {ahead:.1f} s are left once all are added: it became too slow meanwhile")
    gc.collect()
    await anyio.sleep((due - datetime.now(UTC)).total_seconds() - 0.05)
    async with watched() as stall:
        await work.wait()
        took = time.time() - due.timestamp()
    late = [start - due.timestamp() for start in work.starts]
    return {
        "rate": len(work.starts) / took,
        "stall": stall[0],
        "late": median(late) * 1000,
        "missing": count - len(late),
    }


async def drain(peer: Peer, work: Work, *, count: int) -> Figures:
    """Jobs that wait as the workers begin: jobs a second."""
    work.expect(count)
    await peer.enqueue(count)
    gc.collect()
    async with watched() as stall:
        began = time.perf_counter()
        await peer.begin()
        await work.wait()
        took = time.perf_counter() - began
    return {"rate": len(work.starts) / took, "stall": stall[0], "missing": count - len(work.starts)}


async def reaction(peer: Peer, work: Work, *, how: str, times: int) -> Figures:
    """A sleeping scheduler: milliseconds from a call that makes something due to the start of the job."""
    await peer.begin()

    async def added(number: int) -> None:
        await peer.add_at(1, datetime.now(UTC))

    async def enqueued(number: int) -> None:
        await peer.enqueue(1)

    async def resumed(number: int) -> None:
        await peer.unpause(f"paused {number}")

    call: Callable[[int], Awaitable[None]] = {"add": added, "enqueue": enqueued, "unpause": resumed}[how]
    found: list[float] = []
    for number in range(times):
        if how == "unpause":
            await peer.add_paused(f"paused {number}")
        await anyio.sleep(0.02)
        work.expect(1)
        began = time.time()
        await call(number)
        await work.wait()
        found.append((work.starts[0] - began) * 1000)
    return {"p50": median(found), "p99": quantiles(found, n=100)[98]}


async def precision(peer: Peer, work: Work, *, count: int, every: float, seconds: float) -> Figures:
    """Schedules that fire again and again at the same instants: how late their jobs start, in milliseconds."""
    first = datetime.now(UTC) + timedelta(seconds=2 + count / 50)
    wanted = round(count * seconds / every)
    work.expect(wanted)
    await peer.add_every_at_once(count, every, first)
    await peer.begin()
    cpu = time.process_time()
    await work.wait()
    # All of one instant are alike, so that it does not matter which start belongs to which schedule.
    due = [first.timestamp() + number // count * every for number in range(wanted)]
    late = [(start - at) * 1000 for start, at in zip(sorted(work.starts), due, strict=False)]
    return {
        "p50": median(late),
        "p99": quantiles(late, n=100)[98],
        "cpu": (time.process_time() - cpu) / len(late) * 1000,
        "missing": wanted - len(late),
    }


async def idle(peer: Peer, work: Work, *, count: int, seconds: float, settle: float) -> Figures:
    """Many schedules of which one fires each second: milliseconds of processor time for each firing."""
    await peer.add_every_at_once(count, 36_000, datetime.now(UTC) + timedelta(hours=10))
    await peer.begin()
    await anyio.sleep(settle)
    await peer.add_every(1, 1, datetime.now(UTC) + timedelta(seconds=1))
    await anyio.sleep(1 + settle)
    work.expect(0)
    gc.collect()
    gc.freeze()
    cpu = time.process_time()
    await anyio.sleep(seconds)
    used = time.process_time() - cpu
    fired = len(work.starts)
    return {"cpu": used / max(1, fired) * 1000, "firings": fired, "missing": max(0, int(seconds) - 1 - fired)}


async def serve(peer: Peer, work: Work, *, log: str) -> Figures:
    """Be one process of ``nodes``, until it is ended."""
    work.log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    await peer.begin()
    os.write(work.log, b"up\n")
    await anyio.sleep_forever()
    return {}


async def nodes(peer: Peer, work: Work, *, count: int, processes: int) -> Figures:
    """Several processes and jobs that are due at one instant: jobs a second from the first start to the last.

    Also what ran twice, and what never.
    """
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        log.touch()
        name, options = type(peer).__module__, json.dumps({"log": str(log)})
        command = [sys.executable, RUN, name, "serve", peer.backend, peer.url or "", options]
        running = [await anyio.open_process(command, stdout=None, stderr=None) for _ in range(processes)]
        try:
            await _lines(log, processes)
            await peer.add_at(count, await after_adding(peer, count))
            await _lines(log, processes + count)
            await anyio.sleep(1)  # for what runs twice
        finally:
            for process in running:
                process.terminate()
            for process in running:
                await process.wait()
        ran = [line.split() for line in log.read_text().splitlines() if line != "up"]
    names, starts = {name for name, _ in ran}, [float(start) for _, start in ran]
    took = max(starts) - min(starts)
    return {"rate": len(names) / took, "doubled": len(ran) - len(names), "missing": count - len(names)}


async def _lines(log: Path, count: int) -> None:
    """Return when a file has so many lines, or it takes too long."""
    with log.open("rb") as file, anyio.move_on_after(PATIENCE):
        while count > 0:
            count -= file.read().count(b"\n")
            await anyio.sleep(0.05)


WORKLOADS: dict[str, Callable[..., Awaitable[Figures]]] = {
    "add": add,
    "burst": burst,
    "drain": drain,
    "reaction": reaction,
    "precision": precision,
    "idle": idle,
    "pause": pause,
    "nodes": nodes,
    "serve": serve,
}
