"""The blocking scheduler is tested on both event loops; no test may leave a thread behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from anysched import Scheduler

#: Seconds that everything may take which should take none, on a busy machine.
SOON = 10.0


@pytest.fixture(params=["asyncio", "trio"])
def backend(request: pytest.FixtureRequest) -> Any:
    """The event loop under the scheduler."""
    return request.param


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    """Threads end with the scheduler; only those that trio keeps for a while, for all of the process, may stay."""
    before = set(threading.enumerate())
    yield
    until(lambda: not left_since(before))


def left_since(before: set[threading.Thread]) -> list[threading.Thread]:
    """Return the threads that have come since, without trio's own."""
    return [
        thread
        for thread in threading.enumerate()
        if thread not in before and not thread.name.startswith("Trio thread")
    ]


def until(condition: Callable[[], object]) -> None:
    """Return when the condition holds; fail when that takes too long."""
    deadline = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < deadline, "it has not come to pass"
        time.sleep(0.005)


@pytest.fixture
def make(backend: Any) -> Iterator[Callable[..., Scheduler]]:
    """Makes schedulers; those that still run when the test is over are stopped."""
    made: list[Scheduler] = []

    def make_scheduler(*args: Any, **options: Any) -> Scheduler:
        made.append(Scheduler(*args, **{"backend": backend, "timezone": "UTC", **options}))
        return made[-1]

    yield make_scheduler
    for scheduler in made:
        scheduler.stop(grace=0)


@pytest.fixture
def scheduler(make: Callable[..., Scheduler]) -> Scheduler:
    """A scheduler that runs."""
    return make().start()
