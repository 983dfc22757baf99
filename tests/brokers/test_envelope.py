"""Events as messages."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from uuid import UUID

import attrs
import pytest

from anysched import JobOutcome, ScheduleStatus, SkipReason, register_type
from anysched.brokers import _envelope as envelope
from anysched.brokers._envelope import Message
from anysched.errors import DeserializationError, UnknownTypeError
from anysched.model import events
from anysched.model.events import Event

ID = UUID(int=7)
NOON = datetime(2025, 1, 1, 12, tzinfo=UTC)
PAUSE = {"since": NOON, "until": None, "reason": 'à "b"\n\udc80', "by": None, "resume_from": "now"}

EXAMPLES: list[Event] = [
    events.SchedulerStarted("a"),
    events.SchedulerStopped("a", None),
    events.SchedulerStopped("a", "it failed"),
    events.ScheduleAdded("s", "t", NOON),
    events.ScheduleUpdated("s", "t", None),
    events.ScheduleRemoved("s", "t"),
    events.ScheduleFinished("s", "t"),
    events.ScheduleFailed("s", "t", "bad"),
    events.SchedulePaused("s", "t", **PAUSE, missed="policy", next_fire_time=NOON),
    events.SchedulePaused("s", "t", **{**PAUSE, "resume_from": NOON}, missed="skip", next_fire_time=None, hold="h"),
    events.SchedulePaused("failing", "t", **PAUSE, missed="policy", next_fire_time=NOON, kind="failure"),
    events.ScheduleUnpaused(
        "s", "t", **PAUSE, missed="run_all", status=ScheduleStatus.active, next_fire_time=NOON,
        jobs=(ID, UUID(int=8)), skipped=3, skipped_exact=True,
    ),
    events.HoldAdded("h", "tags=a", NOON, "deploy", None),
    events.HoldLifted("h", "tags=a"),
    events.WindowAdded("w", "tags=a", "defer", NOON, "backup", None),
    events.BackfillChanged("s", "t", UUID(int=9), "running", 10, 3, 1, 1, "why", "ann"),
    events.WindowRemoved("w", "tags=a", None, "me"),
    events.FireTimesSkipped("s", "t", ((SkipReason.grace, 2), (SkipReason.paused, 1)), False),
    events.FireTimeChanged("s", "t", NOON, "moved", NOON, "why", None, None),
    events.FireTimeRecomputed("s", "t", "Europe/Helsinki", None, "2026b", NOON, None),
    events.JobAdded(ID, "t", None),
    events.JobAcquired(ID, "t", "s", "a"),
    events.JobReleased(ID, "t", "s", JobOutcome.success),
    events.JobReleased(ID, "t", "s", None),
    events.JobCancelRequested(ID, "t", None),
    events.WorkChanged("a"),
]  # fmt: skip


def carried(event: Event) -> Event:
    message = envelope.decode(
        envelope.encode(Message(sender="n", wants=frozenset({"JobAdded"}), events=[envelope.to_plain(event)]))
    )
    assert ("n", {"JobAdded"}) == (message.sender, message.wants)
    (plain,) = message.events
    return envelope.from_plain(envelope.kind_of(plain), plain)


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: repr(event)[:200])
def test_events_arrive_as_they_were_sent(event: Event) -> None:
    """An event that travels is equal at the other end, and of the same types."""
    assert event == carried(event)
    assert repr(event) == repr(carried(event))


def test_instants_in_any_zone() -> None:
    """An instant arrives as the same instant, whatever says its zone."""

    class Odd(tzinfo):
        def utcoffset(self, _: datetime | None) -> timedelta:
            return timedelta(hours=1)

        def dst(self, _: datetime | None) -> None:
            """Nothing is known."""

    event = events.ScheduleAdded("s", "t", NOON.replace(tzinfo=Odd()))
    assert event == carried(event)


def test_what_travels() -> None:
    """Every event travels except what concerns one node alone."""
    stay = {
        "Event",
        "ScheduleEvent",
        "HoldEvent",
        "WindowEvent",
        "JobEvent",
        "ClockJumped",
        "StalePause",
        "StoreUnavailable",
        "StoreRecovered",
    }
    every = {
        name for name, kind in vars(events).items() if isinstance(kind, type) and issubclass(kind, Event)
    }
    assert every - stay == set(envelope.TRAVELLING) == {type(event).__name__ for event in EXAMPLES}


def test_fields_of_a_newer_version() -> None:
    """A field that a newer version has added is passed over."""
    plain = ["SchedulerStarted", {"identity": "a", "speed": 7}]
    assert events.SchedulerStarted("a") == envelope.from_plain(envelope.kind_of(plain), plain)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("WorkChanged", {"identity": None}),
        ("WorkChanged", {"identity": ...}),
        ("WorkChanged", {"identity": {"a": 1}}),
        ("JobAdded", {"job_id": "7"}),
        ("JobReleased", {"outcome": "splendid"}),
        ("JobReleased", {"outcome": ["success"]}),
        ("ScheduleAdded", {"next_fire_time": NOON.replace(tzinfo=None)}),
        ("ScheduleAdded", {"next_fire_time": 12}),
        ("FireTimesSkipped", {"exact": 1}),
        ("FireTimesSkipped", {"counts": [["grace", 1]]}),
        ("FireTimesSkipped", {"counts": (("grace", 1, 1),)}),
        ("FireTimesSkipped", {"counts": (("grace", True),)}),
        ("SchedulePaused", {"missed": "perhaps"}),
        ("SchedulePaused", {"missed": ["policy"]}),
        ("SchedulePaused", {"resume_from": "then"}),
    ],
)
def test_damaged_fields(name: str, changes: dict[str, Any]) -> None:
    """Nothing is made to fit that does not."""
    event = next(event for event in EXAMPLES if type(event).__name__ == name)
    plain = envelope.to_plain(event)
    plain[1] = {key: value for key, value in {**plain[1], **changes}.items() if value is not ...}
    with pytest.raises(DeserializationError, match=name):
        envelope.from_plain(type(event), plain)


@pytest.mark.parametrize("plain", [None, 7, [], ["WorkChanged"], [7, {}], {"WorkChanged": {}}, ["Event", {}]])
def test_what_is_no_event(plain: object) -> None:
    """What is not the name of an event and its fields is refused."""
    with pytest.raises(DeserializationError):
        envelope.kind_of(plain)


WHOLE = {"anysched": 1, "from": "n", "hello": False, "wants": [], "events": []}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\x00",
        b"7",
        b"[]",
        b"{}",
        b"[" * 100_000,
        *(
            json.dumps({**WHOLE, **change}).encode()
            for change in (
                {"anysched": "1"}, {"anysched": True}, {"anysched": 2}, {"from": 7}, {"hello": None},
                {"wants": "all"}, {"events": {}}, {"events": [{"$": "print@1", "v": {}}]},
                {"from": "n" * envelope.LONGEST},
            )
        ),
    ],
)  # fmt: skip
def test_what_is_no_message(data: bytes) -> None:
    """Whatever a stranger sends is refused as a whole if it is not a message of a known version."""
    assert "n" == envelope.decode(json.dumps(WHOLE).encode()).sender
    with pytest.raises(DeserializationError):
        envelope.decode(data)


def test_nothing_is_made_that_a_message_names() -> None:
    """Rule N5: registered types, which a store may name, are not made from messages."""

    @register_type("trap for events")
    @attrs.define
    class Trap:
        field: int

        def __attrs_post_init__(self) -> None:
            raise AssertionError("it was made")

    event = ["WorkChanged", {"identity": {"$": "trap for events@1", "v": {"field": 1}}}]
    with pytest.raises(UnknownTypeError, match="trap for events"):
        envelope.decode(json.dumps({**WHOLE, "events": [event]}).encode())
