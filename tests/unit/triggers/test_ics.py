"""Calendars from .ics files (rule T10)."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from anysched.triggers import DateSet

DAY = "DTSTART;VALUE=DATE:20261224"


def ics(*events: str) -> str:
    """Return a file with events, each given by its properties."""
    inner = "".join(f"BEGIN:VEVENT\n{event}\nEND:VEVENT\n" for event in events)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\n{inner}END:VCALENDAR\n".replace("\n", "\r\n")


def days(*events: str, until: date | None = None) -> list[str]:
    """Return the dates in a file with events."""
    return [day.isoformat() for day in DateSet.from_ics(ics(*events), until=until).dates]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (DAY, ["2026-12-24"]),
        (f"{DAY}\nDTEND;VALUE=DATE:20261227", ["2026-12-24", "2026-12-25", "2026-12-26"]),
        (f"{DAY}\nDTEND;VALUE=DATE:20261224", ["2026-12-24"]),
        (f"{DAY}\nDURATION:P2D", ["2026-12-24", "2026-12-25"]),
        ("DTSTART:20261224", ["2026-12-24"]),
        ('DTSTART;X-WHY="a;b:c";VALUE=DATE:20261224', ["2026-12-24"]),
        (f"{DAY}\nRDATE;VALUE=DATE:20261226,20261228", ["2026-12-24", "2026-12-26", "2026-12-28"]),
        (f"{DAY}\nRRULE:FREQ=YEARLY;COUNT=3", ["2026-12-24", "2027-12-24", "2028-12-24"]),
        (f"{DAY}\nRRULE:FREQ=YEARLY;UNTIL=20271224T000000Z", ["2026-12-24", "2027-12-24"]),
        (f"{DAY}\nRRULE:FREQ=WEEKLY;COUNT=3\nEXDATE;VALUE=DATE:20261231", ["2026-12-24", "2027-01-07"]),
        (
            "DTSTART;VALUE=DATE:20261126\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH;COUNT=3",
            ["2026-11-26", "2027-11-25", "2028-11-23"],
        ),
        (
            "DTSTART;VALUE=DATE:20260131\nRRULE:FREQ=MONTHLY;COUNT=3",
            ["2026-01-31", "2026-03-31", "2026-05-31"],
        ),
        (
            "DTSTART;VALUE=DATE:20260130\nRRULE:FREQ=MONTHLY;BYDAY=-1FR;INTERVAL=2;COUNT=2",
            ["2026-01-30", "2026-03-27"],
        ),
        ("DTSTART;VALUE=DATE:20240229\nRRULE:FREQ=YEARLY;COUNT=2", ["2024-02-29", "2028-02-29"]),
        (f"{DAY}\nBEGIN:VALARM\nTRIGGER:-PT15M\nDTSTART:20200101\nEND:VALARM", ["2026-12-24"]),
        (f"{DAY}\nSUMMARY:A long\n  one", ["2026-12-24"]),
    ],
    ids=range(16),
)
def test_all_day_events(event: str, expected: list[str]) -> None:
    """Rule T10: an all-day event covers each of its days, its end not included, and each time it recurs."""
    assert expected == days(event)


def test_what_is_left_out() -> None:
    """Rule T10: times of day and cancelled events are no days off, and a single one that was moved is where it went."""
    series = "UID:a\nDTSTART;VALUE=DATE:20261201\nRRULE:FREQ=WEEKLY;COUNT=3"
    assert ["2026-12-01", "2026-12-09", "2026-12-15"] == days(
        series,
        "UID:a\nRECURRENCE-ID;VALUE=DATE:20261208\nDTSTART;VALUE=DATE:20261209",
        "UID:b\nDTSTART:20261210T090000Z\nDTEND:20261210T100000Z",
        f"UID:c\n{DAY}\nSTATUS:CANCELLED",
    )
    assert ["2026-12-01", "2026-12-15"] == days(
        series, "UID:a\nRECURRENCE-ID;VALUE=DATE:20261208\nDTSTART:20261208T090000Z"
    )
    assert ["2026-12-01", "2026-12-15"] == days(
        series, "UID:a\nRECURRENCE-ID;VALUE=DATE:20261208\nDTSTART;VALUE=DATE:20261208\nSTATUS:CANCELLED"
    )


def test_how_far_rules_without_an_end_are_written_out() -> None:
    """Rule T10: ``until`` says as far as which date; without it such a rule is refused, and the event named."""
    forever = f"{DAY}\nSUMMARY:Christmas Eve\nRRULE:FREQ=YEARLY"
    assert ["2026-12-24", "2027-12-24", "2028-12-24"] == days(forever, until=date(2028, 12, 24))
    with pytest.raises(
        ValueError, match=r"the event 'Christmas Eve' \(line 3\) recurs without an end: .*until="
    ):
        days(forever)


def test_from_a_file(tmp_path: Path) -> None:
    """Rule T10: a file is read when the calendar is made; what is stored are its dates."""
    path = tmp_path / "days.ics"
    path.write_bytes(b"\xef\xbb\xbf" + ics(DAY).encode())
    found = DateSet.from_ics(path, timezone="Europe/Berlin")
    path.unlink()
    assert DateSet(["2026-12-24"], "Europe/Berlin") == found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no all-day event"),
        (ics(), "no all-day event"),
        (ics("DTSTART:20261210T090000Z"), "no all-day event"),
        (ics(f"{DAY}\nSTATUS:CANCELLED"), "covers no date"),
        (ics("SUMMARY:Eve"), r"the event 'Eve' \(line 3\) has no DTSTART"),
        (ics(f"{DAY}\nnonsense"), "line 5: 'nonsense' is no property"),
        (ics("DTSTART;VALUE=DATE:20261324"), "line 4: DTSTART has no date '20261324'"),
        (ics("DTSTART;VALUE=DATE:soon"), "line 4: DTSTART has no date 'soon'"),
        (ics(f"{DAY}\n{DAY}"), "line 5: the event .* has a second DTSTART"),
        (ics(f"{DAY}\nDTEND;VALUE=DATE:20261223"), "line 5: the event .* ends before it begins"),
        (ics(f"{DAY}\nDURATION:PT5H"), "line 5: .* must last for days or weeks, not 'PT5H'"),
        (ics(f"{DAY}\nDTEND;VALUE=DATE:99991231"), "too many days"),
        (ics(f"{DAY}\nRRULE:FREQ=HOURLY"), "line 5: .*cannot be written out: FREQ must be DAILY"),
        (ics(f"{DAY}\nRRULE:FREQ=YEARLY;BYSETPOS=1"), "line 5: .*BYSETPOS is not among FREQ"),
        (ics(f"{DAY}\nRRULE:FREQ=YEARLY;BYMONTH=13"), "line 5: .*BYMONTH must be a number from 1 to 12"),
        (ics(f"{DAY}\nRRULE:FREQ=WEEKLY;BYDAY=1MO"), "line 5: .*numbered BYDAY means nothing"),
        (ics(f"{DAY}\nRRULE:FREQ=YEARLY;BYDAY=XX"), "line 5: .*BYDAY must be a day"),
        (ics(f"{DAY}\nRRULE:FREQ=YEARLY;UNTIL=soon"), "line 5: .*UNTIL must be a date"),
        (ics(f"{DAY}\nRRULE:FREQ=DAILY;COUNT=50000"), "covers too many dates"),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR", "line 3: END:VCALENDAR has no BEGIN"),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\n" + DAY, "line 2: BEGIN:VEVENT has no END"),
        ("SUMMARY:x", "line 1: an .ics file begins with BEGIN:VCALENDAR"),
    ],
    ids=range(22),
)
def test_broken_files(text: str, said: str) -> None:
    """Rule T10: what cannot be read is refused, with its line or the event."""
    with pytest.raises(ValueError, match=said):
        DateSet.from_ics(text)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [((b"BEGIN",), "source must be the text of an .ics file"), ((ics(DAY), "2027"), "until must be a date")],
    ids=["source", "until"],
)
def test_what_makes_no_sense(arguments: Any, said: str) -> None:
    """Rule T10: bad input is refused with the name of the argument."""
    with pytest.raises(TypeError, match=said):
        DateSet.from_ics(arguments[0], until=arguments[1] if len(arguments) > 1 else None)
