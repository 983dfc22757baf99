"""A binary form, for those who keep large arguments."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NoReturn

from anysched.errors import DeserializationError, SerializationError
from anysched.wire.registry import DEFAULT_REGISTRY, TypeRegistry
from anysched.wire.values import from_plain, to_plain


def _refuse_tag(value: object, immutable: bool, /) -> NoReturn:
    raise ValueError("CBOR tags are never written")


class _NoTags(Mapping[int, Any]):
    """Refuses every tag of CBOR: they make objects of many kinds, and references that multiply."""

    def __getitem__(self, tag: int) -> Any:
        return _refuse_tag

    def __iter__(self) -> Iterator[int]:
        return iter(())

    def __len__(self) -> int:
        return 1  # an empty mapping would leave the built-in tags in force


class CBORSerializer:
    """Writes CBOR, without loss, and reads only types that are known here (rule N5).

    It takes what ``JSONSerializer`` takes, in the same form. Needs the extra ``cbor``.

    :param types: classes that this serializer takes besides those of ``registry``, under their default names
    :param registry: the registered types
    :raise ImportError: when cbor2 is not installed
    """

    name = "cbor"

    def __init__(self, types: Iterable[type] = (), *, registry: TypeRegistry = DEFAULT_REGISTRY) -> None:
        try:
            import cbor2
        except ImportError as exc:
            raise ImportError("CBORSerializer needs cbor2: pip install 'anysched[cbor]'") from exc
        self._cbor2: Final = cbor2
        self.registry: Final = TypeRegistry(types, parent=registry)

    def dumps(self, value: object) -> bytes:
        """Return a value as CBOR.

        :raise SerializationError: naming what cannot be written, and where it sits
        """
        plain = to_plain(value, self.registry)
        try:
            return self._cbor2.dumps(plain)
        except RecursionError:
            raise SerializationError("the value is nested too deeply for this stack") from None

    def loads(self, data: bytes) -> Any:
        """Return the value that was written.

        :raise UnknownTypeError: when it names a type that is not registered
        :raise DeserializationError: when the bytes are anything else than what ``dumps`` returns
        """
        try:
            stream = io.BytesIO(data)
            plain = self._cbor2.CBORDecoder(stream, semantic_decoders=_NO_TAGS).decode()
            if stream.tell() != len(data):
                raise ValueError("more bytes follow")
        except Exception as exc:
            raise DeserializationError(f"this is not CBOR as anysched writes it: {exc}") from exc
        return from_plain(plain, self.registry)


_NO_TAGS: Final = _NoTags()
