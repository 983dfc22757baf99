"""What is to come of fire times, by the very decisions that will be made about them (rule G2)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice

import attrs

from anysched.errors import TriggerError
from anysched.model.history import FireTime
from anysched.model.occurrence import Occurrence
from anysched.model.options import EffectiveOptions
from anysched.model.pause import Pause
from anysched.model.policies import FireTimeStatus, ScheduleStatus, SkipReason
from anysched.model.snapshot import ScheduleSnapshot
from anysched.rules.outlooks import Fate, Outlook, of_skip, span, stretch
from anysched.rules.pausing import after, settle, settle_and_fire
from anysched.rules.resuming import Resume, begins_anew
from anysched.rules.setting_apart import (
    Part,
    left_out_by,
    left_to_backfills,
    put_off,
    until_the_last,
    will_leave_out,
)
from anysched.rules.times import END, TICK, FireTimes, earlier
from anysched.rules.windows import fire_times


def times_of(snapshot: ScheduleSnapshot) -> FireTimes:
    """Return the fire times that the cursor of a schedule goes through."""
    return fire_times(snapshot.schedule, snapshot.state)


def foresee(snapshot: ScheduleSnapshot, options: EffectiveOptions, outlook: Outlook) -> list[FireTime]:
    """Tell of the fire times from the cursor on, and of those that were skipped or moved by name; in no order.

    Late and missed ones are told as spans, as a whole, and what windows leave out span by span. Nothing is told of a
    schedule that cannot be read on this node, and nothing else of one that is finished.

    :raise TriggerError: when its trigger does not work
    """
    if snapshot.fault is not None:
        return []
    return [*left_to_backfills(snapshot, outlook), *_of_the_schedule(snapshot, options, outlook)]


def _of_the_schedule(
    snapshot: ScheduleSnapshot, options: EffectiveOptions, outlook: Outlook
) -> list[FireTime]:
    state, now = snapshot.state, outlook.now
    if state.error is not None:
        return _set_aside(snapshot, now)
    if state.status is ScheduleStatus.finished:
        return _in_windows(snapshot, times_of(snapshot), (), outlook)
    pause = state.pause
    if pause is not None and not pause.is_over(now):
        return _while_paused(snapshot, options, pause, outlook)
    change = settle(snapshot, attrs.evolve(options, recorded=True), now)
    resumed = [
        FireTime(first=found, last=found, status="late", due_at=job.run_at)
        for job in change.jobs
        if (found := job.scheduled_fire_time) is not None
    ]
    return [*resumed, *map(of_skip, change.skips), *_active(after(snapshot, change), options, outlook)]


def _set_aside(snapshot: ScheduleSnapshot, now: datetime) -> list[FireTime]:
    """Tell of what has passed since the schedule stands still, as far as its trigger says."""
    fate = Fate("missed", snapshot.state.error)
    try:
        times = times_of(snapshot)
        missed = stretch(times, snapshot.state.next_fire_time, now, fate)
        return [*missed, *left_out_by(snapshot, times, now)]
    except TriggerError:
        return []


def _active(snapshot: ScheduleSnapshot, options: EffectiveOptions, outlook: Outlook) -> list[FireTime]:
    state, now, times = snapshot.state, outlook.now, times_of(snapshot)
    told = [_named(one, now) for one in state.occurrences if not one.settled]
    if state.waiting is not None:
        return told
    cursor = state.next_fire_time
    if cursor is not None and (last := times.last_due(cursor, now)) is not None:
        told.append(span(times, cursor, last, "late"))
        cursor = times.next(last)
    if snapshot.schedule.fixed_delay:
        outlook = _up_to_the_run(snapshot, outlook)
    planned = _planned(snapshot, options, cursor, outlook)
    return [*told, *planned, *_in_windows(snapshot, times, planned, outlook)]


def _up_to_the_run(snapshot: ScheduleSnapshot, outlook: Outlook) -> Outlook:
    """Return the part of what is to come that is known: from the end of the next run on, all is counted anew (S9)."""
    state = snapshot.state
    next_run = outlook.now if state.next_fire_time is None else max(state.next_fire_time, outlook.now)
    return attrs.evolve(outlook, end=next_run if outlook.end is None else min(outlook.end, next_run))


def _in_windows(
    snapshot: ScheduleSnapshot,
    times: FireTimes,
    others: Iterable[FireTime],
    outlook: Outlook,
    parts: Callable[[datetime, datetime], list[Part]] | None = None,
) -> list[FireTime]:
    """Tell of what windows leave out: what is not counted yet, and what is to come.

    :param others: what else is to come
    :param parts: the fire times after an instant and up to another, if they are not all of one anchor
    """
    if snapshot.state.windowed_until is None or snapshot.state.waiting is not None:
        return []
    since = max(outlook.now, earlier(outlook.start, TICK))
    until = until_the_last(others, outlook, END)
    ahead = [(times, since, until)] if parts is None else parts(since, until)
    return [*left_out_by(snapshot, times, outlook.now), *will_leave_out(ahead, outlook.most)]


def _named(named: Occurrence, now: datetime) -> FireTime:
    """Tell of a fire time that was skipped or moved by name, in a schedule that nothing pauses."""
    if named.moved_to is None:
        return _skipped(named)
    return _moved(named, "late" if named.moved_to <= now else "planned")


def _skipped(named: Occurrence) -> FireTime:
    return FireTime(
        first=named.fire_time,
        last=named.fire_time,
        status="skipped",
        reason=SkipReason.requested,
        why=named.reason,
        by=named.by,
    )


def _moved(named: Occurrence, status: FireTimeStatus) -> FireTime:
    return FireTime(
        first=named.fire_time,
        last=named.fire_time,
        status=status,
        due_at=named.moved_to,
        why=named.reason,
        by=named.by,
    )


def _planned(
    snapshot: ScheduleSnapshot,
    options: EffectiveOptions,
    cursor: datetime | None,
    outlook: Outlook,
    not_before: datetime | None = None,
) -> list[FireTime]:
    """Tell of fire times to come one by one, with what is coalesced into one that a window puts off.

    :param not_before: when the schedule goes on: what is due before is due then
    """
    planned: list[FireTime] = []
    times = times_of(snapshot)
    found = next(_from(times, cursor, outlook.start), None)
    while found is not None and len(planned) < outlook.most:
        if outlook.end is not None and found > outlook.end:
            break
        together = put_off(snapshot.schedule, options, times, cursor or found, found)
        if together is not None:
            planned += together[0]
            found = together[1]
            continue
        due_at = times.due_at(found)
        if not_before is not None:
            due_at = max(due_at, not_before)
        planned.append(FireTime(first=found, last=found, status="planned", due_at=due_at))
        found = times.next(found)
    return planned


def _from(times: FireTimes, first: datetime | None, start: datetime) -> Iterator[datetime]:
    """Yield fire times, but none before an instant."""
    found = times.first(start) if first is not None and first < start else first
    while found is not None:
        yield found
        found = times.next(found)


@attrs.frozen
class _Resumed:
    """How a schedule goes on at the end of its pause.

    :ivar snapshot: the schedule as it is then
    :ivar starts: fire times that get a job then, and when those start
    :ivar boundary: before this instant lie the fire times that the pause holds back, as they were counted before
    :ivar anew: whether fire times are counted anew from there on (rules P6 and P7)
    """

    snapshot: ScheduleSnapshot
    starts: Mapping[datetime, datetime]
    boundary: datetime
    anew: bool

    @property
    def waiting(self) -> set[datetime]:
        """The fire times that still wait then for what was said of them by name."""
        return {one.fire_time for one in self.snapshot.state.occurrences if not one.settled}


def _resumed(
    snapshot: ScheduleSnapshot, options: EffectiveOptions, pause: Pause, until: datetime
) -> _Resumed:
    change = settle_and_fire(snapshot, options, until, snapshot.schedule.max_catchup)
    resumed = after(snapshot, change)
    starts = {
        found: max(job.run_at, until) for job in change.jobs if (found := job.scheduled_fire_time) is not None
    }
    start = begins_anew(snapshot.state, Resume(until, until, pause.resume_from, pause.missed))
    if start is not None:
        return _Resumed(resumed, starts, max(start, until), anew=True)
    return _Resumed(resumed, starts, resumed.state.next_fire_time or END, anew=False)


def _while_paused(
    snapshot: ScheduleSnapshot, options: EffectiveOptions, pause: Pause, outlook: Outlook
) -> list[FireTime]:
    """Tell of what a pause holds back, and of what comes when it ends."""
    state, now, times = snapshot.state, outlook.now, times_of(snapshot)
    resumed = None if pause.until is None else _resumed(snapshot, options, pause, pause.until)
    starts: Mapping[datetime, datetime] = resumed.starts if resumed else {}
    boundary = resumed.boundary if resumed else END
    waiting = resumed.waiting if resumed else ()
    later = _after_the_pause(resumed, options, pause, outlook) if resumed else []
    # What has passed by the end of the pause may have to wait still, for its jitter or the end of a window.
    run = [(start, start) for start in starts]
    run += [(one.first, one.last) for one in later if one.status != "paused"]
    cursor = state.next_fire_time
    first = next(_from(times, cursor, max(now, outlook.start)), None)
    until = _shown_until(times, cursor, boundary, outlook)
    held_back = stretch(times, first, until, Fate.of("paused", pause), run)

    def parts(since: datetime, until: datetime) -> list[Part]:
        return _counted_with(snapshot, resumed.snapshot if resumed else snapshot, since, until)

    return [
        *(FireTime(first=t, last=t, status="planned", due_at=start) for t, start in starts.items()),
        *(
            _skipped(named) if named.moved_to is None else _held_back(named, pause, waiting, now)
            for named in state.occurrences
            if not named.settled and named.fire_time not in starts
        ),
        *stretch(times, cursor, min(now, boundary), Fate.of("missed", pause), run),
        *held_back,
        *later,
        *_in_windows(snapshot, times, [*held_back, *later], outlook, parts),
    ]


def _counted_with(
    snapshot: ScheduleSnapshot, resumed: ScheduleSnapshot, since: datetime, until: datetime
) -> list[Part]:
    """Return the fire times of which windows count what they leave out, as a resume changes the anchor (rule P6)."""
    old, anchor = times_of(snapshot), resumed.state.anchor
    if anchor == old.anchor:
        return [(old, since, until)]
    new = fire_times(snapshot.schedule, snapshot.state, anchor=anchor)
    change = min(anchor - TICK, resumed.state.windowed_until or END)
    return [(old, since, min(change, until)), (new, max(change, since), until)]


def _after_the_pause(
    resumed: _Resumed, options: EffectiveOptions, pause: Pause, outlook: Outlook
) -> list[FireTime]:
    state, times = resumed.snapshot.state, times_of(resumed.snapshot)
    if state.error is not None or state.waiting is not None:
        return []
    if resumed.snapshot.schedule.fixed_delay:
        outlook = _up_to_the_run(resumed.snapshot, outlook)
    planned = _planned(resumed.snapshot, options, state.next_fire_time, outlook, pause.until)
    if not resumed.anew:
        return planned
    until = state.next_fire_time or END
    if outlook.end is not None:
        until = min(until, outlook.end + TICK if outlook.end < END else END)
    passed_over = stretch(
        times,
        times.first(resumed.boundary),
        until,
        Fate.of("paused", pause),
        [(start, start) for start in resumed.starts],
    )
    return [*passed_over, *planned]


def _held_back(named: Occurrence, pause: Pause, waiting: Collection[datetime], now: datetime) -> FireTime:
    """Tell of a moved fire time of a paused schedule.

    :param waiting: those that wait for their instants still when the pause has ended
    """
    assert named.moved_to is not None
    if named.fire_time in waiting:
        return _moved(named, "planned")
    told = _moved(named, "missed" if named.moved_to < now else "paused")
    return attrs.evolve(told, why=pause.reason, by=pause.by, cause=pause.hold)


def _shown_until(times: FireTimes, cursor: datetime | None, boundary: datetime, outlook: Outlook) -> datetime:
    """Return the instant before which what a pause holds back is told."""
    if outlook.end is not None:
        return min(boundary, outlook.end + TICK if outlook.end < END else END)
    shown = list(islice(_from(times, cursor, max(outlook.now, outlook.start)), outlook.most))
    return min(boundary, shown[-1] + TICK) if shown else boundary
