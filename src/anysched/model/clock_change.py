"""What happens to a trigger where the clocks of its zone are set, told before it happens."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

import attrs

_FOLD_WORDS: Final = {"first": "at the first", "last": "at the last", "both": "both times"}

#: So many effects are told in words.
_MOST_TOLD: Final = 3


@attrs.frozen(kw_only=True)
class ClockEffect:
    """A wall time of a trigger that the clocks skip, or show twice.

    :ivar wall_time: the wall time, naive
    :ivar fire_times: when it fires, in UTC; empty if it is left out
    :ivar policy: what has decided that, as it is given to a trigger: "gap='after'"
    :ivar sentence: the same in words
    """

    wall_time: datetime
    fire_times: tuple[datetime, ...]
    policy: str
    sentence: str


@attrs.frozen(kw_only=True)
class ClockChange:
    """The clocks of a zone are set, and what that does to a trigger (rule T6).

    :ivar at: the first instant at which they show something else, in UTC
    :ivar timezone: the name of the zone
    :ivar offset_before: how far they were ahead of UTC
    :ivar offset_after: how far they are ahead from then on
    :ivar effects: the wall times of the trigger that are skipped or shown twice, the first 20 at most, in order
    :ivar is_complete: False if there are more of them
    :ivar fire_times: all fire times near, in UTC: those from a day before to a day after, or fewer where there would be
        more than 100 before or after
    """

    at: datetime
    timezone: str
    offset_before: timedelta
    offset_after: timedelta
    effects: tuple[ClockEffect, ...] = ()
    is_complete: bool = True
    fire_times: tuple[datetime, ...] = ()

    @property
    def direction(self) -> Literal["forward", "back"]:
        """Whether the clocks go forward, and skip wall times, or back, and show some twice."""
        return "forward" if self.offset_after > self.offset_before else "back"

    @property
    def wall_times(self) -> tuple[datetime, datetime]:
        """The wall times that are skipped or shown twice, naive: from the first, inclusive, to the last, exclusive."""
        shown = self.at.replace(tzinfo=None)
        first, last = sorted((shown + self.offset_before, shown + self.offset_after))
        return first, last

    def __str__(self) -> str:
        """Return it in words."""
        shown = self.at.replace(tzinfo=None)
        old, new = shown + self.offset_before, shown + self.offset_after
        until = clock_time(new) if new.date() == old.date() else f"{new.date()} {clock_time(new)}"
        head = f"On {old.date()} at {clock_time(old)} the clocks of {self.timezone} go {self.direction} to {until}."
        if not self.effects:
            what = "is skipped" if self.direction == "forward" else "comes twice"
            return f"{head} No fire time {what}."
        told = [effect.sentence for effect in self.effects[:_MOST_TOLD]]
        number = len(self.effects) - len(told)
        if number or not self.is_complete:
            told.append(f"And {number} more." if self.is_complete else f"And more than {number} more.")
        return " ".join([head, *told])


def clock_time(wall: datetime) -> str:
    """Return what a clock shows, with seconds if there are any."""
    return wall.strftime("%H:%M:%S" if wall.second or wall.microsecond else "%H:%M")


def sentence(wall: datetime, zone: ZoneInfo, fire_times: tuple[datetime, ...], policy: str, word: str) -> str:
    """Return in words what a policy does to a wall time.

    :param policy: "gap" or "fold"
    :param word: which
    """
    named = f"{policy}={word!r}"
    if policy == "fold":
        return f"{clock_time(wall)} comes twice on {wall.date()}: it fires {_FOLD_WORDS[word]} ({named})."
    missing = f"{clock_time(wall)} does not exist on {wall.date()}"
    if not fire_times:
        return f"{missing}: it is left out ({named})."
    shown = fire_times[0].astimezone(zone)
    when = clock_time(shown) if shown.date() == wall.date() else f"{clock_time(shown)} on {shown.date()}"
    return f"{missing}: it fires at {when} ({named})."
