"""The scheduler that users meet: what it promises, and the one place where the rooms are put together."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta, tzinfo
from os import getpid
from secrets import token_hex
from socket import gethostname
from types import ModuleType, TracebackType
from typing import Any, Literal, Self
from uuid import UUID

import anyio
from anyio.abc import TaskGroup
from anyio.lowlevel import EventLoopToken, current_token

from anysched._clock import Clock, SystemClock
from anysched._spawn import loop_caller
from anysched.brokers.local import LocalEventBroker
from anysched.engine.asking import PauseRequest
from anysched.engine.draining import Draining
from anysched.engine.health import Health
from anysched.engine.holds import Holds
from anysched.engine.hosting import Host
from anysched.engine.jobs import Jobs
from anysched.engine.lifecycle import Engine, Settings
from anysched.engine.schedules import Schedules
from anysched.engine.signals import signals
from anysched.engine.subscriptions import Subscription, concrete, next_event
from anysched.engine.tasks import TaskRegistry
from anysched.errors import SchedulerFaultError, SchedulerStateError, SerializationError
from anysched.executors import AsyncJobExecutor, ProcessJobExecutor, ThreadJobExecutor
from anysched.model import convert
from anysched.model.declared import ApplyResult
from anysched.model.events import Event
from anysched.model.history import Retention
from anysched.model.hold import Hold, Maintenance, Selector
from anysched.model.ids import new_id
from anysched.model.job import Job, JobResult
from anysched.model.policies import (
    CoalescePolicy,
    ConflictPolicy,
    JobStatus,
    Missed,
    OnAbandon,
    Queued,
    ResumeFrom,
    Running,
    RunState,
    SchedulerRole,
    ScheduleStatus,
)
from anysched.model.schedule import Schedule, ScheduleSnapshot, UnpausePreview, UnpauseResult
from anysched.model.task import Task, TaskDefaults, TaskOptions
from anysched.model.trigger import Trigger
from anysched.model.unset import UNSET, UnsetType
from anysched.ports.broker import EventBroker, EventServer
from anysched.ports.executor import JobExecutor
from anysched.ports.store import DataStore
from anysched.rules.policy import Policy
from anysched.stores.memory import MemoryDataStore
from anysched.triggers.base import machine_zone, require_zone
from anysched.wire.values import to_plain

#: The scheduler that the code of a job, or of a subscriber, runs under.
current_scheduler: ContextVar[AsyncScheduler] = ContextVar("current_scheduler")


class AsyncScheduler:
    """Runs tasks at the times their schedules name, on asyncio and on trio.

    ``async with AsyncScheduler() as scheduler`` starts it in the background; leaving the block, in the same task,
    stops it in order (rule J6). ``start()`` and ``stop()`` do the same from different tasks. Schedules live in a
    data store; any number of schedulers, in any number of processes, may share a durable one (rule N1). Every
    method but the constructor needs the scheduler to be running, and raises ``SchedulerStateError`` otherwise.
    Datetimes may be naive, and are then meant in the trigger's own time zone, else in the scheduler's (rule T1);
    what is returned is aware and in UTC. Durations are timedeltas or seconds.

    :param data_store: a data store, or the URL of a database such as "sqlite:///jobs.db"; by default a new
        ``MemoryDataStore``
    :param event_broker: what tells other nodes of changes; by default what suits the data store
    :param identity: the name of this node, unique among the nodes that share the data store; by default made up
        from host, process and chance, once more if it starts in a process that was forked since
    :param role: what this node does: "both", "scheduler", "worker" or "client"
    :param timezone: a time zone or the name of one; by default the machine's
    :param tasks: callables, and modules with ``@task`` functions, that this node can run
    :param max_concurrent_jobs: how many jobs run at once on this node
    :param job_executors: job executors by name, besides "async", "thread" and "process"
    :param task_defaults: options for tasks where nobody says otherwise
    :param lease_duration: how long after its death the jobs of this node stay its own (rules J1, J2)
    :param poll_interval: how often the store is looked at though nothing was announced (rule N2)
    :param stop_grace: how long running jobs may take to end when the scheduler stops
    :param cleanup_interval: how often expired results are deleted, and stale pauses looked for; None for never
    :param stale_pause_after: tell of pauses that last longer than this, by the event ``StalePause`` (rule H6)
    :param retention: how long is kept what came of fire times, and who did what (rules G3 and A2)
    :param clock: what tells the time; another one is for tests
    """

    def __init__(
        self,
        data_store: DataStore | str | None = None,
        event_broker: EventBroker | None = None,
        *,
        identity: str | None = None,
        role: SchedulerRole | str = SchedulerRole.both,
        timezone: tzinfo | str | None = None,
        tasks: Iterable[Callable[..., Any] | ModuleType] = (),
        max_concurrent_jobs: int = 100,
        job_executors: Mapping[str, JobExecutor] | None = None,
        task_defaults: TaskDefaults = TaskDefaults(),  # noqa: B008
        lease_duration: timedelta | float = 30,
        poll_interval: timedelta | float = 5,
        stop_grace: timedelta | float = 10,
        cleanup_interval: timedelta | float | None = 900,
        stale_pause_after: timedelta | float | None = None,
        retention: Retention = Retention(),  # noqa: B008
        clock: Clock = SystemClock(),
    ) -> None:
        store = _store(data_store)
        self._timezone = machine_zone() if timezone is None else require_zone(timezone)
        self._engine = Engine(
            Settings(
                clock=clock,
                store=store,
                broker=event_broker or store.make_broker(_broker_over) or LocalEventBroker.shared_by(store),
                node=_made_up_identity() if identity is None else convert.identifier(identity, "identity"),
                role=SchedulerRole(role),
                policy=Policy(task_defaults, retention=retention),
                tasks=TaskRegistry(durable=store.durable),
                executors=_executors(job_executors or {}),
                max_concurrent_jobs=convert.positive_int(max_concurrent_jobs, "max_concurrent_jobs"),
                lease=convert.positive_duration(lease_duration, "lease_duration"),
                poll_interval=convert.positive_duration(poll_interval, "poll_interval"),
                stop_grace=convert.duration(stop_grace, "stop_grace"),
                cleanup_interval=None
                if cleanup_interval is None
                else convert.positive_duration(cleanup_interval, "cleanup_interval"),
                retention=retention,
                stale_pause_after=None
                if stale_pause_after is None
                else convert.positive_duration(stale_pause_after, "stale_pause_after"),
            )
        )
        self._engine.settings.tasks.add_all(tasks)
        self._schedules = Schedules(self._engine, self._timezone, _same_trigger)
        self._jobs = Jobs(self._engine, self._timezone)
        self._draining = Draining(self._engine, self._jobs)
        self._holds = Holds(self._engine, self._timezone, self._draining)
        self._task_group: TaskGroup | None = None
        self._entered_in: tuple[int, EventLoopToken] | None = None
        self._host: Host | None = None
        self._process: int = getpid()
        self._thread: int = threading.get_ident()
        self._has_made_up_identity: bool = identity is None

    def __repr__(self) -> str:
        return f"<AsyncScheduler {self.identity!r} {self.state} on {self._engine.settings.store!r}>"

    # running

    @property
    def identity(self) -> str:
        """The name of this node."""
        return self._engine.settings.node

    @property
    def role(self) -> SchedulerRole:
        """What this node does."""
        return self._engine.settings.role

    @property
    def timezone(self) -> tzinfo:
        """The time zone of naive datetimes."""
        return self._timezone

    @property
    def state(self) -> RunState:
        """Where the scheduler is between being made and having stopped."""
        return self._engine.state

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
        token = current_scheduler.set(self)  # the tasks that start now, and so all jobs, see it
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
            current_scheduler.reset(token)
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
        if current_scheduler.get(None) is self:
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

    # tasks

    async def configure_task(
        self,
        func_or_task_id: Callable[..., Any] | str,
        *,
        func: Callable[..., Any] | UnsetType = UNSET,
        job_executor: str | UnsetType | None = UNSET,
        max_running_jobs: int | UnsetType | None = UNSET,
        misfire_grace_time: timedelta | float | UnsetType | None = UNSET,
        on_abandon: OnAbandon | str | UnsetType = UNSET,
        max_attempts: int | UnsetType = UNSET,
        metadata: Mapping[str, Any] | UnsetType = UNSET,
    ) -> Task:
        """Configure a task for all nodes; options that are not given stay as they are (rule S7).

        :param func_or_task_id: a callable, or the name of a task
        :param func: the callable that the name means on this node
        :raise TaskLookupError: when no callable is given and the name is not known
        :raise ExecutorLookupError: when this node has no such job executor
        """
        self._require_running()
        options = TaskOptions(
            job_executor=job_executor,
            max_running_jobs=max_running_jobs,
            misfire_grace_time=misfire_grace_time,
            on_abandon=on_abandon,
            max_attempts=max_attempts,
            metadata=metadata,
        )
        if isinstance(func_or_task_id, str) and not isinstance(func, UnsetType):
            task_id = (
                await self._engine.tasks.make_known(func, convert.identifier(func_or_task_id, "the task id"))
            ).id
        else:
            task_id = await self._engine.tasks.name_of(func_or_task_id)
        self._engine.tasks.check_executor(job_executor, task_id)
        task = await self._engine.settings.store.configure_task(task_id, options)
        self._engine.changed([])
        return task

    async def get_tasks(self) -> list[Task]:
        """Return all tasks that the data store knows, ordered by id."""
        self._require_running()
        return await self._engine.settings.store.get_tasks()

    # schedules

    async def add_schedule(
        self,
        func_or_task_id: Callable[..., Any] | str,
        trigger: Trigger,
        *,
        id: str | None = None,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] = convert.EMPTY_MAPPING,
        paused: bool = False,
        coalesce: CoalescePolicy | str = CoalescePolicy.latest,
        misfire_grace_time: timedelta | float | UnsetType | None = UNSET,
        max_catchup: int = 100,
        max_jitter: timedelta | float | None = None,
        job_executor: str | UnsetType | None = UNSET,
        job_result_expiration_time: timedelta | float = 0,
        metadata: Mapping[str, Any] = convert.EMPTY_MAPPING,
        group: str | None = None,
        tags: Iterable[str] = (),
        pause_after_failures: int | None = None,
        probe_after: timedelta | float | None = None,
        conflict_policy: ConflictPolicy | str = ConflictPolicy.do_nothing,
    ) -> str:
        """Add a schedule and return its id (rules S1 and S6).

        :param func_or_task_id: the callable to run, or the name of a task
        :param trigger: when to run it
        :param id: unique; by default one is made up
        :param args: positional arguments for the callable
        :param kwargs: keyword arguments for the callable
        :param paused: create it paused; says nothing about a schedule that exists
        :param coalesce: which of several late fire times get a job: "latest", "earliest" or "all" (rule L1)
        :param misfire_grace_time: how late a job may start; None for no limit; by default what the task says
        :param max_catchup: how many late fire times get a job in one pass under "all" (rule L2)
        :param max_jitter: delay each fire time by up to this much, the same on every node (rule T8)
        :param job_executor: name of a job executor; by default what the task says
        :param job_result_expiration_time: how long results are kept
        :param metadata: anything that can be serialized
        :param group: the group it belongs to, if any, for ``pause_schedules`` and ``get_schedules``
        :param tags: words to select it by, in the same places
        :param pause_after_failures: pause it when so many of its regular jobs in a row have failed (rule B1)
        :param probe_after: let that pause end by itself after so long, and one more failure bring it back (rule B3);
            None leaves it paused until ``unpause_schedule``
        :param conflict_policy: what to do when the id exists: "do_nothing", "replace" or "exception"
        :raise ConflictingIdError: when the id exists and the policy is "exception"
        :raise ValueError: when the trigger has no fire time left, or an argument is out of range
        :raise TriggerError: when the trigger does not work
        :raise TaskLookupError, ExecutorLookupError: when a name is not known
        :raise UnnamedCallableError: for a lambda or nested function with a durable store
        :raise SerializationError: when arguments cannot be stored
        """
        self._require_running()
        schedule = Schedule(
            func_or_task_id,
            trigger,
            id=str(new_id(self._engine.settings.store.present())) if id is None else id,
            args=args,
            kwargs=kwargs,
            paused=paused,
            coalesce=coalesce,
            misfire_grace_time=misfire_grace_time,
            max_catchup=max_catchup,
            max_jitter=max_jitter,
            job_executor=job_executor,
            job_result_expiration_time=job_result_expiration_time,
            metadata=metadata,
            group=group,
            tags=frozenset(convert.tags(tags)),
            pause_after_failures=pause_after_failures,
            probe_after=probe_after,
        )
        return (await self._schedules.add([schedule], ConflictPolicy(conflict_policy)))[0]

    async def add_schedules(
        self,
        schedules: Iterable[Schedule],
        *,
        conflict_policy: ConflictPolicy | str = ConflictPolicy.do_nothing,
    ) -> list[str]:
        """Add many schedules in one transaction, all or nothing; return their ids in the same order.

        Raises what ``add_schedule`` raises.
        """
        self._require_running()
        return await self._schedules.add(schedules, ConflictPolicy(conflict_policy))

    async def apply_schedules(
        self,
        schedules: Iterable[Schedule],
        *,
        owner: str,
        retire: bool = False,
        allow_empty: bool = False,
        take_over: bool = False,
        dry_run: bool = False,
    ) -> ApplyResult:
        """Make the store hold what a program declares, in one transaction; return what that changed (rule S8).

        Pauses, counters and places stay as they are; only a changed trigger moves its schedule to its first fire time
        from now (rule S1). What is stored as it is declared is not written.

        :param schedules: all that the program declares
        :param owner: the name of the program, which its schedules carry in the store
        :param retire: remove schedules of this very owner that are not declared, and their queued jobs; running ones go
            on (rule S4). Schedules of nobody, and of others, are never removed
        :param allow_empty: let ``retire`` remove all when nothing is declared, which is refused otherwise
        :param take_over: make schedules its own that exist under the declared ids and belong to nobody, or to another
        :param dry_run: tell what would be done, and write nothing; whether arguments can be stored is not tried
        :raise ScheduleOwnerError: when a declared id exists, is not the owner's, and is not to be taken over
        :raise TypeError: when something declared is no ``Schedule``
        :raise ValueError: when an id is given twice, a schedule names another owner, or everything would be retired

        Also raises what ``add_schedule`` raises. Whatever it raises, nothing was written.
        """
        self._require_running()
        return await self._schedules.apply(
            schedules,
            convert.identifier(owner, "owner"),
            retire=convert.boolean(retire, "retire"),
            allow_empty=convert.boolean(allow_empty, "allow_empty"),
            take_over=convert.boolean(take_over, "take_over"),
            dry_run=convert.boolean(dry_run, "dry_run"),
        )

    async def get_schedule(self, id: str) -> ScheduleSnapshot:
        """Return a schedule as it is now. :raise ScheduleLookupError: when there is none"""
        self._require_running()
        return await self._schedules.get_one(id)

    async def get_schedules(
        self,
        ids: Collection[str] | None = None,
        *,
        paused: bool | None = None,
        status: ScheduleStatus | str | None = None,
        task_id: str | None = None,
        group: str | None = None,
        tags: Iterable[str] | None = None,
        owner: str | None = None,
    ) -> list[ScheduleSnapshot]:
        """Return schedules as they are now, ordered by id; conditions that are given must all hold.

        :param ids: only these; ids that do not exist are passed over
        :param paused: only schedules that are paused, or only those that are not
        :param status: only schedules with this status: "active", "paused", "finished" or "error"
        :param task_id: only schedules of this task
        :param group: only schedules of this group
        :param tags: only schedules that carry all of these tags
        :param owner: only schedules that the program of this name has declared with ``apply_schedules``
        """
        self._require_running()
        return await self._schedules.get(ids, paused, status, task_id, group, tags, owner)

    async def remove_schedule(self, id: str, *, version: str | None = None) -> None:
        """Remove a schedule and its queued jobs; running ones go on (rule S4).

        :param version: remove it only if its ``state.version`` is still this one
        :raise ScheduleLookupError: when there is none
        :raise ScheduleChangedError: when it has another version
        """
        self._require_running()
        await self._schedules.remove(id, version)

    async def pause_schedule(
        self,
        id: str,
        *,
        until: datetime | None = None,
        reason: str | None = None,
        by: str | None = None,
        queued: Queued = "keep",
        resume_from: ResumeFrom = None,
        missed: Missed = "policy",
        running: Running = "leave",
        drain_timeout: timedelta | float | None = None,
        version: str | None = None,
    ) -> None:
        """Pause a schedule: no job is made from it until it is resumed (rules P1 to P4, P10).

        Its next fire time stays where it is; running jobs go on. Pausing a paused schedule changes nothing, but
        ``until``, ``reason`` and ``by`` are replaced when they are given.

        :param until: from when on it counts as resumed, without further calls
        :param reason: free text, shown with the pause
        :param by: who pauses it
        :param queued: what becomes of its jobs that no node has taken: "keep", "hold" until it is resumed, "discard"
        :param resume_from: where to go on at ``until``, as for ``unpause_schedule``
        :param missed: what to do then about the fire times that passed, as for ``unpause_schedule``
        :param running: what becomes of its jobs that are running: "leave"; "cancel" asks whoever runs them to; "drain"
            returns once they have ended, those included that are queued and kept
        :param drain_timeout: how long to wait for that; by default as long as it takes
        :param version: pause it only if its ``state.version``, which each firing changes, is still this one
        :raise ScheduleLookupError: when there is no such schedule
        :raise ScheduleChangedError: when it has another version
        :raise ValueError: when ``until`` does not lie in the future
        :raise JobsStillRunning: when jobs have not ended in time; the schedule is paused all the same
        """
        self._require_running()
        how = PauseRequest(
            until=until,
            reason=reason,
            by=by,
            queued=queued,
            resume_from=resume_from,
            missed=missed,
            running=running,
            drain_timeout=drain_timeout,
        )
        await self._schedules.pause(id, how, version)
        await self._draining.settle([id], how)

    async def unpause_schedule(
        self,
        id: str,
        *,
        resume_from: datetime | Literal["now"] | None = None,
        missed: Missed = "policy",
        version: str | None = None,
    ) -> UnpauseResult:
        """Resume a paused schedule and report what that did (rules P5 to P9).

        Resuming a schedule that is not paused changes nothing. While a hold on a set of schedules pauses it as well, it
        stays paused: ``status`` and ``pauses`` of what is returned say so (rule H3).

        :param resume_from: None goes on from the frozen next fire time, and what passed meanwhile is late;
            "now" begins anew, as if the schedule were added now; a datetime does so from that instant
        :param missed: what to do about the fire times that passed: "policy" treats them as late by the schedule's
            own rules (with "now" that means to skip them), "skip" gives them up, "run_once" makes one job for the
            latest, "run_all" one for each, up to ``max_catchup``; a ``CatchUp`` bounds them by number and age, and
            spaces their starts
        :param version: resume it only if its ``state.version`` is still this one, as read or previewed
        :raise ScheduleLookupError: when there is no such schedule
        :raise ScheduleChangedError: when it has another version
        :raise ValueError: when ``resume_from`` is a string other than "now"
        """
        self._require_running()
        return await self._schedules.unpause(id, resume_from=resume_from, missed=missed, version=version)

    async def preview_unpause(
        self,
        id: str,
        *,
        resume_from: datetime | Literal["now"] | None = None,
        missed: Missed = "policy",
    ) -> UnpausePreview:
        """Tell what ``unpause_schedule`` would do with the same arguments at this moment; change nothing.

        :raise ScheduleLookupError: when there is no such schedule
        :raise ValueError: when ``resume_from`` is a string other than "now"
        """
        self._require_running()
        return await self._schedules.preview_unpause(id, resume_from=resume_from, missed=missed)

    async def skip_fire_time(
        self,
        id: str,
        fire_time: datetime | Literal["next"] = "next",
        *,
        reason: str | None = None,
        by: str | None = None,
        version: str | None = None,
    ) -> datetime:
        """Leave out one fire time of a schedule, and return which (rules O1 and O2).

        It gets no job, and is counted in ``state.skipped`` when its time has come. All others stay as they are, and so
        does the configuration. Until then ``restore_fire_time`` takes it back.

        :param fire_time: a fire time to come, as the trigger says it, without jitter; "next" for what is due next
        :param reason: free text, shown in ``state.occurrences``
        :param by: who asks
        :param version: skip it only if the schedule's ``state.version``, which each firing changes, is still this one
        :return: the fire time, in UTC
        :raise ScheduleLookupError: when there is no such schedule
        :raise ScheduleChangedError: when it has another version
        :raise ValueError: when the schedule has no such fire time to come; the nearest are named
        :raise TriggerError: when its trigger does not work
        :raise DeserializationError: when the schedule cannot be read on this node
        """
        self._require_running()
        return await self._schedules.skip_fire_time(id, fire_time, reason=reason, by=by, version=version)

    async def move_fire_time(
        self,
        id: str,
        fire_time: datetime | Literal["next"] = "next",
        *,
        to: datetime,
        reason: str | None = None,
        by: str | None = None,
        version: str | None = None,
    ) -> datetime:
        """Run one fire time of a schedule at another instant, earlier or later, and return which (rules O1 to O3).

        Its job keeps ``scheduled_fire_time``, and is due at ``to``. All others stay as they are, and so does the
        configuration. Until its job is made, it can be moved again, skipped, or restored by ``restore_fire_time``.

        :param fire_time: a fire time to come, as the trigger says it, without jitter; "next" for what is due next
        :param to: when to run it; in the future, at no other fire time of the schedule
        :param reason: free text, shown in ``state.occurrences``
        :param by: who asks
        :param version: move it only if the schedule's ``state.version``, which each firing changes, is still this one
        :return: the fire time, in UTC
        :raise ScheduleLookupError: when there is no such schedule
        :raise ScheduleChangedError: when it has another version
        :raise ValueError: when the schedule has no such fire time to come, or ``to`` is past or taken
        :raise TriggerError: when its trigger does not work
        :raise DeserializationError: when the schedule cannot be read on this node
        """
        self._require_running()
        return await self._schedules.move_fire_time(id, fire_time, to, reason=reason, by=by, version=version)

    async def restore_fire_time(self, id: str, fire_time: datetime, *, version: str | None = None) -> None:
        """Take back that a fire time was skipped or moved: it is again what the trigger says (rule O4).

        :param fire_time: the fire time, as the trigger says it: as it was returned, and stands in ``state.occurrences``
        :param version: do so only if the schedule's ``state.version``, which each firing changes, is still this one
        :raise ScheduleLookupError: when there is no such schedule
        :raise ScheduleChangedError: when it has another version
        :raise ValueError: when it was not skipped or moved, or something has come of it or of later fire times
        :raise TriggerError: when its trigger does not work
        :raise DeserializationError: when the schedule cannot be read on this node
        """
        self._require_running()
        await self._schedules.restore_fire_time(id, fire_time, version=version)

    async def pause_schedules(
        self,
        *,
        ids: Iterable[str] | None = None,
        group: str | None = None,
        tags: Iterable[str] | None = None,
        task: Callable[..., Any] | str | None = None,
        everything: bool = False,
        hold: str | None = None,
        until: datetime | None = None,
        reason: str | None = None,
        by: str | None = None,
        queued: Queued = "keep",
        resume_from: ResumeFrom = None,
        missed: Missed = "policy",
        running: Running = "leave",
        drain_timeout: timedelta | float | None = None,
    ) -> Hold:
        """Pause all schedules that meet every condition, in one transaction, by a hold (rules H1, H2 and H4).

        The hold is a record of its own: schedules that are added later, and meet the conditions, are paused by it
        too. Several may pause a schedule, besides a pause of its own; it goes on when the last of them is lifted.
        The same call again changes nothing but ``until``, ``reason`` and ``by``, if given.

        :param ids: these schedules, which must exist; joined with no other condition
        :param group: schedules of this group
        :param tags: schedules that carry all of these tags
        :param task: schedules of this task
        :param everything: all schedules; joined with no other condition
        :param hold: an id for the hold, to have several on the same schedules; by default made from the conditions
        :param until: from when on it counts as lifted, without further calls; without a zone, in the scheduler's
        :param reason: free text, shown with the hold
        :param by: who pauses
        :param queued: what becomes of jobs that no node has taken: "keep", "hold" until they are resumed, "discard"
        :param resume_from: where to go on at ``until``, as for ``unpause_schedule``
        :param missed: what to do then about the fire times that passed, as for ``unpause_schedule``
        :param running: what becomes of jobs that are running, as for ``pause_schedule``
        :param drain_timeout: how long to wait for them under "drain"; by default as long as it takes
        :return: the hold, by whose id it can be lifted
        :raise ValueError: when no condition is given, or ``until`` does not lie in the future
        :raise ScheduleLookupError: when one of ``ids`` does not exist; nothing is paused then
        :raise ConflictingHoldError: when the hold exists, and is about other schedules
        :raise JobsStillRunning: when jobs have not ended in time; the hold is placed all the same
        """
        self._require_running()
        how = PauseRequest(
            until=until,
            reason=reason,
            by=by,
            queued=queued,
            resume_from=resume_from,
            missed=missed,
            running=running,
            drain_timeout=drain_timeout,
        )
        selector = await self._selector(ids, group, tags, task, everything)
        return await self._holds.place(selector, hold, how)

    async def unpause_schedules(
        self,
        *,
        ids: Iterable[str] | None = None,
        group: str | None = None,
        tags: Iterable[str] | None = None,
        task: Callable[..., Any] | str | None = None,
        everything: bool = False,
        hold: str | None = None,
        resume_from: datetime | Literal["now"] | None = None,
        missed: Missed = "policy",
    ) -> list[UnpauseResult]:
        """Lift a hold, named by its id or by the same conditions that it was placed with (rules H3 and H4).

        Schedules that nothing else pauses go on, as this call says; others stay paused, and go on as whoever lifts
        the last of their pauses says. Conditions under which there is no hold change nothing.

        :param hold: the id of the hold, instead of conditions
        :param resume_from: where to go on, as for ``unpause_schedule``
        :param missed: what to do about the fire times that passed, as for ``unpause_schedule``
        :return: what became of each schedule that it had paused, ordered by id
        :raise ValueError: when neither conditions nor a hold are given, or both
        :raise HoldLookupError: when there is no hold with the id that is given
        """
        self._require_running()
        given = ids is not None or group is not None or tags is not None or task is not None or everything
        selector = await self._selector(ids, group, tags, task, everything) if given or hold is None else None
        return await self._holds.lift(selector, hold, resume_from=resume_from, missed=missed)

    async def get_holds(
        self, *, schedule_id: str | None = None, longer_than: timedelta | float | None = None
    ) -> list[Hold]:
        """Return what pauses schedules: first the holds on sets of them, by id, then pauses of single ones (rule H2).

        :param schedule_id: only what pauses this schedule
        :param longer_than: only what was placed at least so long ago, which somebody may have forgotten (rule H6)
        :raise ScheduleLookupError: when there is no such schedule
        """
        self._require_running()
        of = None if schedule_id is None else await self._schedules.get_one(schedule_id)
        return await self._holds.get(
            of, None if longer_than is None else convert.duration(longer_than, "longer_than")
        )

    @asynccontextmanager
    async def maintenance(
        self,
        *,
        ids: Iterable[str] | None = None,
        group: str | None = None,
        tags: Iterable[str] | None = None,
        task: Callable[..., Any] | str | None = None,
        everything: bool = False,
        reason: str | None = None,
        by: str | None = None,
        queued: Queued = "hold",
        drain: timedelta | float | None = None,
        limit: timedelta | float = 3600,
        resume_from: datetime | Literal["now"] | None = None,
        missed: Missed = "policy",
    ) -> AsyncGenerator[Maintenance]:
        """Hold schedules for as long as the block runs (rule H5)::

            async with scheduler.maintenance(tags={"non-critical"}, reason="deploy 142", drain=30):
                ...

        The hold is one of its own each time. It ends with the block, however that ends, or at its deadline, if whoever
        placed it has crashed or takes longer.

        :param ids, group, tags, task, everything: which schedules, as for ``pause_schedules``
        :param reason: free text, shown with the hold
        :param by: who does it
        :param queued: what becomes of jobs that no node has taken: "hold" until the end, "keep" or "discard"
        :param drain: wait up to this long, before the block begins, until no job of these schedules is running any
            more; ``running`` of what the block gets tells which still are. By default nobody waits.
        :param limit: the deadline: after this long it is over in any case
        :param resume_from: where the schedules go on then, as for ``unpause_schedule``
        :param missed: what to do about the fire times that passed, as for ``unpause_schedule``
        :raise ValueError: when no condition is given
        :raise ScheduleLookupError: when one of ``ids`` does not exist
        :raise StoreError: at the end, when the hold cannot be lifted; it ends at the deadline then. What
            the block itself has raised goes before that.
        """
        self._require_running()
        how = PauseRequest(
            until=None, reason=reason, by=by, queued=queued, resume_from=resume_from, missed=missed
        )
        patience = None if drain is None else convert.duration(drain, "drain")
        longest = convert.positive_duration(limit, "limit")
        selector = await self._selector(ids, group, tags, task, everything)
        async with self._holds.maintenance(selector, how, drain=patience, limit=longest) as maintenance:
            yield maintenance

    async def _selector(
        self,
        ids: Iterable[str] | None,
        group: str | None,
        tags: Iterable[str] | None,
        task: Callable[..., Any] | str | None,
        everything: bool,
    ) -> Selector:
        task_id = task if task is None or isinstance(task, str) else await self._engine.tasks.name_of(task)
        return Selector(ids=ids, group=group, tags=tags, task_id=task_id, everything=everything)

    async def run_schedule(self, id: str) -> UUID:
        """Make one job of a schedule now and return its id; fire times do not move, a pause does not matter.

        :raise ScheduleLookupError: when there is no such schedule
        """
        self._require_running()
        return await self._schedules.run(id)

    # jobs

    async def add_job(
        self,
        func_or_task_id: Callable[..., Any] | str,
        *,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] = convert.EMPTY_MAPPING,
        run_at: datetime | None = None,
        result_expiration_time: timedelta | float = 0,
        job_executor: str | UnsetType | None = UNSET,
        metadata: Mapping[str, Any] = convert.EMPTY_MAPPING,
    ) -> UUID:
        """Run a task once and return the id of the job.

        :param func_or_task_id: the callable to run, or the name of a task
        :param args: positional arguments
        :param kwargs: keyword arguments
        :param run_at: not before this instant; by default at once
        :param result_expiration_time: how long the result is kept for ``get_job_result``; 0 for not at all
        :param job_executor: name of a job executor; by default what the task says
        :param metadata: anything that can be serialized
        :raise TaskLookupError, ExecutorLookupError: when a name is not known
        :raise SerializationError: when arguments cannot be stored
        """
        ids = await self.add_jobs(
            func_or_task_id,
            [args],
            kwargs=kwargs,
            run_at=run_at,
            result_expiration_time=result_expiration_time,
            job_executor=job_executor,
            metadata=metadata,
        )
        return ids[0]

    async def add_jobs(
        self,
        func_or_task_id: Callable[..., Any] | str,
        args_list: Iterable[Iterable[Any]],
        *,
        kwargs: Mapping[str, Any] = convert.EMPTY_MAPPING,
        run_at: datetime | None = None,
        result_expiration_time: timedelta | float = 0,
        job_executor: str | UnsetType | None = UNSET,
        metadata: Mapping[str, Any] = convert.EMPTY_MAPPING,
    ) -> list[UUID]:
        """Run a task once for each set of positional arguments, all or nothing; return the ids in order.

        The other parameters, and what is raised, are those of ``add_job``.
        """
        self._require_running()
        return await self._jobs.add(
            func_or_task_id,
            args_list,
            kwargs=kwargs,
            run_at=run_at,
            result_expiration_time=result_expiration_time,
            job_executor=job_executor,
            metadata=metadata,
        )

    async def run_job(
        self,
        func_or_task_id: Callable[..., Any] | str,
        *,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] = convert.EMPTY_MAPPING,
        job_executor: str | UnsetType | None = UNSET,
        metadata: Mapping[str, Any] = convert.EMPTY_MAPPING,
    ) -> Any:
        """Run a task once on whichever node takes it, wait, and return what it returned.

        :raise JobFailed: when it raised; the exception itself is the cause if it ran on this node
        :raise JobCancelled: when it was cancelled
        """

        self._require_running()
        return await self._jobs.run(
            func_or_task_id, args=args, kwargs=kwargs, job_executor=job_executor, metadata=metadata
        )

    async def get_jobs(
        self,
        ids: Collection[UUID] | None = None,
        *,
        schedule_id: str | None = None,
        task_id: str | None = None,
        status: JobStatus | str | None = None,
    ) -> list[Job]:
        """Return jobs that have not ended, oldest first; conditions that are given must all hold.

        :param ids: only these
        :param schedule_id: only jobs of this schedule
        :param task_id: only jobs of this task
        :param status: only jobs that are "queued", "held" or "running"
        """
        self._require_running()
        return await self._jobs.get(ids, schedule_id, task_id, status)

    async def get_job_result(self, job_id: UUID, *, wait: bool = True) -> JobResult | None:
        """Return how a job ended; reading it does not delete it.

        :param wait: wait for a job that has not ended yet; otherwise None is returned for it
        :return: None when nothing is kept: the job is unknown, its result has expired or was not to be kept
        :raise SchedulerStateError: when the scheduler stops before the job has ended
        """
        self._require_running()
        return await self._jobs.result(job_id, wait=wait)

    async def cancel_job(self, job_id: UUID) -> None:
        """End a queued job; ask the node that runs it to cancel a running one.

        :raise JobLookupError: when there is no such job, or it has ended
        """
        self._require_running()
        await self._jobs.cancel(job_id)

    # events

    def subscribe(
        self,
        callback: Callable[[Any], Awaitable[object] | object],
        event_types: type[Event] | Iterable[type[Event]] | None = None,
        *,
        one_shot: bool = False,
    ) -> Subscription:
        """Call a function, or await a coroutine function, with each event, in order, one at a time.

        What it raises is logged. It may be called before the scheduler starts.

        :param event_types: only events of these types, or of types that derive from them; by default all
        :param one_shot: unsubscribe after the first event
        """
        if not callable(callback):
            raise TypeError(f"callback must be callable, not {callback!r}")
        if self.state is not RunState.created:
            self._require_running()
        token = current_scheduler.set(self)  # the task that calls back sees it
        try:
            return self._engine.subscribe(callback, concrete(event_types), one_shot=one_shot)
        finally:
            current_scheduler.reset(token)

    async def get_next_event(self, event_types: type[Event] | Iterable[type[Event]]) -> Event:
        """Wait for the next event of one of these types, and return it.

        :raise SchedulerStateError: when the scheduler stops first
        """
        self._require_running()
        return await next_event(self._engine.settings.broker, concrete(event_types), self.identity)

    def _require_new(self) -> None:
        if self.state is not RunState.created:
            raise SchedulerStateError(f"a scheduler runs once, and this one is {self.state}: make a new one")

    def _belong_here(self) -> None:
        """Belong to this thread, and to this process. One that was forked from it may not bear the same name."""
        self._thread = threading.get_ident()
        if self._process != getpid():
            self._process = getpid()
            if self._has_made_up_identity:
                self._engine.rename(_made_up_identity())

    def _require_own_process(self) -> None:
        if self._process != getpid() and self.state not in {RunState.created, RunState.stopped}:
            raise SchedulerStateError(
                "the scheduler runs in the process from which this one was forked: use a scheduler of its own in "
                "each process, and start it after the fork"
            )

    def _require_own_loop(self) -> None:
        """Refuse another event loop, in which whoever waits for this one would wait for ever."""
        self._require_own_process()
        if self._thread != threading.get_ident() and self.state not in {RunState.created, RunState.stopped}:
            raise SchedulerStateError(
                "the scheduler runs on the event loop of another thread: call it there, or use the blocking "
                "`Scheduler`, whose methods any thread may call"
            )

    def _require_running(self) -> None:
        self._require_own_loop()
        if self.state is not RunState.started and not (
            self.state is RunState.stopping and current_scheduler.get(None) is self
        ):
            state = "has not been started" if self.state is RunState.created else f"is {self.state}"
            raise SchedulerStateError(
                f"the scheduler {state}: use it inside `async with scheduler:`, or between start() and stop()"
            )


def _made_up_identity() -> str:
    return f"{gethostname()}-{getpid()}-{token_hex(4)}"


def _store(data_store: DataStore | str | None) -> DataStore:
    if data_store is None:
        return MemoryDataStore()
    if not isinstance(data_store, str):
        if not callable(getattr(data_store, "advance", None)):
            raise TypeError(f"data_store must be a data store or the URL of a database, not {data_store!r}")
        return data_store
    from anysched.stores import SQLDataStore  # needs SQLAlchemy, which not everybody has

    return SQLDataStore(data_store)


def _broker_over(server: EventServer) -> EventBroker:
    """Return what tells other nodes over the server that keeps a store. It needs the driver, which the store has."""
    from anysched.brokers.postgresql import PostgreSQLEventBroker

    return PostgreSQLEventBroker(server)


def _executors(own: Mapping[str, JobExecutor]) -> dict[str, JobExecutor]:
    for name in own:
        convert.identifier(name, "the name of a job executor")
    builtin: dict[str, JobExecutor] = {
        "async": AsyncJobExecutor(),
        "thread": ThreadJobExecutor(),
        "process": ProcessJobExecutor(),
    }
    return {**builtin, **own}


def _same_trigger(one: Trigger, other: Trigger) -> bool:
    """Return whether two triggers are written the same way (rule S1)."""
    if one == other:
        return True
    try:
        return bool(to_plain(one) == to_plain(other))
    except SerializationError:
        return False
