"""A data store in an SQL database, through SQLAlchemy."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

import anyio
import sqlalchemy as sa
from anyio.lowlevel import current_token

from anysched._clock import Clock, SystemClock
from anysched.errors import StoreError
from anysched.model.audit import AuditEntry
from anysched.model.figures import StoreFigures
from anysched.model.history import Record, Retention
from anysched.model.hold import Hold, Placed, PlacedWindow
from anysched.model.job import Claim, Job, JobResult
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.task import Task, TaskOptions
from anysched.model.zone import ZoneRecord
from anysched.ports.broker import EventBroker, EventServer, MakeBroker
from anysched.ports.queries import AuditQuery, HistoryQuery, JobQuery, ScheduleQuery
from anysched.ports.serializer import Serializer
from anysched.ports.store import (
    Advanced,
    AdvanceRequest,
    Committed,
    Completed,
    CompleteJob,
    Completion,
    Decide,
    DecideDeclared,
    DecideHold,
    DecideZones,
    NodePolicy,
    Taker,
)
from anysched.serializers.as_json import JSONSerializer
from anysched.stores.sql import address, migrations
from anysched.stores.sql.administration import bring_up_to_date
from anysched.stores.sql.advance import Advancing
from anysched.stores.sql.ahead import Question
from anysched.stores.sql.changes import Changes
from anysched.stores.sql.cleaning import Cleaning
from anysched.stores.sql.columns import from_instant
from anysched.stores.sql.configs import Configs
from anysched.stores.sql.counting import Counting
from anysched.stores.sql.deciding import Deciding, Outcome
from anysched.stores.sql.ending import Ending
from anysched.stores.sql.figures import figures
from anysched.stores.sql.holds import Holds
from anysched.stores.sql.jobs import PAYLOAD, Jobs
from anysched.stores.sql.leases import Leases, SQLLeaseKeeper
from anysched.stores.sql.ledger import Ledger
from anysched.stores.sql.payloads import Payloads
from anysched.stores.sql.results import Results
from anysched.stores.sql.schedules import Schedules
from anysched.stores.sql.schema import checked_prefix, checked_schema, make_tables
from anysched.stores.sql.session import Session
from anysched.stores.sql.statements import Statements
from anysched.stores.sql.taking import Taking
from anysched.stores.sql.tasks import Tasks
from anysched.stores.sql.waits import Waits
from anysched.stores.sql.zones import Zones
from anysched.wire.registry import DEFAULT_REGISTRY, TypeRegistry


class SQLDataStore:
    """Keeps everything in an SQL database; several processes may share it (rule N1).

    SQLite serves processes of one machine, PostgreSQL 13 or newer any number of nodes on any number. Each transaction
    is one call in a worker thread, alike on asyncio and trio.

    A commit is on the disk before anybody acts on it, so that not even a power failure runs a job twice; an engine
    of the caller's own may trade that for speed.

    After ``StoreUnavailableError`` a write has not taken place, unless the connection broke, or the server fell silent,
    while it committed, with which the last of what is written may travel: then nobody can tell. Nodes find out by
    themselves. Users may repeat what they asked for; only a job that they add, or a schedule that they run by hand, may
    then run twice.

    :param url_or_engine: such as "sqlite:///jobs.db" or "postgresql://user:password@host/database", or a synchronous
        SQLAlchemy engine, which stays the caller's
    :param schema: the schema that holds the tables; it must exist
    :param table_prefix: what the names of the tables begin with
    :param serializer: how arguments, results and metadata become bytes; by default ``JSONSerializer``
    :param types: classes that may appear in stored data, under their default names, besides registered ones
    :param migrate: whether opening may make the tables and bring them up to date; without it they must be so already,
        and the account need not be allowed to change tables: see ``anysched.stores.migrate``
    :raise TypeError, ValueError: for something that is not a URL or an engine, or not an SQL identifier
    :raise StoreError: for a URL that cannot be used, and why
    """

    batch_size = 250

    def __init__(
        self,
        url_or_engine: str | sa.URL | sa.Engine,
        *,
        schema: str | None = None,
        table_prefix: str = "anysched_",
        serializer: Serializer | None = None,
        types: Iterable[type] = (),
        migrate: bool = True,
    ) -> None:
        if not isinstance(migrate, bool):
            raise TypeError(f"migrate must be a bool, not {type(migrate).__name__}")
        registry = TypeRegistry(types, parent=DEFAULT_REGISTRY)
        payloads = Payloads(JSONSerializer(registry=registry) if serializer is None else serializer)
        self._clock: Clock = SystemClock()
        self._loop: object = None
        self._opened = 0
        self._engine, self._dialect, self._borrowed = address.connect(url_or_engine)
        self._shown = address.shown(self._engine.url)
        self._session = Session(self._engine, self._dialect, self._shown)
        self._names = checked_schema(schema), checked_prefix(table_prefix)
        self._broker: EventBroker | None = None
        self._tables = make_tables(*self._names)
        self._steps = migrations.STEPS
        self._may_migrate = migrate
        self._sql = Statements(self._tables, self._engine, self._dialect)
        self._furnish(payloads, registry)

    def _furnish(self, payloads: Payloads, registry: TypeRegistry) -> None:
        """Make what keeps each kind of rows, and what decides with them."""
        self._schedules = Schedules(self._tables, self._sql, self._dialect, Configs(payloads, registry))
        self._jobs = Jobs(self._tables, self._sql, self._dialect, payloads)
        self._tasks = Tasks(self._sql, self._dialect, payloads, migrations.latest(self._steps))
        self._ledger = Ledger(self._tables, self._sql, self._dialect)
        self._results = Results(self._sql, self._dialect, payloads, self._ledger)
        self._leases = Leases(self._sql, self._dialect)
        self._holds = Holds(self._sql, self._dialect, registry)
        self._zones = Zones(self._sql, self._dialect, self._tasks)
        self._changes = Changes(self._schedules, self._jobs, self._results, self._ledger)
        counting = Counting(self._schedules, self._tasks, self._changes)
        self._ending = Ending(
            self._session,
            self._jobs,
            self._tasks,
            self._results,
            self._leases,
            counting,
        )
        self._cleaning = Cleaning(
            self._session,
            self._tasks,
            self._results,
            self._leases,
            self._holds,
            self._ledger,
            Waits(self._schedules, self._jobs, self._changes),
        )
        self._taking = Taking(self._jobs, self._leases, self._session.present)
        self._deciding = Deciding(
            self._schedules, self._tasks, self._holds, self._changes, self._ledger, self._taking
        )
        self._advancing = Advancing(
            self._session,
            self._schedules,
            self._jobs,
            self._tasks,
            self._results,
            self._leases,
            self._changes,
            counting,
            self._taking,
        )

    def __repr__(self) -> str:
        return f"<SQLDataStore: {self._shown}>"

    @property
    def durable(self) -> bool:
        """Whether it outlives the process: always, unless the database is in memory."""
        return not self._dialect.is_private(self._engine)

    async def open(self, clock: Clock) -> None:
        """Connect, and make the tables or bring them up to date, if this store may.

        One instance may serve several schedulers of one event loop.

        :raise StoreUnavailableError: when the database cannot be reached or written
        :raise SchemaVersionError: when its tables were made by a newer version, or are not up to date and must not
            be changed
        :raise StoreError: when it cannot be used for another reason
        """
        loop = current_token()
        if self._opened and loop != self._loop:
            raise StoreError("an SQLDataStore serves one event loop at a time, and another one is using it")
        if self._opened and clock is not self._clock and (clock.moved_by_hand or self._clock.moved_by_hand):
            raise StoreError("an SQLDataStore goes by one clock, and is open with another one")
        if not self._opened:
            self._clock, self._loop = clock, loop
            self._dialect.awaits_disk = not clock.moved_by_hand
            self._session.begin(clock)
            try:
                await self._session.call(self._set_up)
            except BaseException:
                await self._let_go()
                raise
        self._opened += 1

    def _set_up(self) -> None:
        self._tasks.forget()
        self._holds.forget()
        bring_up_to_date(self._session, self._tables, self._steps, may_migrate=self._may_migrate)
        self._session.on_refusal = self._tasks.check_node

    async def close(self) -> None:
        """Let go of the database, unless somebody else in this process still uses it through this object."""
        if self._opened:
            self._opened -= 1
            if not self._opened:
                await self._let_go()

    async def _let_go(self) -> None:
        """Close the connections, also when the caller is cancelled."""
        with anyio.CancelScope(shield=True):
            await self._session.end(close=not self._borrowed)

    @property
    def keeps_time(self) -> bool:
        """Whether its time is a server's, and not that of the clock it is open with."""
        return self._session.keeps_time

    def present(self) -> datetime:
        """Return the present as it can be told without asking: what a server said last, and what has passed since."""
        return self._session.present()

    async def now(self) -> datetime:
        """Return the present: the server's time, or the clock's where there is no server (rule N6)."""
        if self._session.keeps_time:
            await self._session.read(lambda _: None)
        return self._session.present()

    async def measure(self) -> StoreFigures:
        """Count what is due, queued and running."""
        return await self._session.read(
            lambda connection: figures(connection, self._sql, self._leases, self._session.present())
        )

    def make_broker(self, make: MakeBroker) -> EventBroker | None:
        """Return the one broker that tells other nodes over the server; None where it cannot, and they poll."""
        connect = self._dialect.event_connector(self._engine)
        if connect is not None and self._broker is None:
            self._broker = make(EventServer(connect, self._shown, *self._names))
        return self._broker

    def make_lease_keeper(self) -> SQLLeaseKeeper:
        """Return what renews leases, from any thread."""
        return SQLLeaseKeeper(self._session, self._sql, self._leases)

    # tasks

    async def declare_tasks(self, declared: Mapping[str, TaskOptions]) -> None:
        """Write what this node's code says about its tasks, where it differs from what is stored."""
        if not await self._session.read(lambda connection: self._tasks.same(connection, declared)):
            await self._session.write(lambda connection: self._tasks.declare(connection, declared))

    async def configure_task(self, task_id: str, options: TaskOptions) -> Task:
        """Write the options that are set, leave the others.

        :raise SerializationError: when metadata cannot be written
        """
        return await self._session.write(
            lambda connection: self._tasks.configure(connection, task_id, options)
        )

    async def get_tasks(self, ids: Collection[str] | None = None) -> list[Task]:
        """Return tasks by id; without ``ids`` all."""
        tasks = await self._session.read(self._tasks.all)
        return [tasks[key] for key in sorted(tasks if ids is None else tasks.keys() & set(ids))]

    # schedules

    async def transact_schedules(
        self, ids: Sequence[str], decide: Decide, taker: Taker | None = None
    ) -> Committed:
        """Decide about each schedule, write everything or nothing."""
        request = None if taker is None else taker.request
        return await self._decided(
            lambda connection, present: self._deciding.transact(connection, ids, decide, present, request),
            self._deciding.asks_first(ids, declares=False),
            taker,
        )

    async def declare_schedules(
        self, ids: Sequence[str], decide: DecideDeclared, taker: Taker | None = None
    ) -> Committed:
        """Decide about what is added or edited, write everything or nothing.

        :raise SerializationError: when a trigger or arguments cannot be written
        """
        request = None if taker is None else taker.request
        return await self._decided(
            lambda connection, present: self._deciding.declare(connection, ids, decide, present, request),
            self._deciding.asks_first(ids, declares=True),
            taker,
        )

    async def transact_holds(self, decide_hold: DecideHold, decide: Decide) -> Committed:
        """Decide about a hold and all schedules that it means, write everything or nothing."""
        return await self._decided(
            lambda connection, present: Outcome(self._deciding.hold(connection, decide_hold, decide, present))
        )

    async def _decided(
        self,
        work: Callable[[sa.Connection, datetime], Outcome],
        ahead: Sequence[Question] = (),
        taker: Taker | None = None,
    ) -> Committed:
        present = self._session.present

        def decided() -> Committed:
            with self._taking.doubting(None if taker is None else taker.request):
                outcome = self._session.write_here(lambda connection: work(connection, present()), ahead)
            committed = outcome.committed
            self._advancing.note_changes(committed.changes, present(), outcome.claims)
            self._hand_over(taker, outcome.claims)
            return committed

        return await self._session.call(decided)

    def _hand_over(self, taker: Taker | None, claims: Sequence[Claim]) -> None:
        if taker is not None and claims:
            self._taking.took(taker.request.node, claims)
            taker.deliver(claims)

    async def get_holds(self) -> list[Hold]:
        """Return the holds that are not over, in the order of their ids."""
        return [one for one in await self._placed() if isinstance(one, Hold)]

    async def get_windows(self) -> list[PlacedWindow]:
        """Return the windows that are not over, in the order of their ids."""
        return [one for one in await self._placed() if isinstance(one, PlacedWindow)]

    async def _placed(self) -> list[Placed]:
        placed = await self._session.read(self._holds.all)
        now = self._session.present()
        return [one for one in placed.values() if not one.is_over(now)]

    async def get_schedules(self, query: ScheduleQuery) -> list[ScheduleSnapshot]:
        """Return snapshots, ordered by id."""
        return await self._session.read(lambda connection: self._schedules.select(connection, query))

    async def get_zones(self) -> Mapping[str, ZoneRecord]:
        """Return what is kept of the time zones that schedules use, by name."""
        return await self._session.read(self._zones.all)

    async def transact_zones(self, decide: DecideZones) -> Mapping[str, ZoneRecord]:
        """Decide about time zones; return what is kept then."""
        present = self._session.present
        return await self._session.write(
            lambda connection: self._zones.transact(connection, decide, present())
        )

    # jobs

    async def advance(self, request: AdvanceRequest) -> Advanced:
        """Take jobs back from nodes that are gone, fire due schedules, take jobs to run."""
        return await self._session.call(lambda: self._advancing(request))

    async def add_jobs(
        self, jobs: Sequence[Job], complete: CompleteJob | None = None, taker: Taker | None = None
    ) -> None:
        """Write jobs, all or nothing. :raise SerializationError: when arguments cannot be written"""

        def add() -> None:
            def work(connection: sa.Connection) -> Sequence[Claim]:
                tasks, present = self._tasks.all(connection), self._session.present()
                whole = [complete(job, tasks.get(job.task_id)) for job in jobs] if complete else jobs
                rows = [self._jobs.encode(job) for job in whole]
                if taker is None or not self._taking.takes(connection, taker.request, tasks, whole, present):
                    self._jobs.insert(connection, rows)
                    return ()
                self._jobs.insert(connection, rows, taker.request.node)
                return [
                    self._jobs.first_claim(job, row[PAYLOAD]) for job, row in zip(whole, rows, strict=True)
                ]

            ahead = [self._tasks.question]
            if taker is not None:
                ahead += self._taking.questions(taker.request)
            with self._taking.doubting(None if taker is None else taker.request):
                claims = self._session.write_here(work, ahead)
            if claims:
                self._hand_over(taker, claims)
            else:
                self._advancing.note_jobs(jobs, self._session.present())

        await self._session.call(add)

    async def complete(self, node: str, completions: Sequence[Completion], policy: NodePolicy) -> Completed:
        """End jobs whose token is still the newest, and count their failures."""
        done = await self._session.call(lambda: self._ending.complete(node, completions, policy))
        self._advancing.note_changes(done.changes, self._session.present())
        return done

    async def give_back(self, node: str, claims: Sequence[Claim], *, attempted: bool = False) -> None:
        """Queue claimed jobs again."""
        await self._session.call(lambda: self._ending.give_back(node, claims, attempted=attempted))

    async def cancel_job(self, job_id: UUID, policy: NodePolicy) -> Committed | Literal["requested"] | None:
        """End a queued job; ask the node that runs it to cancel."""
        done: Committed | Literal["requested"] | None = await self._session.call(
            lambda: self._ending.cancel(job_id, policy)
        )
        if isinstance(done, Committed):
            self._advancing.note_changes(done.changes, self._session.present())
        return done

    async def get_jobs(self, query: JobQuery) -> list[Job]:
        """Return jobs that have not ended, ordered by id."""
        return await self._session.read(lambda connection: self._jobs.select(connection, query))

    async def get_result(self, job_id: UUID) -> JobResult | None:
        """Return the result of a job while it is kept.

        :raise DeserializationError: when the return value cannot be read here
        """
        now = from_instant(self._session.present())
        return await self._session.read(lambda connection: self._results.find(connection, job_id, now))

    async def clean_up(self, retention: Retention = Retention()) -> int:  # noqa: B008
        """Delete results that have expired, nodes that are gone, what is not kept of history and audit.

        Return how many results went.
        """
        return await self._cleaning(retention)

    # history and audit

    async def get_history(self, query: HistoryQuery) -> list[Record]:
        """Return what came of fire times, ordered by their last fire time."""
        return await self._session.read(lambda connection: self._ledger.history(connection, query))

    async def get_audit(self, query: AuditQuery) -> list[AuditEntry]:
        """Return who did what, the latest first."""
        return await self._session.read(lambda connection: self._ledger.audit(connection, query))
