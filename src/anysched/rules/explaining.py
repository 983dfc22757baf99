"""Why a schedule did or did not run at an instant, or what will happen then: in one sentence (rule G2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo

import attrs

from anysched.errors import TriggerError
from anysched.model.history import FireTime
from anysched.model.policies import JobKind, ScheduleStatus, SkipReason
from anysched.rules.foreseeing import foresee, times_of
from anysched.rules.outlooks import Outlook
from anysched.rules.telling import Known, first_times, tell
from anysched.rules.times import FireTimes
from anysched.rules.wording import Words

#: So many fire times are looked at to find what is next: as many as can be named, and a few more.
_AHEAD = 10


@attrs.frozen(kw_only=True)
class Question:
    """What is to be explained.

    :ivar at: the instant; None for what is next
    :ivar timezone: the time zone in which times are told
    :ivar running: how many jobs of the task are running; None if that does not matter
    """

    known: Known
    at: datetime | None
    timezone: tzinfo
    running: int | None = None


def explain(question: Question) -> str:
    """Return one sentence."""
    words = Words(question.known, question.timezone, question.running)
    if question.known.snapshot.fault is not None and question.at is None:
        return words.unreadable()
    try:
        return _of_next(question.known, words) if question.at is None else _of(question, question.at, words)
    except TriggerError as exc:
        return words.broken(exc)


def _of_next(known: Known, words: Words) -> str:
    if known.snapshot.state.error is not None:
        return words.set_aside()
    cursor = known.snapshot.state.next_fire_time  # jitter or a window may put it off
    start = known.now if cursor is None else min(cursor, known.now)
    outlook = Outlook(now=known.now, start=start, end=None, most=_AHEAD)
    ahead = [one for one in foresee(known.snapshot, known.options, outlook) if one.kind is None]
    for status in ("late", "planned", "paused", "missed"):
        if found := [one for one in ahead if one.status == status]:
            return words.sentence(min(found, key=lambda one: one.due_at or one.first))
    if known.snapshot.state.waiting is not None:
        return words.waits()
    left_out = [one for one in ahead if one.reason is SkipReason.window and one.last > known.now]
    return words.finished(left_out[0] if left_out else None)


def _of(question: Question, at: datetime, words: Words) -> str:
    known = question.known
    told = tell(known, at, at, 1)
    moved_here = [one.fire_time for one in known.snapshot.state.occurrences if one.waits_for == at]
    if not told and moved_here:
        told = [one for one in tell(known, moved_here[0], moved_here[0], 1) if one.due_at == at]
    single = [one for one in told if one.first == one.last]
    if single:
        return _of_several(single, words, at)
    covering = [one for one in told if at in (one.first, one.last)]
    if covering:
        return words.sentence(covering[-1], at)
    if known.snapshot.fault is not None:
        return words.unreadable()
    if at < known.added:
        return words.before_it_was_added()
    if known.snapshot.schedule.fixed_delay and not told:
        return _of_a_delayed(known, at, words)
    times = times_of(known.snapshot) if at >= known.snapshot.state.anchor else first_times(known)
    if not times.has(at):
        return words.no_fire_time(*_nearest(times, known, at))
    if told:
        return words.sentence(told[-1], at)
    if known.snapshot.status is ScheduleStatus.error and at > known.now:
        return words.set_aside()
    return words.unknown()


def _of_a_delayed(known: Known, at: datetime, words: Words) -> str:
    """Tell of an instant of which nothing is known, where fire times are counted from the ends of runs (rule S9)."""
    state = known.snapshot.state
    if state.error is not None and at > known.now:
        return words.set_aside()
    if at <= known.now:
        return words.unknown()
    if state.waiting is not None:
        return words.waits()
    return words.finished() if known.snapshot.status is ScheduleStatus.finished else words.depends_on_runs()


def _of_several(told: Sequence[FireTime], words: Words, at: datetime) -> str:
    """Tell what is most about the fire time itself: the latest of its own job and those of backfills, if it has any.

    What became of it before a backfill ran it is told as well.
    """
    own = [one for one in told if one.kind in (None, JobKind.regular) and one.status != "unknown"]
    backfills = [one for one in told if one.kind is JobKind.backfill]
    made = [one for one in backfills if one.job_id is not None]
    if not backfills:
        return words.sentence((own or told)[-1], at)
    latest = max(made or backfills, key=lambda one: (one.due_at is None, one.due_at or one.first))
    return words.sentence(latest, at, before=own[-1] if own else None)


def _nearest(times: FireTimes, known: Known, at: datetime) -> Iterable[datetime]:
    """Return the fire times before and after an instant, as far as there are any."""
    first = times.first(known.added)
    if first is not None and first < at:
        yield times.last(first, at)
    following = times.next(at)
    if following is not None:
        yield following
