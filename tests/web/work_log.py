"""The notes of ``apps/working.py``."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from datetime import datetime
from pathlib import Path

import attrs

from tests.web.serving import wait_until


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
        noted = -1
        while noted != len(self.lines):
            noted = len(self.lines)
            time.sleep(0.4)

    def let_go(self) -> None:
        """Tell the jobs to end."""
        (self.folder / "go").touch()

    def of(self, name: str) -> list[str]:
        """What the job of this name noted: first word and attempt."""
        return [f"{words[0]} {words[2]}" for line in self.lines if (words := line.split())[1:2] == [name]]

    @property
    def runs(self) -> dict[str, Counter[datetime]]:
        """How often each fire time was run, by schedule."""
        found: defaultdict[str, Counter[datetime]] = defaultdict(Counter)
        for _, schedule, fire_time, _ in self._ticks():
            found[schedule][datetime.fromisoformat(fire_time)] += 1
        return dict(found)

    @property
    def lateness(self) -> list[float]:
        """How late each run was, in seconds."""
        return [float(late) for _, _, _, late in self._ticks()]

    def _ticks(self) -> list[list[str]]:
        return [line.split() for line in self.lines if line.startswith("tick ")]
