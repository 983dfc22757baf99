"""Nodes in processes of their own on one database, by default a file of SQLite."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from tests.crash.checker import Run, Verdict, runs_of
from tests.crash.checking import check_file, clock_offset, lines, tally
from tests.crash.processes import PATIENCE, Child, Processes


class Starter(Protocol):
    """What starts functions in processes of their own."""

    def start(self, function: str, **arguments: object) -> Child:
        """Call a function in a new process."""
        ...


class Site:
    """Nodes that share one database and the same schedules, and what can be found when they are gone."""

    def __init__(
        self,
        processes: Processes,
        backend: str,
        folder: Path,
        *,
        number: int,
        every: float,
        lease: float,
        url: str | None = None,
    ) -> None:
        self._processes = processes
        self._backend = backend
        self._folder = folder
        self._file = folder / "jobs.db" if url is None else None
        self.url = f"sqlite:///{self._file}" if url is None else url
        self._log = folder / "log"
        self._every = every
        self._lease = lease
        self.wanted: dict[str, object] = {
            "number": number,
            "every": every,
            "start": time.time(),
            "log": str(self._log),
        }

    def start(self, function: str = "serve", *, by: Starter | None = None, **others: object) -> Child:
        """Start a node; ``others`` are arguments of its function besides the usual ones, or instead of them.

        :param by: what starts it, if it is not to be forked
        """
        usual = {"backend": self._backend, "url": self.url, "lease": self._lease, "wanted": self.wanted}
        return (by or self._processes).start(function, **{**usual, **others})

    def kill(self, kills: int, chance: random.Random, runs: int) -> None:
        """Let one or two nodes run, and kill one of them after a while, so many times.

        :param runs: go on until so many jobs have started; victims live longer and longer then, as long as a machine
            with much else to do needs
        """
        nodes: list[Child] = []
        number, longest = 0, 0.4
        while number < kills or len(self.runs()) < runs:
            while not nodes or (len(nodes) == 1 and chance.random() < 0.3):
                nodes.append(self.start(seconds=3600))
            victim = nodes.pop(chance.randrange(len(nodes)))
            assert victim.lives_for(chance.uniform(0.02, longest))
            victim.kill()
            number += 1
            longest = longest if number < kills else min(longest * 1.2, PATIENCE)
        for node in nodes:
            node.kill()

    def outcome(self, gone: Mapping[str, float] | None = None) -> Verdict:
        """Let a last node do what is left, and return what came of it all.

        :param gone: when nodes were killed or cut off, in seconds since the epoch
        """
        report = self._folder / "report"
        last = self._processes.start(
            "finish", backend=self._backend, url=self.url, report=str(report), lease=self._lease
        )
        last.join()
        if self._file is not None:
            check_file(self._file)
        return tally(self._log, report, self._every, gone=gone)

    def runs(self) -> list[Run]:
        """Return the runs until now, in the order of their starts."""
        return runs_of(lines(self._log), clock_offset())

    def wait_for_runners(self, count: int, victim: Child) -> None:
        """Wait until so many nodes have run jobs, while one of them has to live."""
        deadline = time.monotonic() + PATIENCE
        while len(self.runners()) < count:
            assert time.monotonic() < deadline, "not all nodes run jobs"
            assert victim.lives_for(0.02)

    def runners(self) -> set[str]:
        """Return which nodes have run jobs."""
        return {line["node"] for line in lines(self._log)}
