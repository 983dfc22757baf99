"""Processes that share one file, left alone and killed at random instants (rules S3, J1 to J3, N1)."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.crash.checker import Verdict
from tests.crash.processes import Processes
from tests.crash.site import Site

SCHEDULES = 10

#: Kills for each event loop, and databases on which they take place.
KILLS = 100
DATABASES = 4


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_kill(backend: str, tmp_path: Path) -> None:
    """rule S3: a crash at any point yields each fire time once: never twice, never zero.

    Some databases have their crashes at the same time: what is killed mostly waits.
    """

    def kill(part: int) -> Verdict:
        folder = tmp_path / str(part)
        folder.mkdir()
        with Processes("tests.crash.nodes") as processes:  # one can be asked by one thread
            site = Site(processes, backend, folder, number=SCHEDULES, every=0.5, lease=0.5)
            site.kill(KILLS // DATABASES, random.Random(f"{backend} {part}"), runs=8 * SCHEDULES)
            return site.outcome()

    with ThreadPoolExecutor(DATABASES) as threads:
        for found in threads.map(kill, range(DATABASES)):
            print(f"{found.fire_times} fire times, {len(found.repeated)} attempts repeated")
            assert ([], []) == (found.lost, found.doubled)
            assert 5 * SCHEDULES <= found.fire_times


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_four_processes(processes: Processes, backend: str, tmp_path: Path) -> None:
    """rules S3 and N1: of four processes on one file exactly one makes each job, and exactly one runs it."""
    site = Site(processes, backend, tmp_path, number=20, every=0.25, lease=30)
    nodes = [site.start(seconds=2.5) for _ in range(4)]
    for node in nodes:
        node.join()
    found = site.outcome()
    assert ([], [], []) == (found.lost, found.doubled, found.repeated)
    assert 8 * 20 <= found.fire_times
    assert 1 < len(site.runners())


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_small_disk(processes: Processes, backend: str, tmp_path: Path) -> None:
    """rule N3: when the operating system refuses to write, nothing is lost, and the node goes on by itself."""
    site = Site(processes, backend, tmp_path, number=10, every=0.25, lease=30)
    site.start("serve_on_small_disk", seconds=0.5).join()
    found = site.outcome()
    assert ([], [], []) == (found.lost, found.doubled, found.repeated)
    assert 5 * 10 <= found.fire_times
