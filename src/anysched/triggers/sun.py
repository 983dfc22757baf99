"""Fire times by the sun (rule T10)."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from math import degrees, floor
from typing import TYPE_CHECKING, Final, Literal, get_args

import attrs

from anysched.errors import TriggerSearchError
from anysched.model.convert import utc
from anysched.triggers.asking import spend
from anysched.triggers.base import DAY, EPOCH, LAST_SECOND, seconds_floor
from anysched.triggers.civil import require_choice
from anysched.triggers.combine import Combinable
from anysched.triggers.extras import register_with, require_package

SunEvent = Literal["sunrise", "sunset", "dawn", "dusk", "noon", "midnight"]
Depression = Literal["civil", "nautical", "astronomical"]

#: How far the centre of the sun is below the horizon at sunrise and sunset, in degrees: refraction, and its radius.
_BELOW_HORIZON: Final = 50 / 60
_DEPRESSIONS: Final = {"civil": 6.0, "nautical": 12.0, "astronomical": 18.0}
#: Nearer to a pole than this an hour of the day means nothing; it is taken for this, as astral does.
_NEAREST_TO_POLE: Final = 89.8
#: Noon of the first of January 2000, from which astronomers count, in seconds.
_J2000: Final = seconds_floor(datetime.fromisoformat("2000-01-01T12:00:00Z"))
_CENTURY: Final = 36_525 * DAY
#: So often an instant is made more exact: then it changes by less than a second.
_TIMES: Final = 4
#: What it costs a search to find out about a day (rule T11).
_DAY_COST: Final = 20
#: A place that has had no such event for so many days will have none.
_MOST_DAYS: Final = 4 * 366


@register_with("astral", "sun", version=1)
@attrs.frozen(init=False)
class SunTrigger(Combinable):
    """Fires at sunrise, sunset, dawn, dusk, or when the sun is at its highest or lowest (rule T10).

    ``SunTrigger("sunset", latitude=60.17, longitude=24.94, offset=timedelta(minutes=-30))`` fires half an
    hour before the sun sets in Helsinki. It needs ``pip install 'anysched[sun]'``. Events are told to the second, and
    are right to about a minute. Days without the event, as near the poles in summer and winter, are passed over.

    :ivar event: "sunrise", "sunset", "dawn", "dusk", "noon" or "midnight"
    :ivar latitude: degrees north of the equator, from -90 to 90
    :ivar longitude: degrees east of Greenwich, from -180 to 180
    :ivar elevation: metres above the horizon that is seen, from 0 to 10000: the sun rises earlier there and sets later
    :ivar depression: how far the sun is below the horizon at dawn and dusk: "civil" (6 degrees, the default),
        "nautical" (12) or "astronomical" (18); None for other events
    :ivar offset: how long after the event, as a timedelta or in seconds; before it if negative; a day at most

    :raise ImportError: when ``astral`` is not installed
    """

    event: SunEvent
    latitude: float
    longitude: float
    elevation: float
    depression: Depression | None
    offset: timedelta

    if TYPE_CHECKING:

        def __attrs_init__(
            self,
            *,
            event: SunEvent,
            latitude: float,
            longitude: float,
            elevation: float,
            depression: Depression | None,
            offset: timedelta,
        ) -> None: ...

    def __init__(
        self,
        event: SunEvent,
        latitude: float,
        longitude: float,
        elevation: float = 0,
        depression: Depression | None = None,
        offset: timedelta | float = timedelta(0),
    ) -> None:
        require_package("astral", "SunTrigger", "sun")
        event = require_choice(event, "event", get_args(SunEvent))
        self.__attrs_init__(
            event=event,
            latitude=_number(latitude, "latitude", -90, 90),
            longitude=_number(longitude, "longitude", -180, 180),
            elevation=_number(elevation, "elevation", 0, 10_000),
            depression=_depression(depression, event),
            offset=_offset(offset),
        )

    def prepare(self) -> None:
        """Import what computes the sun, which takes some 20 ms."""
        self._sun()

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        """Return the first fire time strictly after an instant, in UTC, or None when there is none left.

        :raise TriggerSearchError: when there is no such event for four years
        """
        sun = self._sun()
        earliest = (utc(after, "after") - EPOCH - self.offset) // timedelta(0, 1) + 1
        first = sun.day_of(earliest) - 1
        for day in range(first, first + _MOST_DAYS):
            spend(_DAY_COST)
            second = sun.event(day)
            if second is not None and second >= earliest:
                return _instant(second, self.offset)
            if (day - 2) * DAY > LAST_SECOND:
                return None
        raise TriggerSearchError(f"there is no {self.event} within four years of {after} for {self!r}")

    def search_cost(self) -> int:
        """Return what it costs to find out about three days."""
        return 3 * _DAY_COST

    def _sun(self) -> _Sun:
        return _sun(self.event, self.latitude, self.longitude, self.elevation, self.depression)


@attrs.frozen
class _Sun:
    """The sun as seen from a place. Days are solar days of its meridian, counted from the first of January 0001.

    One day is from midnight to midnight by the sun there: each event has one place in it, and so events never change
    order, whatever date the zone of the place, or UTC, has then.

    :ivar noon: the middle of the first day by mean time, in seconds of UTC
    :ivar zenith: how far the sun is from the zenith at the event, in degrees; None for noon and midnight
    :ivar direction: 1 where it rises, -1 where it sets
    """

    noon: float
    latitude: float
    zenith: float | None
    direction: int

    def day_of(self, second: int) -> int:
        """Return the day of an instant."""
        return floor((second - self.noon) / DAY + 0.5)

    def event(self, day: int) -> int | None:
        """Return the second of the event on a day, or None where the sun stays above, or below."""
        from astral import SunDirection
        from astral.sun import eq_of_time, hour_angle, sun_declination

        noon = day * DAY + self.noon
        second = noon
        direction = SunDirection.RISING if self.direction > 0 else SunDirection.SETTING
        for _ in range(_TIMES):
            century = (second - _J2000) / _CENTURY
            second = noon - eq_of_time(century) * 60
            if self.zenith is not None:
                try:
                    angle = hour_angle(self.latitude, sun_declination(century), self.zenith, direction)
                except ValueError:
                    return None
                second -= degrees(angle) * DAY / 360
        return round(second)


@lru_cache(maxsize=256)
def _sun(
    event: SunEvent, latitude: float, longitude: float, elevation: float, depression: Depression | None
) -> _Sun:
    from astral.sun import adjust_to_horizon

    noon = DAY / 2 - longitude * DAY / 360
    latitude = min(max(latitude, -_NEAREST_TO_POLE), _NEAREST_TO_POLE)
    if event in ("noon", "midnight"):
        return _Sun(noon if event == "noon" else noon - DAY / 2, latitude, None, 1)
    below = _BELOW_HORIZON + adjust_to_horizon(elevation) if depression is None else _DEPRESSIONS[depression]
    return _Sun(noon, latitude, 90 + below, 1 if event in ("sunrise", "dawn") else -1)


def _instant(second: int, offset: timedelta) -> datetime | None:
    try:
        return EPOCH + timedelta(0, second) + offset
    except OverflowError:
        return None


def _depression(value: Depression | None, event: SunEvent) -> Depression | None:
    if event in ("dawn", "dusk"):
        return "civil" if value is None else require_choice(value, "depression", get_args(Depression))
    if value is not None:
        raise ValueError(f"depression is of dawn and dusk, not of {event}")
    return None


def _number(value: float, name: str, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be a number, not {type(value).__name__}")
    if not least <= value <= most:
        raise ValueError(f"{name} must be from {least:g} to {most:g}, not {value}")
    return float(value)


def _offset(value: timedelta | float) -> timedelta:
    if isinstance(value, bool) or not isinstance(value, (timedelta, int, float)):
        raise TypeError(f"offset must be a timedelta or a number of seconds, not {type(value).__name__}")
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if not abs(seconds) <= DAY:
        raise ValueError(f"offset must be at most a day, before or after, not {value}")
    return value if isinstance(value, timedelta) else timedelta(seconds=value)
