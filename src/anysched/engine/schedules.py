"""What users ask of schedules: checked here, decided by rules, written by the store, told to the others."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, tzinfo
from typing import Any, Final
from uuid import UUID

import anyio.lowlevel

from anysched._text import printable
from anysched.engine.asking import (
    PauseRequest,
    check_fire_time,
    check_resume,
    check_texts,
    check_version,
    instant_of,
)
from anysched.engine.committing import Asked, declare, transact
from anysched.engine.instants import aware
from anysched.engine.lifecycle import Engine
from anysched.engine.preparing import load
from anysched.errors import ScheduleLookupError
from anysched.model import convert
from anysched.model.change import Change
from anysched.model.declared import ApplyResult
from anysched.model.events import FireTimeChanged
from anysched.model.hold import Placed
from anysched.model.options import EffectiveOptions
from anysched.model.policies import ConflictPolicy, Missed, NamedFireTime, ResumeFrom, ScheduleStatus
from anysched.model.schedule import Schedule
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.task import Task
from anysched.model.trigger import own_timezone, preparations
from anysched.model.unpaused import UnpausePreview, UnpauseResult
from anysched.model.unset import UNSET
from anysched.ports.queries import ScheduleQuery
from anysched.rules import adding, declaring, occurrences, pausing

logger: logging.Logger = logging.getLogger(__name__)

#: How many of very many declarations are looked at before others on the event loop have their turn: it takes 3 ms.
AT_ONCE: Final = 100

#: A decision about a schedule that must exist.
DecideExisting = Callable[[ScheduleSnapshot, EffectiveOptions, datetime], Change]


class Schedules:
    """Adding, reading, pausing, resuming, running and removing schedules."""

    def __init__(self, engine: Engine, timezone: tzinfo, same_trigger: adding.SameTrigger) -> None:
        self._engine = engine
        self._store = engine.settings.store
        self._timezone = timezone
        self._same_trigger = same_trigger

    async def add(self, declarations: Iterable[Schedule], policy: ConflictPolicy, asked: Asked) -> list[str]:
        """Add schedules, all or nothing (rule S1)."""
        wanted: dict[str, Schedule] = {}
        for declaration in declarations:
            if declaration.id in wanted:
                raise ValueError(f"the id {declaration.id!r} is given twice")
            wanted[declaration.id] = await self._resolved(declaration)
            if len(wanted) % AT_ONCE == 0:
                await anyio.lowlevel.checkpoint()
        if self._store.durable:
            await self._note_zones(list(wanted.values()))
        drifted: set[str] = set()

        def decide(
            key: str, stored: ScheduleSnapshot | None, placed: Sequence[Placed], now: datetime
        ) -> Change:
            if (
                stored is not None
                and policy is ConflictPolicy.do_nothing
                and adding.differs(wanted[key], stored, self._same_trigger)
            ):
                drifted.add(key)
            return adding.add(wanted[key], stored, now, policy, self._same_trigger, placed)

        ids = list(wanted)
        await declare(self._engine, ids, decide, asked, self._same_trigger)
        for schedule_id in sorted(drifted):
            logger.warning(
                "schedule %s is stored with other settings than it is declared with, and stays as it is; "
                "pass conflict_policy='replace' to write the declared ones",
                printable(schedule_id),
            )
        return ids

    async def apply(
        self,
        declarations: Iterable[Schedule],
        owner: str,
        asked: Asked,
        *,
        retire: bool,
        allow_empty: bool,
        take_over: bool,
        dry_run: bool,
    ) -> ApplyResult:
        """Write what a program declares, and remove of its own what it does not (rule S8)."""
        wanted = declaring.checked(declarations, owner, retire=retire, allow_empty=allow_empty)
        resolved: list[Schedule] = []
        for schedule in wanted:
            resolved.append(await self._resolved(schedule, learn=not dry_run))
            if len(resolved) % AT_ONCE == 0:
                await anyio.lowlevel.checkpoint()
        declaration = declaring.Declaration(
            owner=owner, schedules={schedule.id: schedule for schedule in resolved}, take_over=take_over
        )
        ids = set(declaration.schedules)
        if retire:
            ids |= {snapshot.id for snapshot in await self._store.get_schedules(ScheduleQuery(owner=owner))}
        outcomes: dict[str, declaring.Outcome] = {}

        def decide(
            key: str, stored: ScheduleSnapshot | None, placed: Sequence[Placed], now: datetime
        ) -> Change:
            outcomes[key] = declaration.decide(key, stored, placed, now, self._same_trigger)
            return Change(schedule_id=key) if dry_run else outcomes[key].change

        if ids:
            if not dry_run:
                await self._note_zones(resolved)
            ordered = sorted(ids)  # so that nodes do not lock each other out
            await declare(self._engine, ordered, decide, asked, self._same_trigger)
        return declaring.report(owner, outcomes, dry_run=dry_run)

    async def _note_zones(self, schedules: Sequence[Schedule]) -> None:
        for start in range(0, len(schedules), AT_ONCE):
            await self._engine.zones.note(one.trigger for one in schedules[start : start + AT_ONCE])
            if start:
                await anyio.lowlevel.checkpoint()

    async def _resolved(self, declaration: Schedule, *, learn: bool = True) -> Schedule:
        """Return a declaration with the task by name and everything that was left open bound (rule T1).

        :param learn: False if this node must not get to know the task, which it tells the store
        """
        reference, tasks = declaration.func_or_task_id, self._engine.tasks
        task_id = tasks.known(reference)
        if not isinstance(task_id, str) or task_id not in tasks:
            task_id = await tasks.name_of(reference, learn=learn)
        if declaration.job_executor is not UNSET:
            func = None if isinstance(reference, str) else reference
            tasks.check_executor(declaration.job_executor, task_id, func)
        bind: Callable[[tzinfo], Any] | None = getattr(declaration.trigger, "bind", None)
        trigger = declaration.trigger if bind is None else bind(self._timezone)
        if waiting := preparations(trigger):
            await load(waiting)
        if task_id is reference and trigger is declaration.trigger:
            return declaration
        return declaration.resolved(task_id, trigger)

    async def get(
        self,
        ids: Collection[str] | None,
        paused: bool | None,
        status: ScheduleStatus | str | None,
        task_id: str | None,
        group: str | None,
        tags: Iterable[str] | None,
        owner: str | None,
    ) -> list[ScheduleSnapshot]:
        """Read schedules, ordered by id."""
        if isinstance(ids, str):
            raise TypeError("ids must be a collection of ids, not a string")
        query = ScheduleQuery(
            ids=None if ids is None else frozenset(ids),
            paused=paused,
            status=None if status is None else ScheduleStatus(status),
            task_id=task_id,
            group=convert.group(group),
            tags=None if tags is None else convert.tags(tags),
            owner=owner,
        )
        return await self._store.get_schedules(query)

    async def get_one(self, schedule_id: str) -> ScheduleSnapshot:
        """Read one schedule."""
        found = await self._store.get_schedules(ScheduleQuery(ids=(convert.identifier(schedule_id, "id"),)))
        if not found:
            raise ScheduleLookupError(schedule_id)
        return found[0]

    async def remove(self, schedule_id: str, version: str | None, asked: Asked) -> None:
        """Remove a schedule and its queued jobs (rule S4)."""
        check_version(version)
        await transact(
            self._engine,
            [convert.identifier(schedule_id, "id")],
            lambda key, stored, _, __: adding.remove(key, stored, version),
            asked,
        )

    async def pause(self, schedule_id: str, how: PauseRequest, version: str | None) -> None:
        """Pause a schedule (rules P1 to P3)."""

        def decide(snapshot: ScheduleSnapshot, options: EffectiveOptions, now: datetime) -> Change:
            timezone = own_timezone(snapshot.trigger) or self._timezone
            return pausing.pause(snapshot, options, now, how.pause(now, timezone))

        await self._change(schedule_id, decide, Asked(by=how.by, reason=how.reason), version)

    async def unpause(
        self,
        schedule_id: str,
        *,
        resume_from: ResumeFrom,
        missed: Missed,
        asked: Asked,
        version: str | None,
    ) -> UnpauseResult:
        """Resume a schedule (rules P5 to P9)."""
        change = await self._change(schedule_id, self._unpausing(resume_from, missed), asked, version)
        assert change.unpaused is not None
        return change.unpaused

    async def preview_unpause(
        self, schedule_id: str, *, resume_from: ResumeFrom, missed: Missed
    ) -> UnpausePreview:
        """Tell what a resume would do: it is decided, and not written."""
        decide = self._unpausing(resume_from, missed)
        previews: list[UnpausePreview] = []

        def decide_nothing(snapshot: ScheduleSnapshot, options: EffectiveOptions, now: datetime) -> Change:
            previews.append(pausing.preview(snapshot, decide(snapshot, options, now)))
            return Change(schedule_id=snapshot.id)

        await self._change(schedule_id, decide_nothing, Asked())
        return previews[-1]  # a store may have asked twice

    def _unpausing(self, resume_from: ResumeFrom, missed: Missed) -> DecideExisting:
        check_resume(resume_from, missed)

        def decide(snapshot: ScheduleSnapshot, options: EffectiveOptions, now: datetime) -> Change:
            start = self._resume_from(resume_from, snapshot)
            return pausing.unpause(snapshot, options, now, resume_from=start, missed=missed)

        return decide

    async def skip_fire_time(
        self,
        schedule_id: str,
        fire_time: NamedFireTime,
        *,
        reason: str | None,
        by: str | None,
        version: str | None,
    ) -> datetime:
        """Skip one fire time (rule O1)."""
        check_fire_time(fire_time)
        check_texts(reason, by)
        asked = Asked(by=by, reason=reason)

        def decide(snapshot: ScheduleSnapshot, options: EffectiveOptions, now: datetime) -> Change:
            found = self._fire_time(fire_time, snapshot)
            return occurrences.skip(snapshot, options, now, found, reason=reason, by=by)

        return _told(await self._change(schedule_id, decide, asked, version))

    async def move_fire_time(
        self,
        schedule_id: str,
        fire_time: NamedFireTime,
        to: datetime,
        *,
        reason: str | None,
        by: str | None,
        version: str | None,
    ) -> datetime:
        """Run one fire time at another instant (rules O1 and O3)."""
        check_fire_time(fire_time)
        check_texts(reason, by)
        asked = Asked(by=by, reason=reason)

        def decide(snapshot: ScheduleSnapshot, options: EffectiveOptions, now: datetime) -> Change:
            found = self._fire_time(fire_time, snapshot)
            instant = aware(to, own_timezone(snapshot.trigger) or self._timezone, "to")
            return occurrences.move(snapshot, options, now, found, instant, reason=reason, by=by)

        return _told(await self._change(schedule_id, decide, asked, version))

    async def restore_fire_time(
        self, schedule_id: str, fire_time: datetime, *, asked: Asked, version: str | None
    ) -> None:
        """Take back that a fire time was skipped or moved (rule O4)."""

        def decide(snapshot: ScheduleSnapshot, options: EffectiveOptions, now: datetime) -> Change:
            found = aware(fire_time, own_timezone(snapshot.trigger) or self._timezone, "fire_time")
            return occurrences.restore(snapshot, options, now, found)

        await self._change(schedule_id, decide, asked, version)

    def _fire_time(self, fire_time: NamedFireTime, snapshot: ScheduleSnapshot) -> datetime | None:
        if fire_time == "next":
            return None
        return aware(fire_time, own_timezone(snapshot.trigger) or self._timezone, "fire_time")

    async def run(self, schedule_id: str, asked: Asked) -> UUID:
        """Make one job now; the fire times do not move."""
        change = await self._change(schedule_id, adding.run_by_hand, asked)
        return change.jobs[0].id

    async def _change(
        self, schedule_id: str, decide: DecideExisting, asked: Asked, version: str | None = None
    ) -> Change:
        check_version(version)
        policy = self._engine.settings.policy

        def decide_existing(
            key: str, stored: ScheduleSnapshot | None, task: Task | None, now: datetime
        ) -> Change:
            snapshot = adding.existing(key, stored, version)
            return decide(snapshot, policy.options(snapshot.schedule, task), now)

        ids = [convert.identifier(schedule_id, "id")]
        return (await transact(self._engine, ids, decide_existing, asked)).changes[0]

    def _resume_from(self, resume_from: ResumeFrom, snapshot: ScheduleSnapshot) -> ResumeFrom:
        return instant_of(resume_from, own_timezone(snapshot.trigger) or self._timezone)


def _told(change: Change) -> datetime:
    """Return the fire time that a change is about."""
    return next(event.fire_time for event in change.events if isinstance(event, FireTimeChanged))
