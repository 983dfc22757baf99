"""Converters and checks for the fields of records. Every refusal names the argument."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, TypeVar

from anysched.model.unset import UnsetType

T = TypeVar("T")
S = TypeVar("S")

EMPTY_MAPPING: Mapping[str, Any] = MappingProxyType({})


def unless_unset(convert: Callable[[Any], T]) -> Callable[[Any], T | UnsetType]:
    """Return a converter that lets UNSET pass."""
    return lambda value: value if isinstance(value, UnsetType) else convert(value)


def duration(name: str) -> Callable[[Any], timedelta]:
    """Return a converter to a duration: a timedelta, or a number of seconds, not negative."""

    def convert(value: Any) -> timedelta:
        if isinstance(value, bool) or not isinstance(value, (timedelta, int, float)):
            raise TypeError(f"{name} must be a timedelta or a number of seconds, not {type(value).__name__}")
        try:
            result = value if isinstance(value, timedelta) else timedelta(seconds=value)
        except (OverflowError, ValueError) as exc:
            raise ValueError(f"{name} is out of range: {value!r}") from exc
        if result < timedelta(0):
            raise ValueError(f"{name} must not be negative: {value!r}")
        return result

    return convert


def positive_duration(name: str) -> Callable[[Any], timedelta]:
    """Return a converter to a duration longer than nothing."""
    convert_duration = duration(name)

    def convert(value: Any) -> timedelta:
        result = convert_duration(value)
        if not result:
            raise ValueError(f"{name} must be longer than nothing")
        return result

    return convert


def optional_positive_duration(name: str) -> Callable[[Any], timedelta | None]:
    """Return a converter to a positive duration or None."""
    convert = positive_duration(name)
    return lambda value: None if value is None else convert(value)


def positive_int(name: str, most: int | None = None) -> Callable[[Any], int]:
    """Return a check for whole numbers from 1."""

    def convert(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f"{name} must be a whole number, not {type(value).__name__}")
        if value < 1:
            raise ValueError(f"{name} must be at least 1: {value}")
        if most is not None and value > most:
            raise ValueError(f"{name} must be at most {most}: {value}")
        return value

    return convert


def optional_positive_int(name: str) -> Callable[[Any], int | None]:
    """Return a check for whole numbers from 1, or None."""
    convert = positive_int(name)
    return lambda value: None if value is None else convert(value)


def frozen_mapping(name: str) -> Callable[[Any], Mapping[str, Any]]:
    """Return a converter to a read-only copy of a mapping with string keys."""

    def convert(value: Any) -> Mapping[str, Any]:
        if isinstance(value, MappingProxyType):
            return value  # made here already, nobody else holds what is beneath
        if not isinstance(value, Mapping):
            raise TypeError(f"{name} must be a mapping, not {type(value).__name__}")
        if not value:
            return EMPTY_MAPPING
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"{name} must have strings as keys, not {key!r}")
        return MappingProxyType(dict(value))

    return convert


def frozen_sequence(name: str) -> Callable[[Any], tuple[Any, ...]]:
    """Return a converter to a tuple; a string is refused, as it is seldom meant."""

    def convert(value: Any) -> tuple[Any, ...]:
        if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
            raise TypeError(f"{name} must be a sequence of values, not {type(value).__name__}")
        return tuple(value)

    return convert


def identifier(name: str) -> Callable[[Any], str]:
    """Return a check for ids and names: a string that is not empty and at most 500 characters long."""

    def convert(value: Any) -> str:
        if not isinstance(value, str):
            raise TypeError(f"{name} must be a string, not {type(value).__name__}")
        if not value or len(value) > 500:
            raise ValueError(f"{name} must have between 1 and 500 characters, not {len(value)}")
        if "\0" in value or not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError as exc:
                raise ValueError(f"{name} must be valid Unicode") from exc
            if "\0" in value:
                raise ValueError(f"{name} must not contain a null character")
        return value

    return convert


def utc(instant: datetime, name: str) -> datetime:
    """Return an aware datetime in UTC (rule T1). :raise TypeError, ValueError: naming the argument."""
    if not isinstance(instant, datetime):
        raise TypeError(f"{name} must be a datetime, not {type(instant).__name__}")
    if instant.utcoffset() is None:
        raise ValueError(f"{name} must be aware (have a time zone): {instant!r}")
    try:
        return instant.astimezone(UTC)
    except OverflowError as exc:
        raise ValueError(f"{name} is out of range: {instant!r}") from exc
