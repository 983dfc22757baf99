"""What is kept of time zones as plain data, and back."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import Any, Final, cast

from anysched.errors import DeserializationError, UnknownTypeError
from anysched.model import convert
from anysched.model.zone import ZoneData, ZoneRecord

#: Raised when a field is added that a reader of an older version must not pass over.
VERSION: Final = 1
_DAY: Final = 86_400


def zone_to_plain(record: ZoneRecord) -> dict[str, Any]:
    """Return what is kept of a zone, without its name."""
    until = record.unsettled_until
    return {
        "version": VERSION,
        "data": _data_to_plain(record.data),
        "before": None if record.before is None else _data_to_plain(record.before),
        "unsettled_until": None if until is None else until.isoformat(),
    }


def zone_from_plain(name: str, plain: object) -> ZoneRecord:
    """Return what is kept of a zone.

    :raise UnknownTypeError: when it is of a version that is not known here
    :raise DeserializationError: when it is damaged
    """
    try:
        fields = cast("dict[str, Any]", plain)
        version = fields["version"]
        if type(version) is not int or version < 1:
            raise ValueError("it has no version")
        if version > VERSION:
            raise UnknownTypeError(f"a record of the time zone {name}", version, known=range(1, VERSION + 1))
        before, until = fields["before"], fields["unsettled_until"]
        return ZoneRecord(
            data=_data_from_plain(name, fields["data"]),
            before=None if before is None else _data_from_plain(name, before),
            unsettled_until=None if until is None else convert.utc(datetime.fromisoformat(until), "it"),
        )
    except (KeyError, TypeError, ValueError) as exc:
        raise DeserializationError(f"what is stored of the time zone {name} is damaged: {exc!r}") from exc


def _data_to_plain(data: ZoneData) -> dict[str, Any]:
    return {"version": data.version, "offsets": [list(pair) for pair in data.offsets]}


def _data_from_plain(name: str, plain: Any) -> ZoneData:
    offsets = tuple((int(at), int(offset)) for at, offset in plain["offsets"])
    if not offsets or any(abs(offset) > _DAY for _, offset in offsets):
        raise ValueError("these are no offsets")
    if any(one >= other for (one, _), (other, _) in pairwise(offsets)):
        raise ValueError("the offsets are not in order")
    version = plain["version"]
    return ZoneData(name=name, version=None if version is None else str(version), offsets=offsets)
