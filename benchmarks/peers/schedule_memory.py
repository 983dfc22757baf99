"""schedule: a list of functions that a loop of one's own asks for what is due."""

from __future__ import annotations

from datetime import datetime
from functools import partial

import schedule
from workloads import Peer


class Adapter(Peer):
    async def open(self) -> None:
        self._scheduler = schedule.Scheduler()

    async def begin(self) -> None:
        raise NotImplementedError

    async def add_every(self, count: int, seconds: float, first: datetime) -> None:
        for _ in range(count):
            self._scheduler.every(int(seconds)).seconds.do(partial(self.job.plain))
