"""Which fire times a backfill makes jobs for, and which it leaves out (rule F1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Final
from uuid import UUID

import attrs

from anysched.model.backfill import MOST_FIRE_TIMES, LeftOut, Stretch
from anysched.model.history import Record, Retention, RunRecord
from anysched.model.job import Job
from anysched.model.policies import BackfillOrder, JobOutcome, Reprocess
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.state import ScheduleState
from anysched.rules.stretches import Gathering, hold, left_to
from anysched.rules.times import BEGINNING, EPOCH, TICK, FireTimes
from anysched.rules.windows import fire_times

#: What is left of a backfill is kept as so many stretches of fire times in a row at most.
MOST_STRETCHES: Final = 1000


@attrs.frozen(kw_only=True)
class Wanted:
    """What somebody asks for; the instants are in UTC."""

    start: datetime
    end: datetime
    reprocess: Reprocess
    order: BackfillOrder
    max_running: int
    reason: str | None = None
    by: str | None = None


@attrs.frozen(kw_only=True)
class Past:
    """What was read before the decision, which is made upon the same version of the schedule, or not at all.

    Jobs are read before history: one that ends meanwhile is then in both, rather than in neither.

    :ivar version: of the state
    :ivar live: the fire times that a job waits or runs for
    :ivar runs: the fire times that have run, and whether the last run of each ended well
    :ivar known_since: from when on the history holds all that came of fire times
    :ivar found: the fire times of the range, in order
    """

    version: str
    live: frozenset[datetime] = frozenset()
    runs: Mapping[datetime, bool] = attrs.Factory(dict[datetime, bool])
    known_since: datetime = BEGINNING
    found: Sequence[datetime] = ()


@attrs.frozen(kw_only=True)
class Choice:
    """Which fire times get a job.

    :ivar fire_times: these, in order
    :ivar left: the same, as stretches
    :ivar taken: those of them that the schedule has not dealt with (rule F4), as stretches
    :ivar left_out: how many get none, and why
    :ivar unknown: of how many it is not known whether they have run
    """

    fire_times: Sequence[datetime]
    left: tuple[Stretch, ...]
    taken: tuple[Stretch, ...]
    left_out: Mapping[LeftOut, int]
    unknown: int


def check_range(start: datetime, end: datetime, now: datetime) -> None:
    """Refuse a range that is none, or not of the past. :raise ValueError: naming the argument"""
    if end < start:
        raise ValueError(f"end must not lie before start: {end} is before {start}")
    for name, instant in (("start", start), ("end", end)):
        if instant > now:
            raise ValueError(f"{name} must not lie in the future: {instant}")


def check_retention(retention: Retention, reprocess: Reprocess) -> None:
    """Refuse to leave out what has run where nobody can know. :raise ValueError: naming the argument"""
    if retention.history is None and reprocess != "all":
        raise ValueError(
            "reprocess must be 'all': which fire times have run is not known, as Retention(history=None) keeps nothing"
        )


def find(snapshot: ScheduleSnapshot, start: datetime, end: datetime) -> tuple[datetime, ...]:
    """Return the fire times from one instant to another, as the trigger has them now.

    :raise ValueError: when there are none, or too many; those are not stepped through
    :raise TriggerError: when the trigger does not work
    """
    times = whole_times(snapshot)
    after = start - TICK if start > BEGINNING else start
    if hasattr(times.trigger, "count_fire_times"):
        count = times.count(after, end, MOST_FIRE_TIMES)
        if count.number > MOST_FIRE_TIMES or not count.exact:
            _refuse(str(count.number) if count.exact else f"more than {MOST_FIRE_TIMES}")
    found = tuple(islice(times.between(after, end), MOST_FIRE_TIMES + 1))
    if len(found) > MOST_FIRE_TIMES:
        _refuse(f"more than {MOST_FIRE_TIMES}")
    if not found:
        following = times.next(end)
        hint = "" if following is None else f"; the next one is {following}"
        raise ValueError(f"schedule {snapshot.id!r} has no fire time from start {start} to end {end}{hint}")
    return found


def _refuse(number: str) -> None:
    raise ValueError(
        f"there are {number} fire times from start to end, and a backfill takes {MOST_FIRE_TIMES} at most: "
        "ask for a shorter time"
    )


def whole_times(snapshot: ScheduleSnapshot) -> FireTimes:
    """Return all fire times of a schedule, whatever became of them."""
    return FireTimes.of(snapshot.schedule, snapshot.state.anchor)


def live_in(jobs: Iterable[Job], incarnation: UUID) -> frozenset[datetime]:
    """Return the fire times that jobs of one life of a schedule wait or run for."""
    return frozenset(
        job.scheduled_fire_time
        for job in jobs
        if job.incarnation == incarnation and job.scheduled_fire_time is not None
    )


def runs_in(records: Iterable[Record]) -> dict[datetime, bool]:
    """Return the fire times that have run, and whether the last run of each ended well.

    A job that never started is no run: it missed its deadline, was cancelled, or was discarded.
    """
    last: dict[datetime, RunRecord] = {}
    for record in records:
        if not isinstance(record, RunRecord) or record.fire_time is None or not _has_run(record):
            continue
        known = last.get(record.fire_time)
        if known is None or known.finished_at <= record.finished_at:
            last[record.fire_time] = record
    return {fire_time: record.outcome is JobOutcome.success for fire_time, record in last.items()}


def _has_run(record: RunRecord) -> bool:
    started = record.started_at is not None or record.attempt > 1
    return started or record.outcome is JobOutcome.abandoned


def known_since(
    state: ScheduleState, retention: Retention, latest: Sequence[Record], now: datetime
) -> datetime:
    """Return from when on the history holds all that came of fire times (rule G3).

    Nothing came of any before the schedule was added.

    :param latest: its latest records, as many as are kept
    """
    since = added_at(state)
    if retention.history is not None:
        since = max(since, now - min(retention.history, now - BEGINNING))
    if len(latest) >= retention.most:
        since = max(since, latest[0].last + TICK)
    return since


def added_at(state: ScheduleState) -> datetime:
    """Return when this life of a schedule began, to the millisecond: its id tells."""
    return EPOCH + (state.incarnation.int >> 80) * 1000 * TICK


def choose(snapshot: ScheduleSnapshot, wanted: Wanted, past: Past, now: datetime) -> Choice:
    """Choose among the fire times that were found (rule F1)."""
    state, cursor = snapshot.state, snapshot.state.next_fire_time
    named = {occurrence.fire_time for occurrence in state.occurrences}
    waiting = _to_come(snapshot, past.found, now)
    chosen: list[datetime] = []
    left_out: dict[LeftOut, int] = {}
    earlier = left_to(state.backfills)
    left = Gathering()
    taken = Gathering()
    for fire_time in past.found:
        why: LeftOut | None = None
        if fire_time in past.live:
            why = "live"
        elif fire_time in named:
            why = "named"
        elif fire_time in waiting:
            why = "to_come"
        elif wanted.reprocess != "all" and (ended_well := past.runs.get(fire_time)) is not None:
            why = "has_run" if wanted.reprocess == "none" or ended_well else None
        if why is None:
            chosen.append(fire_time)
        else:
            left_out[why] = left_out.get(why, 0) + 1
        left.add(fire_time, why is None)
        taken.add(fire_time, why is None and _is_open(fire_time, cursor, earlier))
    if len(left.found) > MOST_STRETCHES:
        raise ValueError(
            f"with reprocess={wanted.reprocess!r} the fire times from start to end fall into {len(left.found)} "
            f"stretches, and a backfill takes {MOST_STRETCHES} at most: ask for a shorter time, or reprocess 'all'"
        )
    unknown = 0
    if wanted.reprocess != "all":
        since = added_at(state)
        unknown = sum(since <= one < past.known_since and one not in past.runs for one in chosen)
    return Choice(
        fire_times=chosen,
        left=tuple(left.found),
        taken=tuple(taken.found),
        left_out=left_out,
        unknown=unknown,
    )


def _is_open(fire_time: datetime, cursor: datetime | None, earlier: Sequence[Stretch]) -> bool:
    """Return whether a schedule has not dealt with a fire time, nor left it to an earlier backfill."""
    return cursor is not None and fire_time >= cursor and not hold(earlier, fire_time)


def _to_come(snapshot: ScheduleSnapshot, found: Sequence[datetime], now: datetime) -> frozenset[datetime]:
    """Return the fire times whose turn is still to come, by their jitter or a window that puts them off."""
    state = snapshot.state
    cursor = state.next_fire_time
    if cursor is None or (snapshot.schedule.max_jitter is None and not state.windows):
        return frozenset()
    times = fire_times(snapshot.schedule, state)
    waiting: set[datetime] = set()
    for fire_time in reversed(found):
        if fire_time < cursor or times.due_at(fire_time) <= now:
            break  # none is due later than a following one
        waiting.add(fire_time)
    return frozenset(waiting)
