"""Redis servers for tests: one that is there, and ones of a test's own, to be broken."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from urllib.parse import urlsplit

REDIS = os.environ.get("ANYSCHED_TEST_REDIS", "redis://127.0.0.1:6379")

#: Seconds for a server to answer, and to end.
PATIENCE = 10.0


def command(url: str, *words: str | bytes) -> bytes:
    """Have a server do something, and return what it says first."""
    parts = urlsplit(url)
    encoded = [word.encode() if isinstance(word, str) else word for word in words]
    with socket.create_connection((parts.hostname or "", parts.port or 6379), timeout=3) as connection:
        connection.sendall(b"*%d\r\n" % len(encoded))
        connection.sendall(b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded))
        return connection.recv(65_536)


class RedisServer:
    """A server on a port of its own that keeps nothing; it can be stopped and started again."""

    def __init__(self, *options: str) -> None:
        self._options = options
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port: int = probe.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Return when it answers."""
        base = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", "/"]
        self._process = subprocess.Popen([*base, *self._options], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                command(self.url, "PING")
            except OSError:
                assert time.monotonic() < deadline, "the server does not answer"
                time.sleep(0.01)
            else:
                return

    def stop(self) -> None:
        """Kill it: clients find their connections closed."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE)
            self._process = None

    def connections(self) -> int:
        """Return how many clients there are, without the one that asks."""
        return command(self.url, "CLIENT", "LIST").count(b"addr=") // 2 - 1
