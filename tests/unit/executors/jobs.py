"""Functions that run in worker processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any


class TwoArguments(Exception):
    """An exception that pickle cannot read back."""

    def __init__(self, left: str, right: str) -> None:
        super().__init__(left + right)


class Unreadable:
    """Can be pickled, but not read back."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return int, ("not a number",)


def pid() -> int:
    """Tell which process this is."""
    return os.getpid()


def add(a: int, *, b: int) -> int:
    """Add."""
    return a + b


def crash() -> None:
    """End the process without a word."""
    os._exit(7)


def segfault() -> None:
    """End the process by a signal."""
    os.kill(os.getpid(), signal.SIGSEGV)


def leave_a_child_and_crash(path: str) -> None:
    """End the process while a forked child keeps its files open."""
    child = os.fork()
    if child == 0:
        signal.pause()
    with open(path, "w") as file:
        file.write(str(child))
    os._exit(8)


def fail(error: BaseException) -> None:
    """Raise an error."""
    raise error


def fail_unreadably() -> None:
    """Raise what cannot be handed over."""
    raise TwoArguments("left", "right")


def return_unpicklable() -> Any:
    """Return what cannot be pickled."""
    return lambda: None


def return_unreadable() -> Any:
    """Return what cannot be read back."""
    return Unreadable()


def hang(path: str) -> None:
    """Say that it runs, then never end."""
    with open(path, "w") as file:
        file.write(str(os.getpid()))
    while True:
        signal.pause()


def be_noisy() -> int:
    """Use the standard streams in every way that could disturb a protocol on them."""
    print("out")
    print("err", file=sys.stderr)
    os.write(1, b"raw out\n")
    os.write(2, b"x" * 200_000)
    code = "import sys; sys.stdin.read(); print('y' * 200_000)"
    return subprocess.run([sys.executable, "-c", code], check=False).returncode


def use_a_child_process() -> list[int]:
    """Use multiprocessing."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.map(abs, [-1, -2])


def interrupt_itself() -> str:
    """Receive what Ctrl-C sends to all processes of a terminal."""
    os.kill(os.getpid(), signal.SIGINT)
    return "went on"


async def coroutine() -> None:
    """Not for a process."""


def return_awaitable() -> Any:
    """Return something that nobody will await."""
    return coroutine()
