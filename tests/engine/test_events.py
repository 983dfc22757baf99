"""Telling users what happens."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio
import pytest
import sniffio
from tests.engine.conftest import MakeScheduler
from tests.engine.support import START, Heard, Runs

from anysched import (
    AsyncScheduler,
    DateTrigger,
    Event,
    IntervalTrigger,
    JobAcquired,
    JobAdded,
    JobEvent,
    JobOutcome,
    JobReleased,
    ScheduleAdded,
    ScheduleEvent,
    ScheduleFinished,
    SchedulePaused,
    ScheduleRemoved,
    SchedulerStopped,
    ScheduleUnpaused,
    current_scheduler,
)
from anysched.engine import subscriptions
from anysched.model.events import WorkChanged
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio


async def test_what_is_told(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, heard: Heard) -> None:
    """Everything that happens to a schedule and its job is told once, in order, and says about which."""
    await scheduler.add_schedule(runs.task(), DateTrigger(START), id="s")
    await clock.settle()
    await scheduler.remove_schedule("s")
    await clock.settle()
    (job_id,) = {event.job_id for event in heard.of(JobEvent)}
    assert ["s"] * 6 == [event.schedule_id for event in heard.of(ScheduleEvent, JobEvent)]
    assert [
        ScheduleAdded("s", "tick", START),
        ScheduleFinished("s", "tick"),
        JobAdded(job_id, "tick", "s"),
        JobAcquired(job_id, "tick", "s", scheduler.identity),
        JobReleased(job_id, "tick", "s", JobOutcome.success),
        ScheduleRemoved("s", "tick"),
    ] == heard.events


async def test_hints_among_schedulers_are_not_told(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, heard: Heard
) -> None:
    """What schedulers tell each other is not for users."""
    await scheduler.add_job(runs.task())
    await clock.settle()
    assert [] == heard.of(WorkChanged)
    assert heard.events


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        (JobAdded, {JobAdded}),
        ([JobAdded, SchedulePaused], {JobAdded, SchedulePaused}),
        (ScheduleEvent, {ScheduleAdded, SchedulePaused, ScheduleUnpaused}),
        (JobEvent, {JobAdded, JobAcquired, JobReleased}),
        ([], set()),
        (
            None,
            {ScheduleAdded, SchedulePaused, ScheduleUnpaused, JobAdded, JobAcquired, JobReleased},
        ),
        (Event, {ScheduleAdded, SchedulePaused, ScheduleUnpaused, JobAdded, JobAcquired, JobReleased}),
    ],
)
async def test_event_types(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, types: Any, expected: set[type[Event]]
) -> None:
    """Who asks for some types of events is told those only; a base class means all that derive from it."""
    heard = Heard()
    scheduler.subscribe(heard, types)
    await scheduler.add_schedule(runs.task(), IntervalTrigger(hours=1), id="s")
    await clock.settle()
    await scheduler.pause_schedule("s")
    await scheduler.unpause_schedule("s")
    await clock.settle()
    assert expected == {type(event) for event in heard.events}


@pytest.mark.parametrize("types", [int, [JobAdded, "JobAdded"], JobAdded(None, "", None), "JobAdded"])  # type: ignore[arg-type]
async def test_something_that_is_no_event(scheduler: AsyncScheduler, types: Any) -> None:
    """What is no type of events is refused."""
    with pytest.raises(TypeError, match="event"):
        scheduler.subscribe(print, types)
    with pytest.raises(TypeError, match="callback must be callable"):
        scheduler.subscribe(None)  # type: ignore[arg-type]


async def test_a_slow_callback(
    make: MakeScheduler, clock: FakeClock, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow callback is called with one event at a time, in order; it holds up nobody; the oldest are dropped."""
    monkeypatch.setattr(subscriptions, "LONGEST_QUEUE", 10)
    told: list[Event] = []
    at_once = 0

    async def slow(event: JobAdded) -> None:
        nonlocal at_once
        at_once += 1
        assert 1 == at_once
        await release.wait()
        told.append(event)
        at_once -= 1

    release = anyio.Event()
    async with make() as scheduler:
        subscription = scheduler.subscribe(slow, JobAdded)
        ids = [await scheduler.add_job(runs.task()) for _ in range(3)]
        await anyio.sleep(0.02)
        ids += await scheduler.add_jobs(runs.task(), [[]] * 20)
        await anyio.sleep(0.02)
        assert 23 == len(runs.take())
        release.set()
        await clock.settle()
        assert [ids[0], *ids[-10:]] == [event.job_id for event in told]  # type: ignore[attr-defined]
        assert (12, True) == (subscription.dropped, subscription.active)


RAISED = {
    "ValueError": ValueError("mine"),
    "SystemExit": SystemExit(2),
    "GeneratorExit": GeneratorExit(),
    "Cancelled": None,
}


@pytest.mark.parametrize("kind", RAISED)
@pytest.mark.parametrize("awaits", [False, True])
async def test_a_callback_that_raises(
    scheduler: AsyncScheduler,
    clock: FakeClock,
    runs: Runs,
    caplog: pytest.LogCaptureFixture,
    kind: str,
    awaits: bool,
) -> None:
    """What a callback raises is logged, is told further events, and harms nobody else."""
    told: list[Event] = []

    def raising(event: JobAdded) -> None:
        told.append(event)
        if kind == "Cancelled":
            if sniffio.current_async_library() == "asyncio":
                raise asyncio.CancelledError
            import trio

            raise trio.Cancelled._create()
        raise RAISED[kind]  # type: ignore[misc]

    async def raising_later(event: JobAdded) -> None:
        await anyio.lowlevel.checkpoint()
        raising(event)

    other = Heard()
    scheduler.subscribe(raising_later if awaits else raising, JobAdded)
    scheduler.subscribe(other, JobAdded)
    for _ in range(3):
        await scheduler.add_job(runs.task())
        await clock.settle()
    assert 3 == len(told) == len(other.events) == len(runs.take())
    assert 3 == caplog.text.count("a subscriber raised on JobAdded")
    assert scheduler.health.ok


async def test_one_shot(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """A subscription for one event is told one, however many come at once, and is over."""
    heard = Heard()
    subscription = scheduler.subscribe(heard, JobAdded, one_shot=True)
    first, *_ = await scheduler.add_jobs(runs.task(), [[]] * 5)
    await scheduler.add_jobs(runs.task(), [[]] * 5)
    await clock.settle()
    assert [first] == [event.job_id for event in heard.of(JobAdded)]
    assert not subscription.active


async def test_unsubscribing(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """An unsubscribed callback is told no more, not even what waits; twice is harmless; ``with`` does it as well."""
    heard, within = Heard(), Heard()
    subscription = scheduler.subscribe(heard)
    with scheduler.subscribe(within) as inner:
        await scheduler.add_job(runs.task())
        await clock.settle()
        assert within.events == heard.events != []
    assert (False, True) == (inner.active, subscription.active)
    await scheduler.add_job(runs.task())
    subscription.unsubscribe()
    subscription.unsubscribe()
    before = list(heard.events)
    await clock.settle()
    assert before == heard.events == within.events


async def test_unsubscribing_inside_the_callback(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs
) -> None:
    """A callback may end its own subscription."""
    told: list[Event] = []

    def once(event: Event) -> None:
        told.append(event)
        subscription.unsubscribe()

    subscription = scheduler.subscribe(once)
    await scheduler.add_jobs(runs.task(), [[]] * 5)
    await clock.settle()
    assert 1 == len(told)


async def test_a_callback_may_use_its_scheduler(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs
) -> None:
    """A callback finds the scheduler that it is told by, and may call it."""

    async def pause(event: JobReleased) -> None:
        assert scheduler is current_scheduler.get()
        if event.schedule_id is not None:
            await current_scheduler.get().pause_schedule(event.schedule_id, by="the breaker")

    scheduler.subscribe(pause, JobReleased)
    await scheduler.add_schedule(runs.task(), IntervalTrigger(seconds=10), id="s")
    await clock.advance(100)
    assert [0] == runs.take()
    assert (await scheduler.get_schedule("s")).paused


async def test_the_next_event(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """The next event of some types can be waited for."""
    await scheduler.add_job(runs.task())
    await clock.settle()
    found: list[Event] = []

    async def wait() -> None:
        found.append(await scheduler.get_next_event([JobReleased, ScheduleAdded]))

    async with anyio.create_task_group() as task_group:
        task_group.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
        job_id = await scheduler.add_job(runs.task())
    assert [JobReleased(job_id, "tick", None, JobOutcome.success)] == found
    with anyio.move_on_after(0.01):
        await scheduler.get_next_event(JobAdded)


async def test_the_last_events_are_told(make: MakeScheduler, runs: Runs) -> None:
    """What happens while the scheduler stops is told before it has stopped, its end included, in order."""
    told: list[str] = []

    async def slowly(event: Event) -> None:
        await anyio.sleep(0.01)
        told.append(type(event).__name__)

    async with make() as scheduler:
        scheduler.subscribe(slowly, [JobReleased, SchedulerStopped])
        await scheduler.add_jobs(runs.task(), [[]] * 3)
        await anyio.sleep(0.005)
    assert ["JobReleased"] * 3 + ["SchedulerStopped"] == told


async def test_a_callback_that_hangs_at_the_end(
    make: MakeScheduler, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A callback that never returns does not keep the scheduler from stopping."""
    monkeypatch.setattr(subscriptions, "LAST_CALL", 0.05)

    async def hangs(_: Event) -> None:
        await anyio.sleep_forever()

    with anyio.fail_after(3):
        async with make() as scheduler:
            scheduler.subscribe(hangs)
            await scheduler.add_job(runs.task())


async def test_a_broker_that_fails(make: MakeScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule N2: a listener that raises fails neither the change that is told nor other listeners."""
    async with make() as scheduler:

        def raising(_: object) -> None:
            raise ValueError

        leave = scheduler._engine.settings.broker.subscribe(raising, [JobAdded, JobReleased])
        heard = Heard()
        scheduler.subscribe(heard)
        await scheduler.add_job(runs.task())
        await clock.settle()
        assert 1 == len(runs.take())
        assert {JobAdded, JobAcquired, JobReleased} == {type(event) for event in heard.events}
        leave()
