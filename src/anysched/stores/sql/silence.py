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


def limit_silence(connection: Any, seconds: float) -> None:
    """Let each wait of a connection of psycopg raise ``OperationalError`` after so many seconds, and close it."""
    wait = connection.wait

    def limited(generator: Generator[Any, Any, T], *args: Any, **kwargs: Any) -> T:
        result: T = wait(_until(time.monotonic() + seconds, generator, connection), *args, **kwargs)
        return result

    connection.wait = limited


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
