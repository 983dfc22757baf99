"""A program that serves until it is stopped, for the tests of signals; it says on stdout what happens."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable

import anyio

from anysched import AsyncScheduler, SchedulerStopped

# A program started in the background by a shell ignores SIGINT, and hands that on to the programs it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)


def say(text: str) -> None:
    print(text, flush=True)


async def quick() -> None:
    """Begin, and end well within any grace."""
    say("begun")
    await anyio.sleep(0.3)
    say("ended")


async def endless() -> None:
    """Begin, and never end."""
    try:
        say("begun")
        await anyio.sleep_forever()
    finally:
        say("cancelled")


async def blocking() -> None:
    """Begin, and block the event loop for ever."""
    say("begun")
    while True:
        time.sleep(0.01)  # noqa: ASYNC251 - what it is about


def thread() -> None:
    """Begin, and never end, in a thread."""
    say("begun")
    threading.Event().wait()


async def interrupting() -> None:
    """Have a real Ctrl-C hit this very job."""
    say("begun")
    signal.raise_signal(signal.SIGINT)
    await anyio.sleep(0.1)


JOBS = {job.__name__: job for job in (quick, endless, blocking, thread, interrupting)}


async def serve(jobs: list[Callable[..., object]], how: str) -> None:
    """Run each of the jobs on a scheduler of its own, until all of them are stopped."""
    async with anyio.create_task_group() as task_group:
        for job in jobs:
            task_group.start_soon(serve_one, job, how)


async def serve_one(job: Callable[..., object], how: str) -> None:
    """Run one job."""
    scheduler = AsyncScheduler(stop_grace=20)
    scheduler.subscribe(lambda _: say("stopped"), SchedulerStopped)
    async with scheduler:
        await scheduler.add_job(job)
        await (anyio.sleep_forever() if how == "block" else scheduler.run_until_stopped())


def handlers() -> list[object]:
    return [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]


def main(backend: str, names: str, how: str) -> None:
    """Serve, and say whether the handlers of signals are as they were before."""

    async def program() -> None:
        before = handlers()
        await serve([JOBS[name] for name in names.split("+")], how)
        say("restored" if before == handlers() else "not restored")

    interrupted = False
    try:
        anyio.run(program, backend=backend)
    except* KeyboardInterrupt:  # on trio within the group of the task group above
        interrupted = True
    if interrupted:
        say("interrupted")
        sys.exit(130)


if __name__ == "__main__":
    main(*sys.argv[1:])
