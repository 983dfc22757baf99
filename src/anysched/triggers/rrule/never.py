"""Finding out that a rule can never match, before anything searches for it."""

from __future__ import annotations

import attrs

from anysched.triggers.base import DAY
from anysched.triggers.rrule.clock import chosen, times_of
from anysched.triggers.rrule.fitting import DayFilter
from anysched.triggers.rrule.moments import ReadError
from anysched.triggers.rrule.plans import plan_of
from anysched.triggers.rrule.rule import DAILY, MONTHLY, WEEKLY, Rule
from anysched.triggers.rrule.years import first_day

_DAY_PARTS = ("BYMONTH", "BYWEEKNO", "BYYEARDAY", "BYMONTHDAY", "BYDAY")


def refuse_never(rule: Rule, places: dict[str, int]) -> None:
    """Refuse a rule that cannot match whatever its start. :raise ReadError: naming the parts that exclude each other"""
    if not DayFilter.of(rule, None).matches_ever:
        parts = [name for name in _DAY_PARTS if name in places]
        raise ReadError(
            f"no day of any year fits {' and '.join(parts)}, so this can never match",
            min(places[name] for name in parts),
        )
    if rule.positions and not _has_position(rule):
        raise ReadError(
            "BYSETPOS asks for more than there ever is, so this can never match", places["BYSETPOS"]
        )


def _has_position(rule: Rule) -> bool:
    """Return whether BYSETPOS can mean anything. How many times there are does not depend on the start."""
    times = len(times_of(rule, 0))
    if rule.frequency >= DAILY:
        return times > 0
    if rule.frequency == WEEKLY:
        return bool(chosen(rule.positions, times * max(len(rule.weekdays), 1)))
    if rule.leaves_day_open:  # the start says one day of the month or of each month or week that is named
        days = 2 * len(rule.week_numbers) or (1 if rule.frequency == MONTHLY else max(len(rule.months), 1))
        return bool(chosen(rule.positions, times * days))
    begun = first_day(2000) * DAY
    return plan_of(attrs.evolve(rule, interval=1), begun).first(begun) is not None
