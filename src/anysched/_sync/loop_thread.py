"""An event loop in a thread of its own, which runs one scheduler and takes calls from other threads."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import Context, copy_context
from datetime import timedelta
from functools import cache, partial
from inspect import isawaitable
from traceback import walk_stack
from typing import Any, TypeVar

import anyio
import sniffio
from anyio.abc import TaskGroup
from anyio.lowlevel import EventLoopToken, current_token

from anysched._scheduler import AsyncScheduler
from anysched._spawn import loop_caller
from anysched._sync.latch import LONGEST_WAIT, Latch
from anysched._text import printable
from anysched.engine.lifecycle import CANCEL_LIMIT, STORE_LIMIT
from anysched.errors import SchedulerStateError
from anysched.executors.daemon_threads import DaemonThreads
from anysched.model.events import Event

logger: logging.Logger = logging.getLogger(__name__)

R = TypeVar("R")

#: Those whose scheduler runs.
_running: set[LoopThread] = set()

#: Seconds that calls have to return when the scheduler has stopped.
LAST_CALLS = 1.0

#: Seconds that stopping may take besides the grace; then the thread is left behind.
STOP_LIMIT: float = 2 * (CANCEL_LIMIT + STORE_LIMIT)


class LoopThread:
    """Runs a scheduler until it has stopped, whoever stops it, and coroutine functions for other threads.

    The thread is a daemon: a job that never ends cannot keep the program from ending.

    :param stop_grace: what the scheduler gives its jobs by default when it stops
    """

    def __init__(self, scheduler: AsyncScheduler, backend: str, stop_grace: timedelta) -> None:
        self._scheduler = scheduler
        self._backend = backend
        self._longest_grace = stop_grace
        self._pid = os.getpid()
        self._post: Callable[..., None] | None = None
        self._taking_calls = False  # set on the event loop
        self._unwanted = False
        self._begun = Latch()  # the scheduler runs, or could not be started
        self._failure: BaseException | None = None
        self._calls: TaskGroup
        self._subscribers: DaemonThreads
        # An interrupt makes Thread.join() of Python 3.11 believe that the thread has ended: we wait for this.
        self._ended = Latch()
        name = f"anysched {printable(scheduler.identity)}"
        self._thread = threading.Thread(
            target=context_for(None).run, args=(self._run,), name=name, daemon=True
        )

    def start(self) -> None:
        """Return when the scheduler runs; whoever is prevented from waiting for that must give up."""
        _require_worker_of_uwsgi()
        _stop_at_exit()
        self._thread.start()
        self._begun.wait()
        if self._failure is not None:
            self.join()

    def give_up(self) -> None:
        """Leave no thread behind, however far the start has come."""
        self._call_off()
        if self._thread.ident is None:  # it was not started, or has not run yet, and then returns at once
            self._begun.set()
            self._ended.set()
        self.join()

    def _call_off(self) -> None:
        self._unwanted = True  # said before asking, as the thread looks after posting has become possible
        if self._post is not None:
            self.post(self._calls.cancel_scope.cancel)

    # calls

    @property
    def is_foreign(self) -> bool:
        """Whether the thread is one of another process, from which this one was forked."""
        return os.getpid() != self._pid

    def call(self, func: Callable[[], Awaitable[R]]) -> R:
        """Run a coroutine function on the event loop and return what it returns; an interrupt cancels it.

        :raise SchedulerStateError: when that is not possible, or not any more
        """
        self._require_possible()
        if not self._taking_calls:
            raise self._takes_no_calls()
        future: Future[R] = Future()
        try:
            self.post(self._begin, func, future)
            while not future.done():
                if self._ended.is_set():
                    _fail(future, self._takes_no_calls())  # the event loop has ended without a look at it
                with suppress(TimeoutError):
                    future.exception(LONGEST_WAIT)
            return future.result()
        finally:
            future.cancel()  # nothing happens to one that is done
            del future  # its exception holds this frame

    def _takes_no_calls(self) -> SchedulerStateError:
        return SchedulerStateError(
            f"the scheduler is {self._scheduler.state}: "
            "it can be used between start() and stop(), and only once"
        )

    def require_own_process(self) -> None:
        """Raise when the thread is one of another process."""
        if self.is_foreign:
            raise SchedulerStateError(
                "the scheduler was started before this process was forked, and threads do not survive a fork: "
                "start it in the new process (with gunicorn in post_worker_init, or without --preload)"
            )

    def _require_possible(self) -> None:
        self.require_own_process()
        if threading.current_thread() is self._thread:
            raise on_the_event_loop()

    def _begin(self, func: Callable[[], Awaitable[R]], future: Future[R]) -> None:
        """Start a task, on the event loop, in the context of whoever posted it."""
        if self._taking_calls:
            self._calls.start_soon(self._fulfil, func, future)
        else:
            _fail(future, self._takes_no_calls())

    async def _fulfil(self, func: Callable[[], Awaitable[R]], future: Future[R]) -> None:
        try:
            with anyio.CancelScope() as scope:
                future.add_done_callback(lambda done: self.post(scope.cancel) if done.cancelled() else None)
                value = await func()
                if future.set_running_or_notify_cancel():
                    future.set_result(value)
        except anyio.get_cancelled_exc_class():
            _fail(future, SchedulerStateError("the scheduler stopped before the call could return"))
            raise
        except BaseException as exc:
            _fail(future, exc)
        finally:
            del future  # its exception holds this frame

    def post(self, func: Callable[..., object], *args: Any) -> None:
        """Have the event loop call a function soon, if it runs; for any thread, and for signal handlers."""
        try:
            if self._post is not None:
                self._post(context_for(self._backend).run, func, *args)
        except RuntimeError:
            pass  # the event loop has ended

    async def call_subscriber(self, callback: Callable[[Event], object], event: Event) -> None:
        """Call a function with an event in a thread, from the event loop."""
        await call_in_thread(self._subscribers, callback, event)

    # stopping

    def stop(self, grace: timedelta | None) -> None:
        """Stop in order and wait for the end; an interrupt meanwhile is the wish to have it at once."""
        self._require_possible()
        if self._thread.ident is None:  # a signal handler that waited would keep it from being started
            return self._call_off()
        if self._is_interrupted():
            return self.ask_to_stop(grace)
        try:
            self._begun.wait()
            self.ask_to_stop(grace)
            self.join()
        except KeyboardInterrupt:
            self.ask_to_stop(timedelta(0))
            self.join()
            raise

    def _is_interrupted(self) -> bool:
        """Return whether this is a signal handler amid a call: the event loop may need a lock that the call holds."""
        codes = LoopThread.call.__code__, LoopThread.post.__code__
        return any(
            frame.f_code in codes and frame.f_locals.get("self") is self for frame, _ in walk_stack(None)
        )

    def ask_to_stop(self, grace: timedelta | None) -> None:
        """Have the scheduler stop, and do not wait for it."""
        self._longest_grace = max(self._longest_grace, grace or timedelta(0))
        self.post(self._begin, partial(self._scheduler.stop, grace=grace), Future())

    def join(self) -> None:
        """Wait for the end of a scheduler that stops. What it failed with is raised, once."""
        limit = self._longest_grace.total_seconds() + STOP_LIMIT
        if not self._ended.wait(limit):
            logger.error(
                "the event loop of the scheduler has not ended %g seconds after it was asked to: "
                "a job blocks it or ignores its cancellation; the thread is left to itself",
                limit,
            )
        elif self._thread.is_alive():
            self._thread.join(LONGEST_WAIT)  # it has nothing left to do
        self.raise_failure()

    def wait(self) -> None:
        """Wait until the scheduler has stopped, whoever stops it."""
        self._require_possible()
        self._ended.wait()

    def raise_failure(self) -> None:
        """Raise what the scheduler failed with, once."""
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    # in the thread

    def _run(self) -> None:
        _running.add(self)
        try:
            anyio.run(self._main, backend=self._backend)
        finally:
            self._begun.set()
            _running.discard(self)
            self._ended.set()

    async def _main(self) -> None:
        async with anyio.create_task_group() as self._calls:
            self._post = loop_caller()
            if self._unwanted:
                return
            self._subscribers = DaemonThreads(sys.maxsize, "anysched-subscriber", set())
            try:
                # Python 3.12.0 and 3.12.1 start no thread when the main thread has ended: one is there before.
                await self._subscribers.run(lambda: None)
                await self._serve()
            finally:
                self._taking_calls = False
                self._subscribers.close()
            self._calls.cancel_scope.deadline = anyio.current_time() + LAST_CALLS

    async def _serve(self) -> None:
        try:
            async with self._scheduler:
                self._taking_calls = True
                self._begun.set()
                await self._scheduler.wait_until_stopped()
        except anyio.get_cancelled_exc_class():
            raise
        except BaseException as exc:
            self._failure = exc


def _require_worker_of_uwsgi() -> None:
    """Raise in a process of uWSGI that is going to fork its workers: with a thread beside it, they would hang."""
    uwsgi: Any = sys.modules.get("uwsgi")  # there is such a module inside of uWSGI only
    if uwsgi is not None and uwsgi.worker_id() == 0 and (uwsgi.masterpid() or uwsgi.numproc > 1):
        raise SchedulerStateError(
            "a scheduler cannot be started before uWSGI has forked its workers, which would hang: set lazy-apps = true"
        )


@cache
def _stop_at_exit() -> None:
    """See to it that what still runs when the main thread ends is stopped in order.

    When ``atexit`` calls, no thread can be started any more, and stopping may need some. So we use what
    ``concurrent.futures`` uses, which comes before.
    """
    try:
        getattr(threading, "_register_atexit", atexit.register)(_stop_all)
    except RuntimeError:
        raise SchedulerStateError("the program is ending: a scheduler cannot be started any more") from None


def _stop_all() -> None:
    _stop_at_exit.cache_clear()  # a scheduler that is started later, when nobody would stop it, is refused
    threads = [thread for thread in list(_running) if not thread.is_foreign]
    for thread in threads:
        thread.ask_to_stop(None)
    for thread in threads:
        with suppress(Exception, KeyboardInterrupt):  # a fault is logged; the program ends anyway
            thread.stop(None)


def context_for(backend: str | None) -> Context:
    """Return a copy of the caller's context, for a thread in which another event loop runs, or none."""
    context = copy_context()
    context.run(sniffio.current_async_library_cvar.set, backend)
    return context


def off_event_loops(make: Callable[[], R]) -> R:
    """Return what a function makes where no event loop runs, so that it belongs to none yet."""
    if this_event_loop() is None:
        return make()
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(context_for(None).run, make).result()


def this_event_loop() -> EventLoopToken | None:
    """Return the event loop that runs in this thread."""
    try:
        return current_token()
    except anyio.NoEventLoopError:
        return None


async def call_in_thread(threads: DaemonThreads, callback: Callable[[Event], object], event: Event) -> None:
    """Call a function that need not be quick; await what it returns if that is to be awaited."""
    context = context_for(None)
    result = await threads.run(lambda: context.run(callback, event))
    if isawaitable(result):
        await result


def on_the_event_loop() -> SchedulerStateError:
    """Return the error for code that would wait on an event loop for that event loop."""
    return SchedulerStateError(
        "this code runs on the event loop of the scheduler, which must not be blocked: "
        "use `await current_scheduler.get().<method>(...)` here"
    )


def _fail(future: Future[Any], error: BaseException) -> None:
    if future.set_running_or_notify_cancel():
        future.set_exception(error)
