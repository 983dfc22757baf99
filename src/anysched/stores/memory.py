"""Everything in dictionaries and heaps, for as long as the process lives."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import count, islice
from typing import Literal, TypeVar
from uuid import UUID

import anyio.to_thread
import attrs
from anyio.lowlevel import current_token

from anysched._clock import Clock, SystemClock
from anysched.errors import StoreError, TriggerError
from anysched.model.change import Change
from anysched.model.job import Claim, EndedJob, Job, JobResult
from anysched.model.schedule import ScheduleSnapshot
from anysched.model.task import Task, TaskOptions
from anysched.ports.broker import EventBroker
from anysched.ports.store import (
    Advanced,
    AdvanceRequest,
    Committed,
    Completion,
    Decide,
    JobQuery,
    LeaseKeeper,
    ScheduleQuery,
)
from anysched.rules.options import merge_options
from anysched.rules.retention import expiry
from anysched.rules.running import cancelled, next_attempt
from anysched.rules.times import FireTimes
from anysched.stores._memory_queue import Entry, JobQueue

T = TypeVar("T")

#: More decisions than this at once are made in a thread, so that the event loop goes on.
MOST_INLINE = 200

#: So is a decision about a schedule with this many missed fire times, if its trigger cannot count them.
LONG_BACKLOG = 100

_DueEntry = tuple[datetime, int, str]


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
        self._schedules: dict[str, ScheduleSnapshot] = {}
        self._due: list[_DueEntry] = []  # of wake_at; entries that no longer hold are passed over
        self._sequence = count()
        self._tasks: dict[str, Task] = {}
        self._jobs = JobQueue()
        self._results: dict[UUID, tuple[JobResult, datetime]] = {}
        self._told: set[str] = set()

    def __repr__(self) -> str:
        return f"<MemoryDataStore: {len(self._schedules)} schedules, {len(self._jobs)} jobs>"

    async def open(self, clock: Clock) -> None:
        """Get ready. :raise StoreError: when it already serves another event loop"""
        loop = current_token()
        if self._opened and loop != self._loop:
            raise StoreError("a MemoryDataStore serves one event loop at a time, and another one is using it")
        self._clock, self._loop = clock, loop
        self._opened += 1

    async def close(self) -> None:
        """Let go; what is stored stays for as long as this object does."""
        self._opened -= 1

    async def now(self) -> datetime:
        """Return the clock's present (rule N6)."""
        return self._clock.now()

    def make_broker(self) -> EventBroker | None:
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
        return [self._tasks[key] for key in sorted(_selected(self._tasks, ids))]

    # schedules

    async def transact_schedules(self, ids: Sequence[str], decide: Decide) -> Committed:
        """Decide about each schedule, write everything or nothing."""
        while True:
            before = {key: self._schedules.get(key) for key in ids}
            now = self._clock.now()
            if len(ids) <= MOST_INLINE and not any(
                _takes_long(snapshot, now) for snapshot in before.values()
            ):
                return self._commit(self._decided(ids, decide))
            changes = await anyio.to_thread.run_sync(self._decided, ids, decide)
            if all(self._schedules.get(key) is snapshot for key, snapshot in before.items()):  # rule S4
                return self._commit(changes)

    def _decided(self, ids: Sequence[str], decide: Decide) -> list[Change]:
        now = self._clock.now()
        seen: dict[str, ScheduleSnapshot | None] = {}
        changes: list[Change] = []
        for key in ids:
            stored = seen[key] if key in seen else self._schedules.get(key)
            change = decide(key, stored, None if stored is None else self._tasks.get(stored.task_id), now)
            seen[key] = _after(stored, change)
            changes.append(change)
        return changes

    def _commit(self, changes: Sequence[Change]) -> Committed:
        now = self._clock.now()
        ended = [job for change in changes for job in self._write(change, now)]
        return Committed(changes, ended)

    def _write(self, change: Change, now: datetime) -> list[EndedJob]:
        key = change.schedule_id
        old = self._schedules.get(key)
        if change.removed:
            del self._schedules[key]
            return self._end_queued(key, now, regular_only=False)
        new = _after(old, change)
        if new is not None and new is not old:
            self._schedules[key] = new
            wake_at = new.state.wake_at
            if wake_at is not None and (old is None or old.state.wake_at != wake_at):
                self._expect(wake_at, key)
        ended: list[EndedJob] = []
        if change.queued == "hold":
            self._jobs.hold(key, now)
        elif change.queued == "release":
            self._jobs.release(key, now)
        elif change.queued == "discard":
            ended = self._end_queued(key, now, regular_only=True)
        for job in change.jobs:
            self._jobs.add(job)
        return ended

    def _end_queued(self, schedule_id: str, now: datetime, *, regular_only: bool) -> list[EndedJob]:
        ended = [
            cancelled(job, now) for job in self._jobs.take_queued(schedule_id, regular_only=regular_only)
        ]
        for end in ended:
            self._keep(end)
        return ended

    async def get_schedules(self, query: ScheduleQuery) -> list[ScheduleSnapshot]:
        """Return snapshots, ordered by id."""
        return [
            snapshot
            for key in sorted(_selected(self._schedules, query.ids))
            if _matches_schedule(snapshot := self._schedules[key], query)
        ]

    # the due heap

    def _expect(self, wake_at: datetime, key: str) -> None:
        heapq.heappush(self._due, (wake_at, next(self._sequence), key))
        if len(self._due) > 2 * len(self._schedules) + 64:
            pairs = ((snapshot.state.wake_at, key) for key, snapshot in self._schedules.items())
            self._due = [(wake, next(self._sequence), key) for wake, key in pairs if wake is not None]
            heapq.heapify(self._due)

    def _entries(self, until: datetime | None = None) -> Iterator[tuple[_DueEntry, ScheduleSnapshot]]:
        """Take the entries that hold off the heap, in order, up to an instant: the one rule of being due (S5)."""
        while self._due and (until is None or self._due[0][0] <= until):
            entry = heapq.heappop(self._due)
            snapshot = self._schedules.get(entry[2])
            if snapshot is not None and snapshot.state.wake_at == entry[0]:
                yield entry, snapshot

    # the loop's one transaction

    async def advance(self, request: AdvanceRequest) -> Advanced:
        """Fire due schedules, take jobs to run."""
        now = self._clock.now()
        changes: list[Change] = []
        unknown: list[tuple[str, str]] = []
        next_due: datetime | None = None
        if request.plan_limit:
            next_due = await self._plan(request, now, changes, unknown)
        claims: list[Claim] = []
        if request.claim_limit:
            claims = self._jobs.claim(self._room(request), now, request.claim_limit, request.node)
        backlog, next_job = self._jobs.outlook(self._room(request), now)
        wakes = (next_due, next_job if request.claim_limit else None)
        return Advanced(
            now=now,
            changes=changes,
            claims=claims,
            more=(next_due is not None and next_due <= now)
            or (backlog and len(claims) == request.claim_limit > 0),
            backlog=backlog,
            next_wake=min((wake for wake in wakes if wake is not None), default=None),
            unknown=unknown,
        )

    async def _plan(
        self, request: AdvanceRequest, now: datetime, changes: list[Change], unknown: list[tuple[str, str]]
    ) -> datetime | None:
        """Fire due schedules; return when the next one has to be looked at."""
        aside: list[_DueEntry] = []
        slow: list[tuple[_DueEntry, ScheduleSnapshot]] = []
        begun = jobs = 0
        for entry, snapshot in self._entries(now):
            if not request.plan_all and snapshot.task_id not in request.tasks:
                aside.append(entry)
                if snapshot.id not in self._told:
                    self._told.add(snapshot.id)
                    unknown.append((snapshot.id, f"task {snapshot.task_id!r}"))
                continue
            begun += 1
            if _takes_long(snapshot, now):
                slow.append((entry, snapshot))
            else:
                change = self._fire(request, snapshot, now)
                changes.append(change)
                jobs += len(change.jobs)
            if begun >= request.plan_limit or jobs >= request.job_limit:
                break
        for entry, snapshot in slow:
            left = max(1, request.job_limit - jobs)
            change = await anyio.to_thread.run_sync(self._decide_firing, request, snapshot, now, left)
            if self._schedules.get(snapshot.id) is snapshot:  # rule S4: nobody changed it meanwhile
                self._write(change, now)
                changes.append(change)
                jobs += len(change.jobs)
            else:
                aside.append(entry)
        next_due: datetime | None = None
        for entry, snapshot in self._entries():
            aside.append(entry)
            if request.plan_all or snapshot.task_id in request.tasks:
                next_due = entry[0]
                break
        for entry in aside:
            heapq.heappush(self._due, entry)
        return next_due

    def _fire(self, request: AdvanceRequest, snapshot: ScheduleSnapshot, now: datetime) -> Change:
        change = self._decide_firing(request, snapshot, now, request.job_limit)
        self._write(change, now)
        return change

    def _decide_firing(
        self, request: AdvanceRequest, snapshot: ScheduleSnapshot, now: datetime, limit: int
    ) -> Change:
        return request.policy.fire(snapshot, self._tasks.get(snapshot.task_id), now, limit)

    def _room(self, request: AdvanceRequest) -> dict[str, int | None]:
        """Return which tasks have queued jobs that this node may run, and how many of each may start."""
        room: dict[str, int | None] = {}
        for name in self._jobs.queued_tasks(request.tasks):
            limit = request.policy.max_running_jobs(self._tasks.get(name))
            room[name] = None if limit is None else max(0, limit - self._jobs.running(name))
        return room

    # jobs

    async def add_jobs(self, jobs: Sequence[Job]) -> None:
        """Queue jobs."""
        for job in jobs:
            self._jobs.add(job)

    async def complete(self, node: str, completions: Sequence[Completion]) -> list[bool]:
        """End jobs whose token is still the newest."""
        accepted: list[bool] = []
        for completion in completions:
            entry = self._jobs.get(completion.claim.job.id)
            holds = entry is not None and entry.node == node and entry.token == completion.claim.token
            if holds:
                self._jobs.end(completion.claim.job.id)
                self._keep(EndedJob(completion.claim.job, completion.result))
            accepted.append(holds)
        return accepted

    async def give_back(self, node: str, claims: Sequence[Claim], *, attempted: bool = False) -> None:
        """Queue claimed jobs again."""
        for claim in claims:
            entry = self._jobs.get(claim.job.id)
            if entry is not None and entry.node == node and entry.token == claim.token:
                self._jobs.put_back(entry, next_attempt(claim.job) if attempted else entry.job)

    async def cancel_job(self, job_id: UUID) -> EndedJob | Literal["requested"] | None:
        """End a queued job; a running one is its node's to cancel."""
        entry = self._jobs.get(job_id)
        if entry is None:
            return None
        if entry.node is not None:
            return "requested"
        self._jobs.end(job_id)
        ended = cancelled(entry.job, self._clock.now())
        self._keep(ended)
        return ended

    async def get_jobs(self, query: JobQuery) -> list[Job]:
        """Return jobs that have not ended, ordered by id."""
        entries = (entry for entry in self._jobs if query.ids is None or entry.job.id in query.ids)
        jobs = [
            attrs.evolve(entry.job, status=entry.status) for entry in entries if _matches_job(entry, query)
        ]
        return sorted(jobs, key=lambda job: job.id)

    async def get_result(self, job_id: UUID) -> JobResult | None:
        """Return the result of a job while it is kept."""
        kept = self._results.get(job_id)
        return kept[0] if kept is not None and kept[1] > self._clock.now() else None

    async def clean_up(self) -> int:
        """Forget the results that have expired."""
        now = self._clock.now()
        expired = [job_id for job_id, (_, expires_at) in self._results.items() if expires_at <= now]
        for job_id in expired:
            del self._results[job_id]
        return len(expired)

    def _keep(self, ended: EndedJob) -> None:
        lifetime = ended.job.result_expiration_time
        if lifetime:
            self._results[ended.job.id] = (ended.result, expiry(ended.result.finished_at, lifetime))


def _selected(mapping: Mapping[str, T], ids: Collection[str] | None) -> Iterable[str]:
    return mapping if ids is None else {key for key in ids if key in mapping}


def _matches_schedule(snapshot: ScheduleSnapshot, query: ScheduleQuery) -> bool:
    return (
        (query.paused is None or snapshot.paused == query.paused)
        and (query.status is None or snapshot.status is query.status)
        and (query.task_id is None or snapshot.task_id == query.task_id)
    )


def _matches_job(entry: Entry, query: JobQuery) -> bool:
    return (
        (query.schedule_id is None or entry.job.schedule_id == query.schedule_id)
        and (query.task_id is None or entry.job.task_id == query.task_id)
        and (query.status is None or entry.status is query.status)
    )


def _after(stored: ScheduleSnapshot | None, change: Change) -> ScheduleSnapshot | None:
    """Return what is stored once a change is written."""
    if change.removed:
        return None
    schedule = change.schedule or (stored.schedule if stored else None)
    state = change.state or (stored.state if stored else None)
    if schedule is None or state is None or (change.schedule is None and change.state is None):
        return stored
    return ScheduleSnapshot(schedule, state)


def _takes_long(snapshot: ScheduleSnapshot | None, now: datetime) -> bool:
    """Return whether a decision has many missed fire times to count that the trigger cannot count itself."""
    if snapshot is None or hasattr(snapshot.trigger, "count_fire_times"):
        return False
    cursor = snapshot.next_fire_time
    if cursor is None or cursor >= now:
        return False
    try:
        missed = FireTimes.of(snapshot.schedule, snapshot.state.anchor).between(cursor, now)
        return sum(1 for _ in islice(missed, LONG_BACKLOG)) == LONG_BACKLOG
    except TriggerError:
        return False
