"""Tasks and threads that belong to the event loop, not to the task that starts them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from typing import Any, Generic, TypeVar

import anyio
import sniffio
from anyio.lowlevel import current_token

T = TypeVar("T")


def spawn(run: Callable[[], Coroutine[Any, Any, None]], ended: Callable[[], None], name: str) -> object:
    """Start a task in the caller's context and return it, to be kept: an event loop does not keep its tasks alive.

    :param ended: called when a task has ended that was cancelled before it could begin, as asyncio has it
    """
    if sniffio.current_async_library() == "trio":
        import trio

        return trio.lowlevel.spawn_system_task(run, name=name, context=copy_context())
    task = asyncio.get_running_loop().create_task(run(), name=name)
    task.add_done_callback(lambda _: ended())
    return task


def loop_ends() -> bool:
    """Return whether an event loop that ends cancels the current task, if no cancel scope is left that did.

    asyncio does so once, and the errors of other tasks, which it cancels as well, may be raised in its place.
    """
    if sniffio.current_async_library() == "trio":
        return False  # the next wait is cancelled again
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def loop_caller() -> Callable[..., None]:
    """Return a function that, called from any thread, has the event loop call another, without waiting for it.

    That is called in the context of whoever asked for this. A signal handler interrupts any context, also one that
    was made for a thread, in which no event loop is known.
    """
    context = copy_context()
    native: Any = current_token().native_token
    trio = sniffio.current_async_library() == "trio"
    caller: Callable[..., None] = native.run_sync_soon if trio else native.call_soon_threadsafe

    def call(func: Callable[..., object], *args: Any) -> None:
        caller(context.run, func, *args)

    return call


class Errand(Generic[T]):
    """A function that blocks and makes something, in a daemon thread: nobody has to wait for it to end.

    :param discard: called with what was made when nobody wants it any more, in any thread
    """

    def __init__(self, make: Callable[[], T], discard: Callable[[T], object], name: str) -> None:
        self._make = make
        self._discard = discard
        self._lock = threading.Lock()
        self._made: list[T] = []
        self._error: BaseException | None = None
        self._given_up = False
        self._done = anyio.Event()
        self._call_in_loop = loop_caller()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    async def outcome(self) -> T:
        """Return what the function returns, or raise what it raises; call this once."""
        self._thread.start()
        try:
            await self._done.wait()
        except BaseException:
            self._give_up()
            raise
        error, self._error = self._error, None  # or the traceback would hold this, and this the error
        if error is None:
            return self._made.pop()
        try:
            raise error
        finally:
            del error

    def _run(self) -> None:
        try:
            made = self._make()
        except BaseException as exc:
            self._error = exc
        else:
            with self._lock:
                self._made.append(made)
                wanted = not self._given_up
            if not wanted:
                self._give_up()
        try:
            self._call_in_loop(self._done.set)
        except RuntimeError:  # the event loop is gone
            self._give_up()

    def _give_up(self) -> None:
        with self._lock:
            self._given_up = True
            made = list(self._made)
            self._made.clear()
        for item in made:
            self._discard(item)
