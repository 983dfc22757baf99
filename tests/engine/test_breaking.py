"""Schedules whose jobs fail again and again are paused by themselves (rules B1 to B3)."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from tests.engine.conftest import MakeScheduler
from tests.engine.support import Heard, at, dies_with_jobs, since_start

from anysched import (
    AsyncScheduler,
    IntervalTrigger,
    JobOutcome,
    JobReleased,
    SchedulePaused,
    ScheduleStatus,
    ScheduleUnpaused,
    current_job,
    task,
)
from anysched.ports.store import DataStore
from anysched.stores import MemoryDataStore
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio

EVERY_10 = IntervalTrigger(seconds=10)


class Dependency:
    """What a task needs, and which may be down; notes for which fire times the task began."""

    def __init__(self) -> None:
        self.down = True
        self.calls: list[float | None] = []

    def task(self) -> Callable[[], Coroutine[Any, Any, None]]:
        @task(id="tick", on_abandon="fail")
        async def tick() -> None:
            self.calls.append(since_start(current_job.get().scheduled_fire_time))
            if self.down:
                raise ConnectionError("down")

        return tick


@pytest.fixture
def dependency() -> Dependency:
    """What the task of a test needs."""
    return Dependency()


async def test_failures_in_a_row(
    scheduler: AsyncScheduler, clock: FakeClock, dependency: Dependency, heard: Heard
) -> None:
    """Rules B1 and B2: so many failures in a row pause a schedule, which says why, until somebody resumes it."""
    await scheduler.add_schedule(dependency.task(), EVERY_10, id="s", pause_after_failures=3)
    await clock.advance(15)
    dependency.down = False
    await clock.advance(10)
    assert [0, 10, 20] == dependency.calls
    assert 0 == (await scheduler.get_schedule("s")).state.failures
    dependency.down = True
    await clock.advance(100)
    assert [0, 10, 20, 30, 40, 50] == dependency.calls
    snapshot = await scheduler.get_schedule("s")
    assert (ScheduleStatus.paused, at(60), 3) == (
        snapshot.status, snapshot.next_fire_time, snapshot.state.failures,
    )  # fmt: skip
    (hold,) = await scheduler.get_holds()
    assert ("failure", at(50), None) == (hold.kind, hold.since, hold.until)
    assert hold.reason is not None
    assert hold.reason.startswith("job ")
    assert hold.reason.endswith(" failed: ConnectionError: down")
    told = [type(event) for event in heard.of(SchedulePaused, JobReleased)]
    assert [*[JobReleased] * 6, SchedulePaused] == told
    (event,) = heard.of(SchedulePaused)
    assert ("failure", hold.reason, None) == (event.kind, event.reason, event.hold)
    dependency.down = False
    result = await scheduler.unpause_schedule("s", missed="skip")
    assert (ScheduleStatus.active, ()) == (result.status, result.pauses)
    assert 0 == (await scheduler.get_schedule("s")).state.failures
    await clock.advance(10)
    assert ["failure"] == [event.kind for event in heard.of(ScheduleUnpaused)]
    assert [130] == dependency.calls[6:]


async def test_runs_by_hand(scheduler: AsyncScheduler, clock: FakeClock, dependency: Dependency) -> None:
    """Rule B1: a job that is run by hand neither counts nor begins anew, so a person may try while it is paused."""
    await scheduler.add_schedule(dependency.task(), EVERY_10, id="s", pause_after_failures=2)
    await clock.advance(5)
    await scheduler.run_schedule("s")
    await clock.settle()
    assert 1 == (await scheduler.get_schedule("s")).state.failures
    dependency.down = False
    await scheduler.run_schedule("s")
    await clock.settle()
    assert 1 == (await scheduler.get_schedule("s")).state.failures
    dependency.down = True
    await clock.advance(5)
    assert (await scheduler.get_schedule("s")).paused
    await scheduler.run_schedule("s")
    await clock.advance(100)
    assert [0, None, None, 10, None] == dependency.calls


async def test_a_probe(
    scheduler: AsyncScheduler, clock: FakeClock, dependency: Dependency, heard: Heard
) -> None:
    """Rule B3: after ``probe_after`` it goes on, is paused again by one failure, and closed by one success."""
    await scheduler.add_schedule(dependency.task(), EVERY_10, id="s", pause_after_failures=2, probe_after=25)
    await clock.advance(36)
    assert [0, 10, 35] == dependency.calls
    assert at(60) == (await scheduler.get_schedule("s")).state.wake_at
    await clock.advance(20)
    dependency.down = False
    await clock.advance(24)
    assert [60, 70, 80] == dependency.calls[3:]
    assert [at(35), at(60)] == [event.until for event in heard.of(SchedulePaused)]
    dependency.down = True
    await clock.advance(10)
    assert not (await scheduler.get_schedule("s")).paused


async def test_an_operators_pause(
    scheduler: AsyncScheduler, clock: FakeClock, dependency: Dependency
) -> None:
    """Rule B2: what an operator paused is not resumed by the end of a pause of failures."""
    await scheduler.add_schedule(dependency.task(), EVERY_10, id="s", pause_after_failures=1, probe_after=20)
    await clock.advance(5)
    await scheduler.pause_schedule("s", by="me")
    await clock.advance(100)
    assert [0] == dependency.calls
    assert [("manual", "me")] == [(hold.kind, hold.by) for hold in await scheduler.get_holds()]
    dependency.down = False
    await scheduler.unpause_schedule("s", resume_from="now")
    await clock.advance(10)
    assert [0, 105, 115] == dependency.calls


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_two_nodes(
    make: MakeScheduler,
    make_store: Callable[[str], DataStore],
    clock: FakeClock,
    dependency: Dependency,
    kind: str,
) -> None:
    """Rules B1 and N1: failures count wherever they happen, and whoever sees the last of them pauses for all."""
    tick, shared = dependency.task(), make_store(kind)
    two = shared if isinstance(shared, MemoryDataStore) else make_store(kind)
    async with (
        make(shared, tasks=[tick], max_concurrent_jobs=2, poll_interval=1) as one,
        make(two, tasks=[tick], max_concurrent_jobs=2, poll_interval=1),
    ):
        await one.add_schedule(
            tick, IntervalTrigger(seconds=1), id="s", pause_after_failures=5, coalesce="all"
        )
        await clock.advance(60)
        snapshot = await one.get_schedule("s")
        assert snapshot.paused
        assert 5 == snapshot.state.failures
        assert [0, 1, 2, 3, 4] == sorted(call for call in dependency.calls if call is not None)[:5]
        assert len(dependency.calls) < 9


async def test_a_node_that_died(
    make: MakeScheduler, make_store: Callable[[str], DataStore], clock: FakeClock, dependency: Dependency
) -> None:
    """Rules B1 and J3: jobs that are abandoned for good count, and the node that ends them pauses and tells."""
    heard = Heard()
    async with make(make_store("sqlite"), role="scheduler") as client:
        await client.add_schedule(dependency.task(), EVERY_10, id="s", pause_after_failures=2, coalesce="all")
        await clock.advance(15)
    assert 2 == len(await dies_with_jobs(make_store("sqlite"), clock))
    async with make(make_store("sqlite"), tasks=[dependency.task()]) as scheduler:
        scheduler.subscribe(heard)
        await clock.advance(14)
        dependency.calls.clear()
        await scheduler.pause_schedule("s", by="me")
        await clock.advance(60)
        pauses = (await scheduler.get_schedule("s")).state.pauses
        assert ["manual", "failure"] == [pause.kind for pause in pauses]
        assert pauses[1].reason is not None
        assert "JobAbandoned" in pauses[1].reason
        assert ["manual", "failure"] == [event.kind for event in heard.of(SchedulePaused)]
        assert JobOutcome.abandoned in {event.outcome for event in heard.of(JobReleased)}


async def test_an_edit(scheduler: AsyncScheduler, clock: FakeClock, dependency: Dependency) -> None:
    """Rules B1 and S1: declaring it anew at each start keeps the count and the pause."""
    tick = dependency.task()
    for number in (5, 2):
        await scheduler.add_schedule(
            tick, EVERY_10, id="s", pause_after_failures=number, conflict_policy="replace"
        )
        await clock.advance(5)
    await clock.advance(20)
    assert [0, 10] == dependency.calls
    await scheduler.add_schedule(tick, EVERY_10, id="s", conflict_policy="replace")
    assert (await scheduler.get_schedule("s")).paused
    await scheduler.unpause_schedule("s", missed="skip")
    await clock.advance(100)
    assert not (await scheduler.get_schedule("s")).paused
