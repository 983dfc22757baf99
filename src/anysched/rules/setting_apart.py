"""What is told of fire times that do not take their course: windows keep them from running, backfills run them.

Nothing of it is written yet: what windows have left out is told by the function that will count it (rule W2), and what
they put off by the one that will choose among it at the end of the span (rules L1 and W3).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import chain, islice

import attrs

from anysched.errors import TriggerError
from anysched.model.backfill import Backfill, Stretch
from anysched.model.history import FireTime
from anysched.model.options import EffectiveOptions
from anysched.model.policies import JobKind
from anysched.model.schedule import Schedule
from anysched.model.snapshot import ScheduleSnapshot
from anysched.rules.counting import Counted, counted, in_spans, left_out
from anysched.rules.outlooks import Outlook, span
from anysched.rules.picking import pick
from anysched.rules.spans import Exclusion
from anysched.rules.times import FireTimes, RemainingFireTimes

#: Fire times, and of which part of them is told: after the first instant, up to the second.
Part = tuple[FireTimes, datetime, datetime]


def left_out_by(snapshot: ScheduleSnapshot, times: FireTimes, now: datetime) -> list[FireTime]:
    """Tell of fire times up to now that windows have left out, and that are not counted yet."""
    return [_skipped(one) for one in left_out(snapshot, times, now)]


def will_leave_out(parts: Iterable[Part], most: int) -> list[FireTime]:
    """Tell of fire times that windows leave out, span by span.

    :param most: how many spans are told at most
    """
    found = chain.from_iterable(in_spans(times, after, until) for times, after, until in parts)
    return [_skipped(one) for one in islice(found, most)]


def _skipped(one: Counted) -> FireTime:
    found, count = one
    last = found.first if count.number == 1 and count.exact else found.times.last(found.first, found.last)
    told = FireTime(
        first=found.first,
        last=last,
        number=count.number,
        exact=count.exact,
        status="skipped",
        reason=found.reason,
        into=found.into,
    )
    return told if found.cause is None else _because(told, found.cause)


def _because(told: FireTime, cause: Exclusion) -> FireTime:
    return attrs.evolve(told, cause=cause.cause, why=cause.why, by=cause.by)


def put_off(
    schedule: Schedule, options: EffectiveOptions, times: FireTimes, cursor: datetime, fire_time: datetime
) -> tuple[list[FireTime], datetime | None] | None:
    """Tell of all fire times that become due at the end of a span in which one of them lies.

    :param cursor: nothing before this one is to come
    :return: what becomes of them, and which fire time is next then; None if nothing puts that one off
    """
    if not isinstance(times, RemainingFireTimes) or times.exclusions is None:
        return None
    cause = times.exclusions.deferring(fire_time)
    around = None if cause is None else times.exclusions.around(fire_time)
    if cause is None or around is None:
        return None
    due_at = times.due_at(fire_time)
    first = times.first(max(cursor, around[0])) or fire_time
    picked = pick(schedule, times, first, due_at, options, due_at, schedule.max_catchup)
    told = [_because(_skipped(one), cause) for one in counted(picked.skipped)]
    for chosen in picked.chosen:
        one = FireTime(first=chosen, last=chosen, status="planned", due_at=due_at)
        why = times.exclusions.deferring(chosen)
        told.append(one if why is None else _because(one, why))
    return sorted(told, key=lambda one: one.first), picked.cursor


def left_to_backfills(snapshot: ScheduleSnapshot, outlook: Outlook) -> list[FireTime]:
    """Tell of the fire times that backfills have not made jobs for yet (rule F2)."""
    return [
        told
        for backfill in snapshot.state.backfills
        for stretch in backfill.left
        if (told := _left(backfill, stretch, outlook)) is not None
    ]


def _left(backfill: Backfill, stretch: Stretch, outlook: Outlook) -> FireTime | None:
    """Tell of those fire times of a stretch that are asked about, if there are any."""
    first, last = stretch
    if last < outlook.start or (outlook.end is not None and first > outlook.end):
        return None
    try:
        times = FireTimes(backfill.trigger, backfill.anchor, backfill.schedule_id)
        if first < outlook.start:
            found = times.first(outlook.start)
            if found is None or found > last:
                return None
            first = found
        if outlook.end is not None and last > outlook.end:
            if first > outlook.end:
                return None
            last = times.last(first, outlook.end)
        told = span(times, first, last, "planned")
    except TriggerError:  # as one that this node cannot read
        number = 1 if first == last else 2
        told = FireTime(first=first, last=last, number=number, exact=first == last, status="planned")
    return attrs.evolve(
        told,
        due_at=None,
        kind=JobKind.backfill,
        cause=str(backfill.id),
        why=backfill.reason,
        by=backfill.by,
    )


def until_the_last(told: Iterable[FireTime], outlook: Outlook, end: datetime) -> datetime:
    """Return up to when windows are told: as far as the other fire times are.

    :param end: if there are fewer of them than asked for
    """
    if outlook.end is not None:
        return outlook.end
    found = [one for one in told if one.last > outlook.now]
    if sum(one.number for one in found) < outlook.most:
        return end
    return max((one.last for one in found), default=end)
