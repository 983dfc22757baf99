"""How a server's time is told between two of its answers (rule N6)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anysched import SystemClock
from anysched.stores.sql.columns import from_instant
from anysched.stores.sql.present import DRIFT, ServerTime

START = datetime(2026, 3, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class World(SystemClock):
    """A node's monotonic clock, and a server's clock that goes a little faster or slower."""

    def __init__(self, rate: float = 1.0) -> None:
        self.passed = 0.0
        self.rate = rate
        self.set_by = 0.0

    def monotonic(self) -> float:
        return 1000 + self.passed

    def now(self) -> datetime:
        return START - timedelta(days=400)

    @property
    def server(self) -> datetime:
        return START + timedelta(seconds=self.passed * self.rate + self.set_by)

    def ask(self, time: ServerTime, there: float, back: float) -> None:
        """Let a question and its answer travel for so many seconds each."""
        asked_at = self.monotonic()
        self.passed += there
        number = from_instant(self.server)
        self.passed += back
        time.told(number, asked_at, self.monotonic())


travel = st.floats(0, 3)
rates = st.floats(1 - DRIFT / 2, 1 + DRIFT / 2)


@given(rate=rates, asked=st.lists(st.tuples(st.floats(0, 5000), travel, travel), min_size=1))
def test_never_ahead(rate: float, asked: list[tuple[float, float, float]]) -> None:
    """Rule N6: what a node takes for the server's present has come there, and is as close as the last answer says."""
    world = World(rate)
    time = ServerTime(world)
    for pause, there, back in asked:
        world.passed += pause
        world.ask(time, there, back)
        assert time.now() <= world.server + 2 * MICROSECOND
        assert world.server - time.now() <= timedelta(seconds=there + back + 0.001)


@given(rate=rates, waits=st.floats(0, 10_000))
def test_a_quick_answer_counts_for_longer_than_slow_ones(rate: float, waits: float) -> None:
    """An answer that came at once makes the time known to a part of what has passed since."""
    world = World(rate)
    time = ServerTime(world)
    world.ask(time, 0, 0)
    world.passed += waits
    world.ask(time, 2, 2)
    assert timedelta(seconds=2 * DRIFT * (waits + 4) + 0.001) >= world.server - time.now()


@pytest.mark.parametrize("seconds", [-86_400, -3600, -0.5, 0.5, 3600])
def test_a_server_whose_clock_is_set(seconds: float) -> None:
    """Rules N4 and N6: when the server's clock is set, nodes go by it from its next answer on."""
    world = World()
    time = ServerTime(world)
    world.ask(time, 0.01, 0.01)
    world.passed += 5
    world.set_by += seconds
    world.ask(time, 0.01, 0.01)
    assert timedelta(0) <= world.server - time.now() <= timedelta(seconds=0.021)


def test_before_the_first_answer() -> None:
    """Before the server has told anything, the node's clock is all there is."""
    world = World()
    assert world.now() == ServerTime(world).now()
