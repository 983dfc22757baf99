"""What kind of function a job's function is."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any


def why_generator(func: Callable[..., Any]) -> str | None:
    """Return why a generator function cannot be a job, or None for any other function."""
    body = _body(func)
    if inspect.isgeneratorfunction(body) or inspect.isasyncgenfunction(body):
        return "it is a generator function: calling it would run nothing of its body"
    return None


def why_not_sync(func: Callable[..., Any], place: str) -> str | None:
    """Return why a function cannot run where there is no event loop, or None if it can.

    :param place: where that is
    """
    if inspect.iscoroutinefunction(_body(func)):
        return f"it is a coroutine function, and {place} has no event loop to run it: use the async executor"
    return why_generator(func)


def call_sync(func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Call a function, and refuse what it returns if that has to be awaited."""
    result = func(*args, **kwargs)
    if inspect.isawaitable(result):
        if inspect.iscoroutine(result):
            result.close()  # or Python warns that it was never awaited
        raise TypeError(f"{func!r} returned something to await: run it in the async executor")
    return result


def _body(func: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function that runs when ``func`` is called."""
    while isinstance(func, partial):
        func = func.func
    if inspect.isroutine(func) or inspect.isclass(func):
        return func
    return type(func).__call__
