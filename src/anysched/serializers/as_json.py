"""The safe default."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final, NoReturn

from anysched.errors import DeserializationError, SerializationError
from anysched.wire.registry import DEFAULT_REGISTRY, TypeRegistry
from anysched.wire.text import text_writer
from anysched.wire.values import from_plain, to_plain


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_ENCODE: Final = text_writer(allow_nan=False)
_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant)


class JSONSerializer:
    """Writes compact JSON in ASCII, without loss, and reads only types that are known here (rule N5).

    It takes None, bool, int, float, str, bytes, list, tuple, set, frozenset, dict with any keys, datetime,
    date, time, timedelta, time zones, UUID, Decimal, and instances of registered types; see
    ``register_type``. What comes back is equal and of the same types, and a dictionary keeps its order.
    Sets and the fields of registered types are sorted, so that the same value always gives the same bytes.

    :param types: classes that this serializer takes besides those of ``registry``, under their default names
    :param registry: the registered types
    """

    name = "json"

    def __init__(self, types: Iterable[type] = (), *, registry: TypeRegistry = DEFAULT_REGISTRY) -> None:
        self.registry: Final = TypeRegistry(types, parent=registry)

    def dumps(self, value: object) -> bytes:
        """Return a value as JSON.

        :raise SerializationError: naming what cannot be written, and where it sits
        """
        plain = to_plain(value, self.registry)
        try:
            return _ENCODE(plain).encode()
        except RecursionError:
            raise SerializationError("the value is nested too deeply for this stack") from None

    def loads(self, data: bytes) -> Any:
        """Return the value that was written.

        :raise UnknownTypeError: when it names a type that is not registered
        :raise DeserializationError: when the bytes are anything else than what ``dumps`` returns
        """
        try:
            plain = _DECODER.decode(data.decode())
        except Exception as exc:
            raise DeserializationError(f"this is not JSON: {exc}") from exc
        return from_plain(plain, self.registry)
