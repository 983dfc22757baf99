"""What users ask of schedules in the memory store: decided about as a whole, written as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import anyio.to_thread
import attrs

from anysched._clock import Clock
from anysched.model.change import Change, HoldChange
from anysched.model.history import Retention
from anysched.model.hold import Placed, Selector
from anysched.model.job import EndedJob, Job, JobResult
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.task import Task
from anysched.ports.store import Committed, Decide, DecideDeclared, DecideHold, NodePolicy
from anysched.rules.auditing import counted
from anysched.rules.ending import by_schedule
from anysched.rules.ledger import recorded
from anysched.rules.retention import expiry
from anysched.rules.running import cancelled
from anysched.rules.waiting import lost, with_ends
from anysched.stores._memory_ledger import MemoryLedger, packed
from anysched.stores._memory_queue import JobQueue
from anysched.stores._memory_schedules import Image, Rewrite, ScheduleTable, Stored, after, takes_long

#: More decisions than this at once are made in a thread, so that the event loop goes on.
MOST_INLINE = 200

#: A decision about what is stored under an id.
DecideStored = Callable[[str, ScheduleSnapshot | None, datetime], Change]


@attrs.frozen
class Draft:
    """What was decided about very many schedules, by id, and is ready to be written.

    :ivar others: those changes that concern more than the schedule
    """

    changes: list[Change]
    rewrite: Rewrite
    others: Sequence[Change]


class Changes:
    """Decides about schedules and writes what comes of it; nothing happens between the two that they depend on.

    :ivar clock: tells the present
    :ivar schedules: the schedules
    :ivar tasks: the tasks by id
    :ivar jobs: the jobs that have not ended
    :ivar results: results that are kept, and until when
    :ivar ledger: history and audit
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.schedules: ScheduleTable = ScheduleTable()
        self.tasks: dict[str, Task] = {}
        self.jobs: JobQueue = JobQueue()
        self.results: dict[UUID, tuple[JobResult, datetime]] = {}
        self.ledger: MemoryLedger = MemoryLedger()
        self._holds: Mapping[str, Placed] = {}  # never changed, but replaced

    @property
    def placed(self) -> list[Placed]:
        """The holds and windows that are not over, in the order of their ids."""
        if not self._holds:
            return []
        now = self.clock.now()
        return [one for _, one in sorted(self._holds.items()) if not one.is_over(now)]

    async def transact(self, ids: Sequence[str], decide: Decide) -> Committed:
        """Decide about each schedule, write everything or nothing."""

        def decide_stored(key: str, stored: ScheduleSnapshot | None, now: datetime) -> Change:
            return decide(key, stored, self._task_of(stored), now)

        return await self._transact(ids, decide_stored)

    async def declare(self, ids: Sequence[str], decide: DecideDeclared) -> Committed:
        """Do the same, with the holds and windows as they are."""

        def decide_stored(key: str, stored: ScheduleSnapshot | None, now: datetime) -> Change:
            return decide(key, stored, self.placed, self.tasks, now)

        return await self._transact(ids, decide_stored)

    async def _transact(self, ids: Sequence[str], decide: DecideStored) -> Committed:
        while True:
            holds, stored = self._holds, {key: self.schedules.get(key) for key in ids}
            changes = await self._decided(stored, ids, decide)
            if holds is self._holds and all(map(self.schedules.is_still, stored, stored.values())):
                return self._commit(changes)  # rule S4: all is as it was

    async def hold(self, decide_hold: DecideHold, decide: Decide) -> Committed:
        """Decide about a hold or window, then about each schedule that it means."""

        def decide_stored(key: str, stored: ScheduleSnapshot | None, now: datetime) -> Change:
            return decide(key, stored, self._task_of(stored), now)

        while (change := decide_hold(self._holds, self.clock.now())) is not None:
            selector, present = change.selector, self.clock.now()
            if len(selector.ids or self.schedules) <= MOST_INLINE:
                stored = self.schedules.meant(selector)
                if not any(takes_long(snapshot, present) for snapshot in stored.values()):
                    return self._commit_hold(change, self._decide(stored, sorted(stored), decide_stored))
            with self.schedules.watched() as written:
                image = self.schedules.image()
                draft = await anyio.to_thread.run_sync(self._draft, image, selector, decide_stored)
                again = decide_hold(self._holds, self.clock.now())
                if again is None or again.selector != selector:  # somebody else was faster
                    continue
                # Meanwhile some have fired, and others were added; to begin anew for each of many would never end.
                found = ((key, self.schedules.get(key)) for key in written)
                stored = {key: now for key, now in found if _means(selector, key, now)}
                late = self._decide(stored, sorted(stored), decide_stored)
                return self._commit_hold(again, late, draft, frozenset(written))
        return Committed(())

    def _draft(self, image: Image, selector: Selector, decide: DecideStored) -> Draft:
        stored = image.meant(selector)
        changes = self._decide(stored, sorted(stored), decide)
        snapshots: list[ScheduleSnapshot] = []
        for change in changes:
            old = stored[change.schedule_id]
            new = after(old, change)
            if new is not None and new is not old:
                snapshots.append(new)
        others = [
            change for change in changes if change.queued or change.jobs or change.skips or change.audit
        ]
        return Draft(changes, image.rewrite(snapshots), others)

    async def _decided(self, stored: Stored, ids: Sequence[str], decide: DecideStored) -> list[Change]:
        now = self.clock.now()
        if len(ids) <= MOST_INLINE and not any(takes_long(snapshot, now) for snapshot in stored.values()):
            return self._decide(stored, ids, decide)
        return await anyio.to_thread.run_sync(self._decide, stored, ids, decide)

    def _decide(self, stored: Stored, ids: Sequence[str], decide: DecideStored) -> list[Change]:
        """Decide about ids in order; an id that is given twice is decided on as it is after the first time."""
        now = self.clock.now()
        if len(ids) == len(stored):
            return [decide(key, stored[key], now) for key in ids]
        seen = dict(stored)
        changes: list[Change] = []
        for key in ids:
            changes.append(decide(key, seen[key], now))
            seen[key] = after(seen[key], changes[-1])
        return changes

    def _task_of(self, stored: ScheduleSnapshot | None) -> Task | None:
        return None if stored is None else self.tasks.get(stored.task_id)

    def _commit_hold(
        self,
        change: HoldChange,
        changes: list[Change],
        draft: Draft | None = None,
        written: frozenset[str] = frozenset(),
    ) -> Committed:
        """Write a hold or window and what comes of it.

        :param draft: changes that are ready to be written, but for schedules that were written meanwhile
        """
        others = {key: hold for key, hold in self._holds.items() if key != change.hold_id}
        self._holds = others if change.hold is None else {**others, change.hold_id: change.hold}
        return self._commit(changes, change, draft, written)

    def _commit(
        self,
        changes: list[Change],
        hold: HoldChange | None = None,
        draft: Draft | None = None,
        written: frozenset[str] = frozenset(),
    ) -> Committed:
        now, ended = self.clock.now(), list[EndedJob]()
        if draft is not None:
            self.schedules.apply(draft.rewrite, written)
            for change in draft.others:
                if change.schedule_id not in written:
                    over = self._write_others(change, now, self.jobs.add)
                    if over:
                        self._tell(change, over, now)
                        ended += over
        done: list[Change] = []
        for change in changes:
            told, over = self.write(change, now)
            done.append(told)
            ended += over
        changes = done
        if draft is not None and not written:
            changes = draft.changes
        elif draft is not None:
            drafted = [change for change in draft.changes if change.schedule_id not in written]
            changes = sorted([*drafted, *changes], key=lambda change: change.schedule_id)
        if hold is not None:
            self.ledger.note(counted(hold, changes))
        return Committed(changes, ended, hold)

    def write(
        self, change: Change, now: datetime, put: Callable[[Job], None] | None = None
    ) -> tuple[Change, list[EndedJob]]:
        """Write one change; return it with what came of queued jobs that ended by it, and those.

        :param put: what to do with jobs that it makes, other than to queue them
        """
        if change.removed:
            self.ledger.note(change.audit)
            self.schedules.remove(change.schedule_id)
            return change, self._end(self.jobs.take_waiting(change.schedule_id), now)
        self.schedules.write(change)
        ended = self._write_others(change, now, put or self.jobs.add)
        return (self._tell(change, ended, now), ended) if ended else (change, ended)

    def _tell(self, change: Change, ended: Sequence[EndedJob], now: datetime) -> Change:
        """Write what comes of jobs that a change which is written has ended; return the change with that (rule S9)."""
        told = with_ends(change, self.schedules.get(change.schedule_id), ended, now)
        if told is not change:
            self.schedules.write(told)
        return told

    def _write_others(self, change: Change, now: datetime, put: Callable[[Job], None]) -> list[EndedJob]:
        for skip in change.skips:
            self.ledger.add(skip)
        if change.audit:
            self.ledger.note(change.audit)
        ended = self._write_fates(change, now) if change.queued or change.dropped is not None else []
        for job in change.jobs:
            put(job)
        return ended

    def _write_fates(self, change: Change, now: datetime) -> list[EndedJob]:
        """Write what becomes of the jobs of a schedule that no node has; return those that end."""
        key, ended = change.schedule_id, list[EndedJob]()
        for fate in change.queued if self.jobs.has_any(key) else ():
            if fate == "hold":
                self.jobs.hold(key, now)
            elif fate == "release":
                self.jobs.release(key, now)
            elif fate == "discard_held":
                ended += self._end(self.jobs.take_waiting(key, held_only=True), now)
            else:
                ended += self._end(self.jobs.take_waiting(key, regular_only=True), now)
        if change.dropped is not None:
            ended += self._end(self.jobs.take_waiting(key, backfill=change.dropped), now)
        return ended

    def count(self, ends: Iterable[EndedJob], policy: NodePolicy) -> Committed:
        """Count how jobs of schedules ended whose ends count, and write what comes of that (rules B1 and F3)."""
        now = self.clock.now()
        changes: list[Change] = []
        ended: list[EndedJob] = []
        for key, mine in by_schedule(ends).items():
            stored = self.schedules.get(key)
            if stored is not None:
                change, over = self.write(
                    policy.ended(stored, self.tasks.get(stored.task_id), mine, now), now
                )
                changes.append(change)
                ended += over
        return Committed(changes, ended)

    def _end(self, jobs: Iterable[Job], now: datetime) -> list[EndedJob]:
        ended = [cancelled(job, now) for job in jobs]
        for end in ended:
            self.keep(end.job, end.result)
        return ended

    def keep(self, job: Job, result: JobResult, node: str | None = None) -> None:
        """Keep a result for as long as its job says, and what came of a fire time.

        :param node: the node that ran the job, if one did
        """
        if (run := recorded(job, result, node, packed)) is not None:
            self.ledger.add_run(run)
        if lifetime := job.result_expiration_time:
            self.results[job.id] = (result, expiry(result.finished_at, lifetime))

    def clean_up(self, retention: Retention) -> int:
        """Forget what has expired; return how many results went. What waits for jobs that are gone goes on."""
        now = self.clock.now()
        self.ledger.clean_up(retention, now)
        self._holds = {key: hold for key, hold in self._holds.items() if not hold.is_over(now)}
        for key in self.schedules.waiting():
            if (stored := self.schedules.get(key)) is not None:
                existing = [job for job in stored.waits_for if self.jobs.get(job) is not None]
                self.write(lost(stored, existing, now), now)
        expired = [job_id for job_id, (_, expires_at) in self.results.items() if expires_at <= now]
        for job_id in expired:
            del self.results[job_id]
        return len(expired)


def _means(selector: Selector, key: str, stored: ScheduleSnapshot | None) -> bool:
    if selector.ids is not None:
        return key in selector.ids
    return stored is not None and selector.matches(stored.schedule)
