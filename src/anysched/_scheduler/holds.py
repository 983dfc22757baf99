"""What a scheduler offers about holds, which pause sets of schedules."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, Literal

from anysched._scheduler.base import Base, topic
from anysched.engine.asking import PauseRequest
from anysched.model import convert
from anysched.model.hold import Hold, Maintenance, Selector
from anysched.model.policies import Missed, Queued, ResumeFrom, Running
from anysched.model.unpaused import UnpausePreview, UnpauseResult


@topic
class HoldMethods(Base):
    """Pausing and resuming sets of schedules by holds (rules H1 to H6)."""

    async def pause_schedules(
        self,
        *,
        ids: Iterable[str] | None = None,
        group: str | None = None,
        tags: Iterable[str] | None = None,
        task: Callable[..., Any] | str | None = None,
        everything: bool = False,
        hold: str | None = None,
        until: datetime | None = None,
        reason: str | None = None,
        by: str | None = None,
        queued: Queued = "keep",
        resume_from: ResumeFrom = None,
        missed: Missed = "policy",
        running: Running = "leave",
        drain_timeout: timedelta | float | None = None,
    ) -> Hold:
        """Pause all schedules that meet every condition, in one transaction, by a hold (rules H1, H2 and H4).

        The hold is a record of its own: schedules that are added later, and meet the conditions, are paused by it
        too. Several may pause a schedule, besides a pause of its own; it goes on when the last of them is lifted.
        The same call again changes nothing but ``until``, ``reason`` and ``by``, if given.

        :param ids: these schedules, which must exist; joined with no other condition
        :param group: schedules of this group
        :param tags: schedules that carry all of these tags
        :param task: schedules of this task
        :param everything: all schedules; joined with no other condition
        :param hold: an id for the hold, to have several on the same schedules; by default made from the conditions
        :param until: from when on it counts as lifted, without further calls; without a zone, in the scheduler's
        :param reason: free text, shown with the hold
        :param by: who pauses
        :param queued: what becomes of jobs that no node has taken: "keep", "hold" until they are resumed, "discard"
        :param resume_from: where to go on at ``until``, as for ``unpause_schedule``
        :param missed: what to do then about the fire times that passed, as for ``unpause_schedule``
        :param running: what becomes of jobs that are running, as for ``pause_schedule``
        :param drain_timeout: how long to wait for them under "drain"; by default as long as it takes
        :return: the hold, by whose id it can be lifted
        :raise ValueError: when no condition is given, or ``until`` does not lie in the future
        :raise ScheduleLookupError: when one of ``ids`` does not exist; nothing is paused then
        :raise ConflictingHoldError: when the hold exists, and is about other schedules
        :raise JobsStillRunning: when jobs have not ended in time; the hold is placed all the same
        """
        self._require_running()
        how = PauseRequest(
            until=until,
            reason=reason,
            by=by,
            queued=queued,
            resume_from=resume_from,
            missed=missed,
            running=running,
            drain_timeout=drain_timeout,
        )
        selector = await self._selector(ids, group, tags, task, everything)
        return await self._holds.place(selector, hold, how)

    async def unpause_schedules(
        self,
        *,
        ids: Iterable[str] | None = None,
        group: str | None = None,
        tags: Iterable[str] | None = None,
        task: Callable[..., Any] | str | None = None,
        everything: bool = False,
        hold: str | None = None,
        resume_from: datetime | Literal["now"] | None = None,
        missed: Missed = "policy",
        reason: str | None = None,
        by: str | None = None,
    ) -> list[UnpauseResult]:
        """Lift a hold, named by its id or by the same conditions that it was placed with (rules H3 and H4).

        Schedules that nothing else pauses go on, as this call says; others stay paused, and go on as whoever lifts
        the last of their pauses says. Conditions under which there is no hold change nothing.

        :param hold: the id of the hold, instead of conditions
        :param resume_from: where to go on, as for ``unpause_schedule``
        :param missed: what to do about the fire times that passed, as for ``unpause_schedule``
        :param reason: free text, kept by the audit (rule A1)
        :param by: who lifts it, kept there as well
        :return: what became of each schedule that it had paused, ordered by id
        :raise ValueError: when neither conditions nor a hold are given, or both
        :raise HoldLookupError: when there is no hold with the id that is given
        """
        self._require_running()
        selector = await self._selector_of_lift(ids, group, tags, task, everything, hold)
        return await self._holds.lift(
            selector, hold, resume_from=resume_from, missed=missed, by=by, reason=reason
        )

    async def preview_unpause_schedules(
        self,
        *,
        ids: Iterable[str] | None = None,
        group: str | None = None,
        tags: Iterable[str] | None = None,
        task: Callable[..., Any] | str | None = None,
        everything: bool = False,
        hold: str | None = None,
        resume_from: datetime | Literal["now"] | None = None,
        missed: Missed = "policy",
    ) -> list[UnpausePreview]:
        """Tell what ``unpause_schedules`` would do with the same arguments at this moment; change nothing (rule P9).

        Nothing is locked meanwhile: what happens to some of very many schedules while they are read may be seen or not.

        :return: what would become of each schedule that it has paused, ordered by id
        :raise ValueError: when neither conditions nor a hold are given, or both
        :raise HoldLookupError: when there is no hold with the id that is given
        """
        self._require_running()
        selector = await self._selector_of_lift(ids, group, tags, task, everything, hold)
        return await self._holds.preview(selector, hold, resume_from=resume_from, missed=missed)

    async def _selector_of_lift(
        self,
        ids: Iterable[str] | None,
        group: str | None,
        tags: Iterable[str] | None,
        task: Callable[..., Any] | str | None,
        everything: bool,
        hold: str | None,
    ) -> Selector | None:
        """Return what conditions select, None where a hold is named instead of them."""
        given = ids is not None or group is not None or tags is not None or task is not None or everything
        return await self._selector(ids, group, tags, task, everything) if given or hold is None else None

    async def get_holds(
        self, *, schedule_id: str | None = None, longer_than: timedelta | float | None = None
    ) -> list[Hold]:
        """Return what pauses schedules: first the holds on sets of them, by id, then pauses of single ones (rule H2).

        :param schedule_id: only what pauses this schedule
        :param longer_than: only what was placed at least so long ago, which somebody may have forgotten (rule H6)
        :raise ScheduleLookupError: when there is no such schedule
        """
        self._require_running()
        of = None if schedule_id is None else await self._schedules.get_one(schedule_id)
        return await self._holds.get(
            of, None if longer_than is None else convert.duration(longer_than, "longer_than")
        )

    @asynccontextmanager
    async def maintenance(
        self,
        *,
        ids: Iterable[str] | None = None,
        group: str | None = None,
        tags: Iterable[str] | None = None,
        task: Callable[..., Any] | str | None = None,
        everything: bool = False,
        reason: str | None = None,
        by: str | None = None,
        queued: Queued = "hold",
        drain: timedelta | float | None = None,
        limit: timedelta | float = 3600,
        resume_from: datetime | Literal["now"] | None = None,
        missed: Missed = "policy",
    ) -> AsyncGenerator[Maintenance]:
        """Hold schedules for as long as the block runs (rule H5)::

            async with scheduler.maintenance(tags={"non-critical"}, reason="deploy 142", drain=30):
                ...

        The hold is one of its own each time. It ends with the block, however that ends, or at its deadline, if whoever
        placed it has crashed or takes longer.

        :param ids, group, tags, task, everything: which schedules, as for ``pause_schedules``
        :param reason: free text, shown with the hold
        :param by: who does it
        :param queued: what becomes of jobs that no node has taken: "hold" until the end, "keep" or "discard"
        :param drain: wait up to this long, before the block begins, until no job of these schedules is running any
            more; ``running`` of what the block gets tells which still are. By default nobody waits.
        :param limit: the deadline: after this long it is over in any case
        :param resume_from: where the schedules go on then, as for ``unpause_schedule``
        :param missed: what to do about the fire times that passed, as for ``unpause_schedule``
        :raise ValueError: when no condition is given
        :raise ScheduleLookupError: when one of ``ids`` does not exist
        :raise StoreError: at the end, when the hold cannot be lifted; it ends at the deadline then. What
            the block itself has raised goes before that.
        """
        self._require_running()
        how = PauseRequest(
            until=None, reason=reason, by=by, queued=queued, resume_from=resume_from, missed=missed
        )
        patience = None if drain is None else convert.duration(drain, "drain")
        longest = convert.positive_duration(limit, "limit")
        selector = await self._selector(ids, group, tags, task, everything)
        async with self._holds.maintenance(selector, how, drain=patience, limit=longest) as maintenance:
            yield maintenance
