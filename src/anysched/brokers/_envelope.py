"""Events as messages between nodes: ids and small fields, read without trusting whoever sent them (rule N5)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from enum import Enum
from types import UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

import attrs

from anysched.errors import DeserializationError, SerializationError, UnknownTypeError
from anysched.model import events as all_events
from anysched.model.events import (
    ClockJumped,
    Event,
    FireTimesSkipped,
    HoldEvent,
    JobAcquired,
    JobAdded,
    JobEvent,
    JobReleased,
    ScheduleAdded,
    ScheduleEvent,
    ScheduleFinished,
    SchedulePaused,
    ScheduleUnpaused,
    StalePause,
    StoreRecovered,
    StoreUnavailable,
    WindowEvent,
)
from anysched.serializers.as_json import JSONSerializer
from anysched.wire.registry import TypeRegistry

#: Raised when a reader of an older version must not read a message at all.
VERSION: Final = 1

#: The longest message in bytes. Nothing that a node sends comes near it.
LONGEST: Final = 4_000_000

#: A message has no more bytes before its sender, whatever stands between words.
_BEFORE_SENDER: Final = 32

#: Bases, and what concerns one node alone.
_STAY: Final = (
    Event,
    ScheduleEvent,
    HoldEvent,
    WindowEvent,
    JobEvent,
    ClockJumped,
    StalePause,
    StoreRecovered,
    StoreUnavailable,
)

#: The events that other nodes are told of, by name.
TRAVELLING: Final[dict[str, type[Event]]] = {
    name: kind
    for name, kind in vars(all_events).items()
    if isinstance(kind, type) and issubclass(kind, Event) and kind not in _STAY
}

#: Those that one pass can have hundreds of: they are sent while some node wants them.
ON_DEMAND: Final[frozenset[type[Event]]] = frozenset(
    {JobAdded, JobAcquired, JobReleased, ScheduleFinished, FireTimesSkipped}
)

#: Those of which each node says whether it wants them: whoever has very many of the others need not make them either.
ANNOUNCED: Final[frozenset[type[Event]]] = ON_DEMAND | {ScheduleAdded, SchedulePaused, ScheduleUnpaused}
ANNOUNCED_NAMES: Final = frozenset(kind.__name__ for kind in ANNOUNCED)

_HINTS: Final = {kind: get_type_hints(kind) for kind in TRAVELLING.values()}

_PLAIN: Final = JSONSerializer(registry=TypeRegistry())


@attrs.frozen(kw_only=True)
class Message:
    """What one node tells all others.

    :ivar sender: who, as made up for this run of its broker
    :ivar hello: whether it has just begun to listen, and may have missed or failed to tell something
    :ivar wants: names of those events that it wants, of those of which nodes say so
    :ivar events: names and fields of events, as they were read
    """

    sender: str
    hello: bool = False
    wants: frozenset[str] = frozenset()
    events: Sequence[Any] = ()


def encode(message: Message) -> bytes:
    """Return a message as bytes. :raise SerializationError: when a field holds what cannot be written, or too much"""
    data = _PLAIN.dumps(
        {
            "anysched": VERSION,
            "from": message.sender,
            "hello": message.hello,
            "wants": sorted(message.wants),
            "events": list(message.events),
        }
    )
    if len(data) > LONGEST:
        raise SerializationError(f"it would have {len(data)} bytes")
    return data


def is_from(sender: str, data: bytes) -> bool:
    """Tell a message of this sender without reading it: it says so at once."""
    return sender.encode() in data[: len(sender) + _BEFORE_SENDER]


def to_plain(event: Event) -> list[Any]:
    """Return the name and the fields of an event."""
    fields = {field.name: _plain(getattr(event, field.name)) for field in attrs.fields(type(event))}
    return [type(event).__name__, fields]


def decode(data: bytes) -> Message:
    """Return the message of another node, without its events being looked at.

    :raise DeserializationError: when it is none, or one of a version that is not known here
    """
    if len(data) > LONGEST:
        raise DeserializationError(f"it has {len(data)} bytes")
    plain: Any = _PLAIN.loads(data)
    version = plain.get("anysched") if _is(plain, dict) else None
    if not _is(version, int):
        raise DeserializationError("it is no message of anysched")
    if version != VERSION:
        raise UnknownTypeError("message", version)
    sender, hello, wants, events = (plain.get(key) for key in ("from", "hello", "wants", "events"))
    if not (_is(sender, str) and _is(hello, bool) and _is(wants, list) and _is(events, list)):
        raise DeserializationError("a part of the message is missing")
    return Message(
        sender=sender, hello=hello, wants=ANNOUNCED_NAMES.intersection(map(str, wants)), events=events
    )


def kind_of(plain: Any) -> type[Event]:
    """Return the type of an event that was read. :raise DeserializationError: when it is damaged or not known"""
    if not (_is(plain, list) and len(plain) == 2 and _is(plain[0], str)):
        raise DeserializationError("an event is not a name and fields")
    kind = TRAVELLING.get(plain[0])
    if kind is None:
        raise UnknownTypeError(f"event {plain[0]}")
    return kind


def from_plain(kind: type[Event], plain: Any) -> Event:
    """Return an event of a type; fields that a newer version has added are passed over.

    :raise DeserializationError: when a field is missing, or is not of its type
    """
    fields = plain[1]
    if not _is(fields, dict):
        raise DeserializationError(f"the fields of {kind.__name__} are damaged")
    try:
        return kind(**{name: _fit(fields[name], hint) for name, hint in _HINTS[kind].items()})
    except KeyError as exc:
        raise DeserializationError(f"{kind.__name__} lacks {exc}") from exc
    except (TypeError, ValueError) as exc:
        raise DeserializationError(f"the fields of {kind.__name__} are damaged: {exc}") from exc


def _is(value: object, kind: type) -> bool:
    return type(value) is kind


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.astimezone(UTC)  # an instant, of which not every zone could be written
    return tuple(map(_plain, value)) if _is(value, tuple) else value


def _fit(value: Any, hint: Any) -> Any:
    """Return a value that was read as what an annotation says; nothing is made to fit that does not."""
    origin, choices = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        for choice in choices:
            with suppress(TypeError, ValueError):
                return _fit(value, choice)
    elif origin is Literal:
        if value in choices:
            return value
    elif origin is tuple:
        if _is(value, tuple) and choices[-1] is ...:
            return tuple(_fit(item, choices[0]) for item in value)
        if _is(value, tuple) and len(value) == len(choices):
            return tuple(map(_fit, value, choices))
    elif issubclass(hint, Enum):
        return hint(value)
    elif _is(value, hint) and not (hint is datetime and value.tzinfo is None):
        return value
    raise TypeError(f"a {type(value).__name__} is not expected there")
