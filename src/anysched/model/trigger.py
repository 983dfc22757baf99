"""What a trigger is (rules T2 to T4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final, Protocol, Self, runtime_checkable
from zoneinfo import ZoneInfo

import attrs

from anysched.errors import TriggerError


@runtime_checkable
class Trigger(Protocol):
    """An immutable rule that yields fire times.

    One pure function is all that is asked for. What else is known about a trigger can be told by the
    optional protocols below; everything works without them.
    """

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        """Return the first fire time strictly after an instant, or None when there is none left.

        :param after: an aware instant
        :param anchor: the start of a trigger that names none of its own (rule T3)
        :param key: the id of the schedule, for spreading by hash
        :return: an aware instant in UTC
        """
        ...


@runtime_checkable
class BindableTrigger(Trigger, Protocol):
    """A trigger that may leave its time zone open."""

    def bind(self, timezone: tzinfo) -> Self:
        """Return this trigger with everything that was left open taken from ``timezone`` (rule T1)."""
        ...


@runtime_checkable
class BackwardTrigger(Trigger, Protocol):
    """A trigger that finds a fire time from behind faster than by bisection (rule T4)."""

    def last_fire_time(self, until: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        """Return the latest fire time at or before an instant, or None."""
        ...


@runtime_checkable
class CountingTrigger(Trigger, Protocol):
    """A trigger that counts its fire times without stepping through them (rule L3)."""

    def count_fire_times(
        self, after: datetime, until: datetime, *, anchor: datetime, key: str = ""
    ) -> int | None:
        """Return how many fire times lie in (after, until], or None where that would take long."""
        ...


@runtime_checkable
class PreparedTrigger(Trigger, Protocol):
    """A trigger that has something to load before it can answer, which may take long (rule T10)."""

    def prepare(self) -> None:
        """Load it; called in a thread before the trigger is asked on the event loop, and maybe often.

        :raise ValueError: for what the trigger names and nobody knows
        """
        ...


#: What has nothing to load, and most fields of triggers are.
_PLAIN: Final = frozenset({type(None), bool, int, str, date, datetime, timedelta, timezone, ZoneInfo})


def preparations(trigger: object) -> Sequence[Callable[[], None]]:
    """Return the ``prepare`` of a trigger and of all that its fields hold, whatever they are: attrs classes, tuples."""
    if not hasattr(trigger.__class__, "prepare") and holds_only(trigger, _PLAIN):
        return ()
    found: list[Callable[[], None]] = []
    waiting: list[Any] = [trigger]
    while waiting:
        part = waiting.pop()
        cls: Any = part.__class__
        if cls is tuple or cls is list:
            if part and not isinstance(part[0], (str, int, date)):  # else long rows of plain values
                waiting.extend(part)
            continue
        if hasattr(cls, "prepare"):
            found.append(part.prepare)
        waiting += [value for value in parts_of(part) if value.__class__ not in _PLAIN]
    return found


def holds_only(trigger: Any, kinds: frozenset[type], *, derived: bool = False) -> bool:
    """Return whether the fields of a trigger, if they are known, hold values of some types only.

    It takes as long for many fields as for few: most triggers need no other look for what might be in them.
    """
    return kinds.issuperset(map(type, _reader(trigger.__class__, derived)(trigger)))


def parts_of(value: Any, *, derived: bool = False) -> Sequence[Any]:
    """Return what the fields of an attrs class hold; of anything else nothing.

    :param derived: whether to return what is made from the others as well
    """
    return _reader(value.__class__, derived)(value)


@lru_cache(maxsize=1000)
def _reader(cls: type, derived: bool) -> Callable[[Any], tuple[Any, ...]]:
    """Return what reads all fields of the objects of a class."""
    fields = attrs.fields(cls) if attrs.has(cls) else ()
    names = [field.name for field in fields if field.init or derived]
    if len(names) > 1:
        return attrgetter(*names)
    return lambda value: tuple(getattr(value, name) for name in names)


@attrs.frozen
class UndecodableTrigger:
    """Stands in for a stored trigger that cannot be read here, so that its schedule can still be handled (rule S2).

    :ivar reason: why it cannot be read
    :ivar stored: what is stored, so that it can be written back
    """

    reason: str
    stored: str | None = attrs.field(default=None, repr=False)

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        """Raise. :raise TriggerError: always, with the reason"""
        raise TriggerError(self.reason)


def refuses_changes(trigger: Trigger) -> bool:
    """Return whether a trigger is of a frozen attrs class: one of the user's may be changed in spite of rule T2."""
    return type(trigger).__setattr__ is UndecodableTrigger.__setattr__  # that of all frozen attrs classes


def is_due_when_past(trigger: Trigger) -> bool:
    """Return whether a trigger that lies wholly in the past is due at once, as a single date is (rule S6)."""
    return bool(getattr(trigger, "late_when_past", False))


def is_known_to_move(trigger: Trigger) -> bool:
    """Return whether the class of a trigger says that it never stands still, so that nobody has to try.

    It says so of itself, not of classes that are derived from it.
    """
    return trigger.__class__.__dict__.get("moves_forward", False) is True


def own_timezone(trigger: Trigger) -> tzinfo | None:
    """Return the time zone of a trigger that has one."""
    timezone = getattr(trigger, "timezone", None)
    return timezone if isinstance(timezone, tzinfo) else None


def require_trigger(value: Trigger) -> Trigger:
    """Return what can be asked for fire times. :raise TypeError: for anything else"""
    # What isinstance() would ask of the protocol, at a twentieth of its cost: every add passes here twice.
    if isinstance(value, type) or not callable(getattr(value, "next_fire_time", None)):
        hint = f"; did you mean CronTrigger({value!r})?" if isinstance(value, str) else ""
        raise TypeError(f"trigger must have a method next_fire_time(after, *, anchor, key): {value!r}{hint}")
    return value
