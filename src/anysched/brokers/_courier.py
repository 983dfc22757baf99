"""Carrying events between this node and all others, over a connection that may break at any time."""

from __future__ import annotations

import logging
import math
import random
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Final
from uuid import UUID, uuid4

import anyio

from anysched._spawn import loop_ends, spawn
from anysched._text import printable
from anysched.brokers import _envelope as envelope
from anysched.brokers._envelope import Message
from anysched.brokers._transport import Connection, EventsSwallowedError, Transport
from anysched.brokers.local import LocalEventBroker
from anysched.errors import AnyschedError, DeserializationError, SerializationError
from anysched.model.events import Event, JobReleased, WorkChanged
from anysched.model.policies import JobOutcome

logger: logging.Logger = logging.getLogger(__name__)

#: Events that may wait to be sent; the oldest are dropped and counted when there are more.
LONGEST_QUEUE: Final = 10_000

#: Events in one message.
LARGEST_BATCH: Final = 200

#: Seconds for each message in the long run, and how many are sent at once before that counts: what is rare is told at
#: once, and a flood of hints, each of which makes every node look for work, is gathered.
PACE: Final = 0.02
AT_ONCE: Final = 25

#: Seconds between two attempts to connect.
FIRST_DELAY: Final = 0.1
LONGEST_DELAY: Final = 10.0

#: Seconds for which it is kept that a job has ended: who begins to wait for it may not have been heard yet.
MOMENT: Final = 1.0

#: Seconds for which a node that is not heard of is still sent what it wanted, or a few heartbeats, if they are slow.
PEER_PATIENCE: Final = 60.0

#: Seconds that a start waits for the connection, and a stop for what is still to be sent.
START_LIMIT: Final = 3.0
FAREWELL: Final = 1.0


#: The end of a job as it is kept: when it was told, then the job, its task, its schedule, how it ended. The garbage
#: collector takes no notice of such a tuple, but would go through thousands of events and ids again and again.
_End = tuple[float, int, str, str | None, str | None]


class _Silence(Exception):
    """The connection stands, and nothing that is sent comes back."""


class Courier:
    """One run of a broker, from its first start to its last stop.

    :param heartbeat: seconds after which something is sent at the latest; what was sent and does not come back for
        twice as long tells that the connection is dead
    :param local: whom to tell of what others have sent
    """

    def __init__(self, transport: Transport, heartbeat: float, local: LocalEventBroker) -> None:
        self._transport = transport
        self._heartbeat = heartbeat
        self._local = local
        self.sender: str = uuid4().hex
        self.error: str | None = None
        self.dropped: int = 0
        self._peers: dict[str, tuple[float, frozenset[str]]] = {}  # heard when, and what they want
        self._wanted_there: frozenset[str] = frozenset()  # what they want, all together
        self._queue: deque[Event] = deque()
        self._ends: deque[_End] = deque(maxlen=LONGEST_QUEUE)  # those that nobody wanted, and when
        self._told: frozenset[str] | None = None  # what the others know to be wanted here
        self._hints: set[Event] = set()  # those in the queue
        self._paid_until = -math.inf
        self._work = anyio.Event()
        self._next_beat = -math.inf
        self._hello = True
        self._watch = anyio.CancelScope()
        self._connected = False
        self._tried = anyio.Event()
        self._refusal: str | None = None
        self._odd_told = False
        self._full_told = False
        self._leaving = False
        self._scope = anyio.CancelScope()
        self._ended = anyio.Event()
        self._task: object = None

    # the life of a run

    def begin(self) -> None:
        """Start to connect, in a task that no caller's cancellation ends."""
        self._task = spawn(self._run, self._ended.set, "anysched event broker")

    async def ready(self) -> None:
        """Return when the first attempt to connect has ended, or takes too long.

        :raise AnyschedError: when it is no use to try again
        """
        with anyio.move_on_after(START_LIMIT) as waiting:
            await self._tried.wait()
        if self._refusal is not None:
            raise AnyschedError(f"{self._transport.address} refuses this node: {self._refusal}")
        if waiting.cancelled_caught:
            self._lost(f"it has not answered for {START_LIMIT:g} s")

    async def end(self) -> None:
        """Send what is still to be sent, if that can be, and let go of everything."""
        self._leaving = True
        self.announce()
        with anyio.CancelScope(shield=True):
            with anyio.move_on_after(FAREWELL if self._connected else 0):
                await self._ended.wait()
            self._scope.cancel()
            await self._ended.wait()

    async def _run(self) -> None:
        try:
            with self._scope:
                await self._keep_connected()
        except* Exception as exc:  # a connection that broke while it was closed; trio would end the program
            logger.debug("the connection to %s did not end well", self._transport.address, exc_info=exc)
        finally:
            self._ended.set()

    async def _keep_connected(self) -> None:
        delay = FIRST_DELAY
        while not self._leaving:
            try:
                async with self._transport.connect() as connection:
                    await self._serve(connection)
            except Exception as exc:
                logger.debug("the connection to %s failed", self._transport.address, exc_info=exc)
                delay = FIRST_DELAY if self._connected else min(delay * 2, LONGEST_DELAY)
                if self._transport.refuses(exc) and not self._tried.is_set():
                    self._refusal = printable(self._transport.explain(exc))
                    self._leaving = True  # the start fails
                self._lost(
                    str(exc) if isinstance(exc, _Silence) else self._transport.explain(exc),
                    logging.WARNING if isinstance(exc, EventsSwallowedError) else logging.ERROR,
                )
            self._tried.set()
            if loop_ends():
                return
            if not self._leaving:
                # Many nodes lose a server at the same moment, and should not all come back at one.
                await self._pause(delay * random.uniform(0.5, 1))

    async def _pause(self, seconds: float) -> None:
        with anyio.move_on_after(seconds):
            while not self._leaving:
                await self._work_waits()

    async def _work_waits(self) -> None:
        self._work = anyio.Event()
        await self._work.wait()

    def _lost(self, why: str, level: int = logging.ERROR) -> None:
        self._connected = False
        if self.error is None and not self._leaving:
            logger.log(
                level,
                "events of other nodes are not heard, nor sent, until %s answers; meanwhile this node polls: %s",
                self._transport.address,
                printable(why),
            )
        self.error = why

    def _found(self) -> None:
        self._connected = True
        if self.error is not None:
            logger.warning("events of other nodes are heard again: %s answers", self._transport.address)
        self.error, self._full_told = None, False
        self._tried.set()
        self._local.publish([WorkChanged(self.sender)])  # nobody knows what was missed

    # what is sent

    def wants(self, event_type: type[Event]) -> bool:
        """Tell whether another node is to be told of events of a type."""
        if envelope.TRAVELLING.get(event_type.__name__) is not event_type:
            return False
        if event_type is JobReleased:  # who waits for a job says so while the job may be about to end
            return True
        return event_type not in envelope.ANNOUNCED or event_type.__name__ in self._wanted_there

    def post(self, events: Iterable[Event]) -> None:
        """Send events, soon."""
        now = anyio.current_time()
        while self._ends and self._ends[0][0] < now - MOMENT:
            self._ends.popleft()
        for event in events:
            self._put(event, now)
        while len(self._queue) > LONGEST_QUEUE:
            self._take()
            self._drop(1)
        if self._queue:
            self._work.set()

    def _put(self, event: Event, now: float) -> None:
        kind = type(event)
        if kind is WorkChanged:
            if event in self._hints:
                return
            self._hints.add(event)
        elif kind in envelope.ON_DEMAND and kind.__name__ not in self._wanted_there:
            if isinstance(event, JobReleased):
                self._ends.append(_end_of(event, now))
            return
        elif envelope.TRAVELLING.get(kind.__name__) is not kind:
            return
        self._queue.append(event)

    def _take(self) -> Event:
        event = self._queue.popleft()
        self._hints.discard(event)
        return event

    def listens(self) -> None:
        """Tell the others, soon, what is wanted here, unless they know."""
        if self._told != self._wanted():
            self.announce()

    def announce(self) -> None:
        """Tell the others, soon, what is wanted here."""
        self._next_beat = -math.inf
        self._work.set()

    def _drop(self, number: int) -> None:
        self.dropped += number
        if number and not self._full_told:
            logger.warning("events are not told to other nodes, as there are too many or they cannot be sent")
            self._full_told = True

    async def _serve(self, connection: Connection) -> None:
        """Send and receive until that fails, or there is nothing more to send."""
        self._hello = True
        self.announce()
        with anyio.CancelScope(deadline=anyio.current_time() + 2 * self._heartbeat) as self._watch:
            async with anyio.create_task_group() as task_group:
                task_group.start_soon(self._receive, connection)
                await self._send(connection)
                task_group.cancel_scope.cancel()
        if self._watch.cancelled_caught:
            raise _Silence(f"nothing that was sent has come back for {2 * self._heartbeat:g} s")

    async def _send(self, connection: Connection) -> None:
        while True:
            now = anyio.current_time()
            if self._queue or now >= self._next_beat:
                await self._keep_pace(now)
                self._next_beat = anyio.current_time() + self._heartbeat
                await self._send_batch(connection)
            elif self._leaving:
                return
            else:
                with anyio.move_on_after(self._next_beat - now):
                    await self._work_waits()

    async def _keep_pace(self, now: float) -> None:
        """Wait until one more message may be sent; the last words never wait."""
        self._paid_until = max(self._paid_until, now) + PACE
        wait = self._paid_until - now - AT_ONCE * PACE
        if wait > 0:
            await self._pause(wait)

    async def _send_batch(self, connection: Connection) -> None:
        events = [self._take() for _ in range(min(len(self._queue), LARGEST_BATCH))]
        hello, self._hello = self._hello, False
        self._told = self._wanted()
        for number, data in self._encoded(events, hello=hello, wants=self._told):
            try:
                await connection.send(data)
            except BaseException:
                self._drop(number)
                raise

    def _encoded(
        self, events: Sequence[Event], *, hello: bool, wants: frozenset[str]
    ) -> Iterator[tuple[int, bytes]]:
        """Yield messages and how many events they have; one that cannot be written costs no other."""
        plain = [envelope.to_plain(event) for event in events]
        try:
            data = envelope.encode(Message(sender=self.sender, hello=hello, wants=wants, events=plain))
        except SerializationError:
            if len(events) <= 1:
                self._drop(len(events))
                return
            middle = len(events) // 2
            yield from self._encoded(events[:middle], hello=hello, wants=wants)
            yield from self._encoded(events[middle:], hello=hello, wants=wants)
        else:
            yield len(events), data

    def _wanted(self) -> frozenset[str]:
        announced = () if self._leaving else envelope.ANNOUNCED
        return frozenset(kind.__name__ for kind in announced if self._local.wants(kind))

    # what is received

    async def _receive(self, connection: Connection) -> None:
        async for data in connection.receive():
            if envelope.is_from(self.sender, data):
                self._watch.deadline = anyio.current_time() + 2 * self._heartbeat
                self._count_wants()
                if not self._connected:
                    self._found()
                continue
            try:
                self._hear(envelope.decode(data))
            except DeserializationError as exc:
                self._ignore(exc)

    def _hear(self, message: Message) -> None:
        self._peers[message.sender] = anyio.current_time(), message.wants
        self._count_wants()
        if message.hello:
            # It may have failed to send something, and does not know what is wanted here.
            self.announce()
            self._local.publish([WorkChanged(message.sender)])
        self._local.publish(self._read(message.events))

    def _count_wants(self) -> None:
        """Reckon what the others want, without those that are silent."""
        since = anyio.current_time() - max(PEER_PATIENCE, 3 * self._heartbeat)
        self._peers = {peer: known for peer, known in self._peers.items() if known[0] > since and known[1]}
        self._wanted_there = frozenset[str]().union(*(wants for _, wants in self._peers.values()))
        if self._ends and JobReleased.__name__ in self._wanted_there:
            self._queue.extendleft(map(_released, reversed(self._ends)))
            self._ends.clear()
            self._work.set()

    def _read(self, plain: Sequence[object]) -> list[Event]:
        events: list[Event] = []
        for item in plain:
            try:
                kind = envelope.kind_of(item)
                if self._local.wants(kind):
                    events.append(envelope.from_plain(kind, item))
            except DeserializationError as exc:
                self._ignore(exc)
        return events

    def _ignore(self, problem: DeserializationError) -> None:
        if not self._odd_told:
            logger.warning(
                "what is not understood here is ignored, now and later; a newer version, or another program, "
                "may send to %s: %s",
                self._transport.address,
                printable(problem)[:200],
            )
        self._odd_told = True


def _end_of(event: JobReleased, now: float) -> _End:
    outcome = None if event.outcome is None else event.outcome.value
    return now, event.job_id.int, event.task_id, event.schedule_id, outcome


def _released(end: _End) -> JobReleased:
    _, job_id, task_id, schedule_id, outcome = end
    return JobReleased(
        UUID(int=job_id), task_id, schedule_id, None if outcome is None else JobOutcome(outcome)
    )
