"""``kill -9`` at random instants (rules S3, J1 to J3, N1)."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tests.crash.checking import Tally, check_file, tally
from tests.crash.processes import Child, Processes

SCHEDULES = 10
EVERY = 1.0
LEASE = 0.5


class Killing:
    """Kills nodes that share one file, then looks at what they did."""

    def __init__(self, processes: Processes, backend: str, folder: Path) -> None:
        self.processes = processes
        self.backend = backend
        self.url = f"sqlite:///{folder}/jobs.db"
        self.folder = folder
        self.log = folder / "log"
        self.wanted = {"number": SCHEDULES, "every": EVERY, "start": time.time(), "log": str(self.log)}

    def start(self) -> Child:
        """Start a node."""
        return self.processes.start(
            "serve",
            backend=self.backend,
            url=self.url,
            lease=LEASE,
            seconds=3600,
            wanted=self.wanted,
        )

    def kill(self, kills: int, chance: random.Random) -> None:
        """Let one or two nodes run, and kill one of them after a while, so many times."""
        nodes: list[Child] = []
        for _ in range(kills):
            if not nodes:
                nodes.append(self.start())
            if len(nodes) == 1 and chance.random() < 0.3:
                nodes.append(self.start())
            victim = nodes.pop(chance.randrange(len(nodes)))
            assert victim.lives_for(chance.uniform(0.02, 0.4))
            victim.kill()
        for node in nodes:
            node.kill()

    def outcome(self) -> Tally:
        """Let a last node do what is left, and return what came of it all."""
        report = self.folder / "report"
        self.processes.start(
            "finish", backend=self.backend, url=self.url, report=str(report), lease=LEASE
        ).join()
        check_file(self.folder / "jobs.db")
        return tally(self.log, report, EVERY)


@pytest.mark.parametrize("part", range(2))
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_kill(
    processes: Processes, backend: str, part: int, tmp_path: Path
) -> None:
    """rule S3: a crash at any point yields each fire time once: never twice, never zero."""
    killing = Killing(processes, backend, tmp_path)
    killing.kill(50, random.Random(f"{backend} {part}"))
    found = killing.outcome()
    assert [] == found.lost
    assert [] == found.doubled
    assert found.fire_times >= 5 * SCHEDULES
    print(f"{found.fire_times} fire times, {found.repeated} attempts repeated")
