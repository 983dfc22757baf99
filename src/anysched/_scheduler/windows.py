"""What a scheduler offers about windows, in which schedules do not run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from anysched._scheduler.base import Base, topic
from anysched.engine.preparing import prepare
from anysched.model.hold import PlacedWindow
from anysched.model.policies import WindowMode
from anysched.model.trigger import Trigger
from anysched.triggers.base import require_zone


@topic
class WindowMethods(Base):
    """Spans of time in which sets of schedules do not run (rules W1 to W5)."""

    async def add_window(
        self,
        id: str,
        *,
        mode: WindowMode = "skip",
        trigger: Trigger | None = None,
        duration: timedelta | float | None = None,
        dates: Iterable[tuple[datetime, datetime] | tuple[date, date]] = (),
        timezone: tzinfo | str | None = None,
        ids: Iterable[str] | None = None,
        group: str | None = None,
        tags: Iterable[str] | None = None,
        task: Callable[..., Any] | str | None = None,
        everything: bool = False,
        allow_overlap: bool = False,
        reason: str | None = None,
        by: str | None = None,
    ) -> PlacedWindow:
        """Say when all schedules that meet every condition do not run, in one transaction (rules W1 to W4)::

            await scheduler.add_window(
                "backup", mode="defer", trigger=CronTrigger("0 2 * * *"), duration=7200, group="reports"
            )

        Spans of time recur, with ``trigger`` and ``duration``, or are given by ``dates``. Schedules that are added
        later, and meet the conditions, are meant too. Fire times from now on count, those that have passed do not.
        The same id again, with the same conditions, replaces all the rest.

        :param id: what it is removed by; holds and windows share their ids
        :param mode: "skip" leaves out fire times in a span; "defer" puts them off to its end, where they are treated
            as late ones are by ``coalesce``
        :param trigger: where each span begins; one without a start of its own counts from now
        :param duration: how long each of these is, in elapsed time, and no longer than from one to the next
        :param dates: instead of both, from when to when: pairs of datetimes, the second exclusive, or of dates, which
            stand for whole days, the second inclusive
        :param timezone: the time zone, or the name of one, of a trigger, datetimes and dates that have none; by
            default the scheduler's
        :param ids: these schedules, which must exist; joined with no other condition
        :param group: schedules of this group
        :param tags: schedules that carry all of these tags
        :param task: schedules of this task
        :param everything: all schedules; joined with no other condition
        :param allow_overlap: let it overlap with other windows of the same schedules, as holidays do with nights: then
            skipping wins over deferring, and what is deferred runs outside of all of them (rule W3)
        :param reason: free text, shown with the window
        :param by: who adds it
        :return: the window as it is stored
        :raise ValueError: when no condition is given, when the window has no span left, or spans that overlap among
            themselves or, unless ``allow_overlap``, with another window of one of the schedules
        :raise ScheduleLookupError: when one of ``ids`` does not exist; nothing is changed then
        :raise ConflictingHoldError: when the id is that of a hold, or of a window on other schedules
        :raise TriggerError: when ``trigger`` does not work
        :raise DeserializationError: when one of the schedules cannot be read on this node
        """
        self._require_running()
        await prepare(trigger)
        window = self._windows.window(
            id,
            mode=mode,
            trigger=trigger,
            duration=duration,
            dates=dates,
            timezone=None if timezone is None else require_zone(timezone),
            reason=reason,
            by=by,
        )
        selector = await self._selector(ids, group, tags, task, everything)
        return await self._windows.add(selector, window, allow_overlap=allow_overlap)

    async def remove_window(self, id: str, *, reason: str | None = None, by: str | None = None) -> None:
        """End a window now: what it covered and is to come runs again, what has passed does not (rule W4).

        :param reason: free text, told by the event ``WindowRemoved``
        :param by: who removes it
        :raise WindowLookupError: when there is no window with this id
        :raise DeserializationError: when one of the schedules cannot be read on this node
        """
        self._require_running()
        await self._windows.remove(id, reason=reason, by=by)

    async def get_windows(self, *, schedule_id: str | None = None) -> list[PlacedWindow]:
        """Return the windows that are not over, ordered by id (rule W1).

        :param schedule_id: only those that mean this schedule
        :raise ScheduleLookupError: when there is no such schedule
        """
        self._require_running()
        of = None if schedule_id is None else await self._schedules.get_one(schedule_id)
        return await self._windows.get(of)
