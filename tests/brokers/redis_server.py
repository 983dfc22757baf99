"""Redis servers for tests: one that is there, and ones of a test's own, to be broken."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import anyio
from anyio.abc import SocketAttribute, SocketStream

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


class Proxy:
    """Stands between a node and a server, and may swallow everything while connections stay open."""

    def __init__(self, port: int) -> None:
        self._to = port
        self.url = ""
        self.swallows = False

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[Proxy]:
        """Forward, until the block is left."""
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        async with listener, anyio.create_task_group() as task_group:
            self.url = f"redis://127.0.0.1:{listener.extra(SocketAttribute.local_port)}"
            task_group.start_soon(listener.serve, self._handle)
            yield self
            task_group.cancel_scope.cancel()

    async def _handle(self, client: SocketStream) -> None:
        server = await anyio.connect_tcp("127.0.0.1", self._to)
        async with client, server, anyio.create_task_group() as task_group:
            task_group.start_soon(self._pump, client, server)
            await self._pump(server, client)
            task_group.cancel_scope.cancel()

    async def _pump(self, source: SocketStream, target: SocketStream) -> None:
        try:
            async for data in source:
                if not self.swallows:
                    await target.send(data)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            pass
        await target.aclose()
