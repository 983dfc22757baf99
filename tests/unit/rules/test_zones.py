"""What becomes of fire times when the rules of their time zone change (rule T12)."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import pytest
from tests.unit.rules.support import after, options_of, paused, state_of

from anysched.model.change import Change
from anysched.model.events import FireTimeRecomputed, ScheduleFinished
from anysched.model.occurrence import Occurrence
from anysched.model.policies import ConflictPolicy
from anysched.model.schedule import Schedule
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.trigger import Trigger, UndecodableTrigger
from anysched.model.window import Window
from anysched.model.zone import ZoneData, ZoneRecord
from anysched.rules import occurrences, zones
from anysched.rules.adding import add
from anysched.triggers import CalendarIntervalTrigger, CronTrigger, DateTrigger, IntervalTrigger, RRuleTrigger

HOUR = timedelta(hours=1)

#: Tokyo is nine hours ahead; by older data, which nobody ever had, it was eight, or ten.
TOKYO = ZoneData(name="Asia/Tokyo", version="2026b", offsets=((0, 9 * 3600),))
EARLIER = attrs.evolve(TOKYO, version="2026a", offsets=((0, 10 * 3600),))
LATER = attrs.evolve(TOKYO, version="2026a", offsets=((0, 8 * 3600),))
NOON = CronTrigger("0 12 * * *", timezone="Asia/Tokyo")


def utc(*fields: int) -> datetime:
    """Return an instant."""
    return datetime(*fields, tzinfo=UTC)  # type: ignore[arg-type,misc]


#: Noon in Tokyo is at three, by older data at two or four.
NOW = utc(2026, 1, 1, 0)


def stored(trigger: Trigger = NOON, now: datetime = NOW, **state: Any) -> ScheduleSnapshot:
    """Return a schedule that was added, with these fields of its state written by other rules."""
    schedule = Schedule("task", trigger, id="x")
    snapshot = after(
        ScheduleSnapshot(schedule, None),  # type: ignore[arg-type]
        add(schedule, None, now, ConflictPolicy.do_nothing, lambda one, other: one == other),
    )
    if "next_fire_time" in state:
        state.setdefault("due_at", state["next_fire_time"])
    return attrs.evolve(snapshot, state=attrs.evolve(snapshot.state, **state))


def recomputed(snapshot: ScheduleSnapshot, before: ZoneData | None = EARLIER, now: datetime = NOW) -> Change:
    """Decide as a node does that finds the rules of Tokyo changed."""
    return zones.recomputed(snapshot, {"Asia/Tokyo": (before, TOKYO)}, now)


@pytest.mark.parametrize(("before", "hour"), [(EARLIER, 2), (LATER, 4)])
def test_the_same_wall_time(before: ZoneData, hour: int) -> None:
    """Rule T12: a fire time that is to come is computed anew, and the event tells the old and the new one."""
    old = utc(2026, 1, 1, hour)
    change = recomputed(stored(next_fire_time=old), before)
    state = state_of(change)
    new = utc(2026, 1, 1, 3)
    assert (new, new, 2) == (state.next_fire_time, state.due_at, state.revision)
    assert (FireTimeRecomputed("x", "task", "Asia/Tokyo", "2026a", "2026b", old, new),) == change.events


@pytest.mark.parametrize(
    "snapshot",
    [
        stored(),
        stored(next_fire_time=utc(2025, 12, 31, 2)),
        stored(next_fire_time=NOW),
        stored(next_fire_time=None, due_at=None),
        stored(next_fire_time=utc(2026, 1, 1, 2), error="broken"),
        attrs.evolve(stored(next_fire_time=utc(2026, 1, 1, 2)), fault="cannot be read"),
        stored(CronTrigger("0 12 * * *", timezone="Asia/Seoul"), next_fire_time=utc(2026, 1, 1, 2)),
        stored(IntervalTrigger(hours=5, start_time=NOW + HOUR), next_fire_time=utc(2026, 1, 1, 2)),
    ],
    ids=["right", "late", "due", "finished", "error", "fault", "another zone", "no zone"],
)
def test_what_stays(snapshot: ScheduleSnapshot) -> None:
    """Rule T12: what is right, due or late stays, and so does what has nothing to do with the zone."""
    assert Change(schedule_id="x") == recomputed(snapshot)


def test_a_trigger_that_fails() -> None:
    """Rules T12 and S2: a trigger that raises is set aside when its time comes, not by the way."""
    snapshot = stored(next_fire_time=utc(2026, 1, 1, 2))

    @attrs.frozen
    class Bad:
        timezone: ZoneInfo

        def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
            raise ZeroDivisionError

    bad = attrs.evolve(
        snapshot, schedule=attrs.evolve(snapshot.schedule, trigger=Bad(ZoneInfo("Asia/Tokyo")))
    )
    assert Change(schedule_id="x") == recomputed(bad)


def test_a_fire_time_that_lies_in_the_past_by_the_change() -> None:
    """Rule T12: a fire time that was to come, and by the new rules has passed, is late, and is not lost."""
    now = utc(2026, 1, 1, 3, 30)
    snapshot = stored(next_fire_time=utc(2026, 1, 1, 4), last_fire_time=utc(2025, 12, 31, 3))
    assert utc(2026, 1, 1, 3) == state_of(recomputed(snapshot, LATER, now)).next_fire_time
    # Not if it has a job already, or lies before the anchor; nor if the old rules are not known.
    ran = attrs.evolve(snapshot, state=attrs.evolve(snapshot.state, last_fire_time=utc(2026, 1, 1, 3)))
    assert utc(2026, 1, 2, 3) == state_of(recomputed(ran, LATER, now)).next_fire_time
    new = stored(now=now, next_fire_time=utc(2026, 1, 1, 4))
    assert utc(2026, 1, 2, 3) == state_of(recomputed(new, LATER, now)).next_fire_time
    assert utc(2026, 1, 2, 3) == state_of(recomputed(snapshot, None, now)).next_fire_time


def test_a_wall_time_that_comes_once_more() -> None:
    """Rules T12 and S3: what the clock had shown by the old rules is not dealt with twice, if it shows it again."""
    now = utc(2026, 1, 1, 2, 30)
    for last in (utc(2026, 1, 1, 2), utc(2025, 12, 31, 2)):  # it ran, or was passed over
        snapshot = stored(next_fire_time=utc(2026, 1, 2, 2), last_fire_time=last)
        assert utc(2026, 1, 2, 3) == state_of(recomputed(snapshot, EARLIER, now)).next_fire_time
    # One that was to come within that hour does come.
    to_come = stored(next_fire_time=utc(2026, 1, 1, 2), last_fire_time=utc(2025, 12, 31, 2))
    assert utc(2026, 1, 1, 3) == state_of(recomputed(to_come, EARLIER, utc(2026, 1, 1, 1, 30))).next_fire_time


def test_named_fire_times_of_who_is_late() -> None:
    """Rules T12 and O1: what was skipped by name follows the wall clock, wherever its schedule stands."""
    skipped = Occurrence(fire_time=utc(2026, 1, 2, 2), moved_to=None)
    for cursor in (utc(2025, 12, 31, 2), None):
        snapshot = stored(next_fire_time=cursor, occurrences=(skipped,))
        change = recomputed(snapshot)
        state = state_of(change)
        assert (cursor, [utc(2026, 1, 2, 3)]) == (
            state.next_fire_time,
            [one.fire_time for one in state.occurrences],
        )
        (event,) = change.events
        assert isinstance(event, FireTimeRecomputed)
        assert (cursor, cursor) == (event.old_fire_time, event.next_fire_time)


def test_what_was_passed_over_does_not_come_back() -> None:
    """Rules T12 and S3: a fire time that is one by both rules tells nothing of those before it."""
    hourly = CronTrigger("0 * * * *", timezone="Asia/Tokyo")
    now = utc(2026, 1, 1, 3, 30)
    snapshot = stored(hourly, next_fire_time=utc(2026, 1, 1, 4), last_fire_time=utc(2025, 12, 31, 3))
    assert Change(schedule_id="x") == recomputed(snapshot, LATER, now)


def test_nothing_before_what_ran_or_the_anchor() -> None:
    """Rules T12, P7 and O6: nothing comes before a fire time that has its job, or before where a resume begins."""
    ahead = stored(next_fire_time=utc(2026, 1, 2, 2), last_fire_time=utc(2026, 1, 1, 3))
    assert utc(2026, 1, 2, 3) == state_of(recomputed(ahead)).next_fire_time
    resumed = stored(next_fire_time=utc(2026, 1, 5, 2), anchor=utc(2026, 1, 5, 1))
    assert utc(2026, 1, 5, 3) == state_of(recomputed(resumed)).next_fire_time


def test_a_pause() -> None:
    """Rules T12 and P1: a paused schedule stays paused, and what it stands at is computed anew."""
    snapshot = paused(stored(next_fire_time=utc(2026, 1, 1, 2)))
    state = state_of(recomputed(snapshot))
    assert (utc(2026, 1, 1, 3), snapshot.state.pauses) == (state.next_fire_time, state.pauses)


def test_named_fire_times_follow_the_wall_clock() -> None:
    """Rules T12 and O1: what was skipped or moved by name is the same wall time afterwards; where it runs stays."""
    skipped = Occurrence(fire_time=utc(2026, 1, 2, 2), reason="why")
    moved = Occurrence(fire_time=utc(2026, 1, 3, 2), moved_to=utc(2026, 1, 3, 7))
    ran = Occurrence(fire_time=utc(2026, 1, 4, 2), moved_to=NOW, settled=True)
    odd = Occurrence(fire_time=utc(2026, 1, 5, 11), moved_to=utc(2026, 1, 6, 7))
    snapshot = stored(next_fire_time=utc(2026, 1, 1, 2), occurrences=(skipped, moved, ran, odd))
    change = recomputed(snapshot)
    kept = [attrs.evolve(one, fire_time=one.fire_time + HOUR) for one in (skipped, moved, ran)]
    assert (*kept, odd) == state_of(change).occurrences
    # It is none of those that the schedule goes through; the next is on the fifth.
    first = after(snapshot, change)
    stands = attrs.evolve(
        first, state=attrs.evolve(first.state, next_fire_time=utc(2026, 1, 2, 2), due_at=utc(2026, 1, 2, 2))
    )
    assert utc(2026, 1, 5, 3) == state_of(recomputed(stands, now=utc(2026, 1, 1, 5))).next_fire_time
    restored = occurrences.restore(first, options_of(first), NOW, utc(2026, 1, 2, 3))
    assert utc(2026, 1, 2, 3) not in [one.fire_time for one in state_of(restored).occurrences]


def test_only_named_fire_times_have_moved() -> None:
    """Rule T12: where the next fire time is right and a named one is not, the event tells of no other time."""
    right = utc(2026, 1, 1, 3)
    change = recomputed(stored(occurrences=(Occurrence(fire_time=utc(2026, 1, 2, 2)),)))
    assert (FireTimeRecomputed("x", "task", "Asia/Tokyo", "2026a", "2026b", right, right),) == change.events
    assert [utc(2026, 1, 2, 3)] == [one.fire_time for one in state_of(change).occurrences]


def test_the_last_fire_time() -> None:
    """Rules T12 and P8: a schedule whose trigger has nothing left by the new rules is finished, and says so."""
    trigger = attrs.evolve(NOON, end_time=utc(2026, 1, 1, 2, 30))
    snapshot = stored(now=utc(2025, 12, 30), next_fire_time=utc(2026, 1, 1, 2))
    snapshot = attrs.evolve(snapshot, schedule=attrs.evolve(snapshot.schedule, trigger=trigger))
    change = recomputed(snapshot)
    assert state_of(change).next_fire_time is None
    assert [FireTimeRecomputed, ScheduleFinished] == [type(event) for event in change.events]


@dataclasses.dataclass(frozen=True)
class Holder:
    """Keeps what it is given, as somebody's own trigger may."""

    parts: Any

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        return None


class Plain:
    """Keeps it in an attribute that nobody has declared."""

    def __init__(self, part: Any) -> None:
        self.part = part

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        return None


class Told:
    """Says what it consists of."""

    __slots__ = ("zone",)

    def __init__(self, zone: str) -> None:
        self.zone = zone

    def __anysched_fields__(self) -> dict[str, Any]:
        return {"zone": ZoneInfo(self.zone)}

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        return None


@attrs.frozen
class Fields:
    """Keeps it in the field of a class with slots, as the triggers here do."""

    part: Any = None
    number: int = 0

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        return None


@attrs.frozen
class Going(Fields):
    """Goes by a zone that is in no field."""

    @property
    def timezone(self) -> ZoneInfo:
        return ZoneInfo("Asia/Seoul")


@attrs.frozen(slots=False)
class Loose(Fields):
    """Keeps it in an attribute besides its fields."""

    def __attrs_post_init__(self) -> None:
        self.__dict__["timezone"] = ZoneInfo("Asia/Seoul")


@pytest.mark.parametrize(
    ("trigger", "expected"),
    [
        (NOON, {"Asia/Tokyo"}),
        (CronTrigger("0 12 * * *"), set()),
        (CronTrigger("0 12 * * *", timezone=UTC), set()),
        (IntervalTrigger(days=1), set()),
        ((NOON | IntervalTrigger(days=1)) - CronTrigger("0 0 * * *", timezone="UTC"), {"Asia/Tokyo", "UTC"}),
        (NOON & (CalendarIntervalTrigger(days=1, timezone="Asia/Seoul") | NOON), {"Asia/Tokyo", "Asia/Seoul"}),
        (Holder({"b": (datetime(2026, 1, 1, tzinfo=ZoneInfo("Asia/Seoul")),)}), {"Asia/Seoul"}),
        (Holder({1: time(1, tzinfo=ZoneInfo("Asia/Seoul"))}), {"Asia/Seoul"}),
        (Plain(Holder([ZoneInfo("Asia/Seoul")])), {"Asia/Seoul"}),
        (Told("Asia/Seoul"), {"Asia/Seoul"}),
        (UndecodableTrigger("damaged"), set()),
        (Fields(), set()),
        (DateTrigger(NOW), set()),
        (DateTrigger(datetime(2026, 1, 1), timezone="Asia/Seoul"), {"Asia/Seoul"}),
        (Fields(datetime(2026, 1, 1, tzinfo=UTC)), set()),
        (Fields(datetime(2026, 1, 1, tzinfo=ZoneInfo("Asia/Seoul"))), {"Asia/Seoul"}),
        (Fields(time(1, tzinfo=ZoneInfo("Asia/Seoul"))), {"Asia/Seoul"}),
        (Fields(Fields(ZoneInfo("Asia/Seoul"))), {"Asia/Seoul"}),
        (Going(), {"Asia/Seoul"}),
        (Loose(), {"Asia/Seoul"}),
        (
            RRuleTrigger("RRULE:FREQ=DAILY\nRDATE;TZID=Asia/Seoul:20270710T090000", NOW, "Asia/Tokyo"),
            {"Asia/Tokyo", "Asia/Seoul"},
        ),
    ],
    ids=map(str, range(21)),
)  # fmt: skip
def test_where_zones_are_found(trigger: Any, expected: set[str]) -> None:
    """Rule T12: the zones of a trigger are found whatever it is made of."""
    assert expected == zones.zones_of([trigger, None])


def test_a_trigger_that_contains_itself() -> None:
    """Rule T12: a trigger that leads back to itself is not followed for ever."""
    parts: list[Any] = [ZoneInfo("Asia/Tokyo")]
    parts.append(Holder(parts))
    assert {"Asia/Tokyo"} == zones.zones_of([Holder(parts)])


def test_windows_count() -> None:
    """Rules T12 and W2: a schedule depends on the zones of its windows as well."""
    window = Window(id="w", mode="skip", trigger=NOON, duration=HOUR, since=NOW)
    snapshot = stored(IntervalTrigger(hours=1), windows=(window,), windowed_until=NOW)
    assert {"Asia/Tokyo"} == zones.zones_in(snapshot)


VERSIONS = [None, "2025z", "2025za", "2026a", "2026b"]


@pytest.mark.parametrize("mine", VERSIONS)
@pytest.mark.parametrize("theirs", VERSIONS)
@pytest.mark.parametrize("starting", [True, False])
def test_whose_rules_are_newer(mine: str | None, theirs: str | None, starting: bool) -> None:
    """Rule T12: versions decide, one that is known is newer than one that is not; in a draw, who starts does."""
    ours, stored = attrs.evolve(TOKYO, version=mine), attrs.evolve(EARLIER, version=theirs)
    difference = VERSIONS.index(mine) - VERSIONS.index(theirs)
    newer = difference > 0 or (difference == 0 and starting)
    assert ("newer" if newer else "older") == zones.compared(ours, stored, starting=starting)
    same = attrs.evolve(TOKYO, version=theirs)
    assert "same" == zones.compared(ours, same, starting=starting)


def test_strange_versions() -> None:
    """Rule T12: what is no version of the database counts as not known."""
    for strange in ("", "unknown", "2026", "26a", "2026A"):
        known = attrs.evolve(EARLIER, version="1999a")
        expected = "newer" if strange == "2026" else "older"
        assert expected == zones.compared(attrs.evolve(TOKYO, version=strange), known, starting=True)


def test_what_is_kept() -> None:
    """Rule T12: the newest rules are kept, with those before; then it is looked for a while."""
    old = ZoneRecord(data=EARLIER)
    changed = zones.kept(old, TOKYO, NOW, starting=False)
    assert ZoneRecord(data=TOKYO, before=EARLIER, unsettled_until=NOW + 24 * HOUR) == changed
    assert changed == zones.kept(changed, TOKYO, NOW + HOUR, starting=True)
    assert changed == zones.kept(changed, EARLIER, NOW + 12 * HOUR, starting=True)
    seen = zones.kept(changed, EARLIER, NOW + 13 * HOUR, starting=True)
    assert attrs.evolve(changed, unsettled_until=NOW + 37 * HOUR) == seen
    assert ZoneRecord(data=TOKYO) == zones.kept(changed, TOKYO, NOW + 24 * HOUR, starting=False)
    confirmed = attrs.evolve(TOKYO, version="2026c")
    assert confirmed == zones.kept(changed, confirmed, NOW, starting=False).data
    assert TOKYO == zones.kept(changed, attrs.evolve(TOKYO, version="2026a"), NOW, starting=False).data


def test_what_a_node_with_older_rules_leaves() -> None:
    """Rule T12: by which rules it computes is kept, so that what it has computed is found out by a newer one."""
    seen = zones.kept(ZoneRecord(data=TOKYO), LATER, NOW, starting=False)
    assert ZoneRecord(data=TOKYO, before=LATER, unsettled_until=NOW + 24 * HOUR) == seen
    assert seen == zones.kept(seen, LATER, NOW + HOUR, starting=False)


def test_wall_times() -> None:
    """Rule T12: what the clocks show at an instant, and when they show it: never, once, twice."""
    data = ZoneData(name="x", version=None, offsets=((0, 7200), (3600 * 24, 10800), (3600 * 48, 7200)))
    epoch = utc(1970, 1, 1)
    assert [datetime(1970, 1, 1, 2), datetime(1970, 1, 2, 3), datetime(1970, 1, 3, 2)] == [
        data.wall(epoch + timedelta(days=days)) for days in range(3)
    ]
    assert datetime(1969, 12, 31, 2) == data.wall(epoch - 24 * HOUR)
    assert [] == data.instants(datetime(1970, 1, 2, 2, 30))
    assert [epoch + 23 * HOUR] == data.instants(datetime(1970, 1, 2, 1))
    twice = [epoch + 47.5 * HOUR, epoch + 48.5 * HOUR]
    assert twice == data.instants(datetime(1970, 1, 3, 2, 30))
