"""What a scheduler offers about single fire times."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from anysched._scheduler.base import Base, topic
from anysched.engine.committing import Asked


@topic
class OccurrenceMethods(Base):
    """Skipping, moving and restoring single fire times (rules O1 to O4)."""

    async def skip_fire_time(
        self,
        id: str,
        fire_time: datetime | Literal["next"] = "next",
        *,
        reason: str | None = None,
        by: str | None = None,
        version: str | None = None,
    ) -> datetime:
        """Leave out one fire time of a schedule, and return which (rules O1 and O2).

        It gets no job, and is counted in ``state.skipped`` when its time has come. All others stay as they are, and so
        does the configuration. Until then ``restore_fire_time`` takes it back.

        :param fire_time: a fire time to come, as the trigger says it, without jitter; "next" for what is due next
        :param reason: free text, shown in ``state.occurrences``
        :param by: who asks
        :param version: skip it only if the schedule's ``state.version``, which each firing changes, is still this one
        :return: the fire time, in UTC
        :raise ScheduleLookupError: when there is no such schedule
        :raise ScheduleChangedError: when it has another version
        :raise ValueError: when the schedule has no such fire time to come; the nearest are named
        :raise TriggerError: when its trigger does not work
        :raise DeserializationError: when the schedule cannot be read on this node
        """
        self._require_running()
        return await self._schedules.skip_fire_time(id, fire_time, reason=reason, by=by, version=version)

    async def move_fire_time(
        self,
        id: str,
        fire_time: datetime | Literal["next"] = "next",
        *,
        to: datetime,
        reason: str | None = None,
        by: str | None = None,
        version: str | None = None,
    ) -> datetime:
        """Run one fire time of a schedule at another instant, earlier or later, and return which (rules O1 to O3).

        Its job keeps ``scheduled_fire_time``, and is due at ``to``. All others stay as they are, and so does the
        configuration. Until its job is made, it can be moved again, skipped, or restored by ``restore_fire_time``.

        :param fire_time: a fire time to come, as the trigger says it, without jitter; "next" for what is due next
        :param to: when to run it; in the future, at no other fire time of the schedule
        :param reason: free text, shown in ``state.occurrences``
        :param by: who asks
        :param version: move it only if the schedule's ``state.version``, which each firing changes, is still this one
        :return: the fire time, in UTC
        :raise ScheduleLookupError: when there is no such schedule
        :raise ScheduleChangedError: when it has another version
        :raise ValueError: when the schedule has no such fire time to come, or ``to`` is past or taken
        :raise TriggerError: when its trigger does not work
        :raise DeserializationError: when the schedule cannot be read on this node
        """
        self._require_running()
        return await self._schedules.move_fire_time(id, fire_time, to, reason=reason, by=by, version=version)

    async def restore_fire_time(
        self,
        id: str,
        fire_time: datetime,
        *,
        reason: str | None = None,
        by: str | None = None,
        version: str | None = None,
    ) -> None:
        """Take back that a fire time was skipped or moved: it is again what the trigger says (rule O4).

        :param fire_time: the fire time, as the trigger says it: as it was returned, and stands in ``state.occurrences``
        :param reason: free text, kept by the audit (rule A1)
        :param by: who asks, kept there as well
        :param version: do so only if the schedule's ``state.version``, which each firing changes, is still this one
        :raise ScheduleLookupError: when there is no such schedule
        :raise ScheduleChangedError: when it has another version
        :raise ValueError: when it was not skipped or moved, or something has come of it or of later fire times
        :raise TriggerError: when its trigger does not work
        :raise DeserializationError: when the schedule cannot be read on this node
        """
        self._require_running()
        asked = Asked(by=by, reason=reason)
        await self._schedules.restore_fire_time(id, fire_time, asked=asked, version=version)
