"""What users ask of jobs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any
from uuid import UUID

import anyio
import attrs

from anysched._clock import Clock
from anysched.engine.committing import acquired
from anysched.engine.instants import aware
from anysched.engine.lifecycle import Engine
from anysched.engine.subscriptions import is_end_of
from anysched.engine.telling import events_of
from anysched.errors import (
    JobCancelled,
    JobFailed,
    JobLookupError,
    SchedulerStateError,
    StoreError,
)
from anysched.model import convert
from anysched.model.events import Event, JobAdded, JobCancelRequested, JobReleased, SchedulerStopped
from anysched.model.ids import new_id
from anysched.model.job import Job, JobResult
from anysched.model.policies import JobOutcome, JobStatus
from anysched.model.task import Task
from anysched.model.unset import UnsetType
from anysched.ports.queries import JobQuery

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
        jobs = await self._made(
            func_or_task_id, args_list, kwargs, run_at, result_expiration_time, job_executor, metadata
        )
        await self._write(jobs, with_task=isinstance(job_executor, UnsetType))
        return [job.id for job in jobs]

    async def run(
        self,
        func_or_task_id: Callable[..., Any] | str,
        *,
        args: Iterable[Any],
        kwargs: Mapping[str, Any],
        job_executor: str | UnsetType | None,
        metadata: Mapping[str, Any],
    ) -> Any:
        """Add a job and wait for it; return what it returned, or raise what became of it."""
        (job,) = await self._made(
            func_or_task_id, [args], kwargs, None, RUN_JOB_KEEPS, job_executor, metadata
        )
        causes = self._engine.runner.causes
        causes[job.id] = None  # before anybody can take it
        try:
            await self._write([job], with_task=isinstance(job_executor, UnsetType))
            result = await self.result(job.id, wait=True)
            cause = causes[job.id]
        finally:
            del causes[job.id]
        return outcome(job.id, result, cause)

    async def _made(
        self,
        func_or_task_id: Callable[..., Any] | str,
        args_list: Iterable[Iterable[Any]],
        kwargs: Mapping[str, Any],
        run_at: datetime | None,
        result_expiration_time: convert.Seconds,
        job_executor: str | UnsetType | None,
        metadata: Mapping[str, Any],
    ) -> list[Job]:
        """Return jobs with everything checked and nothing written."""
        kwargs, metadata = convert.frozen_mapping(kwargs, "kwargs"), convert.metadata(metadata)
        keep = convert.duration(result_expiration_time, "result_expiration_time")
        arguments = [convert.frozen_sequence(args, "args") for args in args_list]
        start = None if run_at is None else aware(run_at, self._timezone, "run_at")
        task_id = await self._engine.tasks.name_of(func_or_task_id)
        self._engine.tasks.check_executor(convert.job_executor(job_executor), task_id)
        now = self._store.present()
        return [
            Job(
                new_id(now),
                task_id,
                now if start is None else start,
                now,
                args,
                kwargs,
                job_executor=None if isinstance(job_executor, UnsetType) else job_executor,
                result_expiration_time=keep,
                metadata=metadata,
            )
            for args in arguments
        ]

    async def _write(self, jobs: list[Job], *, with_task: bool) -> None:
        """Write jobs; ``with_task`` if they run where the options of their task say."""
        if jobs:
            due = jobs[0].run_at <= jobs[0].created_at
            with self._engine.planner.lending.lend(len(jobs) if due else 0) as loan:
                await self._store.add_jobs(jobs, self._with_executor if with_task else None, loan.taker)
            added: list[Event] = [JobAdded(job.id, job.task_id, None) for job in jobs]
            self._engine.changed([*added, *acquired(self._engine, loan.claims)])

    def _with_executor(self, job: Job, task: Task | None) -> Job:
        executor = self._engine.settings.policy.options(None, task).job_executor
        return job if executor is None else attrs.evolve(job, job_executor=executor)

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
        check_id(job_id)
        settings = self._engine.settings
        changed, stopped = anyio.Event(), False

        def hear(events: Sequence[Event]) -> None:
            nonlocal stopped
            for event in events:
                stopped = stopped or is_end_of(settings.node, event)
                if stopped or (isinstance(event, JobReleased) and event.job_id == job_id):
                    changed.set()

        # Who only asks does not make all nodes tell of all jobs.
        leave = settings.broker.subscribe(
            hear, (JobReleased, SchedulerStopped) if wait else (SchedulerStopped,)
        )
        try:
            while True:
                result = await self._store.get_result(job_id)
                if result is not None or not wait:
                    return result
                if not await self._store.get_jobs(JobQuery(ids=(job_id,))):
                    return await self._store.get_result(job_id)
                if stopped:
                    raise SchedulerStateError(f"the scheduler has stopped before job {job_id} ended")
                await set_or_slept(changed, self._clock, settings.poll_interval)
                changed = anyio.Event()
        except StoreError as exc:
            if not stopped:
                raise
            raise SchedulerStateError(f"the scheduler has stopped before job {job_id} ended") from exc
        finally:
            leave()

    async def cancel(self, job_id: UUID) -> None:
        """End a queued job; ask whoever runs it to cancel a running one."""
        check_id(job_id)
        jobs = await self._store.get_jobs(JobQuery(ids=(job_id,)))
        answer = await self._store.cancel_job(job_id, self._engine.settings.policy)
        if answer is None or not jobs:
            raise JobLookupError(job_id)
        (job,) = jobs
        if answer == "requested":
            self._engine.settings.broker.publish([JobCancelRequested(job.id, job.task_id, job.schedule_id)])
        else:
            self._engine.changed(events_of(answer.changes, answer.ended))


def check_id(job_id: object) -> None:
    """Refuse what is not the id of a job."""
    if not isinstance(job_id, UUID):
        raise TypeError(f"job_id must be a UUID, not {type(job_id).__name__}")


def outcome(job_id: UUID, result: JobResult | None, cause: BaseException | None) -> Any:
    """Return what a job returned, or raise what became of it."""
    if result is None or result.outcome is JobOutcome.cancelled:
        raise JobCancelled(job_id)
    if result.outcome is JobOutcome.success:
        return result.return_value
    problem = result.exception
    assert problem is not None
    raise JobFailed(job_id, problem.type, problem.message, problem.traceback) from cause


async def set_or_slept(event: anyio.Event, clock: Clock, seconds: timedelta) -> None:
    """Return when the event is set or the time has passed."""

    async def sleep() -> None:
        await clock.sleep(seconds.total_seconds())
        task_group.cancel_scope.cancel()

    async with anyio.create_task_group() as task_group:
        task_group.start_soon(sleep)
        await event.wait()
        task_group.cancel_scope.cancel()
