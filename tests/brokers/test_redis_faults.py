"""Redis going away, coming back, and turning nodes away."""

from __future__ import annotations

import logging
import time
import traceback

import anyio
import pytest
from tests.brokers.proxy import Proxy
from tests.brokers.redis_server import RedisServer, command
from tests.brokers.support import REMOVED, Heard, eventually, hears, is_work, started

from anysched import AnyschedError, ScheduleRemoved
from anysched.model.events import WorkChanged

pytest.importorskip("coredis")

from anysched.brokers import RedisEventBroker

pytestmark = pytest.mark.anyio


async def test_the_listening_connection_is_killed(server: RedisServer) -> None:
    """A node that listens no more is back in a moment, and looks for work."""
    a, b = RedisEventBroker(server.url), RedisEventBroker(server.url)
    async with started(a, b):
        heard = Heard(b, WorkChanged)
        command(server.url, "CLIENT", "KILL", "TYPE", "pubsub")
        await heard.until(is_work)
        await eventually(lambda: (a.error, b.error) == (None, None))
        await hears(a, b)


async def test_the_sending_connection_is_killed(server: RedisServer) -> None:
    """A node that cannot send is back in a moment; what it could not say makes the others look for work."""
    a, b = RedisEventBroker(server.url), RedisEventBroker(server.url)
    async with started(a, b):
        heard = Heard(b, ScheduleRemoved, WorkChanged)
        command(server.url, "CLIENT", "KILL", "TYPE", "normal")
        a.publish([REMOVED])
        await heard.until(bool)
        await eventually(lambda: a.error is None)
        await hears(a, b)
        await hears(b, a)


async def test_a_restart(server: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    """When the server comes back, nodes hear each other again; the log has one line for each way."""
    a, b = RedisEventBroker(server.url), RedisEventBroker(server.url)
    async with started(a, b):
        heard = Heard(b, WorkChanged)
        server.stop()
        await eventually(lambda: a.error is not None and b.error is not None)
        a.publish([REMOVED])
        assert [] == heard.events
        server.start()
        await heard.until(is_work)
        await eventually(lambda: (a.error, b.error) == (None, None))
        await hears(a, b)
    own = [record for record in caplog.records if record.name.startswith("anysched")]
    assert [logging.ERROR] * 2 + [logging.WARNING] * 2 == sorted((r.levelno for r in own), reverse=True)


async def test_no_server_at_the_start(server: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    """A node starts at once though nobody answers, says so, and connects when the server comes."""
    server.stop()
    a = RedisEventBroker(server.url)
    began = time.monotonic()
    async with started(a):
        assert time.monotonic() - began < 2
        assert "meanwhile this node polls" in caplog.text
        assert str(server.port) in str(a.error)
        server.start()
        await eventually(lambda: a.error is None)


async def test_a_stop_without_a_server(server: RedisServer) -> None:
    """A stop waits for nothing that cannot come."""
    a = RedisEventBroker(server.url)
    async with started(a):
        server.stop()
        await eventually(lambda: a.error is not None)
        a.publish([REMOVED])
        began = time.monotonic()
    assert time.monotonic() - began < 1


async def test_a_black_hole(server: RedisServer) -> None:
    """A connection that stands and carries nothing is found out by the heartbeat, and given up for a new one."""
    async with Proxy(server.port).running() as proxy:
        a = RedisEventBroker(f"redis://127.0.0.1:{proxy.port}", heartbeat_interval=0.2)
        b = RedisEventBroker(server.url)
        async with started(a, b):
            await hears(a, b)
            heard = Heard(a, WorkChanged)
            proxy.swallows = True
            began = time.monotonic()
            await eventually(lambda: a.error is not None)
            assert time.monotonic() - began < 2
            proxy.swallows = False
            await heard.until(is_work)
            await hears(b, a)
            proxy.swallows = True
            a.publish([REMOVED])
            began = time.monotonic()
        assert time.monotonic() - began < 3


@pytest.mark.parametrize("user", ["default", "nobody"])
async def test_a_wrong_password(server: RedisServer, user: str, caplog: pytest.LogCaptureFixture) -> None:
    """A wrong password fails the start with what Redis says, and is shown nowhere; the right one lets in."""
    command(server.url, "CONFIG", "SET", "requirepass", "p%40ss")
    with caplog.at_level(logging.DEBUG):
        a = RedisEventBroker(server.url.replace("//", f"//{user}:hunter2@"))
        with pytest.raises(
            AnyschedError, match=r"refuses this node: .*invalid username-password pair"
        ) as caught:
            await a.start()
    shown = "".join(traceback.format_exception(caught.value))
    assert "hunter2" not in repr(a) + caplog.text + shown
    with pytest.raises(AnyschedError, match=r"refuses this node: .*[Aa]uthentication"):
        await RedisEventBroker(server.url).start()
    async with started(RedisEventBroker(server.url.replace("//", "//:p%2540ss@"))):
        pass


async def test_a_user_who_may_not(server: RedisServer) -> None:
    """A user who may not use the channel is told of, not left in silence."""
    command(server.url, "ACL", "SETUSER", "poor", "on", ">secret", "resetchannels", "&other:*", "+@all")
    url = server.url.replace("//", "//poor:secret@")
    with pytest.raises(AnyschedError, match=r"refuses this node: .*permission"):
        await RedisEventBroker(url).start()
    async with started(RedisEventBroker(url, prefix="other")):
        pass


async def test_what_a_user_needs(server: RedisServer) -> None:
    """A user who may use the channel, with the commands that the documentation names, is let in."""
    commands = ["+hello", "+publish", "+subscribe", "+unsubscribe", "+ping"]
    rules = ["on", ">secret", "resetchannels", "&anysched:events", "-@all", *commands]
    assert b"+OK" in command(server.url, "ACL", "SETUSER", "node", *rules)
    a, b = (RedisEventBroker(server.url.replace("//", "//node:secret@")) for _ in range(2))
    async with started(a, b):
        await hears(a, b)


async def test_nothing_is_left(server: RedisServer) -> None:
    """A stop closes all connections and ends all tasks."""
    tasks = {task.id for task in anyio.get_running_tasks()}
    a, b = RedisEventBroker(server.url), RedisEventBroker(server.url)
    async with started(a, b):
        assert 4 == server.connections()
    await eventually(lambda: server.connections() == 0)
    assert tasks == {task.id for task in anyio.get_running_tasks()}
