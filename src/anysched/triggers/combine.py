"""Triggers made of triggers: the union, the intersection and the difference of their fire times."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any, Self

import attrs

from anysched.errors import TriggerError, TriggerSearchError
from anysched.model.convert import utc
from anysched.model.trigger import BindableTrigger, Trigger
from anysched.triggers.base import RESOLUTION
from anysched.wire.registry import register_type

#: How many fire times one search may look at. Two cron rules that never meet are given up within 50 ms;
#: what is excluded may well come in long rows.
_MOST_STEPS = 2_000
_MOST_EXCLUDED = 10_000
_steps_left: ContextVar[list[int] | None] = ContextVar("steps_left", default=None)


class Combinable(ABC):
    """Gives a trigger the operators ``|``, ``&`` and ``-``; the other side may be any trigger."""

    __slots__ = ()

    @abstractmethod
    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        """Return the first fire time strictly after an instant, in UTC, or None when there is none left."""

    def __or__(self, other: Trigger) -> OrTrigger:
        return OrTrigger(self, other) if _is_trigger(other) else NotImplemented

    def __ror__(self, other: Trigger) -> OrTrigger:
        return OrTrigger(other, self) if _is_trigger(other) else NotImplemented

    def __and__(self, other: Trigger) -> AndTrigger:
        return AndTrigger(self, other) if _is_trigger(other) else NotImplemented

    def __rand__(self, other: Trigger) -> AndTrigger:
        return AndTrigger(other, self) if _is_trigger(other) else NotImplemented

    def __sub__(self, other: Trigger) -> ExceptTrigger:
        return ExceptTrigger(self, other) if _is_trigger(other) else NotImplemented

    def __rsub__(self, other: Trigger) -> ExceptTrigger:
        return ExceptTrigger(other, self) if _is_trigger(other) else NotImplemented


@attrs.frozen(init=False)
class _Parts(Combinable):
    """A combination of any number of triggers. Combinations of the same kind are taken into it."""

    triggers: tuple[Trigger, ...]

    if TYPE_CHECKING:

        def __attrs_init__(self, *, triggers: tuple[Trigger, ...]) -> None: ...

    def __init__(self, *triggers: Trigger) -> None:
        if not triggers:
            raise ValueError(f"{type(self).__name__} needs at least one trigger")
        self.__attrs_init__(triggers=tuple(self._flat(triggers)))

    def bind(self, timezone: tzinfo) -> Self:
        """Return this trigger with what its parts left open taken from ``timezone`` (rule T1)."""
        bound = [_bind(trigger, timezone) for trigger in self.triggers]
        changed = any(new is not old for new, old in zip(bound, self.triggers, strict=True))
        return type(self)(*bound) if changed else self

    @classmethod
    def _flat(cls, triggers: Iterable[Trigger]) -> Iterable[Trigger]:
        for index, trigger in enumerate(triggers):
            if isinstance(trigger, cls):
                yield from trigger.triggers
            else:
                yield _require_trigger(trigger, f"triggers[{index}]")

    def __anysched_fields__(self) -> dict[str, Any]:
        return {"triggers": list(self.triggers)}

    @classmethod
    def __anysched_build__(cls, fields: Mapping[str, Any]) -> Self:
        if fields.keys() != {"triggers"}:  # as one of a later form
            raise ValueError(f"the fields of a combination are not {sorted(fields)}")
        return cls(*fields["triggers"])


@register_type("or", version=1)
@attrs.frozen(init=False)
class OrTrigger(_Parts):
    """Fires whenever one of its parts does; once where several do. Also written ``a | b``.

    :ivar triggers: the parts
    """

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        """Return the first fire time of any part strictly after an instant, or None when none is left."""
        after = utc(after, "after")
        found = (_ask(trigger, after, anchor, key) for trigger in self.triggers)
        return min((instant for instant in found if instant is not None), default=None)


@register_type("and", version=1)
@attrs.frozen(init=False)
class AndTrigger(_Parts):
    """Fires at the instants at which all of its parts do. Also written ``a & b``.

    :ivar triggers: the parts
    """

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        """Return the first common fire time strictly after an instant, or None when a part has none left.

        :raise TriggerSearchError: when none is found among the next 2,000 fire times of the parts
        """
        candidate = _ask(self.triggers[0], utc(after, "after"), anchor, key)
        agreed = turn = 1
        with _bounded_search(self, _MOST_STEPS) as step:
            while agreed < len(self.triggers):
                if candidate is None:
                    return None
                step()
                found = _ask(self.triggers[turn % len(self.triggers)], candidate - RESOLUTION, anchor, key)
                agreed = agreed + 1 if found == candidate else 1
                candidate = found
                turn += 1
        return candidate


def _trigger(value: Trigger) -> Trigger:
    return _require_trigger(value, "trigger")


def _excluded(value: Trigger) -> Trigger:
    return _require_trigger(value, "excluded")


@register_type("except", version=1)
@attrs.frozen
class ExceptTrigger(Combinable):
    """Fires when one trigger does, except at the instants at which another one fires. Also written ``a - b``.

    :ivar trigger: what fires
    :ivar excluded: what must not fire at the same instant
    """

    trigger: Trigger = attrs.field(converter=_trigger)
    excluded: Trigger = attrs.field(converter=_excluded)

    def bind(self, timezone: tzinfo) -> Self:
        """Return this trigger with what its parts left open taken from ``timezone`` (rule T1)."""
        trigger, excluded = _bind(self.trigger, timezone), _bind(self.excluded, timezone)
        if trigger is self.trigger and excluded is self.excluded:
            return self
        return type(self)(trigger, excluded)

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        """Return the first fire time that is not excluded strictly after an instant, or None.

        :raise TriggerSearchError: when the next 10,000 fire times are excluded
        """
        found = _ask(self.trigger, utc(after, "after"), anchor, key)
        with _bounded_search(self, _MOST_EXCLUDED) as step:
            while found is not None and _ask(self.excluded, found - RESOLUTION, anchor, key) == found:
                step()
                found = _ask(self.trigger, found, anchor, key)
        return found


def _is_trigger(value: object) -> bool:
    return isinstance(value, Trigger) and not isinstance(value, type)


def _require_trigger(value: Trigger, name: str) -> Trigger:
    if not _is_trigger(value):
        raise TypeError(f"{name} must have a method next_fire_time(after, *, anchor, key): {value!r}")
    return value


def _bind(trigger: Trigger, timezone: tzinfo) -> Trigger:
    return trigger.bind(timezone) if isinstance(trigger, BindableTrigger) else trigger


def _ask(trigger: Trigger, after: datetime, anchor: datetime, key: str) -> datetime | None:
    """Return the next fire time of a part, which may be anybody's."""
    found = trigger.next_fire_time(after, anchor=anchor, key=key)
    if found is None:
        return None
    if not isinstance(found, datetime) or found.utcoffset() is None:
        raise TriggerError(f"{trigger!r} must return an aware datetime or None, and returned {found!r}")
    if found <= after:
        raise TriggerError(f"{trigger!r} must return an instant after {after}, and returned {found}")
    return found.astimezone(UTC)


@contextmanager
def _bounded_search(trigger: Trigger, most: int) -> Generator[Callable[[], None]]:
    """Give a function to be called at each step, which ends a search that takes too long.

    A search within a search shares the steps of the outer one, or they would multiply.
    """
    outer = _steps_left.get()
    left = [most] if outer is None else outer
    token = _steps_left.set(left)

    def step() -> None:
        left[0] -= 1
        if left[0] < 0:
            raise TriggerSearchError(
                f"no fire time found in {most} steps for {trigger!r}: "
                "parts that fire at different fractions of a second never meet; "
                "interval triggers keep in step when they are given a start_time"
            )

    try:
        yield step
    finally:
        _steps_left.reset(token)
