"""What a call of the blocking scheduler costs, against a bare call into an event loop in another thread."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Literal

import anyio.lowlevel
from anyio.from_thread import start_blocking_portal

from anysched import IntervalTrigger, Scheduler, task

ROUNDS, CALLS = 7, 1000


@task(id="nothing")
def nothing() -> None:
    pass


def microseconds(call: Callable[[], object]) -> float:
    """Return what one call costs, the mean of many."""
    began = time.perf_counter()
    for _ in range(CALLS):
        call()
    return (time.perf_counter() - began) / CALLS * 1e6


def measure(backend: Literal["asyncio", "trio"]) -> None:
    """Print medians and their spread, of rounds that are interleaved, and ratios to the bare call."""
    with Scheduler(backend=backend, role="client") as scheduler, start_blocking_portal(backend) as portal:
        scheduler.add_schedule(nothing, IntervalTrigger(days=1), id="daily")
        calls: dict[str, Callable[[], object]] = {
            "portal.call": lambda: portal.call(anyio.lowlevel.checkpoint),
            "scheduler.call": lambda: scheduler.call(anyio.lowlevel.checkpoint),
            "get_schedule": lambda: scheduler.get_schedule("daily"),
            "pause_schedule": lambda: scheduler.pause_schedule("daily"),
        }
        taken: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(ROUNDS):
            for name, call in calls.items():
                taken[name].append(microseconds(call))
    bare = statistics.median(taken["portal.call"])
    for name, each in taken.items():
        median = statistics.median(each)
        print(
            f"{backend:8} {name:15} {median:6.0f} µs ({min(each):.0f} to {max(each):.0f})  x{median / bare:.2f}"
        )


if __name__ == "__main__":
    measure("asyncio")
    measure("trio")
