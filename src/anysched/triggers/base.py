"""What all triggers share: checking arguments, filling in time zones, and counting in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import tzlocal

DAY = 86_400
RESOLUTION = timedelta(microseconds=1)

#: Seconds are counted from here, so that a number of whole days is the ordinal of a date, less one.
EPOCH = datetime.min.replace(tzinfo=UTC)
LAST_INSTANT = datetime.max.replace(tzinfo=UTC)


def seconds_floor(instant: datetime) -> int:
    """Return the last whole second at or before an instant in UTC."""
    since = instant - EPOCH
    return since.days * DAY + since.seconds


def seconds_ceil(instant: datetime) -> int:
    """Return the first whole second at or after an instant in UTC."""
    since = instant - EPOCH
    return since.days * DAY + since.seconds + (since.microseconds > 0)


LAST_SECOND = seconds_floor(LAST_INSTANT)


def instant_at(second: int) -> datetime:
    """Return the instant in UTC of a whole second."""
    return EPOCH + timedelta(0, second)


def machine_zone() -> tzinfo:
    """Return the machine's time zone: what a trigger takes that is used without having been bound."""
    return require_zone(tzlocal.get_localzone())


def require_zone(value: tzinfo | str) -> tzinfo:
    """Return a time zone that every node can find again.

    :raise TypeError: for something other than a name, a ZoneInfo or a datetime.timezone
    :raise ValueError: for a name that the time zone database does not have
    """
    if isinstance(value, str):
        return _named_zone(value)
    if isinstance(value, ZoneInfo):
        if value.key is None:
            raise ValueError(f"timezone {value!r} has no name: pass one such as 'Europe/Helsinki'")
        return _named_zone(value.key)
    if isinstance(value, timezone):
        if value.utcoffset(None) % timedelta(seconds=1):
            raise ValueError(f"timezone must be a whole number of seconds away from UTC, not {value}")
        return timezone(value.utcoffset(None))  # without a name of its own
    raise TypeError(
        f"timezone must be a name, a zoneinfo.ZoneInfo or a datetime.timezone, not {type(value).__name__}"
    )


def optional_zone(value: tzinfo | str | None) -> tzinfo | None:
    """Return a time zone, or None where it is left open."""
    return None if value is None else require_zone(value)


def _named_zone(name: str) -> ZoneInfo:
    # Zones compare by identity, and the constructor returns the same object for the same name.
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError) as exc:
        raise ValueError(
            f"timezone {name!r} is unknown here: use a name such as 'Europe/Helsinki' "
            "(where the system has no time zone database, install tzdata)"
        ) from exc


def require_moment(value: datetime, name: str, zone: tzinfo | None = None) -> datetime:
    """Return a datetime in UTC; a naive one is read in ``zone``, or stays as it is while that is open."""
    if value.__class__ is datetime and value.tzinfo is UTC:
        return value  # the very object: many triggers may have the same
    if not isinstance(value, datetime):
        raise TypeError(f"{name} must be a datetime, not {type(value).__name__}")
    naive = value.utcoffset() is None
    zone = zone if naive else value.tzinfo
    parts = (value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond)
    plain = datetime(*parts, tzinfo=zone, fold=value.fold)  # not a subclass, which might not be storable
    if zone is None:
        return plain
    try:
        return plain.astimezone(UTC)
    except OverflowError:
        # Beyond what a datetime can say in UTC: the very first or last instant means the same.
        return EPOCH if value.year == 1 else LAST_INSTANT


def optional_moment(value: datetime | None, name: str, zone: tzinfo | None = None) -> datetime | None:
    """Return a datetime as ``require_moment`` does, or None."""
    return None if value is None else require_moment(value, name, zone)


def is_open(*moments: datetime | None) -> bool:
    """Return whether any of these still waits for a time zone."""
    for moment in moments:  # noqa: SIM110 - at every fire time; `any` takes three times as long
        if moment is not None and moment.tzinfo is None:
            return True
    return False


def require_order(start: datetime | None, end: datetime | None) -> None:
    """Refuse an end that lies before the start."""
    # One naive and one aware cannot be compared before they are bound.
    if start is not None and end is not None and is_open(start) == is_open(end) and end < start:
        raise ValueError(f"end_time {end} lies before start_time {start}")


def require_int(value: int, name: str, least: int, most: int | None = None) -> int:
    """Return a whole number within bounds."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be a whole number, not {type(value).__name__}")
    if value < least or (most is not None and value > most):
        bounds = f"at least {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name} must be {bounds}, not {value}")
    return value


def stored_fields(fields: Mapping[str, Any], *names: str) -> list[Any]:
    """Return the fields of a stored value in order. :raise ValueError: when there are others, as in a later form"""
    if fields.keys() != set(names):
        raise ValueError(f"the fields are {', '.join(sorted(fields))}, and not {', '.join(names)}")
    return [fields[name] for name in names]
