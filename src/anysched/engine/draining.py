"""What becomes of jobs that are running when their schedules are paused (rule P11)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta

import anyio

from anysched.engine.asking import PauseRequest
from anysched.engine.jobs import Jobs, set_or_slept
from anysched.engine.lifecycle import Engine
from anysched.errors import JobLookupError, JobsStillRunning
from anysched.model.events import Event, JobReleased
from anysched.model.job import Job
from anysched.model.policies import JobKind, JobStatus
from anysched.ports.queries import JobQuery


class Draining:
    """Cancels running jobs of schedules, or waits for them, wherever they run."""

    def __init__(self, engine: Engine, jobs: Jobs) -> None:
        self._engine = engine
        self._jobs = jobs
        self._store = engine.settings.store
        self._clock = engine.settings.clock

    async def settle(self, schedules: Iterable[str], how: PauseRequest) -> None:
        """Do to running jobs of paused schedules what was asked for.

        :raise JobsStillRunning: when some have not ended in the time that they were given
        """
        if how.running == "cancel":
            await self._cancel(frozenset(schedules))
        elif how.running == "drain":
            left = await self.wait(frozenset(schedules), how.drain_timeout)
            if left:
                raise JobsStillRunning(tuple(job.id for job in left))

    async def _cancel(self, schedules: Collection[str]) -> None:
        for job in await self._busy(schedules):
            if job.status is JobStatus.running:
                try:
                    await self._jobs.cancel(job.id)
                except JobLookupError:  # it has ended meanwhile
                    continue

    async def wait(self, schedules: Collection[str], limit: timedelta | None) -> Sequence[Job]:
        """Wait until no job of these schedules is running or about to; return those that are when time is up.

        Jobs that are held do not count, nor those that start later.
        """
        ids, ended = frozenset(schedules), anyio.Event()
        deadline = None if limit is None else self._clock.monotonic() + limit.total_seconds()

        def hear(events: Sequence[Event]) -> None:
            if any(isinstance(event, JobReleased) and event.schedule_id in ids for event in events):
                ended.set()

        leave = self._engine.settings.broker.subscribe(hear, (JobReleased,))
        try:
            while busy := await self._busy(ids):
                patience = self._engine.settings.poll_interval
                if deadline is not None:
                    left = timedelta(seconds=deadline - self._clock.monotonic())
                    if left <= timedelta(0):
                        return busy
                    patience = min(patience, left)
                await set_or_slept(ended, self._clock, patience)
                ended = anyio.Event()
        finally:
            leave()
        return ()

    async def _busy(self, schedules: Collection[str]) -> list[Job]:
        now = self._store.present()
        return [
            job
            for job in await self._store.get_jobs(
                JobQuery()
            )  # at once, or one that is just taken would be missed
            if job.schedule_id in schedules
            and job.kind is not JobKind.backfill  # these go on (rule F3)
            and (job.status is JobStatus.running or (job.status is JobStatus.queued and job.run_at <= now))
        ]
