"""What a scheduler offers about pauses of one schedule."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from anysched._scheduler.base import Base, topic
from anysched.engine.asking import PauseRequest
from anysched.engine.committing import Asked
from anysched.model.policies import Missed, Queued, ResumeFrom, Running
from anysched.model.unpaused import UnpausePreview, UnpauseResult


@topic
class PauseMethods(Base):
    """Pausing and resuming one schedule (rules P1 to P10)."""

    async def pause_schedule(
        self,
        id: str,
        *,
        until: datetime | None = None,
        reason: str | None = None,
        by: str | None = None,
        queued: Queued = "keep",
        resume_from: ResumeFrom = None,
        missed: Missed = "policy",
        running: Running = "leave",
        drain_timeout: timedelta | float | None = None,
        version: str | None = None,
    ) -> None:
        """Pause a schedule: no job is made from it until it is resumed (rules P1 to P4, P10).

        Its next fire time stays where it is; running jobs go on. Pausing a paused schedule changes nothing, but
        ``until``, ``reason`` and ``by`` are replaced when they are given.

        :param until: from when on it counts as resumed, without further calls
        :param reason: free text, shown with the pause
        :param by: who pauses it
        :param queued: what becomes of its jobs that no node has taken: "keep", "hold" until it is resumed, "discard"
        :param resume_from: where to go on at ``until``, as for ``unpause_schedule``
        :param missed: what to do then about the fire times that passed, as for ``unpause_schedule``
        :param running: what becomes of its jobs that are running: "leave"; "cancel" asks whoever runs them to; "drain"
            returns once they have ended, those included that are queued and kept
        :param drain_timeout: how long to wait for that; by default as long as it takes
        :param version: pause it only if its ``state.version``, which each firing changes, is still this one
        :raise ScheduleLookupError: when there is no such schedule
        :raise ScheduleChangedError: when it has another version
        :raise ValueError: when ``until`` does not lie in the future
        :raise JobsStillRunning: when jobs have not ended in time; the schedule is paused all the same
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
        await self._schedules.pause(id, how, version)
        await self._draining.settle([id], how)

    async def unpause_schedule(
        self,
        id: str,
        *,
        resume_from: datetime | Literal["now"] | None = None,
        missed: Missed = "policy",
        reason: str | None = None,
        by: str | None = None,
        version: str | None = None,
    ) -> UnpauseResult:
        """Resume a paused schedule and report what that did (rules P5 to P9).

        Resuming a schedule that is not paused changes nothing. While a hold on a set of schedules pauses it as well, it
        stays paused: ``status`` and ``pauses`` of what is returned say so (rule H3).

        :param resume_from: None goes on from the frozen next fire time, and what passed meanwhile is late;
            "now" begins anew, as if the schedule were added now; a datetime does so from that instant
        :param missed: what to do about the fire times that passed: "policy" treats them as late by the schedule's
            own rules (with "now" that means to skip them), "skip" gives them up, "run_once" makes one job for the
            latest, "run_all" one for each, up to ``max_catchup``; a ``CatchUp`` bounds them by number and age, and
            spaces their starts
        :param reason: free text, kept by the audit (rule A1)
        :param by: who resumes it, kept there as well
        :param version: resume it only if its ``state.version`` is still this one, as read or previewed
        :raise ScheduleLookupError: when there is no such schedule
        :raise ScheduleChangedError: when it has another version
        :raise ValueError: when ``resume_from`` is a string other than "now"
        """
        self._require_running()
        asked = Asked(by=by, reason=reason)
        return await self._schedules.unpause(
            id, resume_from=resume_from, missed=missed, asked=asked, version=version
        )

    async def preview_unpause(
        self,
        id: str,
        *,
        resume_from: datetime | Literal["now"] | None = None,
        missed: Missed = "policy",
    ) -> UnpausePreview:
        """Tell what ``unpause_schedule`` would do with the same arguments at this moment; change nothing.

        :raise ScheduleLookupError: when there is no such schedule
        :raise ValueError: when ``resume_from`` is a string other than "now"
        """
        self._require_running()
        return await self._schedules.preview_unpause(id, resume_from=resume_from, missed=missed)
