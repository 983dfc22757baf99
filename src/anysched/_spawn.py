"""Tasks that belong to the event loop, not to the task that starts them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from typing import Any

import sniffio


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
