"""What a scheduler tells of the past and the future of schedules."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from anysched._scheduler.base import Base, topic
from anysched.model.history import FireTime


@topic
class HistoryMethods(Base):
    """What came of fire times, what is to come, and why (rules G1 to G3)."""

    async def get_fire_times(
        self,
        id: str,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        limit: int = 1000,
        count: int | None = None,
    ) -> list[FireTime]:
        """Tell what came of the fire times of a schedule, and what is to come of the next ones (rule G2).

        Each fire time is told once, alone or in a span of those with the same fate; jobs that somebody asked for by
        hand stand among them, at the time when they were to start. The past is what the history holds (rule G3), the
        future is decided as it will be: with what was skipped or moved, with jitter, and with the end of a pause.
        Spans that begin before ``start``, or end after ``end``, are told as a whole.

        With ``count`` the next so many runs are told, and nothing else: one by one, in the order of their ``due_at``,
        with all that is known now applied - jitter, windows, holds and other pauses, what was skipped or moved, and
        lateness as if it were decided now. What a pause without an end holds back is not among them, nor what was asked
        for by hand or is left to backfills.

        :param start: from this instant on; by default from a day ago, or from the tenth latest if that is earlier
        :param end: up to this instant, inclusive; by default up to the tenth that is to come
        :param limit: how many at most, up to 10,000: those that come first from ``start`` on, without it the latest
        :param count: how many of the next runs to tell, up to 10,000; ``start`` is then what comes next by default, and
            there is no end by default; ``limit`` does not matter
        :return: in the order of time; instants are in UTC
        :raise ScheduleLookupError: when there is no such schedule
        :raise TypeError, ValueError: naming the argument that makes no sense, as an ``end`` before ``start``
        :raise TriggerError: when its trigger does not work, and the schedule was not set aside for that
        """
        self._require_running()
        return await self._history.get_fire_times(id, start, end, limit, count)

    async def explain(self, id: str, instant: datetime | Literal["next"] = "next") -> str:
        """Tell why a schedule did or did not run at an instant, or what will happen then (rule G2).

        :param instant: a fire time, as the trigger says it, or the instant that one was moved to; "next" for what
            is due next
        :return: one sentence in English, with times in the time zone of the trigger, else in the scheduler's
        :raise ScheduleLookupError: when there is no such schedule
        :raise TypeError, ValueError: when that is no instant
        """
        self._require_running()
        return await self._history.explain(id, instant)
