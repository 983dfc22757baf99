"""Sun times against published ones, and against a computation of another kind (rule T10)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import asin, atan2, cos, degrees, radians, sin
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.triggers.support import NEW_YEAR, first

from anysched.testing import TriggerSuite
from anysched.triggers import SunTrigger

RESOLUTION = timedelta(microseconds=1)
DEPRESSIONS = {"civil": 6, "nautical": 12, "astronomical": 18}


class TestSunTriggers(TriggerSuite):
    """Sun times promise what all triggers do."""

    def triggers(self) -> list[Any]:
        """Return one of each event, on both sides of the date line, and beyond the polar circles."""
        return [
            SunTrigger("sunrise", 60.17, 24.94, offset=timedelta(minutes=-30, microseconds=1)),
            SunTrigger("sunset", -36.85, 174.76),
            SunTrigger("dawn", 21.3, -157.86, depression="nautical"),
            SunTrigger("dusk", 0, 180, elevation=3000, offset=3600),
            SunTrigger("noon", 69.65, 18.96),
            SunTrigger("midnight", -77.85, 166.67),
            SunTrigger("sunset", 69.65, 18.96),
        ]


@pytest.mark.parametrize(
    ("event", "latitude", "longitude", "zone", "published"),
    [
        ("sunrise", 60.17, 24.94, "Europe/Helsinki", "2025-06-21 03:54"),
        ("sunset", 60.17, 24.94, "Europe/Helsinki", "2025-06-21 22:50"),
        ("sunrise", 60.17, 24.94, "Europe/Helsinki", "2025-12-21 09:24"),
        ("sunset", 60.17, 24.94, "Europe/Helsinki", "2025-12-21 15:13"),
        ("sunrise", 51.48, 0.0, "Europe/London", "2025-03-20 06:03"),
        ("sunset", 51.48, 0.0, "Europe/London", "2025-03-20 18:13"),
        ("sunrise", 40.71, -74.01, "America/New_York", "2025-06-21 05:25"),
        ("sunset", 40.71, -74.01, "America/New_York", "2025-06-21 20:31"),
        ("sunrise", -33.87, 151.21, "Australia/Sydney", "2025-12-21 05:41"),
        ("sunset", -33.87, 151.21, "Australia/Sydney", "2025-12-21 20:06"),
    ],
)
def test_published_times(event: Any, latitude: float, longitude: float, zone: str, published: str) -> None:
    """Rule T10: sunrise and sunset are those of the almanacs to two minutes, which give whole minutes."""
    expected = datetime.fromisoformat(published).replace(tzinfo=ZoneInfo(zone))
    begin = expected.replace(hour=0, minute=0)
    found = SunTrigger(event, latitude, longitude).next_fire_time(begin, anchor=NEW_YEAR)
    assert found is not None
    assert abs(found - expected) <= timedelta(minutes=2), found.astimezone(ZoneInfo(zone))


def altitude(instant: datetime, latitude: float, longitude: float) -> float:
    """Return how high the sun stands, by the low-precision formulas of the Astronomical Almanac."""
    days = (instant - datetime(2000, 1, 1, 12, tzinfo=UTC)) / timedelta(days=1)
    anomaly = radians(357.528 + 0.9856003 * days)
    ecliptic = radians(280.460 + 0.9856474 * days + 1.915 * sin(anomaly) + 0.020 * sin(2 * anomaly))
    tilt = radians(23.439 - 0.0000004 * days)
    ascension = degrees(atan2(cos(tilt) * sin(ecliptic), cos(ecliptic)))
    declination = asin(sin(tilt) * sin(ecliptic))
    sidereal = 280.46061837 + 360.98564736629 * days
    hour = radians(sidereal + longitude - ascension)
    place = radians(latitude)
    return degrees(asin(sin(place) * sin(declination) + cos(place) * cos(declination) * cos(hour)))


@settings(max_examples=60)
@given(
    st.sampled_from(["sunrise", "sunset", "dawn", "dusk"]),
    st.sampled_from(["civil", "nautical", "astronomical"]),
    st.floats(-80, 80),
    st.floats(-180, 180),
    st.datetimes(datetime(1980, 1, 1), datetime(2060, 1, 1)),
)
def test_the_sun_stands_where_it_should(
    event: Any, depression: Any, latitude: float, longitude: float, moment: datetime
) -> None:
    """Rule T10: at the event the sun is as high as is said, to a tenth of a degree, and it rises, or sets."""
    twilight = event in ("dawn", "dusk")
    trigger = SunTrigger(event, latitude, longitude, depression=depression if twilight else None)
    found = trigger.next_fire_time(moment.replace(tzinfo=UTC), anchor=NEW_YEAR)
    assert found is not None
    expected = -DEPRESSIONS[depression] if twilight else -50 / 60
    assert altitude(found, latitude, longitude) == pytest.approx(expected, abs=0.1)
    # Where the sun only just reaches it, it is soon above or below again.
    slope = altitude(found + timedelta(minutes=2), latitude, longitude) - altitude(found, latitude, longitude)
    assert slope > -0.01 if event in ("sunrise", "dawn") else slope < 0.01


@settings(max_examples=40)
@given(
    st.sampled_from(["sunrise", "sunset", "dawn", "dusk", "noon", "midnight"]),
    st.sampled_from([-90.0, -78.0, -36.85, 0.0, 21.3, 60.17, 65.8, 69.65, 89.0]),
    st.sampled_from([-180.0, -179.9, -157.86, -90.0, 0.0, 90.0, 174.76, 179.9, 180.0]),
    st.datetimes(datetime(2000, 1, 1), datetime(2050, 1, 1)),
)
def test_each_day_once_and_in_order(event: Any, latitude: float, longitude: float, moment: datetime) -> None:
    """Rule T10: a day has each event once or not at all, on both sides of the date line: none is lost or doubled."""
    trigger = SunTrigger(event, latitude, longitude)
    found = first(30, trigger, moment.replace(tzinfo=UTC))
    gaps = [(later - earlier) / timedelta(days=1) for earlier, later in pairwise(found)]
    assert all(0.85 < gap for gap in gaps)
    assert event not in ("noon", "midnight") or all(abs(gap - 1) < 0.01 for gap in gaps)
    if abs(latitude) < 60:
        assert all(gap < 1.01 for gap in gaps)
    for instant in found[:3]:
        assert instant == trigger.next_fire_time(instant - RESOLUTION, anchor=NEW_YEAR)


def test_days_without_the_event_are_passed_over() -> None:
    """Rule T10: Tromsø has neither sunrise nor sunset from November to January and from May to July."""
    sunrise = SunTrigger("sunrise", 69.65, 18.96)
    (summer,) = first(1, sunrise, datetime(2025, 5, 25, tzinfo=UTC))
    (winter,) = first(1, sunrise, datetime(2025, 12, 1, tzinfo=UTC))
    assert (2025, 7) == (summer.year, summer.month)
    assert (2026, 1) == (winter.year, winter.month)


@pytest.mark.parametrize("latitude", [-90, -89.9, 89.9, 90])
def test_at_the_poles(latitude: float) -> None:
    """Rule T10: at a pole the sun rises and sets about once a year; the days between are passed over in one step."""
    for event in ("sunrise", "sunset", "dusk"):
        found = first(6, SunTrigger(event, latitude, 0), NEW_YEAR)  # type: ignore[arg-type]
        assert found[-1] - found[0] > timedelta(days=365)


def test_offset_and_elevation() -> None:
    """Rule T10: an offset moves each fire time, an elevation lets the sun rise earlier."""
    plain = SunTrigger("sunrise", 60.17, 24.94)
    (before,) = first(1, SunTrigger("sunrise", 60.17, 24.94, offset=timedelta(hours=-20)), NEW_YEAR)
    assert before + timedelta(hours=20) in first(3, plain, NEW_YEAR)
    (high,) = first(1, SunTrigger("sunrise", 60.17, 24.94, elevation=1000), NEW_YEAR)
    (low,) = first(1, plain, NEW_YEAR)
    assert timedelta(minutes=3) < low - high < timedelta(minutes=25)
    assert SunTrigger("dawn", 1, 2) == SunTrigger("dawn", 1.0, 2.0, depression="civil", offset=0)


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"event": "noonish"}, ValueError, "event must be one of 'sunrise'"),
        ({"latitude": 90.1}, ValueError, "latitude must be from -90 to 90, not 90.1"),
        ({"latitude": float("nan")}, ValueError, "latitude must be from"),
        ({"longitude": -181}, ValueError, "longitude must be from -180 to 180"),
        ({"longitude": "24.94"}, TypeError, "longitude must be a number, not str"),
        ({"elevation": -1}, ValueError, "elevation must be from 0"),
        ({"depression": "civil"}, ValueError, "depression is of dawn and dusk, not of sunset"),
        ({"event": "dawn", "depression": "deep"}, ValueError, "depression must be one of 'civil'"),
        ({"offset": timedelta(days=2)}, ValueError, "offset must be at most a day"),
        ({"offset": "1h"}, TypeError, "offset must be a timedelta or a number"),
    ],
    ids=range(10),
)
def test_what_makes_no_sense_is_refused(arguments: dict[str, Any], error: type[Exception], said: str) -> None:
    """Rule T10: bad input is refused with the name of the argument."""
    with pytest.raises(error, match=said):
        SunTrigger(**{"event": "sunset", "latitude": 60.17, "longitude": 24.94, **arguments})
