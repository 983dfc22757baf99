"""Nodes whose clocks are wrong: everything goes by the time of the store's server (rule N6)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import anyio
import pytest
from tests.unit.stores.sql.servers import PLACES, Server, database_at

from anysched import AsyncScheduler, DateTrigger, IntervalTrigger, SystemClock, current_job, task
from anysched.stores import MemoryDataStore

pytestmark = pytest.mark.anyio

HOUR = timedelta(hours=1)
EVERY = timedelta(milliseconds=50)


class WrongClock(SystemClock):
    """A wall clock that is off."""

    def __init__(self, off: timedelta) -> None:
        self.off = off

    def now(self) -> datetime:
        return super().now() + self.off


@pytest.fixture(scope="module", params=[place for place in PLACES if "sqlite" not in place])
def place(request: pytest.FixtureRequest) -> str:
    """A kind of server, and an event loop."""
    return str(request.param)


@pytest.fixture(scope="module")
def anyio_backend(place: str) -> str:
    """The event loop."""
    return place.partition("-")[2]


@pytest.fixture(scope="module")
def server(place: str) -> Iterator[Server]:
    """A database of these tests' own, on each kind of server."""
    with database_at(place) as server:
        yield server


class Ticks:
    """A task that notes its fire times, when they came by the right clock, and tells of the one that was waited for."""

    def __init__(self, wanted: int) -> None:
        self.late: dict[datetime, timedelta] = {}
        self.done = anyio.Event()
        self.wanted = wanted

    @contextmanager
    def task(self) -> Iterator[object]:
        @task(id=f"tick {uuid4()}")  # so that a node does not get what the one of another test gave back
        async def tick() -> None:
            fire_time = current_job.get().scheduled_fire_time
            assert fire_time is not None
            assert fire_time not in self.late
            self.late[fire_time] = datetime.now(UTC) - fire_time
            if len(self.late) == self.wanted:
                self.done.set()

        yield tick


@pytest.mark.parametrize("off", [timedelta(minutes=2), timedelta(minutes=-2)])
async def test_a_node_whose_clock_is_off(
    server: Server, off: timedelta, caplog: pytest.LogCaptureFixture
) -> None:
    """Rule N6: a clock two minutes ahead or behind starts nothing early, delays and skips nothing, and is told."""
    ticks, clock = Ticks(10), WrongClock(off)
    with ticks.task() as tick, caplog.at_level(logging.WARNING, "anysched"):
        async with AsyncScheduler(server.store(), clock=clock, poll_interval=60) as scheduler:
            await scheduler.add_schedule(tick, IntervalTrigger(seconds=0.05), id="s", coalesce="all")
            job_id = await scheduler.add_job(tick_once, result_expiration_time=60)
            result = await scheduler.get_job_result(job_id)
            with anyio.fail_after(30):
                await ticks.done.wait()
            snapshot = await scheduler.get_schedule("s")
            start = snapshot.state.anchor
            await scheduler.remove_schedule("s")
            assert abs(scheduler.health.clock_skew - off.total_seconds()) < 1
    assert [start + number * EVERY for number in range(ticks.wanted)] == sorted(ticks.late)[: ticks.wanted]
    assert timedelta(0) <= min(ticks.late.values())
    assert {} == dict(snapshot.state.skipped)
    assert result is not None
    assert result.started_at is not None
    assert abs(result.started_at - datetime.now(UTC)) < timedelta(seconds=60)
    told = [record.message for record in caplog.records if "the clock of this node is" in record.message]
    assert 1 == len(told)
    assert "120.0 s " + ("ahead of" if off > timedelta(0) else "behind") in told[0]


@task(id="once")
async def tick_once() -> None:
    """Run."""


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
async def test_a_node_whose_clock_jumps(server: Server, jump: timedelta) -> None:
    """Rules N4 and N6: a clock that is set by an hour while the node runs changes nothing about what runs when."""
    ticks, clock = Ticks(20), WrongClock(timedelta(0))
    with ticks.task() as tick:
        async with AsyncScheduler(server.store(), clock=clock, poll_interval=60) as scheduler:
            await scheduler.add_schedule(tick, IntervalTrigger(seconds=0.05), id="s", coalesce="all")
            for _ in range(2):
                await anyio.sleep(0.3)
                clock.off += jump
            with anyio.fail_after(30):
                await ticks.done.wait()
            start = (await scheduler.get_schedule("s")).state.anchor
            await scheduler.remove_schedule("s")
    assert [start + number * EVERY for number in range(ticks.wanted)] == sorted(ticks.late)[: ticks.wanted]
    assert timedelta(0) <= min(ticks.late.values())


async def test_a_wake_up_far_away_comes_in_time(server: Server) -> None:
    """Rule N6: a node that sleeps until a fire time sleeps for as long as the server's clock says."""
    ticks, clock = Ticks(1), WrongClock(-HOUR)
    with ticks.task() as tick:
        async with AsyncScheduler(server.store(), clock=clock, poll_interval=3600) as scheduler:
            await scheduler.add_schedule(tick, DateTrigger(datetime.now(UTC) + timedelta(seconds=1)), id="d")
            with anyio.fail_after(30):
                await ticks.done.wait()
            await scheduler.remove_schedule("d")
    assert timedelta(0) <= min(ticks.late.values())


async def test_where_there_is_no_server() -> None:
    """Rule N6: a store without a server goes by the clock of the node, so no node is off."""
    async with AsyncScheduler(MemoryDataStore(), clock=WrongClock(HOUR)) as scheduler:
        assert 0.0 == scheduler.health.clock_skew
    assert not MemoryDataStore().keeps_time
