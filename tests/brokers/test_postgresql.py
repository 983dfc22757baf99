"""Events over PostgreSQL: where it is, what is taken by itself, and what goes wrong."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest
import sqlalchemy as sa
from tests.brokers.proxy import Proxy
from tests.brokers.support import REMOVED, Heard, eventually, hears, is_work, started
from tests.servers.pgbouncer import pgbouncer
from tests.services import mariadb_database

from anysched import AnyschedError, AsyncScheduler, IntervalTrigger, ScheduleRemoved, task
from anysched.model.events import WorkChanged

pytest.importorskip("coredis")
pytest.importorskip("psycopg")

import psycopg

from anysched.brokers import PostgreSQLEventBroker
from anysched.ports.broker import EventBroker, EventServer
from anysched.stores import SQLDataStore

if TYPE_CHECKING:
    from tests.brokers.ways import PostgreSQLWay

pytestmark = pytest.mark.anyio


def own(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Return what this package has logged."""
    return [record for record in caplog.records if record.name.startswith("anysched")]


def through(way: PostgreSQLWay, proxy: Proxy) -> str:
    """Return a URL that leads through a proxy."""
    return sa.make_url(way.url).set(host="127.0.0.1", port=proxy.port).render_as_string(hide_password=False)


def proxy_to(way: PostgreSQLWay) -> Proxy:
    url = way.engine.url
    return Proxy(url.port or 5432, url.host or "127.0.0.1")


# what is taken by itself


async def test_an_engine_of_the_callers_own(postgresql: PostgreSQLWay) -> None:
    """A store on an engine hears of others over a connection like the pool's, which is not counted against it."""
    made: list[Any] = []

    def create() -> Any:
        made.append(psycopg.connect(postgresql.plain_url))
        return made[-1]

    engine = sa.create_engine("postgresql+psycopg://", creator=create, pool_size=2, max_overflow=0)
    ran = anyio.Event()

    @task(id="note")
    async def note() -> None:
        ran.set()

    try:
        async with AsyncScheduler(SQLDataStore(engine), tasks=[note], poll_interval=3600):
            with engine.connect(), engine.connect():  # the whole pool
                assert 1 == len(postgresql.listeners())
            async with postgresql.scheduler("client") as client:
                await client.add_job("note")
                with anyio.fail_after(30):
                    await ran.wait()
        await eventually(lambda: not postgresql.listeners())
    finally:
        engine.dispose()
    assert all(connection.closed for connection in made)


async def test_schedulers_that_share_a_store(postgresql: PostgreSQLWay) -> None:
    """Schedulers on one store object share one connection for events."""
    store = SQLDataStore(postgresql.url)
    async with AsyncScheduler(store, role="client"), AsyncScheduler(store, role="client"):
        assert 1 == len(postgresql.listeners())


def test_other_databases(tmp_path: Path) -> None:
    """A store whose server tells nobody of events makes no broker."""

    def make(server: EventServer) -> EventBroker:
        raise AssertionError(server)

    assert SQLDataStore(f"sqlite:///{tmp_path}/jobs.db").make_broker(make) is None
    with mariadb_database() as engine:
        assert SQLDataStore(engine).make_broker(make) is None


async def test_the_same_schema(postgresql: PostgreSQLWay) -> None:
    """A schema that is named is the one that is found on the search path; another one is another application."""
    url = postgresql.engine.url.set(query={}).render_as_string(hide_password=False)
    found = PostgreSQLEventBroker(postgresql.url)
    named = PostgreSQLEventBroker(url, schema=postgresql.schema)
    elsewhere = PostgreSQLEventBroker(url)
    heard, other = Heard(named, ScheduleRemoved), Heard(elsewhere, ScheduleRemoved)
    async with started(found, named, elsewhere):
        found.publish([REMOVED])
        await heard.until(bool)
        await anyio.sleep(0.05)
    assert [] == other.events


async def test_long_names(postgresql: PostgreSQLWay) -> None:
    """Names that the server would cut are told apart to their ends, and quoted."""
    names = [f'{"n" * 60}"{last}' for last in ("a", "b")]
    a, b, c = (PostgreSQLEventBroker(postgresql.url, table_prefix=n) for n in (names[0], *names))
    heard, other = Heard(b, ScheduleRemoved), Heard(c, ScheduleRemoved)
    async with started(a, b, c):
        a.publish([REMOVED])
        await heard.until(bool)
        await anyio.sleep(0.05)
    assert [] == other.events


# what goes wrong


async def test_the_connection_is_killed(postgresql: PostgreSQLWay) -> None:
    """A node whose connection is ended by the server is back in a moment, and looks for work."""
    a, b = postgresql.broker(), postgresql.broker()
    async with started(a, b):
        heard = Heard(b, WorkChanged)
        # A busy server is slow to end the connections over which each has tried its own.
        await eventually(lambda: 2 == len(postgresql.listeners()))
        assert 2 == postgresql.kill_listeners()
        await heard.until(is_work)
        await eventually(lambda: (a.error, b.error) == (None, None))
        await hears(a, b)


async def test_nothing_is_lost_meanwhile(postgresql: PostgreSQLWay) -> None:
    """What is added while a node's connection is cut is found when it is back, though nobody polls."""
    ran: set[int] = set()

    @task(id="note")
    async def note(number: int) -> None:
        ran.add(number)

    async with postgresql.scheduler("both", note), postgresql.scheduler("client") as client:
        for number in range(20):
            if number % 5 == 0:
                postgresql.kill_listeners()
            await client.add_job("note", args=[number])
        await eventually(lambda: ran == set(range(20)))


async def test_no_server_at_the_start(postgresql: PostgreSQLWay, caplog: pytest.LogCaptureFixture) -> None:
    """A node starts at once though nobody answers, says so, and connects when the server comes."""
    proxy = proxy_to(postgresql)
    async with proxy.running():
        pass
    a = PostgreSQLEventBroker(through(postgresql, proxy))
    async with started(a):
        assert "meanwhile this node polls" in caplog.text
        assert str(proxy.port) in str(a.error)
        async with proxy.running():
            await eventually(lambda: a.error is None)
        await eventually(lambda: a.error is not None)
        a.publish([REMOVED])
    assert [logging.ERROR, logging.WARNING, logging.ERROR] == [record.levelno for record in own(caplog)]


async def test_a_black_hole(postgresql: PostgreSQLWay) -> None:
    """A connection that stands and carries nothing is found out by the heartbeat, and given up for a new one."""
    async with proxy_to(postgresql).running() as proxy:
        a = PostgreSQLEventBroker(through(postgresql, proxy), heartbeat_interval=0.5)
        b = postgresql.broker()
        async with started(a, b):
            await hears(a, b)
            heard = Heard(a, WorkChanged)
            proxy.swallows = True
            await eventually(lambda: a.error is not None)
            proxy.swallows = False
            await heard.until(is_work)
            await hears(b, a)
            proxy.swallows = True
            a.publish([REMOVED])
            began = time.monotonic()
        assert time.monotonic() - began < 10  # nobody waits for what cannot be sent


async def test_a_stop_while_it_connects(postgresql: PostgreSQLWay) -> None:
    """A stop does not wait for a server that lets nobody in; the thread that does ends by itself."""
    async with proxy_to(postgresql).running() as proxy:
        proxy.swallows = True
        url = sa.make_url(through(postgresql, proxy)).update_query_dict({"connect_timeout": "2"})
        a = PostgreSQLEventBroker(url.render_as_string(hide_password=False))
        with anyio.move_on_after(0.2):
            await a.start()
        waiting = [thread for thread in threading.enumerate() if thread.name == "anysched events connect"]
        assert waiting  # and this test is not
        await eventually(lambda: not any(thread.is_alive() for thread in waiting))


async def test_a_start_that_is_cancelled(postgresql: PostgreSQLWay) -> None:
    """A start that is cancelled at any moment leaves nothing behind, and the broker can be started afterwards."""
    tasks = {task.id for task in anyio.get_running_tasks()}
    broker = postgresql.broker()
    for milliseconds in range(0, 80, 4):
        with anyio.move_on_after(milliseconds / 1000) as scope:
            await broker.start()
        if not scope.cancelled_caught:
            await broker.stop()
    await eventually(lambda: {task.id for task in anyio.get_running_tasks()} == tasks)
    await eventually(lambda: not postgresql.connections())
    async with started(broker):
        await eventually(lambda: broker.error is None)


@pytest.mark.parametrize("what", ["user", "database"])
async def test_who_is_not_let_in(
    postgresql: PostgreSQLWay, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    """What has to be changed by hand fails the start with what the server says, and shows no password (rule N7)."""
    url = sa.make_url(postgresql.url).set(password="hunter2")
    url = url.set(username="nobody_at_all") if what == "user" else url.set(database="none_at_all")
    with caplog.at_level(logging.DEBUG):
        a = PostgreSQLEventBroker(url.render_as_string(hide_password=False))
        with pytest.raises(AnyschedError, match=r"refuses this node: .*does not exist") as caught:
            await a.start()
    shown = "".join(traceback.format_exception(caught.value))
    assert "hunter2" not in repr(a) + caplog.text + shown


@pytest.mark.parametrize("mode", ["transaction", "session"])
async def test_a_pooler(
    postgresql: PostgreSQLWay, tmp_path: Path, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A pooler in transaction mode loses all events: one warning says so, with the remedy, and the node polls."""
    ran = anyio.Event()

    @task(id="note")
    async def note() -> None:
        ran.set()

    with pgbouncer(postgresql.engine.url, mode, tmp_path) as url:
        store = SQLDataStore(url, schema=postgresql.schema)
        direct = PostgreSQLEventBroker(postgresql.url)
        async with AsyncScheduler(store, tasks=[note], poll_interval=0.5) as node:
            if mode == "transaction":
                (record,) = own(caplog)
                assert logging.WARNING == record.levelno
                assert "pooler in transaction mode" in record.getMessage()
                assert "PostgreSQLEventBroker(" in record.getMessage()
            else:
                assert [] == own(caplog)
            await node.add_schedule(note, IntervalTrigger(hours=1), id="s")
            with anyio.fail_after(30):
                await ran.wait()
        caplog.clear()
        # The remedy: the store through the pooler, the events past it.
        store = SQLDataStore(url, schema=postgresql.schema)
        async with AsyncScheduler(store, direct, role="client"):
            assert [] == own(caplog)


# arguments


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://", "postgresql://"),
        ("postgresql://u:s3cret@h/d", "postgresql://h/d"),
        ("postgres://u:s3cret@[::1]:7000/d?password=s3cret", "postgresql://[::1]:7000/d"),
        ("postgresql+psycopg://u@a:1,b:2/d", "postgresql://a,b:1,2/d"),
        ("postgresql:///d?host=/run/postgresql", "postgresql:///run/postgresql/d"),
    ],
)
def test_how_it_is_shown(url: str, shown: str) -> None:
    """Rule N7: a password is never shown."""
    assert f"<PostgreSQLEventBroker: {shown}>" == repr(PostgreSQLEventBroker(url))


@pytest.mark.parametrize(
    "url",
    [
        "", "s3cret", "host=h password=s3cret", "mysql://u:s3cret@h", "postgresql+asyncpg://u:s3cret@h",
        "postgresql://h:s3cret", "postgresql://h:99999", "postgresql://h/d?s3cret=1", "postgresql://[s3cret",
    ],
)  # fmt: skip
def test_addresses_that_cannot_be_used(url: str) -> None:
    """Rule N7: a wrong URL is refused at once, without being shown, and with what a right one looks like."""
    with pytest.raises(ValueError, match="postgresql://user:password@host/database") as caught:
        PostgreSQLEventBroker(url)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_arguments() -> None:
    """What cannot be a URL, a name or an interval is refused."""
    with pytest.raises(TypeError, match="the address of PostgreSQL must be a string"):
        PostgreSQLEventBroker(7)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="schema"):
        PostgreSQLEventBroker("postgresql://", schema="")
    with pytest.raises(ValueError, match="table_prefix"):
        PostgreSQLEventBroker("postgresql://", table_prefix="\0")
    with pytest.raises(ValueError, match="heartbeat_interval"):
        PostgreSQLEventBroker("postgresql://", heartbeat_interval=0)
