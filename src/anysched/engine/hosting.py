"""A scheduler that is started in one task and stopped in another (rule J6)."""

from __future__ import annotations

import _thread
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

import anyio

from anysched._spawn import spawn
from anysched.engine.lifecycle import Engine


class Host:
    """A task of its own that enters the block of a scheduler, and stays in it until the scheduler has stopped.

    It belongs to the event loop, not to the task that starts it, so that neither the end nor the cancellation of
    that task ends it. An event loop that ends cancels it, which stops the scheduler without grace.

    :param block: what is entered
    """

    def __init__(self, block: AbstractAsyncContextManager[object], engine: Engine) -> None:
        self._block = block
        self._engine = engine
        self._scope = anyio.CancelScope()
        self._begun = anyio.Event()  # the block is entered, or could not be
        self._ended = anyio.Event()
        self._failure: BaseException | None = None
        self._task: object = None

    async def start(self) -> None:
        """Return when the block is entered, or raise what entering it raised."""
        self._task = spawn(self._run, self._has_ended, "anysched host")
        try:
            await self._begun.wait()
        except BaseException:
            self._scope.cancel()
            with anyio.CancelScope(shield=True):
                await self._ended.wait()
            raise
        self._raise_failure()

    async def stop(self, grace: timedelta | None) -> None:
        """Stop the engine and wait for the end."""
        await self._begun.wait()
        await self._engine.stop(grace)
        await self.join()

    async def join(self) -> None:
        """Return when the block has been left. What leaving it raised is raised once."""
        await self._ended.wait()
        self._raise_failure()

    async def _run(self) -> None:
        try:
            with self._scope:
                async with self._block:
                    self._begun.set()
                    await self._engine.stopped.wait()
        except anyio.get_cancelled_exc_class():
            raise  # the event loop ends
        except BaseException as exc:
            if isinstance(exc, KeyboardInterrupt) and self._begun.is_set():
                _thread.interrupt_main()  # a Ctrl-C that hit a job: nobody could catch it here
            else:
                self._failure = exc
        finally:
            self._has_ended()

    def _has_ended(self) -> None:
        self._begun.set()
        self._ended.set()

    def _raise_failure(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
