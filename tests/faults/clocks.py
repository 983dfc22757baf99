"""Processes whose wall clock shows what a test wants: by libfaketime, which has to be there when they start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.crash.processes import ROOT, Child
from tests.services import unavailable

LIBRARY = "libfaketimeMT.so.1"
PLACES = ("/usr/lib", "/usr/lib64", "/usr/local/lib")


def library() -> Path:
    """Return where the library is, or skip the test."""
    for place in PLACES:
        for pattern in (f"faketime/{LIBRARY}", f"*/faketime/{LIBRARY}"):
            for found in Path(place).glob(pattern):
                return found
    unavailable("libfaketime", "not installed")
    raise AssertionError


class WrongClock:
    """A wall clock, and the nodes that go by it. Monotonic time is everybody's.

    :param off: by how many seconds it is ahead
    """

    def __init__(self, folder: Path, name: str, off: int) -> None:
        self._library = library()
        self._file = folder / f"clock of {name}"
        self.said = folder / f"said by {name}"
        self._children: dict[int, subprocess.Popen[bytes]] = {}
        self.set(off)

    def set(self, off: int) -> None:
        """Set it, also while nodes run."""
        new = self._file.with_name(f"new {self._file.name}")
        new.write_text(f"{off:+}")
        new.replace(self._file)  # nobody reads half of it

    def start(self, function: str, **arguments: object) -> Child:
        """Call a function of ``tests.faults.nodes`` in a new process; what it says goes to the file ``said``."""
        fake = {
            "LD_PRELOAD": str(self._library),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
        }
        command = [
            sys.executable,
            "-W",
            "error",
            "-m",
            "tests.faults.lone_node",
            function,
            json.dumps(arguments),
        ]
        with self.said.open("ab") as said:
            child = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, **fake},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )
        self._children[child.pid] = child
        return Child(self, child.pid)

    def end_of(self, pid: int, within: float) -> int | None:
        """Wait for the end of a child; return its exit code, None if it lives on."""
        try:
            return self._children[pid].wait(within)
        except subprocess.TimeoutExpired:
            return None

    def close(self) -> None:
        """End all children that are left."""
        for child in self._children.values():
            child.kill()
            child.wait()
