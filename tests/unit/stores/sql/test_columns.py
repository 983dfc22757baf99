"""Values in columns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anysched.errors import DeserializationError
from anysched.stores.sql import columns

INSTANTS = st.datetimes(timezones=st.just(UTC))


@given(INSTANTS)
def test_instants(instant: datetime) -> None:
    """Rule T1: an instant comes back to the microsecond, in UTC."""
    back = columns.to_instant(columns.from_instant(instant))
    assert (instant, UTC) == (back, back.tzinfo)


@given(INSTANTS, INSTANTS)
def test_instants_are_ordered(one: datetime, two: datetime) -> None:
    """Rule S5: the order of the numbers is that of the instants."""
    assert (one < two) == (columns.from_instant(one) < columns.from_instant(two))


@pytest.mark.parametrize(("number", "year"), [(2**63 - 1, 9999), (-(2**63), 1)])
def test_beyond_the_calendar(number: int, year: int) -> None:
    """A number that no calendar has does not fail a pass, but becomes the end of the calendar."""
    assert year == columns.to_instant(number).year


@given(st.timedeltas(min_value=timedelta(0)))
def test_durations(duration: timedelta) -> None:
    """A duration comes back as it was; one beyond 146,000 years stays that long."""
    back = columns.to_duration(columns.from_duration(duration))
    assert min(duration, timedelta(microseconds=columns.LONGEST)) == back


@pytest.mark.parametrize("text", ["", "{", b"\xff", None, "[" * 100_000])
def test_damaged_text(text: object) -> None:
    """What is not JSON is said to be damaged, whatever it is."""
    with pytest.raises(DeserializationError, match="damaged"):
        columns.from_json(text)  # type: ignore[arg-type]
