"""Values as short text, for people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from enum import Enum
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, cast

import attrs

from anysched._text import printable
from anysched.model.trigger import parts_of

#: How long a text may become.
LONGEST: Final = 200

#: What is written as Python does.
_PLAIN: Final = frozenset({bool, int, float, str})

#: What is written as it is shown.
_SHOWN: Final = frozenset({datetime, timedelta})


def brief(value: object) -> str:
    """Return a value in at most 200 characters of one line; a trigger without what it leaves at its defaults."""
    try:
        text = printable(_written(value))
    except Exception:  # of a class of the user's
        text = f"<{type(value).__name__}>"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _written(value: object) -> str:
    if value.__class__ in _PLAIN:
        return repr(value)
    if value.__class__ in _SHOWN:
        return str(value)
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, (datetime, timedelta, tzinfo)):
        return str(value)
    if isinstance(value, MappingProxyType):
        return repr(dict(cast("Mapping[str, object]", value)))
    if isinstance(value, frozenset):
        return f"{{{', '.join(sorted(map(repr, cast('frozenset[object]', value))))}}}"
    if hasattr(value, "next_fire_time") and attrs.has(value.__class__):
        return _trigger(value)
    if isinstance(value, tuple):
        parts = cast("tuple[object, ...]", value)
        inner = any(hasattr(part, "next_fire_time") for part in parts)
        return f"({', '.join(map(_written, parts))})" if inner else repr(parts)
    return repr(value)


def _trigger(value: Any) -> str:
    parts = [
        f"{name}={part!r}" if part.__class__ in _PLAIN else f"{name}={_written(part)}"
        for (name, default), part in zip(_told(value.__class__), parts_of(value, derived=True), strict=True)
        if name and not (part is None or part == default)
    ]
    return f"{value.__class__.__name__}({', '.join(parts)})"


@lru_cache(maxsize=1000)
def _told(cls: type[Any]) -> tuple[tuple[str, object], ...]:
    """Return the names of the fields of a class and their defaults, without the names of those that are not told."""
    return tuple((field.name if field.repr is True else "", field.default) for field in attrs.fields(cls))
