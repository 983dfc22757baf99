"""What the tests of brokers share: listening with a deadline, and a network that exists only in memory."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from anysched import Event, ScheduleRemoved
from anysched.brokers._remote import RemoteEventBroker
from anysched.model.events import WorkChanged
from anysched.ports.broker import EventBroker

#: Seconds after which something that should happen at once is given up.
PATIENCE = 30.0

#: An event like any other.
REMOVED = ScheduleRemoved("s", "t")


class Heard:
    """The events of some types that a broker tells of."""

    def __init__(self, broker: EventBroker, *types: type[Event]) -> None:
        self.events: list[Event] = []
        self._changed = anyio.Event()
        self.leave: Callable[[], None] = broker.subscribe(self._hear, types)

    def _hear(self, events: Sequence[Event]) -> None:
        self.events.extend(events)
        self._changed.set()

    async def until(self, condition: Callable[[list[Event]], bool]) -> None:
        """Return when what was heard meets a condition."""
        with anyio.fail_after(PATIENCE):
            while not condition(self.events):
                self._changed = anyio.Event()
                await self._changed.wait()

    async def event(self, event: Event) -> None:
        """Return when an event was heard."""
        await self.until(lambda events: event in events)


async def eventually(condition: Callable[[], bool]) -> None:
    """Return when a condition holds that nobody announces."""
    with anyio.fail_after(PATIENCE):
        while not condition():  # noqa: ASYNC110  (nobody announces it)
            await anyio.sleep(0.005)


@asynccontextmanager
async def started(*brokers: EventBroker) -> AsyncGenerator[None]:
    """Start brokers, and stop them at the end."""
    async with AsyncExitStack() as stack:
        for broker in brokers:
            await broker.start()
            stack.push_async_callback(broker.stop)
        yield


def is_work(events: list[Event]) -> bool:
    """Return whether a node was told to look for work."""
    return any(isinstance(event, WorkChanged) for event in events)


async def hears(a: EventBroker, b: EventBroker) -> None:
    """Return when a node hears another one; what is said while it is not there is lost (rule N2)."""
    heard = Heard(b, ScheduleRemoved)

    def told() -> bool:
        a.publish([REMOVED])
        return bool(heard.events)

    await eventually(told)
    heard.leave()


class Refused(Exception):
    """What a network raises that does not let a node in."""


class Net:
    """A way to all nodes, in memory, that can be cut and can swallow everything."""

    address = "net://memory"

    def __init__(self) -> None:
        self.up = True
        self.silent = False
        self.refusing = False
        self.sent: list[bytes] = []
        self.links: list[Link] = []

    def broker(self, heartbeat: float = 30) -> RemoteEventBroker:
        """Return a broker of this network."""
        return RemoteEventBroker(self, timedelta(seconds=heartbeat))

    def deliver(self, data: bytes) -> None:
        """Bring a message to everybody."""
        self.sent.append(data)
        for link in [] if self.silent else self.links:
            link.inbox.send_nowait(data)

    def cut(self) -> None:
        """Break all connections, and let nobody in."""
        self.up = False
        for link in self.links:
            link.inbox.close()

    @asynccontextmanager
    async def connect(self) -> AsyncGenerator[Link]:
        """Connect and begin to listen."""
        if self.refusing:
            raise Refused("wrong password")
        if not self.up:
            raise OSError("the net is down")
        link = Link(self)
        self.links.append(link)
        try:
            with link.outbox:
                yield link
        finally:
            self.links.remove(link)
            link.inbox.close()

    def explain(self, error: BaseException) -> str:
        """Say what went wrong."""
        return repr(error)

    def refuses(self, error: BaseException) -> bool:
        """Tell whether trying again is no use."""
        return isinstance(error, Refused)


class Link:
    """One connection to the network."""

    def __init__(self, net: Net) -> None:
        self._net = net
        self.inbox: MemoryObjectSendStream[bytes]
        self.outbox: MemoryObjectReceiveStream[bytes]
        self.inbox, self.outbox = anyio.create_memory_object_stream[bytes](math.inf)

    async def send(self, data: bytes) -> None:
        """Send a message to everybody who listens now."""
        await anyio.lowlevel.checkpoint()
        if not self._net.up:
            raise OSError("the net is down")
        self._net.deliver(data)

    async def receive(self) -> AsyncIterator[bytes]:
        """Yield messages as they come."""
        async for data in self.outbox:
            yield data
        raise OSError("the net is down")
