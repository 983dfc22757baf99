"""What daylight saving will do to a trigger, told before it happens (rule T6)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from itertools import islice
from typing import Final
from zoneinfo import ZoneInfo

import attrs

from anysched.model import convert
from anysched.model.clock_change import ClockChange, ClockEffect, sentence
from anysched.model.trigger import BindableTrigger, Trigger
from anysched.rules.instants import TICK
from anysched.rules.times import FireTimes
from anysched.triggers.base import DAY, EPOCH, LAST_SECOND, instant_at, machine_zone, seconds_floor
from anysched.triggers.calendar_interval import CalendarIntervalTrigger
from anysched.triggers.calendars.base import OnDates
from anysched.triggers.civil import civil_of
from anysched.triggers.combine import AndTrigger, BetweenTrigger, ExceptTrigger, OrTrigger, ShiftedTrigger
from anysched.triggers.cron.trigger import CronTrigger
from anysched.triggers.date import DateTrigger
from anysched.triggers.rrule.trigger import RRuleTrigger

#: Rule T6 is about these; each has a zone, and policies.
WallClock = CronTrigger | CalendarIntervalTrigger | DateTrigger | RRuleTrigger

MOST_CHANGES: Final = 50
_MOST_EFFECTS: Final = 20
_MOST_NEAR: Final = 100

#: How far is looked for the next change of a zone; one that has none in so many years has no daylight saving.
_YEARS: Final = 10

#: From how far before a change, and to how far after it, fire times are told: the first of these with few enough.
_AROUND: Final = (timedelta(days=1), timedelta(hours=3), timedelta(minutes=20), timedelta(seconds=90))


def clock_changes(
    trigger: Trigger, start: datetime, *, count: int = 2, anchor: datetime | None = None, key: str = ""
) -> list[ClockChange]:
    """Tell what happens to a trigger at the next changes of the clocks in its time zones (rule T6).

    Looks at cron rules, calendar intervals, recurrence rules and dates on the wall clock, also as parts of a
    combination, and at the next ten years.

    :param start: changes strictly after this instant
    :param count: how many changes at most, from 1 to 50
    :param anchor: the start of a trigger that names none of its own (rule T3); by default ``start``
    :param key: the id of a schedule, for what that chooses (rule T7)
    :return: in the order of time; empty where the zone of none of these has daylight saving
    :raise TypeError, ValueError: naming the argument that makes no sense
    :raise TriggerError: when the trigger does not work, or finds no fire time within its search limit
    """
    start = convert.utc(start, "start")
    count = convert.positive_int(count, "count", most=MOST_CHANGES)
    if isinstance(trigger, BindableTrigger):
        trigger = trigger.bind(machine_zone())
    asked = FireTimes(trigger, start if anchor is None else convert.utc(anchor, "anchor"), key)
    parts: dict[ZoneInfo, list[WallClock]] = {}
    for part in _parts(trigger):
        if isinstance(part.timezone, ZoneInfo):
            parts.setdefault(part.timezone, []).append(part)
    changes = sorted((at, zone.key, zone) for zone in parts for at in _upcoming(zone, start, count))
    return [_told(asked, parts[zone], zone, at) for at, _, zone in changes[:count]]


def _parts(trigger: Trigger) -> Iterator[WallClock]:
    """Yield what of a trigger goes by a wall clock, but for what is excluded."""
    if isinstance(trigger, (OrTrigger, AndTrigger)):
        for part in trigger.triggers:
            yield from _parts(part)
    elif isinstance(trigger, (ExceptTrigger, BetweenTrigger, ShiftedTrigger, OnDates)):
        yield from _parts(trigger.trigger)
    elif isinstance(trigger, WallClock):
        yield trigger


def _upcoming(zone: ZoneInfo, start: datetime, count: int) -> list[int]:
    """Return the next changes of a zone, as seconds."""
    civil, found = civil_of(zone), list[int]()
    first = seconds_floor(start) + 1
    for year in range(max(_YEARS, count)):
        last = first + 366 * DAY - 1
        if year >= _YEARS and not found:
            break
        found += civil.transitions(first, min(last, LAST_SECOND - 7 * DAY))
        if len(found) >= count or last >= LAST_SECOND - 7 * DAY:
            break
        first = last + 1
    return found[:count]


def _told(asked: FireTimes, parts: list[WallClock], zone: ZoneInfo, at: int) -> ClockChange:
    civil, instant = civil_of(zone), instant_at(at)
    change = ClockChange(
        at=instant,
        timezone=zone.key,
        offset_before=timedelta(seconds=civil.offset(at - 1)),
        offset_after=timedelta(seconds=civil.offset(at)),
        fire_times=(*_near(asked, instant, before=True), *_near(asked, instant, before=False)),
    )
    effects = {
        (effect.wall_time, effect.policy): effect
        for part in parts
        for effect in islice(_effects(asked, part, zone, change), _MOST_EFFECTS + 1)
    }
    ordered = [effects[key] for key in sorted(effects)]
    return attrs.evolve(
        change, effects=tuple(ordered[:_MOST_EFFECTS]), is_complete=len(ordered) <= _MOST_EFFECTS
    )


def _near(asked: FireTimes, at: datetime, *, before: bool) -> list[datetime]:
    """Return the fire times before a change, or from it on, not too many."""
    for around in _AROUND:
        after, until = (at - around - TICK, at - TICK) if before else (at - TICK, at + around)
        found = list(islice(asked.between(after, until), _MOST_NEAR + 1))
        if len(found) <= _MOST_NEAR:
            return found
    return []


def _effects(asked: FireTimes, part: WallClock, zone: ZoneInfo, change: ClockChange) -> Iterator[ClockEffect]:
    """Yield what a policy does to the wall times of a part that are skipped or shown twice."""
    policy = "gap" if change.direction == "forward" else "fold"
    word = part.gap if policy == "gap" else part.fold
    for wall in _walls(asked, part, change):
        on_its_own = FireTimes(part, asked.anchor, asked.key)
        since = wall.replace(tzinfo=None) - EPOCH.replace(tzinfo=None)
        meant = civil_of(zone).instants(since.days * DAY + since.seconds, part.gap, part.fold)
        instants = [instant_at(found) + timedelta(microseconds=wall.microsecond) for found in sorted(meant)]
        if policy == "gap" and word == "after":
            instants = [change.at for _ in instants]
        fire_times = tuple(at for at in instants if on_its_own.has(at) and asked.has(at))
        if fire_times or not instants:
            naive = wall.replace(tzinfo=None)
            yield ClockEffect(
                wall_time=naive,
                fire_times=fire_times,
                policy=f"{policy}={word!r}",
                sentence=sentence(naive, zone, fire_times, policy, word),
            )


def _walls(asked: FireTimes, part: WallClock, change: ClockChange) -> Iterator[datetime]:
    """Yield the wall times of a part that are skipped or shown twice, as if they were UTC, where nothing is."""
    first, last = (wall.replace(tzinfo=UTC) for wall in change.wall_times)
    if isinstance(part, DateTrigger):
        wall = None if part.wall_time is None else part.wall_time.replace(tzinfo=UTC)
        if wall is not None and first <= wall < last:
            yield wall
        return
    if isinstance(part, RRuleTrigger):
        yield from _walls_of_rule(asked, part, change)
        return
    if isinstance(part, CronTrigger):
        twin: Trigger = attrs.evolve(part, timezone=UTC, start_time=None, end_time=None)
    else:
        began = part.start_date or asked.anchor.astimezone(part.timezone).date()
        twin = attrs.evolve(part, timezone=UTC, start_date=began)
    yield from FireTimes(twin, EPOCH, asked.key).between(first - TICK, last - TICK)


def _walls_of_rule(asked: FireTimes, part: RRuleTrigger, change: ClockChange) -> Iterator[datetime]:
    """Yield the same of a recurrence rule.

    Its text may name instants in UTC, so that the offset counts: the one from before the change.
    """
    fixed = timezone(change.offset_before)
    start = (part.start_time or asked.anchor).astimezone(part.timezone).replace(tzinfo=None)
    twin = FireTimes(attrs.evolve(part, timezone=fixed, start_time=start), EPOCH, asked.key)
    first, last = (wall.replace(tzinfo=fixed) for wall in change.wall_times)
    for at in twin.between(first - TICK, last - TICK):
        yield at.astimezone(fixed).replace(tzinfo=UTC)
