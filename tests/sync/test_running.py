"""Starting, stopping, failing, and what running code sees."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import Context, ContextVar
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from tests.engine.support import StoreProxy
from tests.sync.conftest import SOON, left_since, until

from anysched import (
    IntervalTrigger,
    JobCancelled,
    RunState,
    Scheduler,
    SchedulerFaultError,
    SchedulerStateError,
    StoreUnavailableError,
    current_job,
    current_scheduler,
    task,
)
from anysched._sync.loop_thread import LoopThread, context_for
from anysched.stores import MemoryDataStore

variable: ContextVar[str] = ContextVar("variable", default="unset")

Make = Callable[..., Scheduler]


@pytest.fixture
def released() -> Iterator[threading.Event]:
    """Holds up a job that waits for it until the test is over, if the test does not release it before."""
    event = threading.Event()
    yield event
    event.set()


def holding(released: threading.Event, *, ends: list[str] | None = None) -> tuple[Any, threading.Event]:
    """Return a task that blocks its thread, and what tells that it has begun."""
    begun = threading.Event()

    @task(id="hold")
    def hold() -> None:
        begun.set()
        released.wait(SOON)
        if ends is not None:
            ends.append("done")

    return hold, begun


def test_with_and_without_a_block(make: Make) -> None:
    """`with`, start() and stop() do the same; a second stop is harmless."""
    with make() as scheduler:
        assert RunState.started is scheduler.state
    scheduler.stop()
    assert RunState.stopped is scheduler.state

    scheduler = make().start()
    assert isinstance(scheduler, Scheduler)
    scheduler.stop()
    scheduler.stop(grace=0)


def test_a_scheduler_runs_once(scheduler: Scheduler) -> None:
    """Starting again is refused, running or not."""
    with pytest.raises(SchedulerStateError, match="runs once, and this one is started: make a new one"):
        scheduler.start()
    scheduler.stop()
    with pytest.raises(SchedulerStateError, match="runs once, and this one is stopped: make a new one"):
        scheduler.start()


def test_a_start_that_fails(make: Make) -> None:
    """start() raises why, and leaves no thread behind."""
    store = StoreProxy(MemoryDataStore())
    store.fail(["open"], StoreUnavailableError("no disk"))
    before = set(threading.enumerate())
    scheduler = make(store)

    with pytest.raises(StoreUnavailableError, match="no disk"):
        scheduler.start()
    until(lambda: not left_since(before))
    with pytest.raises(SchedulerStateError):
        scheduler.get_tasks()
    scheduler.stop()


@pytest.mark.parametrize(
    ("worker", "master", "processes", "refused"),
    [(0, 100, 2, True), (0, 100, 1, True), (0, 0, 2, True), (0, 0, 1, False), (1, 100, 2, False)],
)
def test_before_uwsgi_forks(
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
    worker: int,
    master: int,
    processes: int,
    refused: bool,
) -> None:
    """uWSGI would hang if it forked workers beside a running scheduler: that is refused; each worker may start one."""
    uwsgi = SimpleNamespace(worker_id=lambda: worker, masterpid=lambda: master, numproc=processes)
    monkeypatch.setitem(sys.modules, "uwsgi", uwsgi)
    scheduler = make()
    if refused:
        with pytest.raises(SchedulerStateError, match="set lazy-apps = true"):
            scheduler.start()
    else:
        scheduler.start()
        assert scheduler.get_schedules() == []
    scheduler.stop()


def test_many_threads_start_and_stop(make: Make) -> None:
    """Of many who start it at once one succeeds; all who stop it return when it has stopped."""
    scheduler = make()
    with ThreadPoolExecutor(6) as pool:
        starts = [pool.submit(scheduler.start) for _ in range(6)]
        errors = [one.exception(SOON) for one in starts]
        assert 5 == sum(isinstance(error, SchedulerStateError) for error in errors)
        for one in [pool.submit(scheduler.stop) for _ in range(6)]:
            assert one.result(SOON) is None
    assert RunState.stopped is scheduler.state


@pytest.mark.skipif(os.name != "posix", reason="signals are sent as POSIX has them")
def test_a_start_that_is_interrupted(make: Make) -> None:
    """A Ctrl-C while it starts gives the start up, and leaves no thread behind."""

    async def interrupt() -> None:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        await anyio.sleep_forever()

    store = StoreProxy(MemoryDataStore())
    store.delays["open"] = interrupt
    before = set(threading.enumerate())
    scheduler = make(store)
    with pytest.raises(KeyboardInterrupt):
        scheduler.start()
    until(lambda: not left_since(before))
    assert RunState.stopped is scheduler.state


@pytest.mark.skipif(os.name != "posix", reason="signals are sent as POSIX has them")
def test_a_signal_handler_that_stops_it(scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    """A handler may call stop() whatever call it interrupts, also one that holds locks: it asks, and returns."""

    def interrupted(backend: str | None) -> Context:
        monkeypatch.undo()
        signal.raise_signal(signal.SIGUSR1)
        return context_for(backend)

    former = signal.signal(signal.SIGUSR1, lambda *_: scheduler.stop())
    try:
        monkeypatch.setattr("anysched._sync.loop_thread.context_for", interrupted)
        with suppress(SchedulerStateError):  # it may have stopped already
            scheduler.get_tasks()
    finally:
        signal.signal(signal.SIGUSR1, former)
    scheduler.wait_until_stopped()
    assert RunState.stopped is scheduler.state


def test_interrupted_before_its_thread_starts(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Ctrl-C between making the thread and starting it leaves nothing that anybody would wait for."""

    def interrupt(_: LoopThread) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(LoopThread, "start", interrupt)
    scheduler = make()
    with pytest.raises(KeyboardInterrupt):
        scheduler.start()
    scheduler.stop()
    scheduler.wait_until_stopped()


def test_stopped_before_its_thread_starts(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal handler that stops it at the first step of the start does not wait: nothing is started then."""
    scheduler = make()
    monkeypatch.setattr("anysched._sync.loop_thread._stop_at_exit", scheduler.stop)
    scheduler.start()
    scheduler.wait_until_stopped()
    with pytest.raises(SchedulerStateError):
        scheduler.get_tasks()


def test_an_endless_grace(make: Make) -> None:
    """Any grace will do, also one that is longer than what locks can wait."""
    with make(stop_grace=timedelta(days=365_000)) as scheduler:
        assert [] == scheduler.get_schedules()


def test_stop_during_a_slow_start(make: Make) -> None:
    """A stop that comes before the start is over waits for it, then stops."""
    opening = threading.Event()

    async def slow() -> None:
        opening.set()
        await anyio.sleep(0.1)

    store = StoreProxy(MemoryDataStore())
    store.delays["open"] = slow
    scheduler = make(store)
    with ThreadPoolExecutor(1) as pool:
        start = pool.submit(scheduler.start)
        assert opening.wait(SOON)
        scheduler.stop()
        assert scheduler is start.result(SOON)
    assert RunState.stopped is scheduler.state


def test_stopping_waits_for_jobs(make: Make, released: threading.Event) -> None:
    """Rule J6: a running job has its grace; stopping returns when the job has ended."""
    ends: list[str] = []
    hold, begun = holding(released, ends=ends)
    with make() as scheduler:
        scheduler.add_job(hold)
        assert begun.wait(SOON)
        threading.Timer(0.1, released.set).start()
    assert ["done"] == ends


def test_stopping_without_grace(scheduler: Scheduler, released: threading.Event) -> None:
    """Rule J6: a job in a thread that goes on does not hold up a stop longer than the grace."""
    hold, begun = holding(released)
    job_id = scheduler.add_job(hold)
    assert begun.wait(SOON)
    with ThreadPoolExecutor(1) as pool:
        result = pool.submit(scheduler.get_job_result, job_id)
        scheduler.stop(grace=0.05)
        assert isinstance(result.exception(SOON) or result.result(), (SchedulerStateError, type(None)))


def test_an_event_loop_that_never_ends(
    make: Make, released: threading.Event, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A job that blocks the event loop for good is left behind, with its thread, and that is said."""
    monkeypatch.setattr("anysched._sync.loop_thread.STOP_LIMIT", 0.1)
    begun = threading.Event()

    async def block() -> None:
        begun.set()
        released.wait(SOON)

    scheduler = make(stop_grace=0).start()
    scheduler.add_job(block)
    assert begun.wait(SOON)
    scheduler.stop()

    assert "has not ended 0.1 seconds after it was asked to: a job blocks it" in caplog.text
    released.set()


@pytest.mark.parametrize("kind", ["thread", "event loop"])
def test_a_job_stops_its_scheduler(scheduler: Scheduler, kind: str) -> None:
    """Called from a job, stop() asks and returns; the thread ends by itself."""

    def stop() -> None:
        Scheduler.current().stop()

    async def stop_too() -> None:
        stop()

    scheduler.add_job(stop if kind == "thread" else stop_too)
    scheduler.wait_until_stopped()
    assert RunState.stopped is scheduler.state
    scheduler.stop()


def test_a_fault(make: Make) -> None:
    """Rule J6: a scheduler that failed says so when its block is left, once."""
    store = StoreProxy(MemoryDataStore())
    scheduler = make(store)

    def fail_in_its_block() -> None:
        with scheduler:
            store.fail(["advance"], ZeroDivisionError("a defect"))
            with suppress(SchedulerStateError):  # it may be stopping already
                scheduler.add_job(see)
            scheduler.wait_until_stopped()

    with pytest.raises(SchedulerFaultError, match="a defect"):
        fail_in_its_block()
    scheduler.stop()


def test_a_fault_while_serving(make: Make) -> None:
    """run_until_stopped() raises what the scheduler failed with."""
    store = StoreProxy(MemoryDataStore())
    scheduler = make(store).start()
    store.fail(["advance"], ZeroDivisionError("a defect"))
    with suppress(SchedulerStateError):  # it may be stopping already
        scheduler.add_job(see)
    with pytest.raises(SchedulerFaultError, match="a defect"):
        scheduler.run_until_stopped()


def test_serving_outside_the_main_thread(make: Make) -> None:
    """Where signals cannot be heard, run_until_stopped() starts, and serves until somebody stops it."""
    scheduler = make()
    with ThreadPoolExecutor(1) as pool:
        serving = pool.submit(scheduler.run_until_stopped)
        until(lambda: scheduler.state is RunState.started)
        scheduler.stop()
        assert serving.result(SOON) is None


def test_an_interrupt_in_a_job(make: Make) -> None:
    """Rule J4: a KeyboardInterrupt in a job stops the scheduler in order, and comes out of stop()."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    scheduler = make().start()
    scheduler.add_job(interrupt)
    scheduler.wait_until_stopped()
    with pytest.raises(KeyboardInterrupt):
        scheduler.stop()


# what running code sees


@task(id="see")
def see() -> tuple[str, str, bool, bool]:
    job = current_job.get()
    found = Scheduler.current().get_jobs([job.id])
    return variable.get(), job.task_id, [job.id] == [one.id for one in found], "stopped" in repr(found)


@task(id="see_too")
async def see_too() -> tuple[str, str, bool, bool]:
    job = current_job.get()
    found = await current_scheduler.get().get_jobs([job.id])
    return variable.get(), job.task_id, [job.id] == [one.id for one in found], "stopped" in repr(found)


def test_context_variables(make: Make) -> None:
    """Jobs see the context variables of who started the scheduler, the job, and the scheduler."""
    token = variable.set("mine")
    try:
        scheduler = make().start()
    finally:
        variable.reset(token)
    assert ("mine", "see", True, False) == scheduler.run_job(see)
    assert ("mine", "see_too", True, False) == scheduler.run_job(see_too)


def test_current_is_the_scheduler_itself(scheduler: Scheduler) -> None:
    """A job under a blocking scheduler finds that very object, also in a coroutine."""
    found: list[Scheduler] = []

    async def find() -> None:
        found.append(Scheduler.current())

    scheduler.run_job(find)
    scheduler.run_job(lambda: found.append(Scheduler.current()))
    assert [scheduler, scheduler] == found


def test_current_outside() -> None:
    """Code that runs under no scheduler is told so."""
    with pytest.raises(SchedulerStateError, match="runs under no scheduler"):
        Scheduler.current()


def test_a_job_uses_its_scheduler_while_it_stops(scheduler: Scheduler) -> None:
    """Rule J6: jobs that run within the grace may still use the scheduler."""
    begun, told = threading.Event(), list[str]()

    def last_words() -> None:
        begun.set()
        until(lambda: scheduler.state is RunState.stopping)
        told.append(Scheduler.current().add_schedule(see, IntervalTrigger(days=1), id="last"))

    scheduler.add_job(last_words)
    assert begun.wait(SOON)
    scheduler.stop()
    assert ["last"] == told


def test_a_job_that_is_cancelled(scheduler: Scheduler) -> None:
    """The end of a job is told in the words of the asynchronous class."""

    async def sleep() -> None:
        await anyio.sleep_forever()

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(scheduler.run_job, sleep)
        until(lambda: scheduler.get_jobs(status="running"))
        scheduler.cancel_job(scheduler.get_jobs()[0].id)
        assert isinstance(waiting.exception(SOON), JobCancelled)
