"""Events of this process at once, and those of other nodes over a connection."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta

from anyio.lowlevel import current_token

from anysched.brokers._courier import Courier
from anysched.brokers._envelope import ANNOUNCED
from anysched.brokers._transport import Transport
from anysched.brokers.local import LocalEventBroker
from anysched.errors import SchedulerStateError
from anysched.model.events import Event
from anysched.ports.broker import Listener


class RemoteEventBroker:
    """The part of a broker that is the same for every way to other nodes. Schedulers of one event loop may share it.

    :ivar error: why nothing is heard of other nodes at the moment, else None
    :ivar dropped: how many events other nodes were not told of, as they could not be sent
    """

    def __init__(self, transport: Transport, heartbeat: timedelta) -> None:
        self._transport = transport
        self._heartbeat = heartbeat.total_seconds()
        self._local = LocalEventBroker()
        self._courier: Courier | None = None
        self._loop: object = None
        self._users = 0
        self._dropped = 0

    @property
    def error(self) -> str | None:
        """Why nothing is heard of other nodes at the moment, else None."""
        return None if self._courier is None else self._courier.error

    @property
    def dropped(self) -> int:
        """How many events other nodes were not told of, as they could not be sent."""
        return self._dropped + (0 if self._courier is None else self._courier.dropped)

    async def start(self) -> None:
        """Connect, and go on trying if nobody answers; every successful ``start`` is paired with one ``stop``.

        :raise AnyschedError: when the server refuses, as with a wrong password
        :raise SchedulerStateError: when another event loop uses this broker
        """
        loop = current_token()
        if self._users and loop != self._loop:
            raise SchedulerStateError("this event broker is used by another event loop: make one for each")
        if self._courier is None:
            self._loop = loop
            self._courier = Courier(self._transport, self._heartbeat, self._local)
            self._courier.begin()
        self._users += 1
        try:
            await self._courier.ready()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Send what is still to be sent, for a second at most; the last stop disconnects."""
        self._users -= 1
        if not self._users and self._courier is not None:
            courier, self._courier = self._courier, None
            await courier.end()
            self._dropped += courier.dropped

    def publish(self, events: Sequence[Event]) -> None:
        """Hand events on: here at once, elsewhere soon."""
        self._local.publish(events)
        if self._courier is not None:
            self._courier.post(events)

    def subscribe(self, listener: Listener, types: Iterable[type[Event]]) -> Callable[[], None]:
        """Call ``listener`` with the events of these types, of all nodes, until the returned function is called."""
        types = frozenset(types)
        leave = self._local.subscribe(listener, types)
        if self._courier is not None and not types.isdisjoint(ANNOUNCED):
            self._courier.listens()
        return leave

    def wants(self, event_type: type[Event]) -> bool:
        """Tell whether anybody listens to a type, here or elsewhere."""
        return self._local.wants(event_type) or (
            self._courier is not None and self._courier.wants(event_type)
        )
