"""How a scheduler starts, stops, and tells how it is."""

from __future__ import annotations

import threading
from datetime import timedelta
from types import TracebackType
from typing import Self

import anyio
from anyio.lowlevel import current_token

from anysched._scheduler.base import Base, current, topic
from anysched._spawn import loop_caller
from anysched.engine.health import Health
from anysched.engine.hosting import Host
from anysched.engine.signals import signals
from anysched.errors import SchedulerFaultError, SchedulerStateError
from anysched.model import convert
from anysched.model.policies import RunState


@topic
class RunMethods(Base):
    """Starting, stopping, serving and health (rule J6)."""

    @property
    def health(self) -> Health:
        """What this node knows about itself at this moment; asks nobody."""
        return Health.of(self._engine)

    async def check_health(self, *, timeout: timedelta | float = 5) -> Health:
        """Ask the data store how it is, and return that with what this node knows about itself.

        For readiness probes: it answers within ``timeout`` whatever the store does, and any number may ask at once.
        Counting costs the store more the more jobs are queued.

        :param timeout: how long to wait for the store; what it has not said by then is told as its error
        """
        limit = convert.positive_duration(timeout, "timeout").total_seconds()
        if self.state is not RunState.started:
            return self.health
        self._require_own_loop()
        return await Health.examine(self._engine, limit)

    async def __aenter__(self) -> Self:
        self._require_new()
        self._belong_here()
        task_group = anyio.create_task_group()
        await task_group.__aenter__()
        token = current.set(self)  # the tasks that start now, and so all jobs, see it
        try:
            await self._engine.start(task_group)
        except BaseException as exc:
            task_group.cancel_scope.cancel()
            cancelled = isinstance(exc, anyio.get_cancelled_exc_class())
            await task_group.__aexit__(
                *((type(exc), exc, exc.__traceback__) if cancelled else (None, None, None))
            )
            raise
        finally:
            current.reset(token)
        self._task_group = task_group
        self._entered_in = anyio.get_current_task().id, current_token()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._require_own_process()
        task_group, engine = self._task_group, self._engine
        assert task_group is not None
        cancellation = anyio.get_cancelled_exc_class()
        ending = exc_value
        await self._require_same_task(exc_value)
        try:
            await engine.leave(timedelta(0) if isinstance(ending, cancellation) else None)
        except cancellation as exc:
            ending = exc if exc_value is None else exc_value  # what the body has to say comes first
        # Only a cancellation passes through the task group: it would wrap any other exception (rule J6).
        cancelled = ending if isinstance(ending, cancellation) else None
        task_group.cancel_scope.cancel()
        passed = (
            (None, None, None) if cancelled is None else (type(cancelled), cancelled, cancelled.__traceback__)
        )
        try:
            swallowed = bool(await task_group.__aexit__(*passed)) and cancelled is not None
        except cancellation:
            if ending is None or cancelled is not None:
                raise
            swallowed = False
        if ending is None or swallowed:
            if engine.fault is not None:
                raise SchedulerFaultError(f"the scheduler failed: {engine.fault_text}") from engine.fault
            if engine.interrupted:
                raise KeyboardInterrupt
        if ending is not None and ending is not exc_value:
            raise ending

    async def _require_same_task(self, ending: BaseException | None) -> None:
        """Raise unless the present task has entered the block; stop first, if this is the right event loop."""
        task, loop = self._entered_in or (None, None)
        if task == anyio.get_current_task().id:
            return
        if loop == current_token():
            cancelled = isinstance(ending, anyio.get_cancelled_exc_class())
            await self._engine.leave(timedelta(0) if cancelled else None)
        raise SchedulerStateError(
            "`async with scheduler:` was entered in one task and left in another: where starting and stopping "
            "happen in different tasks, call `await scheduler.start()` and `await scheduler.stop()` instead"
        ) from ending

    async def start(self) -> None:
        """Start in a task of the scheduler's own, and return when it is running. Any task may call ``stop()``.

        For programs that start and stop in different tasks; ``async with`` is for all others. A fault of the
        scheduler stops it, without cancelling anybody, and ``stop()`` or ``run_until_stopped()`` raises it. Where
        the event loop ends first, the scheduler is stopped without grace (rule J6).

        :raise SchedulerStateError: when it has been started before
        :raise StoreError: when the data store cannot be used, as on entering ``async with``
        """
        self._require_new()
        if self._host is not None:
            raise SchedulerStateError("the scheduler is being started already")
        self._host = Host(self, self._engine)
        await self._host.start()

    async def stop(self, *, grace: timedelta | float | None = None) -> None:
        """Stop in order: no new jobs, ``grace`` for running ones, then cancel, report, and let go (rule J6).

        A second call waits for the first; its own ``grace`` can only shorten that. Called by a job of this
        scheduler, or by a subscriber, it asks for the stop and returns. A coroutine that shields itself from its
        cancellation is waited for a few seconds more and then left to itself; only the block cannot be left before.

        :param grace: how long running jobs may take to end; by default the scheduler's ``stop_grace``
        :raise SchedulerFaultError: when a scheduler that was started with ``start()`` has failed; once
        """
        self._require_own_loop()
        limit = None if grace is None else convert.duration(grace, "grace")
        if current.get(None) is self:
            self._engine.request_stop(limit)
        elif self._host is not None:
            await self._host.stop(limit)
        else:
            await self._engine.stop(limit)

    async def wait_until_stopped(self) -> None:
        """Return when the scheduler has stopped. :raise SchedulerStateError: when it was never started"""
        if self.state is RunState.created:
            raise SchedulerStateError(
                "the scheduler was never started: use it inside `async with scheduler:`, or call start() first"
            )
        self._require_own_loop()
        await self._engine.stopped.wait()

    async def run_until_stopped(self) -> None:
        """Serve until ``stop()`` is called or, in the main thread, SIGINT or SIGTERM arrives; start if need be.

        The first signal stops in order, the second at once; one more goes to the handlers that were there before.
        Signal handlers are restored. Several schedulers may serve at once, and all of them hear a signal.

        :raise SchedulerFaultError: when the scheduler has failed (rule J6)
        """
        if self.state is RunState.created:
            async with self:
                return await self.run_until_stopped()
        self._require_own_loop()
        ended = self.wait_until_stopped if self._host is None else self._host.join
        if threading.current_thread() is not threading.main_thread():
            return await ended()
        call_in_loop = loop_caller()
        leave = signals.listen(lambda: call_in_loop(self._engine.signalled))
        try:
            return await ended()
        finally:
            leave()
