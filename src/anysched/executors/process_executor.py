"""Jobs in processes."""

from __future__ import annotations

import multiprocessing
import os
import pickle
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from threading import Lock
from typing import Any

from anysched.errors import SchedulerStateError
from anysched.executors.callables import why_not_sync
from anysched.executors.daemon_threads import DaemonThreads, checked_limit
from anysched.executors.worker_process import WorkerProcess, pack, unpack


class ProcessJobExecutor:
    """Runs functions that compute, in processes of their own that are kept for the next ones.

    The function, its arguments and what it returns or raises are pickled. When a job is cancelled its
    process is killed; when a process dies, that fails the job that it ran and no other. Context variables
    do not go along. A script that uses it needs the guard ``if __name__ == "__main__":``, because each
    process imports the script.

    :param max_workers: how many functions may run at once; by default as many as there are processors
    """

    def __init__(self, max_workers: int | None = None) -> None:
        self._max_workers = checked_limit(max_workers if max_workers is not None else os.cpu_count() or 1)
        self._threads: DaemonThreads | None = None
        self._pool = _Pool()

    async def start(self) -> None:
        """Get ready, for the present event loop; processes are started when they are needed.

        :raise SchedulerStateError: when it is started already, or in a worker process that imports the script
        """
        if self._threads is not None:
            raise SchedulerStateError("this job executor is in use: give each scheduler one of its own")
        if getattr(multiprocessing.current_process(), "_inheriting", False):
            raise SchedulerStateError(
                'this process is only importing the script: put what runs it under if __name__ == "__main__":'
            )
        self._threads, self._pool = DaemonThreads(self._max_workers, "anysched-process", set()), _Pool()

    async def stop(self) -> None:
        """Let the processes end."""
        threads, self._threads = self._threads, None
        if threads is not None:
            threads.close()
            self._pool.close()

    async def run(self, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Run the function and return what it returned, or raise what it raised; kill it if cancelled.

        :raise SerializationError: when the call, or what came of it, cannot be pickled
        :raise WorkerProcessError: when the process died, or what the function raised cannot be pickled
        """
        if self._threads is None:
            raise SchedulerStateError("this job executor was not started")
        errand = _Errand(self._pool)
        try:
            return await self._threads.run(partial(errand.run, func, args, kwargs))
        finally:
            errand.cancel()

    def accepts(self, func: Callable[..., Any]) -> str | None:
        """Return None if the function can be run here, else why not."""
        try:
            pickle.dumps(func)
        except Exception as exc:
            return f"it cannot be sent to a worker process ({exc}): it has to be importable by its name"
        return why_not_sync(func, "a worker process")


class _Pool:
    """Processes that wait for work."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._idle: list[WorkerProcess] = []
        self._closed = False

    def take(self) -> WorkerProcess:
        while True:
            with self._lock:
                worker = self._idle.pop() if self._idle else None
            if worker is None:
                return WorkerProcess()
            if worker.alive():
                return worker

    def give_back(self, worker: WorkerProcess) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(worker)
                return
        worker.close()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.close()


class _Errand:
    """One call, from the thread that waits for the process; cancelled from the event loop."""

    def __init__(self, pool: _Pool) -> None:
        self._pool = pool
        self._lock = Lock()
        self._worker: WorkerProcess | None = None
        self._cancelled = False

    def run(self, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        request = pack(func, args, kwargs)
        worker = self._pool.take()
        with self._lock:
            if not self._cancelled:
                self._worker = worker
        if self._worker is None:
            return self._pool.give_back(worker)
        reply = worker.ask(request)
        with self._lock:
            self._worker = None
            killed = self._cancelled
        if not killed:
            self._pool.give_back(worker)
        return unpack(reply)

    def cancel(self) -> None:
        with self._lock:
            self._cancelled = True
            if self._worker is not None:
                self._worker.kill()
