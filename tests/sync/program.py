"""A program that blocks, run in a process of its own: `program.py <what it does> <backend> <data store>`."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable

import anyio

from anysched import JobReleased, Scheduler, SchedulerStateError, SchedulerStopped, task

STORE: str | None = None
BACKEND = "asyncio"

#: Set when a job runs.
begun = threading.Event()


def say(what: object) -> None:
    sys.stdout.write(f"{what}\n")  # in one piece: several threads say something
    sys.stdout.flush()


@task(id="short")
def short() -> None:
    say("begun")
    begun.set()
    time.sleep(0.3)
    say("done")


@task(id="endless")
def endless() -> None:
    say("begun")
    begun.set()
    time.sleep(100)


@task(id="patient")
async def patient() -> None:
    say("begun")
    begun.set()
    try:
        await anyio.sleep(100)
    finally:
        say("cancelled")


def made(**options: object) -> Scheduler:
    """Return a scheduler that says how its jobs and itself end."""
    scheduler = Scheduler(STORE, backend=BACKEND, timezone="UTC", **options)  # type: ignore[arg-type]
    scheduler.subscribe(tell, [JobReleased, SchedulerStopped])
    return scheduler


def tell(event: JobReleased | SchedulerStopped) -> None:
    say(f"job: {event.outcome}" if isinstance(event, JobReleased) else "stopped")


def started(**options: object) -> Scheduler:
    return made(**options).start()


def say_ready_when_signals_are_heard() -> None:
    """Say it from a thread, as the main thread serves."""

    def wait() -> None:
        while signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            time.sleep(0.01)
        say("ready")

    threading.Thread(target=wait).start()


def run_and_wait(scheduler: Scheduler, job: object) -> None:
    """Return when a job runs."""
    scheduler.add_job(job)  # type: ignore[arg-type]
    assert begun.wait(10)


# programs that end without a stop()


def idle() -> None:
    started()


def busy() -> None:
    run_and_wait(started(), short)


def leaves() -> None:
    run_and_wait(started(), short)
    sys.exit(3)


def terminated() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    run_and_wait(started(), short)
    time.sleep(100)


def fails() -> None:
    run_and_wait(started(), short)
    raise LookupError("the program failed")


def hangs() -> None:
    run_and_wait(started(stop_grace=0.1), endless)


def goes_on() -> None:
    """A thread outlives the main thread, and with it the scheduler."""
    scheduler = started()

    def go_on() -> None:
        threading.main_thread().join()
        scheduler.wait_until_stopped()
        say(why_not(scheduler.get_tasks))
        say(why_not(started))

    threading.Thread(target=go_on).start()


def has_a_child() -> None:
    """A process that ends as those of multiprocessing do."""
    child = multiprocessing.get_context("fork").Process(target=busy)
    child.start()
    child.join()
    say(child.exitcode)


# programs that are interrupted


def sleeps() -> None:
    with made() as scheduler:
        run_and_wait(scheduler, short)
        say("ready")
        time.sleep(100)


def waits() -> None:
    with made(stop_grace=0.1) as scheduler:
        say("ready")
        scheduler.run_job(patient)


def is_patient() -> None:
    with made(stop_grace=100) as scheduler:
        run_and_wait(scheduler, patient)
        say("ready")


def serves() -> None:
    scheduler = started()
    run_and_wait(scheduler, short)
    say_ready_when_signals_are_heard()
    scheduler.run_until_stopped()
    say("served")


def serves_long() -> None:
    with made(stop_grace=100) as scheduler:
        run_and_wait(scheduler, patient)
        say_ready_when_signals_are_heard()
        scheduler.run_until_stopped()
    say("served")


# programs that fork


def why_not(call: Callable[[], object]) -> str:
    try:
        call()
    except SchedulerStateError as exc:
        return str(exc)
    return "it works"


def forks() -> None:
    """The child may not use what the parent runs, and its end disturbs nobody."""
    unstarted = Scheduler(backend=BACKEND, timezone="UTC")  # type: ignore[arg-type]
    scheduler = started()
    run_and_wait(scheduler, short)
    child = os.fork()
    if child == 0:
        say(why_not(scheduler.get_tasks))
        say(why_not(scheduler.wait_until_stopped))
        say(why_not(scheduler.start))
        scheduler.stop()
        with unstarted:
            say(f"child: {unstarted.run_job(len, args=['abc'])}")
        sys.exit(0)
    assert os.waitpid(child, 0)[1] == 0
    scheduler.get_tasks()
    say(f"differ: {unstarted.identity != scheduler.identity}")


if __name__ == "__main__":
    _, what, BACKEND, store = sys.argv
    STORE = store or None
    try:
        globals()[what]()
    except KeyboardInterrupt:
        say("interrupted")
