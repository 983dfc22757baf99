"""The methods of a scheduler that blocks: each waits for the asynchronous one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, contextmanager
from functools import partial, wraps
from typing import Any, Concatenate, Final, ParamSpec, Protocol, TypeVar, TypeVarTuple, Unpack

from anysched._scheduler import AsyncScheduler

P = ParamSpec("P")
R = TypeVar("R")
Args = TypeVarTuple("Args")


class Caller(Protocol):
    """What such a method needs of the scheduler it belongs to."""

    _scheduler: AsyncScheduler

    def call(self, func: Callable[[Unpack[Args]], Awaitable[R]], *args: *Args) -> R:
        """Call a coroutine function on the event loop of the scheduler, and return what it returns."""
        ...


def _blocking(
    method: Callable[Concatenate[AsyncScheduler, P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate[Caller, P], R]:
    """Return the method that waits for what an asynchronous one returns."""

    @wraps(method)
    def blocking(self: Caller, /, *args: P.args, **kwargs: P.kwargs) -> R:
        scheduler = self._scheduler  # pyright: ignore[reportPrivateUsage]
        return self.call(partial(method, scheduler, *args, **kwargs))

    blocking.__qualname__ = f"Scheduler.{method.__name__}"
    return blocking


def _blocking_block(
    method: Callable[Concatenate[AsyncScheduler, P], AbstractAsyncContextManager[R]],
) -> Callable[Concatenate[Caller, P], AbstractContextManager[R]]:
    """Return the method whose block waits for what an asynchronous one does at its beginning and its end."""

    @wraps(method)
    @contextmanager
    def blocking(self: Caller, /, *args: P.args, **kwargs: P.kwargs) -> Generator[R]:
        block = method(self._scheduler, *args, **kwargs)  # pyright: ignore[reportPrivateUsage]
        entered = self.call(block.__aenter__)
        try:
            yield entered
        except BaseException as exc:
            if not self.call(block.__aexit__, type(exc), exc, exc.__traceback__):
                raise
        else:
            self.call(block.__aexit__, None, None, None)

    blocking.__qualname__ = f"Scheduler.{method.__name__}"
    return blocking


class DerivedMethods:
    """The methods that differ from the asynchronous ones only in that they wait: a line for each."""

    # running

    check_health: Final = _blocking(AsyncScheduler.check_health)

    # tasks

    configure_task: Final = _blocking(AsyncScheduler.configure_task)
    get_tasks: Final = _blocking(AsyncScheduler.get_tasks)

    # schedules

    add_schedule: Final = _blocking(AsyncScheduler.add_schedule)
    add_schedules: Final = _blocking(AsyncScheduler.add_schedules)
    apply_schedules: Final = _blocking(AsyncScheduler.apply_schedules)
    get_schedule: Final = _blocking(AsyncScheduler.get_schedule)
    get_schedules: Final = _blocking(AsyncScheduler.get_schedules)
    remove_schedule: Final = _blocking(AsyncScheduler.remove_schedule)
    run_schedule: Final = _blocking(AsyncScheduler.run_schedule)

    # pauses

    pause_schedule: Final = _blocking(AsyncScheduler.pause_schedule)
    unpause_schedule: Final = _blocking(AsyncScheduler.unpause_schedule)
    preview_unpause: Final = _blocking(AsyncScheduler.preview_unpause)

    # holds

    pause_schedules: Final = _blocking(AsyncScheduler.pause_schedules)
    unpause_schedules: Final = _blocking(AsyncScheduler.unpause_schedules)
    preview_unpause_schedules: Final = _blocking(AsyncScheduler.preview_unpause_schedules)
    get_holds: Final = _blocking(AsyncScheduler.get_holds)
    maintenance: Final = _blocking_block(AsyncScheduler.maintenance)

    # single fire times

    skip_fire_time: Final = _blocking(AsyncScheduler.skip_fire_time)
    move_fire_time: Final = _blocking(AsyncScheduler.move_fire_time)
    restore_fire_time: Final = _blocking(AsyncScheduler.restore_fire_time)

    # backfills

    backfill: Final = _blocking(AsyncScheduler.backfill)
    get_backfills: Final = _blocking(AsyncScheduler.get_backfills)
    pause_backfill: Final = _blocking(AsyncScheduler.pause_backfill)
    resume_backfill: Final = _blocking(AsyncScheduler.resume_backfill)
    cancel_backfill: Final = _blocking(AsyncScheduler.cancel_backfill)
    # windows

    add_window: Final = _blocking(AsyncScheduler.add_window)
    remove_window: Final = _blocking(AsyncScheduler.remove_window)
    get_windows: Final = _blocking(AsyncScheduler.get_windows)

    # history

    get_fire_times: Final = _blocking(AsyncScheduler.get_fire_times)
    explain: Final = _blocking(AsyncScheduler.explain)

    # clocks of time zones

    preview_clock_changes: Final = _blocking(AsyncScheduler.preview_clock_changes)

    # audit

    get_audit: Final = _blocking(AsyncScheduler.get_audit)

    # jobs

    add_job: Final = _blocking(AsyncScheduler.add_job)
    add_jobs: Final = _blocking(AsyncScheduler.add_jobs)
    run_job: Final = _blocking(AsyncScheduler.run_job)
    get_jobs: Final = _blocking(AsyncScheduler.get_jobs)
    get_job_result: Final = _blocking(AsyncScheduler.get_job_result)
    cancel_job: Final = _blocking(AsyncScheduler.cancel_job)

    # events

    get_next_event: Final = _blocking(AsyncScheduler.get_next_event)
