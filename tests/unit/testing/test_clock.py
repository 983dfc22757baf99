"""The clock for tests: it goes from wake-up to wake-up and waits for everybody who woke up."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from threading import Event as ThreadEvent

import anyio
import anyio.to_thread
import pytest

from anysched._clock import Clock, activity_owner
from anysched.engine.wakeup import Wakeup
from anysched.testing import ClockStuckError, FakeClock

pytestmark = pytest.mark.anyio

START = datetime(2025, 1, 1, tzinfo=UTC)


def seconds(clock: Clock) -> float:
    return (clock.now() - START).total_seconds()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


class Worker:
    """Runs jobs the way the engine does: a token for each, in the name of the job."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.log: list[tuple[str, float]] = []

    def note(self, text: str) -> None:
        self.log.append((text, seconds(self.clock)))

    async def run(self, name: str, job: Callable[[], Awaitable[object]]) -> None:
        activity_owner.set(name)
        try:
            await job()
        finally:
            self.note(f"{name} ended")
            self.clock.release(name)


async def test_walks_through_every_wakeup(clock: FakeClock) -> None:
    """An advance stops at each wake-up in order, new ones on the way included, and ends at its target."""
    worker = Worker(clock)

    async def loop(name: str, interval: float) -> None:
        wakeup = Wakeup(clock, name)
        while True:
            await wakeup.wait(clock.now() + timedelta(seconds=interval))
            worker.note(name)

    async with anyio.create_task_group() as tg:
        for name, interval in (("a", 2), ("b", 3)):
            clock.hold(name)
            tg.start_soon(loop, name, interval)
        await clock.advance(6.5)
        tg.cancel_scope.cancel()
    assert [("a", 2), ("b", 3), ("a", 4)] == worker.log[:3]
    assert {("a", 6), ("b", 6)} == set(worker.log[3:])
    assert 6.5 == seconds(clock) == clock.monotonic()


async def test_everybody_due_at_an_instant_is_woken_together(clock: FakeClock) -> None:
    """Who waits for the same instant wakes at the same instant, even if one of them takes its real time."""
    worker = Worker(clock)

    async def quick() -> None:
        await clock.sleep(1)
        worker.note("quick")
        await clock.sleep(1)

    async def slow() -> None:
        await clock.sleep(1)
        for _ in range(50):
            await anyio.to_thread.run_sync(bool)
        worker.note("slow")

    async with anyio.create_task_group() as tg:
        for name, job in (("job 1", quick), ("job 2", slow)):
            clock.hold(name)
            tg.start_soon(worker.run, name, job)
        await clock.advance(10)
    assert [("quick", 1), ("slow", 1), ("job 2 ended", 1), ("job 1 ended", 2)] == worker.log


async def test_waits_for_threads(clock: FakeClock) -> None:
    """An advance returns when no work is in flight, work in threads included."""
    worker, gate = Worker(clock), ThreadEvent()

    async def job() -> None:
        await anyio.to_thread.run_sync(gate.wait)
        worker.note("thread is done")

    async with anyio.create_task_group() as tg:
        clock.hold("job")
        tg.start_soon(worker.run, "job", job)
        await anyio.lowlevel.checkpoint()
        tg.start_soon(anyio.to_thread.run_sync, gate.set)
        await clock.advance(60)
    assert [("thread is done", 0), ("job ended", 0)] == worker.log


async def test_a_setter_takes_the_token_for_the_woken(clock: FakeClock) -> None:
    """From the call of a wake-up on, its task counts as busy, so the clock cannot move on before it ran."""
    worker, wakeup = Worker(clock), Wakeup(clock, "loop")

    async def loop() -> None:
        for _ in range(2):
            await wakeup.wait()
            worker.note("woken")
        clock.release("loop")

    async with anyio.create_task_group() as tg:
        clock.hold("loop")
        tg.start_soon(loop)
        await clock.settle()
        wakeup.call()
        await clock.advance(5)
        wakeup.call()
        wakeup.call()
        await clock.advance(5)
    assert [("woken", 0), ("woken", 5)] == worker.log


async def test_a_job_rests_while_one_of_its_tasks_sleeps(clock: FakeClock) -> None:
    """The sleeping children of a job count once, and each wakes at its own instant."""
    worker = Worker(clock)

    async def child(name: str, *naps: float) -> None:
        for nap in naps:
            await clock.sleep(nap)
            worker.note(name)

    async def job() -> None:
        async with anyio.create_task_group() as children:
            children.start_soon(child, "a", 1, 0.5, 2)
            children.start_soon(child, "b", 2)
        await clock.sleep(1)

    async with anyio.create_task_group() as tg:
        clock.hold("job")
        tg.start_soon(worker.run, "job", job)
        await clock.advance(60)
    assert [("a", 1), ("a", 1.5), ("b", 2), ("a", 3.5), ("job ended", 4.5)] == worker.log


async def test_a_task_that_outlives_its_job(clock: FakeClock) -> None:
    """What a job leaves behind in another task group sleeps on, and the ends of both are accounted for."""
    worker = Worker(clock)

    async def left_behind() -> None:
        for _ in range(3):
            await clock.sleep(2)
            worker.note("left behind")

    async with anyio.create_task_group() as tg:

        async def job() -> None:
            tg.start_soon(left_behind)
            await clock.sleep(3)

        clock.hold("job")
        tg.start_soon(worker.run, "job", job)
        await clock.advance(60)
    expected = [("left behind", 2), ("job ended", 3), ("left behind", 4), ("left behind", 6)]
    assert expected == worker.log


async def test_tasks_of_the_test_itself(clock: FakeClock) -> None:
    """A sleeping task that belongs to no job is woken at its instants, and gets as far as its next await."""
    seen: list[float] = []

    async def ticker() -> None:
        while True:
            await clock.sleep(1)
            seen.append(seconds(clock))

    async with anyio.create_task_group() as tg:
        tg.start_soon(ticker)
        await clock.advance(3)
        tg.cancel_scope.cancel()
    assert [1, 2, 3] == seen


async def test_cancelled_waits_hold_their_tokens_again() -> None:
    """A cancelled wait or sleep counts as work until it is done with, and is not woken any more."""
    clock = FakeClock(timeout=0.05)
    worker, ended = Worker(clock), anyio.Event()

    async def loop() -> None:
        await clock.wait(
            anyio.Event(), START + timedelta(seconds=5), poll_at=START + timedelta(1), who="loop"
        )

    async def stubborn(wait: Callable[[], Awaitable[object]]) -> None:
        try:
            await wait()
        finally:
            with anyio.CancelScope(shield=True):
                await ended.wait()

    async with anyio.create_task_group() as tg:
        clock.hold("loop")
        clock.hold("job")
        tg.start_soon(stubborn, loop)
        tg.start_soon(worker.run, "job", lambda: stubborn(lambda: clock.sleep(5)))
        await clock.settle()
        tg.cancel_scope.cancel()
        with anyio.CancelScope(shield=True):
            with pytest.raises(ClockStuckError) as caught:
                await clock.advance(10)
            assert ("job", "loop") == caught.value.busy
            assert START == clock.now()
            ended.set()
            clock.release("loop")
            await clock.advance(10)
    assert 10 == seconds(clock)


async def test_names_whoever_is_still_at_work() -> None:
    """Work that the clock does not know of is named after the guard time, and the clock stays where it is."""
    clock = FakeClock(timeout=0.05)
    clock.hold("job 7 of 'mail'\n")
    with pytest.raises(ClockStuckError, match=r"job 7 of 'mail'\\n") as caught:
        await clock.advance(1)
    assert ("job 7 of 'mail'\n",) == caught.value.busy
    assert START == clock.now()
    clock.release("job 7 of 'mail'\n")
    await clock.advance(1)


async def test_a_loop_that_spins_is_named() -> None:
    """Whoever waits for an instant that has passed, again and again, is named instead of hanging the test."""
    clock = FakeClock(timeout=0.05)

    async def spin() -> None:
        while True:
            await clock.wait(anyio.Event(), START, who="spinner")

    async with anyio.create_task_group() as tg:
        clock.hold("spinner")
        tg.start_soon(spin)
        with pytest.raises(ClockStuckError, match="spinner"):
            await clock.settle()
        tg.cancel_scope.cancel()


class Poller:
    """Looks every five seconds, as a planner does."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.wakeup = Wakeup(clock, "planner")
        self.looks: list[float] = []
        clock.hold("planner")

    async def run(self) -> None:
        while True:
            await self.wakeup.wait(poll_at=self.clock.now() + timedelta(seconds=5))
            self.looks.append(seconds(self.clock))


async def test_polls_that_can_find_nothing_are_left_out(clock: FakeClock) -> None:
    """A month without events costs one poll; each advance brings one more, as the test may have written."""
    poller = Poller(clock)
    async with anyio.create_task_group() as tg:
        tg.start_soon(poller.run)
        await clock.advance(timedelta(days=30))
        assert [5] == poller.looks
        await clock.advance(4.9)
        await clock.advance(10)
        tg.cancel_scope.cancel()
    month = timedelta(days=30).total_seconds()
    assert [5, month, month + 5] == poller.looks


async def test_polls_keep_their_beat(clock: FakeClock) -> None:
    """After a wake-up by time everybody who polls looks once, when it would have looked anyway."""
    poller = Poller(clock)
    async with anyio.create_task_group() as tg:
        tg.start_soon(poller.run)
        await clock.advance(1)
        other = Poller(clock)
        tg.start_soon(other.run)
        tg.start_soon(clock.sleep, 102)
        tg.start_soon(clock.sleep, 1002)
        await clock.advance(5000)
        tg.cancel_scope.cancel()
    assert [5, 105, 1005] == poller.looks
    assert [6, 106, 1006] == other.looks


async def test_a_known_change_brings_a_poll(clock: FakeClock) -> None:
    """After a call of ``changed`` there is one more poll, on its beat; alone, none after a wake-up by time."""
    poller = Poller(clock)
    async with anyio.create_task_group() as tg:
        tg.start_soon(poller.run)

        async def write() -> None:
            await clock.sleep_until(START + timedelta(seconds=61))
            clock.changed()
            await clock.sleep_until(START + timedelta(seconds=301))

        tg.start_soon(write)
        await clock.advance(5)
        clock.changed()
        await clock.advance(600)
        tg.cancel_scope.cancel()
    assert [5, 10, 65] == poller.looks


async def test_setting_the_clock(clock: FakeClock) -> None:
    """Rule N4: a jump wakes who waits for an instant that has come; durations and polls go on as before."""
    worker, poller = Worker(clock), Poller(clock)

    async def note_after(text: str, wait: Awaitable[None]) -> None:
        await wait
        worker.note(text)

    async with anyio.create_task_group() as tg:
        tg.start_soon(poller.run)
        tg.start_soon(note_after, "until", clock.sleep_until(START + timedelta(seconds=30)))
        tg.start_soon(note_after, "late", clock.sleep_until(START + timedelta(seconds=3605)))
        tg.start_soon(note_after, "for", clock.sleep(10))
        await clock.advance(2)
        clock.jump(timedelta(hours=1))
        assert 3602 == seconds(clock)
        assert 2 == clock.monotonic()
        await clock.settle()
        assert [("until", 3602)] == worker.log
        await clock.advance(3)
        assert [3605] == poller.looks
        clock.jump(timedelta(hours=-1))
        await clock.advance(20)
        tg.cancel_scope.cancel()
    assert [("until", 3602), ("late", 3605), ("for", 10)] == worker.log
    assert 25 == clock.monotonic()
    assert 25 == seconds(clock)


async def test_ended_waits_leave_nothing_behind(clock: FakeClock) -> None:
    """Waits that an event ended long before their time do not pile up."""
    wakeup, rounds = Wakeup(clock, "loop"), 0

    async def loop() -> None:
        nonlocal rounds
        while True:
            await wakeup.wait(START + timedelta(days=365))
            rounds += 1

    async with anyio.create_task_group() as tg:
        clock.hold("loop")
        tg.start_soon(loop)
        for _ in range(500):
            wakeup.call()
            await clock.settle()
        assert 500 == rounds
        assert len(clock._deadlines) < 100
        tg.cancel_scope.cancel()


async def test_an_instant_that_has_come_is_not_waited_for(clock: FakeClock) -> None:
    """Waiting for nothing returns at once, and the token stays."""
    event = anyio.Event()
    event.set()
    await clock.wait(event, who="nobody")
    await clock.wait(anyio.Event(), START, who="nobody")
    await clock.wait(anyio.Event(), poll_at=START - timedelta(1), who="nobody")
    await clock.sleep(0)
    await clock.sleep(-1)
    await clock.sleep_until(START)
    assert START == clock.now()


async def test_the_end_of_the_calendar(clock: FakeClock) -> None:
    """A sleep without end, or beyond the calendar, does not fail."""
    async with anyio.create_task_group() as tg:
        tg.start_soon(clock.sleep, math.inf)
        tg.start_soon(clock.sleep, 1e13)
        await clock.advance(timedelta(days=365 * 100))
        tg.cancel_scope.cancel()


async def test_two_cannot_move_it_at_once(clock: FakeClock) -> None:
    """While one task moves the clock, another that tries is refused."""
    async with anyio.create_task_group() as tg:
        clock.hold("job")
        tg.start_soon(clock.advance, 1)
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(anyio.BusyResourceError, match="moving this clock"):
            await clock.advance(1)
        clock.release("job")


async def test_refusals(clock: FakeClock) -> None:
    """Time only passes forward; instants are aware; a token must be held to be given back."""
    with pytest.raises(ValueError, match="must not be negative"):
        await clock.advance(-1)
    with pytest.raises(TypeError, match="by must be a timedelta or a number"):
        await clock.advance("1")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="jump"):
        await clock.advance_to(START - timedelta(1))
    with pytest.raises(ValueError, match="instant must be aware"):
        await clock.advance_to(datetime(2026, 1, 1))
    with pytest.raises(ValueError, match="start must be aware"):
        FakeClock(datetime(2026, 1, 1))
    with pytest.raises(RuntimeError, match="'x' gives back"):
        clock.release("x")
    assert START == clock.now()
    assert "2025-01-01" in repr(clock)
