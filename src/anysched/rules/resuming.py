"""How a schedule goes on after a pause (rules P5 to P9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import attrs

from anysched.errors import TriggerError
from anysched.model.change import Change, QueuedFate
from anysched.model.events import FireTimesSkipped, ScheduleUnpaused
from anysched.model.job import Job
from anysched.model.occurrence import Occurrence
from anysched.model.options import EffectiveOptions
from anysched.model.pause import Pause
from anysched.model.policies import CatchUp, CoalescePolicy, Missed, ResumeFrom, SkipReason
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.state import ScheduleState
from anysched.model.unpaused import UnpauseResult
from anysched.rules.firing import moved
from anysched.rules.jobs import regular_job
from anysched.rules.picking import Pick, Span, pick_due, settled, singly, standing, waiting
from anysched.rules.setting_aside import failed
from anysched.rules.times import BEGINNING, TICK, FireTimes, spaced
from anysched.rules.waiting import begun
from anysched.rules.windows import fire_times

#: What the words that ask for jobs are short for.
_ASKED_FOR: Final[Mapping[Missed, CatchUp]] = {"run_once": CatchUp("latest"), "run_all": CatchUp("all")}

#: Some fire times of a schedule: all of these from one to another, which are among them.
_Stretch = tuple[FireTimes, datetime, datetime]


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
    if state.error is not None:  # nothing can be asked of its trigger
        change = Change(schedule_id=snapshot.id, state=state.with_pauses(()))
    elif snapshot.fault is not None:
        change = failed(_unpaused(snapshot), snapshot.fault)
    else:
        try:
            change = _restarted(snapshot, options, how, limit, ended)
        except TriggerError as exc:
            change = failed(_unpaused(snapshot), str(exc))
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
        kind=ended.kind,
    )
    return Change(
        schedule_id=snapshot.id,
        state=change.state,
        jobs=change.jobs,
        queued=_held_fate(state.pauses, how),
        events=(event, *change.events),
        skips=change.skips,
        unpaused=result,
    )


def _unpaused(snapshot: ScheduleSnapshot) -> ScheduleSnapshot:
    return attrs.evolve(snapshot, state=attrs.evolve(snapshot.state, pauses=()))


def _restarted(
    snapshot: ScheduleSnapshot, options: EffectiveOptions, how: Resume, limit: int, ended: Pause
) -> Change:
    schedule, now = snapshot.schedule, how.now
    restart = restart_from(snapshot, how)
    times, cursor, skipped, named = restart.times, restart.cursor, restart.skipped, restart.occurrences
    asked = _asked_for(how.missed)
    jobs: list[Job] = []
    for own, fire_time in restart.chosen:
        spacing = None if asked is None else asked.spacing
        start = None if spacing is None else spaced(now, spacing, len(jobs))
        jobs.append(
            regular_job(
                snapshot,
                options,
                fire_time,
                own.due_at(fire_time),
                now,
                run_at=start,
                deadline_from=start or now,
            )
        )
    room = limit - len(jobs)
    if room > 0 and begun(snapshot, jobs) is None:  # else nothing is due before those have ended (rule S9)
        due_at = None if cursor is None else times.due_at(cursor)
        late = pick_due(schedule, times, cursor, due_at, named, options, now, room)
        jobs += [regular_job(snapshot, options, found, times.due_at(found), now) for found in late.chosen]
        cursor, skipped, named = late.cursor, (*skipped, *late.skipped), late.occurrences
    return moved(snapshot, options, times, Pick((), skipped, cursor, named), jobs, now, ended)


def report(change: Change) -> UnpauseResult:
    """Return what a change tells about the resume that it is (rule P9)."""
    assert change.state is not None
    skips = [event for event in change.events if isinstance(event, FireTimesSkipped)]
    return UnpauseResult(
        schedule_id=change.schedule_id,
        status=change.state.status,
        next_fire_time=change.state.next_fire_time,
        jobs=tuple(job.id for job in change.jobs),
        start_times=tuple(max(job.run_at, job.created_at) for job in change.jobs),
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
    state = snapshot.state
    if state.waiting is not None and _asked_for(how.missed) is not None:
        # What was moved is left for after the end of a job (rule S9).
        how = attrs.evolve(how, missed="policy")
    at, missed = how.at, how.missed
    named = state.occurrences
    old, frozen = fire_times(snapshot.schedule, state), state.next_fire_time
    start = begins_anew(state, how)
    if start is None:
        times, cursor = old, frozen
    else:
        times = fire_times(snapshot.schedule, state, anchor=start)
        cursor = _first_unfired(times, start, state)
    if state.waiting is not None:  # the end of a job says what is next
        cursor = None
    passed: list[_Stretch] = []
    rest = frozen
    if missed != "policy":
        if start is not None and (last := _last_missed(old, frozen, start, at)) is not None:
            passed.append((old, *last))
            rest = old.next(last[1])
        if (last := _last_missed(times, cursor, at, at)) is not None:
            passed.append((times, *last))
            cursor = times.next(last[1])
    chosen, skipped = _chosen(passed, _asked_for(missed), snapshot.schedule.max_catchup, at)
    if start is not None and rest is not None and rest < start:
        skipped.append(Span(SkipReason.paused, old, rest, start - TICK))
    restart = Restart(times, cursor, chosen, skipped)
    return _with_named(restart, snapshot, how, start) if named else restart


def begins_anew(state: ScheduleState, how: Resume) -> datetime | None:
    """Return the instant from which on fire times are counted anew; None if the old ones go on (rules P5 to P7)."""
    start, frozen = how.at if how.resume_from == "now" else how.resume_from, state.next_fire_time
    if start is not None and frozen is not None and start < frozen and how.resume_from != "now":
        return None
    return start


def _with_named(restart: Restart, snapshot: ScheduleSnapshot, how: Resume, start: datetime | None) -> Restart:
    """Add what becomes of the fire times that were skipped or moved by name (rule O5).

    Moved ones are missed by their new instants, and given up when these lie before ``start``. What was asked for about
    fire times from ``start`` on stands if they are fire times still.
    """
    named, times = snapshot.state.occurrences, restart.times
    asked = _asked_for(how.missed)
    missed = [] if how.missed == "policy" else waiting(named, how.at)
    given_up = [] if start is None else [found for found in waiting(named, start) if found not in missed]
    if asked is None:
        given_up += missed
    elif asked.max_age is not None:
        given_up += waiting(named, how.at - min(asked.max_age, how.at - BEGINNING))
    together = [*restart.chosen, *((times, found) for found in missed if found not in given_up)]
    together.sort(key=lambda one: one[0].due_at(one[1]))
    most, reason = 1, SkipReason.coalesced
    if asked is not None and asked.coalesce is CoalescePolicy.all:
        most, reason = asked.max_jobs or snapshot.schedule.max_catchup, SkipReason.catchup_limit
    chosen, others = together[-most:], together[:-most]
    if asked is not None and asked.coalesce is CoalescePolicy.earliest:
        chosen, others = together[:1], together[1:]
    into = chosen[0][1] if chosen and reason is SkipReason.coalesced else None
    skipped = [
        *(restart.skipped if into is None else standing(restart.skipped, [into])),
        *singly(SkipReason.paused, times, given_up),
        *(Span(reason, own, found, found, into) for own, found in others),
    ]
    left = settled(named, {*missed, *given_up}, {found for _, found in chosen})
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


def _asked_for(missed: Missed) -> CatchUp | None:
    """Return which jobs are asked for beyond the rules of the schedule, None for none."""
    return missed if isinstance(missed, CatchUp) else _ASKED_FOR.get(missed)


def _chosen(
    passed: Sequence[_Stretch], asked: CatchUp | None, max_catchup: int, at: datetime
) -> tuple[list[tuple[FireTimes, datetime]], list[Span]]:
    """Return the missed fire times that get a job, and those that do not."""
    if asked is None:
        return [], [Span(SkipReason.paused, *stretch) for stretch in passed]
    skipped: list[Span] = []
    if asked.max_age is not None:
        passed, skipped = _aged(passed, at - min(asked.max_age, at - BEGINNING))
    if asked.coalesce is CoalescePolicy.earliest:
        chosen, others = _earliest(passed)
    elif asked.coalesce is CoalescePolicy.latest:
        chosen, others = _latest(passed, 1, SkipReason.coalesced)
    else:
        chosen, others = _latest(passed, asked.max_jobs or max_catchup, SkipReason.catchup_limit)
    return chosen, [*skipped, *others]


def _aged(passed: Sequence[_Stretch], since: datetime) -> tuple[list[_Stretch], list[Span]]:
    """Return the fire times that were due from an instant on, and the others, which are given up."""
    kept: list[_Stretch] = []
    skipped: list[Span] = []
    for times, first, last in passed:
        young = times.first_due(first, since)
        if young is None or young > last:
            skipped.append(Span(SkipReason.paused, times, first, last))
        else:
            skipped.append(Span(SkipReason.paused, times, first, young - TICK))
            kept.append((times, young, last))
    return kept, skipped


def _earliest(passed: Sequence[_Stretch]) -> tuple[list[tuple[FireTimes, datetime]], list[Span]]:
    """Return the first fire time, if any, and the others."""
    chosen = [(times, first) for times, first, _ in passed[:1]]
    skipped = [
        Span(SkipReason.coalesced, times, second, last, first)
        for times, first, last in passed[:1]
        if (second := times.next(first)) is not None
    ]
    into = chosen[0][1] if chosen else None
    return chosen, [*skipped, *(Span(SkipReason.coalesced, *stretch, into) for stretch in passed[1:])]


def _latest(
    passed: Sequence[_Stretch], most: int, reason: SkipReason
) -> tuple[list[tuple[FireTimes, datetime]], list[Span]]:
    """Return the latest fire times, at most so many, in order; and the others."""
    chosen: list[tuple[FireTimes, datetime]] = []
    skipped: list[Span] = []
    for times, first, last in reversed(passed):
        tail = times.tail(first, last, most - len(chosen)) if len(chosen) < most else []
        chosen = [*((times, fire_time) for fire_time in tail), *chosen]
        into = chosen[0][1] if chosen and reason is SkipReason.coalesced else None
        skipped.insert(0, Span(reason, times, first, tail[0] - TICK if tail else last, into))
    return chosen, skipped
