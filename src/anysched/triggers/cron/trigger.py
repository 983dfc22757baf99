"""Fire times by cron expression (rules T5 to T7)."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Literal, Self, get_args

import attrs

from anysched.model.convert import utc
from anysched.model.trigger import Trigger
from anysched.triggers.base import (
    instant_at,
    machine_zone,
    optional_moment,
    optional_zone,
    require_order,
    seconds_ceil,
    seconds_floor,
)
from anysched.triggers.civil import FoldPolicy, GapPolicy, civil_of, require_choice, require_fold, require_gap
from anysched.triggers.combine import Combinable
from anysched.triggers.cron.describe import describe
from anysched.triggers.cron.expression import CronExpression, parse
from anysched.triggers.cron.keywords import from_keywords
from anysched.triggers.cron.search import CronSearch, SpreadSearch
from anysched.triggers.cron.specs import CronDialect
from anysched.triggers.grid import Grid
from anysched.wire.registry import register_type

DayMatch = Literal["or", "and"]


def _search(trigger: CronTrigger) -> CronSearch | SpreadSearch | None:
    if trigger.timezone is None:
        return None
    expression, civil = parse(trigger.expression), civil_of(trigger.timezone)
    if expression.spread:
        return SpreadSearch(expression, civil, trigger.gap, trigger.fold)
    return CronSearch(expression.fields_for(""), civil, trigger.gap, trigger.fold)


@register_type("cron", version=1)
@attrs.frozen(init=False)
class CronTrigger(Combinable):
    """Fires whenever the wall clock shows what a cron expression says (rule T7).

    Five fields - minute, hour, day of month, month, day of week - or six with the seconds first, or seven
    with the year last: ``CronTrigger("0 9 * * mon-fri")``. 0 and 7 are Sunday. Lists, ranges and steps are
    those of crontab(5); beside them there are ``5/15``, ranges that wrap around (``22-2``), ``L``, ``L-3``,
    ``15W`` and ``LW`` for days of the month, ``friL`` and ``fri#3`` for days of the week, ``?``, and ``H``,
    which the id of the schedule chooses. ``@yearly``, ``@annually``, ``@monthly``, ``@weekly``, ``@daily``,
    ``@midnight`` and ``@hourly`` are known.

    When both the day of month and the day of week are restricted, one of them is enough; a field that begins
    with ``*`` counts as not restricted. ``day_match="and"``, or a ``+`` before the day of week, wants both.

    The fields can also be given by name: ``CronTrigger(hour=9, minute=30)``. Of those left out, the ones less
    significant than the least significant one given take their lowest value, the others are ``*``.

    With ``dialect="quartz"`` the text, or each field, is read as Quartz does: six or seven fields, seconds
    first, 1 is Sunday, and one of the two day fields is ``?``. What is kept is crontab's text of the same.

    Daylight saving (rule T6): ``gap`` says what becomes of a wall time that the clock skips - "after"
    (the first instant after the gap), "shift" (02:30 becomes 03:30) or "skip"; ``fold`` says when a wall
    time fires that the clock shows twice - "first", "last" or "both". Left out, they are "after" and
    "first", as in Debian's cron; but "skip" and "both" when the minute or the hour begins with ``*``, so
    that such a rule follows elapsed time.

    :ivar expression: the canonical text of the expression
    :ivar timezone: the zone of the wall clock; None until it is bound (rule T1)
    :ivar start_time: no fire time before this; a naive datetime means the trigger's zone
    :ivar end_time: no fire time after this
    :ivar gap: what becomes of wall times that do not exist
    :ivar fold: when wall times fire that exist twice

    :raise CronSyntaxError: naming the column, for what cannot stand there, or what can never match
    """

    expression: str
    timezone: tzinfo | None
    start_time: datetime | None
    end_time: datetime | None
    gap: GapPolicy
    fold: FoldPolicy
    _search: CronSearch | SpreadSearch | None = attrs.field(
        init=False, eq=False, repr=False, default=attrs.Factory(_search, takes_self=True)
    )

    if TYPE_CHECKING:

        def __attrs_init__(
            self,
            *,
            expression: str,
            timezone: tzinfo | None,
            start_time: datetime | None,
            end_time: datetime | None,
            gap: GapPolicy,
            fold: FoldPolicy,
        ) -> None: ...

    def __init__(
        self,
        expression: str | None = None,
        timezone: tzinfo | str | None = None,
        start_time: datetime | None = None,
        end_time: datetime | None = None,
        *,
        year: int | str | None = None,
        month: int | str | None = None,
        day: int | str | None = None,
        day_of_week: int | str | None = None,
        hour: int | str | None = None,
        minute: int | str | None = None,
        second: int | str | None = None,
        gap: GapPolicy | None = None,
        fold: FoldPolicy | None = None,
        day_match: DayMatch | None = None,
        dialect: CronDialect = "crontab",
    ) -> None:
        named = {
            "year": year,
            "month": month,
            "day": day,
            "day_of_week": day_of_week,
            "hour": hour,
            "minute": minute,
            "second": second,
        }
        require_choice(dialect, "dialect", get_args(CronDialect))
        parsed = _parse(_one_expression(expression, named, dialect), dialect, day_match)
        zone = optional_zone(timezone)
        start, end = (
            optional_moment(start_time, "start_time", zone),
            optional_moment(end_time, "end_time", zone),
        )
        require_order(start, end)
        wildcard = parsed.wildcard
        self.__attrs_init__(
            expression=parsed.text,
            timezone=zone,
            start_time=start,
            end_time=end,
            gap=require_gap(gap, "skip" if wildcard else "after"),
            fold=require_fold(fold, "both" if wildcard else "first"),
        )

    def __str__(self) -> str:
        """Return the canonical text of the expression."""
        return self.expression

    def describe(self, key: str | None = None) -> str:
        """Say in English when this fires: "at 09:30 on Monday to Friday".

        :param key: the id of a schedule; what ``H`` chooses for it is then told as it is, else as "of its own"
        """
        return describe(parse(self.expression), key)

    def bind(self, timezone: tzinfo) -> Self:
        """Return this trigger with the zone that was left open (rule T1)."""
        return self if self.timezone is not None else attrs.evolve(self, timezone=timezone)

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        """Return the first fire time strictly after an instant, in UTC, or None when there is none left."""
        if self._search is None:
            return self.bind(machine_zone()).next_fire_time(after, anchor=anchor, key=key)
        second = self._search.of(key).first(self._earliest(utc(after, "after")))
        if second is None:
            return None
        found = instant_at(second)
        return None if self.end_time is not None and found > self.end_time else found

    def last_fire_time(self, until: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        """Return the last fire time at or before an instant, in UTC, or None when there is none before."""
        if self._search is None:
            return self.bind(machine_zone()).last_fire_time(until, anchor=anchor, key=key)
        last = utc(until, "until")
        if self.end_time is not None:
            last = min(last, self.end_time)
        second = self._search.of(key).last(seconds_floor(last))
        if second is None:
            return None
        found = instant_at(second)
        return None if self.start_time is not None and found < self.start_time else found

    def count_fire_times(
        self, after: datetime, until: datetime, *, anchor: datetime, key: str = ""
    ) -> int | None:
        """Return how many fire times lie in (after, until], or None for a span of more than four years."""
        if self._search is None:
            return self.bind(machine_zone()).count_fire_times(after, until, anchor=anchor, key=key)
        last = utc(until, "until")
        if self.end_time is not None:
            last = min(last, self.end_time)
        return self._search.of(key).count(self._earliest(utc(after, "after")), seconds_floor(last))

    def grid(self, after: datetime, *, anchor: datetime, key: str = "") -> Grid:
        """Return a grid on which all fire times after an instant lie."""
        return self._searched(key).grid(seconds_floor(utc(after, "after")))

    def search_cost(self) -> int:
        """Return what it may cost to ask for a fire time."""
        return self._searched("").cost()

    def never_meets(self, other: Trigger, key: str) -> bool:
        """Return True when it can be told that this and another rule never fire at the same instant."""
        return isinstance(other, CronTrigger) and self._searched(key).never_meets(other._searched(key))

    def _searched(self, key: str) -> CronSearch:
        """Return the search for the schedule with this id, in the machine's zone while that is open."""
        search = self.bind(machine_zone())._search if self._search is None else self._search
        assert search is not None
        return search.of(key)

    def _earliest(self, after: datetime) -> int:
        """Return the first whole second after an instant that is not before the start."""
        second = seconds_floor(after) + 1
        return second if self.start_time is None else max(second, seconds_ceil(self.start_time))


def _parse(text: str, dialect: CronDialect, day_match: DayMatch | None) -> CronExpression:
    """Read an expression; what ``day_match`` says must not contradict it."""
    if day_match is not None:
        require_choice(day_match, "day_match", get_args(DayMatch))
    parsed = parse(text, dialect, day_match == "and")
    if day_match == "or" and parsed.rules[5].both:
        raise ValueError('day_match="or" contradicts the + in the day of week')
    return parsed


def _one_expression(expression: str | None, named: dict[str, int | str | None], dialect: CronDialect) -> str:
    if expression is None:
        return from_keywords(named, dialect)
    if not isinstance(expression, str):
        raise TypeError(f"expression must be a string, not {type(expression).__name__}")
    if any(value is not None for value in named.values()):
        raise ValueError("give either a cron expression or fields by name, not both")
    return expression
