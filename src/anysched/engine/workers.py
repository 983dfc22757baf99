"""Long-lived tasks that take the next job."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import Literal
from uuid import UUID

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup

from anysched._clock import Clock
from anysched.engine.runner import Runner
from anysched.engine.wakeup import Wakeup
from anysched.model.job import Claim
from anysched.model.policies import JobOutcome
from anysched.ports.store import Completion
from anysched.rules.running import cancelled

#: Seconds that all workers together may run without a pause before other tasks of the event loop get their turn.
SLICE = 0.004

Reason = Literal["asked", "stopping", "lost"]


class Worker:
    """One task, and the job it runs. The task lives in ``Workers``."""

    def __init__(self, clock: Clock, number: int) -> None:
        self.wakeup = Wakeup(clock, f"worker {number}")
        self.scope = anyio.CancelScope()
        self.claim: Claim | None = None
        self.reason: Reason | None = None

    def cancel(self, reason: Reason) -> None:
        """Cancel the job that runs now."""
        self.reason = reason
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
    :param ended: called with each job that ended
    :param given_back: called with each job that was cancelled because the scheduler stops
    :param drained: called when the queue has become empty
    """

    def __init__(
        self,
        clock: Clock,
        runner: Runner,
        most: int,
        *,
        ended: Callable[[Completion], None],
        given_back: Callable[[Claim], None],
        drained: Callable[[], None],
        trusted: Callable[[], bool],
    ) -> None:
        self._clock = clock
        self._runner = runner
        self._most = most
        self._ended = ended
        self._given_back = given_back
        self._drained = drained
        self._trusted = trusted
        self._queue: deque[Claim] = deque()
        self._idle: list[Worker] = []
        self._running: dict[UUID, Worker] = {}
        self._started = 0
        self._waking = False
        self._slice_began = 0.0
        self._all_done: anyio.Event | None = None
        self._task_group: TaskGroup | None = None

    def start(self, task_group: TaskGroup) -> None:
        """Begin; workers are started in this task group when there is work for them."""
        self._task_group = task_group

    @property
    def free(self) -> int:
        """How many more jobs could be taken now."""
        return max(0, self._most - len(self._running) - len(self._queue))

    @property
    def held(self) -> int:
        """How many claimed jobs are here, running or about to."""
        return len(self._running) + len(self._queue)

    @property
    def running(self) -> Collection[UUID]:
        """The jobs that are running."""
        return self._running.keys()

    def put(self, claims: Sequence[Claim]) -> None:
        """Queue claimed jobs."""
        if claims:
            self._queue.extend(claims)
            self._wake_one()

    def take_queued(self) -> list[Claim]:
        """Take back the claims that no worker has begun."""
        claims = list(self._queue)
        self._queue.clear()
        self._check_done()
        return claims

    def cancel(self, job_id: UUID, reason: Reason) -> None:
        """Cancel a job that is here, running or about to."""
        worker = self._running.get(job_id)
        if worker is not None:
            worker.cancel(reason)
            return
        for claim in list(self._queue):
            if claim.job.id == job_id:
                self._queue.remove(claim)
                self._ended(Completion(claim, cancelled(claim.job, self._clock.now()).result))

    def cancel_all(self, reason: Reason) -> None:
        """Cancel all running jobs."""
        for worker in list(self._running.values()):
            worker.cancel(reason)

    async def wait_done(self) -> None:
        """Return when no job is running or queued here."""
        while self.held:
            self._all_done = anyio.Event()
            await self._all_done.wait()

    def _check_done(self) -> None:
        if self._all_done is not None and not self.held:
            self._all_done.set()

    def _wake_one(self) -> None:
        if self._waking or self._task_group is None:
            return  # the worker that is on its way wakes the next one
        if self._idle:
            self._waking = True
            self._idle.pop().wakeup.call()
        elif self._started < self._most:
            self._waking = True
            self._started += 1
            worker = Worker(self._clock, self._started)
            self._clock.hold(worker.wakeup.who)
            self._task_group.start_soon(self._work, worker, name=f"anysched {worker.wakeup.who}")

    async def _work(self, worker: Worker) -> None:
        try:
            while True:
                self._waking = False
                await self._take_jobs(worker)
                self._idle.append(worker)
                if not self._queue:
                    self._drained()
                await worker.wakeup.wait()
        finally:
            self._clock.release(worker.wakeup.who)

    async def _take_jobs(self, worker: Worker) -> None:
        """Run jobs until the queue is empty."""
        while self._queue:
            with anyio.CancelScope() as worker.scope:
                while self._queue and not worker.scope.cancel_called:
                    claim = self._queue.popleft()
                    self._running[claim.job.id] = worker
                    if self._queue:
                        self._wake_one()
                    try:
                        await self._run(worker, claim)
                    finally:
                        del self._running[claim.job.id]
                        self._check_done()
                    if self._clock.monotonic() - self._slice_began > SLICE:
                        await anyio.lowlevel.checkpoint()
                        self._slice_began = self._clock.monotonic()

    async def _run(self, worker: Worker, claim: Claim) -> None:
        if not self._trusted():
            return  # the lease may have run out: another node may have taken the job by now (rule J1)
        worker.reason = None
        try:
            result = await self._runner.run(claim, worker.is_cancelled)
        except BaseException:
            self._given_back(claim)
            raise
        if worker.reason == "stopping" and result.outcome is JobOutcome.cancelled:
            self._given_back(claim)
        elif worker.reason != "lost":
            self._ended(Completion(claim, result))
