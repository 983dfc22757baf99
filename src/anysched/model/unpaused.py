"""What a resume did, and what one would do (rule P9)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import attrs

from anysched.model.occurrence import Occurrence
from anysched.model.pause import Pause
from anysched.model.policies import ScheduleStatus


@attrs.frozen(kw_only=True)
class UnpauseResult:
    """What a resume did (rule P9).

    :ivar schedule_id: the schedule
    :ivar status: its status now; still "paused" when it cannot be read on this node, and one that can will resume it
    :ivar next_fire_time: its next fire time now
    :ivar jobs: ids of the jobs made for fire times that were missed, and for what was due by then
    :ivar start_times: not before when each of these jobs starts: at once, or spaced
    :ivar skipped: how many fire times were given up
    :ivar skipped_exact: False when ``skipped`` is only a lower bound
    :ivar changed: False when there was no such pause (rule P8)
    :ivar pauses: what still pauses it (rule H3)
    """

    schedule_id: str
    status: ScheduleStatus
    next_fire_time: datetime | None
    jobs: tuple[UUID, ...] = ()
    start_times: tuple[datetime, ...] = ()
    skipped: int = 0
    skipped_exact: bool = True
    changed: bool = True
    pauses: tuple[Pause, ...] = ()


@attrs.frozen(kw_only=True)
class UnpausePreview:
    """What a resume would do if it were asked for now; nothing was changed.

    :ivar schedule_id: the schedule
    :ivar version: of the state this was told from; passed to the resume, it makes sure that the preview still holds
    :ivar status: what its status would be
    :ivar next_fire_time: what its next fire time would be
    :ivar fire_times: the fire times that would get a job, in order
    :ivar start_times: not before when each of these jobs would start: at once, or spaced
    :ivar skipped: how many fire times would be given up
    :ivar skipped_exact: False when ``skipped`` is only a lower bound
    :ivar changed: False when the schedule is not paused (rule P8)
    :ivar occurrences: the fire times that would still be skipped or moved by name afterwards
    """

    schedule_id: str
    version: str
    status: ScheduleStatus
    next_fire_time: datetime | None
    fire_times: tuple[datetime, ...] = ()
    start_times: tuple[datetime, ...] = ()
    skipped: int = 0
    skipped_exact: bool = True
    changed: bool = True
    occurrences: tuple[Occurrence, ...] = ()
