"""The scheduler that users meet: what it promises, by topic, and the one place where the rooms are put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from datetime import timedelta, tzinfo
from types import ModuleType
from typing import Any

from anysched._clock import Clock, SystemClock
from anysched._scheduler.audit import AuditMethods
from anysched._scheduler.backfills import BackfillMethods
from anysched._scheduler.base import current
from anysched._scheduler.clocks import ClockMethods
from anysched._scheduler.events import EventMethods
from anysched._scheduler.history import HistoryMethods
from anysched._scheduler.holds import HoldMethods
from anysched._scheduler.jobs import JobMethods
from anysched._scheduler.occurrences import OccurrenceMethods
from anysched._scheduler.parts import broker_over, executors, made_up_identity, store_of
from anysched._scheduler.pausing import PauseMethods
from anysched._scheduler.running import RunMethods
from anysched._scheduler.schedules import ScheduleMethods
from anysched._scheduler.tasks import TaskMethods
from anysched._scheduler.windows import WindowMethods
from anysched._scheduler.zones import zone_data
from anysched.brokers.local import LocalEventBroker
from anysched.engine.lifecycle import Engine, Settings
from anysched.engine.tasks import TaskRegistry
from anysched.model import convert
from anysched.model.history import Retention
from anysched.model.policies import SchedulerRole
from anysched.model.task import TaskDefaults
from anysched.ports.broker import EventBroker
from anysched.ports.executor import JobExecutor
from anysched.ports.store import DataStore
from anysched.rules.policy import Policy
from anysched.triggers.base import machine_zone, require_zone

#: The scheduler that the code of a job, or of a subscriber, runs under.
current_scheduler: ContextVar[AsyncScheduler] = current


class AsyncScheduler(
    RunMethods,
    TaskMethods,
    ScheduleMethods,
    PauseMethods,
    HoldMethods,
    OccurrenceMethods,
    BackfillMethods,
    WindowMethods,
    HistoryMethods,
    ClockMethods,
    AuditMethods,
    JobMethods,
    EventMethods,
):
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
        store = store_of(data_store)
        zone = machine_zone() if timezone is None else require_zone(timezone)
        node = made_up_identity() if identity is None else convert.identifier(identity, "identity")
        engine = Engine(
            Settings(
                clock=clock,
                store=store,
                broker=event_broker or store.make_broker(broker_over) or LocalEventBroker.shared_by(store),
                node=node,
                role=SchedulerRole(role),
                policy=Policy(task_defaults, retention=retention, node=node),
                tasks=TaskRegistry(durable=store.durable),
                executors=executors(job_executors or {}),
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
                read_zone=zone_data,
            )
        )
        engine.settings.tasks.add_all(tasks)
        super().__init__(engine, zone, has_made_up_identity=identity is None)

    def __repr__(self) -> str:
        return f"<AsyncScheduler {self.identity!r} {self.state} on {self._engine.settings.store!r}>"
