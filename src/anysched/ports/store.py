"""What a data store offers: a few atomic operations on sets, and no policy of its own (rule N8).

Every decision is a function that the caller passes in. A store selects rows, locks them, calls the function,
and writes what it returned, in one transaction. Operations raise ``StoreUnavailableError`` when the store cannot
be reached or written now; the engine retries, users see it. Only ids, instants and flags are a store's own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, Protocol
from uuid import UUID

import attrs

from anysched._clock import Clock
from anysched.model.audit import AuditEntry
from anysched.model.change import Change, HoldChange
from anysched.model.figures import StoreFigures
from anysched.model.history import Record, Retention
from anysched.model.hold import Hold, Placed, PlacedWindow
from anysched.model.job import Claim, EndedJob, Job, JobResult
from anysched.model.options import EffectiveOptions
from anysched.model.passing import passing
from anysched.model.quick import quick
from anysched.model.schedule import Schedule
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.task import Task, TaskOptions
from anysched.model.zone import ZoneRecord
from anysched.ports.broker import EventBroker, MakeBroker
from anysched.ports.queries import AuditQuery, HistoryQuery, JobQuery, ScheduleQuery

#: Decide about one schedule: (its id, what is stored under it, its task, the store's present) -> what to write.
Decide = Callable[[str, ScheduleSnapshot | None, Task | None, datetime], Change]

#: Decide about adding or editing one schedule: (its id, what is stored under it, all holds and windows, all tasks by
#: id, the present) -> what to write.
DecideDeclared = Callable[
    [str, ScheduleSnapshot | None, Sequence[Placed], Mapping[str, Task], datetime], Change
]

#: Complete a job that users add by what is stored of its task: (the job, its task) -> the job to write.
CompleteJob = Callable[[Job, Task | None], Job]

#: Decide about a hold or window: (those there are, by id, the store's present) -> what to write, None for nothing.
DecideHold = Callable[[Mapping[str, Placed], datetime], HoldChange | None]

#: Decide about time zones: (what is kept of them, by name, the store's present) -> what to write; of others it stays.
DecideZones = Callable[[Mapping[str, ZoneRecord], datetime], Sequence[ZoneRecord]]


class NodePolicy(Protocol):
    """The decisions that ``advance`` needs, bound to a node's defaults."""

    def options(self, schedule: Schedule | None, task: Task | None) -> EffectiveOptions:
        """Return the options of a schedule's jobs, or of a task's (rule S7)."""
        ...

    def fire(self, snapshot: ScheduleSnapshot, task: Task | None, now: datetime, limit: int) -> Change:
        """Decide what a schedule that has come due does; at most about ``limit`` jobs."""
        ...

    def retries(self, job: Job, task: Task | None) -> bool:
        """Decide whether a job whose node is gone is started again (rule J3)."""
        ...

    def ended(
        self, snapshot: ScheduleSnapshot, task: Task | None, ends: Sequence[EndedJob], now: datetime
    ) -> Change:
        """Decide what becomes of a schedule when jobs of it have ended, in this order (rules B1 and F3)."""
        ...

    def max_running_jobs(self, task: Task | None) -> int | None:
        """Tell how many jobs of a task may run at once (rule J5)."""
        ...


@attrs.frozen(kw_only=True)
class AdvanceRequest:
    """What a node wants from one pass.

    :ivar node: the identity of the node
    :ivar policy: the decisions
    :ivar tasks: the tasks that the node can run
    :ivar plan_limit: how many due schedules to fire at most; 0 leaves schedules alone
    :ivar plan_all: fire schedules of every task, for a node that makes jobs for others
    :ivar job_limit: begin no further schedule once this many jobs were made
    :ivar claim_limit: how many jobs to take at most; 0 takes none
    :ivar lease: for how long the jobs of this node are safe from others without a renewal
    """

    node: str
    policy: NodePolicy
    tasks: frozenset[str]
    plan_limit: int
    plan_all: bool = False
    job_limit: int = 100
    claim_limit: int
    lease: timedelta


@attrs.frozen
class Taker:
    """A node that would run what a transaction of users makes due, without a pass of its own for that.

    :ivar request: what it could take in a pass
    :ivar deliver: to be called with what was taken, from any thread, as soon as it is committed: whoever asked for the
        transaction may not wait for its end any more, as asyncio lets go of a task that is cancelled
    :ivar is_open: tells whether the node still begins jobs; a store without leases must not give it any after that
    """

    request: AdvanceRequest
    deliver: Callable[[Sequence[Claim]], None]
    is_open: Callable[[], bool] = lambda: True


@attrs.frozen(kw_only=True)
class Advanced:
    """What one pass did and found.

    :ivar now: the store's present
    :ivar changes: of schedules that were fired, or whose jobs were abandoned
    :ivar claims: jobs taken, in the order in which they should start
    :ivar ended: jobs that ended without running: abandoned by a node that is gone, or discarded
    :ivar released: jobs of a node that is gone, given back to the queue
    :ivar more: a limit was reached; ask again
    :ivar backlog: jobs that this node could run wait for capacity or for a limit of their task
    :ivar next_wake: when there will be something to do, by the same conditions that select work (rule S5):
        a schedule to look at, a queued job to start, a lease of another node to run out; None for never
    :ivar unknown: schedules passed over because this node does not know their task, type or version
        (id, what is unknown); each is told once by a store
    """

    now: datetime
    changes: Sequence[Change] = ()
    claims: Sequence[Claim] = ()
    ended: Sequence[EndedJob] = ()
    released: Sequence[Job] = ()
    more: bool = False
    backlog: bool = False
    next_wake: datetime | None = None
    unknown: Sequence[tuple[str, str]] = ()


@quick
@attrs.frozen
class Completion:
    """A claim and how its job ended."""

    claim: Claim
    result: JobResult


@attrs.frozen(kw_only=True)
class Completed:
    """What became of completions.

    :ivar accepted: False for each whose token is not the newest any more, which changes nothing (rule J1)
    :ivar left: those that are not written yet, as somebody else has their schedules locked; to be given again
    :ivar changes: of schedules whose jobs were counted (rules B1 and F3)
    :ivar ended: queued jobs that ended with a change
    """

    accepted: Sequence[bool]
    left: Sequence[Completion] = ()
    changes: Sequence[Change] = ()
    ended: Sequence[EndedJob] = ()


@passing
class Committed:
    """What a transaction of users committed.

    :ivar changes: one for each schedule that was decided about
    :ivar ended: queued jobs that ended with it
    :ivar hold: the change of the hold or window that they belong to
    """

    changes: Sequence[Change]
    ended: Sequence[EndedJob] = ()
    hold: HoldChange | None = None


@attrs.frozen
class Renewal:
    """What a renewal found.

    :ivar held: False when another node has taken over; every job of this node is then lost
    :ivar cancel: jobs of this node that somebody asked to cancel
    """

    held: bool
    cancel: frozenset[UUID] = frozenset()


class LeaseKeeper(Protocol):
    """The small synchronous port through which a lease is renewed, from any thread (rule J1)."""

    def renew(self, node: str, lease: timedelta) -> Renewal:
        """Move the lease of a node to now + ``lease``, unless it was taken over."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


class ScheduleStore(Protocol):
    """Schedules and tasks."""

    async def declare_tasks(self, declared: Mapping[str, TaskOptions]) -> None:
        """Write what this node's code says about its tasks; configured options stay (rule S7)."""
        ...

    async def configure_task(self, task_id: str, options: TaskOptions) -> Task:
        """Write the options that are set in ``options``, leave the others; create the task if need be."""
        ...

    async def get_tasks(self, ids: Collection[str] | None = None) -> list[Task]:
        """Return tasks by id; without ``ids`` all."""
        ...

    async def transact_schedules(
        self, ids: Sequence[str], decide: Decide, taker: Taker | None = None
    ) -> Committed:
        """Lock the schedules with these ids, decide about each, write everything or nothing.

        An id that does not exist is decided on with None, under the same lock. What ``decide`` raises undoes all.
        A store that finds its reading outdated decides anew, so ``decide`` may be called again from the first id on.
        An id that is given twice is decided on twice, the second time upon the outcome of the first. What comes of
        queued jobs that end by a change is added to it by ``rules.waiting.with_ends`` (rule S9).

        :param taker: takes the jobs that come of it as a pass would, in the same transaction, unless other jobs go
            before them or may not; they wait for a pass then
        """
        ...

    async def declare_schedules(
        self, ids: Sequence[str], decide: DecideDeclared, taker: Taker | None = None
    ) -> Committed:
        """Do the same for what adds schedules, or changes which sets they belong to (rule H4).

        No hold or window is written meanwhile, so that each that means a schedule is there when that is decided upon.
        """
        ...

    async def transact_holds(self, decide_hold: DecideHold, decide: Decide) -> Committed:
        """Decide about a hold or window, then about each schedule it means, by id; write all or nothing (rule H2).

        Nobody adds schedules or changes what sets they belong to meanwhile. If it selects ids, those that do not
        exist are decided on with None. What either function raises undoes all; both may be called again.
        """
        ...

    async def get_holds(self) -> list[Hold]:
        """Return the holds that are not over, in the order of their ids."""
        ...

    async def get_windows(self) -> list[PlacedWindow]:
        """Return the windows that are not over, in the order of their ids."""
        ...

    async def get_schedules(self, query: ScheduleQuery) -> list[ScheduleSnapshot]:
        """Return snapshots, ordered by id."""
        ...

    async def get_zones(self) -> Mapping[str, ZoneRecord]:
        """Return what is kept of the time zones that schedules use, by name; what cannot be read is left out."""
        ...

    async def transact_zones(self, decide: DecideZones) -> Mapping[str, ZoneRecord]:
        """Decide about time zones, in one transaction with which no other one of these is mixed.

        :return: what is kept then
        """
        ...


class JobStore(Protocol):
    """Jobs and results."""

    async def advance(self, request: AdvanceRequest) -> Advanced:
        """In one transaction: take jobs back from nodes that are gone, fire due schedules, take jobs to run."""
        ...

    async def add_jobs(
        self, jobs: Sequence[Job], complete: CompleteJob | None = None, taker: Taker | None = None
    ) -> None:
        """Write jobs, all or nothing.

        :param complete: changes them first, but for their ids, instants and arguments
        :param taker: takes them as in ``transact_schedules``
        :raise SerializationError: when arguments cannot be written
        """
        ...

    async def complete(self, node: str, completions: Sequence[Completion], policy: NodePolicy) -> Completed:
        """End jobs, and count those that count in the same transaction, by ``policy.ended`` (rules B1 and F3).

        A return value that cannot be written never fails the call: the result then has outcome ``error``. Nobody waits
        for a schedule that somebody else has locked while there are others to write.
        """
        ...

    async def give_back(self, node: str, claims: Sequence[Claim], *, attempted: bool = False) -> None:
        """Put claimed jobs back into the queue; ``attempted`` if they had started. Stale tokens are passed over."""
        ...

    async def cancel_job(self, job_id: UUID, policy: NodePolicy) -> Committed | Literal["requested"] | None:
        """End a queued job; ask the node that runs it to cancel; None if there is no such job.

        Where the end counts for its schedule, that is decided about in the same transaction, by ``policy.ended``.
        """
        ...

    async def get_jobs(self, query: JobQuery) -> list[Job]:
        """Return jobs that have not ended, ordered by id, which is the order of creation."""
        ...

    async def get_result(self, job_id: UUID) -> JobResult | None:
        """Return the result of a job while it is kept."""
        ...

    async def clean_up(self, retention: Retention = Retention()) -> int:  # noqa: B008
        """Delete what has expired; return how many results went.

        Schedules that wait for jobs which are gone go on, by ``rules.waiting.lost`` (rule S9).

        :param retention: how much of history and audit stays
        """
        ...


class Ledger(Protocol):
    """What came of fire times, and who did what. Both are written with what they tell of, in one transaction."""

    async def get_history(self, query: HistoryQuery) -> list[Record]:
        """Return runs and skipped fire times, ordered by their last fire time; those are kept that are recorded."""
        ...

    async def get_audit(self, query: AuditQuery) -> list[AuditEntry]:
        """Return who did what, the latest first."""
        ...


class DataStore(ScheduleStore, JobStore, Ledger, Protocol):
    """Where schedules, their state, jobs and results live."""

    @property
    def durable(self) -> bool:
        """Whether it outlives the process; callables then need lasting names and arguments are serialized."""
        ...

    @property
    def batch_size(self) -> int:
        """How many schedules or jobs one transaction should take, so that nothing waits long."""
        ...

    async def open(self, clock: Clock) -> None:
        """Get ready; every successful ``open`` is paired with one ``close``.

        :raise StoreUnavailableError: when it cannot be reached or written
        :raise StoreError: when it cannot be used, and why
        """
        ...

    async def close(self) -> None:
        """Let go of what ``open`` took."""
        ...

    @property
    def keeps_time(self) -> bool:
        """Whether its present is that of a clock of its own, as a server has, and not of the one it was opened with."""
        ...

    async def now(self) -> datetime:
        """Return the store's present (rule N6)."""
        ...

    def present(self) -> datetime:
        """Return it as it can be told without asking, from what was told last; any thread may call this."""
        ...

    async def measure(self) -> StoreFigures:
        """Count what is due, queued and running, for those who watch over nodes."""
        ...

    def make_broker(self, make: MakeBroker) -> EventBroker | None:
        """Return the broker that suits this store when the user names none; None if one in the process will do.

        :param make: for a store whose server can tell nodes of events by itself
        """
        ...

    def make_lease_keeper(self) -> LeaseKeeper | None:
        """Return a connection for renewals, or None where jobs need no lease."""
        ...
