"""How combinations ask their parts: checked, and within a budget, so that each search ends (rule T11)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta, tzinfo

from anysched.errors import TriggerError, TriggerSearchError
from anysched.model.brief import brief
from anysched.model.latest import find_latest
from anysched.model.trigger import BindableTrigger, Trigger
from anysched.triggers.base import EPOCH
from anysched.triggers.grid import EVERYWHERE, Grid

#: What one search may spend, searches within it included. A unit is about a microsecond of a computer of today.
#: Steps are charged by what they may cost, never by the time that they took, so that all nodes give up alike.
BUDGET = 20_000
#: What it costs to ask a trigger that does not say.
COST = 20
_FIRST_LOOK = timedelta(seconds=1)


class _Search:
    __slots__ = ("left", "trigger")

    def __init__(self, trigger: Trigger) -> None:
        self.trigger = trigger
        self.left = BUDGET


_search: ContextVar[_Search | None] = ContextVar("search", default=None)


class Searched(ABC):
    """A trigger that tells what searches need to know of it, to be short and to end (rule T11)."""

    __slots__ = ()

    @abstractmethod
    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        """Return the first fire time strictly after an instant, in UTC, or None when there is none left."""

    def grid(self, after: datetime, *, anchor: datetime, key: str = "") -> Grid:
        """Return a grid on which all fire times after an instant lie."""
        return EVERYWHERE

    def search_cost(self) -> int:
        """Return what it may cost to ask for a fire time, in units of the budget."""
        return COST

    def never_meets(self, other: Trigger, key: str) -> bool:
        """Return True when it can be told that this and another trigger never fire at the same instant."""
        return False


@contextmanager
def searching(trigger: Trigger) -> Generator[None]:
    """Begin a search. One within another shares its budget, or they would multiply."""
    if _search.get() is not None:
        yield
        return
    token = _search.set(_Search(trigger))
    try:
        yield
    finally:
        _search.reset(token)


def spend(units: int) -> None:
    """Take something from the budget of the search, if this is part of one.

    :raise TriggerSearchError: when it is used up
    """
    search = _search.get()
    if search is not None:
        search.left -= units
        if search.left < 0:
            raise TriggerSearchError(
                f"no fire time found in the steps that a search may take, by {brief(search.trigger)}: "
                "its parts seem never to agree; interval triggers keep in step with others "
                "when they are given a start_time"
            )


def grid_of(trigger: Trigger, after: datetime, anchor: datetime, key: str) -> Grid:
    """Return a grid on which all fire times of a trigger after an instant lie."""
    return trigger.grid(after, anchor=anchor, key=key) if isinstance(trigger, Searched) else EVERYWHERE


def cost_of(trigger: Trigger) -> int:
    """Return what it may cost to ask a trigger."""
    return trigger.search_cost() if isinstance(trigger, Searched) else COST


def ask(trigger: Trigger, after: datetime, anchor: datetime, key: str) -> datetime | None:
    """Return the next fire time of a part, which may be anybody's. :raise TriggerError: for a wrong answer"""
    found = trigger.next_fire_time(after, anchor=anchor, key=key)
    if found is None:
        return None
    instant = _checked(trigger, found)
    if instant <= after:
        raise TriggerError(f"{trigger!r} must return an instant after {after}, and returned {found}")
    return instant


def ask_back(trigger: Trigger, until: datetime, anchor: datetime, key: str) -> datetime | None:
    """Return the latest fire time of a part at or before an instant; one that cannot tell is searched (rule T4)."""
    backward: Callable[..., datetime | None] | None = getattr(trigger, "last_fire_time", None)
    if backward is not None:  # isinstance() of a protocol takes longer than the answer
        found = backward(until, anchor=anchor, key=key)
        instant = None if found is None else _checked(trigger, found)
        if instant is not None and instant > until:
            raise TriggerError(f"{trigger!r} must return an instant by {until}, and returned {found}")
        return instant

    cost = cost_of(trigger)

    def within(after: datetime) -> datetime | None:
        spend(cost)
        found = ask(trigger, after, anchor, key)
        return found if found is not None and found <= until else None

    return find_latest(within, until, EPOCH, _FIRST_LOOK)


def _checked(trigger: Trigger, found: datetime) -> datetime:
    if found.__class__ is datetime and found.tzinfo is UTC:
        return found
    if not isinstance(found, datetime) or found.utcoffset() is None:
        raise TriggerError(f"{trigger!r} must return an aware datetime or None, and returned {found!r}")
    return found.astimezone(UTC)


def is_trigger(value: object) -> bool:
    """Return whether a value can be asked for fire times."""
    return isinstance(value, Trigger) and not isinstance(value, type)


def require_part(value: Trigger, name: str) -> Trigger:
    """Return a part of a combination. :raise TypeError: for what cannot be one"""
    if not is_trigger(value):
        raise TypeError(f"{name} must have a method next_fire_time(after, *, anchor, key): {value!r}")
    return value


def bound(trigger: Trigger, timezone: tzinfo) -> Trigger:
    """Return a part with what it left open taken from a time zone (rule T1)."""
    return trigger.bind(timezone) if isinstance(trigger, BindableTrigger) else trigger
