"""Transitions of every kind, against the model (rule T6). All there are: see ``all_zones``."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from tests.unit.triggers.all_zones import disagreements, transitions

#: One transition of each kind, on the day of its instant in UTC.
KINDS = {
    "an hour forward": ("Europe/Berlin", date(2026, 3, 29)),
    "an hour back": ("Europe/Berlin", date(2199, 10, 27)),
    "midnight is skipped": ("America/Sao_Paulo", date(2018, 11, 4)),
    "midnight comes twice": ("America/Havana", date(2024, 11, 3)),
    "an hour before midnight comes twice": ("America/Sao_Paulo", date(2019, 2, 17)),
    "half an hour forward": ("Australia/Lord_Howe", date(2026, 10, 3)),
    "half an hour back": ("Australia/Lord_Howe", date(2100, 4, 3)),
    "two hours forward": ("Antarctica/Troll", date(2026, 3, 29)),
    "two hours back": ("Antarctica/Troll", date(2026, 10, 25)),
    "three hours back": ("Antarctica/Casey", date(2010, 3, 4)),
    "three hours forward": ("Antarctica/Casey", date(2011, 10, 27)),
    "a day is skipped in the south": ("Pacific/Apia", date(2011, 12, 30)),
    "a day is skipped in the north": ("Pacific/Kwajalein", date(1993, 8, 21)),
    "a day is skipped in the middle": ("Pacific/Kiritimati", date(1994, 12, 31)),
    "44 minutes and 30 seconds": ("Africa/Monrovia", date(1972, 1, 7)),
    "a quarter of an hour": ("Asia/Kathmandu", date(1985, 12, 31)),
    "half an hour for political reasons": ("Asia/Pyongyang", date(2015, 8, 14)),
    "half an hour, and back": ("America/Caracas", date(2016, 5, 1)),
    "three quarters of an hour": ("America/Guyana", date(1975, 8, 1)),
    "for Ramadan": ("Africa/Casablanca", date(2026, 2, 15)),
    "after Ramadan": ("Africa/Casablanca", date(2026, 3, 22)),
    "back for Ramadan, in summer": ("Africa/Cairo", date(2010, 8, 10)),
    "on a Thursday": ("Africa/Cairo", date(2026, 10, 29)),
    "decided by the year": ("Asia/Gaza", date(2024, 4, 19)),
    "winter that counts as daylight saving": ("Europe/Dublin", date(1995, 10, 22)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_transitions_of_every_kind(kind: str) -> None:
    """Rule T6: around it cron rules, calendar intervals and dates fire as the model says, by every policy."""
    name, day = KINDS[kind]
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    found = list(transitions(ZoneInfo(name), noon - timedelta(days=1), noon + timedelta(days=1)))
    assert found, "there is no transition that day"
    for one in found:
        number, wrong = disagreements(one)
        assert [] == wrong
        assert number > 30
