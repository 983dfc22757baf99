"""A scheduler that runs only when a test turns the crank."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Self

import attrs

from anysched._scheduler import AsyncScheduler
from anysched.model.convert import Seconds
from anysched.model.job import Job, JobResult
from anysched.model.policies import JobOutcome
from anysched.ports.store import Completion, DataStore
from anysched.testing.clock import FakeClock


@attrs.frozen
class Run:
    """A job that has ended.

    :ivar job: the job
    :ivar result: how it ended; return value and exception included
    """

    job: Job
    result: JobResult

    @property
    def schedule_id(self) -> str | None:
        """The schedule it was made from, if any."""
        return self.job.schedule_id

    @property
    def fire_time(self) -> datetime | None:
        """The nominal fire time, if it has one."""
        return self.job.scheduled_fire_time

    @property
    def outcome(self) -> JobOutcome:
        """How it ended."""
        return self.result.outcome


class ManualScheduler(AsyncScheduler):
    """An ``AsyncScheduler`` on a clock of its own, for tests of programs that use one.

    Everything is real but the time: jobs run, pauses hold, the store stores. Nothing happens between the calls
    of ``advance``, and each returns the jobs that ended meanwhile, so a test needs no waiting and no mocks.

    :param data_store: as for ``AsyncScheduler``
    :param start: the first instant of the clock, aware
    :param options: all other parameters of ``AsyncScheduler`` but ``clock``
    """

    def __init__(
        self,
        data_store: DataStore | str | None = None,
        *,
        start: datetime = datetime(2025, 1, 1, tzinfo=UTC),
        **options: Any,
    ) -> None:
        self.clock: FakeClock = FakeClock(start)
        options.setdefault("timezone", UTC)
        super().__init__(data_store, clock=self.clock, **options)
        self._runs: list[Run] = []

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self._engine.reporter.observer = self._observe
        return self

    def now(self) -> datetime:
        """Return the present instant of the clock."""
        return self.clock.now()

    async def advance(self, by: Seconds = 0) -> list[Run]:
        """Let a timedelta or a number of seconds pass; return the jobs that ended, in the order of their ends.

        Without an argument no time passes, and what is due now runs.

        :raise ClockStuckError: when a job waits for something other than ``clock.sleep``
        """
        await self.clock.advance(by)
        return self._taken()

    async def advance_to(self, instant: datetime) -> list[Run]:
        """Let time pass until an aware instant, inclusive; return the jobs that ended."""
        await self.clock.advance_to(instant)
        return self._taken()

    async def run_now(self, schedule_id: str) -> Run:
        """Run a schedule once by hand, paused or not, and return how that ended; other ends are kept for later.

        :raise ScheduleLookupError: when there is no such schedule
        """
        job_id = await self.run_schedule(schedule_id)
        await self.clock.advance(0)
        (run,) = (run for run in self._runs if run.job.id == job_id)
        self._runs.remove(run)
        return run

    def _observe(self, completion: Completion) -> None:
        self._runs.append(Run(completion.claim.job, completion.result))

    def _taken(self) -> list[Run]:
        runs, self._runs = self._runs, []
        return runs
