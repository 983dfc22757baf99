"""Long-lived tasks that take the next job."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import partial
from typing import Literal, Protocol
from uuid import UUID

import anyio
import anyio.lowlevel

from anysched._clock import Clock
from anysched.engine.cancelling import native_cancellation
from anysched.engine.context import acting
from anysched.engine.runner import Runner
from anysched.engine.wakeup import Wakeup
from anysched.model.job import Claim
from anysched.model.policies import JobOutcome
from anysched.model.quick import maker
from anysched.ports.store import Completion
from anysched.rules.running import cancelled

#: Seconds that all workers together may run without a pause before other tasks of the event loop get their turn.
SLICE = 0.004

#: For how long the workers are waited for to begin what they were given: seconds, and turns of the event loop, as a
#: clock for tests may stand still.
PATIENCE = 0.02
MOST_TURNS = 1000

_new_completion = maker(Completion)

Reason = Literal["asked", "stopping", "lost"]


class GivenBack(Protocol):
    """Takes a job that was cancelled; ``lost`` if that is because another node may have it."""

    def __call__(self, claim: Claim, *, lost: bool) -> None: ...


class Worker:
    """One task, and the job it runs. The task lives in ``Workers``."""

    def __init__(self, clock: Clock, number: int) -> None:
        self.wakeup: Wakeup = Wakeup(clock, f"worker {number}")
        self.scope: anyio.CancelScope = anyio.CancelScope()
        self.reason: Reason | None = None
        self.native_cancellations: Callable[[], int] = int

    def cancel(self, reason: Reason) -> None:
        """Cancel the job that runs now; the first reason counts."""
        self.reason = self.reason or reason
        self.scope.cancel()

    def is_cancelled(self) -> bool:
        """Return whether the job that runs now was asked to cancel."""
        return self.scope.cancel_called


class Workers:
    """A queue of claimed jobs and the workers that share it.

    A worker that takes a job and leaves others behind wakes one more, so a burst of short jobs costs few
    wake-ups and long jobs still spread out. One cancel scope serves a worker for many jobs and is renewed
    after each cancellation, because a scope for each job would cost a quarter of the throughput.

    :param most: how many jobs may run at once
    :param start: starts a task under a name
    :param ended: called with each job that ended
    :param given_back: called with each job that was cancelled for the sake of the scheduler, not as asked by a user
    :param unstarted: called with each job that may not be begun here any more
    :param drained: called when the queue has become empty
    :param trusted: tells whether no other node can have taken the jobs that are here (rule J1)
    """

    def __init__(
        self,
        clock: Clock,
        runner: Runner,
        most: int,
        *,
        start: Callable[[str, Callable[[], Awaitable[None]]], object],
        ended: Callable[[Completion], None],
        given_back: GivenBack,
        unstarted: Callable[[Sequence[Claim]], None],
        drained: Callable[[], None],
        trusted: Callable[[], bool],
    ) -> None:
        self._clock = clock
        self._runner = runner
        self.most: int = most
        self._start = start
        self._ended = ended
        self._given_back = given_back
        self._unstarted = unstarted
        self._drained = drained
        self._trusted = trusted
        self._queue: deque[Claim] = deque()
        self._idle: list[Worker] = []
        self._running: dict[Worker, Claim] = {}
        self._started = 0
        self._waking = False
        self.lent: int = 0
        """How many more jobs may come from transactions of users that have not ended."""
        self._slice_began = 0.0
        self._all_done: anyio.Event | None = None
        self._closed = False

    def close(self) -> None:
        """Begin no job any more."""
        self._closed = True

    @property
    def closed(self) -> bool:
        """Whether no job is begun any more."""
        return self._closed

    @property
    def free(self) -> int:
        """How many more jobs could be taken now."""
        return max(0, self.most - len(self._running) - len(self._queue) - self.lent)

    @property
    def crowded(self) -> bool:
        """Whether more is queued than can begin at once."""
        return len(self._queue) + len(self._running) > self.most

    @property
    def held(self) -> int:
        """How many claimed jobs are here, running or about to."""
        return len(self._running) + len(self._queue)

    @property
    def running(self) -> Collection[UUID]:
        """The jobs that are running."""
        return [claim.job.id for claim in self._running.values()]

    def put(self, claims: Sequence[Claim]) -> None:
        """Queue claimed jobs."""
        if claims:
            self._queue.extend(claims)
            self._slice_began = self._clock.monotonic()  # or the first job would use it up, and stand alone
            self._wake_one()

    async def begin_queued(self) -> list[Claim]:
        """Give the workers their turns until they have begun what is queued.

        :return: claims that are not begun soon, as all workers are busy; they are not here any more
        """
        give_up_at = self._clock.monotonic() + PATIENCE
        for _ in range(MOST_TURNS):
            await anyio.lowlevel.checkpoint()
            if not self._queue or self._closed or self._clock.monotonic() > give_up_at:
                break
        return self.take_queued() if len(self._running) == self.most else []

    def take_queued(self) -> list[Claim]:
        """Take back the claims that no worker has begun."""
        claims = list(self._queue)
        self._queue.clear()
        self._check_done()
        return claims

    def cancel(self, job_id: UUID, reason: Reason) -> None:
        """Cancel a job that is here, running or about to."""
        # A job that was lost and taken again is here twice while its first run ignores that it is cancelled.
        running = [worker for worker, claim in self._running.items() if claim.job.id == job_id]
        for worker in running:
            worker.cancel(reason)
        if running:
            self._await_cancellation()
            return
        for claim in list(self._queue):
            if claim.job.id == job_id:
                self._queue.remove(claim)
                self._ended(Completion(claim, cancelled(claim.job, self._runner.present()).result))

    def cancel_all(self, reason: Reason) -> None:
        """Cancel all running jobs."""
        for worker in self._running:
            worker.cancel(reason)
        self._await_cancellation()

    def _await_cancellation(self) -> None:
        """Have a clock for tests stand still until jobs that sleep on it have noticed that they are cancelled."""
        if self._clock.moved_by_hand:
            self._start("cancellation", _few_steps)

    async def wait_done(self) -> None:
        """Return when no job is running or queued here."""
        while self.held:
            self._all_done = anyio.Event()
            await self._all_done.wait()

    def _check_done(self) -> None:
        if self._all_done is not None and not self.held:
            self._all_done.set()

    def _wake_one(self) -> None:
        if self._waking or self._closed:
            return  # the worker that is on its way wakes the next one
        if self._idle:
            self._waking = True
            self._idle.pop().wakeup.call()
        elif self._started < self.most:
            self._waking = True
            self._started += 1
            worker = Worker(self._clock, self._started)
            self._start(worker.wakeup.who, partial(self._work, worker))

    async def _work(self, worker: Worker) -> None:
        worker.native_cancellations = native_cancellation()
        while True:
            self._waking = False
            await self._take_jobs(worker)
            self._idle.append(worker)
            if not self._queue:
                self._drained()
            await worker.wakeup.wait()

    async def _take_jobs(self, worker: Worker) -> None:
        """Run jobs until the queue is empty."""
        while self._queue and not self._closed:
            worker.reason = None
            with anyio.CancelScope() as worker.scope:
                while self._queue and worker.reason is None and not self._closed:
                    claim = self._queue.popleft()
                    if self._trusted():
                        await self._run(worker, claim)
                    else:  # the lease may have run out: another node may have taken the job by now
                        self._unstarted([claim])
                        self._check_done()
                    if self._clock.monotonic() - self._slice_began > SLICE:
                        await anyio.lowlevel.checkpoint()
                        self._slice_began = self._clock.monotonic()

    async def _run(self, worker: Worker, claim: Claim) -> None:
        self._running[worker] = claim
        if self._queue and not self._waking:
            self._wake_one()
        try:
            if self._clock.moved_by_hand:
                with acting(self._clock, worker.wakeup.who, claim.job):
                    result = await self._runner.run(claim, worker)
            else:
                result = await self._runner.run(claim, worker)
        except BaseException:
            self._given_back(claim, lost=worker.reason == "lost")
            raise
        else:
            if result.outcome is JobOutcome.cancelled and worker.reason != "asked":
                self._given_back(claim, lost=worker.reason == "lost")
            else:  # of a job that is lost the store accepts nothing
                self._ended(_new_completion(claim, result))
        finally:
            del self._running[worker]
            if self._all_done is not None:
                self._check_done()


async def _few_steps() -> None:
    for _ in range(5):  # an event loop takes some to tell a task that it is cancelled
        await anyio.lowlevel.checkpoint()
