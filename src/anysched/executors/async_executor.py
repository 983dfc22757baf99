"""Jobs on the event loop."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping, Sequence
from contextvars import Context, copy_context
from types import CoroutineType
from typing import Any

from anysched.executors.callables import why_generator


class AsyncJobExecutor:
    """Runs coroutine functions on the event loop of the scheduler.

    A function that is not a coroutine function is called on the event loop too, and blocks it while it
    runs; what it returns is awaited if it can be. Each job has context variables of its own: what it sets
    is gone when it ends.
    """

    async def start(self) -> None:
        """Nothing to get ready."""

    async def stop(self) -> None:
        """Nothing to let go."""

    async def run(self, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Run the function and return what it returned, or raise what it raised; cancellation reaches it."""
        context = copy_context()
        result: Any = context.run(func, *args, **kwargs)
        if result.__class__ is not CoroutineType:
            if not inspect.isawaitable(result):
                return result
            result = _await(result)
        try:
            first = context.run(result.send, None)
        except StopIteration as end:  # it waits for nothing, and need not be awaited, for 0.2 µs more
            return end.value
        return await _InContext(context, result, first)

    def accepts(self, func: Callable[..., Any]) -> str | None:
        """Return None if the function can be run here, else why not."""
        return why_generator(func)


async def _await(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


class _InContext(Generator[Any, Any, Any]):
    """Awaits a coroutine with the context variables of a given context, within the task that awaits this.

    The coroutine has begun, and yielded something already, which is what this yields first.

    Whatever the event loop sends or throws goes through to the coroutine, and whatever it yields comes
    back; only the context is entered for each step and left after it. Event loops keep nothing that they
    rely on in context variables, so that cancel scopes, timeouts and task groups work in it, and tasks that
    it starts inherit from it.
    """

    __slots__ = ("_begun", "_coroutine", "_first", "_run")

    def __init__(self, context: Context, coroutine: Coroutine[Any, Any, Any], first: object) -> None:
        self._run = context.run
        self._coroutine: Any = coroutine
        self._first = first
        self._begun = False

    def __await__(self) -> Generator[Any, Any, Any]:
        return self

    def __next__(self) -> Any:
        if self._begun:
            return self._run(self._coroutine.send, None)
        self._begun = True
        return self._first

    def send(self, value: Any, /) -> Any:
        return self._run(self._coroutine.send, value)

    def throw(self, *exception: Any) -> Any:
        return self._run(self._coroutine.throw, *exception)

    def close(self) -> None:
        self._run(self._coroutine.close)

    # What tools that show where a task waits look for in an awaitable.

    @property
    def cr_frame(self) -> Any:
        return self._coroutine.cr_frame

    @property
    def cr_await(self) -> Any:
        return self._coroutine.cr_await
