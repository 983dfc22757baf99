"""What is said of whole sets of schedules: selectors, holds and windows (rules H1 to H5 and W1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import sha256

import attrs

from anysched.model import convert
from anysched.model.job import Job
from anysched.model.pause import Pause
from anysched.model.policies import PauseKind
from anysched.model.schedule import Schedule
from anysched.model.window import Window

#: A name made from a selector is no longer than this; ids beyond that are told apart by their hash.
_LONGEST_NAME = 200


def _ids(value: Iterable[str] | None) -> frozenset[str] | None:
    return None if value is None else _some(convert.identifiers(value, "ids"), "ids")


def _tags(value: Iterable[str] | None) -> frozenset[str] | None:
    return None if value is None else _some(convert.tags(value), "tags")


def _some(value: frozenset[str], name: str) -> frozenset[str]:
    if not value:
        raise ValueError(f"{name} must not be empty: that would select nothing, and is seldom meant")
    return value


def _task_id(value: str | None) -> str | None:
    return None if value is None else convert.identifier(value, "the task id")


def _everything(value: bool) -> bool:
    return convert.boolean(value, "everything")


@attrs.frozen(kw_only=True)
class Selector:
    """Which schedules are meant: those that meet all conditions that are given (rule H1).

    :ivar ids: schedules by id; joined with no other condition
    :ivar group: schedules of this group
    :ivar tags: schedules that carry all of these tags
    :ivar task_id: schedules of this task
    :ivar everything: all schedules; joined with no other condition
    :raise ValueError: when nothing is selected, so that nobody selects everything by accident
    """

    ids: frozenset[str] | None = attrs.field(default=None, converter=_ids)
    group: str | None = attrs.field(default=None, converter=convert.group)
    tags: frozenset[str] | None = attrs.field(default=None, converter=_tags)
    task_id: str | None = attrs.field(default=None, converter=_task_id)
    everything: bool = attrs.field(default=False, converter=_everything)

    def __attrs_post_init__(self) -> None:
        joined = sum(condition is not None for condition in (self.group, self.tags, self.task_id))
        alone = (self.ids is not None) + self.everything
        if not joined and not alone:
            raise ValueError("nothing is selected: give ids, a group, tags, a task, or everything=True")
        if alone and joined + alone > 1:
            raise ValueError("ids and everything=True are joined with no other condition")

    def matches(self, schedule: Schedule) -> bool:
        """Return whether a schedule is among those meant."""
        if self.ids is not None:
            return schedule.id in self.ids
        return (
            (self.group is None or schedule.group == self.group)
            and (self.tags is None or self.tags <= schedule.tags)
            and (self.task_id is None or schedule.task_id == self.task_id)
        )

    def __str__(self) -> str:
        if self.everything:
            return "everything"
        parts = [
            ("ids", None if self.ids is None else ",".join(sorted(self.ids))),
            ("group", self.group),
            ("tags", None if self.tags is None else ",".join(sorted(self.tags))),
            ("task", self.task_id),
        ]
        return " ".join(f"{name}={text}" for name, text in parts if text is not None)

    @property
    def name(self) -> str:
        """The id of a hold on these schedules that is given no other: the same for the same selector."""
        text = str(self)
        if len(text) <= _LONGEST_NAME:
            return text
        return f"{text[: _LONGEST_NAME - 33]}#{sha256(text.encode()).hexdigest()[:32]}"


@attrs.frozen
class Hold:
    """A pause of all schedules that a selector means, those included that are added later (rule H2).

    :ivar selector: the schedules
    :ivar pause: what is stored with each of them
    """

    selector: Selector
    pause: Pause

    @property
    def id(self) -> str | None:
        """What it is lifted by; None for the pause of a single schedule, which ``unpause_schedule`` lifts."""
        return self.pause.hold

    @property
    def since(self) -> datetime:
        """When it was placed."""
        return self.pause.since

    @property
    def until(self) -> datetime | None:
        """When it ends by itself; None for an open end."""
        return self.pause.until

    @property
    def reason(self) -> str | None:
        """Why, in free text."""
        return self.pause.reason

    @property
    def by(self) -> str | None:
        """Who placed it."""
        return self.pause.by

    @property
    def kind(self) -> PauseKind:
        """What placed it: a person, maintenance, failures."""
        return self.pause.kind

    def is_over(self, now: datetime) -> bool:
        """Return whether it has ended by itself (rule P10)."""
        return self.pause.is_over(now)


@attrs.frozen
class PlacedWindow:
    """A window, and the schedules that it is about, those included that are added later (rule W1).

    :ivar selector: the schedules
    :ivar window: what is stored with each of them
    """

    selector: Selector
    window: Window

    @property
    def id(self) -> str:
        """What it is removed by."""
        return self.window.id

    @property
    def since(self) -> datetime:
        """When it was added, or its spans changed."""
        return self.window.since

    @property
    def until(self) -> datetime | None:
        """When its last span ends; None if there is no last one, or it is not known."""
        return self.window.until

    @property
    def reason(self) -> str | None:
        """Why, in free text."""
        return self.window.reason

    @property
    def by(self) -> str | None:
        """Who added it."""
        return self.window.by

    def is_over(self, now: datetime) -> bool:
        """Return whether its last span is over."""
        return self.window.is_over(now)


#: What is placed on a set of schedules, under an id.
Placed = Hold | PlacedWindow


@attrs.frozen
class Maintenance:
    """Schedules are held while a block of code runs (rule H5).

    :ivar hold: the hold, which ends with the block, or at its ``until``
    :ivar running: jobs of these schedules that were still running when the time to wait for them was up
    """

    hold: Hold
    running: Sequence[Job] = ()
