"""Which callables this node can run, and under which names (rules S7 and N5)."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from inspect import iscoroutinefunction
from types import ModuleType
from typing import Any, TypeVar, overload

import attrs

from anysched._text import printable
from anysched.errors import TaskLookupError, UnnamedCallableError
from anysched.model import convert
from anysched.model.naming import callable_name, is_lasting_name
from anysched.model.policies import OnAbandon
from anysched.model.task import TaskOptions
from anysched.model.unset import UNSET, UnsetType

logger: logging.Logger = logging.getLogger(__name__)

F = TypeVar("F", bound=Callable[..., Any])
_ATTRIBUTE = "__anysched_task__"


@attrs.frozen
class Declaration:
    """What ``@task`` attached to a function."""

    id: str | None
    options: TaskOptions


_UNDECLARED = Declaration(None, TaskOptions())


@attrs.frozen
class KnownTask:
    """A callable that this node can run.

    :ivar default_executor: where it runs when nobody says: on the event loop if it is a coroutine function,
        else in a thread
    """

    id: str
    func: Callable[..., Any]
    options: TaskOptions
    default_executor: str


@overload
def task(func: F, /) -> F: ...
@overload
def task(
    *,
    id: str | None = None,
    job_executor: str | UnsetType | None = UNSET,
    max_running_jobs: int | UnsetType | None = UNSET,
    misfire_grace_time: convert.Seconds | UnsetType | None = UNSET,
    on_abandon: OnAbandon | str | UnsetType = UNSET,
    max_attempts: int | UnsetType = UNSET,
    metadata: Mapping[str, Any] | UnsetType = UNSET,
) -> Callable[[F], F]: ...
def task(func: F | None = None, /, *, id: str | None = None, **options: Any) -> F | Callable[[F], F]:
    """Attach a name and run options to a function; it stays an ordinary function, and nothing global changes.

    A node comes to know it when it is passed to ``add_schedule``, or listed, alone or with its module,
    in ``AsyncScheduler(tasks=[...])``. Options that are not given are left to others (rule S7).

    :param id: the name of the task; by default "module:qualified name"
    :param job_executor: name of the job executor; None chooses by the kind of function
    :param max_running_jobs: how many jobs may run at once on all nodes together; None for no limit (rule J5)
    :param misfire_grace_time: how late a job may start, in seconds or as a timedelta; None for no limit (rule L1)
    :param on_abandon: "retry" or "fail" a job whose node died (rule J3)
    :param max_attempts: how often a job may be started in all
    :param metadata: anything that can be serialized
    """
    declaration = Declaration(None if id is None else convert.identifier(id, "id"), TaskOptions(**options))

    def attach(target: F) -> F:
        if not callable(target):
            raise TypeError(f"@task goes on a callable, not on {target!r}")
        setattr(target, _ATTRIBUTE, declaration)
        return target

    return attach if func is None else attach(func)


class TaskRegistry:
    """The callables of one node by name.

    :param durable: whether names must mean the same after a restart
    """

    def __init__(self, *, durable: bool) -> None:
        self._durable = durable
        self._known: dict[str, KnownTask] = {}
        self._by_func: dict[object, KnownTask] = {}  # those that are known under their own names
        self._names = frozenset[str]()
        self._made_up: dict[object, str] = {}
        self._made_up_names: set[str] = set()
        self._numbers: Counter[str] = Counter()

    @property
    def names(self) -> frozenset[str]:
        """The names of all tasks that this node can run."""
        return self._names

    def __getitem__(self, task_id: str) -> KnownTask:
        """Return a task. :raise TaskLookupError: when this node does not know it"""
        try:
            return self._known[task_id]
        except KeyError:
            raise TaskLookupError(task_id) from None

    def __contains__(self, task_id: str) -> bool:
        return task_id in self._known

    def __iter__(self) -> Iterator[KnownTask]:
        return iter(self._known.values())

    def add_all(self, sources: Iterable[Callable[..., Any] | ModuleType]) -> None:
        """Get to know callables, and the ``@task`` functions that modules define themselves."""
        for source in sources:
            if isinstance(source, ModuleType):
                for func in _own_tasks(source):
                    self.add(func)
            elif callable(source):
                self.add(source)
            else:
                raise TypeError(f"tasks must be callables or modules, not {source!r}")

    def add(self, func: Callable[..., Any], task_id: str | None = None) -> KnownTask:
        """Get to know a callable, under its own name or a given one.

        :raise UnnamedCallableError: when the store is durable and the callable has no name that lasts
        """
        if not callable(func):
            raise TypeError(f"a task must be a callable or the name of one, not {func!r}")
        declaration: Declaration = getattr(func, _ATTRIBUTE, _UNDECLARED)
        name = task_id or self.name_of(func)
        known = self._known.get(name)
        if known is not None and known.func == func:
            return known
        if known is not None:
            logger.info("task %s now means another callable", printable(name))
            self._by_func = {one: other for one, other in self._by_func.items() if other is not known}
        added = KnownTask(name, func, declaration.options, "async" if _is_async(func) else "thread")
        self._known[name] = added
        if task_id is None and _is_hashable(func):
            self._by_func[func] = added
        self._names |= {name}
        return added

    def name_of(self, func: Callable[..., Any]) -> str:
        """Return the name that ``add`` would give a callable. Raises what ``add`` raises."""
        declaration: Declaration = getattr(func, _ATTRIBUTE, _UNDECLARED)
        return declaration.id or self._own_name(func)

    def find(self, func: object) -> KnownTask | None:
        """Return the task of a callable that is known under its own name; None for anything else."""
        try:
            known = self._by_func.get(func)
        except TypeError:  # it cannot be hashed
            return None
        declaration: Declaration = getattr(func, _ATTRIBUTE, _UNDECLARED)
        return None if known is None or known.options is not declaration.options else known

    def _own_name(self, func: Callable[..., Any]) -> str:
        try:
            name = callable_name(func)
        except UnnamedCallableError:
            if self._durable:
                raise
            name = f"{type(func).__module__}:{type(func).__qualname__}"
            return self._made_up_name(func, name)
        owner = getattr(func, "__self__", None)
        if is_lasting_name(name) and (owner is None or isinstance(owner, (type, ModuleType))):
            return name
        if self._durable:
            raise UnnamedCallableError(
                f"{name} is made anew at every start, and a durable store keeps the name of a task only: "
                "use a function at the top of a module, or name it with configure_task('name', func=...)"
            )
        return self._made_up_name(func, name)

    def _made_up_name(self, func: Callable[..., Any], like: str) -> str:
        """Return a name for as long as the process lives, the same one for the same callable."""
        key = func if _is_hashable(func) else id(func)
        if key not in self._made_up:
            name = like
            while name in self._known or name in self._made_up_names:
                self._numbers[like] += 1
                name = f"{like}#{self._numbers[like] + 1}"
            self._made_up[key] = name
            self._made_up_names.add(name)
        return self._made_up[key]


def _own_tasks(module: ModuleType) -> list[Callable[..., Any]]:
    return [
        value
        for value in vars(module).values()
        if hasattr(value, _ATTRIBUTE) and getattr(value, "__module__", None) == module.__name__
    ]


def _is_hashable(value: object) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _is_async(func: Any) -> bool:
    while hasattr(func, "func") and not iscoroutinefunction(func):  # a partial
        func = func.func
    return iscoroutinefunction(func) or iscoroutinefunction(getattr(func, "__call__", None))  # noqa: B004
