"""What a scheduler offers about backfills."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from anysched._scheduler.base import Base, topic
from anysched.engine.backfills import BackfillRequest
from anysched.engine.committing import Asked
from anysched.model import convert
from anysched.model.backfill import Backfill, BackfillPlan
from anysched.model.policies import BackfillOrder, Reprocess


@topic
class BackfillMethods(Base):
    """Running fire times of the past (rules F1 to F4)."""

    async def backfill(
        self,
        id: str,
        start: datetime,
        end: datetime,
        *,
        reprocess: Reprocess = "none",
        order: BackfillOrder = "oldest",
        max_running: int = 1,
        dry_run: bool = False,
        reason: str | None = None,
        by: str | None = None,
    ) -> BackfillPlan:
        """Make jobs for the fire times of a schedule from ``start`` to ``end``, bit by bit (rules F1 to F4).

        Which fire times that are is settled by the call, with the trigger as it is now; later changes of the trigger
        do not matter. The jobs bear the arguments that the schedule has when they are made, have the kind "backfill",
        their fire time and no deadline. The schedule itself goes on meanwhile, or stays paused, and fires none of the
        fire times that were missed and are left to the backfill.

        Where no fire time is left to run, nothing is begun, and ``plan.backfill`` is None.

        :param id: the schedule; one that is finished or paused will do, one that was set aside will not
        :param start: the first instant, inclusive; in the past
        :param end: the last instant, inclusive; not in the future
        :param reprocess: what becomes of fire times that have run: "none" leaves them out, "failed" takes those whose
            last run did not succeed, "all" takes them all. A job that never started is no run. What the history does
            not know any more counts as not run; ``plan.unknown`` tells how many these are
        :param order: make the jobs from the "oldest" or from the "newest" fire time on
        :param max_running: how many of the jobs may wait or run at once, from 1 to 1,000
        :param dry_run: tell what would be done at this moment, and do nothing
        :param reason: free text, shown in ``get_backfills``
        :param by: who asks
        :return: the fire times, how many were left out and why, and the backfill that was begun
        :raise ScheduleLookupError: when there is no such schedule
        :raise ConflictingBackfillError: when another backfill of it is about the same time, and is not over
        :raise ValueError: when the range is empty, lies in the future, or has no fire time or more than 10,000; when
            nobody can know what has run, as ``Retention(history=None)`` keeps nothing; when the schedule was set aside
        :raise ScheduleChangedError: when it changes so fast that there is no time to decide
        :raise TriggerError: when its trigger does not work
        :raise DeserializationError: when it cannot be read on this node
        """
        self._require_running()
        asked = BackfillRequest(
            start=start,
            end=end,
            reprocess=reprocess,
            order=order,
            max_running=max_running,
            reason=reason,
            by=by,
        )
        return await self._backfills.begin(id, asked, dry_run=convert.boolean(dry_run, "dry_run"))

    async def get_backfills(self, schedule_id: str | None = None) -> list[Backfill]:
        """Return backfills in the order in which they were asked for: those under way, and the latest that are over.

        Of each schedule 10 are kept that are over, and more while it has not passed their fire times.

        :param schedule_id: only those of this schedule
        :raise ScheduleLookupError: when there is no such schedule
        """
        self._require_running()
        return await self._backfills.get(schedule_id)

    async def pause_backfill(self, id: UUID, *, reason: str | None = None, by: str | None = None) -> Backfill:
        """Let a backfill make no more jobs for now; those that there are go on (rule F3). Return it as it is now.

        :param id: the backfill, as ``plan.id`` and ``get_backfills`` tell; pausing a paused one changes nothing
        :param reason: free text, kept by the audit
        :param by: who asks, kept there as well
        :raise BackfillLookupError: when there is none
        :raise ValueError: when it is over
        """
        self._require_running()
        return await self._backfills.pause(id, Asked(by=by, reason=reason))

    async def resume_backfill(
        self, id: UUID, *, reason: str | None = None, by: str | None = None
    ) -> Backfill:
        """Let a paused backfill go on (rule F3), and return it as it is now.

        Its jobs are counted anew, so this also sets one going that waits for a job which nobody knows of any more.

        :param id: the backfill
        :param reason: free text, kept by the audit
        :param by: who asks, kept there as well
        :raise BackfillLookupError: when there is none
        :raise ValueError: when it is over
        """
        self._require_running()
        return await self._backfills.resume(id, Asked(by=by, reason=reason))

    async def cancel_backfill(
        self, id: UUID, *, reason: str | None = None, by: str | None = None
    ) -> Backfill:
        """End a backfill and its queued jobs; running ones go on (rule F3). Return it as it is now.

        Missed fire times that it had taken over and not made a job for come back to the schedule, which treats them as
        late, unless it has dealt with later ones already (rule F4). Nothing becomes of one that is over.

        :param id: the backfill
        :param reason: free text, kept by the audit
        :param by: who asks, kept there as well
        :raise BackfillLookupError: when there is none
        """
        self._require_running()
        return await self._backfills.cancel(id, Asked(by=by, reason=reason))
