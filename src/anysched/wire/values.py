"""Python values as JSON-able data, and back: lossless, exact in type, closed to what is not registered.

What JSON has, stands for itself. All else is ``{"$": tag, "v": data}``: a short tag for the types known here,
"name@version" for registered classes. A dictionary with keys that JSON or this form does not allow is tagged
too, so that a "$" is always a tag.
"""

from __future__ import annotations

import base64
import json
import math
import re
import reprlib
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from anysched.errors import DeserializationError, SerializationError, UnknownTypeError
from anysched.wire.registry import DEFAULT_REGISTRY, TAG, VALUE, RegisteredType, TypeRegistry

MAX_DEPTH: Final = 100
_NOTHING: Final = timedelta(0)
_MICROSECOND: Final = timedelta(microseconds=1)
_SECOND: Final = timedelta(seconds=1)
_ZONE_KEY: Final = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*")
_INT64: Final = range(-(2**63), 2**63)
_CANONICAL: Final = json.JSONEncoder(sort_keys=True)


def to_plain(
    value: object,
    registry: TypeRegistry = DEFAULT_REGISTRY,
    *,
    where: str = "value",
    named: set[str] | None = None,
) -> Any:
    """Return a value as None, bool, int of 64 bits, finite float, str, list, and dict with str keys.

    :param where: what to call the value in an error
    :param named: gets every "name@version" of a registered type that is written: a node whose ``registry.known`` has
        all of them understands the value
    :raise SerializationError: naming what cannot be written, and where it sits
    """
    try:
        return _Writer(registry, named).write(value)
    except _Refused as refused:
        path = "".join(reversed(refused.path))
        shown = path if len(path) <= 200 else path[:200] + "..."
        raise SerializationError(f"cannot serialize {where}{shown}: {refused.reason}") from refused.__cause__
    except RecursionError:
        raise SerializationError(f"cannot serialize {where}: the stack is too deep already") from None


def from_plain(data: object, registry: TypeRegistry = DEFAULT_REGISTRY) -> Any:
    """Return the value that ``to_plain`` made ``data`` from.

    :raise UnknownTypeError: when it names a type that is not registered (rule N5)
    :raise DeserializationError: when it is damaged in any other way
    """
    try:
        return _Reader(registry).read(data, 0)
    except RecursionError:
        raise DeserializationError("cannot read the stored value: the stack is too deep already") from None


class _Refused(Exception):
    """Why a value cannot be written, and where it sits, innermost first."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path: list[str] = []


class _Writer:
    def __init__(self, registry: TypeRegistry, named: set[str] | None) -> None:
        self._registry = registry
        self._named = named
        self._open: set[int] = set()  # the containers around the value being written, by identity

    def write(self, value: object) -> Any:
        cls = type(value)
        handler = _WRITERS.get(cls)
        if handler is not None:
            return handler(self, value)
        registered = self._registry.find_class(cls)
        if registered is not None:
            return self.write_object(registered, value)
        name = f"{cls.__module__}.{cls.__qualname__}"
        if isinstance(value, tzinfo):
            raise _Refused(f"{name} cannot be stored: use zoneinfo.ZoneInfo or datetime.timezone")
        raise _Refused(
            f"{name} is not registered: put @register_type() on the class, or pass something simpler"
        )

    def write_at(self, item: object, path: str, key: object) -> Any:
        try:
            return self.write(item)
        except _Refused as refused:
            refused.path.append(path.format(key))
            raise

    def write_items(self, container: Iterable[object], path: str = "[{}]") -> list[Any]:
        self.enter(container)
        plain = [self.write_at(item, path, index) for index, item in enumerate(container)]
        self.leave(container)
        return plain

    def write_dict(self, value: dict[Any, Any]) -> dict[str, Any]:
        self.enter(value)
        if _is_object(value):
            plain = self.write_keys(value, "[{!r}]")
        else:
            pairs = [
                [self.write_at(key, ".key({!r})", key), self.write_at(item, "[{!r}]", key)]
                for key, item in value.items()
            ]
            plain = {TAG: "dict", VALUE: pairs}
        self.leave(value)
        return plain

    def write_keys(self, value: dict[str, object], path: str) -> dict[str, Any]:
        plain: dict[str, Any] = {}
        for key, item in value.items():
            cls = type(item)
            if cls in _WORDS or (cls is int and item in _INT64) or (type(item) is str and item.isascii()):
                plain[key] = item  # as most are: nothing can be wrong with them
            else:
                plain[key] = self.write_at(item, path, key)
        return plain

    def write_object(self, registered: RegisteredType, value: object) -> dict[str, Any]:
        self.enter(value)
        try:
            parts = registered.take_apart(value)
        except Exception as exc:
            raise _Refused(f"taking {registered.cls.__qualname__} apart failed: {exc!r}") from exc
        is_object = registered.has_plain_names or _is_object(parts)
        plain = self.write_keys(parts, ".{}") if is_object else self.write(parts)
        if self._named is not None:
            self._named.add(registered.tag)
        self._open.remove(id(value))
        return {TAG: registered.tag, VALUE: plain}

    def enter(self, container: object) -> None:
        if id(container) in self._open:
            raise _Refused("it contains itself")
        if len(self._open) >= MAX_DEPTH:
            raise _Refused(f"it is nested more than {MAX_DEPTH} levels deep")
        self._open.add(id(container))

    def leave(self, container: object) -> None:
        self._open.remove(id(container))


def _is_object(value: Any) -> bool:
    """Return whether JSON has this dictionary, and it cannot be taken for a tag."""
    keys: Iterable[object] = value
    return (
        type(value) is dict and TAG not in value and all(type(key) is str and _is_text(key) for key in keys)
    )


def _is_text(value: str) -> bool:
    """Return whether UTF-8 can carry a string; file names may hold lone surrogates."""
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _as_is(_: _Writer, value: Any) -> Any:
    return value


def _tagged(tag: str, convert: Callable[[Any], Any]) -> Callable[[_Writer, Any], Any]:
    return lambda _, value: {TAG: tag, VALUE: convert(value)}


def _write_int(_: _Writer, value: int) -> Any:
    # Hexadecimal, because Python limits the length of decimal numbers that it converts.
    return value if value in _INT64 else {TAG: "int", VALUE: hex(value)}


def _write_float(_: _Writer, value: float) -> Any:
    return value if math.isfinite(value) else {TAG: "float", VALUE: repr(value)}


def _write_str(_: _Writer, value: str) -> Any:
    return value if _is_text(value) else {TAG: "str", VALUE: value.encode("utf-8", "surrogatepass").hex()}


def _write_set(writer: _Writer, value: Any) -> Any:
    items = writer.write_items(value, "{{...}}")
    return {TAG: type(value).__name__, VALUE: sorted(items, key=_CANONICAL.encode)}


def _write_zoned(writer: _Writer, value: datetime | time) -> Any:
    """ISO 8601 where that says everything; else the wall time, the fold and the zone."""
    zone = value.tzinfo
    if not value.fold and (zone is None or (type(zone) is timezone and _is_plain_offset(zone))):
        plain: Any = value.isoformat()
    else:
        plain = [value.replace(tzinfo=None).isoformat(), value.fold, writer.write_at(zone, ".tzinfo", None)]
    return {TAG: type(value).__name__, VALUE: plain}


def _write_zone(_: _Writer, zone: ZoneInfo) -> Any:
    if not _ZONE_KEY.fullmatch(zone.key or ""):
        raise _Refused(f"{zone!r} has no name that could be looked up again")
    return {TAG: "zone", VALUE: zone.key}


def _zone_name(zone: timezone) -> str | None:
    """Return the name of a fixed offset, if it is not the one that every such offset has."""
    name = zone.tzname(None)
    return None if name == timezone(zone.utcoffset(None)).tzname(None) else name


def _is_plain_offset(zone: timezone) -> bool:
    """Return whether ISO 8601 says everything; Python misreads offsets of less than a second."""
    return zone is UTC or (zone.utcoffset(None) % _SECOND == _NOTHING and _zone_name(zone) is None)


_WRITERS: Final[dict[type, Callable[[_Writer, Any], Any]]] = {
    type(None): _as_is,
    bool: _as_is,
    int: _write_int,
    float: _write_float,
    str: _write_str,
    list: _Writer.write_items,
    tuple: lambda writer, value: {TAG: "tuple", VALUE: writer.write_items(value)},
    dict: _Writer.write_dict,
    set: _write_set,
    frozenset: _write_set,
    bytes: _tagged("bytes", lambda value: base64.b64encode(value).decode()),
    datetime: _write_zoned,
    time: _write_zoned,
    date: _tagged("date", date.isoformat),
    timedelta: _tagged("timedelta", lambda value: [value.days, value.seconds, value.microseconds]),
    UUID: _tagged("uuid", str),
    Decimal: _tagged("decimal", str),
    ZoneInfo: _write_zone,
    timezone: _tagged("timezone", lambda zone: [zone.utcoffset(None) // _MICROSECOND, _zone_name(zone)]),
}


class _Reader:
    def __init__(self, registry: TypeRegistry) -> None:
        self._registry = registry

    def read(self, data: Any, depth: int) -> Any:
        kind = data.__class__
        if kind in _SCALARS:
            return data
        if depth > MAX_DEPTH:  # one more than for writing: the tag of an innermost value
            raise DeserializationError(f"the stored value is nested more than {MAX_DEPTH} levels deep")
        if kind is list:
            return self.read_items(data, depth)
        if kind is not dict:
            raise DeserializationError(
                f"the stored value contains a {kind.__qualname__}: it is never written"
            )
        return self.read_tagged(data, depth) if TAG in data else self.read_keys(data, depth)

    def read_items(self, data: object, depth: int) -> list[Any]:
        return [self.read(item, depth + 1) for item in _list(data)]

    def read_keys(self, data: dict[Any, Any], depth: int) -> dict[str, Any]:
        return {_text(key): self.read(item, depth + 1) for key, item in data.items()}

    def read_pairs(self, data: object, depth: int) -> dict[Any, Any]:
        return {self.read(key, depth + 1): self.read(item, depth + 1) for key, item in _list(data)}

    def read_tagged(self, data: dict[Any, Any], depth: int) -> Any:
        if len(data) != 2 or VALUE not in data:
            raise DeserializationError('the stored value contains a tag other than {"$": tag, "v": data}')
        tag = _text(data[TAG])
        try:
            if "@" in tag:
                return self.read_object(self._registry.resolve(tag), data[VALUE], depth)
            handler = _READERS.get(tag)
            if handler is None:
                raise UnknownTypeError(tag)
            return handler(self, data[VALUE], depth)
        except (DeserializationError, RecursionError):
            raise
        except Exception as exc:
            raise DeserializationError(f"the stored value contains a damaged {tag}: {exc!r}") from exc

    def read_object(self, registered: RegisteredType, data: Any, depth: int) -> Any:
        kind = data.__class__
        if kind is dict and TAG not in data:
            return registered.build(self.read_keys(data, depth))
        return registered.build(self.read(data, depth + 1))


def _text(data: object) -> str:
    if type(data) is not str:
        raise DeserializationError(f"the stored value has {reprlib.repr(data)} in the place of a string")
    return data


def _list(data: Any) -> list[Any]:
    if data.__class__ is not list:
        raise DeserializationError(f"the stored value has {reprlib.repr(data)} in the place of a list")
    items: list[Any] = data
    return items


def _from_text(convert: Callable[[str], Any]) -> Callable[[_Reader, Any, int], Any]:
    return lambda _, data, __: convert(_text(data))


def _read_float(data: str) -> float:
    if data not in ("nan", "inf", "-inf"):
        raise ValueError(f"{data!r} is not a special number")
    return float(data)


def _zoned(cls: type[datetime] | type[time]) -> Callable[[_Reader, Any, int], Any]:
    def read(reader: _Reader, data: Any, depth: int) -> Any:
        if type(data) is str:
            return cls.fromisoformat(data)
        wall, fold, zone = _list(data)
        return cls.fromisoformat(wall).replace(fold=fold, tzinfo=reader.read(zone, depth))

    return read


def _read_zone(key: str) -> ZoneInfo:
    # Looking up an odd key can import a module of that name, or open a directory.
    if not _ZONE_KEY.fullmatch(key):
        raise ValueError(f"{key!r} is not the name of a time zone")
    return ZoneInfo(key)


def _read_timezone(_: _Reader, data: Any, __: int) -> timezone:
    offset, name = _list(data)
    return timezone(offset * _MICROSECOND) if name is None else timezone(offset * _MICROSECOND, name)


_WORDS: Final[frozenset[object]] = frozenset({type(None), bool})

_SCALARS: Final[frozenset[object]] = frozenset({type(None), bool, int, float, str})

_READERS: Final[dict[str, Callable[[_Reader, Any, int], Any]]] = {
    "int": _from_text(lambda text: int(text, 16)),
    "float": _from_text(_read_float),
    "str": _from_text(lambda text: bytes.fromhex(text).decode("utf-8", "surrogatepass")),
    "tuple": lambda reader, data, depth: tuple(reader.read_items(data, depth)),
    "dict": _Reader.read_pairs,
    "set": lambda reader, data, depth: set(reader.read_items(data, depth)),
    "frozenset": lambda reader, data, depth: frozenset(reader.read_items(data, depth)),
    "bytes": _from_text(lambda text: base64.b64decode(text, validate=True)),
    "datetime": _zoned(datetime),
    "time": _zoned(time),
    "date": _from_text(date.fromisoformat),
    "timedelta": lambda _, data, __: timedelta(*_list(data)),
    "uuid": _from_text(UUID),
    "decimal": _from_text(Decimal),
    "zone": _from_text(_read_zone),
    "timezone": _read_timezone,
}
