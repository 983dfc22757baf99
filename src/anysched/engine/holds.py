"""Holds on sets of schedules: placed, lifted, and kept for as long as maintenance takes (rules H1 to H5)."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta, tzinfo

import anyio
import anyio.to_thread
import attrs

from anysched._text import printable
from anysched.engine import committing
from anysched.engine.asking import PauseRequest, check_resume, instant_of
from anysched.engine.committing import Asked
from anysched.engine.draining import Draining
from anysched.engine.lifecycle import Engine
from anysched.engine.stale import all_holds, lasting, own_pauses
from anysched.errors import HoldLookupError, StoreError
from anysched.model import convert
from anysched.model.change import Change, HoldChange
from anysched.model.hold import Hold, Maintenance, Placed, Selector
from anysched.model.ids import new_id
from anysched.model.pause import Pause
from anysched.model.policies import Missed, ResumeFrom
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.task import Task
from anysched.model.unpaused import UnpausePreview, UnpauseResult
from anysched.ports.queries import ScheduleQuery
from anysched.ports.store import Decide, DecideHold
from anysched.rules import adding, holding, pausing

logger: logging.Logger = logging.getLogger(__name__)


class Holds:
    """Placing, lifting and reading holds."""

    def __init__(self, engine: Engine, timezone: tzinfo, draining: Draining) -> None:
        self._engine = engine
        self._store = engine.settings.store
        self._timezone = timezone
        self._draining = draining

    async def place(self, selector: Selector, hold_id: str | None, how: PauseRequest) -> Hold:
        """Pause all schedules that a selector means, those included that are added later (rule H2)."""
        name = selector.name if hold_id is None else convert.identifier(hold_id, "hold")
        hold, schedules = await self._place(selector, name, how)
        await self._draining.settle(schedules, how)
        return hold

    async def _place(self, selector: Selector, name: str, how: PauseRequest) -> tuple[Hold, Sequence[str]]:
        """Return the hold, and the schedules that it means by now."""
        policy = self._engine.settings.policy
        begun: Pause | None = None

        def wanted(now: datetime) -> Pause:
            nonlocal begun  # for very many schedules the same
            if begun is None or begun.since != now:
                begun = attrs.evolve(how.pause(now, self._timezone), hold=name)
            return begun

        def decide(key: str, stored: ScheduleSnapshot | None, task: Task | None, now: datetime) -> Change:
            snapshot = adding.existing(key, stored)
            if not snapshot.state.pauses:
                return pausing.pause_active(snapshot, now, wanted(now))
            return pausing.pause(snapshot, policy.options(snapshot.schedule, task), now, wanted(now))

        committed = await committing.hold(
            self._engine,
            lambda holds, now: holding.place(holds, selector, wanted(now), now),
            decide,
            Asked(by=how.by, reason=how.reason, again=how.queued != "keep"),
        )
        assert committed.hold is not None
        assert isinstance(committed.hold.hold, Hold)
        return committed.hold.hold, [change.schedule_id for change in committed.changes]

    async def lift(
        self,
        selector: Selector | None,
        hold_id: str | None,
        *,
        resume_from: ResumeFrom,
        missed: Missed,
        by: str | None,
        reason: str | None,
    ) -> list[UnpauseResult]:
        """Lift a hold: schedules that nothing else pauses go on (rule H3)."""
        start = self._start(resume_from, missed)
        decide_hold, decide = self._lifting(selector, hold_id, start, missed)
        asked = Asked(by=by, reason=reason, resume_from=start, missed=missed)
        committed = await committing.hold(self._engine, decide_hold, decide, asked)
        return [change.unpaused for change in committed.changes if change.unpaused is not None]

    async def preview(
        self, selector: Selector | None, hold_id: str | None, *, resume_from: ResumeFrom, missed: Missed
    ) -> list[UnpausePreview]:
        """Tell what a lift would do: it is decided from what is read, and nothing is locked or written (rule P9).

        Deciding about very many schedules takes a while, so a thread does it.
        """
        start = self._start(resume_from, missed)
        decide_hold, decide = self._lifting(selector, hold_id, start, missed)
        now = await self._store.now()
        holds = await self._store.get_holds()
        change = decide_hold({str(hold.id): hold for hold in holds}, now)
        if change is None:
            return []
        found = change.selector
        query = ScheduleQuery(ids=found.ids, task_id=found.task_id, group=found.group, tags=found.tags)
        stored = await self._store.get_schedules(query)
        tasks = {task.id: task for task in await self._store.get_tasks()}

        def previews() -> list[UnpausePreview]:
            return [
                pausing.preview(snapshot, decide(snapshot.id, snapshot, tasks.get(snapshot.task_id), now))
                for snapshot in stored
            ]

        return await anyio.to_thread.run_sync(previews)

    def _start(self, resume_from: ResumeFrom, missed: Missed) -> ResumeFrom:
        """Return where to go on, once it was looked at whether that makes sense."""
        check_resume(resume_from, missed)
        return instant_of(resume_from, self._timezone)

    def _lifting(
        self, selector: Selector | None, hold_id: str | None, start: ResumeFrom, missed: Missed
    ) -> tuple[DecideHold, Decide]:
        """Return the decisions about a hold that goes, and about its schedules."""
        if (selector is None) == (hold_id is None):
            raise ValueError("give either what the hold selects, or its id as hold=")
        name = selector.name if selector else convert.identifier(str(hold_id), "hold")
        policy = self._engine.settings.policy

        def decide_hold(holds: Mapping[str, Placed], now: datetime) -> HoldChange | None:
            return holding.lift(holds, name, now) if selector else holding.lift_existing(holds, name, now)

        def decide(key: str, stored: ScheduleSnapshot | None, task: Task | None, now: datetime) -> Change:
            if stored is None:  # a selector of ids outlives its schedules
                return Change(schedule_id=key)
            options = policy.options(stored.schedule, task)
            return pausing.unpause(stored, options, now, hold=name, resume_from=start, missed=missed)

        return decide_hold, decide

    async def get(self, of: ScheduleSnapshot | None, longer_than: timedelta | None) -> list[Hold]:
        """Return the holds that are not over, then the pauses of single schedules (rules H2 and H6).

        :param of: only what pauses this schedule
        :param longer_than: only what was placed at least so long ago
        """
        if of is None:
            found = await all_holds(self._store)
        else:
            now = self._store.present()
            names = {pause.hold for pause in of.state.pauses if not pause.is_over(now)}
            holds = [hold for hold in await self._store.get_holds() if hold.id in names]
            found = holds + own_pauses([of], now)
        return found if longer_than is None else lasting(found, longer_than, self._store.present())

    @asynccontextmanager
    async def maintenance(
        self, selector: Selector, how: PauseRequest, *, drain: timedelta | None, limit: timedelta
    ) -> AsyncGenerator[Maintenance]:
        """Hold schedules while the block runs, at the longest until a deadline (rule H5)."""
        name = f"maintenance {new_id(self._store.present())}"
        until = self._store.present() + limit
        lasting = attrs.evolve(how, until=until, kind="maintenance")
        try:
            hold, schedules = await self._place(selector, name, lasting)
            running = () if drain is None else await self._draining.wait(schedules, drain)
            yield Maintenance(hold, running)
        except BaseException:
            with (
                anyio.CancelScope(shield=True),
                suppress(StoreError),
            ):  # what went wrong first is what is told
                await self._end(name, until, how)
            raise
        with anyio.CancelScope(shield=True):
            await self._end(name, until, how)

    async def _end(self, name: str, until: datetime, how: PauseRequest) -> None:
        try:
            await self.lift(
                None, name, resume_from=how.resume_from, missed=how.missed, by=how.by, reason=how.reason
            )
        except HoldLookupError:  # its deadline has passed, or somebody has lifted it
            return
        except StoreError:
            logger.warning("the hold %s could not be lifted, and ends at %s", printable(name), until)
            raise
