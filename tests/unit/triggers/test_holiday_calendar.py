"""Public holidays (rule T10)."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime
from typing import Any

import pytest
from tests.unit.triggers.support import NEW_YEAR, first, wall

from anysched.errors import TriggerError, TriggerSearchError
from anysched.testing import TriggerSuite
from anysched.triggers import BusinessDayOfMonthTrigger, CronTrigger, DateSet, HolidayCalendar, Weekdays
from anysched.wire.values import to_plain

BERLIN = "Europe/Berlin"
GERMANY = HolidayCalendar("DE", timezone=BERLIN)
OFF = Weekdays("sat", "sun") | HolidayCalendar("DE", "BY", timezone=BERLIN)


class TestHolidayTriggers(TriggerSuite):
    """Triggers with holidays promise what all triggers do."""

    def triggers(self) -> list[Any]:
        """Return some that fire on holidays, on other days, and on business days."""
        return [
            CronTrigger("0 9 * * *", BERLIN) - OFF,
            CronTrigger("0 9,21 * * *", BERLIN) & GERMANY,
            BusinessDayOfMonthTrigger(1, OFF, 6),
        ]


def test_the_holidays_of_a_year() -> None:
    """Rule T10: the public holidays of Germany are nine, and three more of Bavaria; other years have their own."""
    of_2026 = GERMANY.frozen(2026, 2026)
    expected = ["01-01", "04-03", "04-06", "05-01", "05-14", "05-25", "10-03", "12-25", "12-26"]
    assert expected == [f"{day:%m-%d}" for day in of_2026.dates]
    assert not GERMANY.covers(date(2026, 1, 6))
    assert HolidayCalendar("DE", "BY").covers(date(2026, 1, 6))
    assert HolidayCalendar("de").covers(date(2030, 4, 22))
    assert HolidayCalendar("NYSE").covers(date(2026, 11, 26))
    catholic = HolidayCalendar("DE", "BY", categories=["catholic", "public"])
    assert len(catholic.frozen(2026, 2026).dates) > len(HolidayCalendar("DE", "BY").frozen(2026, 2026).dates)


def test_days_off_in_lieu() -> None:
    """Rule T10: where a holiday falls on a weekend the day off in lieu of it counts, unless ``observed=False``."""
    in_lieu = date(2021, 12, 31)  # of New Year's Day 2022, a Saturday
    assert HolidayCalendar("US").covers(in_lieu)
    assert not HolidayCalendar("US", observed=False).covers(in_lieu)


def test_business_days_over_new_year() -> None:
    """Rule T10: weekends and holidays in a row are passed over together, from one year into the next."""
    nine = CronTrigger("0 9 * * *", BERLIN) - OFF
    after = datetime(2026, 12, 30, 12, tzinfo=UTC)
    assert ["31 09:00+0100", "04 09:00+0100"] == [wall(found, BERLIN) for found in first(2, nine, after)]
    pay = BusinessDayOfMonthTrigger(-1, OFF, 17)
    assert [29, 26, 31] == [found.day for found in first(3, pay, datetime(2027, 1, 1, tzinfo=UTC))]


def test_a_trigger_that_fires_on_holidays_only() -> None:
    """Rule T10: that a trigger fires on days off only is found out within 60 years of holidays."""
    with pytest.raises(TriggerSearchError, match="no fire time found from 2026-12-25"):
        (CronTrigger("0 9 25 12 *", BERLIN) - OFF).next_fire_time(NEW_YEAR, anchor=NEW_YEAR)


def test_years_that_are_not_known() -> None:
    """Rule T10: years that the package does not know yet are an error, in a far future and past nothing is covered."""
    lanka = HolidayCalendar("LK", timezone="Asia/Colombo")
    last = lanka._years()[1]
    if last < 2098:  # as long as the package knows the coming years only
        assert last == max(day.year for day in lanka.frozen(2000, last).dates)
        with pytest.raises(TriggerError, match=rf"of 'LK' after {last} are not known: version"):
            lanka.frozen(2000, last + 1)
        with pytest.raises(TriggerError, match=rf"of 'LK' after {last} are not known: version"):
            lanka.covers(date(last + 1, 1, 1))
        assert lanka.covers(date(last, 12, 25))
        off = lanka | Weekdays("sun")
        assert not off.covers(date(last, 12, 31)) or date(last, 12, 31).weekday() == 6
        assert (CronTrigger("0 9 31 12 *") - lanka).bind(UTC).next_fire_time(
            datetime(last, 12, 31, tzinfo=UTC), anchor=NEW_YEAR
        ) == datetime(last, 12, 31, 9, tzinfo=UTC)
    assert HolidayCalendar("IN").covers(date(2090, 1, 26))  # some of its holidays are known for less long
    assert not GERMANY.covers(date(2150, 12, 25))
    assert not GERMANY.covers(date(1950, 12, 25))
    assert (
        GERMANY.next_day(date(1900, 1, 1).toordinal(), covered=True)
        == min(GERMANY.frozen(1900, 2000).dates).toordinal()
    )
    assert GERMANY.next_day(date.max.toordinal(), covered=False) == date.max.toordinal()
    with pytest.raises(ValueError, match="dates must not be empty"):
        GERMANY.frozen(1900, 1901)


def test_frozen() -> None:
    """Rule T10: frozen holidays are dates, in the same zone, that depend on no package."""
    frozen = GERMANY.frozen(2026, 2027)
    assert isinstance(frozen, DateSet)
    assert frozen.timezone == GERMANY.timezone
    assert all(frozen.covers(day) is GERMANY.covers(day) for day in (date(2027, 1, 1), date(2027, 1, 2)))
    assert "holidays" not in str(to_plain(frozen))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("Germany",), r"country 'Germany' is unknown .*did you mean 'DE'"),
        (("QQ",), "country 'QQ' is unknown to the package holidays"),
        (("DE", "Bavaria"), r"'DE' has no subdivision 'Bavaria'; did you mean 'SL'\?; it knows .*'BY'"),
        (("DE", "0"), r"'DE' has no subdivision '0'; it knows .*'BY'"),
    ],
    ids=range(4),
)
def test_unknown_places(arguments: Any, said: str) -> None:
    """Rule T10: an unknown country or subdivision is told when holidays are loaded, with what is close."""
    with pytest.raises(ValueError, match=said):
        HolidayCalendar(*arguments).prepare()


def test_other_bad_input() -> None:
    """Rule T10: bad input is refused with the name of the argument."""
    with pytest.raises(ValueError, match=r"categories of 'DE' are 'catholic', 'public'.*, and not 'bank'"):
        HolidayCalendar("DE", categories=["bank"]).prepare()
    with pytest.raises(TypeError, match="country must be a string"):
        HolidayCalendar(49)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="categories"):
        HolidayCalendar("DE", categories="public")
    with pytest.raises(TypeError, match="observed"):
        HolidayCalendar("DE", observed=1)  # type: ignore[arg-type]


PROGRAM = """
import sys
sys.modules["holidays"] = sys.modules["astral"] = None
import anysched
from anysched.wire.registry import DEFAULT_REGISTRY
print(sorted(DEFAULT_REGISTRY.known & {"holidays@1", "sun@1", "date_set@1"}))
for make in (lambda: anysched.HolidayCalendar("DE"), lambda: anysched.SunTrigger("noon", 0, 0)):
    try:
        make()
    except ImportError as exc:
        print(exc)
"""


def test_without_the_packages() -> None:
    """Rules S2 and T10: where a package is missing its type is not known, and what installs it is told."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines() == [
        "['date_set@1']",
        "HolidayCalendar needs holidays: pip install 'anysched[holidays]'",
        "SunTrigger needs astral: pip install 'anysched[sun]'",
    ]


def test_nothing_is_loaded_before_it_is_needed() -> None:
    """Rule T10: neither the import of anysched nor making a calendar imports the packages."""
    program = (
        "import sys, anysched; anysched.HolidayCalendar('DE'); anysched.SunTrigger('noon', 0, 0);"
        "print([name for name in ('holidays', 'astral') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "[]\n"
