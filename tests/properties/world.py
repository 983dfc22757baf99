"""The real thing behind the words of the reference: two nodes on one store, on a clock that tests move."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import attrs
import sqlalchemy as sa
import trio
from anyio.from_thread import start_blocking_portal
from tests.properties import reference as ref
from tests.properties.interleaving import ConductedStore, Conductor, conduct_decisions, conduct_transactions

from anysched import (
    AsyncScheduler,
    CatchUp,
    DateTrigger,
    Event,
    FireTimesSkipped,
    Hold,
    IntervalTrigger,
    Job,
    JobKind,
    JobReleased,
    Pause,
    PlacedWindow,
    Retention,
    ScheduleSnapshot,
    Trigger,
    UnpauseResult,
    current_job,
    current_scheduler,
    task,
)
from anysched.brokers import LocalEventBroker
from anysched.model.history import Record
from anysched.ports.queries import HistoryQuery
from anysched.ports.store import DataStore
from anysched.stores import MemoryDataStore, SQLDataStore
from anysched.testing import FakeClock
from anysched.testing.store_suite.odd import PlainTrigger

START = datetime(2025, 1, 1, tzinfo=UTC)
NODES = 2


def instant(seconds: int) -> datetime:
    """Return an instant by its distance from the start."""
    return START + timedelta(seconds=seconds)


def seconds(moment: datetime | None) -> int | None:
    """Return how far from the start an instant lies."""
    if moment is None:
        return None
    whole, rest = divmod(moment - START, timedelta(seconds=1))
    assert not rest, moment
    return whole


def trigger(wanted: ref.Every | ref.Once) -> Trigger:
    """Return a trigger."""
    if isinstance(wanted, ref.Once):
        return DateTrigger(instant(wanted.at))
    if wanted.plain:
        return PlainTrigger(wanted.period)
    start, end = (None if at is None else instant(at) for at in (wanted.start, wanted.end))
    return IntervalTrigger(seconds=wanted.period, start_time=start, end_time=end)


def pause_of(pause: Pause) -> ref.Pause:
    """Return a pause in the words of the reference."""
    since, until = seconds(pause.since), seconds(pause.until)
    start = seconds(pause.resume_from) if isinstance(pause.resume_from, datetime) else pause.resume_from
    assert since is not None
    missed: ref.Missed = "policy"
    if isinstance(pause.missed, CatchUp):
        how = pause.missed
        spans = (
            None if span is None else span // timedelta(seconds=1) for span in (how.max_age, how.spacing)
        )
        missed = ref.CatchUp(str(how.coalesce), how.max_jobs, *spans)
    else:
        missed = pause.missed
    return ref.Pause(until, pause.reason, pause.queued, start, missed, since, pause.hold)


def hold_of(hold: Hold) -> ref.Hold:
    """Return a hold in the words of the reference."""
    selector = hold.selector
    meant = ref.Selector(selector.ids, selector.group, selector.tags, selector.task_id, selector.everything)
    return ref.Hold(meant, pause_of(hold.pause))


REFUSALS = {
    "exists already, and is about": "other schedules",
    "there is no hold": "no hold",
    "there is no window": "no window",
    "overlaps with window": "overlap",
    "there is no schedule": "unknown",
    "exists already": "conflict",
    "no fire time left": "nothing left",
    "until must lie in the future": "until has passed",
    "resume_from and missed say how": "nothing to resume",
    "to come": "no fire time",
    "was dropped as late": "dealt with",
    "has its job already": "dealt with",
    "to must lie in the future": "to has passed",
    "to must not be a fire time": "to is taken",
    "to must differ": "to is taken",
    "has not skipped or moved": "not named",
    "have been dealt with": "has passed",
}


def refusal(error: Exception) -> str:
    """Return an error in the words of the reference. :raise: what is none"""
    for text, word in REFUSALS.items():
        if text in str(error):
            return word
    raise error


def missed_of(wanted: ref.Missed) -> Any:
    """Return what to do about what was missed."""
    if isinstance(wanted, str):
        return wanted
    return CatchUp(wanted.coalesce, max_jobs=wanted.most, max_age=wanted.age, spacing=wanted.spacing)


def resume_from(wanted: ref.ResumeFrom) -> Any:
    """Return where to resume."""
    return instant(wanted) if isinstance(wanted, int) else wanted


class World:
    """Two nodes that share a store, and all that was heard of them.

    :param kind: "memory" or "sqlite"
    :param witness: is told of every operation on the stores, which then take turns
    """

    def __init__(self, kind: str, backend: str, witness: Any = None) -> None:
        self._closing = ExitStack()
        if backend == "trio":  # which else shuffles its tasks, so that no failure could be shown again
            trio._core._run._ALLOW_DETERMINISTIC_SCHEDULING = True
            trio._core._run._r.seed(0)
        self._folder = Path(self._closing.enter_context(TemporaryDirectory()))
        self._portal = self._closing.enter_context(start_blocking_portal(backend))
        self.clock = FakeClock(START)
        self.broker = LocalEventBroker()
        self.broker.subscribe(self._hear, (JobReleased, FireTimesSkipped))
        self.stores: list[Any] = self._stores(kind)
        self.conductor: Conductor = self._portal.call(Conductor, self.clock)
        if witness is not None:
            self._conduct(witness)
        self.nodes: list[AsyncScheduler | None] = [None] * NODES
        self._exits: list[AbstractContextManager[Any] | None] = [None] * NODES
        self.started: list[tuple[int | None, str | None, int | None, int, bool]] = []
        self.ended: list[tuple[int | None, str | None, str]] = []
        self.told: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.running: dict[tuple[str | None, int | None, int], str] = {}
        self.keys: Counter[Any] = Counter()
        self._tasks = [self._task("quick", 0), *(self._task(f"slow {id}", ref.SLOW) for id in "abc")]

    def _stores(self, kind: str) -> list[DataStore]:
        if kind == "memory":
            return [MemoryDataStore()] * NODES
        engines = [sa.create_engine(f"sqlite:///{self._folder}/jobs.db") for _ in range(NODES)]
        for engine in engines:
            sa.event.listen(engine, "connect", _hasten)
            self._closing.callback(engine.dispose)
        return [SQLDataStore(engine) for engine in engines]

    def _conduct(self, witness: Any) -> None:
        for store in set(self.stores):
            if isinstance(store, MemoryDataStore):
                conduct_decisions(store, self.conductor, witness.fired)
            elif isinstance(store, SQLDataStore):
                conduct_transactions(store, self.conductor)
        self.stores = [
            ConductedStore(f"node {number}", store, self.conductor, witness)
            for number, store in enumerate(self.stores)
        ]
        self._closing.callback(self._portal.start_task_soon(self.conductor.run).cancel)

    def _task(self, id: str, takes: int) -> Callable[[], Coroutine[Any, Any, None]]:
        @task(id=id, max_running_jobs=1 if takes else None, max_attempts=ref.MOST_ATTEMPTS)
        async def run() -> None:
            job = current_job.get()
            key = (job.schedule_id, seconds(job.scheduled_fire_time), job.attempt)
            self.started.append((self.now, *key, takes > 0))
            if job.scheduled_fire_time is not None and job.attempt == 1:
                self.keys[job.incarnation, job.scheduled_fire_time] += 1
            if takes:
                self.running[key] = current_scheduler.get().identity
                try:
                    await self.clock.sleep(takes)
                finally:
                    del self.running[key]

        return run

    def _hear(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, JobReleased) and event.outcome is not None:
                self.ended.append((self.now, event.schedule_id, str(event.outcome)))
            elif isinstance(event, FireTimesSkipped):
                assert event.exact
                counts = self.told[event.schedule_id]
                counts.update({str(reason): number for reason, number in event.counts})

    @property
    def now(self) -> int | None:
        """The present."""
        return seconds(self.clock.now())

    def call(self, function: Callable[..., Coroutine[Any, Any, Any]], *args: Any, **kwargs: Any) -> Any:
        """Call something on the event loop, and let everybody come to rest."""

        async def called() -> Any:
            try:
                return await function(*args, **kwargs)
            finally:
                await self.clock.settle()

        return self._portal.call(called)

    # nodes

    @property
    def awake(self) -> bool:
        """Whether any node runs."""
        return any(self.nodes)

    def start(self, number: int) -> None:
        """Start a node."""
        node = AsyncScheduler(
            self.stores[number],
            self.broker,
            identity=f"node {number}",
            timezone=UTC,
            clock=self.clock,
            tasks=self._tasks,
            retention=Retention(most=1_000_000),
        )
        self.nodes[number] = node
        self._exits[number] = entered = self._portal.wrap_async_context_manager(node)
        entered.__enter__()
        self.call(self.clock.settle)

    def stop(self, number: int) -> None:
        """Stop a node."""
        entered = self._exits[number]
        assert entered is not None
        self.nodes[number] = self._exits[number] = None
        entered.__exit__(None, None, None)
        self.call(self.clock.settle)

    def leave(self, number: int | None) -> AsyncScheduler | None:
        """Take a node from those that users turn to, and return it; it is still to be stopped."""
        if number is None:
            return None
        node, self.nodes[number] = self.nodes[number], None
        return node

    def close(self) -> None:
        """End it all."""
        for number in range(NODES):
            if self._exits[number] is not None:
                self.stop(number)
        self._closing.close()

    def wait(self, seconds: int) -> None:
        """Let time pass."""
        self.call(self.clock.advance, seconds)

    # what is there

    def running_on(self, number: int) -> set[tuple[str | None, int | None, int]]:
        """Return which slow jobs a node runs: schedule, fire time, attempt."""
        return {key for key, node in self.running.items() if node == f"node {number}"}

    def _anybody(self) -> AsyncScheduler:
        return next(node for node in self.nodes if node is not None)

    def schedules(self) -> list[ScheduleSnapshot]:
        """Return all schedules."""
        return list(self.call(self._anybody().get_schedules))

    def holds(self) -> list[Hold]:
        """Return what pauses schedules."""
        return list(self.call(self._anybody().get_holds))

    def ledger(self, incarnation: UUID) -> list[Record]:
        """Return all that came of the fire times of one life of a schedule."""
        store = self._anybody()._engine.settings.store
        query = HistoryQuery(incarnation=incarnation, most=1_000_000)
        return list(self.call(store.get_history, query))

    def jobs_of(self, incarnation: UUID) -> list[Job]:
        """Return the regular jobs of one life of a schedule that have not ended."""
        jobs: list[Job] = self.call(self._anybody().get_jobs)
        return [job for job in jobs if job.incarnation == incarnation and job.kind is JobKind.regular]

    def windows(self) -> list[PlacedWindow]:
        """Return the windows."""
        return list(self.call(self._anybody().get_windows))

    def jobs(self) -> list[tuple[Any, ...]]:
        """Return all jobs in the words of the reference."""
        return [
            (
                job.schedule_id,
                seconds(job.scheduled_fire_time),
                seconds(job.run_at),
                seconds(job.start_deadline),
                job.attempt,
                str(job.status),
            )
            for job in self.call(self._anybody().get_jobs)
        ]

    # what users do

    async def add(
        self, node: AsyncScheduler, id: str, config: ref.Config, conflict: str, paused: bool
    ) -> None:
        """Add a schedule."""
        await node.add_schedule(
            f"slow {id}" if config.slow else "quick",
            trigger(config.trigger),
            id=id,
            coalesce=config.coalesce,
            misfire_grace_time=config.grace,
            max_catchup=config.most,
            group=config.group,
            tags=config.tags,
            paused=paused,
            conflict_policy=conflict,
        )

    async def pause(self, node: AsyncScheduler, id: str, pause: ref.Pause) -> None:
        """Pause a schedule."""
        await node.pause_schedule(id, **_words(pause))

    async def unpause(
        self, node: AsyncScheduler, id: str, start: ref.ResumeFrom, missed: ref.Missed
    ) -> ref.Report:
        """Resume a schedule."""
        return _report(
            await node.unpause_schedule(id, resume_from=resume_from(start), missed=missed_of(missed))
        )

    async def name(self, node: AsyncScheduler, id: str, fire_time: int | None, to: int | None) -> None:
        """Skip or move a fire time."""
        which: Any = "next" if fire_time is None else instant(fire_time)
        if to is None:
            await node.skip_fire_time(id, which)
        else:
            await node.move_fire_time(id, which, to=instant(to))

    async def restore(self, node: AsyncScheduler, id: str, fire_time: int) -> None:
        """Take that back."""
        await node.restore_fire_time(id, instant(fire_time))

    async def hold(
        self, node: AsyncScheduler, selector: ref.Selector, name: str | None, pause: ref.Pause
    ) -> None:
        """Pause a set of schedules."""
        hold = await node.pause_schedules(**attrs.asdict(selector), hold=name, **_words(pause))
        assert hold.id == (name or selector.name)

    async def cover(self, node: AsyncScheduler, name: str, window: ref.Window) -> None:
        """Add a window."""
        dates = [(instant(start), instant(end)) for start, end in window.spans]
        await node.add_window(name, mode=window.mode, dates=dates, **attrs.asdict(window.selector))  # type: ignore[arg-type]

    async def lift(
        self,
        node: AsyncScheduler,
        selector: ref.Selector,
        name: str | None,
        start: ref.ResumeFrom,
        missed: ref.Missed,
    ) -> list[ref.Report]:
        """Lift a hold, by its name or by what it selects."""
        which = {"hold": name} if name is not None else attrs.asdict(selector)
        found = await node.unpause_schedules(
            **which, resume_from=resume_from(start), missed=missed_of(missed)
        )
        return [_report(result) for result in found]


def _words(pause: ref.Pause) -> dict[str, Any]:
    """Return the arguments of a call that pauses."""
    return {
        "until": None if pause.until is None else instant(pause.until),
        "reason": pause.reason,
        "queued": pause.queued,
        "resume_from": resume_from(pause.resume_from),
        "missed": missed_of(pause.missed),
    }


def _report(found: UnpauseResult) -> ref.Report:
    assert found.skipped_exact
    return ref.Report(
        found.schedule_id,
        str(found.status),
        seconds(found.next_fire_time),
        len(found.jobs),
        found.skipped,
        found.changed,
        tuple(pause_of(pause) for pause in found.pauses),
    )


def _hasten(connection: Any, _: Any) -> None:
    connection.execute("PRAGMA synchronous = OFF")  # nothing here outlives a power failure
