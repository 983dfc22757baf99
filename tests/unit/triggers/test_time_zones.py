"""Naive datetimes and open zones: bound once, and then the same on every node (rule T1)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import tzlocal
from tests.unit.triggers.support import NEW_YEAR, at, first

from anysched.model.trigger import BindableTrigger, Trigger
from anysched.triggers import (
    AndTrigger,
    CalendarIntervalTrigger,
    CronTrigger,
    DateTrigger,
    ExceptTrigger,
    IntervalTrigger,
    OrTrigger,
)

TOKYO = ZoneInfo("Asia/Tokyo")
NOON = datetime(2026, 1, 1, 12)
OPEN: list[Any] = [
    DateTrigger(NOON),
    IntervalTrigger(hours=1, start_time=NOON, end_time=NOON + timedelta(days=1)),
    IntervalTrigger(hours=1, start_time=NEW_YEAR, end_time=NOON),
    CalendarIntervalTrigger(days=1, hour=12),
    CronTrigger("0 12 * * *"),
    CronTrigger("0 12 * * *", start_time=NOON),
    OrTrigger(CronTrigger("0 12 * * *"), DateTrigger(NOON)),
    AndTrigger(CronTrigger("0 12 * * *"), IntervalTrigger(hours=1, start_time=NOON)),
    ExceptTrigger(CronTrigger("0 * * * *"), CronTrigger("0 12 * * *")),
    OrTrigger(AndTrigger(CronTrigger("0 12 * * *") - DateTrigger(NOON)), IntervalTrigger(days=1)),
    CronTrigger("0 12 * * *").shifted(timedelta(hours=-3)),
    CronTrigger("0 12 * * *").between(NOON, NOON + timedelta(days=9)),
    IntervalTrigger(hours=1, start_time=NEW_YEAR).between(NOON),
]


@pytest.fixture(autouse=True)
def machine_in_helsinki(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the machine in Helsinki."""
    monkeypatch.setattr(tzlocal, "get_localzone", lambda: ZoneInfo("Europe/Helsinki"))


@pytest.mark.parametrize("trigger", OPEN, ids=repr)
def test_binding(trigger: Any) -> None:
    """rule T1: binding fills in what is open, at any depth, and leaves the rest; the original is unchanged."""
    before = repr(trigger)
    bound = trigger.bind(TOKYO)
    assert trigger != bound
    assert before == repr(trigger)
    assert bound is bound.bind(UTC)
    assert first(3, trigger.bind(ZoneInfo("Europe/Helsinki")), NEW_YEAR) == first(3, trigger, NEW_YEAR)
    if trigger != IntervalTrigger(hours=1, start_time=NEW_YEAR, end_time=NOON):
        assert first(3, bound, NEW_YEAR - timedelta(days=1)) != first(
            3, trigger, NEW_YEAR - timedelta(days=1)
        )


@pytest.mark.parametrize(
    "trigger",
    [
        DateTrigger(NEW_YEAR),
        IntervalTrigger(hours=1),
        IntervalTrigger(hours=1, start_time=NEW_YEAR),
        CronTrigger("0 12 * * *", timezone="UTC", start_time=NOON),
        CalendarIntervalTrigger(days=1, timezone="UTC"),
        OrTrigger(IntervalTrigger(hours=1), DateTrigger(NEW_YEAR)),
    ],
    ids=repr,
)
def test_nothing_open(trigger: BindableTrigger) -> None:
    """rule T1: a trigger that leaves nothing open is returned as it is."""
    assert trigger is trigger.bind(TOKYO)


def test_naive_datetimes_mean_the_triggers_own_zone() -> None:
    """rule T1: a zone of its own wins over the one that is bound."""
    trigger = CronTrigger("0 * * * *", timezone="Asia/Tokyo", start_time=NOON, end_time=NOON)
    assert at("Asia/Tokyo", 2026, 1, 1, 12) == trigger.start_time == trigger.end_time
    assert trigger is trigger.bind(UTC)


def test_bound_naive_datetimes() -> None:
    """rule T1: a naive datetime is read in the zone that is bound, and kept in UTC."""
    bound = IntervalTrigger(hours=1, start_time=NOON).bind(TOKYO)
    assert at("Asia/Tokyo", 2026, 1, 1, 12) == bound.start_time
    assert at("Asia/Tokyo", 2026, 1, 1, 12) == DateTrigger(NOON).bind(TOKYO).run_time
    assert at("Europe/Helsinki", 2026, 1, 1, 12) == DateTrigger(NOON).next_fire_time(
        NEW_YEAR, anchor=NEW_YEAR
    )
    assert at("Europe/Helsinki", 2026, 1, 1, 12) == DateTrigger(NOON).last_fire_time(
        NEW_YEAR + timedelta(days=1), anchor=NEW_YEAR
    )


@pytest.mark.parametrize("fold", [0, 1])
def test_fold_is_honoured(fold: int) -> None:
    """rule T1: of a wall time that comes twice, ``fold`` tells which one is meant."""
    naive = datetime(2026, 10, 25, 2, 30, fold=fold)
    expected = datetime(2026, 10, 25, fold, 30, tzinfo=UTC)
    zone = ZoneInfo("Europe/Berlin")
    assert expected == DateTrigger(naive).bind(zone).run_time
    assert expected == DateTrigger(naive.replace(tzinfo=zone)).run_time
    assert expected == IntervalTrigger(days=1, start_time=naive).bind(zone).start_time
    assert expected == CronTrigger("* * * * *", timezone=zone, start_time=naive).start_time


def test_order_is_checked_once_it_is_known() -> None:
    """rule T3: a naive end before an aware start is refused as soon as it is bound."""
    trigger = IntervalTrigger(hours=1, start_time=at("UTC", 2026, 1, 1, 5), end_time=NOON)
    assert [trigger.start_time] == first(1, trigger.bind(ZoneInfo("UTC")), NEW_YEAR)
    with pytest.raises(ValueError, match="lies before start_time"):
        trigger.bind(TOKYO)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("Europe/Berlin", ZoneInfo("Europe/Berlin")),
        (ZoneInfo.no_cache("Europe/Berlin"), ZoneInfo("Europe/Berlin")),
        (UTC, UTC),
        (timezone(timedelta(hours=2), "home"), timezone(timedelta(hours=2))),
        (None, None),
    ],
)
def test_zones(given: tzinfo | str | None, expected: tzinfo | None) -> None:
    """rule T1: a zone is given by name or object; equal ones make equal triggers, stored the same."""
    for trigger in (CronTrigger("@daily", given), CalendarIntervalTrigger(days=1, timezone=given)):
        assert expected == trigger.timezone
        assert repr(expected) == repr(trigger.timezone)


class OddZone(tzinfo):
    """A zone of a class that no other node may know."""

    def utcoffset(self, dt: datetime | None) -> timedelta:
        """Return a constant."""
        return timedelta(hours=1)

    def dst(self, dt: datetime | None) -> None:
        """Return nothing."""

    def tzname(self, dt: datetime | None) -> str:
        """Return a name."""
        return "odd"


@pytest.mark.parametrize("value", [OddZone(), 3600, b"UTC", timedelta(hours=1)])
def test_other_zones_are_refused(value: Any) -> None:
    """rule T1: a type error names the argument."""
    with pytest.raises(TypeError, match="timezone must be a name, a zoneinfo"):
        CronTrigger("@daily", timezone=value)
    with pytest.raises(TypeError, match="timezone must be"):
        CronTrigger("@daily").bind(value)


@pytest.mark.parametrize(
    "name", ["Europe/Atlantis", "", "../etc/passwd", "/etc/localtime", "Europe", "a\0b", "\ud800"]
)
def test_unknown_zones_are_refused(name: str) -> None:
    """rule T1: an unknown zone is named, and no file outside the database is read."""
    with pytest.raises(ValueError, match="timezone") as caught:
        CalendarIntervalTrigger(days=1, timezone=name)
    assert repr(name) in str(caught.value)


def test_zones_that_no_other_node_could_find_are_refused() -> None:
    """rule T1: a zone without a name, and an offset finer than a second, cannot be kept."""
    source = resources.files("tzdata") / "zoneinfo" / "Europe" / "Berlin"
    with source.open("rb") as file, pytest.raises(ValueError, match="has no name"):
        CronTrigger("@daily", timezone=ZoneInfo.from_file(file))
    with pytest.raises(ValueError, match="whole number of seconds"):
        CronTrigger("@daily", timezone=timezone(timedelta(microseconds=1)))


def test_dates_at_the_ends_of_the_calendar() -> None:
    """rule T1: what UTC cannot say any more is taken as the very first or last instant."""
    trigger = IntervalTrigger(days=1, start_time=datetime.min, end_time=datetime.max)
    west, east = (trigger.bind(ZoneInfo(name)) for name in ("America/Adak", "Asia/Tokyo"))
    assert datetime.max.replace(tzinfo=UTC) == west.end_time
    assert datetime.min.replace(tzinfo=UTC) == east.start_time


class Moment(datetime):
    """A datetime as other libraries make them."""


def test_other_datetime_classes_become_plain() -> None:
    """rule T1: a subclass is kept as a plain datetime, which every serializer knows."""
    for value in (Moment(2026, 1, 1, tzinfo=UTC), Moment(2026, 1, 1, tzinfo=OddZone()), Moment(2026, 1, 1)):
        assert datetime is type(DateTrigger(value).run_time)


def test_any_object_with_the_function_is_a_trigger() -> None:
    """rule T2: the protocols of the model hold for every trigger here."""
    for trigger in OPEN:
        assert isinstance(trigger, Trigger)
        assert isinstance(trigger, BindableTrigger)
