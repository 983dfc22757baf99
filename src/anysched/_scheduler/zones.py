"""What the time zone database of this machine says (rule T12)."""

from __future__ import annotations

import zoneinfo
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from importlib import import_module
from pathlib import Path
from typing import Final

from anysched.model.zone import ZoneData
from anysched.triggers.base import DAY, EPOCH, seconds_floor
from anysched.triggers.civil import Civil

#: The years that are compared. What a change of rules says, it says of them as well.
_FIRST_DAY: Final = date(2020, 1, 1).toordinal() - 1
_LAST_DAY: Final = date(2060, 1, 1).toordinal() - 1

#: As often as this the offset is looked at; see ``civil``: no two transitions are closer.
_CELL: Final = 3

_SINCE_EPOCH: Final = seconds_floor(datetime(1970, 1, 1, tzinfo=UTC))


@lru_cache(maxsize=1024)
def _data_of(zone: zoneinfo.ZoneInfo) -> ZoneData:
    civil = Civil(zone)
    first = _FIRST_DAY
    offsets = [(first * DAY - _SINCE_EPOCH, civil.offset(first * DAY))]
    days = _days()
    # The offset at a wall time is asked for, which is fast, and is near enough to see that there is another.
    seen = [zone.utcoffset(day) for day in days]
    for index in range(1, len(days)):
        if seen[index] != seen[index - 1]:
            start = first + (index - 1) * _CELL
            for at in civil.transitions((start - 2) * DAY, (start + _CELL + 2) * DAY):
                if at - _SINCE_EPOCH > offsets[-1][0]:
                    offsets.append((at - _SINCE_EPOCH, civil.offset(at)))
    return ZoneData(name=zone.key, version=_version_of(zone.key), offsets=tuple(offsets))


@cache
def _days() -> Sequence[datetime]:
    """Return midnights from the first day to the last, as wall times."""
    first = EPOCH.replace(tzinfo=None)
    return [first + timedelta(number) for number in range(_FIRST_DAY, _LAST_DAY, _CELL)]


def zone_data(name: str) -> ZoneData | None:
    """Return what this machine knows of a time zone, None if it knows no such zone.

    A zone is read when it is first used, and stays as it was read as long as the process lives.
    """
    try:
        return _data_of(zoneinfo.ZoneInfo(name))
    except (LookupError, ValueError, OSError):
        return None


def _version_of(name: str) -> str | None:
    """Return the version of the database that a zone comes from: the system's, else that of the package tzdata."""
    for folder in map(Path, zoneinfo.TZPATH):
        if (folder / name).is_file():
            return _version_in(folder)
    try:
        version: object = getattr(import_module("tzdata"), "IANA_VERSION", None)
    except ImportError:
        return None
    return version if isinstance(version, str) else None


def _version_in(folder: Path) -> str | None:
    """Return the version that a folder says it has, in one of the two places where that is usual."""
    for name in ("tzdata.zi", "+VERSION"):
        try:
            with (folder / name).open(encoding="ascii", errors="replace") as file:
                first = file.readline(100).strip()
        except OSError:
            continue
        return first.removeprefix("# version ") or None
    return None
