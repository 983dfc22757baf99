"""Dates with times as RFC 5545 writes them: ``20250704T090000``, with a Z in UTC, else on some wall clock."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import attrs

from anysched.triggers.base import DAY

UTC_NAME = "UTC"

_DATE = re.compile("([0-9]{4})([0-9]{2})([0-9]{2})")
_TIME = re.compile("T([0-9]{2})([0-9]{2})([0-9]{2})(Z?)")
_BEGINNING = datetime.min


@attrs.frozen
class Moment:
    """A wall time in seconds, and whose clock shows it.

    :ivar wall: seconds from the first of January 0001
    :ivar zone: the name of a zone, "UTC" among them; "" for the clock of the trigger
    """

    wall: int
    zone: str = ""

    def __str__(self) -> str:
        """Return it as RFC 5545 writes it, without its TZID."""
        return f"{text_of(self.wall)}{'Z' * (self.zone == UTC_NAME)}"

    @property
    def naive(self) -> datetime:
        """What the wall clock shows."""
        return _BEGINNING + timedelta(seconds=self.wall)


class ReadError(Exception):
    """Something that is refused: why, and where in its text, counted from 0."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


def text_of(wall: int) -> str:
    """Return a wall time as RFC 5545 writes it."""
    shown = _BEGINNING + timedelta(seconds=wall)
    return f"{shown.year:04}{shown:%m%dT%H%M%S}"


def read_moment(text: str, part: str, position: int, *, dates: bool = False) -> Moment:
    """Read a date with time. :raise ReadError: for anything else

    :param part: what the moment belongs to, for errors
    :param position: where it begins
    :param dates: whether it is to be a date alone, which means its midnight
    """
    date = _DATE.match(text)
    time = None if date is None else _TIME.fullmatch(text, date.end())
    whole = date is not None and date.end() == len(text)
    if date is None or (time is None and not whole):
        wanted = (
            "a date such as 20250704"
            if dates
            else "a date with time such as 20250704T090000 or 20250704T090000Z"
        )
        raise ReadError(f"{part}: {text!r} is not {wanted}", position)
    if dates and not whole:
        raise ReadError(f"{part} must be a date such as 20250704, as DTSTART is one", position)
    if whole and not dates:
        raise ReadError(
            f"{part}: a date alone goes with DTSTART;VALUE=DATE only: write the time as well, such as {text}T235959Z",
            position,
        )
    hour, minute, second = (0, 0, 0) if time is None else (int(time[index]) for index in (1, 2, 3))
    second -= second == 60  # a leap second is the second before it
    try:
        shown = datetime(int(date[1]), int(date[2]), int(date[3]), hour, minute, second)
    except ValueError as exc:
        raise ReadError(f"{part}: there is no {text!r}: {exc}", position) from None
    since = shown - _BEGINNING
    return Moment(since.days * DAY + since.seconds, UTC_NAME if time is not None and time[4] else "")
