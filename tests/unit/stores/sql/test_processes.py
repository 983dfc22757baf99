"""Several processes and threads on one file (rules N1, J1 and S3)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import anyio
import pytest

from anysched.stores import SQLDataStore
from anysched.testing import FakeClock
from anysched.testing.store_suite.actors import Node, User, every

NODES = 4
SCHEDULES = 200

#: Opens the file together with the others, works until all is done, and says what it did.
WORKER = """
import json, sys
import anyio
from anysched.stores import SQLDataStore
from anysched.testing import FakeClock
from anysched.testing.store_suite.actors import Node

async def main(url, name):
    store = SQLDataStore(url)
    await store.open(FakeClock())
    node = Node(store, name)
    print("ready", flush=True)
    sys.stdin.readline()
    made, taken = [], []
    while True:
        work = await node.advance(plan_limit=7, claim_limit=5)
        made += [f"{job.schedule_id} {job.scheduled_fire_time}" for change in work.changes for job in change.jobs]
        taken += [claim.job.schedule_id for claim in work.claims]
        assert all(await node.complete(*work.claims))
        if not work.more:
            break
    await store.close()
    print(json.dumps([made, taken]))

anyio.run(main, *sys.argv[1:])
"""


def test_processes(path: Path) -> None:
    """Rules S3 and J1: processes that open a new file at once and work at once make and take each job once."""
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, f"sqlite:///{path}", f"node {number}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(NODES)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert "ready\n" == worker.stdout.readline()

    async def fill() -> None:
        store = SQLDataStore(f"sqlite:///{path}")
        await store.open(FakeClock())
        await User(store).add(*(every(id=f"s{number}") for number in range(SCHEDULES)))
        await store.close()

    anyio.run(fill)
    made: Counter[str] = Counter()
    taken: Counter[str] = Counter()
    with ThreadPoolExecutor(NODES) as pool:
        for output, _ in pool.map(lambda worker: worker.communicate("go\n", timeout=60), workers):
            one_made, one_taken = json.loads(output)
            made.update(one_made)
            taken.update(one_taken)
    assert [0] * NODES == [worker.returncode for worker in workers]
    assert (SCHEDULES, {1}) == (len(made), set(made.values()))
    assert {f"s{number}": 1 for number in range(SCHEDULES)} == taken


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_threads(backend: str, path: Path) -> None:
    """Rules S3 and J1: the same holds for event loops in the threads of one process."""

    async def work(name: str) -> list[str | None]:
        store = SQLDataStore(f"sqlite:///{path}")
        await store.open(FakeClock())
        await User(store).add(*(every(id=f"s{number}") for number in range(50)))
        node = Node(store, name)
        taken = [claim.job.schedule_id for claim in (await node.work(plan_limit=7, claim_limit=5)).claims]
        await store.close()
        return taken

    with ThreadPoolExecutor(NODES) as pool:
        names = [f"node {number}" for number in range(NODES)]
        found = list(pool.map(lambda name: anyio.run(work, name, backend=backend), names))
    assert {f"s{number}": 1 for number in range(50)} == Counter(id for taken in found for id in taken)
