"""Threads that cannot keep the interpreter from ending."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any

import anyio
import sniffio

from anysched.errors import SchedulerStateError


class Call:
    """A function on its way through a thread."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self.done: anyio.Event = anyio.Event()
        self.ended: bool = False
        self.abandoned = False
        self._function = function
        self._value: Any = None
        self._error: BaseException | None = None

    def execute(self) -> None:
        """Run the function, in the thread."""
        try:
            if not self.abandoned:
                self._value = self._function()
        except BaseException as exc:
            self._error = exc
        del self._function  # and the arguments with it: the thread may hold the call a little longer
        self.ended = True

    def outcome(self) -> Any:
        """Return what the function returned, or raise what it raised."""
        error, self._error = self._error, None  # or the traceback would hold the call, and the call the error
        if error is None:
            return self._value
        try:
            raise error
        finally:
            del error


class DaemonThreads:
    """Runs functions in daemon threads for the present event loop, a limited number at a time.

    The worker threads that event loops offer are no daemons on asyncio: the interpreter waits for them when
    it ends, and a job that never ends would hang it. A caller that is cancelled leaves its thread behind at
    once; the place of the thread stays taken until the function returns.

    :param abandoned: where to keep the calls that were left behind and still run
    """

    def __init__(self, limit: int, name: str, abandoned: set[Call]) -> None:
        self._name = name
        self._abandoned = abandoned
        self._places = anyio.Semaphore(limit)
        self._post = _poster()
        self._queue: SimpleQueue[Call | None] = SimpleQueue()
        self._started = 0
        self._idle = 0
        self._closed = False

    async def run(self, function: Callable[[], Any]) -> Any:
        """Run a function in a thread and return what it returned, or raise what it raised."""
        await self._places.acquire()
        call = Call(function)
        try:
            self._submit(call)
        except BaseException:
            self._places.release()
            raise
        try:
            await call.done.wait()
        except BaseException:
            call.abandoned = True
            self._abandoned.add(call)
            if call.ended:  # asked after adding, as the thread removes it after ending
                self._abandoned.discard(call)
            raise
        return call.outcome()

    def close(self) -> None:
        """Let each thread end when its present function returns."""
        self._closed = True
        for _ in range(self._started):
            self._queue.put(None)

    def _submit(self, call: Call) -> None:
        if self._closed:
            raise SchedulerStateError("the job executor was stopped before it could run the function")
        if self._idle:
            self._idle -= 1
        else:
            Thread(target=self._work, name=f"{self._name}-{self._started + 1}", daemon=True).start()
            self._started += 1
        self._queue.put(call)

    def _work(self) -> None:
        while (call := self._queue.get()) is not None:
            call.execute()
            self._abandoned.discard(call)
            try:
                self._post(self._finish, call)
            except RuntimeError:  # the event loop is gone, and with it whoever waited
                return
            del call

    def _finish(self, call: Call) -> None:
        self._idle += 1
        self._places.release()
        call.done.set()


def checked_limit(max_workers: int) -> int:
    """Return ``max_workers`` if it is a whole number from 1."""
    if type(max_workers) is not int or max_workers < 1:
        raise ValueError(f"max_workers must be a whole number from 1, not {max_workers!r}")
    return max_workers


def _poster() -> Callable[..., object]:
    """Return what runs a function soon on the present event loop, when called from any thread."""
    if sniffio.current_async_library() == "trio":
        import trio

        return trio.lowlevel.current_trio_token().run_sync_soon
    return asyncio.get_running_loop().call_soon_threadsafe
