"""The rooms of the engine put together; starting them, and stopping them in order (rule J6)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial

import anyio
import attrs
from anyio.abc import TaskGroup

from anysched._clock import Clock
from anysched._text import printable
from anysched.engine import siblings
from anysched.engine.declaring import Tasks
from anysched.engine.examiner import Examiner
from anysched.engine.guard import StoreGuard
from anysched.engine.housekeeper import Housekeeper
from anysched.engine.leases import Leases
from anysched.engine.planner import Planner
from anysched.engine.reporter import Reporter
from anysched.engine.rooms import Room, Rooms
from anysched.engine.runner import Runner
from anysched.engine.stale import StalePauses
from anysched.engine.subscriptions import Callback, Subscription
from anysched.engine.tasks import TaskRegistry
from anysched.engine.workers import Workers
from anysched.engine.zones import ReadZone, Zones
from anysched.model.events import Event, JobCancelRequested, SchedulerStarted, SchedulerStopped, WorkChanged
from anysched.model.history import Retention
from anysched.model.job import Claim
from anysched.model.policies import RunState, SchedulerRole
from anysched.ports.broker import EventBroker
from anysched.ports.executor import JobExecutor
from anysched.ports.store import DataStore, Renewal
from anysched.rules.policy import Policy

logger: logging.Logger = logging.getLogger(__name__)

#: Seconds that jobs have to react to their cancellation, and that the store has for the last that is asked of it.
CANCEL_LIMIT = 5.0
STORE_LIMIT = 10.0


@attrs.frozen(kw_only=True)
class Settings:
    """What one node is made of."""

    clock: Clock
    store: DataStore
    broker: EventBroker
    node: str
    role: SchedulerRole
    policy: Policy
    tasks: TaskRegistry
    executors: Mapping[str, JobExecutor]
    max_concurrent_jobs: int
    lease: timedelta
    poll_interval: timedelta
    stop_grace: timedelta
    cleanup_interval: timedelta | None
    retention: Retention
    stale_pause_after: timedelta | None
    read_zone: ReadZone


class Engine:
    """One running node."""

    def __init__(self, settings: Settings) -> None:
        self.settings: Settings = settings
        self.state: RunState = RunState.created
        self.fault: BaseException | None = None
        self.interrupted: bool = False
        self._signalled = False
        self.stopped: anyio.Event = anyio.Event()
        self._begun = anyio.Event()
        self._furnish()
        self._opened: list[Callable[[], Awaitable[None]]] = []
        self._subscriptions: list[Subscription] = []
        self._leave_broker: Callable[[], None] | None = None
        self._outer: TaskGroup | None = None
        self._seekers: list[Room] = []  # those that ask the store for work
        self._reporting: Room | None = None
        self._grace: anyio.CancelScope | None = None

    def rename(self, node: str) -> None:
        """Give the node another name, before it starts. Subscriptions stay."""
        policy = attrs.evolve(self.settings.policy, node=node)
        self.settings = attrs.evolve(self.settings, node=node, policy=policy)
        self._furnish()

    def _furnish(self) -> None:
        s = self.settings
        self._work_changed = WorkChanged(s.node)
        self._rooms: Rooms = Rooms(s.clock, self._failed)
        self.guard: StoreGuard = StoreGuard(s.clock, s.broker.publish)
        self.zones: Zones = Zones(
            s.store, self.guard, plans=s.role.plans, read=s.read_zone, changed=self.changed
        )
        self.examiner: Examiner = Examiner(s.store, self._rooms.start)
        self.runner: Runner = Runner(
            s.store.present, s.tasks, s.executors, self._interrupt, loop_ends=lambda: self._rooms.loop_ends
        )
        self.leases: Leases = Leases(s.clock, s.node, s.lease, held=self._held, renewed=self._renewed)
        self.reporter: Reporter = Reporter(
            s.clock, s.store, s.broker, self.guard, s.node, s.policy,
            committed=self._room_made,
            changed=self.changed,
        )  # fmt: skip
        self.workers: Workers = Workers(
            s.clock,
            self.runner,
            s.max_concurrent_jobs,
            start=self._rooms.start,
            ended=self.reporter.ended,
            given_back=self._given_back,
            unstarted=self.reporter.unstarted,
            drained=self._room_made,
            trusted=self.leases.is_trusted,
        )
        self.planner: Planner = Planner(
            s.clock, s.store, s.broker, self.guard, self.workers, s.node, s.role, s.policy,
            tasks=lambda: s.tasks.names,
            lease=s.lease,
            poll_interval=s.poll_interval,
            moment=self.leases.moment,
            trust=self.leases.trust,
            unstarted=self.reporter.unstarted,
        )  # fmt: skip
        self.tasks: Tasks = Tasks(s.tasks, s.store, s.executors, s.role, self.planner.wake)

    @property
    def fault_text(self) -> str | None:
        """Why the engine failed, if it did."""
        return None if self.fault is None else f"{type(self.fault).__name__}: {self.fault}"

    # starting

    async def start(self, outer: TaskGroup) -> None:
        """Open everything and begin. What was opened is closed again when something fails.

        :param outer: the task group around the caller's program, cancelled when the engine fails
        """
        self._outer = outer
        self.state = RunState.starting
        try:
            await self._open()
            await self._rooms.open(outer)
            self._start_rooms()
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self._let_go()
            self._has_stopped()
            raise
        self.state = RunState.started
        self._begun.set()
        self.settings.broker.publish([SchedulerStarted(self.settings.node)])

    async def _open(self) -> None:
        s = self.settings
        await s.store.open(s.clock)
        self._opened.append(s.store.close)
        await s.broker.start()
        self._opened.append(s.broker.stop)
        for executor in s.executors.values():
            await executor.start()
            self._opened.append(executor.stop)
        await self.tasks.declare_all()
        self.leases.open(s.store.make_lease_keeper())
        self._opened.append(self.leases.close)

    def _start_rooms(self) -> None:
        s = self.settings
        self._leave_broker = s.broker.subscribe(self._hear, (WorkChanged, JobCancelRequested))
        if s.role.plans or s.role.works:
            self._seekers.append(self._rooms.start(self.planner.who, self.planner.run))
            if not s.store.durable and not s.clock.moved_by_hand:
                self._rooms.start(siblings.row.who, partial(siblings.row.watch, s.clock))
        if s.role.plans and s.store.durable:
            self._seekers.append(self._rooms.start(self.zones.who, self.zones.run))
        if s.role.works:
            self._reporting = self._rooms.start(self.reporter.who, self.reporter.run)
            if s.clock.moved_by_hand:
                self._rooms.start(self.leases.who, self.leases.run)
            else:
                self.leases.start_thread()
        if s.cleanup_interval is not None:
            stale = None if s.stale_pause_after is None else StalePauses(s.store, s.stale_pause_after)
            housekeeper = Housekeeper(
                s.clock,
                s.store,
                self.guard,
                s.cleanup_interval,
                s.retention,
                stale,
                s.broker.publish,
                self.zones.look,
            )
            self._seekers.append(self._rooms.start(housekeeper.who, housekeeper.run))
        for subscription in self._subscriptions:
            self._rooms.start(subscription.who, subscription.run)

    def _failed(self, exc: BaseException) -> None:
        """A fault of the engine's own, or a Ctrl-C that hit it: the block ends, and says so (rule J6)."""
        if isinstance(exc, KeyboardInterrupt):
            self.interrupted = True
        elif self.fault is None:
            self.fault = exc
        if self._outer is not None:
            self._outer.cancel_scope.cancel()

    # stopping

    def request_stop(self, grace: timedelta | None) -> None:
        """Stop as soon as the caller lets go: for tasks of the engine, which cannot wait for their own end."""
        if self._outer is not None and self.state is not RunState.stopped:
            self._outer.start_soon(self.stop, grace, name="anysched stop")

    def signalled(self) -> None:
        """A signal has arrived: the first stops in order, the second at once."""
        self.request_stop(timedelta(0) if self._signalled else None)
        self._signalled = True

    def _interrupt(self) -> None:
        """A job was hit by what may be a real Ctrl-C: stop in order, then end the program's block (rule J4)."""
        if self._outer is not None and not self.interrupted:
            self.interrupted = True
            self._outer.start_soon(self._stop_and_end_block, name="anysched stop")

    async def _stop_and_end_block(self) -> None:
        await self.stop(None)
        if self._outer is not None:
            self._outer.cancel_scope.cancel()

    async def stop(self, grace: timedelta | None) -> None:
        """Stop in order; a second call waits for the first, and a smaller grace of its own shortens that."""
        if self.state is RunState.starting:
            await self._begun.wait()
        if self.state is not RunState.started:
            if grace is not None and self._grace is not None:
                self._limit_grace(self._grace, grace)
            if self.state is not RunState.created:
                await self.stopped.wait()
            return
        self.state = RunState.stopping
        self._grace = anyio.CancelScope()
        self._limit_grace(self._grace, self.settings.stop_grace if grace is None else grace)
        try:
            await self._finish_jobs(self._grace)
        except Exception as exc:
            logger.critical("the scheduler could not stop in order", exc_info=exc)
            self._failed(exc)
        finally:
            with anyio.CancelScope(shield=True):
                try:
                    await self._close()
                finally:
                    self._has_stopped()

    async def leave(self, grace: timedelta | None) -> None:
        """Stop, and have stopped when this returns or raises; a caller who is cancelled gives no more grace."""
        try:
            await self.stop(grace)
        finally:
            with anyio.CancelScope(shield=True):
                await self.stop(timedelta(0))

    def _has_stopped(self) -> None:
        self.state = RunState.stopped
        self._begun.set()
        self.stopped.set()

    def _limit_grace(self, scope: anyio.CancelScope, grace: timedelta) -> None:
        # Jobs that sleep on a clock for tests would not wake: nobody moves it while the scheduler stops.
        seconds = 0.1 if self.settings.clock.moved_by_hand else grace.total_seconds()
        scope.deadline = min(scope.deadline, anyio.current_time() + seconds)

    async def _finish_jobs(self, grace: anyio.CancelScope) -> None:
        self.workers.close()
        with anyio.move_on_after(STORE_LIMIT, shield=True) as waiting:
            for room in self._seekers:  # a pass that is under way may still bring jobs
                await room.stop()
        self.reporter.unstarted(self.workers.take_queued())
        try:
            with grace:
                await self.workers.wait_done()
        finally:
            self.workers.cancel_all("stopping")
            with anyio.move_on_after(CANCEL_LIMIT, shield=True):
                await self.workers.wait_done()
            with anyio.move_on_after(STORE_LIMIT, shield=True) as reporting:
                await self._report()
            if waiting.cancelled_caught or reporting.cancelled_caught:
                logger.error(
                    "the data store did not take the last reports; other nodes will pick the jobs up"
                )

    async def _report(self) -> None:
        if self._reporting is not None:
            await self._reporting.stop()
            self.settings.clock.hold(self.reporter.who)
            try:
                await self.reporter.flush()
            finally:
                self.settings.clock.release(self.reporter.who)

    async def _close(self) -> None:
        s = self.settings
        # What it ran to the end while it stopped has made room, for which it looks no more itself.
        s.broker.publish([SchedulerStopped(s.node, self.fault_text), WorkChanged(s.node)])
        for subscription in self._subscriptions:
            await subscription.finish()
        if self.workers.running:
            logger.error(
                "the scheduler cannot end before these jobs do, which ignore their cancellation: %s",
                ", ".join(map(str, self.workers.running)),
            )
        await self._let_go()
        logger.info("scheduler %s has stopped", printable(s.node))

    async def _let_go(self) -> None:
        if self._leave_broker is not None:
            self._leave_broker()
        with anyio.move_on_after(CANCEL_LIMIT):
            await self._rooms.close()
        await _call_all(self._opened)

    # what others tell

    def subscribe(self, callback: Callback, types: frozenset[type[Event]], *, one_shot: bool) -> Subscription:
        """Tell a callback of events from now on, or from the start on."""
        subscription = Subscription(self.settings.clock, self.settings.broker, callback, types, one_shot)
        self._subscriptions = [known for known in self._subscriptions if known.active]
        self._subscriptions.append(subscription)
        if self.state is RunState.started:
            self._rooms.start(subscription.who, subscription.run)
        return subscription

    def changed(self, events: list[Event]) -> None:
        """Publish what a user's call has committed, and look again."""
        self.planner.wake()  # first, so that it goes before what travels to others
        self.settings.broker.publish([*events, self._work_changed])

    def _hear(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, JobCancelRequested):
                self.workers.cancel(event.job_id, "asked")
            elif isinstance(event, WorkChanged) and event.identity != self.settings.node:
                self.planner.wake()

    def _room_made(self) -> None:
        self.planner.room_made()
        self.leases.let_go()

    def _given_back(self, claim: Claim, *, lost: bool) -> None:
        """A job was cancelled though nobody asked. A thread goes on with its function all the same."""
        self.reporter.interrupted(claim, may_still_run=not lost and self.runner.may_still_run(claim.job))

    def _held(self) -> int:
        return self.workers.held + self.reporter.pending

    def _renewed(self, renewal: Renewal) -> None:
        if not renewal.held:
            logger.error("this node lost its lease: its jobs are cancelled, another node runs them")
            self.reporter.unstarted(self.workers.take_queued())
            self.workers.cancel_all("lost")
            self.planner.wake()
        for job_id in renewal.cancel:
            self.workers.cancel(job_id, "asked")


async def _call_all(calls: list[Callable[[], Awaitable[None]]]) -> None:
    """Call them all, the last one first, whatever any of them raises."""
    while calls:
        try:
            await calls.pop()()
        except Exception:
            logger.exception("something could not be closed")
