"""What all peers are measured with."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

#: Seconds from the start of adding until the schedules are due, for each thousand of them.
LEAD = 0.5


class Stopwatch:
    """Counts jobs from an instant on, and watches the event loop meanwhile."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.done = asyncio.Event()
        self.stall = 0.0

    async def job(self) -> None:
        """The work: nothing."""
        self.count -= 1
        if not self.count:
            self.done.set()

    async def measure(self, due: datetime) -> tuple[float, float]:
        """Wait for the instant, then for all jobs."""
        total = self.count
        gc.collect()
        await asyncio.sleep((due - datetime.now(UTC)).total_seconds() - 0.05)
        watch = asyncio.create_task(self._watch())
        await self.done.wait()
        took = (
            datetime.now(UTC) - due
        ).total_seconds()  # from the instant itself: a blocked loop starts no watch
        await asyncio.sleep(0)
        watch.cancel()
        return total / took, self.stall

    async def _watch(self) -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0)
            now = time.perf_counter()
            self.stall, last = max(self.stall, now - last), now


def main(burst: Callable[[int], Awaitable[tuple[float, float]]]) -> None:
    """Run a workload and print its figures as JSON."""

    async def run() -> tuple[float, float]:
        return await burst(int(sys.argv[1]))

    rate, stall = asyncio.run(run())
    print(json.dumps({"rate": rate, "stall": stall}))
