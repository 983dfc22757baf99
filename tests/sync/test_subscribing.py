"""Subscribers: functions in threads, coroutine functions on the event loop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar

import pytest
from tests.sync.conftest import SOON, until

from anysched import (
    IntervalTrigger,
    JobAdded,
    JobReleased,
    Scheduler,
    SchedulerStarted,
    SchedulerStopped,
    ScheduleUnpaused,
    current_scheduler,
    task,
)

Make = Callable[..., Scheduler]

variable: ContextVar[str] = ContextVar("variable", default="unset")


@task
def nothing() -> None:
    pass


@pytest.fixture
def released() -> Iterator[threading.Event]:
    """Holds up a subscriber that waits for it until the test is over."""
    event = threading.Event()
    yield event
    event.set()


def test_a_function_is_called_in_a_thread(scheduler: Scheduler) -> None:
    """It is off the event loop, sees the context variables of who subscribed, and may use the scheduler."""
    told: list[object] = []

    def hear(event: ScheduleUnpaused) -> None:
        told.append((event.schedule_id, variable.get(), Scheduler.current() is scheduler))
        told.append(scheduler.get_schedule(event.schedule_id).paused)
        told.append(Scheduler.current().run_job(name_of_thread) != threading.current_thread().name)

    token = variable.set("mine")
    try:
        scheduler.subscribe(hear, ScheduleUnpaused)
    finally:
        variable.reset(token)
    scheduler.add_schedule(nothing, IntervalTrigger(days=1), id="daily", paused=True)
    scheduler.unpause_schedule("daily")
    until(lambda: 3 == len(told))

    assert [("daily", "mine", True), False, True] == told


def name_of_thread() -> str:
    return threading.current_thread().name


def test_a_coroutine_function_is_awaited(scheduler: Scheduler) -> None:
    """It runs on the event loop, in the way of nobody when it waits."""
    told: list[int] = []

    async def hear(event: JobAdded) -> None:
        told.append(len(await current_scheduler.get().get_tasks()))

    scheduler.subscribe(hear, JobAdded)
    scheduler.run_job(nothing)
    until(lambda: [1] == told)


def test_in_order_and_one_at_a_time(scheduler: Scheduler) -> None:
    """Events come in order though the subscriber is slow; the scheduler does not wait for it."""
    told: list[object] = []
    inside = threading.Lock()
    slow = threading.Event()

    def hear(event: JobAdded) -> None:
        with inside:
            slow.wait(SOON)
            told.append(event.job_id)

    scheduler.subscribe(hear, JobAdded)
    added = scheduler.add_jobs(nothing, [[] for _ in range(20)])
    until(lambda: not scheduler.get_jobs())
    assert [] == told
    slow.set()
    until(lambda: added == told)


def test_what_a_subscriber_raises_is_logged(scheduler: Scheduler, caplog: pytest.LogCaptureFixture) -> None:
    """The subscriber is called with later events all the same."""
    told: list[int] = []

    def hear(event: JobAdded) -> None:
        told.append(1)
        raise LookupError("not here")

    scheduler.subscribe(hear, JobAdded)
    scheduler.run_job(nothing)
    scheduler.run_job(nothing)
    until(lambda: [1, 1] == told)
    scheduler.stop()
    assert 2 == caplog.text.count("a subscriber raised on JobAdded")
    assert "LookupError: not here" in caplog.text


def test_subscribed_before_the_start(make: Make) -> None:
    """Who subscribes before the start hears all, from the start to the end."""
    scheduler, told = make(), list[type]()
    scheduler.subscribe(lambda event: told.append(type(event)), [SchedulerStarted, SchedulerStopped])
    with scheduler:
        until(lambda: [SchedulerStarted] == told)
    assert [SchedulerStarted, SchedulerStopped] == told


def test_unsubscribing_from_any_thread(scheduler: Scheduler) -> None:
    """A subscription ends with its block, by a call, or after one event; in whichever thread that is."""
    told: list[str] = []
    with scheduler.subscribe(lambda event: told.append("block"), JobAdded) as subscription:
        scheduler.run_job(nothing)
        until(lambda: ["block"] == told)
    assert not subscription.active
    once = scheduler.subscribe(lambda event: told.append("once"), JobAdded, one_shot=True)
    scheduler.run_job(nothing)
    until(lambda: not once.active)
    scheduler.run_job(scheduler_unsubscribes, args=[])
    scheduler.run_job(nothing)
    scheduler.stop()
    subscription.unsubscribe()
    assert ["block", "once"] == told


def scheduler_unsubscribes() -> None:
    subscription = Scheduler.current().subscribe(print, JobReleased)
    subscription.unsubscribe()
    assert not subscription.active


def test_a_subscriber_that_hangs(scheduler: Scheduler, released: threading.Event) -> None:
    """It holds up neither the others nor the stop for longer than a moment."""
    told: list[object] = []
    scheduler.subscribe(lambda event: released.wait(SOON), JobAdded)
    scheduler.subscribe(told.append, JobAdded)
    scheduler.run_job(nothing)
    until(lambda: told)
    began = time.monotonic()
    scheduler.stop()
    assert time.monotonic() - began < SOON / 2
    released.set()


def test_a_subscriber_stops_the_scheduler(scheduler: Scheduler) -> None:
    """Called by a subscriber, stop() asks and returns."""
    scheduler.subscribe(lambda event: scheduler.stop(), JobAdded)
    scheduler.add_job(nothing)
    scheduler.wait_until_stopped()


def test_what_is_returned_is_awaited(scheduler: Scheduler) -> None:
    """A function may return something to await, which the event loop does."""
    told: list[object] = []

    async def hear(event: JobAdded) -> None:
        told.append(event)

    def returns(event: JobAdded) -> object:
        return hear(event)

    scheduler.subscribe(returns, JobAdded)
    scheduler.run_job(nothing)
    until(lambda: told)


def test_the_next_event(scheduler: Scheduler) -> None:
    """get_next_event() blocks until one comes."""
    threading.Timer(0.05, scheduler.add_job, [nothing]).start()
    assert isinstance(scheduler.get_next_event([JobAdded]), JobAdded)


def test_a_callback_that_is_none(scheduler: Scheduler) -> None:
    """What cannot be called is refused."""
    with pytest.raises(TypeError, match="callback must be callable"):
        scheduler.subscribe(5)  # type: ignore[arg-type]
