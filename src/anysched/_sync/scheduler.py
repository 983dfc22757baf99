"""The scheduler for programs that block: what blocks in another way than by waiting for an asynchronous method."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from datetime import timedelta, tzinfo
from functools import partial, wraps
from importlib.util import find_spec
from types import ModuleType, TracebackType
from typing import Any, Literal, Self, TypeVar, TypeVarTuple, Unpack

import anyio
import anyio.from_thread
from anyio.lowlevel import EventLoopToken

from anysched._clock import Clock, SystemClock
from anysched._scheduler import AsyncScheduler, current_scheduler
from anysched._sync.derived import DerivedMethods
from anysched._sync.loop_thread import (
    LoopThread,
    call_in_thread,
    off_event_loops,
    on_the_event_loop,
    this_event_loop,
)
from anysched.engine.health import Health
from anysched.engine.signals import signals
from anysched.engine.subscriptions import Callback, Subscription
from anysched.errors import SchedulerStateError
from anysched.executors.daemon_threads import DaemonThreads
from anysched.model import convert
from anysched.model.events import Event
from anysched.model.history import Retention
from anysched.model.policies import RunState, SchedulerRole
from anysched.model.task import TaskDefaults
from anysched.ports.broker import EventBroker
from anysched.ports.executor import JobExecutor
from anysched.ports.store import DataStore

R = TypeVar("R")
Args = TypeVarTuple("Args")


class Scheduler(DerivedMethods):
    """Runs tasks at the times their schedules name, for programs that block: ``AsyncScheduler`` without ``await``.

    ``with Scheduler() as scheduler`` starts it in a thread of its own; leaving the block stops it in order
    (rule J6). Where there is no block, as under a WSGI server, ``start()`` and ``stop()`` do the same; a scheduler
    that still runs when the program ends is stopped in order then. Any thread may call its methods, which wait,
    return and raise what those of ``AsyncScheduler`` do; only code on its event loop, as in a coroutine function
    that is a job, must use ``await current_scheduler.get()....`` instead.

    Jobs and subscribers see the context variables of whoever started the scheduler. A process that is forked
    starts a scheduler of its own: threads do not survive a fork.

    :param backend: the event loop in the thread: "asyncio" or "trio"

    All other parameters are those of ``AsyncScheduler``.
    """

    def __init__(
        self,
        data_store: DataStore | str | None = None,
        event_broker: EventBroker | None = None,
        *,
        identity: str | None = None,
        role: SchedulerRole | str = SchedulerRole.both,
        timezone: tzinfo | str | None = None,
        tasks: Iterable[Callable[..., Any] | ModuleType] = (),
        max_concurrent_jobs: int = 100,
        job_executors: Mapping[str, JobExecutor] | None = None,
        task_defaults: TaskDefaults = TaskDefaults(),  # noqa: B008
        lease_duration: timedelta | float = 30,
        poll_interval: timedelta | float = 5,
        stop_grace: timedelta | float = 10,
        cleanup_interval: timedelta | float | None = 900,
        stale_pause_after: timedelta | float | None = None,
        retention: Retention = Retention(),  # noqa: B008
        clock: Clock = SystemClock(),
        backend: Literal["asyncio", "trio"] = "asyncio",
    ) -> None:
        self._backend = _checked_backend(backend)
        self._stop_grace = convert.duration(stop_grace, "stop_grace")
        make = partial(
            _Served,
            self,
            data_store,
            event_broker,
            identity=identity,
            role=role,
            timezone=timezone,
            tasks=tasks,
            max_concurrent_jobs=max_concurrent_jobs,
            job_executors=job_executors,
            task_defaults=task_defaults,
            lease_duration=lease_duration,
            poll_interval=poll_interval,
            stop_grace=stop_grace,
            cleanup_interval=cleanup_interval,
            stale_pause_after=stale_pause_after,
            retention=retention,
            clock=clock,
        )
        self._scheduler: AsyncScheduler = off_event_loops(make)
        self._starting = threading.Lock()
        self._thread: LoopThread | None = None

    def __repr__(self) -> str:
        return repr(self._scheduler).replace("AsyncScheduler", "Scheduler", 1)

    # running

    @property
    def identity(self) -> str:
        """The name of this node."""
        return self._scheduler.identity

    @property
    def role(self) -> SchedulerRole:
        """What this node does."""
        return self._scheduler.role

    @property
    def timezone(self) -> tzinfo:
        """The time zone of naive datetimes."""
        return self._scheduler.timezone

    @property
    def state(self) -> RunState:
        """Where the scheduler is between being made and having stopped."""
        return self._scheduler.state

    @property
    def health(self) -> Health:
        """What this node knows about itself at this moment; asks nobody."""
        return self._scheduler.health

    @classmethod
    def current(cls) -> Scheduler:
        """Return the scheduler under which this code runs: that of a job, or of a subscriber.

        For code in threads. Under an ``AsyncScheduler`` it is a blocking view of that one.

        :raise SchedulerStateError: anywhere else
        """
        found = current_scheduler.get(None)
        if found is None:
            raise SchedulerStateError("this code runs under no scheduler: it is no job, and no subscriber")
        return found.facade if isinstance(found, _Served) else _View(found)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> Self:
        """Start in a thread of its own; return the scheduler when it is running.

        :raise SchedulerStateError: when it was started before: a scheduler runs once
        """
        thread = None
        try:
            with self._starting:
                self._require_new()
                self._thread = thread = LoopThread(self._scheduler, self._backend, self._stop_grace)
            thread.start()
        except BaseException:
            if thread is not None:
                thread.give_up()
            raise
        return self

    def _require_new(self) -> None:
        if self._thread is not None:
            self._thread.require_own_process()
            raise SchedulerStateError(f"a scheduler runs once, and this one is {self.state}: make a new one")

    def stop(self, *, grace: timedelta | float | None = None) -> None:
        """Stop in order: no new jobs, ``grace`` for running ones, then cancel, report, and let go (rule J6).

        A second call waits for the first; its own ``grace`` can only shorten that. Called by a job of this
        scheduler, by a subscriber, or by a signal handler amid another call, it asks for the stop and returns. A
        Ctrl-C while it waits leaves no more grace. In a process that was forked after the start it does nothing.

        :param grace: how long running jobs may take to end; by default the scheduler's ``stop_grace``
        :raise SchedulerFaultError: when the scheduler has failed; once
        """
        limit = None if grace is None else convert.duration(grace, "grace")
        thread = self._thread
        if thread is None or thread.is_foreign:
            return
        if current_scheduler.get(None) is self._scheduler:
            thread.ask_to_stop(limit)
        else:
            thread.stop(limit)

    def wait_until_stopped(self) -> None:
        """Return when the scheduler has stopped. :raise SchedulerStateError: when it was never started"""
        self._started().wait()

    def run_until_stopped(self) -> None:
        """Serve until ``stop()`` is called or, in the main thread, SIGINT or SIGTERM arrives; start if need be.

        The first signal stops in order, the second at once; one more goes to the handlers that were there before.
        Signal handlers are restored. Several schedulers may serve at once, and all of them hear a signal.

        :raise SchedulerFaultError: when the scheduler has failed (rule J6)
        """
        if self.state is RunState.created:
            with self:
                return self.run_until_stopped()
        if threading.current_thread() is not threading.main_thread():
            return self.wait_until_stopped()
        thread = self._started()
        leave = signals.listen(lambda: thread.post(_Served.signalled, self._scheduler))
        try:
            thread.wait()
        finally:
            leave()
        return thread.raise_failure()

    def call(self, func: Callable[[Unpack[Args]], Awaitable[R]], *args: *Args) -> R:
        """Call a coroutine function on the event loop of the scheduler, and return what it returns.

        It sees the caller's context variables. A Ctrl-C while it waits cancels it.
        """
        return self._started().call(partial(func, *args))

    def _started(self) -> LoopThread:
        if self._thread is None:
            raise SchedulerStateError(
                "the scheduler has not been started: use it inside `with scheduler:`, or call start() first"
            )
        return self._thread

    # events

    def subscribe(
        self,
        callback: Callable[[Any], Awaitable[object] | object],
        event_types: type[Event] | Iterable[type[Event]] | None = None,
        *,
        one_shot: bool = False,
    ) -> Subscription:
        """Call a function, or await a coroutine function, with each event, in order, one at a time.

        A function is called in a thread and may block and use this scheduler; a coroutine function runs on the
        event loop. What it raises is logged. It may be called before the scheduler starts.

        :param event_types: only events of these types, or of types that derive from them; by default all
        :param one_shot: unsubscribe after the first event
        """
        told = self._off_the_loop(callback) if _blocks(callback) else callback
        subscribe = partial(self._scheduler.subscribe, told, event_types, one_shot=one_shot)
        if self.state is RunState.created:
            return off_event_loops(subscribe)
        return self.call(_awaitable(subscribe))

    def _off_the_loop(self, callback: Callable[[Any], object]) -> Callback:
        async def told(event: Event) -> None:
            await self._started().call_subscriber(callback, event)

        return wraps(callback)(told)


class _Served(AsyncScheduler):
    """The scheduler beneath a blocking one."""

    def __init__(self, facade: Scheduler, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.facade: Scheduler = facade

    @staticmethod
    def signalled(scheduler: AsyncScheduler) -> None:
        """Tell a scheduler of a signal."""
        scheduler._engine.signalled()

    @staticmethod
    def loop_of(scheduler: AsyncScheduler) -> EventLoopToken:
        """Return the event loop that a scheduler runs on."""
        assert scheduler._entered_in is not None, "code that runs under a scheduler runs after its start"
        return scheduler._entered_in[1]


class _View(Scheduler):
    """What code in a thread sees of the ``AsyncScheduler`` it runs under."""

    def __init__(self, scheduler: AsyncScheduler) -> None:
        self._scheduler = scheduler
        self._loop = _Served.loop_of(scheduler)

    def start(self) -> Self:
        raise SchedulerStateError("this is a view of an AsyncScheduler, which is started by whoever made it")

    def stop(self, *, grace: timedelta | float | None = None) -> None:
        self.call(partial(self._scheduler.stop, grace=grace))

    def wait_until_stopped(self) -> None:
        self.call(self._scheduler.wait_until_stopped)

    def run_until_stopped(self) -> None:
        self.wait_until_stopped()

    def call(self, func: Callable[[Unpack[Args]], Awaitable[R]], *args: *Args) -> R:
        if this_event_loop() == self._loop:
            raise on_the_event_loop()

        async def called() -> R:
            try:
                return await func(*args)
            except anyio.get_cancelled_exc_class():
                raise SchedulerStateError("the event loop ended before the call could return") from None

        try:
            return anyio.from_thread.run(called, token=self._loop)
        except anyio.RunFinishedError:
            raise SchedulerStateError("the event loop of the scheduler has ended") from None

    def _off_the_loop(self, callback: Callable[[Any], object]) -> Callback:
        async def told(event: Event) -> None:
            threads = DaemonThreads(1, "anysched-subscriber", set())
            try:
                await call_in_thread(threads, callback, event)
            finally:
                threads.close()

        return wraps(callback)(told)


def _blocks(callback: Callable[..., object]) -> bool:
    """Return whether a function is an ordinary one, not a coroutine function."""
    return callable(callback) and not (
        inspect.iscoroutinefunction(callback) or inspect.iscoroutinefunction(type(callback).__call__)
    )


def _awaitable(func: Callable[[], R]) -> Callable[[], Coroutine[Any, Any, R]]:
    async def awaitable() -> R:
        return func()

    return awaitable


def _checked_backend(backend: str) -> str:
    if backend not in ("asyncio", "trio"):
        raise ValueError(f'backend must be "asyncio" or "trio", not {backend!r}')
    if find_spec(backend) is None:
        raise ValueError("the backend trio is not installed: pip install 'anysched[trio]'")
    return backend
