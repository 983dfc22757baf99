"""A single fire time, as an instant or on the wall clock (rules T1, T6 and S6)."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.unit.triggers.support import NEW_YEAR, at, first
from tests.zone_files import LAND, database, tzif

from anysched.model.trigger import is_due_when_past
from anysched.triggers import DateTrigger, IntervalTrigger
from anysched.wire.values import from_plain, to_plain

RUN_TIME = NEW_YEAR + timedelta(hours=9, microseconds=5)


def test_fires_once() -> None:
    """rule T2: the date is the only fire time, strictly after what is asked for, whatever the anchor."""
    trigger = DateTrigger(RUN_TIME)
    assert [RUN_TIME] == first(5, trigger, NEW_YEAR - timedelta(days=400))
    assert [RUN_TIME] == first(5, trigger, NEW_YEAR, anchor=RUN_TIME + timedelta(days=1))
    assert trigger.next_fire_time(RUN_TIME, anchor=NEW_YEAR) is None


def test_looking_back_and_counting() -> None:
    """rule T4: the date lies at or before itself, and is counted in (after, until]."""
    trigger = DateTrigger(RUN_TIME)
    before = RUN_TIME - timedelta(microseconds=1)
    assert RUN_TIME == trigger.last_fire_time(RUN_TIME, anchor=NEW_YEAR)
    assert trigger.last_fire_time(before, anchor=NEW_YEAR) is None
    assert 1 == trigger.count_fire_times(before, RUN_TIME, anchor=NEW_YEAR)
    assert 0 == trigger.count_fire_times(RUN_TIME, RUN_TIME + timedelta(days=1), anchor=NEW_YEAR)
    assert 0 == trigger.count_fire_times(NEW_YEAR, before, anchor=NEW_YEAR)


def test_is_due_when_past() -> None:
    """rule S6: a date that has passed is due at once; other triggers are not."""
    assert is_due_when_past(DateTrigger(RUN_TIME))
    assert not is_due_when_past(IntervalTrigger(seconds=1))


def test_aware_datetimes_are_kept_in_utc() -> None:
    """rule T1: the same instant given in another zone is the same trigger."""
    local = RUN_TIME.astimezone(timezone(timedelta(hours=-7)))
    assert DateTrigger(RUN_TIME) == DateTrigger(local)
    assert UTC is DateTrigger(local).run_time.tzinfo


@pytest.mark.parametrize("value", [date(2026, 1, 1), "2026-01-01T00:00:00Z", 0, None])
def test_other_types_are_refused(value: Any) -> None:
    """rule T1: a type error names the argument."""
    with pytest.raises(TypeError, match="run_time must be a datetime"):
        DateTrigger(value)


BERLIN = ZoneInfo("Europe/Berlin")
SKIPPED = datetime(2026, 3, 29, 2, 30, 0, 7)
TWICE = datetime(2026, 10, 25, 2, 30, 0, 7)
MICROSECONDS = timedelta(microseconds=7)


@pytest.mark.parametrize(
    ("wall", "policies", "expected"),
    [
        (SKIPPED, {}, [at("Europe/Berlin", 2026, 3, 29, 3)]),
        (SKIPPED, {"gap": "after", "fold": "both"}, [at("Europe/Berlin", 2026, 3, 29, 3)]),
        (SKIPPED, {"gap": "shift"}, [at("Europe/Berlin", 2026, 3, 29, 3, 30) + MICROSECONDS]),
        (TWICE, {}, [at("Europe/Berlin", 2026, 10, 25, 2, 30) + MICROSECONDS]),
        (TWICE, {"gap": "skip", "fold": "last"}, [at("Europe/Berlin", 2026, 10, 25, 2, 30, fold=1) + MICROSECONDS]),
        (TWICE.replace(fold=1), {}, [at("Europe/Berlin", 2026, 10, 25, 2, 30, fold=1) + MICROSECONDS]),
        (TWICE.replace(fold=1), {"fold": "first"}, [at("Europe/Berlin", 2026, 10, 25, 2, 30) + MICROSECONDS]),
        (
            TWICE,
            {"fold": "both"},
            [at("Europe/Berlin", 2026, 10, 25, 2, 30, fold=fold) + MICROSECONDS for fold in (0, 1)],
        ),
    ],
    ids=map(str, range(8)),
)  # fmt: skip
@pytest.mark.parametrize("bound", [False, True])
def test_wall_times(wall: datetime, policies: dict[str, Any], expected: list[datetime], bound: bool) -> None:
    """Rules T1 and T6: a naive date is a wall time, with the same policies as all others, at once or when bound."""
    zone = {} if bound else {"timezone": "Europe/Berlin"}
    trigger = DateTrigger(wall, **zone, **policies).bind(BERLIN)
    assert expected == first(5, trigger, NEW_YEAR)
    assert (expected[0], wall.replace(fold=0), BERLIN) == (
        trigger.run_time,
        trigger.wall_time,
        trigger.timezone,
    )
    assert trigger is trigger.bind(UTC)
    assert expected[-1] == trigger.last_fire_time(expected[-1], anchor=NEW_YEAR)
    assert trigger.last_fire_time(expected[0] - MICROSECONDS / 7, anchor=NEW_YEAR) is None
    assert len(expected) == trigger.count_fire_times(NEW_YEAR, expected[-1], anchor=NEW_YEAR)
    again = from_plain(to_plain(trigger))
    assert trigger == again == pickle.loads(pickle.dumps(trigger)) == copy.deepcopy(trigger)
    assert (hash(trigger), expected) == (hash(again), first(5, again, NEW_YEAR))


def test_nothing_left() -> None:
    """Rule T6: a date that gap="skip" leaves out is refused where its zone is known, and the error says what to do."""
    with pytest.raises(
        ValueError, match=r"run_time 2026-03-29 .* does not exist in Europe/Berlin.*gap='after'"
    ):
        DateTrigger(SKIPPED, "Europe/Berlin", gap="skip")
    open_one = DateTrigger(SKIPPED, gap="skip")
    assert [SKIPPED.replace(tzinfo=UTC)] == first(2, open_one.bind(UTC), NEW_YEAR)
    with pytest.raises(ValueError, match="gap='skip' leaves it out"):
        open_one.bind(BERLIN)


@pytest.mark.parametrize("argument", [{"timezone": "UTC"}, {"gap": "after"}, {"fold": "last"}])
def test_policies_for_an_instant_are_refused(argument: dict[str, Any]) -> None:
    """Rule T1: what is about wall times makes no sense beside an aware datetime, and the error names it."""
    with pytest.raises(ValueError, match=f"{next(iter(argument))} is for a wall time"):
        DateTrigger(RUN_TIME, **argument)


@pytest.mark.parametrize(("argument", "error"), [({"gap": "later"}, ValueError), ({"fold": 1}, TypeError)])
def test_unknown_policies_are_refused(argument: dict[str, Any], error: type[Exception]) -> None:
    """Rule T6: a policy that there is not is refused, and the error names the argument."""
    with pytest.raises(error, match=next(iter(argument))):
        DateTrigger(SKIPPED, **argument)


def test_what_is_stored() -> None:
    """Rules T1 and T12: of an instant the instant is stored, of a wall time the wall time and its zone."""
    assert {"run_time"} == to_plain(DateTrigger(RUN_TIME))["v"].keys()
    stored = to_plain(DateTrigger(TWICE, "Europe/Berlin"))
    assert {"$": "datetime", "v": TWICE.isoformat()} == stored["v"]["run_time"]
    assert {"$": "zone", "v": "Europe/Berlin"} == stored["v"]["timezone"]
    assert DateTrigger(RUN_TIME) == from_plain({"$": "date@1", "v": {"run_time": to_plain(RUN_TIME)}})


def test_rules_that_change(tmp_path: Path) -> None:
    """Rule T12: a stored wall time means another instant under other rules, or none where it is left out then."""
    change = at("UTC", 2026, 3, 1)
    with database(tmp_path) as zones:
        zones.write("2026a", tzif(3600))
        stored = to_plain(DateTrigger(datetime(2026, 3, 1, 1, 30), LAND, gap="skip"))
        assert at("UTC", 2026, 3, 1, 0, 30) == from_plain(stored).run_time
        zones.write("2026b", tzif(3600, [(change, 7200)]))
        trigger = from_plain(stored)
        assert ([], datetime(2026, 3, 1, 1, 30)) == (first(2, trigger, NEW_YEAR), trigger.run_time)
        assert (None, 0) == (
            trigger.last_fire_time(change + timedelta(days=9), anchor=NEW_YEAR),
            trigger.count_fire_times(NEW_YEAR, change + timedelta(days=9), anchor=NEW_YEAR),
        )
        assert stored == to_plain(trigger)


def test_the_ends_of_the_calendar() -> None:
    """Rule T1: a wall time that UTC cannot say any more is the very first or last instant."""
    assert at("UTC", 1, 1, 1) == DateTrigger(datetime(1, 1, 1), "Asia/Tokyo").run_time
    last = DateTrigger(datetime(9999, 12, 31, 23, 59, 59, 999_999), "America/Adak")
    assert datetime.max.replace(tzinfo=UTC) == last.run_time
