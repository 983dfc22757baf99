"""Events between nodes over Redis and over PostgreSQL: what is the same."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest
from tests.brokers.support import PATIENCE, REMOVED, Heard, eventually, started

from anysched import (
    DateTrigger,
    IntervalTrigger,
    JobAdded,
    JobOutcome,
    SchedulePaused,
    ScheduleRemoved,
    ScheduleUnpaused,
    task,
)

if TYPE_CHECKING:
    from tests.brokers.ways import Way

pytest.importorskip("coredis")
pytest.importorskip("psycopg")
pytest.importorskip("sqlalchemy")

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]


def start_process(*args: str) -> subprocess.Popen[str]:
    """Start another process, on an event loop of its own."""
    from tests.brokers.ways import PROGRAM

    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
    )


async def test_work_is_found_at_once(way: Way) -> None:
    """A schedule that is due when one node adds it is planned by a second and run by a third, without polling."""
    ran = anyio.Event()

    @task(id="note")
    async def note() -> None:
        ran.set()

    async with way.scheduler("scheduler"), way.scheduler("worker", note), way.scheduler("client") as client:
        await client.add_schedule("note", DateTrigger(datetime.now(UTC)), id="now")
        with anyio.fail_after(PATIENCE):
            await ran.wait()


async def test_an_overdue_schedule_is_resumed(way: Way) -> None:
    """Rule P4: what another node resumes and is overdue runs without polling; what it pauses runs no more."""
    runs = 0
    ran = anyio.Event()

    @task(id="note")
    async def note() -> None:
        nonlocal runs
        runs += 1
        ran.set()

    async with way.scheduler("both", note) as node, way.scheduler("client") as client:
        heard: list[SchedulePaused | ScheduleUnpaused] = []
        node.subscribe(heard.append, (SchedulePaused, ScheduleUnpaused))
        await client.add_schedule("note", IntervalTrigger(seconds=0.05), id="s")
        with anyio.fail_after(PATIENCE):
            await ran.wait()
        await client.pause_schedule("s")
        await eventually(lambda: len(heard) == 1)
        await anyio.sleep(0.2)  # a job that was made before the pause may end
        before = runs
        await anyio.sleep(0.2)
        assert before == runs
        ran = anyio.Event()
        await client.unpause_schedule("s")
        with anyio.fail_after(PATIENCE):
            await ran.wait()
        await eventually(lambda: len(heard) == 2)


async def test_a_result_is_told_at_once(way: Way) -> None:
    """Who waits for a result on another node has it without polling."""

    @task(id="answer")
    async def answer() -> int:
        return 42

    async with way.scheduler("worker", answer), way.scheduler("client") as client:
        job = await client.add_job("answer", result_expiration_time=60)
        with anyio.fail_after(PATIENCE):
            result = await client.get_job_result(job)
        assert 42 == result.return_value


@pytest.mark.parametrize("reason", ["the tank is full", "ü\0".replace("\0", "\n") * 50_000])
async def test_subscribers_on_every_node(way: Way, reason: str) -> None:
    """A pause on one node is told to the subscribers of another, with all that they need to know, however long."""

    @task(id="nothing")
    async def nothing() -> None:
        """Nothing."""

    heard: list[SchedulePaused] = []
    async with way.scheduler("both", nothing) as a, way.scheduler("client") as b:
        b.subscribe(heard.append, SchedulePaused)
        await a.add_schedule(nothing, IntervalTrigger(hours=1), id="s")
        await a.pause_schedule("s", reason=reason, by="ann")
        await eventually(lambda: bool(heard))
        assert [("s", reason, "ann")] == [(e.schedule_id, e.reason, e.by) for e in heard]
        assert (await a.get_schedule("s")).state.next_fire_time == heard[0].next_fire_time


async def test_events_on_demand(way: Way) -> None:
    """Events that a pass can have hundreds of are told to a node once it subscribes to them."""

    @task(id="nothing")
    async def nothing() -> None:
        """Nothing."""

    added: list[JobAdded] = []
    async with way.scheduler("both", nothing) as a, way.scheduler("client") as b:
        b.subscribe(added.append, JobAdded)
        with anyio.fail_after(PATIENCE):
            while not added:
                await a.add_job(nothing)
                await anyio.sleep(0.02)  # the wish is on its way


async def test_another_process(way: Way, anyio_backend: str) -> None:
    """A job that runs in another process is cancelled without polling, and a pause is heard there.

    Each event loop is on either side once: what two processes say to each other does not depend on both.
    """
    from tests.brokers.ways import arguments

    other_loop = {"asyncio": "trio", "trio": "asyncio"}[anyio_backend]
    process = start_process(other_loop, *arguments(way))
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with way.scheduler("client") as client:
            assert "ready\n" == await anyio.to_thread.run_sync(process.stdout.readline)
            job = await client.add_job("endless", result_expiration_time=60)
            assert "runs\n" == await anyio.to_thread.run_sync(process.stdout.readline)
            await client.cancel_job(job)
            with anyio.fail_after(PATIENCE):
                assert JobOutcome.cancelled is (await client.get_job_result(job)).outcome
            await client.add_schedule("endless", DateTrigger(datetime(2100, 1, 1, tzinfo=UTC)), id="s")
            await client.pause_schedule("s")
            assert "paused s\n" == await anyio.to_thread.run_sync(process.stdout.readline)
            process.stdin.close()
            assert 0 == await anyio.to_thread.run_sync(process.wait, PATIENCE)
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


async def test_a_flood(way: Way) -> None:
    """Ten thousand events that are published at once arrive, each once and in order."""
    a, b = way.broker(), way.broker()
    heard = Heard(b, ScheduleRemoved)
    flood = [ScheduleRemoved(str(number), "t") for number in range(10_000)]
    async with started(a, b):
        a.publish(flood)
        await heard.until(lambda events: len(events) >= len(flood))
    assert flood == heard.events
    assert 0 == a.dropped


async def test_applications_keep_apart(way: Way) -> None:
    """Different applications on one server hear nothing of each other, nodes of the same one do."""
    a, b, c = way.broker(), way.broker(), way.other_broker()
    heard, other = Heard(b, ScheduleRemoved), Heard(c, ScheduleRemoved)
    async with started(a, b, c):
        a.publish([REMOVED])
        await heard.until(bool)
        await anyio.sleep(0.05)
    assert [] == other.events


async def test_what_strangers_send(way: Way, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever others send is ignored, with one log line."""
    broker = way.broker()
    async with started(broker):
        for data in (
            b"hello",
            b"2/2 x",
            b"1/1 {",
            b"0/0 ",
            b"1/9999 ",
            b"",
            b'{"anysched": 7}',
            b"x" * 7_999,
        ):
            way.say(data)
        await eventually(lambda: len(caplog.records) > 0)
        await anyio.sleep(0.05)
        assert broker.error is None
    assert [logging.WARNING] == [record.levelno for record in caplog.records]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_event_loop_that_ends_first(way: Way, backend: str) -> None:
    """A program that ends without a stop ends well."""
    from tests.brokers.ways import arguments

    program = (
        "import sys, anyio\n"
        "from anysched.brokers import PostgreSQLEventBroker, RedisEventBroker\n"
        "kind, *rest = sys.argv[2:]\n"
        "broker = PostgreSQLEventBroker(*rest) if kind == 'postgresql'"
        " else RedisEventBroker(rest[1], prefix=rest[2])\n"
        "anyio.run(broker.start, backend=sys.argv[1])"
    )
    subprocess.run(
        [sys.executable, "-W", "error", "-c", program, backend, *arguments(way)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        timeout=60,
        check=True,
    )


async def test_nothing_is_left(way: Way) -> None:
    """A stop ends all tasks and threads."""
    tasks, threads = {task.id for task in anyio.get_running_tasks()}, set(threading.enumerate())
    async with started(way.broker(), way.broker()):
        assert tasks < {task.id for task in anyio.get_running_tasks()}
    await eventually(lambda: {task.id for task in anyio.get_running_tasks()} == tasks)
    await eventually(lambda: not [t for t in set(threading.enumerate()) - threads if "anysched" in t.name])
