"""Events between nodes over the publish and subscribe of Redis."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import anyio
from anyio.abc import ByteStream
from coredis import BaseConnection, ConnectionPool
from coredis.exceptions import AuthenticationError, AuthorizationError
from coredis.patterns.pubsub import PubSub
from coredis.retry import NoRetryPolicy

from anysched.brokers._remote import RemoteEventBroker
from anysched.brokers._transport import Connection, innermost
from anysched.model.convert import Seconds, identifier, positive_duration

_USE: Final = 'use a URL such as "redis://localhost:6379", or "rediss://user:password@host:6379" for TLS'

#: Where Redis is when the URL does not say.
PORT: Final = 6379

#: What says nothing to anybody.
_NOTHING: Final = b""

#: Seconds to connect, to be let in, and to begin to listen.
CONNECT_LIMIT: Final = 5.0


class RedisEventBroker(RemoteEventBroker):
    """Tells all nodes that share a data store of each other's events at once, over Redis 6 or newer (rule N2).

    It serves any data store, on asyncio and trio, and needs the extra ``redis``. While Redis does not answer, nodes
    poll; they start without it as well, and connect when it comes. Redis keeps nothing.

    :param url: ``redis://[user:password@]host[:port]``, ``rediss://`` for TLS, or ``unix:///path`` for a socket
    :param prefix: what the name of the channel begins with: nodes with the same one hear each other, whichever number
        of a database their URLs name. Give each application, that is each data store, its own
    :param heartbeat_interval: how often something is sent at least, a timedelta or seconds. A connection on which
        nothing comes back for twice as long is given up and made anew
    :param ssl_context: for ``rediss://``; by default certificates and host names are checked against the system's
        authorities
    :raise TypeError, ValueError: for a URL, a prefix or an interval that cannot be used
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "anysched",
        heartbeat_interval: Seconds = timedelta(seconds=5),
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._redis = _RedisTransport(url, f"{identifier(prefix, 'prefix')}:events", ssl_context)
        super().__init__(self._redis, positive_duration(heartbeat_interval, "heartbeat_interval"))

    def __repr__(self) -> str:
        return f"<RedisEventBroker: {self._redis.address}, channel {self._redis.channel!r}>"


class _RedisTransport:
    """One connection that listens, and one that sends."""

    def __init__(self, url: str, channel: str, ssl_context: ssl.SSLContext | None) -> None:
        self._parts = parts = _checked(url)
        self.address: str = _shown(parts)
        self.channel: str = channel
        self._url = url
        self._ssl_context = ssl_context
        if parts.scheme == "rediss" and ssl_context is None:
            self._ssl_context = ssl.create_default_context()

    @asynccontextmanager
    async def connect(self) -> AsyncGenerator[Connection]:
        """Connect and begin to listen."""
        with anyio.fail_after(CONNECT_LIMIT):
            await self._knock()
        async with self._make_pool() as pool, pool.acquire() as sender:
            await _publish(
                sender, self.channel, _NOTHING
            )  # tells what is refused, as a subscription does not
            pubsub = PubSub[bytes](
                pool,
                channels=[self.channel],
                ignore_subscribe_messages=True,
                retry_policy=NoRetryPolicy(),
                subscription_timeout=CONNECT_LIMIT,
                unsubscription_timeout=0,  # it would be waited for in any case
            )
            async with pubsub:
                yield _RedisConnection(sender, pubsub, self.channel)

    async def _knock(self) -> None:
        """Raise what the system says when nobody is there. The client would say less, and leave streams unclosed."""
        parts = self._parts
        if parts.scheme == "unix":
            stream: ByteStream = await anyio.connect_unix(unquote(parts.path))
        else:
            stream = await anyio.connect_tcp(unquote(parts.hostname or ""), parts.port or PORT)
        await stream.aclose()

    def _make_pool(self) -> ConnectionPool[Any]:
        return ConnectionPool.from_url(
            self._url,
            decode_components=True,
            connect_timeout=CONNECT_LIMIT,
            stream_timeout=CONNECT_LIMIT,
            ssl_context=self._ssl_context,
        )

    def explain(self, error: BaseException) -> str:
        """Say what went wrong."""
        error = innermost(error)
        text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        return text if error.__cause__ is None else f"{text} ({error.__cause__})"

    def refuses(self, error: BaseException) -> bool:
        """Tell whether Redis does not let this node in, or not do what it has to."""
        return isinstance(innermost(error), (AuthenticationError, AuthorizationError))


class _RedisConnection:
    def __init__(self, sender: BaseConnection, pubsub: PubSub[bytes], channel: str) -> None:
        self._sender = sender
        self._pubsub = pubsub
        self._channel = channel

    async def send(self, data: bytes) -> None:
        """Send a message to everybody who listens now."""
        await _publish(self._sender, self._channel, data)

    async def receive(self) -> AsyncIterator[bytes]:
        """Yield messages as they come; raise when the connection is lost."""
        async for message in self._pubsub:
            data = message["data"]
            if isinstance(data, bytes) and data != _NOTHING:
                yield data


async def _publish(sender: BaseConnection, channel: str, data: bytes) -> None:
    """Send a message over one connection: another one would be made in silence by a client."""
    await sender.create_request(b"PUBLISH", channel, data)


def _checked(url: str) -> SplitResult:
    """Return the parts of a URL that can be used. Never shows it: with a typo, anything may be the password."""
    if not isinstance(url, str):
        raise TypeError(f"the address of Redis must be a string, not {type(url).__name__}: {_USE}")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ValueError(f"the address of Redis is not a URL: {_USE}") from None
    path = parts.path.removeprefix("/")
    if parts.scheme == "unix":
        usable = bool(path) and not parts.hostname
    else:
        usable = parts.scheme in ("redis", "rediss") and bool(parts.hostname)
        usable = usable and (not path or (path.isascii() and path.isdecimal()))
    if not usable:
        raise ValueError(f"the address of Redis is not one that it can have: {_USE}")
    unknown = sorted({name for name, _ in parse_qsl(parts.query)} - {"db"})
    if unknown:
        raise ValueError(f"the address of Redis may have no parameter besides db: {_USE}")
    return parts


def _shown(parts: SplitResult) -> str:
    """Return an address as it may be shown."""
    if parts.scheme == "unix":
        return f"unix://{parts.path}"
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}:{parts.port or PORT}"
