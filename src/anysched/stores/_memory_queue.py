"""The jobs of the memory store: queued, held and running ones."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import count, islice
from uuid import UUID

import attrs

from anysched.model.job import Claim, Job
from anysched.model.policies import JobKind, JobStatus
from anysched.model.quick import maker
from anysched.rules.times import END, later

#: Tasks and how many of their jobs may still start; None for any number.
Room = Mapping[str, int | None]

_new_claim = maker(Claim)


class Entry:
    """A job and where it is. The only mutable record, because one is made for each job."""

    __slots__ = ("held_since", "job", "node", "order", "ticket", "token")

    def __init__(self, job: Job, order: int) -> None:
        self.job = job
        self.order = order
        self.token = 0
        self.node: str | None = None
        self.held_since: datetime | None = None
        self.ticket = 0  # of its place in a line; 0 unless it waits in one

    @property
    def status(self) -> JobStatus:
        if self.node is not None:
            return JobStatus.running
        return JobStatus.queued if self.held_since is None else JobStatus.held


#: When a job may start, its order, and the ticket that its entry has for this place.
Place = tuple[datetime, int, int, Entry]


class Line:
    """The queued jobs of one task: a line of those that came in order, as most do, and a heap of all others.

    A place is good while its entry has the ticket for it. Others are dropped when they come up.
    """

    __slots__ = ("_heap", "_line")

    def __init__(self) -> None:
        self._line: deque[Place] = deque()
        self._heap: list[Place] = []

    def add(self, place: Place) -> None:
        """Let an entry wait."""
        if not self._line or self._line[-1] < place:
            self._line.append(place)
        else:
            heapq.heappush(self._heap, place)

    def head(self) -> Place | None:
        """Return the first place that is good."""
        heads = (next(_good(places, drop), None) for places, drop in self._both())
        return min((head for head in heads if head is not None), default=None)

    def ready(self, now: datetime) -> Iterator[Place]:
        """Yield the places that are good at an instant, in order; each is to be taken before the next is asked for."""
        both = [_good(places, drop, now) for places, drop in self._both()]
        return both[0] if len(both) == 1 else heapq.merge(*both)

    def _both(self) -> Iterator[tuple[Sequence[Place], Callable[[], object]]]:
        """Yield what there are places in, and how to drop the first of them."""
        yield self._line, self._line.popleft
        if self._heap:
            yield self._heap, partial(heapq.heappop, self._heap)


def _good(places: Sequence[Place], drop: Callable[[], object], now: datetime = END) -> Iterator[Place]:
    while places:
        run_at, _, ticket, entry = place = places[0]
        if entry.ticket == ticket:
            if run_at > now:
                return
            yield place
        drop()


class JobQueue:
    """One line of queued jobs for each task, so that a full task never stands before another (rule J5).

    Sets hold entries rather than ids, and ids are looked up as integers: a UUID hashes itself in Python, and to do
    that ten times would cost a tenth of what a job costs.
    """

    def __init__(self) -> None:
        self._entries: dict[int, Entry] = {}
        self._queued: dict[str, Line] = {}
        self._running: defaultdict[str, set[Entry]] = defaultdict(set)
        self._by_schedule: defaultdict[str, set[Entry]] = defaultdict(set)  # those that no node has
        self._order = count()
        self._tickets = count(1)

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def get(self, job_id: UUID) -> Entry | None:
        """Return the entry of a job that has not ended."""
        return self._entries.get(job_id.int)

    def add(self, job: Job) -> None:
        """Queue a job, or hold it if that is what it says of itself."""
        entry = self._entries[job.id.int] = Entry(job, next(self._order))
        if job.schedule_id is not None:
            self._by_schedule[job.schedule_id].add(entry)
        if job.status is JobStatus.held:
            entry.held_since = job.created_at
        else:
            self._push(entry)

    def take_new(self, node: str, claims: list[Claim], job: Job) -> None:
        """Take a job that may start now, and that nothing stands before: it is never in the queue."""
        entry = self._entries[job.id.int] = Entry(job, next(self._order))
        entry.node, entry.token = node, 1
        self._running[job.task_id].add(entry)
        claims.append(_new_claim(job, 1))

    def has_any(self, schedule_id: str) -> bool:
        """Return whether there are jobs of a schedule that no node has."""
        return schedule_id in self._by_schedule

    def _push(self, entry: Entry) -> None:
        job = entry.job
        line = self._queued.get(job.task_id)
        if line is None:
            line = self._queued[job.task_id] = Line()
        entry.ticket = next(self._tickets)
        line.add((job.run_at, entry.order, entry.ticket, entry))

    def _head(self, task_id: str) -> Place | None:
        """Return the first queued job of a task; what was ended, held, taken or put off meanwhile is dropped here."""
        line = self._queued.get(task_id)
        head = None if line is None else line.head()
        if line is not None and head is None:
            del self._queued[task_id]
        return head

    def queued_tasks(self, tasks: Collection[str]) -> list[str]:
        """Return which of these tasks have jobs in their queues."""
        return [name for name in self._queued if name in tasks]

    def running(self, task_id: str) -> int:
        """Return how many jobs of a task are running: counted, not kept (rule J5)."""
        return len(self._running.get(task_id, ()))

    def claim(self, room: Room, now: datetime, most: int, node: str) -> list[Claim]:
        """Take up to ``most`` jobs to run, the oldest first, none of a task without room."""
        ready = [islice(self._queued[name].ready(now), left) for name, left in room.items()]
        claims: list[Claim] = []
        for _, _, _, entry in islice(heapq.merge(*ready), most):
            job = entry.job
            entry.ticket, entry.node = 0, node
            entry.token += 1
            self._running[job.task_id].add(entry)
            if job.schedule_id is not None:
                _discard(self._by_schedule, job.schedule_id, entry)
            claims.append(_new_claim(job, entry.token))
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
        ready = [entry.job.run_at for entry in self if entry.ticket and entry.job.run_at <= now]
        return len(ready), min(ready, default=None)

    def count_running(self) -> dict[str, int]:
        """Return how many jobs each node has."""
        entries = (entry for entries in self._running.values() for entry in entries)
        return dict(Counter(entry.node for entry in entries if entry.node is not None))

    def complete(self, job: Job, node: str, token: int) -> bool:
        """Forget a job that has run, and return whether the node still has it under this token."""
        entry = self._entries.get(job.id.int)
        if entry is None or entry.token != token or entry.node != node:
            return False
        del self._entries[job.id.int]
        _discard(self._running, job.task_id, entry)
        return True

    def end(self, entry: Entry) -> None:
        """Forget a job."""
        job = entry.job
        del self._entries[job.id.int]
        entry.ticket = 0
        if entry.node is not None:
            _discard(self._running, job.task_id, entry)
        elif job.schedule_id is not None:
            _discard(self._by_schedule, job.schedule_id, entry)

    def put_back(self, entry: Entry, job: Job) -> None:
        """Queue a running job again."""
        _discard(self._running, job.task_id, entry)
        entry.job, entry.node = job, None
        if job.schedule_id is not None:
            self._by_schedule[job.schedule_id].add(entry)
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
                entry.ticket = 0

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
        return [entry for entry in entries if not regular_only or entry.job.kind is JobKind.regular]


def _discard(sets: dict[str, set[Entry]], key: str, entry: Entry) -> None:
    entries = sets[key]
    entries.discard(entry)
    if not entries:
        del sets[key]
