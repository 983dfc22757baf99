"""What can be asked about the clocks of time zones."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field

from anysched import AsyncScheduler, ClockChange
from anysched.integrations._answers import Document
from anysched.integrations._operations import Operation
from anysched.integrations._requests import OneQuery


class ClockChangesQuery(OneQuery):
    """Which changes of the clocks to tell of."""

    count: int = Field(default=2, ge=1, le=50)
    """How many of the next at most."""


class ClockEffectDocument(Document):
    """A wall time of a schedule that the clocks skip, or show twice."""

    wall_time: datetime
    """Without an offset: it has none, or two."""
    fire_times: list[datetime]
    """When it fires; empty if it is left out."""
    policy: str
    """What of the trigger has decided that, such as `gap='after'`."""
    sentence: str
    """The same in English."""


class ClockChangeDocument(Document):
    """The clocks of a time zone are set, and what that does to a schedule."""

    at: datetime
    timezone: str
    direction: Literal["forward", "back"]
    offset_before: float
    """Seconds ahead of UTC."""
    offset_after: float
    """Seconds ahead of UTC."""
    effects: list[ClockEffectDocument]
    is_complete: bool
    """False if there are more effects than these."""
    fire_times: list[datetime]
    """The fire times near."""
    sentence: str
    """All of it in English, of many effects the first."""


class ClockChangeList(Document):
    """Changes of the clocks in the order of time."""

    clock_changes: list[ClockChangeDocument]


async def preview_clock_changes(scheduler: AsyncScheduler, query: ClockChangesQuery) -> ClockChangeList:
    """Tell what happens to a schedule where the clocks of its time zones are set next."""
    found = await scheduler.preview_clock_changes(query.id, count=query.count)
    return ClockChangeList(clock_changes=[clock_change_document(change) for change in found])


def clock_change_document(change: ClockChange) -> ClockChangeDocument:
    """Return a change of the clocks as it is shown."""
    return ClockChangeDocument(
        at=change.at,
        timezone=change.timezone,
        direction=change.direction,
        offset_before=change.offset_before / timedelta(seconds=1),
        offset_after=change.offset_after / timedelta(seconds=1),
        effects=[
            ClockEffectDocument(
                wall_time=effect.wall_time,
                fire_times=list(effect.fire_times),
                policy=effect.policy,
                sentence=effect.sentence,
            )
            for effect in change.effects
        ],
        is_complete=change.is_complete,
        fire_times=list(change.fire_times),
        sentence=str(change),
    )


CLOCK_OPERATIONS: tuple[Operation, ...] = (
    Operation(
        run=preview_clock_changes,
        method="GET",
        changes=False,
        path="/schedule/clock-changes",
        query=ClockChangesQuery,
        answer=ClockChangeList,
        errors=(404,),
    ),
)
