"""Jobs that find Django as a request does: set up, with database connections that work."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import django
from django.apps import apps
from django.db import close_old_connections, reset_queries

from anysched.executors import ProcessJobExecutor, ThreadJobExecutor


class DjangoThreadJobExecutor(ThreadJobExecutor):
    """Runs functions in threads that keep no database connection longer than ``CONN_MAX_AGE`` says."""

    async def run(self, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Run the function between two looks at the database connections of its thread."""
        return await super().run(partial(with_good_connections, func), args, kwargs)


class DjangoProcessJobExecutor(ProcessJobExecutor):
    """Runs functions in processes that have set up Django, and treats their connections likewise."""

    async def run(self, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Run the function in a process in which Django was set up before anything else was imported."""
        return await super().run(partial(InDjango(), func), args, kwargs)


def with_good_connections(func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function as Django calls a view: without broken and outlived connections before it and after it."""
    reset_queries()
    close_old_connections()
    try:
        return func(*args, **kwargs)
    finally:
        close_old_connections()


class InDjango:
    """``with_good_connections`` for a process where Django may not be set up yet.

    Being unpickled sets it up, and a partial unpickles what it calls first: so the job's function and arguments,
    and the models that they may be about, are imported afterwards.
    """

    def __call__(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return with_good_connections(func, *args, **kwargs)

    def __reduce__(self) -> tuple[Callable[[], InDjango], tuple[()]]:
        return set_up, ()


def set_up() -> InDjango:
    """Set up Django unless this process has done so already."""
    if not apps.ready:
        django.setup()
    return InDjango()
