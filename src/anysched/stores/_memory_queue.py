"""The jobs of the memory store: queued, held and running ones."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from itertools import count
from uuid import UUID

import attrs

from anysched.model.job import Claim, Job
from anysched.model.policies import JobKind, JobStatus
from anysched.rules.times import END, later

#: Tasks and how many of their jobs may still start; None for any number.
Room = Mapping[str, int | None]


class Entry:
    """A job and where it is. The only mutable record, because one is made for each job."""

    __slots__ = ("held_since", "job", "node", "order", "token", "waits")

    def __init__(self, job: Job, order: int) -> None:
        self.job = job
        self.order = order
        self.token = 0
        self.node: str | None = None
        self.held_since: datetime | None = None
        self.waits = False  # in its queue, to be taken

    @property
    def status(self) -> JobStatus:
        if self.node is not None:
            return JobStatus.running
        return JobStatus.queued if self.held_since is None else JobStatus.held


class JobQueue:
    """One heap of queued jobs for each task, so that a full task never stands before another (rule J5).

    Sets hold entries rather than ids, and ids are looked up as integers: a UUID hashes itself in Python, and to do
    that ten times would cost a tenth of what a job costs.
    """

    def __init__(self) -> None:
        self._entries: dict[int, Entry] = {}
        self._queued: dict[str, list[tuple[datetime, int, Entry]]] = {}
        self._running: defaultdict[str, set[Entry]] = defaultdict(set)
        self._by_schedule: defaultdict[str, set[Entry]] = defaultdict(set)
        self._order = count()

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def get(self, job_id: UUID) -> Entry | None:
        """Return the entry of a job that has not ended."""
        return self._entries.get(job_id.int)

    def add(self, job: Job) -> None:
        """Queue a job, or hold it if that is what it says of itself."""
        entry = Entry(job, next(self._order))
        self._entries[job.id.int] = entry
        if job.schedule_id is not None:
            self._by_schedule[job.schedule_id].add(entry)
        if job.status is JobStatus.held:
            entry.held_since = job.created_at
        else:
            self._push(entry)

    def has_any(self, schedule_id: str) -> bool:
        """Return whether there are jobs of a schedule."""
        return schedule_id in self._by_schedule

    def _push(self, entry: Entry) -> None:
        job = entry.job
        queue = self._queued.get(job.task_id)
        if queue is None:
            queue = self._queued[job.task_id] = []
        entry.waits = True
        heapq.heappush(queue, (job.run_at, entry.order, entry))

    def _head(self, task_id: str) -> tuple[datetime, int, Entry] | None:
        """Return the first queued job of a task; what was ended, held, taken or put off meanwhile is dropped here."""
        queue = self._queued.get(task_id)
        if queue is None:
            return None
        while queue:
            head = queue[0]
            if head[2].waits and head[0] == head[2].job.run_at:
                return head
            heapq.heappop(queue)
        del self._queued[task_id]
        return None

    def queued_tasks(self, tasks: Collection[str]) -> list[str]:
        """Return which of these tasks have jobs in their queues."""
        return [name for name in self._queued if name in tasks]

    def running(self, task_id: str) -> int:
        """Return how many jobs of a task are running: counted, not kept (rule J5)."""
        return len(self._running.get(task_id, ()))

    def claim(self, room: Room, now: datetime, most: int, node: str) -> list[Claim]:
        """Take up to ``most`` jobs to run, the oldest first, none of a task without room."""
        free = {name: most if left is None else left for name, left in room.items()}
        heads = [
            (*head, name) for name in free if free[name] and (head := self._head(name)) and head[0] <= now
        ]
        heapq.heapify(heads)
        claims: list[Claim] = []
        while heads and len(claims) < most:
            _, _, entry, name = heads[0]
            heapq.heappop(self._queued[name])
            entry.waits = False
            entry.node = node
            entry.token += 1
            self._running[name].add(entry)
            claims.append(Claim(entry.job, entry.token))
            free[name] -= 1
            following = self._head(name) if free[name] else None
            if following is not None and following[0] <= now:
                heapq.heapreplace(heads, (*following, name))
            else:
                heapq.heappop(heads)
        return claims

    def outlook(self, room: Room, now: datetime) -> tuple[bool, datetime | None]:
        """Return whether queued jobs wait for capacity or for their task, and when the next other one may start."""
        backlog, upcoming = False, None
        for name, left in room.items():
            head = self._head(name)
            if head is None:
                continue
            if head[0] <= now or left == 0:
                backlog = True
            elif upcoming is None or head[0] < upcoming:
                upcoming = head[0]
        return backlog, upcoming

    def count_ready(self, now: datetime) -> tuple[int, datetime | None]:
        """Return how many queued jobs may start, and since when the first."""
        queues = self._queued.values()
        # One that was held and released stands in its queue twice.
        ready = {
            entry for queue in queues for _, _, entry in queue if entry.waits and entry.job.run_at <= now
        }
        return len(ready), min((entry.job.run_at for entry in ready), default=None)

    def count_running(self) -> dict[str, int]:
        """Return how many jobs each node has."""
        entries = (entry for entries in self._running.values() for entry in entries)
        return dict(Counter(entry.node for entry in entries if entry.node is not None))

    def end(self, entry: Entry) -> None:
        """Forget a job."""
        del self._entries[entry.job.id.int]
        entry.waits = False
        if entry.node is not None:
            _discard(self._running, entry.job.task_id, entry)
        if entry.job.schedule_id is not None:
            _discard(self._by_schedule, entry.job.schedule_id, entry)

    def put_back(self, entry: Entry, job: Job) -> None:
        """Queue a running job again."""
        _discard(self._running, job.task_id, entry)
        entry.job, entry.node = job, None
        self._push(entry)

    def take_waiting(
        self,
        schedule_id: str,
        *,
        regular_only: bool = False,
        held_only: bool = False,
        backfill: UUID | None = None,
    ) -> list[Job]:
        """Forget the jobs of a schedule that no node has, or those of a backfill, and return them."""
        entries = self._waiting(schedule_id, regular_only=regular_only)
        taken = [
            entry
            for entry in entries
            if (not held_only or entry.held_since is not None)
            and (backfill is None or entry.job.backfill == backfill)
        ]
        for entry in taken:
            self.end(entry)
        return [entry.job for entry in taken]

    def hold(self, schedule_id: str, now: datetime) -> None:
        """Hold the regular jobs of a schedule that are queued (rule P3)."""
        for entry in self._waiting(schedule_id, regular_only=True):
            if entry.held_since is None:
                entry.held_since = now
                entry.waits = False

    def release(self, schedule_id: str, now: datetime) -> None:
        """Queue held jobs again; the time they were held extends their deadlines and their waiting (rule P3)."""
        for entry in self._waiting(schedule_id, regular_only=True):
            if entry.held_since is not None:
                deadline, run_at = entry.job.start_deadline, entry.job.run_at
                if deadline is not None:
                    deadline = later(deadline, now - entry.held_since)
                if run_at > entry.held_since:
                    run_at = later(run_at, now - entry.held_since) or END
                entry.job = attrs.evolve(entry.job, start_deadline=deadline, run_at=run_at)
                entry.held_since = None
                self._push(entry)

    def _waiting(self, schedule_id: str, *, regular_only: bool) -> list[Entry]:
        entries = sorted(self._by_schedule.get(schedule_id, ()), key=lambda entry: entry.order)
        return [
            entry
            for entry in entries
            if entry.node is None and (not regular_only or entry.job.kind is JobKind.regular)
        ]


def _discard(sets: dict[str, set[Entry]], key: str, entry: Entry) -> None:
    entries = sets[key]
    entries.discard(entry)
    if not entries:
        del sets[key]
