"""Converters and checks for the fields of records. Every refusal names the argument."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from anysched.model.unset import UnsetType

#: Empty and equal values are one object: of very many records each is then 320 bytes smaller.
EMPTY_MAPPING: Mapping[str, Any] = MappingProxyType({})
NO_NAMES: frozenset[str] = frozenset()
NO_TIME = timedelta(0)

Seconds = timedelta | float


def duration(value: Seconds, name: str) -> timedelta:
    """Return a duration, given as one or as a number of seconds; not negative."""
    if value is NO_TIME:
        return NO_TIME
    if isinstance(value, bool) or not isinstance(value, (timedelta, int, float)):
        raise TypeError(f"{name} must be a timedelta or a number of seconds, not {type(value).__name__}")
    try:
        result = value if isinstance(value, timedelta) else timedelta(seconds=value)
    except (OverflowError, ValueError) as exc:
        raise ValueError(f"{name} is out of range: {value!r}") from exc
    if result < NO_TIME:
        raise ValueError(f"{name} must not be negative: {value!r}")
    return result or NO_TIME


def positive_duration(value: Seconds, name: str) -> timedelta:
    """Return a duration that is longer than nothing."""
    result = duration(value, name)
    if not result:
        raise ValueError(f"{name} must be longer than nothing")
    return result


def positive_int(value: int, name: str, *, most: int | None = None) -> int:
    """Return a whole number from 1."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be a whole number, not {type(value).__name__}")
    if value < 1:
        raise ValueError(f"{name} must be at least 1: {value}")
    if most is not None and value > most:
        raise ValueError(f"{name} must be at most {most}: {value}")
    return value


def boolean(value: bool, name: str) -> bool:
    """Return True or False, and refuse what merely looks like it."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, not {value!r}")
    return value


def frozen_mapping(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a read-only copy of a mapping with string keys."""
    if value is EMPTY_MAPPING:
        return value
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} must be a mapping, not {type(value).__name__}")
    if not value:
        return EMPTY_MAPPING
    for key in value:
        if not isinstance(key, str):
            raise TypeError(f"{name} must have strings as keys, not {key!r}")
    return MappingProxyType(dict(value))


def frozen_sequence(value: Iterable[Any], name: str) -> tuple[Any, ...]:
    """Return a tuple; a string is refused, as it is seldom meant."""
    # A tuple first: to ask whether something is iterable takes five times as long.
    if value.__class__ is not tuple and (isinstance(value, (str, bytes)) or not isinstance(value, Iterable)):
        raise TypeError(f"{name} must be a sequence of values, not {type(value).__name__}")
    return tuple(value)  # the same one if it is a tuple


def identifier(value: str, name: str) -> str:
    """Return an id or a name: a string of 1 to 500 characters that can be stored anywhere."""
    if value.__class__ is str and 0 < len(value) <= 500 and value.isascii() and "\0" not in value:
        return value  # as nearly all are
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, not {type(value).__name__}")
    if not 1 <= len(value) <= 500:
        raise ValueError(f"{name} must have between 1 and 500 characters, not {len(value)}")
    return _storable(value, name)


def identifiers(value: Iterable[str], name: str) -> frozenset[str]:
    """Return a set of ids or names; a string is refused, as its characters are seldom meant."""
    if value is NO_NAMES or (value.__class__ is tuple and not value):
        return NO_NAMES
    if isinstance(value, Mapping):
        raise TypeError(f"{name} must be a collection of strings, not a mapping")
    return frozenset(identifier(item, name) for item in frozen_sequence(value, name)) or NO_NAMES


def group(value: str | None) -> str | None:
    """Convert the group of a schedule; None for no group."""
    return None if value is None else identifier(value, "group")


def tags(value: Iterable[str]) -> frozenset[str]:
    """Convert the tags of a schedule: names of one line each."""
    found = identifiers(value, "tags")
    for tag in found:
        if "\n" in tag:
            raise ValueError(f"tags must not contain line breaks: {tag!r}")
    return found


def _storable(value: str, name: str) -> str:
    if "\0" in value:
        raise ValueError(f"{name} must not contain a null character")
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError(f"{name} must be valid Unicode")
    return value


def optional_text(value: str | None, name: str) -> str | None:
    """Return free text that can be stored anywhere, or None."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, not {type(value).__name__}")
    return _storable(value, name)


def reason(value: str | None) -> str | None:
    """Convert the reason of a pause."""
    return optional_text(value, "reason")


def by(value: str | None) -> str | None:
    """Convert the name of who paused."""
    return optional_text(value, "by")


def owner(value: str | None) -> str | None:
    """Convert a field of this name: a name, or None for nobody."""
    return None if value is None else identifier(value, "owner")


def metadata(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Convert a field of this name."""
    return frozen_mapping(value, "metadata")


def optional_grace(value: Seconds | None) -> timedelta | None:
    """Convert ``misfire_grace_time``: longer than nothing, None for no limit."""
    return None if value is None else positive_duration(value, "misfire_grace_time")


def misfire_grace_time(value: Seconds | UnsetType | None) -> timedelta | UnsetType | None:
    """Convert ``misfire_grace_time`` where it may be unset."""
    return value if isinstance(value, UnsetType) else optional_grace(value)


def optional_limit(value: int | None) -> int | None:
    """Convert ``max_running_jobs``: from 1, None for no limit."""
    return None if value is None else positive_int(value, "max_running_jobs")


def max_running_jobs(value: int | UnsetType | None) -> int | UnsetType | None:
    """Convert ``max_running_jobs`` where it may be unset."""
    return value if isinstance(value, UnsetType) else optional_limit(value)


def attempts(value: int) -> int:
    """Convert ``max_attempts``: from 1."""
    return positive_int(value, "max_attempts")


def max_attempts(value: int | UnsetType) -> int | UnsetType:
    """Convert ``max_attempts`` where it may be unset."""
    return value if isinstance(value, UnsetType) else attempts(value)


def optional_executor(value: str | None) -> str | None:
    """Convert ``job_executor``; None chooses by the kind of function."""
    return None if value is None else identifier(value, "job_executor")


def job_executor(value: str | UnsetType | None) -> str | UnsetType | None:
    """Convert ``job_executor`` where it may be unset."""
    return value if isinstance(value, UnsetType) else optional_executor(value)


def utc(instant: datetime, name: str) -> datetime:
    """Return an aware datetime in UTC (rule T1). :raise TypeError, ValueError: naming the argument."""
    if instant.__class__ is datetime and instant.tzinfo is UTC:
        return instant  # the common case, asked for at every fire time
    if not isinstance(instant, datetime):
        raise TypeError(f"{name} must be a datetime, not {type(instant).__name__}")
    if instant.utcoffset() is None:
        raise ValueError(f"{name} must be aware (have a time zone): {instant!r}")
    try:
        return instant.astimezone(UTC)
    except OverflowError as exc:
        raise ValueError(f"{name} is out of range: {instant!r}") from exc
