"""What is kept of time zones, as plain data (rule T12)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from anysched.errors import DeserializationError, UnknownTypeError
from anysched.model.zone import ZoneData, ZoneRecord
from anysched.wire.zones import zone_from_plain, zone_to_plain

DATA = ZoneData(name="Europe/Berlin", version="2026b", offsets=((1_577_836_800, 3600), (1_585_443_600, 7200)))
OLDER = ZoneData(name="Europe/Berlin", version=None, offsets=((1_577_836_800, 3600),))


@pytest.mark.parametrize(
    "record",
    [
        ZoneRecord(data=DATA),
        ZoneRecord(data=DATA, before=OLDER, unsettled_until=datetime(2026, 1, 1, 0, 0, 0, 7, UTC)),
    ],
    ids=["settled", "unsettled"],
)
def test_written_and_read(record: ZoneRecord) -> None:
    """Rule T12: what is kept of a zone is read as it was written."""
    assert record == zone_from_plain("Europe/Berlin", json.loads(json.dumps(zone_to_plain(record))))


def test_a_later_version() -> None:
    """Rule N9: what a later version has written is told from what is damaged."""
    with pytest.raises(UnknownTypeError, match="zone"):
        zone_from_plain("x", {**zone_to_plain(ZoneRecord(data=DATA)), "version": 2})


@pytest.mark.parametrize(
    "change",
    [
        {"data": None},
        {"data": {"version": "2026b"}},
        {"data": {"version": "2026b", "offsets": []}},
        {"data": {"version": "2026b", "offsets": [[1]]}},
        {"data": {"version": "2026b", "offsets": [["a", 1]]}},
        {"data": {"version": "2026b", "offsets": [[0, 10**18]]}},
        {"data": {"version": "2026b", "offsets": [[7, 3600], [7, 7200]]}},
        {"before": 7},
        {"unsettled_until": "soon"},
        {"unsettled_until": 7},
        {"unsettled_until": "2026-12-01T00:00:00"},
        {"version": 0},
        {"version": "1"},
    ],
    ids=map(str, range(13)),
)
def test_damage(change: dict[str, Any]) -> None:
    """Rule T12: what is damaged is refused, and the error names the zone."""
    plain = {**zone_to_plain(ZoneRecord(data=DATA)), **change}
    with pytest.raises(DeserializationError, match="Europe/Berlin is damaged"):
        zone_from_plain("Europe/Berlin", plain)


@pytest.mark.parametrize("plain", [None, [], {}, "x", 7])
def test_something_else(plain: object) -> None:
    """Rule T12: what is no record of a zone is refused."""
    with pytest.raises(DeserializationError):
        zone_from_plain("x", plain)
