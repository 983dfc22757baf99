"""Telling a cancellation of the scheduler's own from one that the code of a user made up (rule J4)."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from contextlib import suppress

import anyio
import sniffio


def is_cancelled() -> bool:
    """Return whether a cancel scope around the current task is cancelled, not just what was awaited."""
    return anyio.current_effective_deadline() == -math.inf


def is_natively_cancelled() -> bool:
    """Return whether ``asyncio.Task.cancel()`` was called on the current task, and no cancel scope did it.

    The tasks of the engine are cancelled by cancel scopes only, so that nobody but the code of a job, or of a
    subscriber, can have called it; when the event loop shuts down, the scope is cancelled as well, soon after.
    """
    return native_cancellation()() > 0 and not is_cancelled()


def native_cancellation() -> Callable[[], int]:
    """Return what tells, from then on, how often ``asyncio.Task.cancel()`` was called on the task that calls this."""
    task = asyncio.current_task() if sniffio.current_async_library() == "asyncio" else None
    return int if task is None else task.cancelling


async def undo_native_cancellation() -> None:
    """Undo such a cancellation, or it would hit what the task does next."""
    task = asyncio.current_task()
    while task is not None and task.cancelling():
        task.uncancel()
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(0)  # where Python throws the cancellation all the same
