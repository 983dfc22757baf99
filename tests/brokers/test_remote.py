"""What all brokers between nodes have in common, over a network in memory."""

from __future__ import annotations

import json
import logging
from uuid import UUID

import anyio
import pytest
from tests.brokers.support import Heard, Net, eventually, hears, started

from anysched import (
    AnyschedError,
    JobAdded,
    JobOutcome,
    JobReleased,
    ScheduleFinished,
    ScheduleRemoved,
    SchedulerStateError,
    StoreRecovered,
)
from anysched.brokers import _courier as courier
from anysched.brokers._courier import LONGEST_QUEUE
from anysched.brokers._envelope import LONGEST
from anysched.brokers._remote import RemoteEventBroker
from anysched.model.events import Event, WorkChanged

pytestmark = pytest.mark.anyio

REMOVED = ScheduleRemoved("s", "t")
JOB = JobAdded(UUID(int=7), "t", None)
ENDED = JobReleased(UUID(int=7), "t", None, JobOutcome.success)
EMPTY = {"anysched": 1, "from": "stranger", "hello": False, "wants": [], "events": []}


def removed(number: int) -> list[Event]:
    return [ScheduleRemoved(str(number), "t") for number in range(number)]


async def test_everybody_hears_once_and_in_order() -> None:
    """Listeners of this node hear at once, those of others soon, each event once and in order."""
    net = Net()
    a, b, c = net.broker(), net.broker(), net.broker()
    heard = [Heard(broker, ScheduleRemoved) for broker in (a, b, c)]
    async with started(a, b, c):
        a.publish(removed(700))
        assert removed(700) == heard[0].events
        for other in heard[1:]:
            await other.until(lambda events: len(events) >= 700)
        b.publish([REMOVED])
        await heard[0].event(REMOVED)
    assert all([*removed(700), REMOVED] == node.events for node in heard)


async def test_what_concerns_one_node_stays_there() -> None:
    """Events about the store and the clock of one node do not travel."""
    net = Net()
    a, b = net.broker(), net.broker()
    heard = Heard(b, StoreRecovered, ScheduleRemoved)
    async with started(a, b):
        a.publish([StoreRecovered(), REMOVED])
        await heard.event(REMOVED)
    assert [REMOVED] == heard.events
    assert not a.wants(StoreRecovered)


async def test_events_on_demand() -> None:
    """The many events about jobs are sent while another node wants them; a later node learns what is wanted."""
    net = Net()
    a, b, late = net.broker(), net.broker(), net.broker()
    async with started(a, b):
        assert not a.wants(JobAdded)
        assert a.wants(JobReleased)
        a.publish([JOB])
        heard = Heard(b, JobAdded)
        await eventually(lambda: a.wants(JobAdded))
        a.publish([JOB])
        await heard.event(JOB)
        assert [JOB] == heard.events
        async with started(late):
            await eventually(lambda: late.wants(JobAdded))
        await b.stop()
        await eventually(lambda: not a.wants(JobAdded))
        await b.start()


async def test_what_nobody_wants_is_not_sent() -> None:
    """Events of which one pass can have hundreds are sent while another node wants them, all others always."""
    net = Net()
    a, b = net.broker(), net.broker()
    async with started(a, b):
        heard = Heard(b, ScheduleRemoved)
        a.publish([ENDED, ScheduleFinished("s", "t"), REMOVED])
        await heard.event(REMOVED)
        sent = b"".join(net.sent)
        assert b"ScheduleRemoved" in sent
        assert b"ScheduleFinished" not in sent
        assert b"JobReleased" not in sent


async def test_who_begins_to_wait_hears_of_an_end_before() -> None:
    """That a job has ended is sent to a node that is heard to wait only then."""
    net = Net()
    a, b = net.broker(), net.broker()
    async with started(a, b):
        await hears(a, b)
        heard = Heard(b, JobReleased)
        a.publish([ENDED])  # the courier had no turn yet
        await heard.event(ENDED)
        assert [ENDED] == heard.events


async def test_old_ends_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that begins to wait for a job is not told of what ended long before."""
    monkeypatch.setattr(courier, "MOMENT", -1.0)
    net = Net()
    a, b = net.broker(), net.broker()
    async with started(a, b):
        a.publish([ENDED])
        heard = Heard(b, JobReleased, ScheduleRemoved)
        a.publish([REMOVED])
        await heard.event(REMOVED)
        assert [REMOVED] == heard.events


async def hears_a_wish(net: Net, broker: RemoteEventBroker) -> None:
    """Let a node be heard that wants to know of jobs that are added, and says nothing any more."""
    net.deliver(json.dumps({**EMPTY, "wants": ["JobAdded"]}).encode())
    await eventually(lambda: broker.wants(JobAdded))


async def test_a_silent_node_wants_nothing_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a node wanted that died is not sent for ever, also when no other is left."""
    monkeypatch.setattr(courier, "PEER_PATIENCE", 0.2)
    net = Net()
    a = net.broker(heartbeat=0.05)
    async with started(a):
        await hears_a_wish(net, a)
        await eventually(lambda: not a.wants(JobAdded))


async def test_slow_heartbeats_are_no_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node is remembered for some heartbeats, however far apart they are."""
    monkeypatch.setattr(courier, "PEER_PATIENCE", 0.0)
    net = Net()
    a = net.broker(heartbeat=30)
    async with started(a):
        await hears_a_wish(net, a)
        heard = Heard(a, ScheduleRemoved)
        other = net.broker()
        async with started(other):
            other.publish([REMOVED])
            await heard.event(REMOVED)
        assert a.wants(JobAdded)


async def test_who_asks_again_says_nothing_new() -> None:
    """A node tells what it wants when that changes: many listeners to one thing cost one message."""
    net = Net()
    a, b = net.broker(), net.broker()
    async with started(a, b):
        Heard(b, JobReleased)
        await eventually(lambda: any(b"JobReleased" in data for data in net.sent))
        sent = len(net.sent)
        for _ in range(10):
            Heard(b, JobReleased)
            await anyio.lowlevel.checkpoint()
        assert sent == len(net.sent)


async def test_without_a_start() -> None:
    """Before the start and after the stop, events reach this node's own listeners."""
    net = Net()
    broker = net.broker()
    heard = Heard(broker, ScheduleRemoved)
    broker.publish([REMOVED])
    async with started(broker):
        sent = len(net.sent)
    broker.publish([REMOVED])
    assert [REMOVED, REMOVED] == heard.events
    assert not any(b"ScheduleRemoved" in data for data in net.sent[sent:])


async def test_the_last_words_are_sent() -> None:
    """What was published before the last stop still arrives."""
    net = Net()
    a, b = net.broker(), net.broker()
    heard = Heard(b, ScheduleRemoved)
    async with started(b):
        async with started(a):
            a.publish(removed(1000))
        await heard.until(lambda events: removed(1000) == events)


async def test_shared_by_schedulers_of_one_loop() -> None:
    """The last stop disconnects, and a broker may be started again."""
    net = Net()
    broker = net.broker()
    for _ in range(2):
        async with started(broker):
            async with started(broker):
                assert 1 == len(net.links)
            assert 1 == len(net.links)
        assert [] == net.links


async def test_another_event_loop() -> None:
    """A broker serves one event loop at a time."""
    broker = Net().broker()
    async with started(broker):
        with pytest.raises(SchedulerStateError, match="another event loop"):
            await anyio.to_thread.run_sync(anyio.run, broker.start)


async def test_flood_while_the_connection_is_away(caplog: pytest.LogCaptureFixture) -> None:
    """The queue is bounded: the oldest events are dropped and counted, and a log line says so once."""
    net = Net()
    net.up = False
    a, b = net.broker(), net.broker()
    heard = Heard(b, ScheduleRemoved)
    async with started(a, b):
        for event in removed(LONGEST_QUEUE + 5):
            a.publish([event])
        assert 5 == a.dropped
        net.up = True
        await eventually(lambda: (a.error, b.error) == (None, None))
        a.publish([REMOVED])
        await heard.event(REMOVED)
    assert 5 == a.dropped
    assert 1 == sum("too many" in record.message for record in caplog.records)
    assert 2 == sum("heard again" in record.message for record in caplog.records)


async def test_a_lost_connection(caplog: pytest.LogCaptureFixture) -> None:
    """After a reconnect every node looks for work, as hints may have been missed; the log tells of it once."""
    net = Net()
    a, b = net.broker(), net.broker()
    async with started(a, b):
        heard = Heard(a, WorkChanged)
        net.cut()
        await eventually(lambda: a.error is not None and b.error is not None)
        await anyio.sleep(0.3)  # some attempts to connect
        assert [] == heard.events
        net.up = True
        await eventually(lambda: a.error is None and b.error is None)
        await heard.until(lambda events: len(events) >= 1)
        b.publish([WorkChanged("b")])
        await heard.event(WorkChanged("b"))
    assert 2 == sum(record.levelno == logging.ERROR for record in caplog.records)
    assert "too many" not in caplog.text
    assert "net://memory" in caplog.text
    assert "the net is down" in caplog.text


async def test_silence() -> None:
    """A connection on which nothing comes back is given up and made anew."""
    net = Net()
    broker = net.broker(heartbeat=0.05)
    async with started(broker):
        (first,) = net.links
        net.silent = True
        await eventually(lambda: broker.error is not None)
        assert "nothing that was sent has come back" in str(broker.error)
        net.silent = False
        await eventually(lambda: broker.error is None)
        assert first not in net.links


async def test_a_quiet_connection_is_kept() -> None:
    """A heartbeat comes back in time, and nobody hears anything of it."""
    net = Net()
    broker = net.broker(heartbeat=0.05)
    async with started(broker):
        heard = Heard(broker, WorkChanged)
        links = list(net.links)
        await anyio.sleep(0.4)
        assert links == net.links
        assert 3 < len(net.sent) < 20
    assert [] == heard.events


async def test_nobody_answers_at_the_start(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node starts and polls without the others, in bounded time, and connects when that can be done."""
    monkeypatch.setattr(courier, "START_LIMIT", 0.05)
    net = Net()
    net.silent = True
    broker = net.broker(heartbeat=0.1)
    async with started(broker):
        assert broker.error is not None
        assert 1 == len(caplog.records)
        net.silent = False
        await eventually(lambda: broker.error is None)


async def test_a_server_that_refuses() -> None:
    """A start fails where trying again is no use, and leaves nothing behind."""
    net = Net()
    net.refusing = True
    broker = net.broker()
    with pytest.raises(AnyschedError, match=r"net://memory refuses this node: .*wrong password"):
        await broker.start()
    net.refusing = False
    async with started(broker):
        assert broker.error is None


async def test_a_start_that_is_cancelled() -> None:
    """A cancelled start leaves no connection and no task."""
    net = Net()
    net.silent = True
    broker = net.broker()
    with anyio.move_on_after(0.05):
        await broker.start()
    assert [] == net.links
    net.silent = False
    async with started(broker):
        assert broker.error is None


async def test_what_strangers_send(caplog: pytest.LogCaptureFixture) -> None:
    """What is not understood is ignored with one log line; what is understood beside it is heard."""
    net = Net()
    broker = net.broker()
    heard = Heard(broker, ScheduleRemoved, WorkChanged)
    good = ["ScheduleRemoved", {"schedule_id": "s", "task_id": "t"}]
    async with started(broker):
        heard.events.clear()
        for data in (b"\xff\n", b"{}", json.dumps({**EMPTY, "anysched": 99}).encode()):
            net.deliver(data)
        odd = [["Later", {}], ["ScheduleRemoved", {"schedule_id": 7, "task_id": "t"}], "odd\n"]
        net.deliver(json.dumps({**EMPTY, "events": [*odd, good]}).encode())
        await heard.event(REMOVED)
    assert [REMOVED] == heard.events
    (record,) = caplog.records
    assert record.getMessage().isprintable()


async def test_hints_are_gathered(caplog: pytest.LogCaptureFixture) -> None:
    """A rare hint is sent at once; of a flood of them some are sent at once, and then a bounded number a second."""
    net = Net()
    a = net.broker()
    async with started(a):
        before, began = len(net.sent), anyio.current_time()
        for _ in range(1000):
            a.publish([WorkChanged("a"), WorkChanged("a")])
            await anyio.lowlevel.checkpoint()
        most = courier.AT_ONCE + (anyio.current_time() - began) / courier.PACE
        assert len(net.sent) - before <= most + 2
        b = net.broker()
        async with started(b):
            heard = Heard(b, WorkChanged)
            a.publish([WorkChanged("last")])
            await heard.event(WorkChanged("last"))
    assert 0 == a.dropped


async def test_events_that_cannot_be_sent() -> None:
    """An event that is too long for any message is counted, and costs none of those beside it."""
    net = Net()
    a, b = net.broker(), net.broker()
    heard = Heard(b, ScheduleRemoved)
    async with started(a, b):
        a.publish([*removed(3), ScheduleRemoved("x" * LONGEST, "t"), *removed(3)])
        await heard.until(lambda events: len(events) >= 6)
    assert [*removed(3), *removed(3)] == heard.events
    assert 1 == a.dropped
