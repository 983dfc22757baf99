"""Giving up a server of PostgreSQL that keeps a connection open and says nothing.

A broken network is found out by the operating system. A server, or a proxy, that takes everything in and never
answers is not, and libpq would wait for it for ever.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any, TypeVar

import psycopg

T = TypeVar("T")


class _Limited:
    """What takes the place of a connection's ``wait``."""

    def __init__(self, connection: Any, seconds: float, each: float) -> None:
        self._connection = connection
        self._wait = connection.wait
        self._seconds = seconds
        self._each = each

    def __call__(self, generator: Generator[Any, Any, T], *args: Any, more: int = 0, **kwargs: Any) -> T:
        deadline = time.monotonic() + self._seconds + self._each * more
        result: T = self._wait(_until(deadline, generator, self._connection), *args, **kwargs)
        return result


def limit_silence(connection: Any, seconds: float, each: float) -> None:
    """Let each wait of a connection of psycopg raise ``OperationalError`` after so many seconds, and close it.

    :param each: how many seconds longer for each statement more that is answered in one go
    """
    connection.wait = _Limited(connection, seconds, each)


def wait_for(connection: Any, generator: Generator[Any, Any, T], statements: int) -> T:
    """Wait for the answers to so many statements, for as long as they may take one after the other."""
    wait = connection.wait
    more = {"more": statements - 1} if statements > 1 and isinstance(wait, _Limited) else {}
    result: T = wait(generator, **more)
    return result


def _until(deadline: float, generator: Generator[Any, Any, T], connection: Any) -> Generator[Any, Any, T]:
    """Pass on what a generator of psycopg's wants, which is told now and then that nothing has happened yet."""
    try:
        wanted = next(generator)
        while True:
            happened = yield wanted
            if not happened and time.monotonic() > deadline:
                connection.close()
                raise psycopg.OperationalError("the server keeps the connection open and does not answer")
            wanted = generator.send(happened)
    except StopIteration as end:
        result: T = end.value
        return result
