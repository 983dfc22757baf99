"""What a scheduler offers about tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from anysched._scheduler.base import Base, topic
from anysched.model import convert
from anysched.model.policies import OnAbandon
from anysched.model.task import Task, TaskOptions
from anysched.model.unset import UNSET, UnsetType


@topic
class TaskMethods(Base):
    """Configuring and reading tasks."""

    async def configure_task(
        self,
        func_or_task_id: Callable[..., Any] | str,
        *,
        func: Callable[..., Any] | UnsetType = UNSET,
        job_executor: str | UnsetType | None = UNSET,
        max_running_jobs: int | UnsetType | None = UNSET,
        misfire_grace_time: timedelta | float | UnsetType | None = UNSET,
        on_abandon: OnAbandon | str | UnsetType = UNSET,
        max_attempts: int | UnsetType = UNSET,
        metadata: Mapping[str, Any] | UnsetType = UNSET,
    ) -> Task:
        """Configure a task for all nodes; options that are not given stay as they are (rule S7).

        :param func_or_task_id: a callable, or the name of a task
        :param func: the callable that the name means on this node
        :raise TaskLookupError: when no callable is given and the name is not known
        :raise ExecutorLookupError: when this node has no such job executor
        """
        self._require_running()
        options = TaskOptions(
            job_executor=job_executor,
            max_running_jobs=max_running_jobs,
            misfire_grace_time=misfire_grace_time,
            on_abandon=on_abandon,
            max_attempts=max_attempts,
            metadata=metadata,
        )
        if isinstance(func_or_task_id, str) and not isinstance(func, UnsetType):
            task_id = (
                await self._engine.tasks.make_known(func, convert.identifier(func_or_task_id, "the task id"))
            ).id
        else:
            task_id = await self._engine.tasks.name_of(func_or_task_id)
        self._engine.tasks.check_executor(job_executor, task_id)
        task = await self._engine.settings.store.configure_task(task_id, options)
        self._engine.changed([])
        return task

    async def get_tasks(self) -> list[Task]:
        """Return all tasks that the data store knows, ordered by id."""
        self._require_running()
        return await self._engine.settings.store.get_tasks()
