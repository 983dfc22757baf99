"""What users ask of jobs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any
from uuid import UUID

import anyio

from anysched._clock import Clock
from anysched.engine.instants import aware
from anysched.engine.lifecycle import Engine
from anysched.errors import JobCancelled, JobDeadlineMissed, JobFailed, JobLookupError
from anysched.model import convert
from anysched.model.events import Event, JobAdded, JobCancelRequested, JobReleased
from anysched.model.ids import new_id
from anysched.model.job import Job, JobResult
from anysched.model.policies import JobOutcome, JobStatus
from anysched.model.unset import UnsetType
from anysched.ports.store import JobQuery

#: How long the result of ``run_job`` is kept for the one who waits for it.
RUN_JOB_KEEPS = timedelta(seconds=60)


class Jobs:
    """Adding, reading, awaiting and cancelling jobs."""

    def __init__(self, engine: Engine, timezone: tzinfo) -> None:
        self._engine = engine
        self._store = engine.settings.store
        self._clock = engine.settings.clock
        self._timezone = timezone

    async def add(
        self,
        func_or_task_id: Callable[..., Any] | str,
        args_list: Iterable[Iterable[Any]],
        *,
        kwargs: Mapping[str, Any],
        run_at: datetime | None,
        result_expiration_time: convert.Seconds,
        job_executor: str | UnsetType | None,
        metadata: Mapping[str, Any],
    ) -> list[UUID]:
        """Add one job for each set of arguments, all or nothing."""
        kwargs, metadata = convert.frozen_mapping(kwargs, "kwargs"), convert.metadata(metadata)
        keep = convert.duration(result_expiration_time, "result_expiration_time")
        arguments = [convert.frozen_sequence(args, "args") for args in args_list]
        task_id = await self._engine.tasks.name_of(func_or_task_id)
        self._engine.tasks.check_executor(convert.job_executor(job_executor), task_id)
        if isinstance(job_executor, UnsetType):
            tasks = await self._store.get_tasks((task_id,))
            job_executor = self._engine.settings.policy.options(
                None, tasks[0] if tasks else None
            ).job_executor
        now = await self._store.now()
        start = now if run_at is None else aware(run_at, self._timezone, "run_at")
        jobs = [
            Job(
                new_id(now),
                task_id,
                start,
                now,
                args,
                kwargs,
                job_executor=job_executor,
                result_expiration_time=keep,
                metadata=metadata,
            )
            for args in arguments
        ]
        if jobs:
            await self._store.add_jobs(jobs)
            self._engine.changed([JobAdded(job.id, job.task_id, None) for job in jobs])
        return [job.id for job in jobs]

    async def run(self, add: Callable[[], Any]) -> Any:
        """Wait for a job that ``add`` adds; return what it returned, or raise what became of it."""
        causes = self._engine.runner.causes
        job_id = await add()
        causes[job_id] = None
        try:
            result = await self.result(job_id, wait=True)
            cause = causes[job_id]
        finally:
            del causes[job_id]
        if result is None or result.outcome is JobOutcome.cancelled:
            raise JobCancelled(job_id)
        if result.outcome is JobOutcome.success:
            return result.return_value
        if result.outcome is JobOutcome.missed_start_deadline:
            raise JobDeadlineMissed(job_id)
        problem = result.exception
        assert problem is not None
        raise JobFailed(job_id, problem.type, problem.message, problem.traceback) from cause

    async def get(
        self,
        ids: Collection[UUID] | None,
        schedule_id: str | None,
        task_id: str | None,
        status: JobStatus | str | None,
    ) -> list[Job]:
        """Read jobs that have not ended."""
        return await self._store.get_jobs(
            JobQuery(
                ids=None if ids is None else frozenset(ids),
                schedule_id=schedule_id,
                task_id=task_id,
                status=None if status is None else JobStatus(status),
            )
        )

    async def result(self, job_id: UUID, *, wait: bool) -> JobResult | None:
        """Return how a job ended, as soon as it has; None when nothing is kept about it."""
        ended = anyio.Event()

        def hear(events: Sequence[Event]) -> None:
            if any(isinstance(event, JobReleased) and event.job_id == job_id for event in events):
                ended.set()

        leave = self._engine.settings.broker.subscribe(hear, (JobReleased,))
        try:
            while True:
                result = await self._store.get_result(job_id)
                if result is not None or not wait:
                    return result
                if not await self._store.get_jobs(JobQuery(ids=(job_id,))):
                    return await self._store.get_result(job_id)
                await set_or_slept(ended, self._clock, self._engine.settings.poll_interval)
                ended = anyio.Event()
        finally:
            leave()

    async def cancel(self, job_id: UUID) -> None:
        """End a queued job; ask whoever runs it to cancel a running one."""
        answer = await self._store.cancel_job(job_id)
        if answer is None:
            raise JobLookupError(job_id)
        if answer == "requested":
            self._engine.settings.broker.publish([JobCancelRequested(job_id, "", None)])
        else:
            job = answer.job
            self._engine.changed([JobReleased(job.id, job.task_id, job.schedule_id, answer.result.outcome)])


async def set_or_slept(event: anyio.Event, clock: Clock, seconds: timedelta) -> None:
    """Return when the event is set or the time has passed."""

    async def sleep() -> None:
        await clock.sleep(seconds.total_seconds())
        task_group.cancel_scope.cancel()

    async with anyio.create_task_group() as task_group:
        task_group.start_soon(sleep)
        await event.wait()
        task_group.cancel_scope.cancel()
