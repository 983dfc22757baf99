"""What all records have in common: a version in front, and the fields that are ever written.

What a user's values become is ``wire.values``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any, Final, TypeVar, cast

import attrs

from anysched.errors import DeserializationError, UnknownTypeError
from anysched.model.policies import CatchUp
from anysched.model.trigger import UndecodableTrigger
from anysched.model.unset import UNSET
from anysched.wire.registry import DEFAULT_REGISTRY, TAG, TypeRegistry
from anysched.wire.values import from_plain, to_plain

T = TypeVar("T")

#: Raised when a field is added that a reader of an older version must not pass over.
VERSION: Final = 1


def names_of(record_class: type[attrs.AttrsInstance]) -> tuple[str, ...]:
    """Return the names of the fields of a class of records."""
    return tuple(field.name for field in attrs.fields(record_class))


CATCH_UP_FIELDS: Final = names_of(CatchUp)


def to_record(
    what: str, record: object, names: Iterable[str], registry: TypeRegistry = DEFAULT_REGISTRY
) -> dict[str, Any]:
    """Return the record of an object: those of its attributes that ``names`` says.

    :param what: names the object in errors
    :raise SerializationError: when a value, such as a trigger, is of a type that is not registered
    """
    return fields_to_record(what, ((name, getattr(record, name)) for name in names), registry)


def fields_to_record(
    what: str, fields: Iterable[tuple[str, Any]], registry: TypeRegistry = DEFAULT_REGISTRY
) -> dict[str, Any]:
    """Return the record of fields; one that is not set has no place in it.

    :raise SerializationError: when a value is of a type that is not registered
    """
    plain: dict[str, Any] = {"version": VERSION}
    for name, value in fields:
        if isinstance(value, CatchUp):
            plain[name] = to_record("catch-up", value, CATCH_UP_FIELDS)
        elif isinstance(value, UndecodableTrigger) and value.stored is not None:
            plain[name] = json.loads(value.stored)
        elif value is not UNSET:
            plain[name] = to_plain(_simpler(value), registry, where=f"{name} of a {what}")
    return plain


def _simpler(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    return sorted(cast("frozenset[str]", value)) if isinstance(value, frozenset) else value


def fields_of(
    what: str, plain: object, names: Iterable[str], registry: TypeRegistry = DEFAULT_REGISTRY
) -> dict[str, Any]:
    """Return the fields of a record, as they were before they were written.

    :raise UnknownTypeError: when it, or a value in it, is of a version or type that is not known here
    :raise DeserializationError: when it is damaged
    """
    fields: dict[str, Any] = from_plain(checked_record(what, plain, names), registry)
    del fields["version"]
    return fields


def checked_record(what: str, plain: object, names: Iterable[str]) -> dict[str, Any]:
    """Return a record with no fields but ``names``, and written by a version that is known here."""
    if not isinstance(plain, dict) or TAG in plain:
        raise DeserializationError(f"the stored {what} is damaged: it is not a record")
    record = cast("dict[str, Any]", plain)
    version = record.get("version")
    if type(version) is not int or version < 1:
        raise DeserializationError(f"the stored {what} is damaged: it has no version")
    if version > VERSION:
        raise UnknownTypeError(what, version, known=range(1, VERSION + 1))
    if not record.keys() <= {"version", *names}:
        raise DeserializationError(f"the stored {what} is damaged: it has fields that are never written")
    return record


def built(what: str, build: Callable[[], T]) -> T:
    """Return what is built of stored fields. :raise DeserializationError: when they do not fit together"""
    try:
        return build()
    except (TypeError, ValueError) as exc:
        raise DeserializationError(f"the stored {what} is damaged: {exc}") from exc
