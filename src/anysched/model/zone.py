"""What is known of time zones, and what a store keeps of it (rule T12)."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from typing import Final

import attrs

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)


@attrs.frozen(kw_only=True)
class ZoneData:
    """What the time zone database says of a zone, in the years that matter.

    :ivar name: such as "Europe/Helsinki"
    :ivar version: the version of the database, such as "2026b"; None where it is not known
    :ivar offsets: from which second since 1970, in UTC, the clocks are how many seconds ahead of UTC; in order, and
        the first offset holds before as well
    """

    name: str
    version: str | None
    offsets: tuple[tuple[int, int], ...]

    def wall(self, instant: datetime) -> datetime:
        """Return what the clocks of the zone show at an instant, as a naive datetime."""
        at = (instant - _EPOCH) // _SECOND
        index = bisect_right(self.offsets, at, key=lambda pair: pair[0]) - 1
        return instant.replace(tzinfo=None) + timedelta(seconds=self.offsets[max(index, 0)][1])

    def instants(self, wall: datetime) -> list[datetime]:
        """Return the instants at which the clocks show a wall time: none, one, two; in order."""
        found = {wall - timedelta(seconds=offset) for _, offset in self.offsets}
        aware = (instant.replace(tzinfo=UTC) for instant in found)
        return sorted(instant for instant in aware if self.wall(instant) == wall)


@attrs.frozen(kw_only=True)
class ZoneRecord:
    """What a store keeps of a zone that its schedules use.

    :ivar data: by what fire times are computed
    :ivar before: by what they were computed before that; None if it is not known
    :ivar unsettled_until: nodes with the data of before may still be at work, so up to this instant a node that starts
        looks through fire times again; None where there is no need
    """

    data: ZoneData
    before: ZoneData | None = None
    unsettled_until: datetime | None = None
