"""Backfills as users ask for them: what is past is read, then it is decided upon the same version of the schedule."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import Final, get_args
from uuid import UUID

import anyio.to_thread
import attrs

from anysched.engine import committing
from anysched.engine.asking import check_choice, check_texts
from anysched.engine.committing import Asked
from anysched.engine.instants import aware
from anysched.engine.lifecycle import Engine
from anysched.errors import BackfillLookupError, ScheduleChangedError, ScheduleLookupError
from anysched.model import convert
from anysched.model.backfill import MOST_RUNNING, Backfill, BackfillPlan
from anysched.model.change import Change
from anysched.model.options import EffectiveOptions
from anysched.model.policies import BackfillOrder, Reprocess
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.task import Task
from anysched.model.trigger import own_timezone
from anysched.ports.queries import HistoryQuery, JobQuery, ScheduleQuery
from anysched.rules import adding, backfill_plans, backfilling
from anysched.rules.backfill_plans import Past, Wanted

#: A schedule that fires between reading and deciding is read again, so often.
TRIES: Final = 20

#: More records of the history than any number of fire times can have.
ALL: Final = 1_000_000

#: A decision about a schedule that must exist.
DecideExisting = Callable[[ScheduleSnapshot, EffectiveOptions, datetime], Change]


@attrs.frozen(kw_only=True)
class BackfillRequest:
    """A backfill as it was asked for; instants without a zone are in that of the schedule, or of the scheduler."""

    start: datetime
    end: datetime
    reprocess: Reprocess
    order: BackfillOrder
    max_running: int
    reason: str | None
    by: str | None

    def __attrs_post_init__(self) -> None:
        check_choice("reprocess", self.reprocess, get_args(Reprocess))
        check_choice("order", self.order, get_args(BackfillOrder))
        convert.positive_int(self.max_running, "max_running", most=MOST_RUNNING)
        check_texts(self.reason, self.by)
        for name, value in (("start", self.start), ("end", self.end)):
            if not isinstance(value, datetime):
                raise TypeError(f"{name} must be a datetime, not {type(value).__name__}")

    def wanted(self, timezone: tzinfo) -> Wanted:
        """Return it with its instants in UTC."""
        return Wanted(
            start=aware(self.start, timezone, "start"),
            end=aware(self.end, timezone, "end"),
            reprocess=self.reprocess,
            order=self.order,
            max_running=self.max_running,
            reason=self.reason,
            by=self.by,
        )


class Backfills:
    """Beginning, reading, pausing, resuming and cancelling backfills."""

    def __init__(self, engine: Engine, timezone: tzinfo) -> None:
        self._engine = engine
        self._store = engine.settings.store
        self._timezone = timezone

    async def begin(self, schedule_id: str, asked: BackfillRequest, *, dry_run: bool) -> BackfillPlan:
        """Make jobs for fire times of the past, or tell which (rules F1 and F2)."""
        convert.identifier(schedule_id, "id")
        backfill_plans.check_retention(self._engine.settings.retention, asked.reprocess)
        for left in reversed(range(TRIES)):
            snapshot = await self._existing(schedule_id)
            wanted = asked.wanted(own_timezone(snapshot.trigger) or self._timezone)
            past = await self._past(snapshot, wanted)
            try:
                return await self._begin(snapshot, wanted, past, dry_run=dry_run)
            except ScheduleChangedError:
                if not left:
                    raise
        raise AssertionError("the last try returns or raises")

    async def _begin(
        self, snapshot: ScheduleSnapshot, wanted: Wanted, past: Past, *, dry_run: bool
    ) -> BackfillPlan:
        plans: list[BackfillPlan] = []

        def decide(snapshot: ScheduleSnapshot, options: EffectiveOptions, now: datetime) -> Change:
            change, plan = backfilling.begin(snapshot, options, now, wanted, past)
            plans.append(attrs.evolve(plan, backfill=None) if dry_run else plan)
            return Change(schedule_id=snapshot.id) if dry_run or plan.backfill is None else change

        await self._change(snapshot.id, decide, Asked(by=wanted.by, reason=wanted.reason), past.version)
        return plans[-1]  # a store may have asked twice

    async def _past(self, snapshot: ScheduleSnapshot, wanted: Wanted) -> Past:
        """Read what has come of the fire times of a range: jobs before history, as those become this."""
        version, now = snapshot.state.version, await self._store.now()
        if snapshot.fault is not None or snapshot.state.error is not None:
            return Past(version=version)  # it will be refused
        backfill_plans.check_range(wanted.start, wanted.end, now)
        found = await anyio.to_thread.run_sync(backfill_plans.find, snapshot, wanted.start, wanted.end)
        incarnation, retention = snapshot.state.incarnation, self._engine.settings.retention
        live = backfill_plans.live_in(
            await self._store.get_jobs(JobQuery(schedule_id=snapshot.id)), incarnation
        )
        if wanted.reprocess == "all":
            return Past(version=version, live=live, found=found)
        latest = await self._store.get_history(
            HistoryQuery(incarnation=incarnation, most=retention.most, latest=True)
        )
        records = await self._store.get_history(
            HistoryQuery(incarnation=incarnation, start=found[0], end=found[-1], most=ALL)
        )
        return Past(
            version=version,
            live=live,
            runs=backfill_plans.runs_in(records),
            known_since=backfill_plans.known_since(snapshot.state, retention, latest, now),
            found=found,
        )

    async def get(self, schedule_id: str | None) -> list[Backfill]:
        """Read backfills, in the order in which they were asked for."""
        if schedule_id is not None:
            return [*(await self._existing(convert.identifier(schedule_id, "schedule_id"))).state.backfills]
        snapshots = await self._store.get_schedules(ScheduleQuery(backfilled=True))
        found = [backfill for snapshot in snapshots for backfill in snapshot.state.backfills]
        return sorted(found, key=lambda backfill: backfill.id)

    async def pause(self, backfill_id: UUID, asked: Asked) -> Backfill:
        """Make no more jobs of a backfill for now."""
        return await self._of_one(
            backfill_id, lambda snapshot, options, now: backfilling.pause(snapshot, backfill_id, now), asked
        )

    async def resume(self, backfill_id: UUID, asked: Asked) -> Backfill:
        """Go on with a backfill, by the number of jobs that there are."""
        for left in reversed(range(TRIES)):
            snapshot = await self._schedule_of(backfill_id)
            jobs = await self._store.get_jobs(JobQuery(schedule_id=snapshot.id))
            running = sum(job.backfill == backfill_id for job in jobs)

            def decide(
                snapshot: ScheduleSnapshot, options: EffectiveOptions, now: datetime, running: int = running
            ) -> Change:
                return backfilling.resume(snapshot, options, backfill_id, now, running)

            try:
                change = await self._change(snapshot.id, decide, asked, snapshot.state.version)
                return _found_in(snapshot, change, backfill_id)
            except ScheduleChangedError:
                if not left:
                    raise
        raise AssertionError("the last try returns or raises")

    async def cancel(self, backfill_id: UUID, asked: Asked) -> Backfill:
        """End a backfill, and its jobs that no node has."""
        return await self._of_one(
            backfill_id,
            lambda snapshot, options, now: backfilling.cancel(
                snapshot, backfill_id, now, recorded=options.recorded
            ),
            asked,
        )

    async def _of_one(self, backfill_id: UUID, decide: DecideExisting, asked: Asked) -> Backfill:
        snapshot = await self._schedule_of(backfill_id)
        seen: list[ScheduleSnapshot] = []

        def decide_seen(snapshot: ScheduleSnapshot, options: EffectiveOptions, now: datetime) -> Change:
            seen.append(snapshot)
            return decide(snapshot, options, now)

        change = await self._change(snapshot.id, decide_seen, asked)
        return _found_in(seen[-1], change, backfill_id)

    async def _schedule_of(self, backfill_id: UUID) -> ScheduleSnapshot:
        if not isinstance(backfill_id, UUID):
            raise TypeError(f"id must be the UUID of a backfill, not {type(backfill_id).__name__}")
        for snapshot in await self._store.get_schedules(ScheduleQuery(backfilled=True)):
            if backfilling.find_in(snapshot.state, backfill_id) is not None:
                return snapshot
        raise BackfillLookupError(backfill_id)

    async def _existing(self, schedule_id: str) -> ScheduleSnapshot:
        found = await self._store.get_schedules(ScheduleQuery(ids=(schedule_id,)))
        if not found:
            raise ScheduleLookupError(schedule_id)
        return found[0]

    async def _change(
        self, schedule_id: str, decide: DecideExisting, asked: Asked, version: str | None = None
    ) -> Change:
        """Decide about a schedule. :param version: what it must be, if the decision depends on what was read"""
        policy = self._engine.settings.policy

        def decide_existing(
            key: str, stored: ScheduleSnapshot | None, task: Task | None, now: datetime
        ) -> Change:
            snapshot = adding.existing(key, stored, version)
            return decide(snapshot, policy.options(snapshot.schedule, task), now)

        committed = await committing.transact(self._engine, [schedule_id], decide_existing, asked)
        return committed.changes[0]


def _found_in(snapshot: ScheduleSnapshot, change: Change, backfill_id: UUID) -> Backfill:
    """Return a backfill as it is once the change is written."""
    found = backfilling.find_in(change.state or snapshot.state, backfill_id)
    assert found is not None
    return found
