"""What this machine says of time zones (rule T12)."""

from __future__ import annotations

import sys
import zoneinfo
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.unit.triggers.all_zones import transitions
from tests.zone_files import LAND, database, tzif, utc

from anysched._scheduler.zones import zone_data
from anysched.model.zone import ZoneData

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    "name",
    ["Europe/Berlin", "Africa/Casablanca", "Australia/Lord_Howe", "Antarctica/Troll", "Asia/Gaza", "UTC"],
)
def test_offsets(name: str) -> None:
    """Rule T12: the offsets are those of each transition from 2020 to 2060, as looking twice a day finds them."""
    data = zone_data(name)
    assert data is not None
    start, end = utc(2020, 1, 1), utc(2060, 1, 1)
    found = [
        ((one.at - EPOCH) // SECOND, one.after // SECOND)
        for one in transitions(zoneinfo.ZoneInfo(name), start, end)
    ]
    first = start.astimezone(zoneinfo.ZoneInfo(name)).utcoffset()
    assert first is not None
    assert (((start - EPOCH) // SECOND, first // SECOND), *found) == data.offsets


def test_an_unknown_zone() -> None:
    """Rule T12: of a zone that this machine does not have nothing is known."""
    for name in ("Europe/Atlantis", "../etc/passwd", ""):
        assert zone_data(name) is None


def test_a_zone_that_is_read_again(tmp_path: Path) -> None:
    """Rule T12: what is known is what the zone says that the process has read."""
    with database(tmp_path) as zones:
        zones.write("2026a", tzif(3600))
        calm = zone_data(LAND)
        zones.write("2026b", tzif(3600, [(utc(2030, 1, 1), 7200)]))
        moved = zone_data(LAND)
    start = (utc(2020, 1, 1) - EPOCH) // SECOND
    assert ZoneData(name=LAND, version="2026a", offsets=((start, 3600),)) == calm
    change = ((utc(2030, 1, 1) - EPOCH) // SECOND, 7200)
    assert ZoneData(name=LAND, version="2026b", offsets=((start, 3600), change)) == moved


def version(folder: Path, files: dict[str, str]) -> str | None:
    """Return the version of a zone in a folder with these other files."""
    with database(folder) as zones:
        zones.write(None, tzif(0))
        for name, text in files.items():
            (folder / name).write_text(text)
        data = zone_data(LAND)
    assert data is not None
    return data.version


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"tzdata.zi": "# version 2026a\nZ x\n"}, "2026a"),
        ({"+VERSION": "2026b\n"}, "2026b"),
        ({"tzdata.zi": "# version 2026a\n", "+VERSION": "2026b"}, "2026a"),
        ({"tzdata.zi": ""}, None),
        ({}, None),
    ],
    ids=["zi", "VERSION", "both", "empty", "none"],
)
def test_versions_of_a_folder(tmp_path: Path, files: dict[str, str], expected: str | None) -> None:
    """Rule T12: the version is what the folder says from which the zone was read."""
    assert expected == version(tmp_path, files)


def test_the_version_of_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule T12: where the system has no zones the package tzdata says its version; without it none is known."""
    tzdata = pytest.importorskip("tzdata")
    paths = zoneinfo.TZPATH
    zoneinfo.reset_tzpath(to=[])
    try:
        zoneinfo.ZoneInfo.clear_cache(only_keys=["Asia/Kolkata"])
        data = zone_data("Asia/Kolkata")
        assert data is not None
        assert tzdata.IANA_VERSION == data.version
        zoneinfo.ZoneInfo.clear_cache(only_keys=["Asia/Kolkata"])
        zoneinfo.ZoneInfo("Asia/Kolkata")
        monkeypatch.setitem(sys.modules, "tzdata", None)
        data = zone_data("Asia/Kolkata")
        assert data is not None
        assert data.version is None
    finally:
        zoneinfo.reset_tzpath(to=paths)
        zoneinfo.ZoneInfo.clear_cache(only_keys=["Asia/Kolkata"])
