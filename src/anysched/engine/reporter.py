"""Telling the store how jobs ended, many at a time."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from itertools import compress, islice

from anysched._clock import Clock
from anysched.engine.guard import StoreGuard
from anysched.engine.telling import events_of
from anysched.engine.wakeup import Wakeup
from anysched.model.events import Event, JobReleased
from anysched.model.job import Claim
from anysched.ports.broker import EventBroker
from anysched.ports.store import Completed, Completion, DataStore, NodePolicy
from anysched.rules.running import abandoned

logger: logging.Logger = logging.getLogger(__name__)


class Reporter:
    """Gathers what workers report and writes it in batches; nothing is forgotten while the store is away.

    :param committed: called after each batch, because it may have made room for other jobs
    :param changed: called with what to tell when jobs were put back into the queue, or schedules changed
    """

    who = "reporter"

    def __init__(
        self,
        clock: Clock,
        store: DataStore,
        broker: EventBroker,
        guard: StoreGuard,
        node: str,
        policy: NodePolicy,
        *,
        committed: Callable[[], None],
        changed: Callable[[list[Event]], None],
    ) -> None:
        self._store = store
        self._broker = broker
        self._guard = guard
        self._node = node
        self._policy = policy
        self._committed = committed
        self._changed = changed
        self.observer: Callable[[Completion], None] | None = None
        """Called with each end that the store has accepted; for tests."""
        self._wakeup = Wakeup(clock, self.who)
        self._completions: deque[Completion] = deque()
        self._unstarted: list[Claim] = []
        self._interrupted: list[Claim] = []

    @property
    def pending(self) -> int:
        """How many jobs have ended, or are given back, and it is not written yet."""
        return len(self._completions) + len(self._unstarted) + len(self._interrupted)

    def ended(self, completion: Completion) -> None:
        """Report the end of a job."""
        self._completions.append(completion)
        if len(self._completions) == 1:
            self._wakeup.call()

    def unstarted(self, claims: Sequence[Claim]) -> None:
        """Report claims that nobody began."""
        self._unstarted.extend(claims)
        self._wakeup.call()

    def interrupted(self, claim: Claim, *, may_still_run: bool) -> None:
        """Report a job that was cancelled for the sake of the scheduler.

        One that may still run is not given to others before its lease has run out.
        """
        if not may_still_run:
            self._interrupted.append(claim)
            self._wakeup.call()
        elif self._store.durable:
            logger.warning("job %s may still run; its lease is left to run out", claim.job.id)
        else:
            self.ended(Completion(claim, abandoned(claim.job, self._store.present()).result))

    async def run(self) -> None:
        """Write what is reported, for ever."""
        while True:
            await self._wakeup.wait()
            await self.flush()

    async def flush(self) -> None:
        """Write all that was reported; what was not written when this is cancelled can be written by another call."""
        most = self._store.batch_size
        while self._completions:
            batch = list(islice(self._completions, most))
            await self._complete(batch)
            for _ in batch:
                self._completions.popleft()
            self._committed()
        while claims := self._unstarted[:most]:
            await self._give_back(claims, attempted=False)
            del self._unstarted[: len(claims)]
        while claims := self._interrupted[:most]:
            await self._hand_over(claims)
            del self._interrupted[: len(claims)]

    async def _hand_over(self, claims: list[Claim]) -> None:
        """Queue jobs again that had started, unless they may not be retried (rule J3)."""
        ids = {claim.job.task_id for claim in claims}
        found = await self._guard.call(partial(self._store.get_tasks, ids), self.who)
        tasks = {task.id: task for task in found}
        again = [claim for claim in claims if self._policy.retries(claim.job, tasks.get(claim.job.task_id))]
        now = self._store.present()
        lost = [Completion(claim, abandoned(claim.job, now).result) for claim in claims if claim not in again]
        await self._give_back(again, attempted=True)
        await self._complete(lost)

    async def _give_back(self, claims: list[Claim], *, attempted: bool) -> None:
        if claims:
            await self._guard.call(
                partial(self._store.give_back, self._node, claims, attempted=attempted), self.who
            )
            jobs = (claim.job for claim in claims)
            self._changed([JobReleased(job.id, job.task_id, job.schedule_id, None) for job in jobs])

    async def _complete(self, batch: list[Completion]) -> None:
        left: Sequence[Completion] = batch
        while left:
            done = await self._guard.call(
                partial(self._store.complete, self._node, left, self._policy), self.who
            )
            self._publish(left, done)
            left = done.left

    def _publish(self, batch: Sequence[Completion], done: Completed) -> None:
        accepted = done.accepted
        if self.observer is not None:
            for completion in compress(batch, accepted):
                self.observer(completion)
        if self._broker.wants(JobReleased):
            jobs = [(completion.claim.job, completion.result) for completion in compress(batch, accepted)]
            self._broker.publish(
                [JobReleased(job.id, job.task_id, job.schedule_id, result.outcome) for job, result in jobs]
            )
        events = events_of(done.changes, done.ended)
        if events or any(change.state is not None for change in done.changes):
            self._changed(events)  # a schedule may have a next fire time now (rule S9)
