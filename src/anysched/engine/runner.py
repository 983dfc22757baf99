"""Running one job, so that whatever it does ends in an outcome (rule J4)."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

import anyio
import attrs

from anysched._text import printable
from anysched.engine.cancelling import is_cancelled, undo_native_cancellation
from anysched.engine.context import current_job
from anysched.engine.tasks import TaskRegistry
from anysched.errors import ExecutorLookupError, JobDeadlineMissed
from anysched.model.job import Claim, Job, JobException, JobResult
from anysched.model.policies import JobOutcome
from anysched.model.quick import maker
from anysched.ports.executor import JobExecutor
from anysched.rules.running import is_too_late

logger: logging.Logger = logging.getLogger(__name__)
_new_result = maker(JobResult)


class Running(Protocol):
    """What runs a job, in one task for many of them."""

    def is_cancelled(self) -> bool:
        """Return whether the job that runs now was asked to cancel."""
        ...

    @property
    def native_cancellations(self) -> Callable[[], int]:
        """Tells how often ``asyncio.Task.cancel()`` was called on its task."""
        ...


class Runner:
    """Turns a claim into a result.

    :param present: tells the store's present, in which the instants of results are (rule N6)
    """

    def __init__(
        self,
        present: Callable[[], datetime],
        tasks: TaskRegistry,
        executors: Mapping[str, JobExecutor],
        interrupted: Callable[[], None],
        loop_ends: Callable[[], bool],
    ) -> None:
        self.present: Callable[[], datetime] = present
        self._tasks = tasks
        self._executors = executors
        self._interrupted = interrupted
        self._loop_ends = loop_ends
        self.causes: dict[object, BaseException | None] = {}
        """Exceptions of jobs that somebody on this node waits for, by job id; who waits puts the key in."""

    async def run(self, claim: Claim, running: Running) -> JobResult:
        """Run a job and return how it ended.

        :raise BaseException: only the cancellation of the worker, if it did not come from the job itself
        """
        job, present = claim.job, self.present
        started_at = present()
        if claim.fault is not None:
            return _failure(job, started_at, JobException("DeserializationError", claim.fault))
        if job.start_deadline is not None and is_too_late(job, started_at):
            exception = JobException(JobDeadlineMissed.__name__, str(JobDeadlineMissed(job.id)))
            return JobResult(job.id, JobOutcome.missed_start_deadline, started_at, exception=exception)
        current_job.set(job)
        try:
            known = self._tasks[job.task_id]
            name = job.job_executor or known.default_executor
            executor = self._executors.get(name)
            if executor is None:
                raise ExecutorLookupError(name, tuple(self._executors))
            value = await executor.run(known.func, job.args, job.kwargs)
        except BaseException as exc:
            result = self._ended_by(exc, job, started_at, running)
        else:
            result = _new_result(job.id, JobOutcome.success, present(), started_at, value)
        if running.native_cancellations() and not is_cancelled():
            await undo_native_cancellation()
        return result

    def may_still_run(self, job: Job) -> bool:
        """Return whether a job that was cancelled may go on all the same, unseen, as a thread does."""
        if job.task_id not in self._tasks:
            return False
        executor = self._executors.get(job.job_executor or self._tasks[job.task_id].default_executor)
        return bool(getattr(executor, "abandoned", 0))

    def _ended_by(self, exc: BaseException, job: Job, started_at: datetime, running: Running) -> JobResult:
        if isinstance(exc, anyio.get_cancelled_exc_class()):
            if running.is_cancelled():
                return JobResult(job.id, JobOutcome.cancelled, self.present(), started_at)
            if is_cancelled() or self._loop_ends():
                raise exc
        if isinstance(exc, KeyboardInterrupt):
            self._interrupted()
        if job.id in self.causes:
            self.causes[job.id] = exc
        exception = describe(exc)
        logger.error(
            "job %s of task %s failed: %s: %s", job.id, printable(job.task_id), exception.type,
            printable(exception.message), exc_info=exc,
        )  # fmt: skip
        return attrs.evolve(_failure(job, started_at, exception), finished_at=self.present())


def _failure(job: Job, started_at: datetime, exception: JobException) -> JobResult:
    return JobResult(job.id, JobOutcome.error, started_at, started_at, exception=exception)


def describe(exc: BaseException) -> JobException:
    """Return an exception as text; one that cannot even be shown is told as such."""
    try:
        message = str(exc)
        text = "".join(traceback.format_exception(exc))
    except BaseException as failure:
        message = f"(its message raised {type(failure).__name__})"
        text = "".join(traceback.format_tb(exc.__traceback__))
    return JobException(type(exc).__qualname__, message, text)
