"""What the servers of the tests' own have in common: a folder, a port, a process that can be killed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self
from uuid import uuid4

GUARD = Path(__file__).with_name("guard.py")

#: Seconds for a server to answer, and to end.
PATIENCE = 40.0


def free_port() -> int:
    """Return a port of the loopback that nobody has at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


class DatabaseServer(Protocol):
    """A database server of the tests' own."""

    port: int

    def start(self, **settings: object) -> None:
        """Start it with these settings besides its usual ones; return when it answers."""
        ...

    def stop(self) -> None:
        """Stop it in order."""
        ...

    def crash(self) -> None:
        """End it at once: connections break, it has written nothing in the end and has to recover."""
        ...

    def database(self) -> Any:
        """Lend the name of a new database, as a context manager."""
        ...

    def url(self, database: str, *, port: int | None = None, **query: str) -> str:
        """Return the address of a database for a node.

        :param port: the one of a proxy before the server
        """
        ...

    def execute(self, statement: str, database: str | None = None) -> list[tuple[Any, ...]]:
        """Have the administrator do something, on a connection of its own; return the rows."""
        ...

    def cut_connections(self, database: str) -> int:
        """End every connection to a database from the side of the server; return how many there were."""
        ...


class ServerProcess:
    """A server's folder and process. Subclasses know what it is.

    :param user: who it runs as; None for whoever runs the tests
    """

    def __init__(self, user: str | None) -> None:
        self.port: int = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="anysched-server-"))
        self.pid = 0
        self._user = user
        self._guard: subprocess.Popen[bytes] | None = None
        if user is not None:
            shutil.chown(self.folder, user)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End it and leave nothing behind."""
        self.end(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def log(self) -> Path:
        """Where it writes what it has to say."""
        return self.folder / "server.log"

    def make(self, command: Sequence[str | Path]) -> None:
        """Run a command that prepares the folder."""
        with self.log.open("ab") as log:
            subprocess.run(
                [*map(str, command)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                user=self._user,
                group=None if self._user is None else _group(self._user),
                extra_groups=None if self._user is None else [],
                check=True,
            )

    def begin(self, command: Sequence[str | Path], answers: Callable[[], bool]) -> None:
        """Start the server; return when it answers."""
        with self.log.open("ab") as log:
            self._guard = subprocess.Popen(
                [sys.executable, "-SE", str(GUARD), self._user or "", *map(str, command)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        assert self._guard.stdout is not None
        self.pid = int(self._guard.stdout.readline())
        deadline = time.monotonic() + PATIENCE
        while not answers():
            said = self.log.read_text(errors="replace")[-2000:]
            assert self._guard.poll() is None, f"the server has ended: {said}"
            assert time.monotonic() < deadline, f"the server does not answer: {said}"
            time.sleep(0.02)

    def end(self, number: int) -> None:
        """Send a signal that ends it, and wait for that; nothing if it has ended."""
        if self._guard is not None and self._guard.poll() is None:
            os.kill(self.pid, number)
            self._guard.wait(PATIENCE)
        if self._guard is not None and self._guard.stdin is not None and self._guard.stdout is not None:
            self._guard.stdin.close()
            self._guard.stdout.close()
        self._guard = None


def _group(user: str) -> int:
    import pwd

    return pwd.getpwnam(user).pw_gid


def unprivileged(*names: str) -> str | None:
    """Return the first of these users that is known, if the tests are run by one that a server refuses to run as."""
    import pwd

    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in names if name in known), None)


@contextmanager
def lent(create: Callable[[str], object], drop: Callable[[str], object]) -> Iterator[str]:
    """Lend a new name for which something exists meanwhile."""
    name = f"anysched_test_{uuid4().hex[:12]}"
    create(name)
    try:
        yield name
    finally:
        drop(name)
