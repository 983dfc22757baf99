"""Who uses a store in the suite: users and nodes, acting by the same rules as a real scheduler."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import attrs

from anysched.model.change import Change, HoldChange
from anysched.model.declared import ApplyResult
from anysched.model.hold import Hold, Placed, PlacedWindow, Selector
from anysched.model.ids import new_id
from anysched.model.job import Claim, EndedJob, Job, JobException, JobResult
from anysched.model.pause import Pause
from anysched.model.policies import ConflictPolicy, JobOutcome, Missed, ResumeFrom, WindowMode
from anysched.model.schedule import Schedule
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.state import ScheduleState
from anysched.model.task import Task, TaskDefaults
from anysched.model.unpaused import UnpauseResult
from anysched.model.window import Window
from anysched.ports.queries import JobQuery, ScheduleQuery
from anysched.ports.store import Advanced, AdvanceRequest, Committed, Completion, DataStore, Taker
from anysched.rules import adding, declaring, holding, occurrences, pausing, windowing
from anysched.rules.policy import Policy
from anysched.triggers import DateTrigger, IntervalTrigger

POLICY = Policy(TaskDefaults())
LEASE = timedelta(seconds=30)

#: More than any test makes.
PLENTY = 10_000


def seconds(number: float) -> timedelta:
    """Return a duration."""
    return timedelta(seconds=number)


def every(number: float = 10, id: str = "schedule", task: str = "task", **options: Any) -> Schedule:
    """Return a schedule that fires when it is added, and then every so many seconds."""
    return Schedule(task, IntervalTrigger(seconds=number), id=id, **options)


def once(at: datetime, id: str = "schedule", task: str = "task", **options: Any) -> Schedule:
    """Return a schedule that fires once."""
    return Schedule(task, DateTrigger(at), id=id, **options)


def direct_job(now: datetime, task: str = "task", run_at: datetime | None = None, **fields: Any) -> Job:
    """Return a job as ``add_job`` makes it."""
    return Job(new_id(now), task, run_at or now, now, **fields)


class User:
    """Asks of a store what users ask of a scheduler."""

    def __init__(self, store: DataStore) -> None:
        self.store = store

    async def add(
        self,
        *schedules: Schedule,
        policy: ConflictPolicy = ConflictPolicy.do_nothing,
        taker: Taker | None = None,
    ) -> Sequence[Change]:
        """Add schedules, all or nothing; with a taker, those that are due fire."""
        wanted = {schedule.id: schedule for schedule in schedules}

        def decide(
            key: str,
            stored: ScheduleSnapshot | None,
            placed: Sequence[Placed],
            tasks: Mapping[str, Task],
            now: datetime,
        ) -> Change:
            change = adding.add(wanted[key], stored, now, policy, operator.eq, placed)
            known = () if taker is None else taker.request.tasks
            return POLICY.at_once(change, stored, known, tasks.get, now, PLENTY)

        return (await self.store.declare_schedules(list(wanted), decide, taker)).changes

    async def replace(self, schedule: Schedule) -> Change:
        """Declare a schedule again."""
        return (await self.add(schedule, policy=ConflictPolicy.replace))[0]

    async def apply(
        self, *schedules: Schedule, owner: str = "me", retire: bool = False, take_over: bool = False
    ) -> tuple[ApplyResult, Committed]:
        """Declare schedules as a program of this name; return what that did, and what was committed."""
        wanted = declaring.checked(schedules, owner, retire=retire, allow_empty=True)
        declaration = declaring.Declaration(
            owner=owner, schedules={schedule.id: schedule for schedule in wanted}, take_over=take_over
        )
        ids = {*declaration.schedules, *(await self.ids(owner=owner) if retire else ())}
        outcomes: dict[str, declaring.Outcome] = {}

        def decide(
            key: str,
            stored: ScheduleSnapshot | None,
            placed: Sequence[Placed],
            _: Mapping[str, Task],
            now: datetime,
        ) -> Change:
            outcomes[key] = declaration.decide(key, stored, placed, now, operator.eq)
            return outcomes[key].change

        committed = await self.store.declare_schedules(sorted(ids), decide)
        return declaring.report(owner, outcomes, dry_run=False), committed

    async def pause(self, *ids: str, **pause: Any) -> Committed:
        """Pause schedules; further arguments are those of ``Pause``."""

        def decide(key: str, stored: ScheduleSnapshot | None, task: Task | None, now: datetime) -> Change:
            snapshot = adding.existing(key, stored)
            options = POLICY.options(snapshot.schedule, task)
            return pausing.pause(snapshot, options, now, Pause(since=now, **pause))

        return await self.store.transact_schedules(ids, decide)

    async def resume(
        self,
        *ids: str,
        resume_from: ResumeFrom = None,
        missed: Missed = "policy",
        taker: Taker | None = None,
    ) -> Committed:
        """Resume schedules."""

        def decide(key: str, stored: ScheduleSnapshot | None, task: Task | None, now: datetime) -> Change:
            snapshot = adding.existing(key, stored)
            options = POLICY.options(snapshot.schedule, task)
            return pausing.unpause(snapshot, options, now, resume_from=resume_from, missed=missed)

        return await self.store.transact_schedules(ids, decide, taker)

    async def unpause(
        self, id: str = "schedule", resume_from: ResumeFrom = None, missed: Missed = "policy"
    ) -> UnpauseResult:
        """Resume one schedule and return its report."""
        committed = await self.resume(id, resume_from=resume_from, missed=missed)
        assert committed.changes[0].unpaused is not None
        return committed.changes[0].unpaused

    async def place(self, selector: Selector, hold: str | None = None, **pause: Any) -> Committed:
        """Place a hold; further arguments are those of ``Pause``."""
        name = hold or selector.name

        def decide(key: str, stored: ScheduleSnapshot | None, task: Task | None, now: datetime) -> Change:
            snapshot = adding.existing(key, stored)
            options = POLICY.options(snapshot.schedule, task)
            return pausing.pause(snapshot, options, now, Pause(since=now, hold=name, **pause))

        return await self.store.transact_holds(
            lambda holds, now: holding.place(holds, selector, Pause(since=now, hold=name, **pause), now),
            decide,
        )

    async def hold(
        self,
        *,
        ids: Iterable[str] | None = None,
        group: str | None = None,
        tags: Iterable[str] | None = None,
        task_id: str | None = None,
        everything: bool = False,
        **pause: Any,
    ) -> Hold:
        """Place a hold on what these conditions select, and return it."""
        selector = Selector(ids=ids, group=group, tags=tags, task_id=task_id, everything=everything)
        committed = await self.place(selector, **pause)
        assert committed.hold is not None
        assert isinstance(committed.hold.hold, Hold)
        return committed.hold.hold

    async def lift_all(
        self,
        hold: str | None,
        *,
        resume_from: ResumeFrom = None,
        missed: Missed = "policy",
        missing_ok: bool = False,
    ) -> Committed:
        """Lift a hold."""
        assert hold is not None
        rule = holding.lift if missing_ok else holding.lift_existing

        def decide(key: str, stored: ScheduleSnapshot | None, task: Task | None, now: datetime) -> Change:
            if stored is None:
                return Change(schedule_id=key)
            options = POLICY.options(stored.schedule, task)
            return pausing.unpause(stored, options, now, hold=hold, resume_from=resume_from, missed=missed)

        return await self.store.transact_holds(lambda holds, now: rule(holds, hold, now), decide)

    async def lift(self, hold: str | None, **how: Any) -> list[UnpauseResult]:
        """Lift a hold and return what became of each schedule."""
        changes = (await self.lift_all(hold, **how)).changes
        return [change.unpaused for change in changes if change.unpaused is not None]

    async def cover(
        self, id: str, selector: Selector, *, mode: WindowMode = "skip", **window: Any
    ) -> Committed:
        """Place a window; further arguments are those of ``Window``."""
        now = self.store.present()
        wanted = windowing.checked(Window(id=id, mode=mode, since=now, **window), now)
        overlaps = windowing.Overlaps()
        placed: list[PlacedWindow] = []

        def decide_hold(holds: Mapping[str, Placed], now: datetime) -> HoldChange:
            change = windowing.place(holds, selector, wanted, now)
            assert isinstance(change.hold, PlacedWindow)
            placed.append(change.hold)
            return change

        def decide(key: str, stored: ScheduleSnapshot | None, task: Task | None, now: datetime) -> Change:
            snapshot = adding.existing(key, stored)
            options = POLICY.options(snapshot.schedule, task)
            return windowing.cover(snapshot, options, now, placed[-1].window, overlaps)

        return await self.store.transact_holds(decide_hold, decide)

    async def window(
        self, id: str, *, ids: Iterable[str] | None = None, tags: Iterable[str] | None = None, **window: Any
    ) -> PlacedWindow:
        """Place a window on what these conditions select, and return it."""
        committed = await self.cover(id, Selector(ids=ids, tags=tags), **window)
        assert committed.hold is not None
        assert isinstance(committed.hold.hold, PlacedWindow)
        return committed.hold.hold

    async def remove_window(self, id: str) -> Committed:
        """Remove a window."""

        def decide(key: str, stored: ScheduleSnapshot | None, task: Task | None, now: datetime) -> Change:
            snapshot = adding.existing(key, stored)
            return windowing.uncover(snapshot, POLICY.options(snapshot.schedule, task), now, id)

        return await self.store.transact_holds(
            lambda holds, now: windowing.remove(holds, id, now, None, None), decide
        )

    async def run(self, id: str = "schedule") -> Job:
        """Run a schedule by hand."""

        def decide(key: str, stored: ScheduleSnapshot | None, task: Task | None, now: datetime) -> Change:
            snapshot = adding.existing(key, stored)
            return adding.run_by_hand(snapshot, POLICY.options(snapshot.schedule, task), now)

        return (await self.store.transact_schedules([id], decide)).changes[0].jobs[0]

    async def remove(self, *ids: str) -> Committed:
        """Remove schedules."""
        return await self.store.transact_schedules(ids, lambda key, stored, _, __: adding.remove(key, stored))

    async def name(
        self,
        fire_time: datetime | None = None,
        to: datetime | None = None,
        *,
        id: str = "schedule",
        restore: bool = False,
        **told: Any,
    ) -> Change:
        """Skip a fire time, by default the next; move it, or restore it."""

        def decide(key: str, stored: ScheduleSnapshot | None, task: Task | None, now: datetime) -> Change:
            snapshot = adding.existing(key, stored)
            options = POLICY.options(snapshot.schedule, task)
            if restore and fire_time is not None:
                return occurrences.restore(snapshot, options, now, fire_time)
            if to is not None:
                return occurrences.move(snapshot, options, now, fire_time, to, **told)
            return occurrences.skip(snapshot, options, now, fire_time, **told)

        return (await self.store.transact_schedules([id], decide)).changes[0]

    async def write_state(self, id: str = "schedule", **fields: Any) -> ScheduleState:
        """Write these fields of a schedule's state, whatever they are, and return the state."""

        def decide(key: str, stored: ScheduleSnapshot | None, _: Task | None, __: datetime) -> Change:
            old = adding.existing(key, stored).state
            return Change(schedule_id=key, state=attrs.evolve(old, revision=old.revision + 1, **fields))

        state = (await self.store.transact_schedules([id], decide)).changes[0].state
        assert state is not None
        return state

    async def schedules(self, **query: Any) -> list[ScheduleSnapshot]:
        """Return the schedules that a query finds."""
        return await self.store.get_schedules(ScheduleQuery(**query))

    async def ids(self, **query: Any) -> list[str]:
        """Return the ids of the schedules that a query finds."""
        return [snapshot.id for snapshot in await self.schedules(**query)]

    async def get(self, id: str = "schedule") -> ScheduleSnapshot:
        """Return one schedule."""
        (snapshot,) = await self.schedules(ids={id})
        return snapshot

    async def jobs(self, **query: Any) -> list[Job]:
        """Return the jobs that a query finds."""
        return await self.store.get_jobs(JobQuery(**query))


@attrs.define
class Work:
    """What a node did until there was nothing left to do."""

    changes: list[Change] = attrs.Factory(list[Change])
    claims: list[Claim] = attrs.Factory(list[Claim])
    ended: list[EndedJob] = attrs.Factory(list[EndedJob])
    released: list[Job] = attrs.Factory(list[Job])
    unknown: list[tuple[str, str]] = attrs.Factory(list[tuple[str, str]])
    passes: int = 0
    next_wake: datetime | None = None
    backlog: bool = False

    @property
    def made(self) -> list[Job]:
        """The jobs made from schedules."""
        return [job for change in self.changes for job in change.jobs]

    @property
    def taken(self) -> list[UUID]:
        """The ids of the jobs taken to run."""
        return [claim.job.id for claim in self.claims]


class Node:
    """Works for a store as the engine of a scheduler does.

    :param tasks: the tasks that it can run
    """

    def __init__(self, store: DataStore, name: str = "node a", *, tasks: Sequence[str] = ("task",)) -> None:
        self.store = store
        self.changes: list[Change] = []
        """Changes of schedules that came with the ends of jobs."""
        self.name = name
        self.tasks: frozenset[str] = frozenset(tasks)
        self.delivered: list[Claim] = []
        """Jobs that it took without a pass."""

    async def advance(self, **limits: Any) -> Advanced:
        """Make one pass; ``limits`` are fields of ``AdvanceRequest``."""
        return await self.store.advance(self._request(**limits))

    def _request(self, **limits: Any) -> AdvanceRequest:
        defaults: dict[str, Any] = dict.fromkeys(("plan_limit", "claim_limit", "job_limit"), PLENTY)
        defaults["policy"] = POLICY
        return AdvanceRequest(node=self.name, tasks=self.tasks, lease=LEASE, **(defaults | limits))

    def taker(self, most: int = PLENTY) -> Taker:
        """Return what takes jobs for it with a transaction of users."""
        return Taker(self._request(claim_limit=most), self.delivered.extend)

    async def work(self, **limits: Any) -> Work:
        """Make passes until there is nothing left to do now; rule S5: a store never asks for idle passes."""
        work, idle = Work(), 0
        while True:
            advanced = await self.advance(**limits)
            work.changes.extend(advanced.changes)
            work.claims.extend(advanced.claims)
            work.ended.extend(advanced.ended)
            work.released.extend(advanced.released)
            work.unknown.extend(advanced.unknown)
            work.passes += 1
            work.next_wake, work.backlog = advanced.next_wake, advanced.backlog
            overdue = advanced.next_wake is not None and advanced.next_wake <= advanced.now
            if not advanced.more and not overdue:
                return work
            did_something = advanced.changes or advanced.claims or advanced.ended or advanced.released
            idle = 0 if did_something else idle + 1
            assert idle < 2, f"the store asks for passes that do nothing: {advanced}"

    async def claim_one(self) -> Claim:
        """Take the one job that there is to run."""
        (claim,) = (await self.advance()).claims
        return claim

    async def complete(
        self, *claims: Claim, value: Any = None, outcome: JobOutcome = JobOutcome.success
    ) -> list[bool]:
        """End claimed jobs, all in the same way."""
        now = await self.store.now()
        completions = [
            Completion(claim, JobResult(claim.job.id, outcome, now, now, value)) for claim in claims
        ]
        return await self.report(completions)

    async def report(self, completions: Sequence[Completion]) -> list[bool]:
        """End jobs, also those whose schedules somebody else has locked at this moment."""
        done = await self.store.complete(self.name, completions, POLICY)
        self.changes.extend(done.changes)
        if not done.left:
            return list(done.accepted)
        late = dict(zip(map(id, done.left), await self.report(done.left), strict=True))
        return [late.get(id(one), ok) for one, ok in zip(completions, done.accepted, strict=True)]


FAILURE = JobException("ValueError", "it broke: ‘ß’\n😀", "Traceback …\n  File …\nValueError: it broke\n")
