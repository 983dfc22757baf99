"""The rooms of the engine put together; starting them, and stopping them in order (rule J6)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import anyio
import attrs
from anyio.abc import TaskGroup, TaskStatus

from anysched._clock import Clock
from anysched.engine.guard import StoreGuard
from anysched.engine.housekeeper import Housekeeper
from anysched.engine.leases import Leases
from anysched.engine.planner import Planner
from anysched.engine.reporter import Reporter
from anysched.engine.runner import Runner
from anysched.engine.subscriptions import Callback, Subscription
from anysched.engine.tasks import KnownTask, TaskRegistry
from anysched.engine.workers import Workers
from anysched.errors import ExecutorLookupError, TaskLookupError
from anysched.model.events import Event, JobCancelRequested, SchedulerStarted, SchedulerStopped, WorkChanged
from anysched.model.job import Claim
from anysched.model.policies import RunState, SchedulerRole
from anysched.model.task import TaskOptions
from anysched.model.unset import UnsetType
from anysched.ports.broker import EventBroker
from anysched.ports.executor import JobExecutor
from anysched.ports.store import DataStore, NodePolicy, Renewal

logger = logging.getLogger(__name__)

#: Seconds that jobs have to react to their cancellation, and that the store has to take the last reports.
CANCEL_LIMIT = 5.0
REPORT_LIMIT = 10.0


@attrs.frozen(kw_only=True)
class Settings:
    """What one node is made of."""

    clock: Clock
    store: DataStore
    broker: EventBroker
    node: str
    role: SchedulerRole
    policy: NodePolicy
    tasks: TaskRegistry
    executors: Mapping[str, JobExecutor]
    max_concurrent_jobs: int
    lease: timedelta
    poll_interval: timedelta
    stop_grace: timedelta
    cleanup_interval: timedelta | None


class Engine:
    """One running node."""

    def __init__(self, settings: Settings) -> None:
        self.settings = s = settings
        self.state = RunState.created
        self.fault: BaseException | None = None
        self.interrupted = False
        self.stopped = anyio.Event()
        self.guard = StoreGuard(s.clock, s.broker.publish)
        self.runner = Runner(s.clock, s.tasks, s.executors, self._interrupt)
        self.leases = Leases(s.clock, s.node, s.lease, held=self._held, renewed=self._renewed)
        self.reporter = Reporter(
            s.clock,
            s.store,
            s.broker,
            self.guard,
            s.node,
            s.policy,
            committed=self._room_made,
        )
        self.workers = Workers(
            s.clock,
            self.runner,
            s.max_concurrent_jobs,
            ended=self.reporter.ended,
            given_back=self._given_back,
            drained=self._room_made,
            trusted=self.leases.is_trusted,
        )
        self.planner = Planner(
            s.clock,
            s.store,
            s.broker,
            self.guard,
            self.workers,
            s.node,
            s.role,
            s.policy,
            tasks=lambda: s.tasks.names,
            lease=s.lease,
            poll_interval=s.poll_interval,
            trust=self.leases.trust,
        )
        self._opened: list[Callable[[], Awaitable[None]]] = []
        self._subscriptions: list[Subscription] = []
        self._leave_broker: Callable[[], None] | None = None
        self._outer: TaskGroup | None = None
        self._tasks: TaskGroup = anyio.create_task_group()
        self._tasks_ended = anyio.Event()
        self._scopes: dict[str, anyio.CancelScope] = {}
        self._grace = anyio.CancelScope()

    # starting

    async def start(self, outer: TaskGroup) -> None:
        """Open everything and begin. What was opened is closed again when something fails.

        :param outer: the task group around the caller's program, cancelled when the engine fails
        """
        s, self._outer = self.settings, outer
        self.state = RunState.starting
        try:
            await s.store.open(s.clock)
            self._opened.append(s.store.close)
            await s.broker.start()
            self._opened.append(s.broker.stop)
            for executor in s.executors.values():
                await executor.start()
                self._opened.append(executor.stop)
            await s.store.declare_tasks(declared(s.tasks))
            self.leases.open(s.store.make_lease_keeper())
            self._opened.append(self.leases.close)
        except BaseException:
            self.state = RunState.stopped
            self.stopped.set()
            with anyio.CancelScope(shield=True):
                await _call_all(self._opened)
            raise
        self._leave_broker = s.broker.subscribe(self._hear, (WorkChanged, JobCancelRequested))
        await outer.start(self._host)
        self._start_rooms()
        self.state = RunState.started
        s.broker.publish([SchedulerStarted(s.node)])

    async def _host(self, *, task_status: TaskStatus[None]) -> None:
        """Hold the task group of the rooms in a task of its own, so that any task may stop the engine."""
        try:
            async with self._tasks:
                task_status.started()
                await anyio.sleep_forever()
        finally:
            self._tasks_ended.set()

    def _start_rooms(self) -> None:
        s = self.settings
        self.workers.start(self._tasks)
        if s.role.plans or s.role.works:
            self._start(self.planner.who, self.planner.run)
        if s.role.works:
            self._start(self.reporter.who, self.reporter.run)
            if s.clock.moved_by_hand:
                self._start(self.leases.who, self.leases.run)
            else:
                self.leases.start_thread()
        if s.cleanup_interval is not None:
            housekeeper = Housekeeper(s.clock, s.store, self.guard, s.cleanup_interval)
            self._start(housekeeper.who, housekeeper.run)
        for subscription in self._subscriptions:
            subscription.start(self._tasks)

    def _start(self, who: str, run: Callable[[], Awaitable[None]]) -> None:
        self.settings.clock.hold(who)
        self._tasks.start_soon(self._run, who, run, name=f"anysched {who}")

    async def _run(self, who: str, run: Callable[[], Awaitable[None]]) -> None:
        """Run a room until it is cancelled; its failure is the engine's."""
        try:
            with anyio.CancelScope() as self._scopes[who]:
                await run()
        except Exception as exc:
            logger.critical("the %s failed, the scheduler stops", who, exc_info=exc)
            self.fault = exc
            if self._outer is not None:
                self._outer.cancel_scope.cancel()
        finally:
            self.settings.clock.release(who)

    # stopping

    def request_stop(self) -> None:
        """Stop as soon as the caller lets go: for jobs, which cannot wait for their own end."""
        if self._outer is not None and self.state is RunState.started:
            self._outer.start_soon(self.stop, None, name="anysched stop")

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
        if self.state is not RunState.started:
            if grace is not None and self.state is RunState.stopping:
                self._grace.deadline = min(self._grace.deadline, anyio.current_time() + grace.total_seconds())
            if self.state is not RunState.created:
                await self.stopped.wait()
            return
        self.state = RunState.stopping
        with anyio.CancelScope(shield=True):
            try:
                await self._finish_jobs(grace)
                await self._close()
            finally:
                self.state = RunState.stopped
                self.stopped.set()

    async def _finish_jobs(self, grace: timedelta | None) -> None:
        s = self.settings
        for who, scope in self._scopes.items():
            if who not in (self.reporter.who, self.leases.who):
                scope.cancel()
        self.reporter.unstarted(self.workers.take_queued())
        # Jobs that sleep on a clock for tests would not wake: nobody moves it while the scheduler stops.
        seconds = 0.1 if s.clock.moved_by_hand else (s.stop_grace if grace is None else grace).total_seconds()
        self._grace.deadline = min(self._grace.deadline, anyio.current_time() + seconds)
        with self._grace:
            await self.workers.wait_done()
        self.workers.cancel_all("stopping")
        with anyio.move_on_after(CANCEL_LIMIT) as waiting:
            await self.workers.wait_done()
        if waiting.cancelled_caught:
            logger.error("%d jobs ignore their cancellation", len(self.workers.running))
        if self.reporter.who in self._scopes:
            self._scopes[self.reporter.who].cancel()
        with anyio.move_on_after(REPORT_LIMIT) as reporting:
            await self.reporter.flush()
        if reporting.cancelled_caught:
            logger.error("the data store did not take the last reports; other nodes will pick the jobs up")

    async def _close(self) -> None:
        s = self.settings
        if self._leave_broker is not None:
            self._leave_broker()
        s.broker.publish([SchedulerStopped(s.node, None if self.fault is None else str(self.fault))])
        for subscription in self._subscriptions:
            await subscription.finish()
        self._tasks.cancel_scope.cancel()
        await self._tasks_ended.wait()
        await _call_all(self._opened)
        logger.info("scheduler %s has stopped", s.node)

    # what others tell

    def subscribe(self, callback: Callback, types: frozenset[type[Event]], *, one_shot: bool) -> Subscription:
        """Tell a callback of events from now on, or from the start on."""
        subscription = Subscription(self.settings.clock, self.settings.broker, callback, types, one_shot)
        self._subscriptions = [known for known in self._subscriptions if known.active]
        self._subscriptions.append(subscription)
        if self.state is RunState.started:
            subscription.start(self._tasks)
        return subscription

    async def make_known(self, func: Callable[..., Any], task_id: str | None = None) -> KnownTask:
        """Get to know a callable, and declare the options that its code states (rule S7)."""
        tasks = self.settings.tasks
        before = tasks.names
        known = tasks.add(func, task_id)
        if known.id not in before:
            await self.settings.store.declare_tasks({known.id: known.options})
            self.planner.wake()
        return known

    async def name_of(self, func_or_task_id: Callable[..., Any] | str) -> str:
        """Return the name of a task, which becomes known if it is given as a callable.

        :raise TaskLookupError: when neither this node nor the store knows the name
        """
        if not isinstance(func_or_task_id, str):
            return (await self.make_known(func_or_task_id)).id
        if func_or_task_id not in self.settings.tasks and not await self.settings.store.get_tasks(
            (func_or_task_id,)
        ):
            raise TaskLookupError(func_or_task_id)
        return func_or_task_id

    def check_executor(self, name: str | UnsetType | None, task_id: str) -> None:
        """Refuse a job executor that this node does not have, or that cannot run the task.

        A node that runs no jobs cannot know what others have, and lets everything pass.
        """
        s = self.settings
        if not isinstance(name, str) or not s.role.works:
            return
        if name not in s.executors:
            raise ExecutorLookupError(name, tuple(s.executors))
        refusal = s.executors[name].accepts(s.tasks[task_id].func) if task_id in s.tasks else None
        if refusal is not None:
            raise ValueError(f"job executor {name!r} cannot run task {task_id!r}: {refusal}")

    def changed(self, events: list[Event]) -> None:
        """Publish what a user's call has committed, and look again."""
        self.settings.broker.publish([*events, WorkChanged(self.settings.node)])
        self.planner.wake()

    def _hear(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, JobCancelRequested):
                self.workers.cancel(event.job_id, "asked")
            elif isinstance(event, WorkChanged) and event.identity != self.settings.node:
                self.planner.wake()

    def _room_made(self) -> None:
        self.planner.room_made()

    def _given_back(self, claim: Claim) -> None:
        """A job was cancelled because the scheduler stops. A thread goes on with its function all the same."""
        self.reporter.interrupted(claim, may_still_run=self.runner.may_still_run(claim.job))

    def _held(self) -> int:
        return self.workers.held + self.reporter.pending

    def _renewed(self, renewal: Renewal) -> None:
        if not renewal.held:
            logger.error("this node lost its lease: its jobs are cancelled, another node runs them")
            self.workers.take_queued()
            self.workers.cancel_all("lost")
        for job_id in renewal.cancel:
            self.workers.cancel(job_id, "asked")


def declared(tasks: TaskRegistry) -> dict[str, TaskOptions]:
    """Return what code says about the tasks of this node."""
    return {known.id: known.options for known in tasks}


async def _call_all(calls: list[Callable[[], Awaitable[None]]]) -> None:
    """Call them all, the last one first, whatever any of them raises."""
    while calls:
        try:
            await calls.pop()()
        except Exception:
            logger.exception("something could not be closed")
