"""The tasks of an engine: started, watched and ended in one place."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import anyio
from anyio.abc import TaskGroup

from anysched._clock import Clock
from anysched.engine.cancelling import native_cancellation

logger: logging.Logger = logging.getLogger(__name__)


class Room:
    """One task of an engine."""

    def __init__(self) -> None:
        self.scope: anyio.CancelScope = anyio.CancelScope()
        self._ended = anyio.Event()

    def has_ended(self) -> None:
        """Tell those who wait for the end."""
        self._ended.set()

    async def stop(self) -> None:
        """Cancel the task and wait for its end: what it had begun is finished then."""
        self.scope.cancel()
        await self._ended.wait()


class Rooms:
    """A task group in a task of its own, so that any task may end it. Each task in it holds a token of the clock.

    :param failed: called with what a task has raised
    """

    def __init__(self, clock: Clock, failed: Callable[[BaseException], None]) -> None:
        self._clock = clock
        self._failed = failed
        self._task_group: TaskGroup | None = None
        self._is_closing = False
        self._rooms: set[Room] = set()
        self._opened = anyio.Event()
        self._closed = anyio.Event()
        self._native_cancellations: Callable[[], int] = int

    @property
    def loop_ends(self) -> bool:
        """Whether the event loop cancels all tasks that are left, one by one: nobody else knows this one."""
        return self._native_cancellations() > 0

    async def open(self, outer: TaskGroup) -> None:
        """Begin, as a task of another task group."""
        outer.start_soon(self._host, name="anysched rooms")
        await self._opened.wait()

    async def _host(self) -> None:
        self._native_cancellations = native_cancellation()
        try:
            async with anyio.create_task_group() as self._task_group:
                self._opened.set()
                try:
                    await anyio.sleep_forever()
                finally:
                    self._is_closing = True  # a task group that waits for its last tasks takes no more
        finally:
            self._task_group = None
            for room in self._rooms:  # an event loop that ends cancels tasks that have not even begun
                room.has_ended()
            self._closed.set()

    def start(self, who: str, run: Callable[[], Awaitable[None]]) -> Room:
        """Start a task that runs until it is stopped; nothing comes of it once the rooms are closed."""
        room = Room()
        if self._task_group is None or self._is_closing:
            room.has_ended()
        else:
            self._clock.hold(who)
            self._rooms.add(room)
            self._task_group.start_soon(self._run, who, run, room, name=f"anysched {who}")
        return room

    async def _run(self, who: str, run: Callable[[], Awaitable[None]], room: Room) -> None:
        try:
            with room.scope:
                await run()
        except anyio.get_cancelled_exc_class():
            raise
        except BaseException as exc:
            logger.critical("the %s failed, the scheduler stops", who, exc_info=exc)
            self._failed(exc)
        finally:
            self._clock.release(who)
            self._rooms.discard(room)
            room.has_ended()

    async def close(self) -> None:
        """Cancel all tasks and wait for their ends."""
        if self._task_group is not None:
            self._task_group.cancel_scope.cancel()
            await self._closed.wait()
