"""Public holidays as the package ``holidays`` knows them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, tzinfo
from difflib import get_close_matches
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Final, Self
from warnings import filterwarnings

import attrs

from anysched.errors import TriggerError
from anysched.model import convert
from anysched.triggers.base import optional_zone
from anysched.triggers.calendars.base import Calendar
from anysched.triggers.calendars.dates import DateSet, next_among
from anysched.triggers.extras import register_with, require_package

if TYPE_CHECKING:
    from holidays import HolidayBase

#: From here on the package has no data for most countries, nor anybody a law: nothing is covered.
_FAR: Final = 2099


@register_with("holidays", "holidays", version=1)
@attrs.frozen(init=False)
class HolidayCalendar(Calendar):
    """The public holidays of a country, of a part of it, or of a financial market (rule T10).

    It needs ``pip install 'anysched[holidays]'``: which dates these are is what that package says, in the version that
    a node has. ``frozen`` gives the same dates as they are now, for every node.

    :ivar country: a code such as "DE", or of a market such as "NYSE"
    :ivar subdivision: a part of the country, such as "BY"; None for what holds in all of it
    :ivar categories: kinds of days off, in order, such as "public" and "bank"; empty for those that the package takes
        by itself
    :ivar observed: whether days off in lieu of holidays that fall on a weekend are among them
    :ivar timezone: the zone of the dates; None until it is bound (rule T1)

    :raise ImportError: when ``holidays`` is not installed

    That a country, subdivision or category is not known is told by a ValueError when the holidays are loaded: at the
    latest by ``add_schedule``.
    """

    country: str
    subdivision: str | None
    categories: tuple[str, ...]
    observed: bool
    timezone: tzinfo | None

    if TYPE_CHECKING:

        def __attrs_init__(
            self,
            *,
            country: str,
            subdivision: str | None,
            categories: tuple[str, ...],
            observed: bool,
            timezone: tzinfo | None,
        ) -> None: ...

    def __init__(
        self,
        country: str,
        subdivision: str | None = None,
        *,
        categories: Iterable[str] = (),
        observed: bool = True,
        timezone: tzinfo | str | None = None,
    ) -> None:
        require_package("holidays", "HolidayCalendar", "holidays")
        self.__attrs_init__(
            country=convert.identifier(country, "country"),
            subdivision=None if subdivision is None else convert.identifier(subdivision, "subdivision"),
            categories=tuple(sorted(convert.identifiers(categories, "categories"))),
            observed=convert.boolean(observed, "observed"),
            timezone=optional_zone(timezone),
        )

    def bind(self, timezone: tzinfo) -> Self:
        """Return this calendar with the zone that was left open (rule T1)."""
        return self if self.timezone is not None else attrs.evolve(self, timezone=timezone)

    def next_day(self, day: int, *, covered: bool) -> int | None:
        """Return the ordinal of the first date at or after one that is covered, or is not; None if there is none.

        :raise TriggerError: for a year that the installed version of ``holidays`` does not know yet
        """
        found = next_among(self._days(), day, covered=covered)
        last = self._years()[1]
        if last < _FAR and (found is None or found > date(last, 12, 31).toordinal()):
            raise TriggerError(_unknown_year(self.country, last))
        return found

    def has(self, day: int) -> bool:
        """Return whether the date of an ordinal is a holiday. :raise TriggerError: as above"""
        return self.next_day(day, covered=False) != day

    def frozen(self, first_year: int, last_year: int) -> DateSet:
        """Return the holidays of some years as plain dates: they do not change with the version of ``holidays``.

        :param first_year, last_year: the years, both included
        :raise ValueError: when there are no holidays in these years
        :raise TriggerError: when the installed version of ``holidays`` does not know all of them yet
        """
        last = self._years()[1]
        if last < min(last_year, _FAR):
            raise TriggerError(_unknown_year(self.country, last))
        days = map(date.fromordinal, self._days())
        return DateSet((day for day in days if first_year <= day.year <= last_year), self.timezone)

    def prepare(self) -> None:
        """Import the package and work out all years that it knows, which takes about a quarter of a second.

        :raise ValueError: naming what is not known
        """
        self._days()

    def _years(self) -> tuple[int, int]:
        return _years(self.country, self.subdivision, self.categories, self.observed)

    def _days(self) -> tuple[int, ...]:
        return _days(self.country, self.subdivision, self.categories, self.observed)


def _unknown_year(country: str, last: int) -> str:
    return (
        f"the holidays of {country!r} after {last} are not known: version {version('holidays')} of the package "
        "holidays, which this node has, does not go on; install a newer one"
    )


@lru_cache(maxsize=256)
def _years(
    country: str, subdivision: str | None, categories: tuple[str, ...], observed: bool
) -> tuple[int, int]:
    """Return the first and the last year that are known. :raise ValueError: naming what is not known at all"""
    found = _made(country, subdivision, categories, observed, ())
    return int(found.start_year), int(found.end_year)


@lru_cache(maxsize=256)
def _days(
    country: str, subdivision: str | None, categories: tuple[str, ...], observed: bool
) -> tuple[int, ...]:
    """Return the ordinals of all holidays that are known, in order. :raise ValueError: naming what is not known"""
    first, last = _years(country, subdivision, categories, observed)
    # Of some countries the moving holidays are known for less long, of which the package warns at each of these years.
    filterwarnings("ignore", "Requested Holidays are available only")
    found = _made(country, subdivision, categories, observed, range(first, last + 1))
    return tuple(sorted(day.toordinal() for day in found))


def _made(
    country: str, subdivision: str | None, categories: tuple[str, ...], observed: bool, years: Iterable[int]
) -> HolidayBase:
    """Return the holidays of some years. :raise ValueError: naming what is not known"""
    import holidays

    code = country.upper()
    make: Callable[..., HolidayBase]
    if code in holidays.list_supported_countries():
        make = holidays.country_holidays
    elif code in holidays.list_supported_financial():
        make = holidays.financial_holidays
    else:
        raise ValueError(f"country {country!r} is unknown to the package holidays{_hint(country, _codes())}")
    whole = make(code)
    places = {name: name for name in whole.subdivisions} | whole.subdivisions_aliases
    if subdivision is not None and subdivision not in places:
        raise ValueError(f"{country!r} has no subdivision {subdivision!r}{_hint(subdivision, places)}")
    kinds = whole.supported_categories
    for category in categories:
        if category not in kinds:
            raise ValueError(f"categories of {country!r} are {_listed(kinds)}, and not {category!r}")
    return make(
        code, subdivision, years=years, expand=False, observed=observed, categories=categories or None
    )


def _codes() -> dict[str, str]:
    """Return what countries and markets may be called, and the code that is meant."""
    from holidays.registry import COUNTRIES, FINANCIAL

    return {
        name: str(codes[1])
        for module, codes in {**COUNTRIES, **FINANCIAL}.items()
        for name in (module.replace("_", " "), *codes)
    }


def _hint(wanted: str, names: Mapping[str, str]) -> str:
    """Return what to say of names that are close to one that is not known, and of all names if they are few."""
    known = {name.casefold(): code for name, code in names.items()}
    close = list(dict.fromkeys(known[one] for one in get_close_matches(wanted.casefold(), known, 5, 0.5)))
    hint = f"; did you mean {', '.join(map(repr, close))}?" if close else ""
    every = set(names.values())
    return f"{hint}; it knows {_listed(every)}" if len(every) <= 100 else hint or "; use a code such as 'DE'"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, sorted(names))) or "none"
