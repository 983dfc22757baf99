"""Arguments, metadata and return values as bytes, through the serializer of the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import chain
from types import MappingProxyType
from typing import Any, Final, cast
from uuid import UUID

import attrs

from anysched.errors import DeserializationError, SerializationError
from anysched.model.convert import EMPTY_MAPPING
from anysched.ports.serializer import Serializer

#: What nobody can change.
_FIXED: Final = frozenset(
    {type(None), bool, int, float, str, bytes, date, datetime, time, timedelta, Decimal, UUID}
)


@attrs.frozen
class Payload:
    """What a job is run with."""

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = EMPTY_MAPPING
    metadata: Mapping[str, Any] = EMPTY_MAPPING

    @property
    def is_fixed(self) -> bool:
        """Whether no job that is run with it can change what another one gets."""
        values = chain(self.args, self.kwargs.values(), self.metadata.values())
        return all(type(value) in _FIXED for value in values)


NOTHING: Final = Payload()


class Payloads:
    """Writes and reads what users hand over."""

    def __init__(self, serializer: Serializer) -> None:
        self._serializer = serializer

    def dump(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any], metadata: Mapping[str, Any], of: str
    ) -> bytes | None:
        """Return bytes, None for nothing at all.

        :param of: what they belong to, for the error
        :raise SerializationError: naming what cannot be written
        """
        parts: dict[str, Any] = {}
        if args:
            parts["args"] = args
        if kwargs:
            parts["kwargs"] = dict(kwargs)
        if metadata:
            parts["metadata"] = dict(metadata)
        return self._dumps(parts, of) if parts else None

    def load(self, data: bytes | None) -> Payload:
        """Return what was written. :raise DeserializationError: when that cannot be read here"""
        if data is None:
            return NOTHING
        parts = _mapping(self._loads(data))
        if not parts.keys() <= {"args", "kwargs", "metadata"}:
            raise DeserializationError("the stored arguments are damaged")
        return Payload(
            _sequence(parts.get("args", ())),
            _mapping(parts.get("kwargs", EMPTY_MAPPING)),
            _mapping(parts.get("metadata", EMPTY_MAPPING)),
        )

    def dump_mapping(self, value: Mapping[str, Any], of: str) -> bytes:
        """Return bytes. :raise SerializationError: naming what cannot be written"""
        return self._dumps(dict(value), of)

    def load_mapping(self, data: bytes) -> Mapping[str, Any]:
        """Return what was written. :raise DeserializationError: when that cannot be read here"""
        return _mapping(self._loads(data))

    def dump_result(self, value: Any) -> bytes | None:
        """Return bytes, None for None. :raise SerializationError: naming what cannot be written"""
        return None if value is None else self._dumps(value, "the return value")

    def load_result(self, data: bytes | None) -> Any:
        """Return what was written. :raise DeserializationError: when that cannot be read here"""
        return None if data is None else self._loads(data)

    def _dumps(self, value: Any, of: str) -> bytes:
        try:
            return self._serializer.dumps(value)
        except SerializationError as exc:
            raise SerializationError(f"{of}: {exc}") from exc
        except Exception as exc:  # of a serializer, or of a value, that does not keep to the rules
            raise SerializationError(f"{of}: {type(exc).__name__}: {exc}") from exc

    def _loads(self, data: bytes) -> Any:
        try:
            return self._serializer.loads(data)
        except DeserializationError:
            raise
        except Exception as exc:
            raise DeserializationError(f"the serializer failed: {type(exc).__name__}: {exc}") from exc


def _sequence(value: Any) -> tuple[Any, ...]:
    if not isinstance(value, (tuple, list)):  # not every serializer tells them apart
        raise DeserializationError("the stored arguments are damaged: a sequence is expected")
    return tuple(cast("Sequence[Any]", value))


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, (dict, MappingProxyType)):
        raise DeserializationError("the stored arguments are damaged: a dictionary is expected")
    mapping = cast("Mapping[Any, Any]", value)
    if not all(isinstance(key, str) for key in mapping):
        raise DeserializationError("the stored arguments are damaged: only strings can be keys")
    return mapping if mapping is EMPTY_MAPPING else MappingProxyType(mapping)
