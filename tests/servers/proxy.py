"""A TCP proxy that stands between nodes and a server, and can do to their connections what networks do."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Self

#: Closing a socket that has this set sends a reset.
RESET = struct.pack("ii", 1, 0)

CHUNK = 65_536

#: Seconds for the thread of a proxy to do what it is told.
PATIENCE = 20.0


class Proxy:
    """Listens on a port of the loopback and passes everything on to another one, until told otherwise.

    Each fault can begin and end while connections are open. Methods may be called from any thread and return when
    they have taken effect. Of everything that happens to come at the same time, order is kept within a connection.

    :param to: the port of the server
    """

    def __init__(self, to: int) -> None:
        self.port: int = 0
        self.accepted = 0
        self.dropped_answers = 0
        self._to = to
        self._links: set[_Link] = set()
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._open = asyncio.Event()
        self._open.set()
        self._delay = 0.0
        self._left: int | None = None
        self._request: bytes | None = None
        self._answer: bytes | None = None
        self._every = 1
        self._matches = 0
        self._holds_answers = False

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._listen)
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._do(self._shut)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # faults

    def heal(self) -> None:
        """Pass everything on at once again, and what was held, in order."""

        def heal() -> None:
            self._delay, self._left, self._request, self._answer, self._holds_answers = (
                0.0,
                None,
                None,
                None,
                False,
            )
            self._open.set()

        self._call(heal)
        self._do(self._listen)

    def hold(self) -> None:
        """Be a black hole: accept connections, and pass on no byte and no end until healed, as a broken cable does."""
        self._call(self._open.clear)

    def delay(self, seconds: float) -> None:
        """Pass on everything so much later, each way."""
        self._call(lambda: setattr(self, "_delay", seconds))

    def refuse(self) -> None:
        """Refuse connections, and reset those that there are."""
        self._do(self._stop_listening)
        self.reset()

    def reset(self) -> None:
        """Reset all connections on both sides."""

        def reset() -> None:
            for link in [*self._links]:
                link.reset()

        self._call(reset)

    def half_open(self, probed_after: float | None = None) -> None:
        """Forget all connections silently, as a machine does that starts anew.

        The server finds its ends closed; a client finds nothing until it sends something, and then a reset.

        :param probed_after: seconds after which clients that only wait find out, too, by probes of their own system
        """

        def forget() -> None:
            for link in [*self._links]:
                link.forget()
                if probed_after is not None:
                    self._loop.call_later(probed_after, link.reset)

        self._call(forget)

    def cut_after(self, size: int) -> None:
        """Pass on so many bytes more, both ways together, and reset a connection that would pass on another one."""
        self._call(lambda: setattr(self, "_left", size))

    def drop_answers(self, *, to: bytes | None = None, that_say: bytes | None = None, every: int = 1) -> None:
        """Swallow the server's answer to certain requests, and reset the connection instead.

        The server has done what it was asked to by then, and the client cannot know.

        :param to: what is in such a request
        :param that_say: what is in such an answer
        :param every: of these, each how manieth
        """

        def drop() -> None:
            self._request, self._answer, self._every, self._matches = to, that_say, every, 0

        self._call(drop)

    def hold_answer(self, *, to: bytes) -> None:
        """Become a black hole before the server's answer to the next request that has this in it."""

        def hold() -> None:
            self._request, self._answer, self._every, self._matches, self._holds_answers = (
                to,
                None,
                1,
                0,
                True,
            )

        self._call(hold)

    @property
    def holds(self) -> bool:
        """Whether it is a black hole."""
        return not self._open.is_set()

    @property
    def connections(self) -> int:
        """How many connections of clients are open."""
        return len(self._links)

    # in the thread of the proxy

    def _call(self, function: Callable[[], object]) -> None:
        async def call() -> None:
            function()

        self._do(call)

    def _do(self, function: Callable[[], Coroutine[None, None, None]]) -> None:
        asyncio.run_coroutine_threadsafe(function(), self._loop).result(PATIENCE)

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(
                self._handle, "127.0.0.1", self.port, limit=CHUNK, reuse_address=True
            )
            self.port = self._server.sockets[0].getsockname()[1]

    async def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _shut(self) -> None:
        await self._stop_listening()
        for link in [*self._links]:
            link.reset()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0)  # for sockets to be closed

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        client = _End(reader, writer)
        try:
            server = _End(*await asyncio.open_connection("127.0.0.1", self._to, limit=CHUNK))
        except OSError:
            client.reset()
            return
        link = _Link(client, server)
        self._links.add(link)
        try:
            await asyncio.gather(self._pump(link, client, server), self._pump(link, server, client))
        except asyncio.CancelledError:
            return  # the proxy ends; some versions of asyncio complain if this handler says so
        finally:
            self._links.discard(link)
            link.close()

    async def _pump(self, link: _Link, source: _End, target: _End) -> None:
        try:
            while data := await source.reader.read(CHUNK):
                await asyncio.sleep(self._delay)
                await self._open.wait()
                if not await self._pass_on(link, data, target):
                    return
            await self._open.wait()
            if target is link.server or not link.forgotten:
                target.end()
        except OSError:
            await self._open.wait()
            link.reset()

    async def _pass_on(self, link: _Link, data: bytes, target: _End) -> bool:
        """Pass on what there is, as far as it shall arrive; return whether it goes on."""
        request = target is link.server
        if link.forgotten:
            if request:
                link.reset()
            return False
        if self._is_doomed(link, data, request=request) and not request:
            if not self._holds_answers:
                self.dropped_answers += 1
                link.reset()
                return False
            self._open.clear()
            link.doomed = False
            await self._open.wait()
        size = len(data) if self._left is None else min(self._left, len(data))
        if self._left is not None:
            self._left -= size
        target.writer.write(data[:size])
        await target.writer.drain()
        if size < len(data):
            link.reset()
            return False
        return True

    def _is_doomed(self, link: _Link, data: bytes, *, request: bool) -> bool:
        """Tell whether the next answer must not reach the client."""
        wanted = self._request if request else self._answer
        if wanted is not None and wanted in data:
            self._matches += 1
            link.doomed = self._matches % self._every == 0
        return link.doomed


class _End:
    """One of the two ends of a link."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def end(self) -> None:
        """Send no more."""
        if self.writer.can_write_eof() and not self.writer.is_closing():
            self.writer.write_eof()

    def reset(self) -> None:
        """Close it with a reset."""
        found = self.writer.get_extra_info("socket")
        if found is not None and not self.writer.is_closing():
            found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.writer.transport.abort()


class _Link:
    """A connection of a client, and the one to the server that belongs to it."""

    def __init__(self, client: _End, server: _End) -> None:
        self.client = client
        self.server = server
        self.doomed = False
        self.forgotten = False

    def reset(self) -> None:
        """Reset both ends."""
        self.client.reset()
        self.server.reset()

    def forget(self) -> None:
        """Close the server's end; say nothing to the client."""
        self.forgotten = True
        self.server.writer.close()

    def close(self) -> None:
        """Let go of both ends."""
        self.client.writer.close()
        self.server.writer.close()
