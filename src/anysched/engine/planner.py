"""The loop: fire what is due, take what can run, sleep until there is something to do."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextvars import copy_context
from datetime import datetime, timedelta

from anysched._clock import Clock
from anysched._text import printable
from anysched.engine.guard import StoreGuard
from anysched.engine.leases import Moment
from anysched.engine.loans import Lending
from anysched.engine.timekeeper import Timekeeper
from anysched.engine.wakeup import Wakeup
from anysched.engine.workers import Workers
from anysched.model.events import Event, JobAcquired, JobAdded, JobReleased, WorkChanged
from anysched.model.job import Claim
from anysched.model.policies import SchedulerRole
from anysched.ports.broker import EventBroker
from anysched.ports.store import Advanced, AdvanceRequest, DataStore
from anysched.rules.policy import Policy

logger: logging.Logger = logging.getLogger(__name__)


class Planner:
    """Turns due schedules into jobs, hands jobs to the workers.

    :param tasks: tells which tasks this node can run
    :param lease: how long jobs stay this node's own without a renewal
    :param moment: tells the present, to say when a lease was asked for
    :param trust: called when jobs were taken, with when their lease was asked for
    :param unstarted: called with jobs that are not begun here after all
    """

    who = "planner"

    def __init__(
        self,
        clock: Clock,
        store: DataStore,
        broker: EventBroker,
        guard: StoreGuard,
        workers: Workers,
        node: str,
        role: SchedulerRole,
        policy: Policy,
        *,
        tasks: Callable[[], frozenset[str]],
        lease: timedelta,
        poll_interval: timedelta,
        moment: Callable[[], Moment],
        trust: Callable[[Moment], None],
        unstarted: Callable[[Sequence[Claim]], None],
    ) -> None:
        self._store = store
        self._broker = broker
        self._guard = guard
        self._workers = workers
        self._node = node
        self._role = role
        self._policy = policy
        self._tasks = tasks
        self._lease = lease
        self._poll_interval = poll_interval
        self._moment = moment
        self._trust = trust
        self._unstarted = unstarted
        self._wakeup = Wakeup(clock, self.who)
        self.lending: Lending = Lending(
            workers,
            policy,
            request=lambda count: self._request(store.batch_size, count if role.works else 0),
            moment=moment,
            trust=trust,
            unstarted=unstarted,
            wake=self.wake,
        )
        self.time: Timekeeper = Timekeeper(clock, store, broker.publish)
        self._backlog = False
        self._room_made = False
        self._reach = workers.most  # how many jobs a pass may take when none is here
        self._unknown: list[tuple[datetime, str, str]] = []  # found when, what; and not told yet
        self.next_wake: datetime | None = None
        self.last_pass_at: datetime | None = None

    def wake(self) -> None:
        """Look again, now (rule P4)."""
        self._wakeup.call()

    def room_made(self) -> None:
        """Look again if jobs wait for what has become free; a pass that is under way may not have seen it."""
        self._room_made = True
        if self._backlog:
            self._wakeup.call()

    async def run(self) -> None:
        """Plan, for ever."""
        self.lending.open(copy_context())
        while True:
            self.lending.collect()
            self.time.check()
            advanced = await self.advance()
            self.next_wake = advanced.next_wake
            more, taken = advanced.more, len(advanced.claims)
            del advanced  # what it has told is not kept for as long as the next pass takes
            if more or self._workers.crowded:
                await self._let_begin(taken)
            if more:
                continue
            until, poll_at = self.time.alarms(self.next_wake, self._poll_interval)
            await self._wakeup.wait(until, poll_at=poll_at)

    async def _let_begin(self, taken: int) -> None:
        """Let the workers begin what a pass has taken, or there would be room for one or two jobs more.

        Jobs that have ended before the next pass are short: it may take more of them than can run at once, up to a
        batch, as what a transaction costs does not depend on how many it takes. Those that a worker does not begin soon
        go back, so that no job waits here for others that are not so short.
        """
        late = await self._workers.begin_queued()
        if late:
            self._unstarted(late)
        short = taken == self._reach and not self._workers.held
        most = self._workers.most
        self._reach = max(most, min(2 * self._reach, self._store.batch_size)) if short else most

    async def advance(self) -> Advanced:
        """Make one pass."""
        size, room = self._store.batch_size, self._room() if self._role.works else 0
        if room and not self._workers.held:
            size = min(size, room)  # what a pass both makes and takes never stands in the queue
        request = self._request(size, room)
        self._room_made = False
        asked_at = self._moment()
        advanced = await self._guard.call(lambda: self._store.advance(request), self.who)
        if advanced.claims:
            self._trust(asked_at)
            self._workers.put(advanced.claims)
        self._backlog = advanced.backlog
        if self._backlog and self._room_made:
            self._wakeup.call()
        self.last_pass_at = advanced.now
        self._unknown += [(advanced.now, *unknown) for unknown in advanced.unknown]
        if self._unknown:
            self._tell_unknown(advanced.now)
        self._publish(advanced)
        return advanced

    def _request(self, size: int, room: int) -> AdvanceRequest:
        return AdvanceRequest(
            node=self._node,
            policy=self._policy,
            tasks=self._tasks(),
            plan_limit=size if self._role.plans else 0,
            plan_all=self._role is SchedulerRole.scheduler,
            job_limit=size,
            claim_limit=room,
            lease=self._lease,
        )

    def _room(self) -> int:
        busy = self._workers.held or self._workers.lent
        return self._workers.free if busy else self._reach

    def _tell_unknown(self, now: datetime) -> None:
        """Say what is left to other nodes; not of tasks that the program makes known soon after its start."""
        known = {f"task {name!r}" for name in self._tasks()}
        told = [unknown for unknown in self._unknown if now - unknown[0] >= self._poll_interval]
        self._unknown = [unknown for unknown in self._unknown if unknown not in told]
        for _, schedule_id, what in told:
            if what not in known:
                logger.warning(
                    "schedule %s is left to nodes that know its %s", printable(schedule_id), printable(what)
                )

    def _publish(self, advanced: Advanced) -> None:
        """Tell what the pass did; events that nobody wants are not made, as one pass can have hundreds."""
        wants = self._broker.wants
        events: list[Event] = [event for change in advanced.changes for event in change.events]
        if wants(JobAdded):
            events += [
                JobAdded(job.id, job.task_id, job.schedule_id)
                for change in advanced.changes
                for job in change.jobs
            ]
        if wants(JobAcquired):
            events += [
                JobAcquired(claim.job.id, claim.job.task_id, claim.job.schedule_id, self._node)
                for claim in advanced.claims
            ]
        events += [
            JobReleased(ended.job.id, ended.job.task_id, ended.job.schedule_id, ended.result.outcome)
            for ended in advanced.ended
        ]
        events += [JobReleased(job.id, job.task_id, job.schedule_id, None) for job in advanced.released]
        made = sum(len(change.jobs) for change in advanced.changes)
        if made > len(advanced.claims) or advanced.released:
            events.append(WorkChanged(self._node))
        if events:
            self._broker.publish(events)
