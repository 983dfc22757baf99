"""Jobs in threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import copy_context
from typing import Any

import sniffio

from anysched.errors import SchedulerStateError
from anysched.executors.callables import call_sync, why_not_sync
from anysched.executors.daemon_threads import Call, DaemonThreads, checked_limit


class ThreadJobExecutor:
    """Runs functions that block, in daemon threads; each with a copy of the context variables.

    Python cannot stop a thread: the function of a job that is cancelled goes on unseen, and keeps one of
    the places, until it returns. It never holds up the scheduler or the end of the program.

    :param max_workers: how many functions may run at once, counting those of cancelled jobs
    """

    def __init__(self, max_workers: int = 40) -> None:
        self._max_workers = checked_limit(max_workers)
        self._threads: DaemonThreads | None = None
        self._abandoned: set[Call] = set()

    @property
    def abandoned(self) -> int:
        """How many functions still run though their jobs were cancelled."""
        return len(self._abandoned)

    async def start(self) -> None:
        """Get ready, for the present event loop.

        :raise SchedulerStateError: when it is started already: an executor serves one scheduler
        """
        if self._threads is not None:
            raise SchedulerStateError("this job executor is in use: give each scheduler one of its own")
        self._threads = DaemonThreads(self._max_workers, "anysched-thread", self._abandoned)

    async def stop(self) -> None:
        """Let the threads end when what they run returns, and do not wait for that."""
        threads, self._threads = self._threads, None
        if threads is not None:
            threads.close()

    async def run(self, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Run the function and return what it returned, or raise what it raised; abandon it if cancelled."""
        if self._threads is None:
            raise SchedulerStateError("this job executor was not started")
        context = copy_context()
        context.run(sniffio.current_async_library_cvar.set, None)  # there is no event loop in the thread
        return await self._threads.run(lambda: context.run(call_sync, func, args, kwargs))

    def accepts(self, func: Callable[..., Any]) -> str | None:
        """Return None if the function can be run here, else why not."""
        return why_not_sync(func, "a thread")
