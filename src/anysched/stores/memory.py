"""Everything in dictionaries and heaps, for as long as the process lives."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from operator import attrgetter
from typing import Literal
from uuid import UUID

import anyio.to_thread
import attrs
from anyio.lowlevel import current_token

from anysched._clock import Clock, SystemClock
from anysched.errors import StoreError
from anysched.model.audit import AuditEntry
from anysched.model.change import Change
from anysched.model.figures import StoreFigures
from anysched.model.history import Record, Retention
from anysched.model.hold import Hold, PlacedWindow
from anysched.model.job import Claim, EndedJob, Job, JobResult
from anysched.model.schedule import Schedule
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.state import ScheduleState
from anysched.model.task import Task, TaskOptions
from anysched.model.zone import ZoneRecord
from anysched.ports.broker import EventBroker, MakeBroker
from anysched.ports.queries import AuditQuery, HistoryQuery, JobQuery, ScheduleQuery
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
    LeaseKeeper,
    NodePolicy,
    Taker,
)
from anysched.rules.ending import may_count
from anysched.rules.options import merge_options
from anysched.rules.running import cancelled, next_attempt
from anysched.rules.taking import can_take
from anysched.stores._memory_changes import Changes
from anysched.stores._memory_queue import Entry
from anysched.stores._memory_schedules import takes_long


class MemoryDataStore:
    """Keeps everything in this process; nothing outlives it.

    One instance may serve several schedulers of one event loop (rule N1).
    """

    durable = False
    batch_size = 100

    def __init__(self) -> None:
        self._clock: Clock = SystemClock()
        self._opened = 0
        self._loop: object = None
        self._changes = Changes(self._clock)
        self._schedules = self._changes.schedules
        self._tasks = self._changes.tasks
        self._jobs = self._changes.jobs
        self._results = self._changes.results
        self._zones: dict[str, ZoneRecord] = {}
        self._told: set[str] = set()

    def __repr__(self) -> str:
        return f"<MemoryDataStore: {len(self._schedules)} schedules, {len(self._jobs)} jobs>"

    async def open(self, clock: Clock) -> None:
        """Get ready. :raise StoreError: when it already serves another event loop"""
        loop = current_token()
        if self._opened and loop != self._loop:
            raise StoreError("a MemoryDataStore serves one event loop at a time, and another one is using it")
        self._clock, self._loop = clock, loop
        self._changes.clock = clock
        self._opened += 1

    async def close(self) -> None:
        """Let go; what is stored stays for as long as this object does."""
        self._opened -= 1

    @property
    def keeps_time(self) -> bool:
        """False: its time is that of the clock it is open with."""
        return False

    def present(self) -> datetime:
        """Return the clock's present."""
        return self._clock.now()

    async def now(self) -> datetime:
        """Return the clock's present (rule N6)."""
        return self._clock.now()

    async def measure(self) -> StoreFigures:
        """Count what is due, queued and running."""
        now = self._clock.now()
        due, due_since = self._schedules.count_due(now)
        queued, queued_since = self._jobs.count_ready(now)
        return StoreFigures(
            now=now,
            due_schedules=due,
            due_since=due_since,
            queued_jobs=queued,
            queued_since=queued_since,
            running_jobs=self._jobs.count_running(),
            leases={},
        )

    def make_broker(self, make: MakeBroker) -> EventBroker | None:
        """Return None: a broker in this process will do."""
        return None

    def make_lease_keeper(self) -> LeaseKeeper | None:
        """Return None: what runs a job here cannot die without the store."""
        return None

    # tasks

    async def declare_tasks(self, declared: Mapping[str, TaskOptions]) -> None:
        """Write what this node's code says about its tasks."""
        for task_id, options in declared.items():
            old = self._tasks.get(task_id)
            self._tasks[task_id] = Task(task_id, options, old.configured if old else TaskOptions())

    async def configure_task(self, task_id: str, options: TaskOptions) -> Task:
        """Write the options that are set, leave the others."""
        old = self._tasks.get(task_id) or Task(task_id)
        task = Task(task_id, old.declared, merge_options(old.configured, options))
        self._tasks[task_id] = task
        return task

    async def get_tasks(self, ids: Collection[str] | None = None) -> list[Task]:
        """Return tasks by id; without ``ids`` all."""
        return [self._tasks[key] for key in sorted(self._tasks) if ids is None or key in ids]

    # schedules

    async def transact_schedules(
        self, ids: Sequence[str], decide: Decide, taker: Taker | None = None
    ) -> Committed:
        """Decide about each schedule, write everything or nothing."""
        return self._handed_over(await self._changes.transact(ids, decide), taker)

    async def declare_schedules(
        self, ids: Sequence[str], decide: DecideDeclared, taker: Taker | None = None
    ) -> Committed:
        """Decide about what is added or edited, write everything or nothing."""
        return self._handed_over(await self._changes.declare(ids, decide), taker)

    def _handed_over(self, committed: Committed, taker: Taker | None) -> Committed:
        if taker is not None and any(change.jobs for change in committed.changes):
            self._hand_over(taker)
        return committed

    async def transact_holds(self, decide_hold: DecideHold, decide: Decide) -> Committed:
        """Decide about a hold and all schedules that it means, write everything or nothing."""
        return await self._changes.hold(decide_hold, decide)

    async def get_holds(self) -> list[Hold]:
        """Return the holds that are not over, in the order of their ids."""
        return [one for one in self._changes.placed if isinstance(one, Hold)]

    async def get_windows(self) -> list[PlacedWindow]:
        """Return the windows that are not over, in the order of their ids."""
        return [one for one in self._changes.placed if isinstance(one, PlacedWindow)]

    async def get_schedules(self, query: ScheduleQuery) -> list[ScheduleSnapshot]:
        """Return snapshots, ordered by id."""
        keys = sorted(self._schedules if query.ids is None else set(query.ids))
        return [
            ScheduleSnapshot(schedule, state)
            for schedule, state in self._schedules.pairs(keys)
            if _matches(schedule, state, query)
        ]

    async def get_zones(self) -> Mapping[str, ZoneRecord]:
        """Return what is kept of the time zones that schedules use."""
        return dict(self._zones)

    async def transact_zones(self, decide: DecideZones) -> Mapping[str, ZoneRecord]:
        """Decide about time zones; return what is kept then."""
        self._zones |= {record.data.name: record for record in decide(self._zones, self._clock.now())}
        return dict(self._zones)

    # the loop's one transaction

    async def advance(self, request: AdvanceRequest) -> Advanced:
        """Fire due schedules, take jobs to run."""
        now = self._clock.now()
        changes: list[Change] = []
        ended: list[EndedJob] = []
        unknown: list[tuple[str, str]] = []
        claims: list[Claim] = []
        next_due: datetime | None = None
        if request.plan_limit:
            with self._schedules.due(now) as due:
                changes, slow = self._decide_due(request, due, now, unknown)
                takes = not slow and self._takes_made(request, changes, now)
                put = partial(self._jobs.take_new, request.node, claims) if takes else self._jobs.add
                for index, change in enumerate(changes):
                    changes[index], over = self._changes.write(change, now, put)
                    ended += over
            claims.sort(key=_run_at)
            for snapshot in slow:
                ended += await self._fire_slowly(request, snapshot, now, changes)
            next_due = self._schedules.next_due(lambda s: request.plan_all or s.task_id in request.tasks)
        if len(claims) < request.claim_limit:
            left = request.claim_limit - len(claims)
            claims += self._claim(request, now, left)
        backlog, next_job = self._jobs.outlook(self._room(request), now)
        wakes = (next_due, next_job if request.claim_limit else None)
        return Advanced(
            now=now,
            changes=changes,
            claims=claims,
            ended=ended,
            more=(next_due is not None and next_due <= now)
            or (backlog and len(claims) == request.claim_limit > 0),
            backlog=backlog,
            next_wake=min((wake for wake in wakes if wake is not None), default=None),
            unknown=unknown,
        )

    async def _fire_slowly(
        self, request: AdvanceRequest, snapshot: ScheduleSnapshot, now: datetime, changes: list[Change]
    ) -> list[EndedJob]:
        """Decide in a thread, so that the event loop goes on; write unless somebody was faster (rule S4)."""
        limit = max(1, request.job_limit - sum(len(change.jobs) for change in changes))
        change = await anyio.to_thread.run_sync(self._decide_firing, request, snapshot, now, limit)
        if not self._schedules.is_still(snapshot.id, snapshot):
            return []
        written, ended = self._changes.write(change, now)
        changes.append(written)
        return ended

    def _decide_due(
        self,
        request: AdvanceRequest,
        due: Iterable[ScheduleSnapshot],
        now: datetime,
        unknown: list[tuple[str, str]],
    ) -> tuple[list[Change], list[ScheduleSnapshot]]:
        """Decide about due schedules, write nothing; return changes, and schedules that take long to decide."""
        changes: list[Change] = []
        slow: list[ScheduleSnapshot] = []
        fire, tasks, most = request.policy.fire, self._tasks, request.job_limit
        left, jobs = request.plan_limit, 0
        for snapshot in due:
            task_id = snapshot.task_id
            if task_id not in request.tasks and not request.plan_all:
                if snapshot.id not in self._told:
                    self._told.add(snapshot.id)
                    unknown.append((snapshot.id, f"task {task_id!r}"))
                continue
            if takes_long(snapshot, now):
                slow.append(snapshot)
            else:
                change = fire(snapshot, tasks.get(task_id), now, most)
                changes.append(change)
                jobs += len(change.jobs)
            left -= 1
            if left <= 0 or jobs >= most:
                break
        return changes, slow

    def _takes_made(self, request: AdvanceRequest, changes: Sequence[Change], now: datetime) -> bool:
        """Return whether a node takes all jobs as it makes them: it has room for them, and nothing waits before them.

        They are never in the queue then. What was taken must not be lost, so that nothing may be awaited after that.
        """
        jobs = [job for change in changes for job in change.jobs]
        if any(change.queued for change in changes) or self._jobs.queued_tasks(request.tasks):
            return False

        def limit(name: str) -> int | None:
            return request.policy.max_running_jobs(self._tasks.get(name))

        return can_take(jobs, now, request.claim_limit, request.tasks, limit)

    def _decide_firing(
        self, request: AdvanceRequest, snapshot: ScheduleSnapshot, now: datetime, limit: int
    ) -> Change:
        return request.policy.fire(snapshot, self._tasks.get(snapshot.task_id), now, limit)

    def _claim(self, request: AdvanceRequest, now: datetime, most: int) -> list[Claim]:
        return self._jobs.claim(self._room(request), now, most, request.node)

    def _hand_over(self, taker: Taker) -> None:
        """Give a node what it can take of the jobs that wait."""
        if taker.is_open():
            claims = self._claim(taker.request, self._clock.now(), taker.request.claim_limit)
            if claims:
                taker.deliver(claims)

    def _room(self, request: AdvanceRequest) -> dict[str, int | None]:
        """Return which tasks have queued jobs that this node may run, and how many of each may start."""
        room: dict[str, int | None] = {}
        for name in self._jobs.queued_tasks(request.tasks):
            limit = request.policy.max_running_jobs(self._tasks.get(name))
            room[name] = None if limit is None else max(0, limit - self._jobs.running(name))
        return room

    # jobs

    async def add_jobs(
        self, jobs: Sequence[Job], complete: CompleteJob | None = None, taker: Taker | None = None
    ) -> None:
        """Queue jobs."""
        for job in jobs:
            self._jobs.add(job if complete is None else complete(job, self._tasks.get(job.task_id)))
        if taker is not None:
            self._hand_over(taker)

    async def complete(self, node: str, completions: Sequence[Completion], policy: NodePolicy) -> Completed:
        """End jobs whose token is still the newest."""
        accepted: list[bool] = []
        ends: list[EndedJob] = []
        for completion in completions:
            claim, result = completion.claim, completion.result
            job = claim.job
            holds = self._jobs.complete(job, node, claim.token)
            accepted.append(holds)
            if holds:
                self._changes.keep(job, result, node)
                if may_count(job):
                    ends.append(EndedJob(job, result))
        counted = self._changes.count(ends, policy)
        return Completed(accepted=accepted, changes=counted.changes, ended=counted.ended)

    async def give_back(self, node: str, claims: Sequence[Claim], *, attempted: bool = False) -> None:
        """Queue claimed jobs again."""
        for claim in claims:
            entry = self._jobs.get(claim.job.id)
            if entry is not None and entry.node == node and entry.token == claim.token:
                self._jobs.put_back(entry, next_attempt(claim.job) if attempted else entry.job)

    async def cancel_job(self, job_id: UUID, policy: NodePolicy) -> Committed | Literal["requested"] | None:
        """End a queued job; a running one is its node's to cancel."""
        entry = self._jobs.get(job_id)
        if entry is None:
            return None
        if entry.node is not None:
            return "requested"
        self._jobs.end(entry)
        ended = cancelled(entry.job, self._clock.now())
        self._changes.keep(ended.job, ended.result)
        counted = self._changes.count([ended], policy)
        return Committed(counted.changes, [ended, *counted.ended])

    async def get_jobs(self, query: JobQuery) -> list[Job]:
        """Return jobs that have not ended, ordered by id."""
        ids = None if query.ids is None else frozenset(query.ids)
        entries = (entry for entry in self._jobs if ids is None or entry.job.id in ids)
        jobs = [
            attrs.evolve(entry.job, status=entry.status) for entry in entries if _matches_job(entry, query)
        ]
        return sorted(jobs, key=lambda job: job.id)

    async def get_result(self, job_id: UUID) -> JobResult | None:
        """Return the result of a job while it is kept."""
        kept = self._results.get(job_id)
        return kept[0] if kept is not None and kept[1] > self._clock.now() else None

    async def clean_up(self, retention: Retention = Retention()) -> int:  # noqa: B008
        """Forget the results that have expired, and what is not kept of history and audit."""
        return self._changes.clean_up(retention)

    # history and audit

    async def get_history(self, query: HistoryQuery) -> list[Record]:
        """Return what came of fire times, ordered by their last fire time."""
        return self._changes.ledger.history(query)

    async def get_audit(self, query: AuditQuery) -> list[AuditEntry]:
        """Return who did what, the latest first."""
        return self._changes.ledger.audit(query)


_run_at = attrgetter("job.run_at")


def _matches(schedule: Schedule, state: ScheduleState, query: ScheduleQuery) -> bool:
    return (
        (query.paused is None or state.paused == query.paused)
        and (query.status is None or state.status is query.status)
        and (query.task_id is None or schedule.task_id == query.task_id)
        and (query.group is None or schedule.group == query.group)
        and (query.tags is None or query.tags <= schedule.tags)
        and (query.owner is None or schedule.owner == query.owner)
        and (query.backfilled is None or bool(state.backfills) == query.backfilled)
    )


def _matches_job(entry: Entry, query: JobQuery) -> bool:
    return (
        (query.schedule_id is None or entry.job.schedule_id == query.schedule_id)
        and (query.task_id is None or entry.job.task_id == query.task_id)
        and (query.status is None or entry.status is query.status)
    )
