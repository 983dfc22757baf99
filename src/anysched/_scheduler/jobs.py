"""What a scheduler offers about jobs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from anysched._scheduler.base import Base, topic
from anysched.model import convert
from anysched.model.job import Job, JobResult
from anysched.model.policies import JobStatus
from anysched.model.unset import UNSET, UnsetType


@topic
class JobMethods(Base):
    """Adding, awaiting, reading and cancelling jobs."""

    async def add_job(
        self,
        func_or_task_id: Callable[..., Any] | str,
        *,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] = convert.EMPTY_MAPPING,
        run_at: datetime | None = None,
        result_expiration_time: timedelta | float = 0,
        job_executor: str | UnsetType | None = UNSET,
        metadata: Mapping[str, Any] = convert.EMPTY_MAPPING,
    ) -> UUID:
        """Run a task once and return the id of the job.

        :param func_or_task_id: the callable to run, or the name of a task
        :param args: positional arguments
        :param kwargs: keyword arguments
        :param run_at: not before this instant; by default at once
        :param result_expiration_time: how long the result is kept for ``get_job_result``; 0 for not at all
        :param job_executor: name of a job executor; by default what the task says
        :param metadata: anything that can be serialized
        :raise TaskLookupError, ExecutorLookupError: when a name is not known
        :raise SerializationError: when arguments cannot be stored
        """
        ids = await self.add_jobs(
            func_or_task_id,
            [args],
            kwargs=kwargs,
            run_at=run_at,
            result_expiration_time=result_expiration_time,
            job_executor=job_executor,
            metadata=metadata,
        )
        return ids[0]

    async def add_jobs(
        self,
        func_or_task_id: Callable[..., Any] | str,
        args_list: Iterable[Iterable[Any]],
        *,
        kwargs: Mapping[str, Any] = convert.EMPTY_MAPPING,
        run_at: datetime | None = None,
        result_expiration_time: timedelta | float = 0,
        job_executor: str | UnsetType | None = UNSET,
        metadata: Mapping[str, Any] = convert.EMPTY_MAPPING,
    ) -> list[UUID]:
        """Run a task once for each set of positional arguments, all or nothing; return the ids in order.

        The other parameters, and what is raised, are those of ``add_job``.
        """
        self._require_running()
        return await self._jobs.add(
            func_or_task_id,
            args_list,
            kwargs=kwargs,
            run_at=run_at,
            result_expiration_time=result_expiration_time,
            job_executor=job_executor,
            metadata=metadata,
        )

    async def run_job(
        self,
        func_or_task_id: Callable[..., Any] | str,
        *,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] = convert.EMPTY_MAPPING,
        job_executor: str | UnsetType | None = UNSET,
        metadata: Mapping[str, Any] = convert.EMPTY_MAPPING,
    ) -> Any:
        """Run a task once on whichever node takes it, wait, and return what it returned.

        :raise JobFailed: when it raised; the exception itself is the cause if it ran on this node
        :raise JobCancelled: when it was cancelled
        """

        self._require_running()
        return await self._jobs.run(
            func_or_task_id, args=args, kwargs=kwargs, job_executor=job_executor, metadata=metadata
        )

    async def get_jobs(
        self,
        ids: Collection[UUID] | None = None,
        *,
        schedule_id: str | None = None,
        task_id: str | None = None,
        status: JobStatus | str | None = None,
    ) -> list[Job]:
        """Return jobs that have not ended, oldest first; conditions that are given must all hold.

        :param ids: only these
        :param schedule_id: only jobs of this schedule
        :param task_id: only jobs of this task
        :param status: only jobs that are "queued", "held" or "running"
        """
        self._require_running()
        return await self._jobs.get(ids, schedule_id, task_id, status)

    async def get_job_result(self, job_id: UUID, *, wait: bool = True) -> JobResult | None:
        """Return how a job ended; reading it does not delete it.

        :param wait: wait for a job that has not ended yet; otherwise None is returned for it
        :return: None when nothing is kept: the job is unknown, its result has expired or was not to be kept
        :raise SchedulerStateError: when the scheduler stops before the job has ended
        """
        self._require_running()
        return await self._jobs.result(job_id, wait=wait)

    async def cancel_job(self, job_id: UUID) -> None:
        """End a queued job; ask the node that runs it to cancel a running one.

        :raise JobLookupError: when there is no such job, or it has ended
        """
        self._require_running()
        await self._jobs.cancel(job_id)
