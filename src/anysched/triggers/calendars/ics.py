"""The dates of all-day events in iCalendar text (RFC 5545)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

import attrs

from anysched.triggers.calendars.recurring import Recurrence, parse_rule

#: One calendar covers no more dates than this: a century of them.
_MOST_DATES: Final = 36_600

_LINE: Final = re.compile(
    r'([A-Za-z0-9-]+)((?:;[A-Za-z0-9-]+=(?:"[^"]*"|[^";:,]*)(?:,(?:"[^"]*"|[^";:,]*))*)*):(.*)'
)
_DATE: Final = re.compile(r"(\d{4})(\d\d)(\d\d)")
_DURATION: Final = re.compile(r"\+?P(?:(\d{1,6})W|(\d{1,6})D)")


@attrs.frozen
class Line:
    """A property, which may have been folded over several lines of the file.

    :ivar number: where it begins, counted from 1
    :ivar parameters: what stands between the name and the colon
    """

    number: int
    name: str
    parameters: str
    value: str

    @property
    def is_date(self) -> bool:
        """Whether it has dates, and no times of day."""
        return "VALUE=DATE" in self.parameters.upper().split(";") or (
            _DATE.fullmatch(self.value.partition(",")[0]) is not None
        )

    def dates(self) -> list[date]:
        """Return the dates of the value. :raise ValueError: naming the line"""
        return [self._date(text.strip()) for text in self.value.split(",")]

    def _date(self, text: str) -> date:
        match = _DATE.match(text)  # of an instant, its date
        try:
            if match is None:
                raise ValueError("it must be written as 20261224")
            return date(*map(int, match.groups()))
        except ValueError as exc:
            raise ValueError(f"line {self.number}: {self.name} has no date {text!r}: {exc}") from exc


@attrs.define
class Event:
    """An event as it is read, property by property."""

    number: int
    lines: dict[str, list[Line]] = attrs.field(factory=dict[str, list[Line]])

    def one(self, name: str) -> Line | None:
        """Return a property that may stand there once. :raise ValueError: naming the line, if it stands there again"""
        found = self.lines.get(name, [])
        if len(found) > 1:
            raise ValueError(f"line {found[1].number}: {self} has a second {name}")
        return found[0] if found else None

    def text(self, name: str) -> str:
        """Return the value of a property, or nothing."""
        found = self.lines.get(name)
        return found[0].value.strip() if found else ""

    def listed(self, name: str) -> set[date]:
        """Return the dates of a property that may stand there several times."""
        return {day for line in self.lines.get(name, ()) for day in line.dates()}

    def __str__(self) -> str:
        named = self.text("SUMMARY") or self.text("UID") or "without a name"
        return f"the event {named!r} (line {self.number})"


def dates_in(text: str, until: date | None) -> set[date]:
    """Return the dates that all-day events cover; what recurs without an end, as far as ``until``.

    :raise ValueError: naming the line or the event
    """
    every = list(_events(text))
    events = [event for event in every if _is_all_day(event)]
    if not events:
        raise ValueError("the .ics file has no all-day event: those have a DTSTART;VALUE=DATE")
    moved = {
        (event.text("UID"), day)
        for event in every
        if event.text("UID")
        for day in event.listed("RECURRENCE-ID")
    }
    found: set[date] = set()
    for event in events:
        if event.text("STATUS").upper() == "CANCELLED":
            continue
        length = _length(event)
        for first in _beginnings(event, until):
            if "RECURRENCE-ID" not in event.lines and (event.text("UID"), first) in moved:
                continue
            found.update(_days(event, first, length))
            if len(found) > _MOST_DATES:
                raise ValueError(f"{event} covers too many dates: a calendar has {_MOST_DATES} at most")
    if not found:
        raise ValueError("the .ics file covers no date: all of its all-day events are cancelled or left out")
    return found


def _is_all_day(event: Event) -> bool:
    start = event.one("DTSTART")
    if start is None:
        raise ValueError(f"{event} has no DTSTART")
    return start.is_date


def _length(event: Event) -> int:
    """Return for how many days an event lasts."""
    start, end, duration = event.one("DTSTART"), event.one("DTEND"), event.one("DURATION")
    assert start is not None
    if end is not None:
        days = (end.dates()[0] - start.dates()[0]).days
        if days < 0:
            raise ValueError(f"line {end.number}: {event} ends before it begins")
        return max(days, 1)  # some programs write the same date twice
    if duration is None:
        return 1
    match = _DURATION.fullmatch(duration.value.strip().upper())
    if match is None:
        raise ValueError(
            f"line {duration.number}: {event} must last for days or weeks, not {duration.value!r}"
        )
    return max(int(match[1] or 0) * 7 + int(match[2] or 0), 1)


def _days(event: Event, first: date, length: int) -> Iterator[date]:
    if length > _MOST_DATES or length > (date.max - first).days:
        raise ValueError(f"{event} lasts for too many days: {length}")
    return (first + timedelta(days=number) for number in range(length))


def _beginnings(event: Event, until: date | None) -> set[date]:
    """Return the dates on which an event begins."""
    start, rule = event.one("DTSTART"), event.one("RRULE")
    assert start is not None
    first = start.dates()[0]
    found = {first} | event.listed("RDATE")
    if rule is not None:
        found |= set(_recurrence(event, rule, first).dates(first, until, str(event)))
    return found - event.listed("EXDATE")


def _recurrence(event: Event, rule: Line, first: date) -> Recurrence:
    try:
        return parse_rule(rule.value, first)
    except ValueError as exc:
        raise ValueError(
            f"line {rule.number}: {event} recurs in a way that cannot be written out: {exc}"
        ) from exc


def _events(text: str) -> Iterator[Event]:
    """Yield the events; what is nested in them, as alarms, and what stands beside them, is passed over."""
    nested: list[Line] = []
    event: Event | None = None
    for line in _lines(text):
        if line.name == "BEGIN":
            nested.append(line)
            if line.value.strip().upper() == "VEVENT":
                event = Event(line.number)
        elif line.name == "END":
            opened = nested.pop() if nested else None
            if opened is None or opened.value.strip().upper() != line.value.strip().upper():
                raise ValueError(f"line {line.number}: END:{line.value} has no BEGIN")
            if event is not None and opened.number == event.number:
                yield event
                event = None
        elif not nested:
            raise ValueError(
                f"line {line.number}: an .ics file begins with BEGIN:VCALENDAR, not with {line.name}"
            )
        elif event is not None and nested[-1].number == event.number:
            event.lines.setdefault(line.name, []).append(line)
    if nested:
        raise ValueError(f"line {nested[-1].number}: BEGIN:{nested[-1].value} has no END")


def _lines(text: str) -> Iterator[Line]:
    """Yield the properties. A line that begins with a space goes on with the one before."""
    whole: list[tuple[int, str]] = []
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text.removeprefix("\ufeff")), 1):
        if line[:1] in (" ", "\t") and whole:
            whole[-1] = (whole[-1][0], whole[-1][1] + line[1:])
        elif line.strip():
            whole.append((number, line))
    for number, line in whole:
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError(
                f"line {number}: {line[:60]!r} is no property of an .ics file, such as DTSTART:20261224"
            )
        yield Line(number, match[1].upper(), match[2], match[3])
