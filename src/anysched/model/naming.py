"""The names of callables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from anysched.errors import UnnamedCallableError


def callable_name(func: Callable[..., Any]) -> str:
    """Return "module:qualified name" of a callable.

    :raise UnnamedCallableError: for a partial, or an instance, which have no name of their own
    """
    module, qualified = getattr(func, "__module__", None), getattr(func, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(qualified, str):
        raise UnnamedCallableError(
            f"{func!r} has no name of its own: give it one with configure_task('name', func=...) or @task(id='name')"
        )
    return f"{module}:{qualified}"


def is_lasting_name(name: str) -> bool:
    """Return whether a name made by ``callable_name`` means the same after a restart: no lambda, not nested."""
    return "<" not in name
