"""A network that can be broken, between a node and a server."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
from anyio.abc import SocketAttribute, SocketStream


class Proxy:
    """Stands between a node and a server, and may swallow everything while connections stay open."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._to = host, port
        self.port = 0
        self.swallows = False

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[Proxy]:
        """Forward, until the block is left; the same port serves again in a later one."""
        listener = await anyio.create_tcp_listener(
            local_host="127.0.0.1", local_port=self.port, reuse_port=True
        )
        async with listener, anyio.create_task_group() as task_group:
            self.port = listener.extra(SocketAttribute.local_port)
            task_group.start_soon(listener.serve, self._handle)
            yield self
            task_group.cancel_scope.cancel()

    async def _handle(self, client: SocketStream) -> None:
        server = await anyio.connect_tcp(*self._to)
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
