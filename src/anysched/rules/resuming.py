"""How a schedule goes on after a pause (rules P5 to P9)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import attrs

from anysched.errors import TriggerError
from anysched.model.change import Change, QueuedFate
from anysched.model.events import FireTimesSkipped, ScheduleUnpaused
from anysched.model.occurrence import Occurrence
from anysched.model.options import EffectiveOptions
from anysched.model.policies import Missed, ResumeFrom, SkipReason
from anysched.model.schedule import Pause, ScheduleSnapshot, ScheduleState, UnpauseResult
from anysched.rules.firing import failed, moved
from anysched.rules.jobs import regular_job
from anysched.rules.picking import Pick, Span, pick_due, settled, singly, waiting
from anysched.rules.times import TICK, FireTimes


@attrs.frozen
class Resume:
    """How a pause ends.

    :ivar at: the instant from which on the schedule counts as resumed
    :ivar now: the present, which is later where a pause ended by itself
    :ivar resume_from: where the schedule goes on
    :ivar missed: what becomes of the fire times that were due before ``at``
    """

    at: datetime
    now: datetime
    resume_from: ResumeFrom
    missed: Missed


@attrs.frozen
class Restart:
    """Where a schedule goes on after a pause, and what becomes of the fire times that it missed.

    :ivar times: the fire times from then on
    :ivar cursor: the first of them
    :ivar chosen: missed fire times that get a job all the same, in order, each with those it is one of
    :ivar skipped: missed fire times that get none
    :ivar occurrences: what is left of the fire times that were skipped or moved by name
    """

    times: FireTimes
    cursor: datetime | None
    chosen: Sequence[tuple[FireTimes, datetime]]
    skipped: Sequence[Span]
    occurrences: Sequence[Occurrence] = ()


def resume(snapshot: ScheduleSnapshot, options: EffectiveOptions, how: Resume, limit: int) -> Change:
    """End a pause, then do what is due by now; that makes no more jobs than ``limit`` leaves room for."""
    state, ended = snapshot.state, snapshot.state.pause
    assert ended is not None
    unpaused = attrs.evolve(snapshot, state=attrs.evolve(state, pauses=()))
    if state.error is not None:  # nothing can be asked of its trigger
        new = attrs.evolve(unpaused.state, revision=state.revision + 1)
        change = Change(schedule_id=snapshot.id, state=new)
    elif snapshot.fault is not None:
        change = failed(unpaused, snapshot.fault)
    else:
        try:
            change = _restarted(snapshot, options, how, limit)
        except TriggerError as exc:
            change = failed(unpaused, str(exc))
    result = report(change)
    event = ScheduleUnpaused(
        snapshot.id,
        snapshot.task_id,
        since=ended.since,
        until=ended.until,
        reason=ended.reason,
        by=ended.by,
        resume_from=how.resume_from,
        missed=how.missed,
        status=result.status,
        next_fire_time=result.next_fire_time,
        jobs=result.jobs,
        skipped=result.skipped,
        skipped_exact=result.skipped_exact,
        hold=ended.hold,
    )
    return attrs.evolve(
        change, queued=_held_fate(state.pauses, how), events=(event, *change.events), unpaused=result
    )


def _restarted(snapshot: ScheduleSnapshot, options: EffectiveOptions, how: Resume, limit: int) -> Change:
    schedule, now = snapshot.schedule, how.now
    restart = restart_from(snapshot, how)
    times, cursor, skipped, named = restart.times, restart.cursor, restart.skipped, restart.occurrences
    jobs = [
        regular_job(snapshot, options, own, fire_time, now, deadline_from=now)
        for own, fire_time in restart.chosen
    ]
    room = limit - len(jobs)
    if room > 0:
        due_at = None if cursor is None else times.due_at(cursor)
        late = pick_due(schedule, times, cursor, due_at, named, options, now, room)
        jobs += [regular_job(snapshot, options, times, fire_time, now) for fire_time in late.chosen]
        cursor, skipped, named = late.cursor, (*skipped, *late.skipped), late.occurrences
    return moved(snapshot, times, Pick((), skipped, cursor, named), jobs, now)


def report(change: Change) -> UnpauseResult:
    """Return what a change tells about the resume that it is (rule P9)."""
    assert change.state is not None
    skips = [event for event in change.events if isinstance(event, FireTimesSkipped)]
    return UnpauseResult(
        schedule_id=change.schedule_id,
        status=change.state.status,
        next_fire_time=change.state.next_fire_time,
        jobs=tuple(job.id for job in change.jobs),
        skipped=sum(number for event in skips for _, number in event.counts),
        skipped_exact=all(event.exact for event in skips),
        pauses=change.state.pauses,
    )


def _held_fate(ended: Sequence[Pause], how: Resume) -> tuple[QueuedFate, ...]:
    """Return what becomes of held jobs (rule P3); under ``resume_from="now"``, "policy" means "skip" (rule P6)."""
    if not any(pause.queued == "hold" for pause in ended):
        return ()
    skips = how.missed == "skip" or (how.missed == "policy" and how.resume_from == "now")
    return ("discard_held",) if skips else ("release",)


def restart_from(snapshot: ScheduleSnapshot, how: Resume) -> Restart:
    """Decide where a schedule goes on, and what becomes of the fire times it missed (rules P5 to P7).

    Any ``missed`` but "policy" speaks of everything from the frozen fire time on that was due before the resume,
    wherever the schedule goes on; what is due at that very instant was not missed.
    """
    state, at, missed = snapshot.state, how.at, how.missed
    named = state.occurrences
    old, frozen = FireTimes.of(snapshot.schedule, state.anchor, named), state.next_fire_time
    start = at if how.resume_from == "now" else how.resume_from
    if start is None or (frozen is not None and start < frozen and how.resume_from != "now"):
        start, times, cursor = None, old, frozen
    else:
        times = FireTimes.of(snapshot.schedule, start, named)
        cursor = _first_unfired(times, start, state)
    spans: list[tuple[FireTimes, datetime, datetime]] = []
    rest = frozen
    if missed != "policy":
        if start is not None and (last := _last_missed(old, frozen, start, at)) is not None:
            spans.append((old, *last))
            rest = old.next(last[1])
        if (last := _last_missed(times, cursor, at, at)) is not None:
            spans.append((times, *last))
            cursor = times.next(last[1])
    chosen, skipped = _chosen(spans, missed, snapshot.schedule.max_catchup)
    if start is not None and rest is not None and rest < start:
        skipped.append(Span(SkipReason.paused, old, rest, start - TICK))
    restart = Restart(times, cursor, chosen, skipped)
    if not named:
        return restart
    return _with_named(restart, named, how, start, snapshot.schedule.max_catchup)


def _with_named(
    restart: Restart, named: Sequence[Occurrence], how: Resume, start: datetime | None, max_catchup: int
) -> Restart:
    """Add what becomes of the fire times that were skipped or moved by name (rule O5).

    Moved ones are missed by their new instants, and given up when these lie before ``start``. What was asked for about
    fire times from ``start`` on stands if they are fire times still.
    """
    times = restart.times
    missed = [] if how.missed == "policy" else waiting(named, how.at)
    given_up = [] if start is None else [found for found in waiting(named, start) if found not in missed]
    most, reason = _how_many(how.missed, max_catchup)
    together = [*restart.chosen, *((times, found) for found in missed)]
    together.sort(key=lambda one: one[0].due_at(one[1]))
    excess = max(0, len(together) - most)
    skipped = [
        *restart.skipped,
        *(Span(reason, own, found, found) for own, found in together[:excess]),
        *singly(SkipReason.paused, times, given_up),
    ]
    chosen = together[excess:]
    left = settled(named, [*missed, *given_up], [found for _, found in chosen])
    if start is not None:
        left = [one for one in left if one.settled or one.fire_time < start or times.has(one.fire_time)]
    return attrs.evolve(restart, chosen=chosen, skipped=skipped, occurrences=left)


def _first_unfired(times: FireTimes, start: datetime, state: ScheduleState) -> datetime | None:
    """Return the first fire time at or after ``start``; never again one that has a job already (rule S3)."""
    last = state.last_fire_time
    return times.first(start) if last is None or last < start else times.next(last)


def _last_missed(
    times: FireTimes, first: datetime | None, end: datetime, at: datetime
) -> tuple[datetime, datetime] | None:
    """Return the first and the last fire time before ``end`` that were due before ``at``, or None."""
    if first is None or first >= min(end, at):
        return None
    last = times.last_due(first, at - TICK)
    if last is not None and last >= end:
        last = times.last(first, end - TICK)
    return None if last is None else (first, last)


def _chosen(
    spans: Sequence[tuple[FireTimes, datetime, datetime]], missed: Missed, max_catchup: int
) -> tuple[list[tuple[FireTimes, datetime]], list[Span]]:
    """Return the missed fire times that get a job: the latest of them, if any; and those that do not."""
    most, reason = _how_many(missed, max_catchup)
    chosen: list[tuple[FireTimes, datetime]] = []
    skipped: list[Span] = []
    for times, first, last in reversed(spans):
        tail = times.tail(first, last, most - len(chosen)) if len(chosen) < most else []
        chosen = [*((times, fire_time) for fire_time in tail), *chosen]
        skipped.insert(0, Span(reason, times, first, tail[0] - TICK if tail else last))
    return chosen, skipped


def _how_many(missed: Missed, max_catchup: int) -> tuple[int, SkipReason]:
    """Return how many missed fire times get a job, and why the others do not."""
    if missed == "run_once":
        return 1, SkipReason.coalesced
    if missed == "run_all":
        return max_catchup, SkipReason.catchup_limit
    return 0, SkipReason.paused
