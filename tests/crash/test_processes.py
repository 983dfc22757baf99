"""Processes that share one file, left alone and killed at random instants (rules S3, J1 to J3, N1)."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from tests.crash.checking import Tally, check_file, lines, tally
from tests.crash.processes import Child, Processes

SCHEDULES = 10


class Site:
    """Nodes that share one file and the same schedules, and what can be found when they are gone."""

    def __init__(
        self, processes: Processes, backend: str, folder: Path, *, number: int, every: float, lease: float
    ) -> None:
        self._processes = processes
        self._backend = backend
        self._folder = folder
        self._url = f"sqlite:///{folder}/jobs.db"
        self._log = folder / "log"
        self._every = every
        self._lease = lease
        self._wanted = {"number": number, "every": every, "start": time.time(), "log": str(self._log)}

    def start(self, seconds: float, function: str = "serve") -> Child:
        """Start a node that runs for so long."""
        return self._processes.start(
            function,
            backend=self._backend,
            url=self._url,
            lease=self._lease,
            seconds=seconds,
            wanted=self._wanted,
        )

    def kill(self, kills: int, chance: random.Random) -> None:
        """Let one or two nodes run, and kill one of them after a while, so many times."""
        nodes: list[Child] = []
        for _ in range(kills):
            while not nodes or (len(nodes) == 1 and chance.random() < 0.3):
                nodes.append(self.start(seconds=3600))
            victim = nodes.pop(chance.randrange(len(nodes)))
            assert victim.lives_for(chance.uniform(0.02, 0.4))
            victim.kill()
        for node in nodes:
            node.kill()

    def outcome(self) -> Tally:
        """Let a last node do what is left, and return what came of it all."""
        report = self._folder / "report"
        last = self._processes.start(
            "finish", backend=self._backend, url=self._url, report=str(report), lease=self._lease
        )
        last.join()
        check_file(self._folder / "jobs.db")
        return tally(self._log, report, self._every)

    def runners(self) -> set[str]:
        """Return which nodes have run jobs."""
        return {line["node"] for line in lines(self._log)}


@pytest.mark.parametrize("part", range(2))
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_kill(processes: Processes, backend: str, part: int, tmp_path: Path) -> None:
    """rule S3: a crash at any point yields each fire time once: never twice, never zero."""
    site = Site(processes, backend, tmp_path, number=SCHEDULES, every=1, lease=0.5)
    site.kill(50, random.Random(f"{backend} {part}"))
    found = site.outcome()
    print(f"50 kills, {found.fire_times} fire times, {found.repeated} attempts repeated")
    assert ([], []) == (found.lost, found.doubled)
    assert 5 * SCHEDULES <= found.fire_times


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_four_processes(processes: Processes, backend: str, tmp_path: Path) -> None:
    """rules S3 and N1: of four processes on one file exactly one makes each job, and exactly one runs it."""
    site = Site(processes, backend, tmp_path, number=20, every=0.5, lease=30)
    nodes = [site.start(seconds=5) for _ in range(4)]
    for node in nodes:
        node.join()
    found = site.outcome()
    assert ([], [], 0) == (found.lost, found.doubled, found.repeated)
    assert 8 * 20 <= found.fire_times
    assert 1 < len(site.runners())


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_small_disk(processes: Processes, backend: str, tmp_path: Path) -> None:
    """rule N3: when the operating system refuses to write, nothing is lost, and the node goes on by itself."""
    site = Site(processes, backend, tmp_path, number=10, every=0.5, lease=30)
    site.start(1, "serve_on_small_disk").join()
    found = site.outcome()
    assert ([], [], 0) == (found.lost, found.doubled, found.repeated)
    assert 5 * 10 <= found.fire_times
