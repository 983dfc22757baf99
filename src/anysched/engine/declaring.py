"""What users say of tasks: checked here, declared to the store (rule S7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from anysched.engine.tasks import KnownTask, TaskRegistry
from anysched.errors import ExecutorLookupError, TaskLookupError
from anysched.model.policies import SchedulerRole
from anysched.model.task import TaskOptions
from anysched.model.unset import UnsetType
from anysched.ports.executor import JobExecutor
from anysched.ports.store import DataStore


class Tasks:
    """The tasks of a node, and what its data store knows about them.

    :param learned: called when this node can run what it could not before
    """

    def __init__(
        self,
        registry: TaskRegistry,
        store: DataStore,
        executors: Mapping[str, JobExecutor],
        role: SchedulerRole,
        learned: Callable[[], None],
    ) -> None:
        self._registry = registry
        self._store = store
        self._executors = executors
        self._role = role
        self._learned = learned
        self._declared: dict[str, TaskOptions] = {}

    async def declare_all(self) -> None:
        """Declare what the code of this node says about its tasks."""
        declared = {known.id: known.options for known in self._registry}
        await self._store.declare_tasks(declared)
        self._declared.update(declared)

    async def make_known(self, func: Callable[..., Any], task_id: str | None = None) -> KnownTask:
        """Get to know a callable, and declare the options that its code states."""
        known = self._registry.add(func, task_id)
        declared = self._declared.get(known.id)
        if declared is not known.options and declared != known.options:
            await self._store.declare_tasks({known.id: known.options})
            self._declared[known.id] = known.options
            self._learned()
        return known

    def known(self, func_or_task_id: Callable[..., Any] | str) -> Callable[..., Any] | str:
        """Return the name of a callable whose options the store has by now, anything else as it is."""
        if func_or_task_id.__class__ is str:
            return func_or_task_id
        known = self._registry.find(func_or_task_id)
        if known is None or self._declared.get(known.id) is not known.options:
            return func_or_task_id
        return known.id

    def __contains__(self, task_id: str) -> bool:
        """Return whether this node knows a task by name."""
        return task_id in self._registry

    async def name_of(self, func_or_task_id: Callable[..., Any] | str, *, learn: bool = True) -> str:
        """Return the name of a task, which becomes known if it is given as a callable.

        :param learn: False for the name only
        :raise TaskLookupError: when neither this node nor the store knows the name
        """
        if not isinstance(func_or_task_id, str):
            if not learn:
                return self._registry.name_of(func_or_task_id)
            return (await self.make_known(func_or_task_id)).id
        if func_or_task_id not in self._registry and not await self._store.get_tasks((func_or_task_id,)):
            raise TaskLookupError(func_or_task_id)
        return func_or_task_id

    def check_executor(
        self, name: str | UnsetType | None, task_id: str, func: Callable[..., Any] | None = None
    ) -> None:
        """Refuse a job executor that this node does not have, or that cannot run the task.

        A node that runs no jobs cannot know what others have, and lets everything pass.

        :param func: the task itself, for one that this node may not know
        """
        if not isinstance(name, str) or not self._role.works:
            return
        if name not in self._executors:
            raise ExecutorLookupError(name, tuple(self._executors))
        if func is None and task_id in self._registry:
            func = self._registry[task_id].func
        if func is not None:
            refusal = self._executors[name].accepts(func)
            if refusal is not None:
                raise ValueError(f"job executor {name!r} cannot run task {task_id!r}: {refusal}")
