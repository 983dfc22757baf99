"""Child processes: starting, signalling, waiting."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import attrs

ROOT = Path(__file__).parents[2]

#: Seconds after which a child that was to end by itself is a failure.
PATIENCE = 40.0


class Processes:
    """Starts functions of one module in processes of their own, forked from one that has it imported."""

    def __init__(self, module: str) -> None:
        self._server = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "tests.crash.fork_server", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._server.communicate()

    def start(self, function: str, **arguments: Any) -> Child:
        """Call a function of the module in a new process."""
        return Child(self, self._ask({"call": function, "with": arguments}))

    def end_of(self, pid: int, within: float) -> int | None:
        """Wait for the end of a child; return its exit code, negative for a signal, None if it lives on."""
        code: int | None = self._ask({"pid": pid, "within": within})
        return code

    def _ask(self, order: dict[str, Any]) -> Any:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        print(json.dumps(order), file=self._server.stdin, flush=True)
        return json.loads(self._server.stdout.readline())


class Parent(Protocol):
    """Who has started processes."""

    def end_of(self, pid: int, within: float) -> int | None:
        """Wait for the end of a child; return its exit code, negative for a signal, None if it lives on."""
        ...


@attrs.frozen
class Child:
    """A process that runs one function."""

    _processes: Parent
    pid: int

    def signal(self, number: int) -> None:
        """Send a signal."""
        os.kill(self.pid, number)

    def lives_for(self, seconds: float) -> bool:
        """Let time pass; return whether the process goes on after it, and tell of its end otherwise."""
        code = self._processes.end_of(self.pid, seconds)
        assert code in (None, 0), f"process {self.pid} ended by itself with {code}"
        return code is None

    def end(self, within: float) -> int | None:
        """Wait for its end; return its exit code, negative for a signal, None if it lives on."""
        return self._processes.end_of(self.pid, within)

    def kill(self) -> None:
        """End it at once, wherever it is."""
        self.signal(signal.SIGKILL)
        assert -signal.SIGKILL == self._processes.end_of(self.pid, PATIENCE)

    def join(self) -> None:
        """Wait for its end, which must be a good one."""
        assert not self.lives_for(PATIENCE), f"process {self.pid} does not come to an end"

    def ended_well(self) -> bool:
        """Wait for its end; return whether it came to it, and has not killed itself."""
        code = self._processes.end_of(self.pid, PATIENCE)
        assert code in (0, -signal.SIGKILL), f"process {self.pid} ended with {code}"
        return code == 0
