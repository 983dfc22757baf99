"""Fire times by recurrence rule (rules T5, T6 and T9)."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Self

import attrs

from anysched.model.convert import utc
from anysched.triggers.base import (
    instant_at,
    machine_zone,
    optional_moment,
    optional_zone,
    require_zone,
    seconds_ceil,
    seconds_floor,
)
from anysched.triggers.civil import FoldPolicy, GapPolicy, civil_of, require_fold, require_gap
from anysched.triggers.combine import Combinable
from anysched.triggers.grid import SECOND, Grid
from anysched.triggers.rrule.lines import Recurrence, read
from anysched.triggers.rrule.moments import UTC_NAME
from anysched.triggers.rrule.search import RecurrenceSearch, instants_of, search_of
from anysched.wire.registry import register_type


def _recurrence(trigger: RRuleTrigger) -> Recurrence:
    return read(trigger.rule)


@register_type("rrule", version=1)
@attrs.frozen(init=False)
class RRuleTrigger(Combinable):
    """Fires when a recurrence rule of RFC 5545 says (rule T9).

    ``RRuleTrigger("FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=17;BYMINUTE=0;BYSECOND=0")``. The text is one rule, or lines as
    calendars have them: ``RRULE:...``, several of which add up, ``RDATE:...`` for times that are added,
    ``EXDATE:...`` for times that are left out, and ``DTSTART:...``, which takes the place of ``start_time``.

    The start says what the rule leaves open: the time of day, the day, and from where an INTERVAL and a COUNT
    count. It is no fire time unless the rule says so. Without one, the rule counts from the anchor (rule T3). A
    fraction of a second is rounded up, as recurrence rules know whole seconds only.

    Daylight saving (rule T6): ``gap`` says what becomes of a wall time that the clock skips - "shift" (02:30
    becomes 03:30, the default by RFC 5545), "after" (the first instant after the gap) or "skip"; ``fold`` says
    when a wall time fires that the clock shows twice - "first" (the default by RFC 5545), "last" or "both". All
    frequencies go by the wall clock, HOURLY and shorter ones too: with "first" they are silent for the hour that is
    shown for the second time, with ``gap="skip", fold="both"`` they follow elapsed time.

    :ivar rule: the canonical text, without DTSTART
    :ivar start_time: DTSTART; a naive datetime means the trigger's zone
    :ivar timezone: the zone of the wall clock; None until it is bound (rule T1)
    :ivar gap: what becomes of wall times that do not exist
    :ivar fold: when wall times fire that exist twice

    :raise RRuleSyntaxError: naming line, column and part, for what cannot stand there, or what can never match
    :raise ValueError: when the start is given twice, the zone of DTSTART is another than ``timezone``, or the rule
        never matches from this start on
    :raise TriggerSearchError: for rules that match too rarely, or whose COUNT reaches too far, to be found
    """

    rule: str
    start_time: datetime | None
    timezone: tzinfo | None
    gap: GapPolicy
    fold: FoldPolicy
    _recurrence: Recurrence = attrs.field(
        init=False, eq=False, repr=False, default=attrs.Factory(_recurrence, takes_self=True)
    )

    if TYPE_CHECKING:

        def __attrs_init__(
            self,
            *,
            rule: str,
            start_time: datetime | None,
            timezone: tzinfo | None,
            gap: GapPolicy,
            fold: FoldPolicy,
        ) -> None: ...

    def __init__(
        self,
        rule: str,
        start_time: datetime | None = None,
        timezone: tzinfo | str | None = None,
        *,
        gap: GapPolicy | None = None,
        fold: FoldPolicy | None = None,
    ) -> None:
        if not isinstance(rule, str):
            raise TypeError(f"rule must be a string, not {type(rule).__name__}")
        recurrence = read(rule)
        zone = _zone_of(recurrence, optional_zone(timezone))
        if recurrence.start is None:
            start = _whole(optional_moment(start_time, "start_time", zone))
        elif start_time is not None:
            raise ValueError("start_time and DTSTART are the same: give one of them")
        else:
            start = _start_of(recurrence, zone)
        self.__attrs_init__(
            rule=recurrence.text,
            start_time=start,
            timezone=zone,
            gap=require_gap(gap, "shift"),
            fold=require_fold(fold, "first"),
        )
        self._check_start()

    def __str__(self) -> str:
        """Return the canonical text."""
        return self.rule

    def bind(self, timezone: tzinfo) -> Self:
        """Return this trigger with the zone that was left open (rule T1)."""
        return self if self.timezone is not None else attrs.evolve(self, timezone=timezone)

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        """Return the first fire time strictly after an instant, in UTC, or None when there is none left."""
        second = self._search(anchor).first(seconds_floor(utc(after, "after")) + 1)
        return None if second is None else instant_at(second)

    def last_fire_time(self, until: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        """Return the last fire time at or before an instant, in UTC, or None when there is none before."""
        second = self._search(anchor).last(seconds_floor(utc(until, "until")))
        return None if second is None else instant_at(second)

    def count_fire_times(
        self, after: datetime, until: datetime, *, anchor: datetime, key: str = ""
    ) -> int | None:
        """Return how many fire times lie in (after, until].

        :return: None for several rules, for more than four years, or when very many are moved out of a gap
        """
        first, last = seconds_floor(utc(after, "after")) + 1, seconds_floor(utc(until, "until"))
        return self._search(anchor).count(first, last)

    def grid(self, after: datetime, *, anchor: datetime, key: str = "") -> Grid:
        """Return a grid on which all fire times lie: whole seconds."""
        return Grid(0, SECOND)

    @property
    def zones(self) -> tuple[tzinfo, ...]:
        """The time zones in the text, which RDATE and EXDATE may name (rule T12)."""
        moments = (*self._recurrence.dates, *self._recurrence.excluded)
        return tuple(
            require_zone(name) for name in sorted({moment.zone for moment in moments if moment.zone})
        )

    def search_cost(self) -> int:
        """Return what it may cost to ask for a fire time."""
        return 50

    def _search(self, anchor: datetime) -> RecurrenceSearch:
        if self.timezone is None:
            return self.bind(machine_zone())._search(anchor)
        start = self.start_time
        second = seconds_ceil(utc(anchor, "anchor")) if start is None else seconds_floor(start)
        return search_of(self._recurrence, civil_of(self.timezone), self.gap, self.fold, second)

    def _check_start(self) -> None:
        """Refuse a rule that never matches from the start on; without a start, that depends on the anchor."""
        if self.timezone is None or self.start_time is None:
            return
        search = self._search(self.start_time)
        for rule, of_rule in zip(self._recurrence.rules, search.rules, strict=True):
            if of_rule.walls.fields.start is None:
                raise ValueError(
                    f"from start_time {self.start_time} on, this never matches before the year 10000: {rule}"
                )


def _whole(moment: datetime | None) -> datetime | None:
    """Return the first whole second at or after a moment."""
    if moment is None or not moment.microsecond:
        return moment
    moment = moment.replace(microsecond=0)
    try:
        return moment + timedelta(seconds=1)
    except OverflowError:
        return moment


def _zone_of(recurrence: Recurrence, zone: tzinfo | None) -> tzinfo | None:
    """Return the zone that counts: that of DTSTART, or the one given."""
    if recurrence.start is None or not recurrence.start.zone:
        return zone
    own = require_zone(recurrence.start.zone)
    same = zone is None or zone == own or (recurrence.start.zone == UTC_NAME and str(zone) == UTC_NAME)
    if not same:
        raise ValueError(
            f"timezone {zone} contradicts DTSTART, which is in {recurrence.start.zone}: leave it out"
        )
    return own if zone is None else zone


def _start_of(recurrence: Recurrence, zone: tzinfo | None) -> datetime | None:
    """Return DTSTART, in UTC if its zone is known. One that the clock skips is taken with the offset before."""
    if recurrence.start is None:
        return None
    if zone is None:
        return recurrence.start.naive
    return instant_at(instants_of(recurrence.start, civil_of(zone), "shift", "first")[0])
