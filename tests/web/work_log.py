"""The notes of ``apps/working.py``."""

from __future__ import annotations

import time
from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import attrs
from tests.web.serving import wait_until


@attrs.frozen
class Tick:
    """One run of a schedule, and the process that it was in."""

    schedule: str
    fire_time: datetime
    process: int


@attrs.frozen
class WorkLog:
    """What the jobs in a folder have written down."""

    folder: Path

    @property
    def lines(self) -> list[str]:
        """All notes, in order."""
        file = self.folder / "work.log"
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []

    def wait_for(self, line: str) -> None:
        """Return when a note is there."""
        wait_until(lambda: line in self.lines)

    def wait_for_silence(self) -> None:
        """Return when nothing has been noted for a while, which is several times as long as ticks are apart."""
        counts = [-1]

        def silent() -> bool:
            time.sleep(0.4)
            counts.append(len(self.lines))
            return counts[-1] == counts[-2]

        wait_until(silent)

    def let_go(self) -> None:
        """Tell the jobs to end."""
        (self.folder / "go").touch()

    def of(self, name: str) -> list[str]:
        """What the job of this name noted: first word and attempt."""
        return [f"{words[0]} {words[2]}" for line in self.lines if (words := line.split())[1:2] == [name]]

    @property
    def ticks(self) -> list[Tick]:
        """The runs of schedules, in order."""
        return [
            Tick(schedule, datetime.fromisoformat(fire_time), int(process))
            for line in self.lines
            if line.startswith("tick ")
            for _, schedule, fire_time, process in [line.split()]
        ]

    def wait_for_ticks(self, count: int) -> None:
        """Return when so many more runs of schedules are noted."""
        wanted = len(self.ticks) + count
        wait_until(lambda: len(self.ticks) >= wanted)

    def assert_each_fire_time_once(self, seconds: float) -> None:
        """Rule S3: each fire time from a schedule's first to its last has a run, and none has two.

        :param seconds: how far apart the fire times of a schedule are
        """
        for schedule in {tick.schedule for tick in self.ticks}:
            runs = Counter(tick.fire_time for tick in self.ticks if tick.schedule == schedule)
            assert {1} == set(runs.values()), runs
            assert {timedelta(seconds=seconds)} == {b - a for a, b in pairwise(sorted(runs))}
