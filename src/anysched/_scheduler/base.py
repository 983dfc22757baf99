"""What the topics of a scheduler share: its rooms, what tells which scheduler it is, and who may call when."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from datetime import tzinfo
from os import getpid
from types import FunctionType
from typing import Any, TypeVar

from anyio.abc import TaskGroup
from anyio.lowlevel import EventLoopToken

from anysched._scheduler.parts import made_up_identity, same_trigger
from anysched.engine.backfills import Backfills
from anysched.engine.draining import Draining
from anysched.engine.history import History
from anysched.engine.holds import Holds
from anysched.engine.hosting import Host
from anysched.engine.jobs import Jobs
from anysched.engine.lifecycle import Engine
from anysched.engine.schedules import Schedules
from anysched.engine.windows import Windows
from anysched.errors import SchedulerStateError
from anysched.model.hold import Selector
from anysched.model.policies import RunState, SchedulerRole

#: The scheduler that the code of a job, or of a subscriber, runs under; ``current_scheduler`` to users.
current: ContextVar[Any] = ContextVar("current_scheduler")

T = TypeVar("T")


def topic(cls: type[T]) -> type[T]:
    """Let what a class offers bear the name of ``AsyncScheduler``, which users know, in errors, warnings and reprs."""
    package = __name__.rpartition(".")[0]
    for name, value in vars(cls).items():
        for function in _functions(value):
            function.__module__, function.__qualname__ = package, f"AsyncScheduler.{name}"
    return cls


def _functions(value: object) -> Iterator[FunctionType]:
    """Yield the functions that something in a class consists of."""
    if isinstance(value, property):
        value = value.fget
    while isinstance(value, FunctionType):
        yield value
        value = getattr(value, "__wrapped__", None)


@topic
class Base:
    """What each topic derives from: the rooms, and the checks that come before a call.

    :param engine: what all rooms work with
    :param timezone: the time zone of naive datetimes
    :param has_made_up_identity: whether the name of this node was made up, and so is its own in each process
    """

    def __init__(self, engine: Engine, timezone: tzinfo, *, has_made_up_identity: bool) -> None:
        self._engine = engine
        self._timezone = timezone
        self._schedules = Schedules(engine, timezone, same_trigger)
        self._jobs = Jobs(engine, timezone)
        self._draining = Draining(engine, self._jobs)
        self._holds = Holds(engine, timezone, self._draining)
        self._history = History(engine, timezone)
        self._backfills = Backfills(engine, timezone)
        self._windows = Windows(engine, timezone)
        self._task_group: TaskGroup | None = None
        self._entered_in: tuple[int, EventLoopToken] | None = None
        self._host: Host | None = None
        self._process: int = getpid()
        self._thread: int = threading.get_ident()
        self._has_made_up_identity: bool = has_made_up_identity

    @property
    def identity(self) -> str:
        """The name of this node."""
        return self._engine.settings.node

    @property
    def role(self) -> SchedulerRole:
        """What this node does."""
        return self._engine.settings.role

    @property
    def timezone(self) -> tzinfo:
        """The time zone of naive datetimes."""
        return self._timezone

    @property
    def state(self) -> RunState:
        """Where the scheduler is between being made and having stopped."""
        return self._engine.state

    def _require_new(self) -> None:
        if self.state is not RunState.created:
            raise SchedulerStateError(f"a scheduler runs once, and this one is {self.state}: make a new one")

    def _belong_here(self) -> None:
        """Belong to this thread, and to this process. One that was forked from it may not bear the same name."""
        self._thread = threading.get_ident()
        if self._process != getpid():
            self._process = getpid()
            if self._has_made_up_identity:
                self._engine.rename(made_up_identity())

    def _require_own_process(self) -> None:
        if self._process != getpid() and self.state not in {RunState.created, RunState.stopped}:
            raise SchedulerStateError(
                "the scheduler runs in the process from which this one was forked: use a scheduler of its own in "
                "each process, and start it after the fork"
            )

    def _require_own_loop(self) -> None:
        """Refuse another event loop, in which whoever waits for this one would wait for ever."""
        self._require_own_process()
        if self._thread != threading.get_ident() and self.state not in {RunState.created, RunState.stopped}:
            raise SchedulerStateError(
                "the scheduler runs on the event loop of another thread: call it there, or use the blocking "
                "`Scheduler`, whose methods any thread may call"
            )

    def _require_running(self) -> None:
        if (
            self._engine.state is RunState.started
            and self._thread == threading.get_ident()
            and self._process == getpid()
        ):
            return  # as at nearly all calls
        self._require_own_loop()
        if self.state is not RunState.started and not (
            self.state is RunState.stopping and current.get(None) is self
        ):
            state = "has not been started" if self.state is RunState.created else f"is {self.state}"
            raise SchedulerStateError(
                f"the scheduler {state}: use it inside `async with scheduler:`, or between start() and stop()"
            )

    async def _selector(
        self,
        ids: Iterable[str] | None,
        group: str | None,
        tags: Iterable[str] | None,
        task: Callable[..., Any] | str | None,
        everything: bool,
    ) -> Selector:
        task_id = task if task is None or isinstance(task, str) else await self._engine.tasks.name_of(task)
        return Selector(ids=ids, group=group, tags=tags, task_id=task_id, everything=everything)
