"""Calls from any thread, and the ones that cannot be."""

from __future__ import annotations

import gc
import os
import signal
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest
import sniffio
from tests.sync.conftest import SOON, until

from anysched import (
    ConflictingIdError,
    IntervalTrigger,
    JobFailed,
    JobReleased,
    RunState,
    Schedule,
    ScheduleLookupError,
    ScheduleOwnerError,
    Scheduler,
    SchedulerRole,
    SchedulerStateError,
    current_job,
    current_scheduler,
    task,
)
from anysched.stores import SQLDataStore
from anysched.testing import FakeClock

NOON = datetime(2025, 1, 1, 12, tzinfo=UTC)
HOUR = IntervalTrigger(hours=1)

variable: ContextVar[str] = ContextVar("variable", default="unset")


@task
def double(number: int) -> int:
    return 2 * number


@task
async def fail() -> None:
    raise LookupError("not here")


def test_a_schedule_from_start_to_end(scheduler: Scheduler) -> None:
    """Calls return what the asynchronous methods return, and raise what they raise."""
    assert "hourly" == scheduler.add_schedule(double, HOUR, id="hourly", args=[1])
    scheduler.pause_schedule("hourly", by="ana")
    assert scheduler.get_schedule("hourly").paused
    assert scheduler.preview_unpause("hourly").changed
    scheduler.unpause_schedule("hourly")
    with pytest.raises(ConflictingIdError):
        scheduler.add_schedules([Schedule(double, HOUR, id="hourly")], conflict_policy="exception")
    with pytest.raises(ScheduleOwnerError):
        scheduler.apply_schedules([Schedule(double, HOUR, id="hourly")], owner="me")
    added = scheduler.apply_schedules([Schedule(double, HOUR, id="daily")], owner="me", retire=True).added
    assert ("daily",) == added
    scheduler.remove_schedule("hourly")
    with pytest.raises(ScheduleLookupError, match="'hourly'"):
        scheduler.get_schedule("hourly")


def test_jobs(scheduler: Scheduler) -> None:
    """A job's return value, exception and result come back."""
    assert 6 == scheduler.run_job(double, args=[3])
    with pytest.raises(JobFailed) as caught:
        scheduler.run_job(fail)
    assert isinstance(caught.value.__cause__, LookupError)
    job_id = scheduler.add_job(double, args=[4], result_expiration_time=60)
    result = scheduler.get_job_result(job_id)
    assert result is not None
    assert 8 == result.return_value


def test_a_durable_store(make: Callable[..., Scheduler], tmp_path: Any) -> None:
    """Schedules outlive the scheduler; the URL of a database will do."""
    url = f"sqlite:///{tmp_path}/jobs.db"
    with make(url) as scheduler:
        scheduler.add_schedule(double, HOUR, id="hourly", args=[1], paused=True)
    with make(SQLDataStore(url), tasks=[double]) as scheduler:
        assert ["hourly"] == [one.id for one in scheduler.get_schedules(paused=True)]
        assert 2 == scheduler.run_job(double, args=[1])


def test_properties_can_always_be_read(make: Callable[..., Scheduler]) -> None:
    """Identity, role, time zone, state and health need no event loop."""
    scheduler = make(identity="here", role="client")
    read = []
    for act in (lambda: None, scheduler.start, scheduler.stop):
        act()
        assert ("here", SchedulerRole.client, "UTC") == (
            scheduler.identity, scheduler.role, str(scheduler.timezone),
        )  # fmt: skip
        read.append((scheduler.state, scheduler.health.ok))

    assert [(RunState.created, False), (RunState.started, True), (RunState.stopped, False)] == read
    assert "<Scheduler 'here' stopped on <MemoryDataStore: 0 schedules, 0 jobs>>" == repr(scheduler)


def test_before_start_and_after_stop(make: Callable[..., Scheduler]) -> None:
    """Every method that needs a running scheduler says so, and how to get one."""
    scheduler = make()
    for call in (
        scheduler.get_tasks, scheduler.wait_until_stopped, lambda: scheduler.call(anyio.sleep, 0),
    ):  # fmt: skip
        with pytest.raises(
            SchedulerStateError, match=r"not been started: use it inside `with scheduler:`, or"
        ):
            call()
    scheduler.stop()
    scheduler.start().stop()
    for call in (
        scheduler.get_tasks, lambda: scheduler.call(anyio.sleep, 0), lambda: scheduler.subscribe(print),
        lambda: scheduler.get_next_event(JobReleased),
    ):  # fmt: skip
        with pytest.raises(SchedulerStateError, match=r"the scheduler is stopped: it can be used between"):
            call()
    scheduler.wait_until_stopped()


def test_many_threads_at_once(scheduler: Scheduler) -> None:
    """Any thread may call at any time."""
    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(lambda n: scheduler.add_schedule(double, HOUR, id=str(n)), range(40)))
        values = set(pool.map(lambda n: scheduler.run_job(double, args=[n]), range(40)))

    assert ids == {one.id for one in scheduler.get_schedules()}
    assert set(range(0, 80, 2)) == values


def test_calls_that_wait_end_with_the_scheduler(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rule J6: whoever waits in a call when the scheduler stops is told, and never left waiting."""
    monkeypatch.setattr("anysched._sync.loop_thread.LAST_CALLS", 0.1)

    async def shielded() -> None:
        with anyio.CancelScope(shield=True):
            await anyio.sleep(0.05)
        await anyio.sleep_forever()

    with ThreadPoolExecutor(3) as pool:
        waiting = [
            pool.submit(scheduler.get_next_event, JobReleased),
            pool.submit(scheduler.call, anyio.sleep_forever),
            pool.submit(scheduler.call, shielded),
        ]
        scheduler.get_tasks()  # the others have begun
        scheduler.stop()
        for one in waiting:
            assert isinstance(one.exception(SOON), SchedulerStateError)


def test_calls_race_with_stop(make: Callable[..., Scheduler]) -> None:
    """A call at the very moment of the stop returns or raises; none hangs."""
    for _ in range(5):
        scheduler = make().start()

        def call_on(scheduler: Scheduler = scheduler) -> int:
            for count in range(10_000):
                try:
                    scheduler.get_tasks()
                except SchedulerStateError:
                    return count
            raise AssertionError("it does not stop")

        with ThreadPoolExecutor(4) as pool:
            callers = [pool.submit(call_on) for _ in range(4)]
            scheduler.run_job(double, args=[1])
            scheduler.stop()
            assert all(one.result(SOON) >= 0 for one in callers)


def test_call_runs_on_the_event_loop(scheduler: Scheduler, backend: str) -> None:
    """`call` passes arguments, context variables, return values and exceptions through."""

    async def where(*args: int) -> tuple[str, str, tuple[int, ...]]:
        return sniffio.current_async_library(), variable.get(), args

    token = variable.set("mine")
    try:
        assert (backend, "mine", (1, 2)) == scheduler.call(where, 1, 2)
    finally:
        variable.reset(token)

    async def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scheduler.call(interrupted)
    assert scheduler.health.ok


def test_an_exception_keeps_nothing_alive(scheduler: Scheduler) -> None:
    """What a call raised goes with its frames when it has been handled, without a collection of garbage."""

    class Big:
        pass

    async def fail() -> None:
        big = Big()
        kept.append(weakref.ref(big))
        raise LookupError

    kept: list[weakref.ref[Big]] = []
    gc.disable()
    try:
        with suppress(LookupError):
            scheduler.call(fail)
        until(lambda: kept[0]() is None)
    finally:
        gc.enable()


def test_a_clock_for_tests(make: Callable[..., Scheduler]) -> None:
    """A FakeClock moves a blocking scheduler, thread jobs included."""
    clock, ran = FakeClock(NOON), list[datetime | None]()

    def note() -> None:
        ran.append(current_job.get().scheduled_fire_time)

    with make(clock=clock) as scheduler:
        scheduler.add_schedule(note, HOUR, id="hourly")
        scheduler.call(clock.advance, timedelta(hours=2))

    assert [NOON, NOON + timedelta(hours=1), NOON + timedelta(hours=2)] == ran


def test_from_its_own_event_loop(scheduler: Scheduler) -> None:
    """A coroutine that would block its own event loop is refused, and told what to write instead."""

    async def block() -> str:
        errors = []
        for call in (scheduler.get_tasks, scheduler.wait_until_stopped):
            with pytest.raises(SchedulerStateError, match="runs on the event loop") as caught:
                call()
            errors.append(str(caught.value))
        await current_scheduler.get().get_tasks()
        return errors[0]

    assert "`await current_scheduler.get().<method>(...)`" in scheduler.run_job(block)

    async def stop() -> None:
        scheduler.stop()

    with pytest.raises(SchedulerStateError, match="runs on the event loop"):
        scheduler.call(stop)


def test_inside_a_program_with_an_event_loop(make: Callable[..., Scheduler]) -> None:
    """The event loop of the program, whichever it is, has nothing to do with the scheduler's."""

    async def program() -> None:
        with make() as scheduler:
            assert 2 == scheduler.run_job(double, args=[1])
            assert 4 == await anyio.to_thread.run_sync(lambda: scheduler.run_job(double, args=[2]))

    anyio.run(program, backend="asyncio")
    anyio.run(program, backend="trio")


def test_several_in_one_process(make: Callable[..., Scheduler]) -> None:
    """Schedulers on different event loops run side by side, each with its own jobs."""
    with make(backend="asyncio") as one, make(backend="trio") as two, make() as three:
        for scheduler in (one, two, three):
            assert scheduler.identity == scheduler.run_job(identity_of_current)
        assert 3 == len({one.identity, two.identity, three.identity})


def identity_of_current() -> str:
    return Scheduler.current().identity


@pytest.mark.skipif(os.name != "posix", reason="signals are sent as POSIX has them")
def test_a_call_that_is_interrupted(scheduler: Scheduler) -> None:
    """A Ctrl-C in a blocking call cancels what runs for it on the event loop."""
    begun, ended = threading.Event(), threading.Event()

    async def endless() -> None:
        begun.set()
        try:
            await anyio.sleep_forever()
        finally:
            ended.set()

    def interrupt() -> None:
        begun.wait(SOON)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    helper = threading.Thread(target=interrupt)
    helper.start()
    with pytest.raises(KeyboardInterrupt):
        scheduler.call(endless)
    assert ended.wait(SOON)
    helper.join()
    assert scheduler.health.ok


def test_bad_arguments() -> None:
    """A backend that is none, and what the asynchronous class refuses, is refused before anything starts."""
    with pytest.raises(ValueError, match='must be "asyncio" or "trio", not \'curio\''):
        Scheduler(backend="curio")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="stop_grace"):
        Scheduler(stop_grace=-1)
    with pytest.raises(TypeError, match="data_store"):
        Scheduler(5)  # type: ignore[arg-type]


def test_without_trio(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where trio is not installed, asking for it says how to install it."""
    monkeypatch.setattr("anysched._sync.scheduler.find_spec", lambda name: None)

    with pytest.raises(ValueError, match=r"pip install 'anysched\[trio\]'"):
        Scheduler(backend="trio")
