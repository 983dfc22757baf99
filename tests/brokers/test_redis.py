"""Events between nodes over Redis."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.brokers.redis_server import command
from tests.brokers.support import PATIENCE, Heard, eventually, started

from anysched import (
    AsyncScheduler,
    DateTrigger,
    IntervalTrigger,
    JobOutcome,
    SchedulePaused,
    ScheduleRemoved,
    task,
)

pytest.importorskip("coredis")
pytest.importorskip("sqlalchemy")

from anysched.brokers import RedisEventBroker
from anysched.stores import SQLDataStore

pytestmark = pytest.mark.anyio

#: A job that is noticed within this many seconds was not found by polling.
AT_ONCE = 5.0

NODE = """
import sys, anyio
from anysched import AsyncScheduler, task
from anysched.brokers import RedisEventBroker
from anysched.stores import SQLDataStore

@task(id="endless")
async def endless():
    print("runs", flush=True)
    await anyio.sleep_forever()

async def main(url, redis, prefix):
    broker = RedisEventBroker(redis, prefix=prefix)
    async with AsyncScheduler(SQLDataStore(url), broker, tasks=[endless], poll_interval=60, lease_duration=60):
        print("ready", flush=True)
        await anyio.to_thread.run_sync(sys.stdin.readline)

anyio.run(main, *sys.argv[2:], backend=sys.argv[1])
"""


def start_node(*args: str) -> subprocess.Popen[str]:
    """Start another process, on an event loop of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", NODE, *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


@pytest.fixture
def made(redis_url: str, prefix: str, tmp_path: Path) -> Any:
    """A node on the file of this test, which polls once a minute."""

    @asynccontextmanager
    async def make(role: str, *tasks: Any) -> AsyncGenerator[AsyncScheduler]:
        store = SQLDataStore(f"sqlite:///{tmp_path}/jobs.db")
        broker = RedisEventBroker(redis_url, prefix=prefix)
        async with AsyncScheduler(store, broker, role=role, tasks=tasks, poll_interval=60) as scheduler:
            with anyio.fail_after(30):
                yield scheduler

    return make


async def test_work_is_found_at_once(made: Any) -> None:
    """A schedule that is due when one node adds it is planned by a second and run by a third, in a moment."""
    ran = anyio.Event()

    @task(id="note")
    async def note() -> None:
        ran.set()

    async with made("scheduler"), made("worker", note), made("client") as client:
        began = time.monotonic()
        await client.add_schedule("note", DateTrigger(datetime.now(UTC)), id="now")
        await ran.wait()
        assert time.monotonic() - began < AT_ONCE


async def test_a_result_is_told_at_once(made: Any) -> None:
    """Who waits for a result on another node has it in a moment."""

    @task(id="answer")
    async def answer() -> int:
        return 42

    async with made("worker", answer), made("client") as client:
        began = time.monotonic()
        job = await client.add_job("answer", result_expiration_time=60)
        result = await client.get_job_result(job)
        assert 42 == result.return_value
        assert time.monotonic() - began < AT_ONCE


async def test_subscribers_on_every_node(made: Any) -> None:
    """A pause on one node is told to the subscribers of another, with what they need to know."""

    @task(id="nothing")
    async def nothing() -> None:
        """Nothing."""

    heard: list[SchedulePaused] = []
    told = anyio.Event()

    def hear(event: SchedulePaused) -> None:
        heard.append(event)
        told.set()

    async with made("both", nothing) as a, made("client") as b:
        b.subscribe(hear, SchedulePaused)
        await a.add_schedule(nothing, IntervalTrigger(hours=1), id="s")
        await a.pause_schedule("s", reason="the tank is full", by="ann")
        await told.wait()
        assert [("s", "the tank is full", "ann")] == [(e.schedule_id, e.reason, e.by) for e in heard]
        assert (await a.get_schedule("s")).state.next_fire_time == heard[0].next_fire_time


@pytest.mark.parametrize("other_loop", ["asyncio", "trio"])
async def test_a_cancel_request_reaches_another_process(
    made: Any, redis_url: str, prefix: str, tmp_path: Path, other_loop: str
) -> None:
    """A job that runs in another process is cancelled in a moment, long before its lease is renewed."""
    node = start_node(other_loop, f"sqlite:///{tmp_path}/jobs.db", redis_url, prefix)
    assert node.stdin is not None
    assert node.stdout is not None
    try:
        async with made("client") as client:
            assert "ready\n" == await anyio.to_thread.run_sync(node.stdout.readline)
            job = await client.add_job("endless", result_expiration_time=60)
            assert "runs\n" == await anyio.to_thread.run_sync(node.stdout.readline)
            began = time.monotonic()
            await client.cancel_job(job)
            assert JobOutcome.cancelled is (await client.get_job_result(job)).outcome
            assert time.monotonic() - began < AT_ONCE
            node.stdin.write("\n")
            node.stdin.close()
            assert 0 == await anyio.to_thread.run_sync(node.wait, PATIENCE)
    finally:
        node.kill()
        node.wait()
        node.stdout.close()


async def test_a_flood(redis_url: str, prefix: str) -> None:
    """Ten thousand events that are published at once arrive, each once and in order."""
    a, b = RedisEventBroker(redis_url, prefix=prefix), RedisEventBroker(redis_url, prefix=prefix)
    heard = Heard(b, ScheduleRemoved)
    flood = [ScheduleRemoved(str(number), "t") for number in range(10_000)]
    async with started(a, b):
        a.publish(flood)
        await heard.until(lambda events: len(events) >= len(flood))
    assert flood == heard.events
    assert 0 == a.dropped


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_event_loop_that_ends_first(redis_url: str, prefix: str, backend: str) -> None:
    """A program that ends without a stop ends well."""
    program = (
        "import sys, anyio; from anysched.brokers import RedisEventBroker;"
        "anyio.run(RedisEventBroker(sys.argv[1], prefix=sys.argv[2]).start, backend=sys.argv[3])"
    )
    subprocess.run(
        [sys.executable, "-W", "error", "-c", program, redis_url, prefix, backend],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        timeout=30,
        check=True,
    )


async def test_what_strangers_publish(redis_url: str, prefix: str, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever is published on the channel by others is ignored, with one log line."""
    broker = RedisEventBroker(redis_url, prefix=prefix)
    async with started(broker):
        for data in (b"hello", b"\x80\x04K\x07.", b"", b'{"anysched": 7}', b"x" * 2_000_000):
            command(redis_url, "PUBLISH", f"{prefix}:events", data)
        await eventually(lambda: len(caplog.records) > 0)
        await anyio.sleep(0.05)
        assert broker.error is None
    assert [logging.WARNING] == [record.levelno for record in caplog.records]


async def test_prefixes_keep_apart(redis_url: str, prefix: str) -> None:
    """Applications with different prefixes hear nothing of each other, those with the same one do."""
    a, b, c = (RedisEventBroker(redis_url, prefix=name) for name in (prefix, prefix, f"{prefix}-2"))
    heard, other = Heard(b, ScheduleRemoved), Heard(c, ScheduleRemoved)
    async with started(a, b, c):
        a.publish([ScheduleRemoved("s", "t")])
        await heard.until(bool)
        await anyio.sleep(0.05)
    assert [] == other.events


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://localhost", "redis://localhost:6379"),
        ("redis://u:s3cret@[::1]:7000/2", "redis://[::1]:7000"),
        ("rediss://:s3cret@redis.example.org", "rediss://redis.example.org:6379"),
        ("unix:///run/redis.sock?db=1", "unix:///run/redis.sock"),
    ],
)
def test_how_it_is_shown(url: str, shown: str) -> None:
    """Rule N7: a password is never shown."""
    assert f"<RedisEventBroker: {shown}, channel 'anysched:events'>" == repr(RedisEventBroker(url))


@pytest.mark.parametrize(
    "url",
    [
        "", "localhost:6379", "http://u:s3cret@localhost", "redis://", "redis://:s3cret@", "redis://h:s3cret",
        "redis://h:99999", "redis://h/s3cret", "redis://h?password=s3cret", "unix://", "redis://[s3cret",
    ],
)  # fmt: skip
def test_addresses_that_cannot_be_used(url: str) -> None:
    """Rule N7: a wrong URL is refused at once, without being shown, and with what a right one looks like."""
    with pytest.raises(ValueError, match="redis://localhost:6379") as caught:
        RedisEventBroker(url)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_arguments() -> None:
    """What cannot be a URL, a prefix or an interval is refused."""
    with pytest.raises(TypeError, match="the address of Redis must be a string"):
        RedisEventBroker(7)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="prefix"):
        RedisEventBroker("redis://localhost", prefix="")
    with pytest.raises(ValueError, match="heartbeat_interval"):
        RedisEventBroker("redis://localhost", heartbeat_interval=0)
